/** Which lines a trace rests on, and what to show there. Plain data in and out; knows no editor. */
import type { Certainty } from '../../server/src/protocol';
import { circled, shortPacket } from './packetText';
import type { NumberedStep, NumberedTrace } from './steps';

/** How a mark looks: a drop is more important than how certain it is. */
export type MarkLook = Certainty | 'dropped';

export interface Mark {
  readonly uri: string;
  /** 0-based. */
  readonly line: number;
  /** The steps that rest on this line, in the order of the walk. */
  readonly steps: readonly NumberedStep[];
  readonly look: MarkLook;
  /** The strongest certainty of the steps that rest on this line first of all; other steps only lean on it. */
  readonly certainty: Certainty;
  readonly text: string;
}

const TEXT_MAX = 160;
const weakness: Readonly<Record<Certainty, number>> = { captured: 0, inferred: 1, assumed: 2 };

/** One mark for every line that is evidence of a step. */
export function traceMarks(trace: NumberedTrace): readonly Mark[] {
  const places = new Map<string, { uri: string; line: number; steps: NumberedStep[]; notes: Note[] }>();
  for (const step of trace.all) {
    step.step.evidence.forEach((evidence, index) => {
      const line = evidence.range.start.line;
      const key = `${line} ${evidence.uri}`;
      const place = places.get(key) ?? { uri: evidence.uri, line, steps: [], notes: [] };
      places.set(key, place);
      if (place.steps.includes(step)) return;
      place.steps.push(step);
      // The packet itself is told once, where the step's first evidence is.
      place.notes.push({ number: circled(step.number), packet: index === 0 ? packetText(step) : '' });
    });
  }
  return [...places.values()].map(({ uri, line, steps, notes }) => {
    const first = steps.filter(({ step }) => step.evidence[0]?.uri === uri && step.evidence[0].range.start.line === line);
    const certainty = strongest(first.length > 0 ? first : steps);
    const dropped = steps.some((s) => s.step.effect === 'dropped');
    return { uri, line, steps, certainty, look: dropped ? 'dropped' : certainty, text: noteText(notes) };
  });
}

function strongest(steps: readonly NumberedStep[]): Certainty {
  return steps.map(({ step }) => step.certainty).reduce((a, b) => (weakness[b] < weakness[a] ? b : a), 'assumed');
}

/** A step's number and, where it is told, the packet. */
interface Note {
  readonly number: string;
  readonly packet: string;
}

function packetText({ step, before }: NumberedStep): string {
  return step.effect === 'dropped' ? '✕' : shortPacket(before, step.packet);
}

/** Steps with the same packet together, as many packets as fit, and every number. */
function noteText(notes: readonly Note[]): string {
  const packets = new Map<string, string>();
  for (const { number, packet } of notes) packets.set(packet, (packets.get(packet) ?? '') + number);
  let text = '';
  for (const [packet, numbers] of packets) {
    const fits = text.length + packet.length <= TEXT_MAX;
    text += (text === '' ? '' : ' · ') + (fits && packet !== '' ? `${numbers} ${packet}` : numbers);
  }
  return text;
}

/** What fits into a gutter: the first number, and whether there are more. */
export function gutterLabel(mark: Mark): string {
  const number = mark.steps[0]?.number ?? 0;
  return mark.steps.length > 1 ? `${number}+` : String(number);
}

import type { Flow } from '../../packet/openflow';
import { fieldOf, storedBits } from '../../packet/fields';
import type { FlowKey } from '../../packet/flow-key';

/** `maybe`: the flow names something that is not understood, or a port without a known number. */
export type Answer = 'yes' | 'no' | 'maybe';

interface Comparison {
  readonly key: string;
  readonly value: bigint;
  readonly mask: bigint;
}

interface Compiled {
  readonly comparisons: readonly Comparison[];
  readonly unsure: boolean;
}

const compiled = new WeakMap<Flow, Compiled>();

function compile(flow: Flow): Compiled {
  const known = compiled.get(flow);
  if (known) return known;
  const comparisons: Comparison[] = [];
  let unsure = false;
  for (const term of flow.match) {
    const field = fieldOf(term.field);
    if (!field || term.unknown || term.portName !== undefined) unsure = true;
    else comparisons.push(...storedBits(field, term.value, term.mask));
  }
  const made = { comparisons, unsure };
  compiled.set(flow, made);
  return made;
}

/** Whether a packet matches a flow; terms that contradict decide even where others are not understood. */
export function matches(flow: Flow, packet: FlowKey): Answer {
  const { comparisons, unsure } = compile(flow);
  for (const { key, value, mask } of comparisons) {
    if (((packet.get(key) ?? 0n) & mask) !== value) return 'no';
  }
  return unsure ? 'maybe' : 'yes';
}

/** Whether two flows have the same place: priority and conditions, however they are spelled. */
export function sameMatch(a: Flow, b: Flow): boolean {
  if (a.priority.value !== b.priority.value) return false;
  const text = (flow: Flow) =>
    compile(flow)
      .comparisons.map(({ key, value, mask }) => `${key}=${value}/${mask}`)
      .sort()
      .join();
  return text(a) === text(b);
}

/** Numbers the steps of a trace in the order of the walk. Plain data in and out; knows no editor. */
import type { PacketView, TraceResult, TraceStep, Walk } from '../../server/src/protocol';

export type Trace = Extract<TraceResult, { readonly kind: 'trace' }>;
export type Direction = 'request' | 'reply';

/** A step with its place in the walk. Numbers start at 1 and go on from the request into the reply. */
export interface NumberedStep {
  readonly number: number;
  readonly direction: Direction;
  readonly step: TraceStep;
  /** The packet as it came in; undefined at the first step, before which there is none. */
  readonly before: PacketView | undefined;
  readonly children: readonly NumberedStep[];
}

export interface NumberedTrace {
  readonly trace: Trace;
  readonly request: readonly NumberedStep[];
  readonly reply: readonly NumberedStep[];
  /** Every step in the order of its number. */
  readonly all: readonly NumberedStep[];
}

/** Numbers every step, parents before what happens inside them. */
export function numberTrace(trace: Trace): NumberedTrace {
  const all: NumberedStep[] = [];
  let next = 1;
  const visit = (steps: readonly TraceStep[], direction: Direction, entering: PacketView | undefined): NumberedStep[] => {
    let before = entering;
    return steps.map((step) => {
      const number = next++;
      const numbered: NumberedStep[] = [];
      const whole: NumberedStep = { number, direction, step, before, children: numbered };
      all.push(whole);
      numbered.push(...visit(step.steps, direction, before));
      // After a branch that ended, its sibling is another copy of the packet that came in.
      before = ended(step) ? entering : step.packet;
      return whole;
    });
  };
  const walk = (part: Walk | null, direction: Direction): readonly NumberedStep[] =>
    part === null ? [] : visit(part.steps, direction, undefined);
  const request = walk(trace.request, 'request');
  const reply = walk(trace.reply, 'reply');
  return { trace, request, reply, all };
}

function ended(step: TraceStep): boolean {
  return step.effect === 'dropped' || step.effect === 'delivered' || step.effect === 'exits';
}

import type { Flow } from './openflow';

/** One condition of a flow without its place in the text: `(packet & mask) == value`, on a field by its canonical name. */
export interface FlowBits {
  readonly field: string;
  readonly value: bigint;
  readonly mask: bigint;
  /** The value is a port's name, which only the bridge's numbers resolve; `value` says nothing then. */
  readonly portName?: string;
  /** Written in words that the field table does not know. */
  readonly unknown?: boolean;
}

/**
 * What flows that differ in their numbers and addresses only have in common: the same fields under the same masks, the same
 * actions. A dump of half a million flows has a few hundred.
 */
export interface FlowShape {
  /** Small and unique in this process. */
  readonly id: number;
  /** The fields that such a flow matches, in the order of its text; only the values differ from flow to flow. */
  readonly fields: readonly { readonly field: string; readonly mask: bigint }[];
  /** One such flow: what kinds of actions they have is its; its values say nothing of the others'. */
  sample(): Flow;
}

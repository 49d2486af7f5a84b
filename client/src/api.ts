/** What activate() gives to other extensions and to this one's tests: plain data only. */
import type { Certainty, InventoryResult, TraceParams, TraceResult } from '../../server/src/protocol';
import type { Trace } from './steps';

/** A line of the Walk view as it is shown. */
export interface TreeLine {
  readonly kind: string;
  readonly label: string;
  readonly description: string;
  readonly children: readonly TreeLine[];
}

/** A line of a document that a trace rests on. */
export interface DecoratedLine {
  readonly uri: string;
  /** 0-based. */
  readonly line: number;
  /** The first step that rests on the line, and all of them. */
  readonly number: number;
  readonly numbers: readonly number[];
  readonly text: string;
  readonly certainty: Certainty;
  readonly dropped: boolean;
}

export interface PacketWalkApi {
  trace(params: TraceParams): Promise<TraceResult>;
  currentTrace(): Trace | undefined;
  walkTree(): readonly TreeLine[];
  decorations(): readonly DecoratedLine[];
  clear(): void;
  inventory(): Promise<InventoryResult>;
}

import type { FlowBits, FlowShape } from '../packet/flow-shape';
import type { Flow } from '../packet/openflow';
import type { Source } from './source';

export interface FlowEntry {
  readonly flow: Flow;
  readonly source: Source;
  /** The same flow in other captures of the bridge. */
  readonly again: readonly Source[];
}

/** A place where a flow of a bridge names something. */
export interface FlowNaming {
  /** The flow's place in the sequence. */
  readonly index: number;
  readonly source: Source;
}

/**
 * The flows of a bridge, in the order of their captures, each once. There may be hundreds of thousands: a flow is made when it is
 * asked for, and what can be told from columns (`tableOf`, `priorityOf`, `matchOf`, `inTable`) makes none. `find`, `filter`,
 * `some`, `every` and iterating make every flow that they look at: narrow down by `inTable` and `like` first.
 */
export interface Flows extends Iterable<FlowEntry> {
  readonly length: number;
  /** Finds out what questions about all flows need, in steps of some milliseconds; whoever asks before does it at once. */
  prepare(): Generator<void, void>;
  /** Undefined past the end. */
  at(index: number): FlowEntry | undefined;
  tableOf(index: number): number | string;
  priorityOf(index: number): number;
  shapeOf(index: number): FlowShape | undefined;
  /** What a flow matches, ports' names resolved as far as the bridge's numbers are known. */
  matchOf(index: number): readonly FlowBits[];
  /** The tables that have flows, in the order of their first ones. */
  tables(): readonly (number | string)[];
  /** The flows of a table, in the order of their captures. */
  inTable(table: number | string): ArrayLike<number> & Iterable<number>;
  /**
   * The flows that are like one for which `test` holds: `test` sees one flow of each shape, so it may ask what fields and actions a
   * flow has, but not for values.
   */
  like(test: (flow: Flow) => boolean): readonly number[];
  /** Whether there is any of them. */
  hasLike(test: (flow: Flow) => boolean): boolean;
  /** The flows whose match on a field is exactly that value under that mask. */
  matching(field: string, value: bigint, mask: bigint): readonly number[];
  /** The flows that name a thing in match or actions, by a reference's kind and canonical value, as often as they name it. */
  naming(kind: 'table' | 'ofport' | 'vlan' | 'tun-id' | 'mac' | 'ip', value: string): Iterable<FlowNaming>;
  /**
   * Flows that name another table than their own: for each table from which that table is named, and each shape of flows there, one of
   * them at least.
   */
  jumps(table: string): readonly number[];
  find(test: (entry: FlowEntry) => boolean): FlowEntry | undefined;
  filter(test: (entry: FlowEntry) => boolean): FlowEntry[];
  some(test: (entry: FlowEntry) => boolean): boolean;
  every(test: (entry: FlowEntry) => boolean): boolean;
}

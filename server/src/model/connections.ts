import type { ConntrackEntryFact } from '../captures/netfilter-facts';
import type { Source } from './source';

/** A connection that the kernel (or the datapath of Open vSwitch) tracked when it was captured. */
export interface ConnectionEntry {
  readonly entry: ConntrackEntryFact;
  /** From the datapath of Open vSwitch, whose zones are its own. */
  readonly datapath: boolean;
  readonly source: Source;
}

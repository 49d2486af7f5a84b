import type { NfFamily, NfMatch, NfStatement, NfTargetOptions } from '../captures/netfilter-facts';
import type { Known, Source } from './source';

/** One netfilter table as one capture shows it. */
export interface NfTable {
  readonly name: string;
  /** Of iptables' old back end, or surely not, as the command or iptables-save's first line says. */
  readonly legacy?: boolean;
  readonly family: NfFamily;
  readonly chains: ReadonlyMap<string, NfChain>;
  readonly known: Known;
  /** Interfaces are not shown: rules may be narrower than they read. */
  readonly interfacesHidden: boolean;
  readonly source: Source;
}

export interface NfChain {
  readonly name: string;
  readonly policy: string | undefined;
  /** Of nft's base chains: where and when they run. A chain of iptables has the hook that it is named after. */
  readonly hook?: string;
  readonly priority?: number;
  /** Of chains at the ingress or egress of devices: which ones, where that is said. */
  readonly devices?: readonly string[];
  /** `filter`, `nat`, `route`. */
  readonly type?: string;
  /** Rules of it may be missing in what was captured. */
  readonly partial?: boolean;
  readonly rules: readonly NfRule[];
  readonly source: Source;
}

export interface NfRule {
  readonly number: number;
  readonly matches: readonly NfMatch[];
  /** What nft does before the target, in order. */
  readonly before?: readonly NfStatement[];
  /** The beginning of a rule of nft, which goes on in the next one. */
  readonly part?: boolean;
  /** One of several cases, of which the first that holds is the only one; that one of them did is this condition. */
  readonly settles?: NfMatch;
  readonly target: string | undefined;
  readonly goto: boolean;
  readonly options: NfTargetOptions;
  readonly interfacesHidden: boolean;
  readonly text: string;
  readonly source: Source;
}

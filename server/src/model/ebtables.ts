import type { EbMatch } from '../captures/netfilter-facts';
import type { Known, Source } from './source';

export interface EbTable {
  readonly name: string;
  readonly chains: ReadonlyMap<string, EbChain>;
  readonly known: Known;
  readonly source: Source;
}

export interface EbChain {
  readonly name: string;
  readonly policy: string | undefined;
  readonly rules: readonly EbRule[];
  readonly source: Source;
}

export interface EbRule {
  readonly number: number;
  readonly matches: readonly EbMatch[];
  readonly target: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly text: string;
  readonly source: Source;
}

import type { Known, Source } from './source';

/** A set of ipset(8) and its members. */
export interface Ipset {
  readonly name: string;
  /** `hash:ip,port` … */
  readonly type: string;
  readonly family: 'inet' | 'inet6';
  readonly options: Readonly<Record<string, string>>;
  /** As printed, addresses in lower case; a set may also be known by its members alone. */
  readonly elements: readonly {
    readonly element: string;
    readonly nomatch: boolean;
    /** Its device stands for all whose names begin so. */
    readonly wildcard: boolean;
    readonly source: Source;
  }[];
  /** Whether an element that is not here is not in the set. */
  readonly known: Known;
  readonly source: Source;
}

import type { Source } from './source';

/** A socket that waits for packets. */
export interface Listener {
  /** `tcp`, `udp`, `raw` … */
  readonly protocol: string;
  /** `0.0.0.0` and `::` for every address of a family, `*` for both. */
  readonly ip: string;
  /** Undefined where every port is meant. */
  readonly port: number | undefined;
  readonly dev: string | undefined;
  readonly process: string | undefined;
  /** Whose it is, where that was captured. */
  readonly uid: number | undefined;
  readonly source: Source;
}

/** A socket that takes its peer's packets only. */
export interface ConnectedSocket {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
  readonly peerIp: string;
  readonly peerPort: number;
  readonly source: Source;
}

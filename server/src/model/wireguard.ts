import type { Known, Source } from './source';

/** Whom a device of WireGuard sends to (wg(8)). */
export interface WireGuardPeer {
  /** The key, or what somebody put in its place. */
  readonly name: string;
  readonly key: string | undefined;
  /** The address of the machine that it is on, as far as this one knows. */
  readonly endpoint: string | undefined;
  /** The machine had an endpoint of it when that was captured: without one nothing can be sent to it until it has been heard from. */
  readonly reached: boolean;
  /** The prefixes that are behind it: packets for them are sent to it, and packets from them taken from it alone. */
  readonly allowed: readonly string[];
  readonly source: Source;
}

/** A device of WireGuard. */
export interface WireGuard {
  /** The public key that its peers know it by. */
  readonly key: string | undefined;
  readonly peers: readonly WireGuardPeer[];
  /** How much of its peers, and of what is behind each, was captured. */
  readonly known: Known;
}

import type { CaptureDocument } from '../captures/document';
import type { Network } from '../model/network';

/** One immutable snapshot: every document that was read, and the network that they describe together. */
export interface World {
  readonly documents: ReadonlyMap<string, CaptureDocument>;
  readonly network: Network;
}

/** A piece of a document, in offsets. */
export interface Place {
  readonly uri: string;
  readonly start: number;
  readonly end: number;
}

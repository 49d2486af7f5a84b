import type { CaptureDocument } from '../captures/document';
import type { Network } from '../model/network';

/** One immutable snapshot: every document that was read, and the network that they describe together. */
export interface World {
  readonly documents: ReadonlyMap<string, CaptureDocument>;
  /** Documents of which only the first lines are here: the rest is being read. */
  readonly previews?: ReadonlySet<string>;
  /** Documents that the editor does not hold, read through the file system. */
  readonly streamed?: ReadonlySet<string>;
  readonly network: Network;
}

/** A piece of a document, in offsets. */
export interface Place {
  readonly uri: string;
  readonly start: number;
  readonly end: number;
}

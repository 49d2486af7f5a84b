import type { Certainty, Disposition, Gap, Stage, StepWords } from './base/walk-words';

/** What the client and the server say to each other besides the Language Server Protocol. Plain data only. */

export interface ProtocolPosition {
  readonly line: number;
  readonly character: number;
}
export interface ProtocolRange {
  readonly start: ProtocolPosition;
  readonly end: ProtocolPosition;
}

export type { Certainty, Disposition, Stage };

export interface EvidenceLink {
  readonly uri: string;
  readonly range: ProtocolRange;
  /** The line's text, trimmed, for tooltips. */
  readonly text: string;
}

/** Headers as people write them; a field is absent where the packet has no such header. */
export interface PacketView {
  readonly dl_src?: string;
  readonly dl_dst?: string;
  readonly dl_type?: string;
  readonly dl_vlan?: number;
  readonly tun_id?: string;
  readonly nw_src?: string;
  readonly nw_dst?: string;
  readonly nw_proto?: number;
  readonly nw_ttl?: number;
  readonly tp_src?: number;
  readonly tp_dst?: number;
  readonly icmp_type?: number;
  /** `first`: the packet was cut, and this is its first fragment. */
  readonly ip_frag?: 'first';
}

export interface TraceStep extends StepWords {
  /** The packet as it leaves the step. */
  readonly packet: PacketView;
  readonly evidence: readonly EvidenceLink[];
  readonly steps: readonly TraceStep[];
}

export type TraceGap = Gap;

/** A device of the way whose MTU counts; `overhead` is what tunnels have put around the packet by then. */
export interface TraceMtuLimit {
  readonly host: string;
  readonly namespace: string | null;
  readonly device: string;
  /** Null where it was not captured. */
  readonly mtu: number | null;
  readonly overhead: number;
  /** What put it there: `VXLAN`. */
  readonly by: string | null;
}

/** The longest IP packet that gets through whole, as far as the walk went. */
export interface TraceMtu {
  /** Null where no MTU on the way was captured. */
  readonly bytes: number | null;
  /** In words. */
  readonly summary: string;
  /** Where no longer one passes. */
  readonly at: (TraceMtuLimit & { readonly evidence: readonly EvidenceLink[] }) | null;
  /** Devices whose MTU was not captured. */
  readonly unknown: readonly TraceMtuLimit[];
}

export interface Walk {
  readonly outcome: {
    readonly disposition: Disposition;
    readonly certainty: Certainty;
    readonly at: { readonly host: string | null; readonly device: string; readonly port: string | null };
    readonly summary: string;
  };
  readonly steps: readonly TraceStep[];
  readonly gaps: readonly TraceGap[];
  /** Null where the packet met no device. */
  readonly mtu: TraceMtu | null;
}

export interface TraceParams {
  readonly from: string;
  readonly to: string;
  readonly proto?: 'icmp' | 'tcp' | 'udp' | 'arp';
  readonly sport?: number;
  readonly dport?: number;
  readonly reply?: boolean;
  /** Of the IP packet in bytes, its header included. */
  readonly length?: number;
  /** Nobody may cut it: IPv4's DF bit. */
  readonly dontFragment?: boolean;
}

/** `error`: the question could not be asked (nobody knows such an instance …), in a sentence for people. */
export type TraceResult =
  | { readonly kind: 'trace'; readonly params: TraceParams; readonly request: Walk; readonly reply: Walk | null }
  | { readonly kind: 'error'; readonly message: string };

/** A place where a walk may start or end. `where` is what TraceParams takes. */
export interface Endpoint {
  readonly where: string;
  readonly label: string;
  /** "instance on compute01", "router port qr-2c628d36-76", … */
  readonly description: string;
  readonly detail: string;
  readonly group: 'instance' | 'gateway' | 'dhcp' | 'port' | 'host' | 'address';
}

export interface EndpointsParams {
  readonly uri?: string;
  readonly position?: ProtocolPosition;
}
export interface EndpointsResult {
  readonly starts: readonly Endpoint[];
  readonly destinations: readonly Endpoint[];
  /** The start that the cursor stands on, if any: an Endpoint's `where`. */
  readonly preselected: string | null;
}

/** One capture as the Captures view shows it. */
export interface CaptureItem {
  readonly uri: string;
  readonly range: ProtocolRange;
  readonly kind: string;
  readonly command: string | null;
  readonly host: string | null;
  readonly namespace: string | null;
  readonly records: number;
  readonly errors: number;
  readonly elided: boolean;
  /** True where this kind is recognised but its content is not read yet. */
  readonly unread: boolean;
  /** True while only the first lines of its document are read. */
  readonly reading: boolean;
  /** True where the document is too large for the editor to hand it on, so that it was read through the file system. */
  readonly streamed: boolean;
}
export interface HostItem {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly bridges: readonly string[];
  /** Why captures with other names or none are taken as this host's. */
  readonly reasons: readonly string[];
}
export interface InventoryResult {
  readonly captures: readonly CaptureItem[];
  readonly hosts: readonly HostItem[];
}

export interface ReadFileParams {
  readonly uri: string;
  /** The first byte, and how many. */
  readonly from: number;
  readonly length: number;
}
/** Some of a file's bytes in base64, and what the file is now; undefined where it can't be read. */
export interface ReadFileResult {
  readonly base64?: string;
  /** In bytes. */
  readonly size?: number;
  /** When it was changed last, in milliseconds. */
  readonly changed?: number;
  /** Another one where another file has taken its name; absent where the file system does not tell. */
  readonly identity?: string;
}

/**
 * What the client says besides of a long document that it opens: the text in `textDocument/didOpen` is only its start, the whole has so
 * many characters (UTF-16 code units). The server asks for the rest, so that nobody waits for all of it to come.
 */
export interface OpenedInPieces {
  readonly length: number;
}

export interface ReadTextParams {
  readonly uri: string;
  /** Of the document that was opened; what changed since comes by `textDocument/didChange`. */
  readonly version: number;
  /** The first character, and how many; from the end on, and none, when all of them have come. */
  readonly from: number;
  readonly length: number;
}
/** The text is absent where the document is closed. */
export interface ReadTextResult {
  readonly text?: string;
}

/** Workspace files that may hold captures, found by the client, which alone can see every file system. */
export interface FilesParams {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Whether a trace is on show in the editor: flows then say why they do not take its packet. */
export interface ShownParams {
  readonly shown: boolean;
}

export const methods = {
  /** notification, client → server: ShownParams */
  shown: 'packetWalk/shown',
  /** request, client → server: TraceParams → TraceResult */
  trace: 'packetWalk/trace',
  /** request, client → server: EndpointsParams → EndpointsResult */
  endpoints: 'packetWalk/endpoints',
  /** request, client → server: no params → InventoryResult */
  inventory: 'packetWalk/inventory',
  /** request, server → client: ReadFileParams → ReadFileResult */
  readFile: 'packetWalk/readFile',
  /** request, server → client: ReadTextParams → ReadTextResult */
  readText: 'packetWalk/readText',
  /** notification, client → server: FilesParams */
  files: 'packetWalk/files',
  /** notification, server → client, no params: captures were read anew, views should ask again */
  changed: 'packetWalk/changed',
} as const;

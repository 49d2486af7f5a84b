import type { EbChain, EbTable } from '../model/ebtables';
import type { LinuxBridge } from '../model/linux-bridge';
import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import { UNTRACKED, ZONE_0, type Connection, type ConnectionTable, type CtState, type Tracking, type Zone } from './conntrack';
import { unlessChance, type Choose } from './decide';
import type { EbRun } from './ebtables';
import { isAnswered, type Answer } from './icmp-errors';
import type { IpvsEntry } from './ipvs-connections';
import type { Hook, Moment } from './matches';
import type { Binding, Manip } from './nat';
import type { TableRun } from './netfilter';
import type { IpPacket } from './packet';
import type { InputDecision } from './route-input';
import { addressType } from './address-type';
import type { Lookup } from './routing';

export type Verdict = 'forwarded' | 'local' | 'dropped' | 'rejected' | 'unroutable' | 'ttl-exceeded' | 'insufficient-info';

/** One thing that the stack did. `packet` is the packet after it. */
export type StackEvent =
  | {
      readonly kind: 'table';
      readonly run: TableRun;
      readonly before: IpPacket;
      readonly packet: IpPacket;
      readonly out: string | undefined;
      readonly binding: Binding | undefined;
      readonly nat: string | undefined;
    }
  /** The fragment was put together with the others of its packet. */
  | { readonly kind: 'defragment'; readonly hook: Hook; readonly packet: IpPacket }
  | IpvsTold
  /** A chain of ebtables, of which a rule matched. */
  | {
      readonly kind: 'ebtables';
      readonly table: EbTable;
      readonly chain: EbChain;
      readonly run: EbRun;
      readonly packet: IpPacket;
    }
  | { readonly kind: 'track'; readonly tracking: Tracking; readonly packet: IpPacket }
  | {
      readonly kind: 'translate';
      readonly manip: Manip;
      readonly reply: boolean;
      readonly connection: Connection;
      readonly before: IpPacket;
      readonly packet: IpPacket;
      readonly hook: Hook;
    }
  | { readonly kind: 'route'; readonly lookup: Lookup; readonly packet: IpPacket; readonly again: boolean }
  | { readonly kind: 'refused'; readonly decision: InputDecision & { kind: 'refused' }; readonly packet: IpPacket }
  /** Tables of a hook that were not captured. */
  | {
      readonly kind: 'uncaptured';
      readonly hook: Hook;
      readonly tables: readonly string[];
      readonly all: boolean;
      readonly packet: IpPacket;
      readonly out: string | undefined;
    }
  | {
      readonly kind: 'error';
      readonly error: Answer;
      readonly packet: IpPacket;
      /** Whose address it comes from, where NAT decides that. */
      readonly from: bigint | undefined;
    };

/** What IPVS does. */
export interface IpvsTold {
  readonly kind: 'ipvs';
  /** It hands the packet to a server, or gives an answer the service's address; `open`: nobody knows. */
  readonly what: 'served' | 'answer' | 'refused' | 'dropped' | 'open';
  /** Of an answer. */
  readonly hook?: Hook;
  readonly text: string;
  readonly before: IpPacket;
  readonly packet: IpPacket;
  readonly out: string | undefined;
  readonly evidence: readonly Source[];
  readonly certainty: 'captured' | 'inferred' | 'assumed';
  readonly reason: string | undefined;
  /** The servers, where chance chooses one of several. */
  readonly choices: readonly string[];
}

/** How a packet went through. */
export interface Passage {
  readonly verdict: Verdict;
  /** In words, for verdicts that a rule or a route gave. */
  readonly why: string;
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly packet: IpPacket;
  /** Who gets the frame next: the gateway, or the destination itself on the link. */
  /** `name`: a gateway of which only its name is known, in place of `ip`. */
  readonly nextHop: { readonly device: string; readonly ip: bigint; readonly family: 4 | 6; readonly name?: string } | undefined;
  readonly tracking: Tracking;
  readonly events: readonly StackEvent[];
  /** The way ended at what was not captured or is not modelled: anything may have come of the packet there. */
  readonly undetermined: boolean;
  /** It was longer than a device lets through and might not be cut; the MTU, where it was captured. */
  readonly tooLong?: { readonly device: string; readonly mtu: number | undefined };
  /** IPVS has wrapped a packet in it (IPIP), which comes out where it is for. */
  readonly inside?: IpPacket;
}

/** What is asked: a packet, where it is, and what is known of its connection. */
export interface StackInput {
  readonly namespace: Namespace;
  readonly packet: IpPacket;
  /** Undefined for a packet that this host makes itself. */
  readonly iif: string | undefined;
  /** The device by which this host sends it without asking for a route, as neighbour discovery does (ndisc_send_skb). */
  readonly by?: string;
  /** Whether an address is that of a device which shares the card and leaves its packets to this host's rules (ipvlan, mode l3s). */
  readonly isSharers?: (address: bigint) => boolean;
  /** The device that its route must lead out of. */
  readonly oif?: string;
  /** The VRF that this host sends it in; `passed`: it was handed to the VRF's device, which sends it on (vrf_xmit). */
  readonly vrf?: { readonly name: string; readonly passed: boolean };
  /** The bridge's port that a packet came by whose `iif` is a bridge. */
  readonly physIn?: string;
  /** The bridge that `iif` is a port of: it decides where the frame goes. */
  readonly port?: { readonly bridge: string };
  /** A bridge that hands a frame through the IP hooks (br_netfilter) instead of a device. */
  readonly bridged?: { readonly bridge: string; readonly physIn: string; readonly physOut: string | undefined };
  /** The host's bridges, where they are known. */
  readonly bridges?: ReadonlyMap<string, LinuxBridge>;
  readonly connections: ConnectionTable;
  /** Where the question says it instead of earlier packets. */
  readonly assumed?: { readonly state: CtState; readonly reply: boolean; readonly mark: number };
  readonly uid?: number;
  readonly gid?: number;
  /** The server that IPVS is to choose where chance decides, as its list names it. */
  readonly ipvsServer?: string;
  readonly choose: Choose;
  readonly key: string;
}

export interface Run {
  readonly input: StackInput;
  readonly namespace: Namespace;
  readonly choose: Choose;
  readonly key: string;
  readonly events: StackEvent[];
  packet: IpPacket;
  in: string | undefined;
  out: string | undefined;
  tracking: Tracking | undefined;
  zone: Zone;
  notrack: boolean;
  /** A proxy takes the packet (TPROXY). */
  proxied: TableRun['proxied'];
  /** It goes on through a bridge and still has the proxy's socket, whose owner rules may ask for. */
  keepsSocket: TableRun['proxied'];
  physIn: string | undefined;
  physOut: string | undefined;
  /** The route that the packet has by now. */
  way: Moment['way'];
  /** NAT has turned it elsewhere in PREROUTING, where what comes by lo has a route already. */
  routeLost: boolean;
  /** Where a packet that is made here goes, after what the rules of OUTPUT changed. */
  rerouted: { readonly device: string; readonly found: Lookup & { kind: 'found' } } | undefined;
  /** IPVS has had the packet, and leaves it alone from then on. */
  byIpvs: boolean;
  /** What IPVS does with a packet for one of its servers: set by stack.ts, so that the hooks need not know the way out. */
  readonly carry: Carry;
}

/** Hands a packet to the server of a connection; undefined where that is this host. */
export type Carry = (
  run: Run,
  hook: Hook,
  entry: IpvsEntry,
  told: Pick<IpvsTold, 'text' | 'evidence' | 'certainty' | 'reason' | 'choices'>,
) => Passage | undefined;

export function begin(input: StackInput, carry: Carry): Run {
  return {
    input,
    namespace: input.namespace,
    choose: input.choose,
    key: input.key,
    events: [],
    packet: input.packet,
    in: input.iif,
    out: undefined,
    tracking: undefined,
    zone: ZONE_0,
    notrack: false,
    proxied: undefined,
    keepsSocket: undefined,
    physIn: input.bridged?.physIn ?? input.physIn,
    physOut: undefined,
    way: undefined,
    routeLost: false,
    rerouted: undefined,
    byIpvs: false,
    carry,
  };
}

/** Takes a packet out of connection tracking (ip_vs_notrack): a connection that it began is forgotten. */
export function untrack(run: Run): void {
  const connection = run.tracking?.connection;
  if (connection && !connection.confirmed) connection.dead = true;
  run.tracking = UNTRACKED;
}

/** Where a rule that nobody saw takes the packet: whether it drops it, changes it or sends it elsewhere is open. */
export function lost(run: Run, why: string): Passage {
  return { ...end(run, 'dropped', why), undetermined: true };
}

export function end(run: Run, verdict: Verdict, why: string, nextHop?: Passage['nextHop']): Passage {
  return {
    undetermined: false,
    verdict,
    why,
    in: run.input.iif,
    out: run.out,
    packet: run.packet,
    nextHop,
    tracking: run.tracking ?? UNTRACKED,
    events: run.events,
  };
}

/**
 * What is routed to this host is answered from the address that it was sent to, which must be one of its own; so is what comes from this
 * host itself and was not routed yet, and none goes to a broadcast address (nf_reject_fill_skb_dst, icmp_send).
 */
function hasNoWayBack({ namespace, packet }: Run, error: Answer, hook: Hook | undefined): boolean {
  const type = (ip: bigint) => addressType(namespace, 4, ip, undefined);
  if (packet.family === 6) return false;
  if (hook === 'INPUT') return !('reset' in error) && type(packet.dst) !== 'LOCAL';
  if (hook !== 'PREROUTING') return false;
  if (type(packet.src) === 'BROADCAST') return true;
  // Without any address it is given one like what this host sends.
  return !('reset' in error) && type(packet.src) === 'LOCAL' && type(packet.dst) !== 'LOCAL' && packet.dst !== 0n;
}

/** What goes back to the sender, where something may and a way leads there. `hook`: where a rule makes the answer. */
export function answer(run: Run, error: Answer, hook?: Hook): void {
  const { namespace, packet, key } = run;
  if (hasNoWayBack(run, error, hook)) return;
  const routed = hook !== 'PREROUTING' && !(hook === 'FORWARD' && run.physOut !== undefined);
  const via = { routed, iif: run.in ?? run.input.iif };
  if (isAnswered(packet, error, { namespace, choose: unlessChance(run.choose), key }, via))
    run.events.push({ kind: 'error', error, packet: run.packet, from: inTheNameOf(run) });
}

/**
 * An ICMP error about a packet that NAT gave another destination comes from the one that its sender knows, whoever made it
 * (nf_nat_icmp_reply_translation).
 */
function inTheNameOf({ tracking }: Run): bigint | undefined {
  const connection = tracking?.connection;
  if (!connection) return undefined;
  if (tracking.reply) return connection.sourceNat ? connection.reply.dst : undefined;
  return connection.destinationNat ? connection.original.dst : undefined;
}

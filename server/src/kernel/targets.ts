import type { Namespace } from '../model/namespace';
import type { NfTargetOptions } from '../captures/netfilter-facts';
import { parseIp, parseMac } from '../packet/address';
import type { ArpBody } from './arp';
import type { Moment } from './matches';
import { PROTO, TCP, type IpPacket } from './packet';
import { afterLookup, ANY_SET, inSet } from './ipset';
import { flowOf, type Lookup } from './routing';
import { afterSetTarget } from './ipset-changes';
import { withUnknownChange } from './set-changes';

/** Targets after which the packet goes on in the same chain (iptables-extensions(8)). */
const PASSING = new Set(
  (
    'LOG NFLOG ULOG MARK CONNMARK TCPMSS TCPOPTSTRIP TTL HL DSCP TOS ECN CHECKSUM AUDIT TRACE CLASSIFY CONNSECMARK SECMARK SET ' +
    'RATEEST IDLETIMER LED TEE HMARK CONTINUE'
  ).split(' '),
);

/** What a rule of nft sets without changing what is looked at again on the way. */
const SETS_NOTHING =
  /^(?:meta (?:priority|secmark)|ct (?:helper|label|timeout|event|expectation|secmark)|ip id|ip6 flowlabel|tcp window|tcp option timestamp \w+|udp checksum) set$/;

export function isPassing(target: string): boolean {
  return PASSING.has(target) || SETS_NOTHING.test(target);
}

/** What such a target does was cut out of the captured rule, or written in a way that is not understood. */
export function lacksOption(target: string, options: NfTargetOptions): boolean {
  switch (target) {
    case 'MARK':
    case 'CONNMARK':
      return options.mark === undefined;
    case 'TTL':
    case 'HL':
      return options.ttl === undefined;
    case 'DSCP':
      return options.dscp === undefined;
    case 'TOS':
      return options.tos === undefined;
    case 'TCPMSS':
      return options.mss === undefined;
    default:
      return false;
  }
}

/** The moment after a target that changes the packet or its connection; the same where it changes neither. */
export function changed(at: Moment, target: string, options: NfTargetOptions): Moment {
  const { packet } = at;
  switch (target) {
    case 'MARK': {
      const mark = options.mark?.value;
      return mark && packet.mark !== undefined ? { ...at, packet: { ...packet, mark: applyMark(packet.mark, mark) } } : at;
    }
    case 'mangle':
      return packet.arp ? { ...at, packet: { ...packet, arp: mangled(packet.arp, options.arp ?? {}) } } : at;
    case 'ip6 flowlabel set':
      return { ...at, packet: { ...packet, flowLabel: undefined } };
    case 'HMARK':
      return { ...at, packet: { ...packet, mark: undefined } };
    case 'CONNMARK':
      return connmark(at, options);
    case 'ECN':
      return options.ecnRemove === true ? { ...at, packet: { ...packet, tcpFlags: packet.tcpFlags & ~(TCP.ECE | TCP.CWR) } } : at;
    case 'SET': {
      const known = options.ipsets !== undefined || options.mapSet !== undefined;
      const setChanges = known ? afterSetTarget(at, options.ipsets ?? []) : withUnknownChange(at.setChanges, ANY_SET);
      return mapped({ ...at, setChanges }, options);
    }
    case 'TTL':
    case 'HL': {
      const ttl = options.ttl?.value;
      if (!ttl) return at;
      const value = ttl.op === 'set' ? ttl.value : ttl.op === 'inc' ? packet.ttl + ttl.value : packet.ttl - ttl.value;
      return { ...at, packet: { ...packet, ttl: Math.min(255, Math.max(0, value)) } };
    }
    case 'DSCP':
      return options.dscp ? { ...at, packet: { ...packet, tos: (packet.tos & 3) | (options.dscp.value << 2) } } : at;
    case 'TOS': {
      const tos = options.tos?.value;
      if (!tos) return at;
      const { op, value, mask } = tos;
      const next =
        op === 'set'
          ? (packet.tos & ~mask) ^ value
          : op === 'and'
            ? packet.tos & value
            : op === 'or'
              ? packet.tos | value
              : packet.tos ^ value;
      return { ...at, packet: { ...packet, tos: next & 255 } };
    }
    case 'TCPMSS': {
      const wanted = options.mss?.value;
      if (packet.proto !== PROTO.TCP || packet.mss === undefined || wanted === undefined) return at;
      const mss = wanted === 'clamp' ? clampedMss(at) : wanted;
      // A SYN without data that names none is given one, at most what every host must take (RFC 879, RFC 8200).
      if (packet.mss === 0) return { ...at, packet: withMss(packet, mss) };
      // A segment size is only ever lowered; what it becomes without a known MTU is open.
      return { ...at, packet: { ...packet, mss: mss === undefined ? undefined : Math.min(packet.mss, mss) } };
    }
    default:
      return at;
  }
}

/** `--map-set`, which comes last (set_target): the packet gets the mark of its element, which nobody captured. */
function mapped(at: Moment, { mapSet, mapped: by }: NfTargetOptions): Moment {
  if (mapSet === undefined) return at;
  const asked = by && ([at.namespace, by.set.value, by.directions, at.packet, at] as const);
  const setChanges = asked ? afterLookup(...asked) : at.setChanges;
  const stays = mapSet !== 'mark' || (asked !== undefined && inSet(...asked) === 'no');
  return { ...at, setChanges, packet: stays ? at.packet : { ...at.packet, mark: undefined } };
}

function mangled(arp: ArpBody, options: NonNullable<NfTargetOptions['arp']>): ArpBody {
  const ip = (name: string) => parseIp(options[name]?.value ?? '')?.value;
  const mac = (name: string) => parseMac(options[name]?.value ?? '');
  return {
    operation: arp.operation,
    sha: mac('mangle-mac-s') ?? arp.sha,
    spa: ip('mangle-ip-s') ?? arp.spa,
    tha: mac('mangle-mac-d') ?? arp.tha,
    tpa: ip('mangle-ip-d') ?? arp.tpa,
  };
}

function withMss(packet: IpPacket, mss: number | undefined): IpPacket {
  const most = packet.family === 4 ? 536 : 1220;
  const length = packet.length === undefined ? undefined : packet.length + 4;
  return { ...packet, length, mss: mss === undefined ? undefined : Math.min(mss, most) };
}

/** `--clamp-mss-to-pmtu`: what fits the smaller MTU of the way on and of the way back, without the headers (xt_TCPMSS). */
export function clampedMss(at: Moment): number | undefined {
  const { packet, namespace } = at;
  // What stays in a bridge has the bridge's own MTU before it.
  const onwards = at.physOut === undefined && at.way ? mtuOf(namespace, at.way) : undefined;
  const flowBack = flowOf({ ...packet, src: 0n, dst: packet.src, mark: 0, tos: 0 }, 'lo', undefined);
  const wayBack = at.route({ ...flowBack, proto: 0, sport: undefined, dport: undefined }, 'mtu back');
  const back = wayBack.kind === 'found' ? mtuOf(namespace, wayBack) : undefined;
  const out = onwards ?? namespace.devices.get(at.out ?? '')?.mtu;
  if (out === undefined) return undefined;
  return Math.min(out, back ?? out) - (packet.family === 4 ? 40 : 60);
}

/** What a route says, or else its device. */
function mtuOf(namespace: Namespace, { type, hop, route }: Lookup & { kind: 'found' }): number | undefined {
  return route.mtu ?? namespace.devices.get((type === 'local' ? 'lo' : hop?.device) ?? '')?.mtu;
}

type MarkOption = NonNullable<NfTargetOptions['mark']>['value'];

/** MARK's arithmetic: `set` clears the bits of its mask and sets its value's, `xset` clears and flips. */
export function applyMark(mark: number, { op, value, mask }: MarkOption): number {
  switch (op) {
    case 'set':
      return ((mark & ~(mask | value)) | value) >>> 0;
    case 'xset':
      return ((mark & ~mask) ^ value) >>> 0;
    case 'and':
      return (mark & value) >>> 0;
    case 'or':
      return (mark | value) >>> 0;
    case 'xor':
      return (mark ^ value) >>> 0;
    default:
      return mark;
  }
}

/** `save` and `restore` copy the bits of one mask and clear those of the other (iptables-extensions(8), CONNMARK). */
function connmark(at: Moment, options: NfTargetOptions): Moment {
  const { packet, tracking } = at;
  const { connection } = tracking;
  const option = options.mark?.value;
  if (!connection || !option) return at;
  const ctmask = option.ctmask ?? option.mask;
  if (option.op === 'save') {
    connection.mark =
      connection.mark === undefined || packet.mark === undefined
        ? undefined
        : ((connection.mark & ~ctmask) ^ (packet.mark & option.mask)) >>> 0;
    return at;
  }
  if (option.op === 'restore') {
    const mark =
      connection.mark === undefined || packet.mark === undefined
        ? undefined
        : ((packet.mark & ~option.mask) ^ (connection.mark & ctmask)) >>> 0;
    return { ...at, packet: { ...packet, mark } };
  }
  if (connection.mark !== undefined) connection.mark = applyMark(connection.mark, option);
  return at;
}

import type { GeneveOption } from './geneve';
import { formatKey } from './key-format';
import type { KeyAttribute, KeySyntax } from './key-syntax';
import { copyWords, emptyFlow, type FlowWords, W, wordAt } from '../packet/flow-words';
import { ETH_TYPE, FRAG, IP_PROTO, isMplsType, isVlanType, MPLS_BOS, PACKET_TYPE, VLAN_CFI } from '../packet/protocols';

export interface KeyFlow {
  readonly flow: FlowWords;
  /** The tunnel's Geneve options as given; which of the packet's words hold them depends on the bridge. */
  readonly geneve: readonly GeneveOption[];
}

class KeyError extends Error {}

function byName(attributes: readonly KeyAttribute[]): ReadonlyMap<string, KeyAttribute> {
  const found = new Map<string, KeyAttribute>();
  for (const attribute of attributes) {
    if (found.has(attribute.name)) throw new KeyError(`duplicate ${attribute.name} attribute in flow key`);
    found.set(attribute.name, attribute);
  }
  return found;
}

/** Metadata that stands in the packet's words as it is read. */
const metadataWords: readonly (readonly [string, number, number])[] = [
  ['recirc_id', W.recircId, 1],
  ['dp_hash', W.dpHash, 1],
  ['skb_priority', W.skbPriority, 1],
  ['skb_mark', W.pktMark, 1],
  ['ct_state', W.ctState, 1],
  ['ct_zone', W.ctZone, 1],
  ['ct_mark', W.ctMark, 1],
  ['ct_label', W.ctLabel, 4],
];

/**
 * The packet that a key describes, as the switch takes it: what contradicts itself is an error (the switch's sentence, given as a string),
 * what is missing is 0. `in_port` is the datapath's number. `vlanLimit` as for `extractFlow`.
 */
export function keyToFlow({ attributes }: KeySyntax, vlanLimit: number): KeyFlow | string {
  try {
    return buildFlow(attributes, vlanLimit);
  } catch (error) {
    if (error instanceof KeyError) return `${error.message}; the flow key in error is: ${formatKey(attributes)}`;
    throw error;
  }
}

function buildFlow(attributes: readonly KeyAttribute[], vlanLimit: number): KeyFlow {
  const flow = emptyFlow();
  let given = byName(attributes);
  for (const [name, at, count] of metadataWords) {
    const attribute = given.get(name);
    if (attribute) copyWords(flow, attribute.value, at, count);
  }
  for (const [name, first, count] of [
    ['ct_tuple4', W.ctNwSrc, 2],
    ['ct_tuple6', W.ctIpv6Src, 8],
  ] as const) {
    const tuple = given.get(name);
    if (!tuple) continue;
    copyWords(flow, tuple.value, first, count);
    for (const at of [W.ctNwProto, W.ctTpSrc, W.ctTpDst]) flow[at] = wordAt(tuple.value, at);
  }
  const tunnel = given.get('tunnel');
  if (tunnel) {
    if (!tunnel.given?.includes('ttl')) throw new KeyError('tunnel options missing TTL');
    copyWords(flow, tunnel.value, 0, W.metadata);
  }
  const inPort = given.get('in_port');
  flow[W.inPort] = inPort ? wordAt(inPort.value, W.inPort) : 0xffffffff;
  const packetType = given.get('packet_type');
  if (packetType) {
    flow[W.packetType] = wordAt(packetType.value, W.packetType);
    if (wordAt(flow, W.packetType) >>> 16 === 1) flow[W.dlType] = wordAt(flow, W.packetType) & 0xffff;
  }
  const eth = given.get('eth');
  const ethType = given.get('eth_type');
  if (eth) {
    copyWords(flow, eth.value, W.dlDst, 4);
    flow[W.packetType] = PACKET_TYPE.ETH;
  } else if (ethType) {
    flow[W.packetType] = (0x10000 | wordAt(ethType.value, W.dlType)) >>> 0;
  }
  readEtherType(flow, given);
  if (!isVlanType(wordAt(flow, W.dlType))) {
    readPayload(flow, given);
    return { flow, geneve: tunnel?.geneve ?? [] };
  }
  for (let n = 0; n < Math.min(vlanLimit, 2) && isVlanType(wordAt(flow, W.dlType)); n++) {
    const vlan = given.get('vlan');
    const encap = given.get('encap');
    const tci = vlan ? wordAt(vlan.value, W.vlan0) : 0;
    flow[W.vlan0 + n] = ((wordAt(flow, W.dlType) << 16) | tci) >>> 0;
    flow[W.dlType] = 0;
    if (!vlan || !encap || tci === 0) break;
    if (!(tci & VLAN_CFI))
      throw new KeyError(`OVS_KEY_ATTR_VLAN 0x${tci.toString(16).padStart(4, '0')} is nonzero but CFI bit is not set`);
    given = byName(encap.nested ?? []);
    readEtherType(flow, given);
    readPayload(flow, given);
  }
  return { flow, geneve: tunnel?.geneve ?? [] };
}

function readEtherType(flow: FlowWords, given: ReadonlyMap<string, KeyAttribute>): void {
  const ethType = given.get('eth_type');
  if (ethType) {
    const type = wordAt(ethType.value, W.dlType);
    if (type < ETH_TYPE.MIN) throw new KeyError(`invalid Ethertype ${type} in flow key`);
    flow[W.dlType] = type;
    return;
  }
  flow[W.dlType] = given.has('ipv4')
    ? ETH_TYPE.IP
    : given.has('ipv6')
      ? ETH_TYPE.IPV6
      : given.has('mpls')
        ? ETH_TYPE.MPLS
        : ETH_TYPE.NONE;
}

function readPayload(flow: FlowWords, given: ReadonlyMap<string, KeyAttribute>): void {
  const type = wordAt(flow, W.dlType);
  if (isMplsType(type)) {
    const mpls = given.get('mpls');
    if (!mpls) return;
    const count = mpls.labels ?? 0;
    copyWords(flow, mpls.value, W.mpls, count);
    for (let i = 0; i < count - 1; i++)
      if (wordAt(flow, W.mpls + i) & MPLS_BOS) throw new KeyError('MPLS BOS set in non-innermost label');
    return;
  }
  if (type === ETH_TYPE.IP || type === ETH_TYPE.IPV6) {
    const header = given.get(type === ETH_TYPE.IP ? 'ipv4' : 'ipv6');
    if (header) {
      if (type === ETH_TYPE.IP) copyWords(flow, header.value, W.nwSrc, 2);
      else copyWords(flow, header.value, W.ipv6Src, 8);
      for (const at of [W.ipv6Label, W.nwProto, W.nwTos, W.nwTtl, W.nwFrag]) flow[at] = wordAt(header.value, at);
    }
    if (!(wordAt(flow, W.nwFrag) & FRAG.LATER)) readTransport(flow, given, type === ETH_TYPE.IP);
  } else if (type === ETH_TYPE.ARP || type === ETH_TYPE.RARP) {
    const arp = given.get('arp');
    if (!arp) return;
    const operation = wordAt(arp.value, W.nwProto);
    if (operation > 0xff) throw new KeyError(`unsupported ARP opcode ${operation} in flow key`);
    copyWords(flow, arp.value, W.nwSrc, 2);
    flow[W.nwProto] = operation;
    copyWords(flow, arp.value, W.arpSha, 4);
  } else if (type === ETH_TYPE.NSH) {
    const nsh = given.get('nsh');
    if (nsh) copyWords(flow, nsh.value, W.nshFlags, W.nshContext + 4 - W.nshFlags);
  }
}

function readTransport(flow: FlowWords, given: ReadonlyMap<string, KeyAttribute>, ipv4: boolean): void {
  const copyPorts = (name: string): boolean => {
    const attribute = given.get(name);
    if (attribute) copyWords(flow, attribute.value, W.tpSrc, 2);
    return attribute !== undefined;
  };
  switch (wordAt(flow, W.nwProto)) {
    case IP_PROTO.TCP: {
      copyPorts('tcp');
      const flags = given.get('tcp_flags');
      if (flags) flow[W.tcpFlags] = wordAt(flags.value, W.tcpFlags);
      return;
    }
    case IP_PROTO.UDP:
      copyPorts('udp');
      return;
    case IP_PROTO.SCTP:
      copyPorts('sctp');
      return;
    case IP_PROTO.ICMP:
      if (ipv4) copyPorts('icmp');
      return;
    case IP_PROTO.ICMPV6: {
      if (ipv4 || !copyPorts('icmpv6')) return;
      const solicits = wordAt(flow, W.tpSrc) === 135 || wordAt(flow, W.tpSrc) === 136;
      if (!solicits || wordAt(flow, W.tpDst) !== 0) return;
      const nd = given.get('nd');
      if (nd) {
        copyWords(flow, nd.value, W.ndTarget, 4);
        copyWords(flow, nd.value, W.arpSha, 4);
      }
      const extensions = given.get('nd_ext');
      if (extensions) for (const at of [W.igmpGroup, W.tcpFlags]) flow[at] = wordAt(extensions.value, at);
    }
  }
}

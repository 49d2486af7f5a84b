import { emptyFlow, type FlowWords, W, wordLayout } from '../packet/flow-words';
import { ETH_TYPE, hasTunnel, IP_PROTO, isMplsType, isNeighbourDiscovery } from '../packet/protocols';
import { isCtValid } from './prerequisites';

const KEY = 8;

function all(mask: FlowWords, ...names: readonly string[]): void {
  for (const name of names) {
    const entry = wordLayout[name];
    if (entry) mask.fill(0xffffffff, entry.at, entry.at + entry.words);
  }
}

/** The headers that a packet has, as a mask over it: what Open vSwitch looks at when it describes the packet as a whole. */
export function packetMask(flow: FlowWords): FlowWords {
  const mask = emptyFlow();
  if (hasTunnel(flow)) {
    if (((flow[W.tunFlags] ?? 0) & KEY) !== 0) all(mask, 'tun_id');
    all(
      mask,
      'tun_src',
      'tun_dst',
      'tun_ipv6_src',
      'tun_ipv6_dst',
      'tun_flags',
      'tun_tos',
      'tun_ttl',
      'tun_tp_src',
      'tun_tp_dst',
    );
    all(mask, 'tun_gbp_id', 'tun_gbp_flags', 'tun_erspan_ver', 'tun_erspan_idx', 'tun_erspan_dir', 'tun_erspan_hwid');
    all(mask, 'tun_gtpu_flags', 'tun_gtpu_msgtype');
    if (((flow[W.tunMdPresent] ?? 0) | (flow[W.tunMdPresent + 1] ?? 0)) !== 0) {
      mask[W.tunMdPresent] = flow[W.tunMdPresent] ?? 0;
      mask[W.tunMdPresent + 1] = flow[W.tunMdPresent + 1] ?? 0;
      all(mask, 'tun_md');
    }
  } else if (((flow[W.tunId] ?? 0) | (flow[W.tunId + 1] ?? 0)) !== 0) {
    all(mask, 'tun_id');
  }
  all(
    mask,
    'skb_priority',
    'pkt_mark',
    'ct_state',
    'ct_zone',
    'ct_mark',
    'ct_label',
    'recirc_id',
    'dp_hash',
    'in_port',
    'packet_type',
  );
  const packetType = flow[W.packetType] ?? 0;
  let dlType = packetType & 0xffff;
  if (packetType === 0) {
    all(mask, 'dl_dst', 'dl_src', 'dl_type', 'vlan0');
    // The first absent tag is shown, those behind it are not.
    if (((flow[W.vlan0] ?? 0) & 0xffff) !== 0) all(mask, 'vlan1');
    dlType = flow[W.dlType] ?? 0;
  }
  if (dlType === ETH_TYPE.IP) {
    all(mask, 'nw_src', 'nw_dst', 'ct_nw_src', 'ct_nw_dst');
  } else if (dlType === ETH_TYPE.IPV6) {
    all(mask, 'ipv6_src', 'ipv6_dst', 'ipv6_label');
    if (isNeighbourDiscovery(flow, mask)) all(mask, 'arp_sha', 'arp_tha', 'nd_target');
    else all(mask, 'ct_ipv6_src', 'ct_ipv6_dst');
  } else if (dlType === ETH_TYPE.ARP || dlType === ETH_TYPE.RARP) {
    all(mask, 'nw_src', 'nw_dst', 'nw_proto', 'arp_sha', 'arp_tha');
    return mask;
  } else if (isMplsType(dlType)) {
    for (let n = 0; n < 3; n++) {
      mask[W.mpls + n] = 0xffffffff;
      if (((flow[W.mpls + n] ?? 0) & 0x100) !== 0) break;
    }
    return mask;
  } else if ((flow[W.dlType] ?? 0) === ETH_TYPE.NSH) {
    all(mask, 'nsh_flags', 'nsh_ttl', 'nsh_mdtype', 'nsh_np', 'nsh_context');
    mask[W.nshSpi] = 0xffffff;
    mask[W.nshSi] = 0xff;
  } else {
    return mask;
  }
  mask[W.nwFrag] = 3;
  all(mask, 'nw_tos', 'nw_ttl', 'nw_proto', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst');
  const proto = flow[W.nwProto] ?? 0;
  if (((flow[W.nwFrag] ?? 0) & 2) === 0 && withPorts.has(proto)) {
    all(mask, 'tp_src', 'tp_dst');
    if (proto === IP_PROTO.TCP) all(mask, 'tcp_flags');
    else if (proto === IP_PROTO.IGMP) all(mask, 'igmp_group');
  }
  return mask;
}

/** Protocols with ports, or what stands in their place: types and codes, a group. */
const withPorts: ReadonlySet<number> = new Set([
  IP_PROTO.ICMP,
  IP_PROTO.IGMP,
  IP_PROTO.TCP,
  IP_PROTO.UDP,
  IP_PROTO.ICMPV6,
  IP_PROTO.SCTP,
]);

/** What is printed of a packet: its headers and registers, without metadata that is zero (flow_format in Open vSwitch). */
export function flowMask(flow: FlowWords): FlowWords {
  const mask = packetMask(flow);
  all(mask, 'reg', 'metadata');
  const dropZero = (name: string) => {
    const entry = wordLayout[name];
    if (!entry) return;
    for (let n = 0; n < entry.words; n++) if ((flow[entry.at + n] ?? 0) !== 0) return;
    mask.fill(0, entry.at, entry.at + entry.words);
  };
  for (const name of [
    'in_port',
    'skb_priority',
    'pkt_mark',
    'recirc_id',
    'dp_hash',
    'ct_state',
    'ct_zone',
    'ct_mark',
    'ct_label',
    'metadata',
  ])
    dropZero(name);
  // A match's rule for "the tuple is valid", over the mask as far as it is known here.
  if (!isCtValid(flow, mask) || (flow[W.ctNwProto] ?? 0) === 0) {
    const drop = (...names: readonly string[]) => {
      for (const name of names) {
        const entry = wordLayout[name];
        if (entry) mask.fill(0, entry.at, entry.at + entry.words);
      }
    };
    drop('ct_nw_proto', 'ct_tp_src', 'ct_tp_dst');
    if (flow[W.dlType] === ETH_TYPE.IP) drop('ct_nw_src', 'ct_nw_dst');
    else if (flow[W.dlType] === ETH_TYPE.IPV6) drop('ct_ipv6_src', 'ct_ipv6_dst');
  }
  for (let n = 0; n < 16; n++) if ((flow[W.reg + n] ?? 0) === 0) mask[W.reg + n] = 0;
  return mask;
}

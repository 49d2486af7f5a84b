import type { Field } from '../packet/field';
import { type FlowWords, or, W } from '../packet/flow-words';
import {
  CT_STATE,
  dlTypeOf,
  ETH_TYPE,
  FRAG,
  IP_PROTO,
  isEthernet,
  isIcmpv4,
  isIcmpv6,
  isIpAny,
  isIpProto,
  isMplsType,
  isNeighbourDiscovery,
  isVlan,
} from '../packet/protocols';
/**
 * Whether the connection's original tuple may be asked for. Of a packet, the state must have `new`, `est` or `rpl`; of a match (with
 * `mask`), a bit that implies a valid connection, or `+trk-inv`.
 */
export function isCtValid(flow: FlowWords, mask?: FlowWords, wc?: FlowWords): boolean {
  const state = flow[W.ctState] ?? 0;
  if (mask && !wc) {
    return (
      (state & (CT_STATE.NEW | CT_STATE.EST | CT_STATE.REL | CT_STATE.RPL | CT_STATE.SNAT | CT_STATE.DNAT)) !== 0 ||
      ((state & CT_STATE.TRK) !== 0 && ((mask[W.ctState] ?? 0) & CT_STATE.INV) !== 0 && (state & CT_STATE.INV) === 0)
    );
  }
  if (wc) or(wc, W.ctState, CT_STATE.NEW | CT_STATE.EST | CT_STATE.RPL);
  return (state & (CT_STATE.NEW | CT_STATE.EST | CT_STATE.RPL)) !== 0;
}

const laterFragment = (flow: FlowWords) => ((flow[W.nwFrag] ?? 0) & FRAG.LATER) !== 0;

/**
 * Whether the packet has the header that a field belongs to (ovs-fields(7), "Prerequisites").
 * `mask`: `flow` is a match's values and this its mask. `wc` collects the bits that were looked at.
 */
export function prerequisitesMet(
  field: Pick<Field, 'prereq'>,
  flow: FlowWords,
  more: { readonly mask?: FlowWords; readonly wc?: FlowWords } = {},
): boolean {
  const { mask, wc } = more;
  switch (field.prereq) {
    case 'none':
      return true;
    case 'ethernet':
      return isEthernet(flow, wc);
    case 'arp':
      return dlTypeOf(flow) === ETH_TYPE.ARP || dlTypeOf(flow) === ETH_TYPE.RARP;
    case 'ipv4':
      return dlTypeOf(flow) === ETH_TYPE.IP;
    case 'ipv6':
      return dlTypeOf(flow) === ETH_TYPE.IPV6;
    case 'vlan':
      return isVlan(flow, wc);
    case 'mpls':
      return isMplsType(dlTypeOf(flow));
    case 'ip-any':
      return isIpAny(flow);
    case 'nsh':
      return dlTypeOf(flow) === ETH_TYPE.NSH;
    case 'ct':
      return isCtValid(flow, mask, wc);
    case 'tcp':
      return isIpProto(flow, IP_PROTO.TCP, wc) && !laterFragment(flow);
    case 'udp':
      return isIpProto(flow, IP_PROTO.UDP, wc) && !laterFragment(flow);
    case 'sctp':
      return isIpProto(flow, IP_PROTO.SCTP, wc) && !laterFragment(flow);
    case 'icmp':
      return isIcmpv4(flow, wc);
    case 'icmp6':
      return isIcmpv6(flow, wc);
    case 'nd':
      return isNeighbourDiscovery(flow, wc);
    case 'nd-solicit':
      return isNeighbourDiscovery(flow, wc) && flow[W.tpSrc] === 135;
    case 'nd-advert':
      return isNeighbourDiscovery(flow, wc) && flow[W.tpSrc] === 136;
  }
}

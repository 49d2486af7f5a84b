import type { DpAction, DpNat, SetHeader, TunnelPush } from './dp-action';
import { wordAt, type FlowWords, W } from '../packet/flow-words';

/** A netlink attribute: four bytes of header, then what it holds, filled up to four (netlink(7)). */
const attribute = (bytes: number): number => 4 + ((bytes + 3) & ~3);

/** Bytes of the datapath's structures for headers that are set as one (linux/openvswitch.h). Tunnels and NSH are nested attributes. */
const HEADERS: Readonly<Record<Exclude<SetHeader, 'tunnel' | 'nsh'>, number>> = {
  skb_priority: 4,
  skb_mark: 4,
  eth: 12,
  ipv4: 12,
  ipv6: 40,
  arp: 24,
  icmp: 2,
  icmpv6: 2,
  nd: 28,
  nd_ext: 8,
  mpls: 4,
  tcp: 4,
  udp: 4,
  sctp: 4,
};

const counted = new WeakMap<readonly DpAction[], { count: number; bytes: number }>();

/** Bytes that these actions take as netlink attributes. A list that only grows is counted once. */
export function netlinkSize(actions: readonly DpAction[]): number {
  const known = counted.get(actions);
  const start = known && known.count <= actions.length ? known : { count: 0, bytes: 0 };
  let { bytes } = start;
  for (let n = start.count; n < actions.length; n++) {
    const action = actions[n];
    if (action) bytes += actionSize(action);
  }
  counted.set(actions, { count: actions.length, bytes });
  return bytes;
}

function actionSize(action: DpAction): number {
  switch (action.kind) {
    case 'output':
    case 'lb_output':
    case 'recirc':
    case 'push_vlan':
    case 'pop_mpls':
    case 'meter':
    case 'trunc':
    case 'drop':
    case 'tnl_pop':
      return 8;
    case 'pop_vlan':
    case 'pop_eth':
    case 'pop_nsh':
    case 'ct_clear':
      return 4;
    case 'push_mpls':
    case 'hash':
      return 12;
    case 'add_mpls':
    case 'push_eth':
      return 16;
    case 'userspace':
      return 4 + 8 + COOKIE + (action.tunnelOutPort === undefined ? 0 : 8) + (action.actions ? 4 : 0);
    case 'set':
      return 4 + setSize(action);
    case 'push_nsh':
      return 4 + 4 + 12 + attribute(action.metadata?.length ?? 16);
    case 'sample':
      return 4 + 8 + 4 + netlinkSize(action.actions);
    case 'clone':
      return 4 + netlinkSize(action.actions);
    case 'check_pkt_len':
      return 4 + 8 + 4 + netlinkSize(action.greater) + 4 + netlinkSize(action.lessEqual);
    case 'ct':
      return 4 + conntrackSize(action);
    case 'tnl_push':
      return attribute(16 + tunnelHeaderSize(action.push));
  }
}

/** What goes with a packet to ovs-vswitchd: 48 bytes of every kind. */
const COOKIE = attribute(48);

function setSize({ header, value, mask, geneve = [] }: Extract<DpAction, { kind: 'set' }>): number {
  if (header === 'tunnel')
    return (
      4 + tunnelKeySize(value) + (geneve.length > 0 ? 4 : 0) + geneve.reduce((sum, option) => sum + 4 + option.data.length, 0)
    );
  const size = header === 'nsh' ? 12 + 20 : HEADERS[header];
  return attribute(mask ? 2 * size : size);
}

function tunnelKeySize(value: FlowWords): number {
  const word = (at: number): boolean => wordAt(value, at) !== 0;
  const v4 = (word(W.tunSrc) ? 8 : 0) + (word(W.tunDst) ? 8 : 0);
  const v6 = [W.tunIpv6Src, W.tunIpv6Dst].reduce((sum, at) => sum + ([0, 1, 2, 3].some((n) => word(at + n)) ? 20 : 0), 0);
  // The key, the addresses, TTL and the flags that tunnels usually have.
  return 12 + v4 + v6 + (word(W.tunTos) ? 8 : 0) + 8 + 4;
}

function conntrackSize(action: Extract<DpAction, { kind: 'ct' }>): number {
  const { commit, force, zone, mark, label, helper, timeout, nat } = action;
  return (
    (commit || force ? 4 + 8 : 0) +
    (zone === 0 ? 0 : 8) +
    (mark ? attribute(8) : 0) +
    (label ? attribute(32) : 0) +
    (helper === undefined ? 0 : attribute(helper.length + 1)) +
    (timeout === undefined ? 0 : attribute(timeout.length + 1)) +
    (nat ? 4 + natSize(nat) : 0)
  );
}

function natSize({ direction, family, min, max, portMin, portMax, persistent, hash, random }: DpNat): number {
  if (direction === undefined) return 0;
  const address = attribute(family === 6 ? 16 : 4);
  return (
    4 +
    (min === undefined ? 0 : address) +
    (max === undefined ? 0 : address) +
    (portMin === 0 ? 0 : 8) +
    (portMax === 0 ? 0 : 8) +
    [persistent, hash, random].filter(Boolean).length * 4
  );
}

function tunnelHeaderSize({ ip, udp, tunnel }: TunnelPush): number {
  const own = (): number => {
    switch (tunnel.kind) {
      case 'vxlan':
        return 8;
      case 'geneve':
        return 8 + tunnel.options.reduce((sum, option) => sum + 4 + option.data.length, 0);
      case 'gre':
      case 'ip6gre':
        return 4 + [tunnel.csum, tunnel.key, tunnel.seq].filter((field) => field !== undefined).length * 4;
      case 'erspan':
      case 'ip6erspan':
        return 8 + 4 + (tunnel.version === 1 ? 4 : 8);
      case 'gtpu':
        return 8;
    }
  };
  return 14 + (ip.family === 4 ? 20 : 40) + (udp ? 8 : 0) + own();
}

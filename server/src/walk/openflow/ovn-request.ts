/** What the flows of ovn-controller ask it to do with a packet (ovn-sb(5), the actions of logical flows). */
export type OvnRequest =
  /** The packet goes no further: its sender is told. */
  | { readonly kind: 'refuses'; readonly what: string }
  | { readonly kind: 'other'; readonly what: string; readonly command: string };

const NEIGHBOURS = 'ovn-sbctl list mac_binding';

/** By the number that userdata starts with. */
const REQUESTS: Readonly<Record<number, OvnRequest>> = {
  0: { kind: 'other', what: 'keeps it and asks for the next hop by ARP, whose address is not known', command: NEIGHBOURS },
  9: {
    kind: 'other',
    what: 'keeps it and asks for the next hop by neighbour discovery, whose address is not known',
    command: NEIGHBOURS,
  },
  1: { kind: 'other', what: 'learns who sent it', command: NEIGHBOURS },
  2: { kind: 'other', what: 'answers it as a DHCP server', command: 'ovn-nbctl dhcp-options-list' },
  5: { kind: 'other', what: 'answers it as a DHCPv6 server', command: 'ovn-nbctl dhcp-options-list' },
  6: { kind: 'other', what: 'looks the name up in its DNS records', command: 'ovn-nbctl list dns' },
  10: { kind: 'refuses', what: 'an ICMP error' },
  11: { kind: 'refuses', what: 'a TCP reset' },
  14: { kind: 'refuses', what: 'an ICMP error' },
  20: { kind: 'refuses', what: 'an ICMPv6 error' },
  22: { kind: 'refuses', what: 'a TCP reset or an ICMP error (reject)' },
};

/** What a packet is handed to ovn-controller for; undefined where its flow does not say so in OVN's words. */
export function ovnRequest(userdata: readonly number[] | undefined): OvnRequest | undefined {
  if (userdata === undefined || userdata.length < 8) return undefined;
  const [a = 0, b = 0, c = 0, code = 0] = userdata;
  return a === 0 && b === 0 && c === 0 ? REQUESTS[code] : undefined;
}

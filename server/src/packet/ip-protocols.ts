/** IP protocols by the names that iproute2, iptables and conntrack print (IANA's registry and /etc/protocols). */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['ipencap', 4],
  ['ipip', 4],
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['ipv6', 41],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['icmpv6', 58],
  ['icmp6', 58],
  ['ipv6-icmp', 58],
  ['eigrp', 88],
  ['ospf', 89],
  ['pim', 103],
  ['vrrp', 112],
  ['sctp', 132],
  ['mh', 135],
  ['ipv6-mh', 135],
  ['mobility-header', 135],
  ['udplite', 136],
]);

/** What other programs call protocols that are rarely met (/etc/protocols). */
const RARE: ReadonlyMap<string, number> = new Map(
  (
    'hopopt:0 ggp:3 st:5 egp:8 igp:9 pup:12 hmp:20 xns-idp:22 rdp:27 iso-tp4:29 xtp:36 ddp:37 idpr-cmtp:38 ipv6-route:43 ipv6-frag:44 idrp:45 rsvp:46 ' +
    'skip:57 ipv6-nonxt:59 ipv6-opts:60 rspf:73 vmtp:81 ospfigp:89 ax.25:93 etherip:97 encap:98 ipcomp:108 comp:108 l2tp:115 isis:124 fc:133 ' +
    'mpls-in-ip:137 manet:138 hip:139 shim6:140 wesp:141 rohc:142 ethernet:143'
  )
    .split(' ')
    .map((pair) => pair.split(':'))
    .map(([name = '', number]) => [name, Number(number)]),
);

/** The name of an IP protocol as most programs print it; the number in digits where it has none here. */
export function ipProtocolName(number: number): string {
  for (const [name, value] of NUMBERS) if (value === number) return name;
  return String(number);
}

/** The number of an IP protocol, 0–255, written as a name or in digits; undefined for any other word. */
export function ipProtocolNumber(text: string): number | undefined {
  const named = NUMBERS.get(text.toLowerCase()) ?? RARE.get(text.toLowerCase());
  if (named !== undefined) return named;
  const number = /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && number <= 255 ? number : undefined;
}

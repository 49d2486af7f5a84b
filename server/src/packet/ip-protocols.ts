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

/** The name of an IP protocol as most programs print it; the number in digits where it has none here. */
export function ipProtocolName(number: number): string {
  for (const [name, value] of NUMBERS) if (value === number) return name;
  return String(number);
}

/** The number of an IP protocol, 0–255, written as a name or in digits; undefined for any other word. */
export function ipProtocolNumber(text: string): number | undefined {
  const named = NUMBERS.get(text.toLowerCase());
  if (named !== undefined) return named;
  const number = /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && number <= 255 ? number : undefined;
}

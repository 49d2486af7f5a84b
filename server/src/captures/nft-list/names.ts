/** Numbers that nft(8) prints by name. */

const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};
const BRIDGE_PRIORITIES: Readonly<Record<string, number>> = { dstnat: -300, filter: -200, out: 100, srcnat: 300 };

/** `filter`, `dstnat + 10`, `-150` as a number (nft(8), "standard priority names"); undefined for a name that is none. */
export function priorityNumber(text: string, family: string): number | undefined {
  if (/^-?\d+$/.test(text)) return Number(text);
  const [, name = '', sign, offset] = /^(\w+)(?:\s*([+-])\s*(\d+))?$/.exec(text) ?? [];
  const base = (family === 'bridge' ? BRIDGE_PRIORITIES : PRIORITIES)[name];
  if (base === undefined) return undefined;
  return base + (sign === undefined ? 0 : Number(`${sign}${offset ?? '0'}`));
}

const ICMP: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
};
const ICMPV6: Readonly<Record<string, number>> = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
};
const ICMP_CODES: Readonly<Record<string, number>> = {
  'net-unreachable': 0,
  'host-unreachable': 1,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'frag-needed': 4,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
};
const ICMPV6_CODES: Readonly<Record<string, number>> = {
  'no-route': 0,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'port-unreachable': 4,
  'policy-fail': 5,
  'reject-route': 6,
};

function numberOf(text: string, names: Readonly<Record<string, number>>): number | undefined {
  return plainNumber(text) ?? names[text];
}

export function icmpType(text: string, v6: boolean): number | undefined {
  return numberOf(text, v6 ? ICMPV6 : ICMP);
}

export function icmpCode(text: string, v6: boolean): number | undefined {
  return numberOf(text, v6 ? ICMPV6_CODES : ICMP_CODES);
}

const DSCP: Readonly<Record<string, number>> = {
  cs0: 0,
  df: 0,
  be: 0,
  lephb: 1,
  le: 1,
  cs1: 8,
  af11: 10,
  af12: 12,
  af13: 14,
  cs2: 16,
  af21: 18,
  af22: 20,
  af23: 22,
  cs3: 24,
  af31: 26,
  af32: 28,
  af33: 30,
  cs4: 32,
  af41: 34,
  af42: 36,
  af43: 38,
  cs5: 40,
  va: 44,
  ef: 46,
  cs6: 48,
  cs7: 56,
};

/** A class's name or a number; undefined for anything else. */
export function dscp(text: string): number | undefined {
  const value = numberOf(text, DSCP);
  return value !== undefined && value < 64 ? value : undefined;
}

/** Numbers that stand for names where `nft -n` prints them. */
const NUMBERED: Readonly<Record<string, readonly (string | undefined)[]>> = {
  direction: ['original', 'reply'],
  pkttype: ['host', 'broadcast', 'multicast', 'other'],
  // enum rtnetlink's types of routes.
  'fib type': [undefined, 'unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable', 'prohibit'],
  icmpx: ['no-route', 'port-unreachable', 'host-unreachable', 'admin-prohibited'],
  icmp: [
    'net-unreachable',
    'host-unreachable',
    'prot-unreachable',
    'port-unreachable',
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    'net-prohibited',
    'host-prohibited',
    undefined,
    undefined,
    'admin-prohibited',
  ],
  icmpv6: ['no-route', 'admin-prohibited', undefined, 'addr-unreachable', 'port-unreachable', 'policy-fail', 'reject-route'],
};

/** A value's name, also where it is a number; as it is where the number has none. */
export function nameOf(text: string, kind: keyof typeof NUMBERED): string {
  return /^\d+$/.test(text) ? (NUMBERED[kind]?.[Number(text)] ?? text) : text;
}

const CT_STATES: Readonly<Record<string, number>> = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };
const CT_STATUS: Readonly<Record<string, number>> = {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  dying: 512,
};

/** `new`, `established,related`, `0x8` as bits (enum ip_conntrack_info as nft counts it); undefined where a word is none. */
export function ctStateBits(text: string): number | undefined {
  return bitsOf(text, CT_STATES);
}

/** `dnat`, `snat,dnat`, `0x20` as the bits of a connection's status (enum ip_conntrack_status). */
export function ctStatusBits(text: string): number | undefined {
  return bitsOf(text, CT_STATUS);
}

/** The states that bits stand for, as iptables calls them. */
export function ctStateNames(bits: number): string[] {
  return Object.entries(CT_STATES).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name.toUpperCase()]));
}

const TCP_FLAGS: Readonly<Record<string, number>> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 };

/** `syn`, `fin,syn`, `(fin | syn)`, `0x2` as the bits of the TCP header; undefined where a word is no flag. */
export function tcpFlags(text: string): number | undefined {
  return bitsOf(text, TCP_FLAGS);
}

function bitsOf(text: string, names: Readonly<Record<string, number>>): number | undefined {
  let bits = 0;
  for (const word of text.split(/[\s,|()]+/)) {
    if (word === '') continue;
    const bit = plainNumber(word) ?? names[word];
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}

/** A number in decimal or hex; undefined for anything else. */
export function plainNumber(text: string): number | undefined {
  return /^(?:0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
}

/** The ECN field of the IP header (RFC 3168). */
export const ECN: Readonly<Record<string, number>> = { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 };

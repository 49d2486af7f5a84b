import { formatIpv4, formatIpv6 } from '../packet/address';
import { altHex, formatGeneve, formatHeaderFields, formatLse, formatNsh, formatTunnelFlags } from './format';
import type { KeyAttribute } from './key-syntax';
import { wordAt, type FlowWords, readLong, readWide, W } from '../packet/flow-words';

const tcpFlagNames = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];

function formatTcpFlags(flags: number): string {
  if (flags === 0) return '0';
  const unnamed = flags & ~0xfff;
  const names = tcpFlagNames.filter((_, bit) => (flags & (1 << bit)) !== 0);
  return [...names, ...(unnamed ? [`0x${unnamed.toString(16)}`] : [])].join('|');
}

/** A key's fields in full, one header as `ovs-dpctl dump-flows --verbose` writes it. */
const writers: Readonly<Record<string, (value: FlowWords, attribute: KeyAttribute) => string>> = {
  skb_priority: (value) => altHex(wordAt(value, W.skbPriority)),
  skb_mark: (value) => altHex(wordAt(value, W.pktMark)),
  dp_hash: (value) => altHex(wordAt(value, W.dpHash)),
  recirc_id: (value) => altHex(wordAt(value, W.recircId)),
  ct_mark: (value) => altHex(wordAt(value, W.ctMark)),
  ct_state: (value) => altHex(wordAt(value, W.ctState)),
  ct_zone: (value) => altHex(wordAt(value, W.ctZone)),
  ct_label: (value) => altHex(readWide(value, W.ctLabel)),
  ct_tuple4: (value) =>
    `src=${formatIpv4(BigInt(wordAt(value, W.ctNwSrc)))},dst=${formatIpv4(BigInt(wordAt(value, W.ctNwDst)))}` +
    `,proto=${wordAt(value, W.ctNwProto)},tp_src=${wordAt(value, W.ctTpSrc)},tp_dst=${wordAt(value, W.ctTpDst)}`,
  ct_tuple6: (value) =>
    `src=${formatIpv6(readWide(value, W.ctIpv6Src))},dst=${formatIpv6(readWide(value, W.ctIpv6Dst))}` +
    `,proto=${wordAt(value, W.ctNwProto)},src_port=${wordAt(value, W.ctTpSrc)},dst_port=${wordAt(value, W.ctTpDst)}`,
  tunnel: (_value, attribute) => formatTunnelKey(attribute),
  in_port: (value) => String(wordAt(value, W.inPort)),
  packet_type: (value) => `ns=${wordAt(value, W.packetType) >>> 16},id=${altHex(wordAt(value, W.packetType) & 0xffff)}`,
  vlan: (value) => {
    const tci = wordAt(value, W.vlan0);
    return `vid=${tci & 0xfff},pcp=${tci >>> 13}${tci & 0x1000 ? '' : ',cfi=0'}`;
  },
  eth_type: (value) => `0x${wordAt(value, W.dlType).toString(16).padStart(4, '0')}`,
  mpls: (value, attribute) =>
    Array.from({ length: attribute.labels ?? 1 }, (_, i) => formatLse(wordAt(value, W.mpls + i))).join(','),
  tcp_flags: (value) => formatTcpFlags(wordAt(value, W.tcpFlags)),
  nsh: (value) => formatNsh(value),
  encap: (_value, { nested }) => (nested && nested.length > 0 ? formatKey(nested) : ''),
};

const tunnelWriters: Readonly<Record<string, (value: FlowWords) => string>> = {
  tun_id: (value) => `tun_id=0x${readLong(value, W.tunId).toString(16)}`,
  src: (value) => `src=${formatIpv4(BigInt(wordAt(value, W.tunSrc)))}`,
  dst: (value) => `dst=${formatIpv4(BigInt(wordAt(value, W.tunDst)))}`,
  ipv6_src: (value) => `ipv6_src=${formatIpv6(readWide(value, W.tunIpv6Src))}`,
  ipv6_dst: (value) => `ipv6_dst=${formatIpv6(readWide(value, W.tunIpv6Dst))}`,
  tos: (value) => `tos=${altHex(wordAt(value, W.tunTos))}`,
  ttl: (value) => `ttl=${wordAt(value, W.tunTtl)}`,
  tp_src: (value) => `tp_src=${wordAt(value, W.tunTpSrc)}`,
  tp_dst: (value) => `tp_dst=${wordAt(value, W.tunTpDst)}`,
  vxlan: (value) => `vxlan(gbp(id=${wordAt(value, W.tunGbpId)},flags=${altHex(wordAt(value, W.tunGbpFlags))}))`,
  erspan: (value) =>
    wordAt(value, W.tunErspanVer) === 1
      ? `erspan(ver=1,idx=${altHex(wordAt(value, W.tunErspanIdx))})`
      : `erspan(ver=2,dir=${wordAt(value, W.tunErspanDir)},hwid=${altHex(wordAt(value, W.tunErspanHwid))})`,
  gtpu: (value) => `gtpu(flags=${altHex(wordAt(value, W.tunGtpuFlags))},msgtype=${wordAt(value, W.tunGtpuMsgtype)})`,
};

function formatTunnelKey({ value, given, geneve }: KeyAttribute): string {
  const parts: string[] = [];
  for (const name of given ?? []) {
    if (name === 'geneve') parts.push(`geneve(${formatGeneve(geneve ?? [])})`);
    const write = tunnelWriters[name];
    if (write) parts.push(write(value));
  }
  parts.push(`flags(${formatTunnelFlags(wordAt(value, W.tunFlags))})`);
  return parts.join(',');
}

/** A datapath flow key in full, as the switch repeats one in an error. */
export function formatKey(attributes: readonly KeyAttribute[]): string {
  if (attributes.length === 0) return '<empty>';
  return attributes
    .map((attribute) => {
      const { name, value } = attribute;
      const write = writers[name];
      return `${name}(${write ? write(value, attribute) : formatHeaderFields(name, value, undefined)})`;
    })
    .join(',');
}

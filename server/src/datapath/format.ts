import { formatIpv4, formatIpv6, formatMac } from '../packet/address';
import type { DpAction, DpNat, TunnelPush, UserspaceCookie } from './dp-action';
import type { GeneveOption } from './geneve';
import { type FlowWords, readLong, readMac, readWide, W, wordAt } from '../packet/flow-words';
import { ETH_TYPE, FRAG, TUNNEL_FLAG, tunnelFlagNames } from '../packet/protocols';

/** Names of the datapath's ports by number; a port that has none is written as its number. */
export type PortNames = ReadonlyMap<number, string>;

/** C's `%#x`: 0 has no prefix. */
export function altHex(value: number | bigint): string {
  return Number(value) === 0 ? '0' : `0x${value.toString(16)}`;
}

function port(number: number, names: PortNames | undefined): string {
  return names?.get(number) ?? String(number >>> 0);
}

function bytesHex(bytes: readonly number[]): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return altHex(value);
}

type Writer = (value: FlowWords, mask: FlowWords | undefined) => string;

/** A number of one word. What the mask does not have is left out; a part of it is written behind a slash, in hexadecimal. */
function number(name: string, at: number, bits: number, hexadecimal = false): Writer {
  return (value, mask) => {
    const m = mask ? wordAt(mask, at) : bits;
    if (m === 0) return '';
    const text = `${name}=${hexadecimal ? altHex(wordAt(value, at)) : wordAt(value, at)}`;
    return m === bits >>> 0 ? text : `${text}/${altHex(m)}`;
  };
}

function ipv4(name: string, at: number): Writer {
  return (value, mask) => {
    const m = mask ? wordAt(mask, at) : 0xffffffff;
    if (m === 0) return '';
    const text = `${name}=${formatIpv4(BigInt(wordAt(value, at)))}`;
    return m === 0xffffffff ? text : `${text}/${formatIpv4(BigInt(m))}`;
  };
}

function ipv6(name: string, at: number): Writer {
  const all = (1n << 128n) - 1n;
  return (value, mask) => {
    const m = mask ? readWide(mask, at) : all;
    if (m === 0n) return '';
    const text = `${name}=${formatIpv6(readWide(value, at))}`;
    return m === all ? text : `${text}/${formatIpv6(m)}`;
  };
}

function mac(name: string, at: number): Writer {
  return (value, mask) => {
    const m = mask ? readMac(mask, at) : 0xffffffffffffn;
    if (m === 0n) return '';
    const text = `${name}=${formatMac(readMac(value, at))}`;
    return m === 0xffffffffffffn ? text : `${text}/${formatMac(m)}`;
  };
}

/** `frag=no`, `first` or `later`; never part of a masked set. */
const fragment: Writer = (value, mask) => {
  if (mask && wordAt(mask, W.nwFrag) === 0) return '';
  const frag = wordAt(value, W.nwFrag);
  return `frag=${!(frag & FRAG.ANY) ? 'no' : frag & FRAG.LATER ? 'later' : 'first'}`;
};

/** An ARP operation has 16 bits, of which the switch keeps 8; where all of these are set, it takes the others for set as well. */
const arpOperation: Writer = (value, mask) => {
  const m = mask ? wordAt(mask, W.nwProto) : 0xff;
  if (m === 0) return '';
  const kept = wordAt(value, W.nwProto);
  const operation = kept === 0xff ? 0xffff : kept;
  return m === 0xff ? `op=${operation}` : `op=${operation}/${altHex(m)}`;
};

/** The reserved word is written always. */
const ndReserved: Writer = (value) => `nd_reserved=0x${wordAt(value, W.igmpGroup).toString(16)}`;

const portWriters = [number('src', W.tpSrc, 0xffff), number('dst', W.tpDst, 0xffff)];
const icmpWriters = [number('type', W.tpSrc, 0xff), number('code', W.tpDst, 0xff)];

const headerWriters: Readonly<Record<string, readonly Writer[]>> = {
  eth: [mac('src', W.dlSrc), mac('dst', W.dlDst)],
  ipv4: [
    ipv4('src', W.nwSrc),
    ipv4('dst', W.nwDst),
    number('proto', W.nwProto, 0xff),
    number('tos', W.nwTos, 0xff, true),
    number('ttl', W.nwTtl, 0xff),
    fragment,
  ],
  ipv6: [
    ipv6('src', W.ipv6Src),
    ipv6('dst', W.ipv6Dst),
    number('label', W.ipv6Label, 0xfffff, true),
    number('proto', W.nwProto, 0xff),
    number('tclass', W.nwTos, 0xff, true),
    number('hlimit', W.nwTtl, 0xff),
    fragment,
  ],
  arp: [ipv4('sip', W.nwSrc), ipv4('tip', W.nwDst), arpOperation, mac('sha', W.arpSha), mac('tha', W.arpTha)],
  icmp: icmpWriters,
  icmpv6: icmpWriters,
  nd: [ipv6('target', W.ndTarget), mac('sll', W.arpSha), mac('tll', W.arpTha)],
  nd_ext: [ndReserved, number('nd_options_type', W.tcpFlags, 0xff)],
  tcp: portWriters,
  udp: portWriters,
  sctp: portWriters,
};

/** The fields of a header that has a list of them; without a mask all of them, with one those that it has. */
export function formatHeaderFields(header: string, value: FlowWords, mask: FlowWords | undefined): string {
  const parts = (headerWriters[header] ?? []).map((write) => write(value, mask));
  return parts.filter((part) => part !== '').join(',');
}

/** One label stack entry. */
export function formatLse(lse: number): string {
  return `label=${lse >>> 12},tc=${(lse >>> 9) & 7},ttl=${lse & 0xff},bos=${(lse >>> 8) & 1}`;
}

/** An NSH header in full. */
export function formatNsh(value: FlowWords): string {
  const parts = [
    `flags=${wordAt(value, W.nshFlags)}`,
    `ttl=${wordAt(value, W.nshTtl)}`,
    `mdtype=${wordAt(value, W.nshMdtype)}`,
    `np=${wordAt(value, W.nshNp)}`,
    `spi=0x${wordAt(value, W.nshSpi).toString(16)}`,
    `si=${wordAt(value, W.nshSi)}`,
  ];
  if (wordAt(value, W.nshMdtype) === 1)
    for (let i = 0; i < 4; i++) parts.push(`c${i + 1}=0x${wordAt(value, W.nshContext + i).toString(16)}`);
  return parts.join(',');
}

function formatNshMasked(value: FlowWords, mask: FlowWords): string {
  const parts: string[] = [];
  const small = (name: string, at: number): void => {
    const m = wordAt(mask, at);
    const digits = (n: number) => `0x${n.toString(16).padStart(2, '0')}`;
    if (m !== 0) parts.push(`${name}=${m === 0xff ? wordAt(value, at) : `${digits(wordAt(value, at))}/${digits(m)}`}`);
  };
  const large = (name: string, at: number, all: number): void => {
    const m = wordAt(mask, at);
    if (m === 0) return;
    const text = `${name}=0x${wordAt(value, at).toString(16)}`;
    parts.push(m === all ? text : `${text}/0x${m.toString(16).padStart(8, '0')}`);
  };
  small('flags', W.nshFlags);
  small('ttl', W.nshTtl);
  small('mdtype', W.nshMdtype);
  small('np', W.nshNp);
  large('spi', W.nshSpi, 0xffffff);
  small('si', W.nshSi);
  for (let i = 0; i < 4; i++) large(`c${i + 1}`, W.nshContext + i, 0xffffffff);
  return parts.join(',');
}

/** Geneve options, one in braces after the other. */
export function formatGeneve(options: readonly GeneveOption[]): string {
  return options
    .map(({ class: optionClass, type, data }) => {
      const head = `class=${altHex(optionClass)},type=${altHex(type)},len=${data.length}`;
      return `{${data.length === 0 ? head : `${head},${bytesHex(data)}`}}`;
    })
    .join('');
}

function formatTunnel(action: Extract<DpAction, { kind: 'set' }>): string {
  const { value, tunnelType, geneve } = action;
  const at = (index: number) => wordAt(value, index);
  const carries = (...types: string[]) => tunnelType === undefined || types.includes(tunnelType);
  const flags = at(W.tunFlags);
  const parts: string[] = [];
  const id = readLong(value, W.tunId);
  if (id !== 0n || flags & TUNNEL_FLAG.KEY) parts.push(`tun_id=0x${id.toString(16)}`);
  if (at(W.tunSrc)) parts.push(`src=${formatIpv4(BigInt(at(W.tunSrc)))}`);
  if (at(W.tunDst)) parts.push(`dst=${formatIpv4(BigInt(at(W.tunDst)))}`);
  const src6 = readWide(value, W.tunIpv6Src);
  const dst6 = readWide(value, W.tunIpv6Dst);
  if (src6) parts.push(`ipv6_src=${formatIpv6(src6)}`);
  if (dst6) parts.push(`ipv6_dst=${formatIpv6(dst6)}`);
  if (at(W.tunTos)) parts.push(`tos=${altHex(at(W.tunTos))}`);
  parts.push(`ttl=${at(W.tunTtl)}`);
  if (at(W.tunTpSrc)) parts.push(`tp_src=${at(W.tunTpSrc)}`);
  if (at(W.tunTpDst)) parts.push(`tp_dst=${at(W.tunTpDst)}`);
  if (carries('vxlan') && (at(W.tunGbpFlags) || at(W.tunGbpId)))
    parts.push(`vxlan(gbp(id=${at(W.tunGbpId)},flags=${altHex(at(W.tunGbpFlags))}))`);
  if (geneve && geneve.length > 0) parts.push(`geneve(${formatGeneve(geneve)})`);
  if (carries('erspan', 'ip6erspan')) {
    if (at(W.tunErspanVer) === 1) parts.push(`erspan(ver=1,idx=${altHex(at(W.tunErspanIdx))})`);
    if (at(W.tunErspanVer) === 2) parts.push(`erspan(ver=2,dir=${at(W.tunErspanDir)},hwid=${altHex(at(W.tunErspanHwid) & 0xf)})`);
  }
  if (carries('gtpu') && at(W.tunGtpuFlags) && at(W.tunGtpuMsgtype))
    parts.push(`gtpu(flags=${altHex(at(W.tunGtpuFlags))},msgtype=${at(W.tunGtpuMsgtype)})`);
  parts.push(`flags(${formatTunnelFlags(flags)})`);
  return parts.join(',');
}

/** `df|csum|key`, 0 for none. */
export function formatTunnelFlags(flags: number): string {
  const names = Object.entries(tunnelFlagNames)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
  return names.length === 0 ? '0' : names.join('|');
}

function formatSet(action: Extract<DpAction, { kind: 'set' }>): string {
  const { header, value, mask } = action;
  switch (header) {
    case 'skb_priority':
    case 'skb_mark': {
      const at = header === 'skb_mark' ? W.pktMark : W.skbPriority;
      const bits = mask ? wordAt(mask, at) : 0xffffffff;
      return `set(${header}(${altHex(wordAt(value, at))}${bits === 0xffffffff ? '' : `/${altHex(bits)}`}))`;
    }
    case 'tunnel':
      return `set(tunnel(${formatTunnel(action)}))`;
    case 'mpls':
      return `set(mpls(${formatLse(wordAt(value, W.mpls))}))`;
    case 'nsh':
      return `set(nsh(${mask ? formatNshMasked(value, mask) : formatNsh(value)}))`;
    default:
      return `set(${header}(${formatHeaderFields(header, value, mask)}))`;
  }
}

function formatNat(nat: DpNat): string {
  if (nat.direction === undefined) return 'nat';
  let text: string = nat.direction;
  if (nat.min !== undefined && nat.family !== undefined) {
    const bracket = nat.family === 6 && nat.portMin !== 0;
    const address = (value: bigint) => {
      const plain = nat.family === 4 ? formatIpv4(value) : formatIpv6(value);
      return bracket ? `[${plain}]` : plain;
    };
    text += `=${address(nat.min)}`;
    if (nat.max && nat.max !== nat.min) text += `-${address(nat.max)}`;
    if (nat.portMin) {
      text += `:${nat.portMin}`;
      if (nat.portMax && nat.portMax !== nat.portMin) text += `-${nat.portMax}`;
    }
  }
  if (nat.persistent) text += ',persistent';
  if (nat.hash) text += ',hash';
  if (nat.random) text += ',random';
  return `nat(${text})`;
}

function formatConntrack(ct: Extract<DpAction, { kind: 'ct' }>): string {
  const parts: string[] = [];
  if (ct.commit) parts.push('commit');
  if (ct.force) parts.push('force_commit');
  if (ct.zone) parts.push(`zone=${ct.zone}`);
  if (ct.mark) parts.push(`mark=${altHex(ct.mark.value)}/${altHex(ct.mark.mask)}`);
  if (ct.label) {
    const whole = ct.label.mask === (1n << 128n) - 1n;
    parts.push(`label=${altHex(ct.label.value)}${whole ? '' : `/${altHex(ct.label.mask)}`}`);
  }
  if (ct.helper !== undefined) parts.push(`helper=${ct.helper}`);
  if (ct.timeout !== undefined) parts.push(`timeout=${ct.timeout}`);
  if (ct.nat) parts.push(formatNat(ct.nat));
  return parts.length === 0 ? 'ct' : `ct(${parts.join(',')})`;
}

function formatCookie(cookie: UserspaceCookie, names: PortNames | undefined): string {
  switch (cookie.kind) {
    case 'slow_path':
      return `slow_path(${cookie.reasons.length === 0 ? '0' : cookie.reasons.join(',')})`;
    case 'controller':
      return (
        `controller(reason=${cookie.reason},dont_send=${cookie.dontSend ? 1 : 0},continuation=${cookie.continuation ? 1 : 0}` +
        `,recirc_id=${cookie.recircId},rule_cookie=${altHex(cookie.ruleCookie)},controller_id=${cookie.controllerId}` +
        `,max_len=${cookie.maxLen})`
      );
    case 'sflow':
      return `sFlow(vid=${cookie.vid},pcp=${cookie.pcp},output=${cookie.output})`;
    case 'flow_sample': {
      const direction = cookie.direction === 'default' ? '' : `,${cookie.direction}`;
      return (
        `flow_sample(probability=${cookie.probability},collector_set_id=${cookie.collectorSetId}` +
        `,obs_domain_id=${cookie.obsDomainId},obs_point_id=${cookie.obsPointId}` +
        `,output_port=${port(cookie.outputPort, names)}${direction})`
      );
    }
    case 'ipfix':
      return `ipfix(output_port=${port(cookie.outputPort, names)})`;
  }
}

const ETH_HEADER = 14;

/** OVS_VPORT_TYPE numbers, as `header(…,type=N,…)` shows them. */
const vportType: Readonly<Record<TunnelPush['tunnel']['kind'], number>> = {
  gre: 3,
  vxlan: 4,
  geneve: 5,
  erspan: 107,
  ip6erspan: 108,
  ip6gre: 109,
  gtpu: 110,
};

/** Bytes behind the outer IP header. */
function tunnelHeaderSize(push: TunnelPush): number {
  const { tunnel } = push;
  const udp = push.udp ? 8 : 0;
  switch (tunnel.kind) {
    case 'vxlan':
      return udp + 8;
    case 'geneve':
      return udp + 8 + tunnel.options.reduce((sum, option) => sum + 4 + option.data.length, 0);
    case 'gre':
    case 'ip6gre':
      return 4 + [tunnel.csum, tunnel.key, tunnel.seq].filter((part) => part !== undefined).length * 4;
    case 'erspan':
    case 'ip6erspan':
      // GRE with a sequence number, ERSPAN's base header, then an index or the metadata of version 2.
      return 8 + 4 + (tunnel.version === 1 ? 4 : 8);
    case 'gtpu':
      return udp + 8;
  }
}

function formatTunnelPushHeader(push: TunnelPush): string {
  const { tunnel } = push;
  switch (tunnel.kind) {
    case 'vxlan':
      return `vxlan(flags=0x${tunnel.flags.toString(16)},vni=0x${tunnel.vni.toString(16)})`;
    case 'geneve': {
      const options = tunnel.options.length > 0 ? `,options(${formatGeneve(tunnel.options)})` : '';
      return `geneve(${tunnel.oam ? 'oam,' : ''}${tunnel.critical ? 'crit,' : ''}vni=0x${tunnel.vni.toString(16)}${options})`;
    }
    case 'gre':
    case 'ip6gre': {
      const part = (name: string, value: number | undefined) => (value === undefined ? '' : `,${name}=0x${value.toString(16)}`);
      return (
        `gre((flags=0x${tunnel.flags.toString(16)},proto=0x${tunnel.proto.toString(16)})` +
        `${part('csum', tunnel.csum)}${part('key', tunnel.key)}${part('seq', tunnel.seq)})`
      );
    }
    case 'erspan':
    case 'ip6erspan':
      return tunnel.version === 1
        ? `erspan(ver=1,sid=0x${tunnel.sid.toString(16)},idx=0x${tunnel.index.toString(16)})`
        : `erspan(ver=2,sid=0x${tunnel.sid.toString(16)},dir=${tunnel.dir},hwid=0x${tunnel.hwid.toString(16)})`;
    case 'gtpu':
      return `gtpu(flags=0x${tunnel.flags.toString(16)},msgtype=${tunnel.msgtype},teid=0x${tunnel.teid.toString(16)})`;
  }
}

function formatTunnelPush(push: TunnelPush, names: PortNames | undefined): string {
  const { eth, ip, udp } = push;
  const size = ETH_HEADER + (ip.family === 4 ? 20 : 40) + tunnelHeaderSize(push);
  const ethText = `eth(dst=${formatMac(eth.dst)},src=${formatMac(eth.src)},dl_type=0x${eth.type.toString(16).padStart(4, '0')})`;
  const ipText =
    ip.family === 4
      ? `ipv4(src=${formatIpv4(BigInt(ip.src))},dst=${formatIpv4(BigInt(ip.dst))},proto=${ip.proto}` +
        `,tos=${altHex(ip.tos)},ttl=${ip.ttl},frag=0x${ip.frag.toString(16)})`
      : `ipv6(src=${formatIpv6(ip.src)},dst=${formatIpv6(ip.dst)},label=${ip.label},proto=${ip.proto}` +
        `,tclass=0x${ip.tclass.toString(16)},hlimit=${ip.hlimit})`;
  const udpText = udp ? `udp(src=${udp.src},dst=${udp.dst},csum=0x${udp.csum.toString(16)}),` : '';
  return (
    `tnl_push(tnl_port(${port(push.tnlPort, names)}),header(size=${size},type=${vportType[push.tunnel.kind]},${ethText},${ipText},` +
    `${udpText}${formatTunnelPushHeader(push)}),out_port(${port(push.outPort, names)}))`
  );
}

function formatHash(action: Extract<DpAction, { kind: 'hash' }>): string {
  switch (action.algorithm) {
    case 'l4':
    case 'sym_l4':
      return `hash(${action.algorithm}(${action.basis}))`;
    case 'l4_symmetric':
      return 'hash(Unknown hash algorithm(2))';
  }
}

function formatDpAction(action: DpAction, names: PortNames | undefined): string {
  switch (action.kind) {
    case 'output':
      return port(action.port, names);
    case 'lb_output':
      return `lb_output(${action.bond})`;
    case 'userspace': {
      const actions = action.actions ? ',actions' : '';
      const out = action.tunnelOutPort === undefined ? '' : `,tunnel_out_port=${port(action.tunnelOutPort, names)}`;
      return `userspace(pid=${action.pid},${formatCookie(action.cookie, names)}${actions}${out})`;
    }
    case 'set':
      return formatSet(action);
    case 'push_vlan': {
      const tpid = action.tpid === ETH_TYPE.VLAN ? '' : `tpid=0x${action.tpid.toString(16).padStart(4, '0')},`;
      const cfi = action.tci & 0x1000 ? '' : ',cfi=0';
      return `push_vlan(${tpid}vid=${action.tci & 0xfff},pcp=${action.tci >>> 13}${cfi})`;
    }
    case 'pop_vlan':
    case 'pop_eth':
    case 'ct_clear':
      return action.kind;
    case 'drop':
      return 'drop';
    case 'push_mpls':
    case 'add_mpls':
      return `${action.kind}(${formatLse(action.lse)},eth_type=0x${action.ethertype.toString(16)})`;
    case 'pop_mpls':
      return `pop_mpls(eth_type=0x${action.ethertype.toString(16)})`;
    case 'push_eth':
      return `push_eth(src=${formatMac(action.src)},dst=${formatMac(action.dst)})`;
    case 'push_nsh': {
      const type = wordAt(action.value, W.nshMdtype);
      const more = type === 1 ? '' : type === 2 ? `,md2=${bytesHex(action.metadata ?? [])}` : ',<error: unknown mdtype>';
      return `push_nsh(${formatNsh(action.value)}${more})`;
    }
    case 'pop_nsh':
      return 'pop_nsh()';
    case 'hash':
      return formatHash(action);
    case 'recirc':
      return `recirc(${altHex(action.id)})`;
    case 'sample':
      return `sample(sample=${((100 * action.probability) / 0xffffffff).toFixed(1)}%,actions(${formatDpActions(action.actions, names)}))`;
    case 'ct':
      return formatConntrack(action);
    case 'trunc':
      return `trunc(${action.maxLen})`;
    case 'clone':
      return `clone(${formatDpActions(action.actions, names)})`;
    case 'check_pkt_len':
      return (
        `check_pkt_len(size=${action.length},gt(${formatDpActions(action.greater, names)})` +
        `,le(${formatDpActions(action.lessEqual, names)}))`
      );
    case 'meter':
      return `meter(${action.meter})`;
    case 'tnl_push':
      return formatTunnelPush(action.push, names);
    case 'tnl_pop':
      return `tnl_pop(${port(action.port, names)})`;
  }
}

/** Datapath actions as `ovs-appctl ofproto/trace` writes them behind "Datapath actions:"; `drop` where there are none. */
export function formatDpActions(actions: readonly DpAction[], names?: PortNames): string {
  if (actions.length === 0) return 'drop';
  return actions.map((action) => formatDpAction(action, names)).join(',');
}

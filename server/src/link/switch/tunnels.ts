import type { Tunnel } from '../../ofproto/switch';
import { formatIpv4, formatIpv6, parseIp } from '../../packet/address';

const types: ReadonlySet<string> = new Set([
  'vxlan', 'gre', 'geneve', 'lisp', 'stt', 'erspan', 'ip6gre', 'ip6erspan', 'gtpu', 'bareudp', 'srv6',
]); // prettier-ignore

const udpPorts: Readonly<Record<string, number>> = {
  vxlan: 4789,
  geneve: 6081,
  lisp: 4341,
  stt: 7471,
  gtpu: 2152,
};

/** The datapath's own names for its tunnel ports; those with a UDP port end in its number. */
const systemNames: Readonly<Record<string, string>> = {
  vxlan: 'vxlan_sys_',
  geneve: 'genev_sys_',
  lisp: 'lisp_sys_',
  stt: 'stt_sys_',
  gtpu: 'gtpu_sys_',
  bareudp: 'bareudp_sys_',
  gre: 'gre_sys',
  erspan: 'erspan_sys',
  ip6gre: 'ip6gre_sys',
  ip6erspan: 'ip6erspan_sys',
  srv6: 'srv6_sys',
};

export function isTunnelType(type: string | undefined): type is Tunnel['type'] {
  return type !== undefined && types.has(type);
}

function canonical(text: string | undefined): string | undefined {
  const ip = text === undefined ? undefined : parseIp(text);
  return ip === undefined ? text : ip.family === 4 ? formatIpv4(ip.value) : formatIpv6(ip.value);
}

function keyOf(options: Readonly<Record<string, string>>, name: string) {
  const text = options[name] ?? options['key'];
  if (text === undefined) return { flow: false, present: false, key: 0n };
  if (text === 'flow') return { flow: true, present: true, key: 0n };
  return { flow: false, present: true, key: /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? BigInt(text) : 0n };
}

const DEFAULT_TTL = 64;

/** A tunnel interface's settings, with the defaults of ovs-vswitchd.conf.db(5). */
export function tunnelOf(type: Tunnel['type'], options: Readonly<Record<string, string>>): Tunnel {
  const inKey = keyOf(options, 'in_key');
  const outKey = keyOf(options, 'out_key');
  const extensions = type === 'vxlan' ? (options['exts'] ?? '').split(',') : [];
  const { tos = '0', ttl } = options;
  const native = type === 'lisp' || type === 'gtpu' || type === 'bareudp' || type === 'srv6' ? 'legacy_l3' : 'legacy_l2';
  const asked = options['packet_type'];
  return {
    type,
    remoteIp: options['remote_ip'] === 'flow' ? undefined : canonical(options['remote_ip']),
    remoteIpFlow: options['remote_ip'] === 'flow',
    localIp: options['local_ip'] === 'flow' ? undefined : canonical(options['local_ip']),
    localIpFlow: options['local_ip'] === 'flow',
    inKeyFlow: inKey.flow,
    inKeyPresent: inKey.present,
    inKey: inKey.key,
    outKeyFlow: outKey.flow,
    outKeyPresent: outKey.present,
    outKey: outKey.key,
    dstPort: Number(options['dst_port'] ?? udpPorts[type] ?? 0),
    ttl: (Number.parseInt(ttl ?? '', 10) || 0) & 0xff || DEFAULT_TTL,
    ttlInherit: ttl === 'inherit',
    tos: /^(?:0x[0-9a-f]+|\d+)$/i.test(tos) && (Number(tos) & ~0xfc) === 0 ? Number(tos) : 0,
    tosInherit: tos === 'inherit',
    dontFragment: options['df_default'] !== 'false',
    csum: options['csum'] === 'true' && /gre|geneve|stt|vxlan/.test(type),
    egressPktMark: options['egress_pkt_mark'] === undefined ? undefined : Number(options['egress_pkt_mark']),
    packetType: asked === 'legacy_l3' || asked === 'legacy_l2' || asked === 'ptap' ? asked : native,
    gbp: extensions.includes('gbp'),
    gpe: extensions.includes('gpe'),
    options,
  };
}

/** What the datapath calls the port that all tunnels of this kind share. */
export function datapathNameOf(tunnel: Tunnel): string {
  const name = systemNames[tunnel.type] ?? tunnel.type;
  return name.endsWith('_') ? `${name}${tunnel.dstPort}` : name;
}

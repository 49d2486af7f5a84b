import { ones } from '../base/bits';
import { formatIpv4, formatMac } from '../packet/address';
import { formatFieldValue, formatSubfield, printIpv6, putHex } from './format-field';
import { formatPort, formatTable, quoteName, type NameMap } from './names';
import { OFPP, type CtAct, type EncapProperty, type LearnAct, type LearnSpec, type NatAct, type OfpAct } from './ofpact';
import type { TlvTable } from './tlv';

export interface ActionFormat {
  /** Ports' and tables' names (`--names`). */
  readonly ports?: NameMap | undefined;
  readonly tables?: NameMap | undefined;
  /** Geneve options, whose width a switch knows and ovs-ofctl does not. */
  readonly tlv?: TlvTable | undefined;
}

/** A list of actions as dumps print it behind `actions=`: `drop` for none. */
export function formatActions(actions: readonly OfpAct[], options: ActionFormat = {}): string {
  return actions.length === 0 ? 'drop' : actions.map((act) => formatAction(act, options)).join(',');
}

/** One action as a trace prints it on its line (ovs-actions(7)). */
export function formatAction(act: OfpAct, options: ActionFormat = {}): string {
  const port = (ref: number | string) => formatPort(ref, options.ports);
  const subfield = (sub: Parameters<typeof formatSubfield>[0]) => formatSubfield(sub, options.tlv);
  switch (act.kind) {
    case 'output': {
      const own = typeof act.port === 'string' || act.port < OFPP.MAX;
      return `${own ? 'output:' : ''}${port(act.port)}${act.port === OFPP.CONTROLLER ? `:${act.maxLen}` : ''}`;
    }
    case 'output_reg':
      return `output:${subfield(act.src)}`;
    case 'output_trunc':
      return `output(port=${port(act.port)},max_len=${act.maxLen})`;
    case 'group':
      return `group:${act.group}`;
    case 'controller':
      return controller(act);
    case 'enqueue':
      return `enqueue:${port(act.port)}:${act.queue}`;
    case 'bundle': {
      const name = act.dst ? 'bundle_load' : 'bundle';
      const dst = act.dst ? `${subfield(act.dst)},` : '';
      return `${name}(${act.fields},${act.basis},${act.algorithm},ofport,${dst}members:${act.members.map(port).join(',')})`;
    }
    case 'set_field':
      return setField(act, options);
    case 'set_vlan_vid':
      return `${act.pushIfNeeded ? 'mod' : 'set'}_vlan_vid:${act.vid}`;
    case 'set_vlan_pcp':
      return `${act.pushIfNeeded ? 'mod' : 'set'}_vlan_pcp:${act.pcp}`;
    case 'strip_vlan':
      return act.spelling;
    case 'push_vlan':
      return `push_vlan:0x${act.ethertype.toString(16)}`;
    case 'set_eth_src':
    case 'set_eth_dst':
      return `mod_dl_${act.kind.slice(8)}:${formatMac(act.mac)}`;
    case 'set_ipv4_src':
    case 'set_ipv4_dst':
      return `mod_nw_${act.kind.slice(9)}:${formatIpv4(BigInt(act.ip))}`;
    case 'set_ip_dscp':
      return `mod_nw_tos:${act.dscp}`;
    case 'set_ip_ecn':
      return `mod_nw_ecn:${act.ecn}`;
    case 'set_ip_ttl':
      return `mod_nw_ttl:${act.ttl}`;
    case 'set_l4_src_port':
      return `mod_tp_src:${act.port}`;
    case 'set_l4_dst_port':
      return `mod_tp_dst:${act.port}`;
    case 'reg_move':
      return `move:${subfield(act.src)}->${subfield(act.dst)}`;
    case 'stack_push':
      return `push:${subfield(act.subfield)}`;
    case 'stack_pop':
      return `pop:${subfield(act.subfield)}`;
    case 'dec_ttl':
      return act.explicit ? `dec_ttl(${act.ids.join(',')})` : 'dec_ttl';
    case 'set_mpls_label':
      return `set_mpls_label(${act.label})`;
    case 'set_mpls_tc':
      return `set_mpls_tc(${act.tc})`;
    case 'set_mpls_ttl':
      return `set_mpls_ttl(${act.ttl})`;
    case 'push_mpls':
    case 'pop_mpls':
      return `${act.kind}:0x${act.ethertype.toString(16).padStart(4, '0')}`;
    case 'delete_field':
      return `delete_field:${act.field.mfName}`;
    case 'encap': {
      const properties = act.properties.map(encapProperty).join(',');
      return `encap(${act.name}${properties === '' ? '' : `(${properties})`})`;
    }
    case 'decap':
      return act.packetType === undefined
        ? 'decap()'
        : `decap(packet_type(ns=${act.packetType >>> 16},type=${hash(act.packetType & 0xffff)}))`;
    case 'set_tunnel':
      return `set_tunnel${act.wide || act.id > 0xffffffffn ? '64' : ''}:${hash(act.id)}`;
    case 'set_queue':
      return `set_queue:${act.queue}`;
    case 'fin_timeout': {
      const idle = act.idleTimeout === 0 ? [] : [`idle_timeout=${act.idleTimeout}`];
      const hard = act.hardTimeout === 0 ? [] : [`hard_timeout=${act.hardTimeout}`];
      return `fin_timeout(${[...idle, ...hard].join(',')})`;
    }
    case 'resubmit':
      return resubmit(act, options);
    case 'learn':
      return learn(act, options);
    case 'conjunction':
      return `conjunction(${act.id},${act.clause}/${act.clauses})`;
    case 'multipath':
      return `multipath(${act.fields},${act.basis},${act.algorithm},${act.maxLink + 1},${act.arg},${subfield(act.dst)})`;
    case 'note':
      return `note:${bytes(act.data)}`;
    case 'sample': {
      const sampled = act.samplingPort === undefined ? '' : `,sampling_port=${port(act.samplingPort)}`;
      const direction = act.direction === 'default' ? '' : `,${act.direction}`;
      return (
        `sample(probability=${act.probability},collector_set_id=${act.collectorSetId},obs_domain_id=${act.obsDomainId},` +
        `obs_point_id=${act.obsPointId}${sampled}${direction})`
      );
    }
    case 'ct':
      return ct(act, options);
    case 'nat':
      return nat(act);
    case 'clone':
      return `clone(${formatActions(act.actions, options)})`;
    case 'check_pkt_larger':
      return `check_pkt_larger(${act.length})->${subfield(act.dst)}`;
    case 'meter':
      return `meter:${act.meter}`;
    case 'write_actions':
      return `write_actions(${formatActions(act.actions, options)})`;
    case 'write_metadata':
      return `write_metadata:${hash(act.metadata)}${act.mask === ones(64) ? '' : `/${hash(act.mask)}`}`;
    case 'goto_table':
      return `goto_table:${table(act, options)}`;
    case 'unknown':
      return act.text;
    case 'dec_mpls_ttl':
    case 'dec_nsh_ttl':
    case 'pop_queue':
    case 'exit':
    case 'ct_clear':
    case 'debug_recirc':
    case 'debug_slow':
    case 'clear_actions':
      return act.kind;
  }
}

/** C's `%#x`: no prefix for 0. */
function hash(value: number | bigint): string {
  return value === 0 || value === 0n ? '0' : `0x${value.toString(16)}`;
}

function bytes(data: readonly number[]): string {
  return data.map((byte) => byte.toString(16).padStart(2, '0')).join('.');
}

function table(act: { readonly table: number | undefined; readonly tableName?: string }, options: ActionFormat): string {
  return act.tableName === undefined ? formatTable(act.table ?? 0, options.tables) : quoteName(act.tableName);
}

function controller(act: OfpAct & { readonly kind: 'controller' }): string {
  const parts: string[] = [];
  if (act.reason !== 'action') parts.push(`reason=${act.reason}`);
  if (act.maxLen !== 0xffff) parts.push(`max_len=${act.maxLen}`);
  if (act.controllerId !== 0) parts.push(`id=${act.controllerId}`);
  if (act.userdata && act.userdata.length > 0) parts.push(`userdata=${bytes(act.userdata)}`);
  if (act.pause) parts.push('pause');
  if (act.meterId !== undefined) parts.push(`meter_id=${act.meterId}`);
  return parts.length === 0 || (parts.length === 1 && parts[0]?.startsWith('max_len='))
    ? `CONTROLLER:${act.maxLen}`
    : `controller(${parts.join(',')})`;
}

/** A load into separate runs of bits, or into more than 64, is printed as several. */
function setField(act: OfpAct & { readonly kind: 'set_field' }, options: ActionFormat): string {
  const { field, value, mask } = act;
  if (!act.load) {
    const text = act.portName === undefined ? formatFieldValue(field, value, mask, options.ports) : quoteName(act.portName);
    return `set_field:${text}->${field.mfName}`;
  }
  const parts: string[] = [];
  const isOne = (bit: number) => ((mask >> BigInt(bit)) & 1n) === 1n;
  for (let at = 0; at < field.bits;) {
    if (!isOne(at)) {
      at++;
      continue;
    }
    let end = at + 1;
    while (end < Math.min(at + 64, field.bits) && isOne(end)) end++;
    const segment = BigInt.asUintN(end - at, value >> BigInt(at));
    parts.push(`load:${hash(segment)}->${formatSubfield({ field, ofs: at, bits: end - at }, options.tlv)}`);
    at = end;
  }
  return parts.join(',');
}

function encapProperty({ value }: EncapProperty): string {
  if (value.kind === 'md-type') return `md_type=${value.mdType}`;
  const data = value.data.reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);
  return `tlv(0x${value.tlvClass.toString(16).padStart(4, '0')},${value.type},${putHex(data)})`;
}

function resubmit(act: OfpAct & { readonly kind: 'resubmit' }, options: ActionFormat): string {
  const named = act.tableName !== undefined || act.table !== 255;
  const port = act.inPort === undefined || act.inPort === OFPP.IN_PORT ? undefined : formatPort(act.inPort, options.ports);
  if (port !== undefined && !named) return `resubmit:${port}`;
  return `resubmit(${port ?? ''},${named ? table(act, options) : ''}${act.ct ? ',ct' : ''})`;
}

function learn(act: LearnAct, options: ActionFormat): string {
  const parts = [`table=${table(act, options)}`];
  const add = (name: string, value: number, absent: number) => {
    if (value !== absent) parts.push(`${name}=${value}`);
  };
  add('idle_timeout', act.idleTimeout, 0);
  add('hard_timeout', act.hardTimeout, 0);
  add('fin_idle_timeout', act.finIdleTimeout, 0);
  add('fin_hard_timeout', act.finHardTimeout, 0);
  add('priority', act.priority, 32768);
  if (act.sendFlowRem) parts.push('send_flow_rem');
  if (act.deleteLearned) parts.push('delete_learned');
  if (act.cookie !== 0n) parts.push(`cookie=${hash(act.cookie)}`);
  add('limit', act.limit, 0);
  if (act.resultDst) parts.push(`result_dst=${formatSubfield(act.resultDst, options.tlv)}`);
  for (const spec of act.specs) parts.push(learnSpec(spec, options));
  return `learn(${parts.join(',')})`;
}

function learnSpec(spec: LearnSpec, options: ActionFormat): string {
  const subfield = (sub: Parameters<typeof formatSubfield>[0]) => formatSubfield(sub, options.tlv);
  if (spec.kind === 'output') return `output:${subfield(spec.src)}`;
  const { src, dst } = spec;
  if (spec.kind === 'load') return `load:${src.kind === 'field' ? subfield(src.src) : putHex(src.value)}->${subfield(dst)}`;
  if (src.kind === 'field') {
    const same = src.src.field.mfName === dst.field.mfName && src.src.ofs === dst.ofs;
    return same ? subfield(dst) : `${subfield(dst)}=${subfield(src.src)}`;
  }
  if (dst.ofs !== 0 || dst.bits !== dst.field.bits) return `${subfield(dst)}=${putHex(src.value)}`;
  const value =
    spec.portName === undefined ? formatFieldValue(dst.field, src.value, undefined, options.ports) : quoteName(spec.portName);
  return `${dst.field.mfName}=${value}`;
}

const algs = new Map<number, string>([[21, 'ftp'], [69, 'tftp']]); // prettier-ignore

function ct(act: CtAct, options: ActionFormat): string {
  const parts: string[] = [];
  if (act.commit) parts.push('commit');
  if (act.force) parts.push('force');
  if (act.table !== undefined) parts.push(`table=${table(act, options)}`);
  if (typeof act.zone === 'object') parts.push(`zone=${formatSubfield(act.zone, options.tlv)}`);
  else if (act.zone !== 0) parts.push(`zone=${act.zone}`);
  const [first, ...rest] = act.actions;
  if (first?.kind === 'nat') parts.push(nat(first));
  const inner = first?.kind === 'nat' ? rest : act.actions;
  if (inner.length > 0) parts.push(`exec(${formatActions(inner, options)})`);
  if (act.alg !== 0) parts.push(`alg=${algs.get(act.alg) ?? act.alg}`);
  return `ct(${parts.join(',')})`;
}

function nat(act: NatAct): string {
  if (act.direction === undefined) return 'nat';
  let range = '';
  if (act.addresses) {
    const { family, min, max } = act.addresses;
    const print = (address: bigint) => {
      if (family === 4) return formatIpv4(address);
      return act.ports && act.ports.min !== 0 ? `[${printIpv6(address)}]` : printIpv6(address);
    };
    range = `=${print(min)}${max !== 0n && max !== min ? `-${print(max)}` : ''}`;
  }
  if (act.ports && act.ports.min !== 0) {
    const { min, max } = act.ports;
    range += `${act.addresses ? '' : '='}:${min}${max !== 0 && max !== min ? `-${max}` : ''}`;
  }
  const flags = [act.persistent && 'persistent', act.hash && 'hash', act.random && 'random'].filter((word) => word !== false);
  return `nat(${[`${act.direction}${range}`, ...flags].join(',')})`;
}

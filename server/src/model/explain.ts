import { hex } from '../base/bits';
import { formatIpv4, formatIpv6, formatMac } from '../packet/address';
import { ctStateBits, fieldOf, LOCAL_PORT, protocolWords } from '../packet/fields';
import type { Action, Flow, MatchTerm, Subfield } from '../packet/openflow';

/** Gives a port's name for its number, where the bridge is known. */
export type PortNames = (ofport: number) => string | undefined;

/** `port 2 (qvof7eae624-34)`. */
export function portText(port: number | string, names: PortNames): string {
  if (typeof port === 'string') return `port ${port}`;
  if (port === LOCAL_PORT) {
    const local = names(port);
    return local === undefined ? 'LOCAL' : `LOCAL (${local})`;
  }
  const name = names(port);
  return name === undefined ? `port ${port}` : `port ${port} (${name})`;
}

/** What a packet must be for a flow to match, in words. */
export function explainMatch(flow: Flow, names: PortNames): string {
  if (flow.match.length === 0) return 'any packet';
  const words: string[] = [];
  const protocol = Object.entries(protocolWords).find(([, { dlType, nwProto }]) => {
    const type = flow.match.find((term) => term.field === 'dl_type');
    const proto = flow.match.find((term) => term.field === 'nw_proto');
    return type?.value === dlType && (nwProto === undefined ? proto === undefined : proto?.value === nwProto);
  });
  if (protocol) words.push(`${protocol[0].toUpperCase()} packets`);
  for (const term of flow.match) {
    if (protocol && (term.field === 'dl_type' || term.field === 'nw_proto')) continue;
    words.push(explainTerm(term, names));
  }
  return words.join(', ');
}

function explainTerm(term: MatchTerm, names: PortNames): string {
  if (term.unknown) return `${term.text} (not understood)`;
  const vid = term.value & 0xfffn;
  switch (term.field) {
    case 'in_port':
      return `from ${term.portName ?? portText(Number(term.value), names)}`;
    case 'dl_src':
      return `from MAC ${macText(term)}`;
    case 'dl_dst':
      if (term.mask === 0x010000000000n)
        return term.value === 0n ? 'to a single machine (unicast)' : 'to a group (broadcast or multicast)';
      return `to MAC ${macText(term)}`;
    case 'vlan_tci':
      if (term.value === 0n && (term.mask === 0x1fffn || term.mask === 0xffffn)) return 'untagged';
      return `VLAN ${vid}`;
    case 'dl_vlan':
      return term.value === 0n ? 'untagged' : `VLAN ${vid}`;
    case 'vlan_vid':
      return `VLAN ${vid}`;
    case 'tun_id':
      return `tunnel id ${hex(term.value)} (VNI ${term.value})`;
    case 'ct_state':
      return `connection state ${flagText(term)}`;
    default:
      return term.text.replace('=', ' ');
  }
}

function macText(term: MatchTerm): string {
  const all = (1n << 48n) - 1n;
  return term.mask === all ? formatMac(term.value) : `${formatMac(term.value)}/${formatMac(term.mask)}`;
}

function flagText(term: MatchTerm): string {
  return Object.entries(ctStateBits)
    .filter(([, bit]) => (term.mask & bit) !== 0n)
    .map(([name, bit]) => `${(term.value & bit) === 0n ? 'not ' : ''}${name}`)
    .join(', ');
}

/** What a flow does, in words, in order. */
export function explainActions(actions: readonly Action[], names: PortNames): string[] {
  if (actions.length === 0) return ['drops the packet'];
  return actions.map((action) => explainAction(action, names));
}

export function explainAction(action: Action, names: PortNames): string {
  switch (action.kind) {
    case 'output':
      return `sends it out of ${portText(action.port, names)}`;
    case 'output-field':
      return `sends it out of the port in ${subfieldText(action.src)}`;
    case 'normal':
      return 'NORMAL: forwards it as a learning switch does, by VLAN and MAC address';
    case 'flood':
      return 'floods it to all ports but the one it came from';
    case 'all':
      return 'sends it to every port but the one it came from';
    case 'in-port':
      return 'sends it back out of the port it came from';
    case 'local':
      return "sends it to the bridge's own port (LOCAL)";
    case 'drop':
      return 'drops the packet';
    case 'exit':
      return 'ends the pipeline';
    case 'clear-actions':
      return 'clears the action set';
    case 'pop-vlan':
      return 'strips the VLAN tag';
    case 'dec-ttl':
      return 'takes one from the TTL';
    case 'ct-clear':
      return 'forgets the connection state';
    case 'controller':
      return 'sends it to the controller';
    case 'resubmit':
      return `looks it up in ${action.table === undefined ? 'the same table' : `table ${action.table}`}${action.port === undefined ? '' : ` as if from ${portText(action.port, names)}`}`;
    case 'goto-table':
      return `goes on in table ${action.table}`;
    case 'set-vlan-vid':
      return `tags it with VLAN ${action.vid}`;
    case 'set-vlan-pcp':
      return `sets VLAN priority ${action.pcp}`;
    case 'push-vlan':
      return 'adds a VLAN tag';
    case 'set-field':
      return `sets ${setText(action.field, action.value)}`;
    case 'load':
      if (action.dst.field === 'vlan_tci' && action.dst.bits >= 16 && action.value === 0n) return 'strips the VLAN tag';
      return `sets ${action.dst.bits >= (fieldOf(action.dst.field)?.bits ?? 0) ? setText(action.dst.field, action.value) : `${subfieldText(action.dst)} to ${hex(action.value)}`}`;
    case 'move':
      return `copies ${subfieldText(action.src)} to ${subfieldText(action.dst)}`;
    case 'learn':
      return `learns a flow into table ${action.table} for the way back`;
    case 'ct':
      return [
        `passes it through connection tracking${action.zone === undefined ? '' : ` in zone ${typeof action.zone === 'number' ? action.zone : subfieldText(action.zone)}`}`,
        action.commit ? 'commits the connection' : '',
        action.nat === undefined ? '' : action.nat === '' ? 'translates as the connection says' : `translates (${action.nat})`,
        action.table === undefined ? '' : `goes on in table ${action.table}`,
      ]
        .filter((part) => part !== '')
        .join(', ');
    case 'conjunction':
      return `counts as clause ${action.clause} of ${action.clauses} of conjunction ${action.id}`;
    case 'write-actions':
      return `at the end of the pipeline: ${explainActions(action.actions, names).join(', ')}`;
    case 'write-metadata':
      return `sets metadata to ${hex(action.value)}`;
    case 'group':
      return `hands it to group ${action.group}`;
    case 'clone':
      return `does to a copy of it: ${explainActions(action.actions, names).join(', ')}`;
    case 'push':
      return `keeps ${subfieldText(action.subfield)} on the stack`;
    case 'pop':
      return `takes ${subfieldText(action.subfield)} back from the stack`;
    case 'check-length':
      return `sets ${subfieldText(action.dst)} to whether it is longer than ${action.length} bytes`;
    case 'bundle': {
      const ports = action.ports.map((port) => portText(port, names)).join(', ');
      const one =
        action.ports.length === 1
          ? `${ports}, if it is live`
          : `${action.first ? 'the first live one' : 'one, by a hash, of the live ones'} of ${ports}`;
      return action.dst ? `sets ${subfieldText(action.dst)} to the number of ${one}` : `sends it out of ${one}`;
    }
    case 'enqueue':
      return `sends it out of ${portText(action.port, names)} by queue ${action.queue}`;
    case 'other':
      return action.text;
    case 'no-effect':
      return `${action.name} (does not change where it goes)`;
    case 'not-modelled':
      return `not modelled: ${action.text}`;
  }
}

function setText(field: string, value: bigint): string {
  switch (field) {
    case 'tun_id':
      return `tunnel id ${hex(value)} (VNI ${value})`;
    case 'dl_src':
    case 'dl_dst':
    case 'arp_sha':
    case 'arp_tha':
      return `${field} to ${formatMac(value)}`;
    case 'nw_src':
    case 'nw_dst':
    case 'arp_spa':
    case 'arp_tpa':
      return `${field} to ${formatIpv4(value)}`;
    case 'ipv6_src':
    case 'ipv6_dst':
      return `${field} to ${formatIpv6(value)}`;
    case 'vlan_vid':
      return `VLAN ${value & 0xfffn}`;
    default:
      return `${field} to ${hex(value)}`;
  }
}

function subfieldText(sub: Subfield): string {
  const whole = sub.offset === 0 && sub.bits >= (fieldOf(sub.field)?.bits ?? 0);
  return whole ? sub.field : `${sub.field}[${sub.offset}..${sub.offset + sub.bits - 1}]`;
}

/** What a learn() action does, in words: the flow that it writes for every packet (ovs-actions(7), "The learn action"). */
export function explainLearn(learn: Action & { readonly kind: 'learn' }): {
  readonly matches: string[];
  readonly does: string[];
} {
  const matches: string[] = [];
  const does: string[] = [];
  for (const spec of learn.specs) {
    if (spec.kind === 'output') {
      does.push(
        spec.src.field === 'in_port'
          ? 'sends it out of the port that this packet came in by'
          : `sends it out of the port in this packet's ${subfieldText(spec.src)}`,
      );
    } else if (spec.kind === 'match') {
      const field =
        spec.dst.field === 'vlan_tci' && spec.dst.offset === 0 && spec.dst.bits === 12 ? 'VLAN' : fieldWords(spec.dst);
      if (typeof spec.src === 'bigint') matches.push(`${field} ${hex(spec.src)}`);
      else if (sameBits(spec.src, spec.dst)) matches.push(`the same ${field}`);
      else matches.push(`${field} = this packet's ${fieldWords(spec.src)}`);
    } else if (typeof spec.src === 'bigint') {
      does.push(
        spec.dst.field === 'vlan_tci' && spec.src === 0n ? 'strips the VLAN tag' : `sets ${setText(spec.dst.field, spec.src)}`,
      );
    } else {
      does.push(`sets ${fieldWords(spec.dst)} to this packet's ${fieldWords(spec.src)}`);
    }
  }
  return { matches, does };
}

function sameBits(a: Subfield, b: Subfield): boolean {
  return a.field === b.field && a.offset === b.offset && a.bits === b.bits;
}

const plainWords: Readonly<Record<string, string>> = {
  dl_src: 'source MAC',
  dl_dst: 'destination MAC',
  tun_id: 'tunnel id',
  in_port: 'ingress port',
};

function fieldWords(sub: Subfield): string {
  return sub.offset === 0 ? (plainWords[sub.field] ?? subfieldText(sub)) : subfieldText(sub);
}

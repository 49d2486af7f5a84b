import { LOCAL_PORT } from '../../packet/fields';
import { hex } from '../../base/bits';
import type { Ref, RefKind } from '../capture';
import type { Action, MatchTerm } from '../../packet/openflow';

const termKinds: Readonly<Record<string, RefKind>> = {
  in_port: 'ofport',
  dl_src: 'mac',
  dl_dst: 'mac',
  arp_sha: 'mac',
  arp_tha: 'mac',
  nd_sll: 'mac',
  nd_tll: 'mac',
  nw_src: 'ip',
  nw_dst: 'ip',
  arp_spa: 'ip',
  arp_tpa: 'ip',
  ipv6_src: 'ip',
  ipv6_dst: 'ip',
  nd_target: 'ip',
  tun_src: 'ip',
  tun_dst: 'ip',
  tun_id: 'tun-id',
  dl_vlan: 'vlan',
  vlan_vid: 'vlan',
  vlan_tci: 'vlan',
};

/** What a match's value names: a port, a VLAN, a MAC … The span is the value's, without its mask. */
export function termRef(term: MatchTerm, valueText: string, valueStart: number): Ref | undefined {
  const kind = termKinds[term.field];
  if (!kind) return undefined;
  const bare = valueText.split('/')[0] ?? '';
  const span = { start: valueStart, end: valueStart + bare.length };
  switch (kind) {
    case 'ofport':
      return { kind, value: term.portName ?? term.value.toString(), span: unquoted(bare, span) };
    case 'mac':
      // 01:00:00:00:00:00/01:00:00:00:00:00 is "any group address", nobody's own.
      return valueText.includes('/') ? undefined : { kind, value: bare.toLowerCase(), span };
    case 'ip':
      return { kind, value: bare.toLowerCase(), span };
    case 'tun-id':
      return { kind, value: term.value.toString(), span };
    case 'vlan': {
      const vid = term.value & 0xfffn;
      const present = (term.value & term.mask & 0x1000n) !== 0n || (term.mask & 0x1000n) === 0n;
      return present && (term.mask & 0xfffn) === 0xfffn && (vid !== 0n || term.field !== 'vlan_tci')
        ? { kind, value: vid.toString(), span }
        : undefined;
    }
    default:
      return undefined;
  }
}

function unquoted(text: string, span: { start: number; end: number }) {
  return text.startsWith('"') ? { start: span.start + 1, end: span.end - 1 } : span;
}

/** What an action names: the port of an output, the table of a resubmit, the tun_id that is set … */
export function actionRefs(action: Action): Ref[] {
  const at = (value: string, kind: RefKind, canonical: string = value): Ref[] => {
    const index = action.text.lastIndexOf(value);
    if (index < 0 || value === '') return [];
    const start = action.span.start + index;
    return [{ kind, value: canonical, span: { start, end: start + value.length } }];
  };
  switch (action.kind) {
    case 'output':
      return typeof action.port === 'number'
        ? action.port === LOCAL_PORT
          ? at('LOCAL', 'ofport', '65534')
          : at(action.port.toString(), 'ofport')
        : at(action.port, 'ofport');
    case 'resubmit':
      return action.table === undefined ? [] : at(action.table.toString(), 'table');
    case 'goto-table':
      return at(action.table.toString(), 'table');
    case 'set-vlan-vid':
      return at(/:(\w+)$/.exec(action.text)?.[1] ?? '', 'vlan', action.vid.toString());
    case 'load':
      return action.dst.field === 'tun_id' ? valueRef(action, action.value, 'tun-id') : [];
    case 'set-field':
      if (action.field === 'tun_id') return valueRef(action, action.value, 'tun-id');
      if (action.field === 'vlan_vid') return valueRef(action, action.value, 'vlan', (action.value & 0xfffn).toString());
      if (action.field === 'dl_src' || action.field === 'dl_dst') {
        const mac = /(?<!\w)(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}/i.exec(action.text)?.[0] ?? '';
        return at(mac, 'mac', mac.toLowerCase());
      }
      return [];
    case 'ct':
      return action.table === undefined ? [] : tableOfCt(action);
    default:
      return [];
  }
}

function tableOfCt(action: Action): Ref[] {
  const match = /table=(\d+)/.exec(action.text);
  if (!match?.[1]) return [];
  const start = action.span.start + match.index + 'table='.length;
  return [{ kind: 'table', value: String(Number(match[1])), span: { start, end: start + match[1].length } }];
}

function valueRef(action: Action, value: bigint, kind: RefKind, canonical = value.toString()): Ref[] {
  for (const text of [hex(value), value.toString()]) {
    const index = action.text.indexOf(`:${text}`);
    if (index >= 0) {
      const start = action.span.start + index + 1;
      return [{ kind, value: canonical, span: { start, end: start + text.length } }];
    }
  }
  return [];
}

import { parseIpv6 } from '../../../packet/address';
import { keyValues } from '../../../openflow/key-values';
import { parseTable } from '../../../openflow/names';
import type { MfSubfield, NatAct, OfpAct } from '../../../openflow/ofpact';
import { u16, type ActText, type ReadAct } from './numbers';
import { readSubfield } from './subfield';

const helpers: Readonly<Record<string, number>> = { ftp: 21, tftp: 69 };

export function ct({ argument, names, nested }: ActText): ReadAct {
  let commit = false;
  let force = false;
  let zone: number | MfSubfield = 0;
  let table: number | string | undefined;
  let alg = 0;
  const actions: OfpAct[] = [];
  for (const { key, value } of keyValues(argument)) {
    switch (key) {
      case 'commit':
        commit = true;
        break;
      case 'force':
        force = true;
        break;
      case 'table':
        table = parseTable(value, names.tables);
        if (table === undefined) return `unknown table ${value}`;
        if (table === 255) return 'invalid table 0xff';
        break;
      case 'zone': {
        const number = u16(value, 'zone');
        const from = typeof number === 'number' ? number : readSubfield(value);
        if (typeof from === 'string') return from;
        zone = from;
        break;
      }
      case 'alg': {
        const number = Object.hasOwn(helpers, value) ? helpers[value] : undefined;
        if (number === undefined) return `invalid conntrack helper "${value}"`;
        alg = number;
        break;
      }
      case 'nat': {
        const act = natAction(value);
        if (typeof act === 'string') return act;
        actions.push(act);
        break;
      }
      case 'exec': {
        const inner = nested(value, 'ct');
        if (typeof inner === 'string') return inner;
        actions.push(...inner);
        break;
      }
      default:
        return `invalid argument to "ct" action: \`${key}'`;
    }
  }
  if (force && !commit) return '"force" flag requires "commit" flag.';
  return {
    kind: 'ct',
    commit,
    force,
    zone,
    alg,
    actions,
    ...(typeof table === 'string' ? { table: 255, tableName: table } : { table }),
  };
}

export function nat({ argument }: ActText): ReadAct {
  return natAction(argument);
}

function natAction(argument: string): NatAct | string {
  let direction: 'src' | 'dst' | undefined;
  let both = false;
  let range: NatRange = { addresses: undefined, ports: undefined };
  const flags = { persistent: false, hash: false, random: false };
  for (const { key, value } of keyValues(argument)) {
    switch (key) {
      case 'src':
      case 'dst': {
        both ||= direction !== undefined && direction !== key;
        direction = key;
        const read = natRange(value);
        if (typeof read === 'string') return read;
        range = read;
        break;
      }
      case 'persistent':
      case 'hash':
      case 'random':
        flags[key] = true;
        break;
      default:
        return `invalid key "${key}" in "nat" argument`;
    }
  }
  if (both) return 'May only specify one of "src" or "dst".';
  if (direction === undefined && (flags.persistent || flags.hash || flags.random)) {
    return 'Flags allowed only with "src" or "dst".';
  }
  if (flags.hash && flags.random) return 'Both "hash" and "random" are not allowed.';
  return { kind: 'nat', direction, ...range, ...flags };
}

type NatRange = Pick<NatAct, 'addresses' | 'ports'>;

const IPV4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)/;
const IPV6 = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9a-fA-F:.]+))/;

interface Scanned {
  readonly family: 4 | 6;
  readonly value: bigint;
  readonly length: number;
}

function scanAddress(text: string): Scanned | undefined {
  const v4 = IPV4.exec(text);
  if (v4) {
    const value = v4.slice(1).reduce((all, part) => (all << 8n) | (BigInt(part) & 0xffn), 0n);
    return { family: 4, value, length: v4[0].length };
  }
  const v6 = IPV6.exec(text);
  const value = v6 ? parseIpv6(v6[1] ?? v6[2] ?? '') : undefined;
  return v6 && value !== undefined ? { family: 6, value, length: v6[0].length } : undefined;
}

function natRange(text: string): NatRange | string {
  const bad = `invalid nat range "${text}"`;
  let at = 0;
  let addresses: NatAct['addresses'];
  let ports: NatAct['ports'];
  const min = scanAddress(text);
  if (min) {
    at = min.length;
    let max = 0n;
    if (text[at] === '-') {
      const end = scanAddress(text.slice(at + 1));
      if (end?.family !== min.family || end.value < min.value) return bad;
      max = end.value;
      at += 1 + end.length;
    }
    addresses = { family: min.family, min: min.value, max };
    if (text[at] === ':') {
      const range = /^:(\d+)(?:-(\d*))?/.exec(text.slice(at));
      const low = range ? Number(range[1]) & 0xffff : 0;
      const high = range?.[2] === undefined ? 0 : range[2] === '' ? Number.NaN : Number(range[2]) & 0xffff;
      if (!range || Number.isNaN(high) || (range[2] !== undefined && high < low)) return bad;
      ports = { min: low, max: high };
      at += range[0].length;
    }
  }
  if (at < text.length) return `garbage (${text.slice(at)}) after nat range "${text}" (pos: ${at})`;
  return { addresses, ports };
}

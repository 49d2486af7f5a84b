import { ones } from '../../../base/bits';
import { formatFieldValue } from '../../../openflow/format-field';
import { keyValues } from '../../../openflow/key-values';
import { parseTable } from '../../../openflow/names';
import type { LearnSpec, MfSubfield } from '../../../openflow/ofpact';
import { parseExactValue, parseInteger } from '../../../openflow/parse-field';
import { atoi, u64, type ActText, type ReadAct } from './numbers';
import { tableRef } from './output';
import { readMove, readSubfield } from './subfield';

/** Fields that OpenFlow names by an experimenter's header can't be written into a learn action. */
function unsupported(dst: MfSubfield, full: string, name: string): string | undefined {
  return /^(?:NXOXM|ERICOXM|ONFOXM)_/.test(dst.field.header)
    ? `${full}: experimenter OXM field '${name}' not supported`
    : undefined;
}

export function learn({ argument, names }: ActText): ReadAct {
  const act = {
    idleTimeout: 0,
    hardTimeout: 0,
    finIdleTimeout: 0,
    finHardTimeout: 0,
    priority: 32768,
    cookie: 0n,
    sendFlowRem: false,
    deleteLearned: false,
    limit: 0,
  };
  let table: number | string = 1;
  let resultDst: MfSubfield | undefined;
  const specs: LearnSpec[] = [];
  for (const { key, value } of keyValues(argument)) {
    switch (key) {
      case 'table': {
        const found = parseTable(value, names.tables);
        if (found === undefined) return `unknown table "${value}"`;
        if (found === 255) return `${argument}: table id 255 not valid for \`learn' action`;
        table = found;
        break;
      }
      case 'priority':
        act.priority = atoi(value) & 0xffff;
        break;
      case 'idle_timeout':
        act.idleTimeout = atoi(value) & 0xffff;
        break;
      case 'hard_timeout':
        act.hardTimeout = atoi(value) & 0xffff;
        break;
      case 'fin_idle_timeout':
        act.finIdleTimeout = atoi(value) & 0xffff;
        break;
      case 'fin_hard_timeout':
        act.finHardTimeout = atoi(value) & 0xffff;
        break;
      case 'cookie': {
        const cookie = u64(value);
        act.cookie = typeof cookie === 'string' ? 0n : cookie;
        break;
      }
      case 'send_flow_rem':
        act.sendFlowRem = true;
        break;
      case 'delete_learned':
        act.deleteLearned = true;
        break;
      case 'limit':
        act.limit = atoi(value) >>> 0;
        break;
      case 'result_dst': {
        const dst = readSubfield(value);
        if (typeof dst === 'string') return dst;
        if (!dst.field.writable) return `${value} is read-only`;
        if (dst.bits !== 1) return "result_dst in 'learn' action must be a single bit";
        resultDst = dst;
        break;
      }
      default: {
        const spec = learnSpec(argument, key, value, names);
        if (typeof spec === 'string') return spec;
        specs.push(spec);
      }
    }
  }
  return { kind: 'learn', ...act, ...tableRef(table), resultDst, specs };
}

function learnSpec(full: string, name: string, value: string, names: ActText['names']): LearnSpec | string {
  const dst = readSubfield(name);
  if (typeof dst !== 'string') return matchSpec(full, name, dst, value, names);
  if (name === 'load') return loadSpec(value);
  if (name === 'output') {
    const src = readSubfield(value);
    return typeof src === 'string' ? src : { kind: 'output', bits: src.bits, src };
  }
  return `${full}: unknown keyword ${name}`;
}

function matchSpec(full: string, name: string, dst: MfSubfield, value: string, names: ActText['names']): LearnSpec | string {
  const refused = unsupported(dst, full, name);
  if (refused !== undefined) return refused;
  const base = { kind: 'match', bits: dst.bits, dst } as const;
  if (value === '') return { ...base, src: { kind: 'field', src: dst } };
  const src = readSubfield(value);
  if (typeof src !== 'string') {
    if (src.bits === dst.bits) return { ...base, src: { kind: 'field', src } };
    return `${full}: bit widths of ${name} (${src.bits}) and ${value} (${dst.bits}) differ`;
  }
  const trouble = (immediate: string) =>
    `${full}: ${name} value ${value} cannot be parsed as a subfield (${src}) or an immediate value (${immediate})`;
  if (dst.ofs === 0 && dst.bits === dst.field.bits) {
    const parsed = parseExactValue(dst.field, value, names.ports);
    if (parsed.kind === 'error') return trouble(parsed.message);
    if (parsed.kind === 'port-name') {
      return { ...base, src: { kind: 'immediate', value: 0n }, portName: parsed.name };
    }
    return { ...base, src: { kind: 'immediate', value: BigInt.asUintN(8 * Math.ceil(dst.bits / 8), parsed.value) } };
  }
  const parsed = parseInteger(value, dst.field.bytes);
  if ('trouble' in parsed || parsed.rest !== '') return trouble(`${full}: cannot parse integer value`);
  if (parsed.value > ones(dst.bits)) {
    return trouble(`${full}: value ${formatFieldValue(dst.field, parsed.value)} does not fit into ${dst.bits} bits`);
  }
  return { ...base, src: { kind: 'immediate', value: parsed.value } };
}

function loadSpec(value: string): LearnSpec | string {
  const at = value.indexOf('->');
  if (at === 0) return `load: missing source before \`->' in \`${value}'`;
  if (at < 0) return `load: missing \`->' in \`${value}'`;
  const parsed = parseInteger(value, 128);
  if (!('trouble' in parsed) && parsed.rest !== value) {
    if (!parsed.rest.startsWith('->')) return `load: garbage before \`->' in \`${value}'`;
    const target = value.slice(at + 2);
    const dst = readSubfield(target);
    if (typeof dst === 'string') return dst;
    const refused = unsupported(dst, value, target);
    if (refused !== undefined) return refused;
    if (parsed.value > ones(dst.bits)) return `${value}: value does not fit into ${dst.bits} bits`;
    return { kind: 'load', bits: dst.bits, dst, src: { kind: 'immediate', value: parsed.value } };
  }
  const ends = readMove(value);
  if (typeof ends === 'string') return ends;
  return { kind: 'load', bits: ends.src.bits, dst: ends.dst, src: { kind: 'field', src: ends.src } };
}

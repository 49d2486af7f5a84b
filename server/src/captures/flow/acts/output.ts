import { keyValues } from '../../../openflow/key-values';
import { parsePort, parseTable } from '../../../openflow/names';
import { OFPP, type HashFields, type OfpAct, type PortRef } from '../../../openflow/ofpact';
import { atoi, hexBytes, u16, u32, words, type ActText, type ReadAct } from './numbers';
import { readSubfield } from './subfield';

/** What `output:PORT` or a port alone means. */
export function outputTo(port: PortRef): OfpAct {
  return { kind: 'output', port, maxLen: port === OFPP.CONTROLLER ? 0xffff : 0 };
}

export function output({ argument, names }: ActText): ReadAct {
  if (argument.includes('port') && argument.includes('max_len')) return truncated(argument, names);
  const port = parsePort(argument, names.ports);
  if (typeof port === 'number') return outputTo(port);
  const src = readSubfield(argument);
  if (typeof src !== 'string') return { kind: 'output_reg', src, maxLen: 0xffff };
  return port === undefined ? `${argument}: output to unknown port` : outputTo(port);
}

function truncated(argument: string, names: ActText['names']): ReadAct {
  let port: PortRef = 0;
  let maxLen = 0;
  for (const { key, value } of keyValues(argument)) {
    if (key === 'port') {
      const found = parsePort(value, names.ports);
      if (found === undefined) return `output to unknown truncate port: ${value}`;
      if (typeof found === 'number' && found > OFPP.MAX && found !== OFPP.LOCAL && found !== OFPP.IN_PORT) {
        return `output to unsupported truncate port: ${value}`;
      }
      port = found;
    } else if (key === 'max_len') {
      const length = u32(value);
      if (typeof length === 'string') return length;
      if (length < 14) return `max_len ${length} is less than the minimum value 14`;
      maxLen = length;
    } else {
      return `invalid key '${key}' in output_trunc argument`;
    }
  }
  return { kind: 'output_trunc', port, maxLen };
}

/** The switch's own misses have reasons without a name. */
const reasons = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out', ''];

export function controller({ argument }: ActText): ReadAct {
  let reason = 'action';
  let maxLen = 0xffff;
  let controllerId = 0;
  let userdata: number[] | undefined;
  let pause = false;
  let meterId: number | undefined;
  if (/^\d+$/.test(argument)) {
    const length = u16(argument, 'max_len');
    if (typeof length === 'string') return length;
    maxLen = length;
  } else {
    for (const { key, value } of keyValues(argument)) {
      if (key === 'reason') {
        if (!reasons.includes(value.toLowerCase())) return `unknown reason "${value}"`;
        reason = value.toLowerCase();
      } else if (key === 'max_len' || key === 'id') {
        const number = u16(value, key);
        if (typeof number === 'string') return number;
        if (key === 'id') controllerId = number;
        else maxLen = number;
      } else if (key === 'userdata') {
        userdata = hexBytes(value);
        if (!userdata) return "bad hex digit in `controller' action `userdata'";
      } else if (key === 'pause') {
        pause = true;
      } else if (key === 'meter_id') {
        const number = u32(value);
        if (typeof number === 'string') return number;
        meterId = number;
      } else {
        return `unknown key "${key}" parsing controller action`;
      }
    }
  }
  if (reason === 'action' && controllerId === 0 && !userdata && !pause && meterId === undefined) {
    return { kind: 'output', port: OFPP.CONTROLLER, maxLen };
  }
  return { kind: 'controller', maxLen, controllerId, reason, userdata, pause, meterId };
}

export function enqueue({ argument, names }: ActText): ReadAct {
  // A name may hold a `q`, where ovs-ofctl would cut it.
  const colon = /^(.+):([^:]*)$/.exec(argument);
  const plain = colon ?? /^[:q,]*([^:q,]+)[:q,](.+)$/.exec(argument);
  if (!plain) return '"enqueue" syntax is "enqueue:PORT:QUEUE" or "enqueue(PORT,QUEUE)"';
  const [, portText = '', queueText = ''] = plain;
  const port = parsePort(portText, names.ports);
  if (port === undefined) return `${portText}: enqueue to unknown port`;
  const queue = u32(queueText);
  return typeof queue === 'string' ? queue : { kind: 'enqueue', port, queue };
}

export function resubmit({ argument, names }: ActText): ReadAct {
  const [portText = '', tableText = '', ctText = ''] = argument.split(',').map((part) => part.trim());
  const port = portText === '' ? OFPP.IN_PORT : parsePort(portText, names.ports);
  if (port === undefined) return `${portText}: resubmit to unknown port`;
  const table = tableText === '' ? 255 : parseTable(tableText, names.tables);
  if (table === undefined) return `${tableText}: resubmit to unknown table`;
  if (ctText !== '' && ctText !== 'ct') return `${ctText}: unknown parameter`;
  // goto_table:255 comes back as this from OpenFlow 1.0.
  if (port === OFPP.IN_PORT && table === 255 && !names.printed) {
    return 'at least one "in_port" or "table" must be specified on resubmit';
  }
  return {
    kind: 'resubmit',
    inPort: port === OFPP.IN_PORT ? undefined : port,
    ...tableRef(table),
    ct: ctText === 'ct',
    short: table === 255,
  };
}

/** A table's number, or its name with the number that means "not known yet". */
export function tableRef(table: number | string): { readonly table: number; readonly tableName?: string } {
  return typeof table === 'string' ? { table: 255, tableName: table } : { table };
}

const hashFields = new Set<string>(['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3']); // prettier-ignore

function isHashFields(text: string): text is HashFields {
  return hashFields.has(text);
}

export function bundle({ name, argument, names }: ActText): ReadAct {
  const load = name.toLowerCase() === 'bundle_load';
  const head = words(argument, /[, ]+/);
  const [fields = '', basis = '', algorithmText = '', memberType = ''] = head;
  const dstText = load ? head[4] : undefined;
  const delimiter = head[load ? 5 : 4];
  if (delimiter === undefined) return `${argument}: not enough arguments to bundle action`;
  const word = delimiter.split(':')[0] ?? '';
  if (!/^(?:members|slaves)$/i.test(word)) {
    return `${argument}: missing member delimiter, expected \`members', got \`${word}'`;
  }
  const members: PortRef[] = [];
  const list = argument.slice(argument.search(/(?:members|slaves)\s*:?/i)).replace(/^(?:members|slaves)\s*:?/i, '');
  for (const text of words(list, /[, [\]]+/)) {
    const port = parsePort(text, names.ports);
    if (port === undefined) return `${text}: bad port number`;
    members.push(port);
  }
  const lower = fields.toLowerCase();
  if (!isHashFields(lower)) return `${argument}: unknown fields \`${fields}'`;
  const algorithm = algorithmText.toLowerCase();
  if (algorithm !== 'active_backup' && algorithm !== 'hrw') return `${argument}: unknown algorithm \`${algorithmText}'`;
  if (memberType.toLowerCase() !== 'ofport') return `${argument}: unknown member_type \`${memberType}'`;
  const dst = dstText === undefined ? undefined : readSubfield(dstText);
  if (typeof dst === 'string') return dst;
  return { kind: 'bundle', fields: lower, basis: atoi(basis) & 0xffff, algorithm, dst, members };
}

const multipathAlgorithms = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'] as const;

export function multipath({ argument }: ActText): ReadAct {
  const [fields, basis = '', algorithmText = '', linksText = '', argText = '', dstText] = words(argument, /[, ]+/);
  if (fields === undefined || dstText === undefined) return `${argument}: not enough arguments to multipath action`;
  const lower = fields.toLowerCase();
  if (!isHashFields(lower)) return `${argument}: unknown fields \`${fields}'`;
  const algorithm = multipathAlgorithms.find((each) => each === algorithmText.toLowerCase());
  if (!algorithm) return `${argument}: unknown algorithm \`${algorithmText}'`;
  const links = atoi(linksText);
  if (links < 1 || links > 65536) return `${argument}: n_links ${links} is not in valid range 1 to 65536`;
  const dst = readSubfield(dstText);
  if (typeof dst === 'string') return dst;
  if (dst.bits < 16 && links > 1 << dst.bits) {
    return `${argument}: ${dst.bits}-bit destination field has ${1 << dst.bits} possible values, less than specified n_links ${links}`;
  }
  return {
    kind: 'multipath',
    fields: lower,
    basis: atoi(basis) & 0xffff,
    algorithm,
    maxLink: links - 1,
    arg: atoi(argText) >>> 0,
    dst,
  };
}

export function sample({ argument, names }: ActText): ReadAct {
  const act = { probability: 0, collectorSetId: 0, obsDomainId: 0, obsPointId: 0 };
  let samplingPort: PortRef | undefined;
  let direction: 'default' | 'ingress' | 'egress' = 'default';
  for (const { key, value } of keyValues(argument)) {
    if (key === 'probability') {
      const number = u16(value, 'probability');
      if (typeof number === 'string') return number;
      if (number === 0) return `invalid probability value "${value}"`;
      act.probability = number;
    } else if (key === 'collector_set_id' || key === 'obs_domain_id' || key === 'obs_point_id') {
      const number = u32(value);
      if (typeof number === 'string') return number;
      if (key === 'collector_set_id') act.collectorSetId = number;
      else if (key === 'obs_domain_id') act.obsDomainId = number;
      else act.obsPointId = number;
    } else if (key === 'sampling_port') {
      const port = parsePort(value, names.ports);
      if (port === undefined) return `${value}: unknown port`;
      samplingPort = port === OFPP.NONE ? undefined : port;
    } else if (key === 'ingress' || key === 'egress') {
      direction = key;
    } else {
      return `invalid key "${key}" in "sample" argument`;
    }
  }
  if (act.probability === 0) return 'non-zero "probability" must be specified on sample';
  return { kind: 'sample', ...act, samplingPort, direction };
}

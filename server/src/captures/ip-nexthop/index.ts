import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import { numberVal, deviceRef, ipRef, lower } from '../words';
import type { CaptureKind, ParseInput } from '../capture';
import type { Fact } from '../facts';
import { jsonGateway, withoutEncap } from '../ip-route';
import { readRouteLine } from '../ip-route/semantics';
import { getCommand, listCommand, selection } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonObjects, jsonText, readJsonObjects } from '../json';
import { collect, type Collected } from '../lines';
import { continuesRow, parseRows, type Rows } from '../rows';

type Nexthop = Extract<Fact, { kind: 'nexthop-object' }>;

/** What `ip -s nexthop` says of a group's members (ip-nexthop(8)). */
const STATISTICS = /^\s+(?:stats:\s*$|id \d+ packets \d+)/;
const OBJECT = /^\s*id \d+\s+(?:via|dev|group|blackhole|encap)\b/;

const rows: Rows = {
  grammar: grammars.IpRoute,
  what: 'next hop',
  ruleFor: (text) => (STATISTICS.test(text) ? 'statisticsLine' : 'objectLine'),
  starts: (text) => OBJECT.test(text) || STATISTICS.test(text),
};

/** `ip nexthop`: next hops that routes name by their numbers (ip-nexthop(8)). */
export const ipNexthop: CaptureKind = {
  kinds: ['ip-nexthop'],
  recognise(argv) {
    const listed = listCommand(argv);
    const command = listed ?? getCommand(argv);
    if (command?.object !== 'nexthop') return undefined;
    const filter = listed ? selection(command.words, []) : `get ${command.words.join(' ')}`;
    return { kind: 'ip-nexthop', ...(filter === undefined ? {} : { options: { filter } }) };
  },
  sniff: (text) => (OBJECT.test(text) && /\s(?:scope|proto|group)\s/.test(text) ? { kind: 'ip-nexthop' } : undefined),
  accepts: (text) => rows.starts(text) || acceptsJson(text),
  continues: continuesRow(rows),
  parse(input) {
    if (isJson(input)) return parseJson(input);
    return parseRows(input, rows, (rule, result, source, out) => {
      if (rule === 'statisticsLine') return 'header';
      const { dst: id, words, text } = readRouteLine(result, source);
      if (id === undefined) return 'note';
      const [via, dev, encap] = [words.pairs.get('via'), words.pairs.get('dev'), words.pairs.get('encap')];
      add(out, {
        kind: 'nexthop-object',
        id: numberVal(id),
        ...(via === undefined ? {} : { via: lower(via) }),
        ...(dev === undefined ? {} : { dev }),
        ...(encap === undefined ? {} : { encap }),
        blackhole: words.flags.some(({ value }) => value === 'blackhole'),
        group: members(words.pairs.get('group')?.value ?? ''),
        text,
      });
      return 'record';
    });
  },
};

/** `12/31,3`: numbers of other objects, each with its weight. */
function members(text: string): Nexthop['group'] {
  return text.split('/').flatMap((member) => {
    const [id, weight] = member.split(',');
    return id === undefined || !/^\d+$/.test(id)
      ? []
      : [{ id: Number(id), weight: /^\d+$/.test(weight ?? '') ? Number(weight) : 1 }];
  });
}

function add(out: Collected, fact: Nexthop): void {
  if (fact.via !== undefined) ipRef(out, fact.via);
  if (fact.dev !== undefined) deviceRef(out, fact.dev);
  out.facts.push(fact);
}

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const own = withoutEncap(object);
    const id = jsonNumber(own, 'id');
    if (id === undefined) continue;
    const [via, dev, encap] = [jsonGateway(own), jsonText(own, 'dev'), jsonText(object, 'encap')];
    add(out, {
      kind: 'nexthop-object',
      id,
      ...defined({ via, dev, encap }),
      blackhole: own.has('blackhole'),
      group: jsonObjects(own, 'group').flatMap((member) => {
        const of = jsonNumber(member, 'id');
        return of === undefined ? [] : [{ id: of.value, weight: jsonNumber(member, 'weight')?.value ?? 1 }];
      }),
      text: { value: String(id.value), span: id.span },
    });
  }
  return out;
}

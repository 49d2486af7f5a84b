import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import type { IpsetFact } from '../netfilter-facts';
import { missing, type Counted } from '../counted';
import { continuesRow, parseRows, type Rows } from '../rows';
import { addMember, elementRefs } from './members';
import { readIpsetLine } from './semantics';
import { readIpsetXml } from './xml';

const NAME = /^\s*Name: \S+(?:\s|$)/;
const TYPE = /^\s*Type: (?:(?:hash|bitmap|list):\S+|\w*(?:hash|map|tree|list)\w*)(?:\s|$)/;
const COUNT = /^\s*(?:Revision: \d|Size in memory: \d|References: \d|Number of entries: \d|Default binding:|Bindings:)/;
const HEADER = /^\s*Header:(?:\s|$)/;
const MEMBERS = /^\s*Members:(?:\s|$)/;
const CREATE = /^\s*(?:ipset )?(?:create|-N|--create) \S+ (?:(?:hash|bitmap|list):\S+|\w+(?:hash|map|tree|list))(?:\s|$)/;
const ADD =
  /^\s*(?:ipset )?(?:add|-A|--add) \S+ [\w.:,/{}#-]+(?:\s+(?:timeout|packets|bytes|comment|nomatch|wildcard|skb\w+|-exist)(?:\s.*)?)?$/;
/** An element is one word; what may follow it is known. A sentence of one word ends otherwise. */
const MEMBER =
  /^\s*[\w.:,/#%+-]*(?:[\w/]|[\da-f]::)(?:\s+(?:timeout \d|packets \d|bytes \d|skb\w+ \S|comment ["\\]|nomatch\b|wildcard\b|forceadd\b).*)?$/;
/** A line of `-o xml`. */
const XML = /^\s*<\/?(?:ipsets?|type|revision|header|family|range|size|memsize|references|numentries|members?|elem)\b[^>]*>/;
/** A member's own text tells it from a word of prose. */
const CERTAIN_MEMBER = /[\d:,]|\scomment ["\\]/;

const rows: Rows = {
  grammar: grammars.Ipset,
  what: 'line of ipset',
  ruleFor(text) {
    if (NAME.test(text)) return 'nameLine';
    if (TYPE.test(text)) return 'typeLine';
    if (HEADER.test(text)) return 'headerLine';
    if (MEMBERS.test(text)) return 'membersLine';
    if (COUNT.test(text)) return 'countLine';
    if (CREATE.test(text)) return 'createLine';
    if (/^\s*COMMIT\s*$/.test(text)) return 'commitLine';
    return ADD.test(text) ? 'addLine' : 'memberLine';
  },
  starts: (text) =>
    [NAME, TYPE, HEADER, MEMBERS, COUNT, CREATE, ADD].some((pattern) => pattern.test(text)) || /^\s*\d\S*$/.test(text),
};

/** A member that is another set's name alone, which a word of prose may look like: what stands above it tells. */
const isBareMember = (text: string): boolean => /^\s*[\w.:-]{1,31}\s*$/.test(text);
const wrapped = continuesRow(rows);

/** `ipset list`, `ipset save`: sets that netfilter rules look addresses up in, and their members (ipset(8)). */
export const ipset: CaptureKind = {
  kinds: ['ipset-list', 'ipset-save'],
  recognise(argv) {
    if (argv[0] !== 'ipset') return undefined;
    const words = argv.slice(1);
    const verb = words.find((word) => /^(?:list|-L|--list|save|-S|--save)$/.test(word));
    if (verb === undefined) return undefined;
    if (words.some((word) => /^(?:-n|-name|--name)$/.test(word))) return { kind: 'ipset-list', options: { names: 'only' } };
    const saves = /^(?:save|-S|--save)$/.test(verb) || (words.includes('-o') && words.includes('save'));
    const name = words.slice(words.indexOf(verb) + 1).find((word) => !word.startsWith('-') && !/^(?:save|plain|xml)$/.test(word));
    return { kind: saves ? 'ipset-save' : 'ipset-list', ...(name === undefined ? {} : { target: name }) };
  },
  sniff(text, following) {
    if (NAME.test(text) && TYPE.test(following(0) ?? '')) return { kind: 'ipset-list' };
    if (/^\s*<ipsets>\s*$/.test(text) || (/^\s*<ipset name="[^"]*">\s*$/.test(text) && /^\s*<type>/.test(following(0) ?? '')))
      return { kind: 'ipset-list' };
    return CREATE.test(text) ? { kind: 'ipset-save' } : undefined;
  },
  accepts(text, kind, options) {
    if (XML.test(text)) return true;
    if (options?.['names'] === 'only') return isBareMember(text);
    if (kind === 'ipset-save') return CREATE.test(text) || ADD.test(text) || /^\s*COMMIT\s*$/.test(text);
    return rows.starts(text) || (MEMBER.test(text) && (CERTAIN_MEMBER.test(text) || /^\s*[\w.-]*[_-]\w*$/.test(text)));
  },
  continues: (previous, text) =>
    (isBareMember(text) && (MEMBERS.test(previous) || isBareMember(previous))) || wrapped(previous, text),
  parse(input) {
    if (input.lines.some(({ text }) => XML.test(text))) return readIpsetXml(input);
    if (input.options['names'] === 'only') return readNames(input);
    let set: { readonly fact: OpenSet; last: Val<string>; counted?: Counted } | undefined;
    const counted: Counted[] = [];
    const parsed = parseRows(input, rows, (_rule, result, source, out) => {
      const line = readIpsetLine(result, source);
      switch (line.is) {
        case 'name': {
          const fact: OpenSet = {
            kind: 'ipset',
            name: line.name,
            type: val('', line.name.span),
            options: {},
            family: 'inet',
            membersShown: false,
          };
          out.facts.push(fact);
          set = { fact, last: line.name };
          return 'record';
        }
        case 'type':
          if (set !== undefined) set.fact.type = line.type;
          return 'record';
        case 'header':
          if (set !== undefined) {
            set.fact.options = line.options;
            set.fact.family = line.options['family']?.value === 'inet6' ? 'inet6' : 'inet';
          }
          return 'record';
        case 'members':
          if (set?.counted !== undefined) counted.push(set.counted);
          if (set !== undefined) set.fact.membersShown = true;
          return 'header';
        case 'create':
          out.facts.push({
            kind: 'ipset',
            name: line.name,
            type: line.type,
            options: line.options,
            family: line.options['family']?.value === 'inet6' ? 'inet6' : 'inet',
            membersShown: true,
          });
          return 'record';
        case 'member':
          if (set !== undefined) addMember(out, set.fact.name, line.element, line.flags);
          else elementRefs(out, line.element);
          if (set?.counted !== undefined) set.counted.found++;
          return 'record';
        case 'add':
          addMember(out, line.set, line.element, line.flags);
          return 'record';
        case 'extra': {
          const said = /^\s*Number of entries: (\d+)/.exec(source.text)?.[1];
          if (set !== undefined && said !== undefined)
            set.counted = { what: `The set ${set.fact.name.value}`, span: set.fact.name.span, said: Number(said), found: 0 };
          return 'header';
        }
      }
    });
    return { ...parsed, errors: [...parsed.errors, ...missing(counted)] };
  },
};

/** `ipset list -n`: which sets there are, and nothing of what is in them. */
function readNames(input: ParseInput): Parsed {
  return parseRows(input, { ...rows, ruleFor: () => 'bareNameLine', starts: () => true }, (_rule, result, source, out) => {
    const line = readIpsetLine(result, source);
    if (line.is !== 'name') return 'header';
    const { name } = line;
    out.facts.push({ kind: 'ipset', name, type: val('', name.span), options: {}, family: 'inet', membersShown: false });
    return 'record';
  });
}

type SetFact = Extract<IpsetFact, { kind: 'ipset' }>;
type OpenSet = { -readonly [K in keyof SetFact]: SetFact[K] };

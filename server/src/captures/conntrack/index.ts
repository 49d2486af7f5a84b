import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import { val } from '../../base/span';
import type { CaptureKind, Recognised } from '../capture';
import { positionals } from '../command';
import { missing, type Counted } from '../counted';
import type { ConntrackEntryFact, ConntrackTuple } from '../netfilter-facts';
import { ipRef, lower } from '../words';
import type { Collected } from '../lines';
import { continuesRow, parseRows, type Rows } from '../rows';
import { ipProtocolNumber } from '../../packet/ip-protocols';
import { numbered } from './numbered';
import { readEntry, readExpectation, readSaved, type EntryLine, type EntryWord, type ExpectationLine } from './semantics';
import type { SourceText } from '../ohm';
import { createTextForms } from '../text-forms';
import { entryForm } from './form';
import { readConntrackXml } from './xml';

const ENTRY =
  /^\s*(?:\[\d+(?:\.\d+)?\]\s+)?(?:\[(?:NEW|UPDATE|DESTROY)\]\s+)?(?:ipv[46](?:\/ipv6)?\s+\d+\s+)?[a-z][\w-]*\s+\d+\s+(?:\d+\s+)?(?:[A-Z_0-9]+\s+)?(?:\[[A-Z_]+\]\s+)*src=[\da-f.:]+ dst=[\da-f.:]+/i;
/** An entry whose addresses somebody masked. */
const MASKED =
  /^\s*(?:ipv[46]\s+\d+\s+)?(?:tcp|udp|udplite|icmp|icmpv6|sctp|dccp|gre|unknown)\s+\d+\s+(?:\d+\s+)?(?:[A-Z_0-9]+\s+)?src=\S+ dst=\S+\s.*\ssrc=\S+ dst=\S+/;
/** The beginning of an entry whose line ends before both addresses are there: what stands on the next goes on with it. */
const BEGINNING =
  /^\s*(?:\[\d+(?:\.\d+)?\]\s+)?(?:\[(?:NEW|UPDATE|DESTROY)\]\s+)?(?:ipv[46](?:\/ipv6)?\s+\d+\s+)?(?:tcp|udp|udplite|icmp|icmpv6|ipv6-icmp|sctp|dccp|gre|unknown)\s+\d+(?:\s+\d+)?(?:\s+[A-Z][A-Z_0-9]+)?(?:\s+src=[\da-f.:]+(?:\s+d(?:s(?:t=?)?)?)?)?\s*$/i;
/** What a terminal or a mail makes of the rest of an entry: its words, of which the first and the last may be halves. */
const PIECE = /^\s*\S+(?:\s+(?:[a-z][\w-]*=\S+|\[[A-Z_]+\]))*(?:\s+\S+)?\s*$/;
const EVENT = /^\s*(?:\[\d+(?:\.\d+)?\]\s+)?\[(?:NEW|UPDATE|DESTROY)\]/;
const DATAPATH = /^\s*[a-z\d][\w-]*,orig=\(src=[\da-f.:]+,dst=[\da-f.:]+[,)]/i;
const EXPECT =
  /^\s*(?:\[\d+(?:\.\d+)?\]\s+)?(?:\[(?:NEW|UPDATE|DESTROY)\]\s+)?(?:\d+|-)\s+(?:l3proto = \d+ )?proto=\d+ src=[\da-f.:]+ dst=/i;
/** A line of `-o save`. */
const SAVED = /^\s*-[AIUD]\s(?=.*\s-s [\da-f.:]+\s)(?=.*\s-d [\da-f.:]+\s)(?=.*\s-r [\da-f.:]+\s)/i;
/** What conntrack(8) says behind a list. */
const SHOWN = /(\d+) flow entries have been shown/;
const SUMMARY = /^\s*conntrack v[\d.]+ \(conntrack-tools\): \d+ /;
/** A line of `-o xml`. */
const XML = /^\s*(?:<\?xml\b|<\/?(?:conntrack|expect|flow|meta|layer[34]|src|dst|sport|dport|expected|mask|master)\b[^>]*>)/;

const rows: Rows = {
  grammar: grammars.Conntrack,
  what: 'connection',
  ruleFor(text) {
    if (SUMMARY.test(text)) return 'summaryLine';
    if (EXPECT.test(text)) return 'expectLine';
    if (SAVED.test(text)) return 'saveLine';
    return /^\s*[\w-]+,\w+=\(/.test(text) ? 'datapathLine' : 'entryLine';
  },
  starts: (text) => [ENTRY, MASKED, DATAPATH, EXPECT, SAVED, SUMMARY, BEGINNING].some((pattern) => pattern.test(text)),
  isPiece: (text) => PIECE.test(text) && /^\s*(?:[\w-]*=\S|\[?[A-Z_]*\])|\s(?:[a-z][\w-]*=\S|\[[A-Z_]+\]?)/.test(text),
};

const forms = createTextForms<EntryLine>(entryForm);

/** The connections that the kernel or a datapath of Open vSwitch tracks: `conntrack -L`, /proc/net/nf_conntrack, `dpctl/dump-conntrack`, and those that it expects. */
export const conntrack: CaptureKind = {
  kinds: ['conntrack-list', 'conntrack-expect', 'ovs-dpctl-dump-conntrack'],
  recognise(argv): Recognised | undefined {
    const [program, ...words] = argv;
    if (program === 'conntrack') {
      const lists = words.some((word) => /^(?:-L|--dump|-E|--event)$/.test(word));
      const filter = words.filter((word) =>
        /^-[sdrqpfmuliwnjg]$|^--(?:src|dst|orig-|reply-|proto|mark|zone|sport|dport|state|status)|^(?:dying|unconfirmed)$/.test(
          word,
        ),
      );
      // Events are no list of what there is.
      if (words.some((word) => /^(?:-E|--event)$/.test(word))) filter.unshift('-E');
      const kind = words.includes('expect') ? 'conntrack-expect' : 'conntrack-list';
      return lists ? { kind, ...(filter.length === 0 ? {} : { options: { filter: filter.join(' ') } }) } : undefined;
    }
    if (program === 'cat') {
      if (/\/(?:nf|ip)_conntrack_expect$/.test(words[0] ?? '')) return { kind: 'conntrack-expect' };
      return /(?<!\/stat)\/(?:nf|ip)_conntrack$/.test(words[0] ?? '') ? { kind: 'conntrack-list' } : undefined;
    }
    const command = positionals(argv, ['-t', '--target', '-T', '--timeout']);
    const dump =
      (program === 'ovs-appctl' && command[0] === 'dpctl/dump-conntrack') ||
      (program === 'ovs-dpctl' && command[0] === 'dump-conntrack');
    const zone = command.find((word) => word.startsWith('zone='));
    return dump ? { kind: 'ovs-dpctl-dump-conntrack', ...(zone === undefined ? {} : { options: { filter: zone } }) } : undefined;
  },
  sniff(text, following) {
    // The declaration, or the first of what it declares.
    const [xml, flow] = /^\s*<\?xml\b/.test(text) ? [following(0) ?? '', following(1) ?? ''] : [text, following(0) ?? ''];
    if (/^\s*<expect>\s*$/.test(xml)) return { kind: 'conntrack-expect' };
    if (/^\s*<conntrack>\s*$/.test(xml) || /^\s*<flow(?: type="\w+")?><(?:meta|layer3)\b/.test(xml))
      return { kind: /<expected>/.test(flow) || /<expected>/.test(xml) ? 'conntrack-expect' : 'conntrack-list' };
    if (EXPECT.test(text)) return { kind: 'conntrack-expect' };
    if (DATAPATH.test(text)) return { kind: 'ovs-dpctl-dump-conntrack' };
    if (SAVED.test(text)) return { kind: 'conntrack-list' };
    if (BEGINNING.test(text) && /^\s*(?:src|dst)=[\da-f.:]+/.test(following(0) ?? '')) return { kind: 'conntrack-list' };
    if (MASKED.test(text)) return { kind: 'conntrack-list' };
    return ENTRY.test(text) && / (?:sport|type|src|mark|use|packets|\[\w+\])/.test(text) ? { kind: 'conntrack-list' } : undefined;
  },
  accepts: (text) => rows.starts(text) || XML.test(text),
  continues: (previous, text) => summaryWithin(previous) >= 0 || continuesRow(rows)(previous, text),
  // Events are read together: what a later one says of a connection replaces what one before it said.
  startsRecord: (text) => (ENTRY.test(text) && !EVENT.test(text)) || DATAPATH.test(text),
  parse(given) {
    if (given.lines.some(({ text }) => XML.test(text))) return readConntrackXml(given, SUMMARY);
    const input = { ...given, lines: given.lines.map(summaryApart) };
    // By what tells a connection apart: its last event says how it stands.
    const events = new Map<string, ConntrackEntryFact | undefined>();
    const counts: Counted[] = [];
    let found = 0;
    const take = (rule: string, line: EntryLine, out: Collected) => {
      found++;
      const masked = maskedAddress(out, line);
      if (masked !== undefined) {
        const message = `"${masked.value}" is no address, so that no packet can be compared with this connection; it is left out.`;
        out.errors.push({ span: masked.span, code: 'inconsistent', message });
        return;
      }
      const fact = entryOf(out, line, rule === 'datapathLine');
      if (fact === undefined && ipProtocolNumber(line.protocol.value) !== undefined)
        out.errors.push({
          span: line.text.span,
          code: 'cut-off',
          message: 'This connection is not whole: the addresses and ports of one direction are missing. It is left out.',
        });
      if (line.event && fact !== undefined) events.set(identity(fact), line.over ? undefined : fact);
      else if (fact !== undefined && !line.over) out.facts.push(fact);
    };
    const known = (rule: string, source: SourceText, out: Collected) => {
      const line = rule === 'entryLine' ? forms.read(source) : undefined;
      if (line === undefined) return undefined;
      take(rule, line, out);
      return 'record' as const;
    };
    const parsed = parseRows(input, { ...rows, known }, (rule, result, source, out, line) => {
      if (rule === 'summaryLine') {
        const [text = '', said] = SHOWN.exec(source.text) ?? [];
        const start = line.start + source.text.indexOf(text);
        if (said !== undefined)
          counts.push({ what: 'This list', span: { start, end: start + text.length }, said: Number(said), found });
        found = 0;
        return 'header';
      }
      if (rule === 'expectLine') addExpectation(out, readExpectation(result, source));
      else {
        const entry = rule === 'saveLine' ? readSaved(result, source) : readEntry(result, source);
        if (entry !== undefined) take(rule, entry, out);
        if (entry !== undefined && rule === 'entryLine') forms.learn(source, entry);
      }
      return 'record';
    });
    const errors = [...parsed.errors, ...missing(counts)];
    return { ...parsed, errors, facts: [...parsed.facts, ...[...events.values()].filter((fact) => fact !== undefined)] };
  },
};

/**
 * The words behind a list go another way than the list (conntrack(8) writes them to standard error): where both went into one file, they stand in the
 * middle of a connection.
 */
function summaryApart(line: Line): Line {
  const at = summaryWithin(line.text);
  return at < 0 || line.cuts !== undefined ? line : { ...line, text: line.text.slice(0, at) };
}

/** Where those words start behind something else; -1 where there are none. */
function summaryWithin(text: string): number {
  return text.search(/(?<=\S.*)conntrack v[\d.]+ \(conntrack-tools\): \d+ flow entries/);
}

/** What is the same in every event of a connection. */
function identity({ protocol, original: { src, dst, sport, dport, icmpId }, zone }: ConntrackEntryFact): string {
  return [protocol, src, dst, sport, dport, icmpId, zone].map((part) => part?.value ?? '').join(' ');
}

/** What somebody put in place of an address; the addresses beside it are references all the same. */
function maskedAddress(out: Collected, { words }: EntryLine) {
  const said = words.flatMap(({ key, value }) => (value !== undefined && /^(?:src|dst)$/.test(key) ? [value] : []));
  const masked = said.find(({ value }) => !/^[\da-f.:]+$/i.test(value));
  if (masked !== undefined) for (const ip of said) if (/^[\da-f.:]+$/i.test(ip.value)) ipRef(out, ip);
  return masked;
}

/** A connection, or what became of it. */
function entryOf(out: Collected, line: EntryLine, datapath: boolean): ConntrackEntryFact | undefined {
  const [original, reply] = datapath
    ? [line.words.filter(({ path }) => path === 'orig'), line.words.filter(({ path }) => path === 'reply')]
    : directions(line.words);
  const [first, second] = [tuple(original), tuple(reply)];
  for (const side of [first, second]) {
    if (side === undefined) continue;
    ipRef(out, side.src);
    ipRef(out, side.dst);
  }
  // A cut line may lack its answer, or a part of it: then only its addresses are references.
  if (first === undefined || second === undefined || (first.dport === undefined) !== (second.dport === undefined))
    return undefined;
  const own = (key: string) => line.words.find((word) => word.path === '' && word.key === key)?.value;
  const zone = own('zone') ?? own('zone-orig') ?? own('zone-reply');
  const direction =
    own('zone') !== undefined
      ? undefined
      : own('zone-orig') !== undefined
        ? 'orig'
        : own('zone-reply') !== undefined
          ? 'reply'
          : undefined;
  const mark = own('mark');
  const number = ipProtocolNumber(line.protocol.value);
  if (number === undefined) return undefined;
  const status = own('status')?.value.split('|') ?? [];
  return {
    kind: 'conntrack-entry',
    family: first.src.value.includes(':') ? 'ip6' : 'ip',
    protocol: val(number, line.protocol.span),
    ...(line.state === undefined ? {} : { state: line.state }),
    original: first,
    reply: second,
    ...numbered('zone', zone),
    ...(direction === undefined ? {} : { zoneDirection: direction }),
    ...numbered('mark', mark),
    flags: [
      ...line.words.flatMap((word) => (word.path === 'flag' ? [word.key] : [])),
      ...status.filter((flag) => flag === 'ASSURED'),
      // A datapath says which connections were answered; the kernel those that were not.
      ...(datapath && status.length > 0 && !status.includes('SEEN_REPLY') ? ['UNREPLIED'] : []),
    ],
    text: line.text,
  };
}

function addExpectation(out: Collected, { words, flags, named, text }: ExpectationLine): void {
  const at = (key: string): number => words.findIndex((word) => word.key === key);
  const [mask, master] = [at('mask-src'), at('master-src')];
  const upTo = (n: number): number => (n < 0 ? words.length : n);
  const plain = (part: readonly EntryWord[]): readonly EntryWord[] =>
    part.map((word) => ({ ...word, key: word.key.replace(/^(?:mask|master)-/, '') }));
  const expected = tuple(words.slice(0, Math.min(upTo(mask), upTo(master))));
  const maskTuple = mask < 0 ? undefined : tuple(plain(words.slice(mask, upTo(master))));
  const masterTuple = master < 0 ? undefined : tuple(plain(words.slice(master)));
  for (const side of [expected, masterTuple]) {
    if (side === undefined) continue;
    ipRef(out, side.src);
    ipRef(out, side.dst);
  }
  const protocol = words.find(({ key }) => key === 'proto')?.value;
  const number = protocol === undefined ? undefined : ipProtocolNumber(protocol.value);
  if (expected === undefined || protocol === undefined || number === undefined) return;
  const helper = words.find(({ key }) => key === 'helper')?.value ?? named;
  out.facts.push({
    kind: 'conntrack-expectation',
    family: expected.src.value.includes(':') ? 'ip6' : 'ip',
    protocol: val(number, protocol.span),
    expected,
    ...(maskTuple === undefined ? {} : { mask: maskTuple }),
    ...(masterTuple === undefined ? {} : { master: masterTuple }),
    ...numbered('zone', words.find(({ key }) => key === 'zone')?.value),
    ...(helper === undefined ? {} : { helper }),
    flags,
    text,
  });
}

/** The second `src=` begins the answers' direction. */
function directions(words: readonly EntryWord[]): [readonly EntryWord[], readonly EntryWord[]] {
  const starts = words.flatMap((word, n) => (word.key === 'src' && word.value !== undefined ? [n] : []));
  const [first = 0, second] = starts;
  return second === undefined ? [words.slice(first), []] : [words.slice(first, second), words.slice(second)];
}

function tuple(words: readonly EntryWord[]): ConntrackTuple | undefined {
  const text = (key: string) => words.find((word) => word.key === key)?.value;
  const [src, dst] = [text('src'), text('dst')];
  if (src === undefined || dst === undefined) return undefined;
  // `id=` may also be the connection's own, behind everything else: that of ICMP stands with type and code.
  const icmp = text('type') !== undefined;
  return {
    src: lower(src),
    dst: lower(dst),
    ...numbered('sport', text('sport')),
    ...numbered('dport', text('dport')),
    ...(icmp
      ? { ...numbered('icmpType', text('type')), ...numbered('icmpCode', text('code')), ...numbered('icmpId', text('id')) }
      : {}),
  };
}

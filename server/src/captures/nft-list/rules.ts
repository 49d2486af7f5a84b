import { val, type Val } from '../../base/span';
import type { NetfilterFact, NfElementChange, NfFamily, NfMatch, NfStatement } from '../netfilter-facts';
import { concatMatches, conditionMatches, headers, otherMatch, setMatches, withIcmpCode } from './conditions';
import { capturedSet, hasRates, setChange } from './dynamic';
import { joinedFrom, joinedMatches } from './joined';
import { familyGuard, protocolOf, type Lookup } from './selectors';
import { plainNumber } from './names';
import { numberIn, presenceOf } from './numbers';
import { limitOf } from './rates';
import type { NftElement, NftItem, NftMap } from './semantics';
import { natTo, netmap, notModelled, statementOf, type Statement } from './statements';
import { translatedMatches, translatedStatement, withoutFamily } from './translated';

type RuleFact = Extract<NetfilterFact, { kind: 'nf-rule' }>;

/** Where a rule stands. */
export interface RulePlace {
  readonly family: NfFamily;
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  readonly text: Val<string>;
}

const VERDICTS: Readonly<Record<string, string>> = { accept: 'ACCEPT', drop: 'DROP', return: 'RETURN' };

interface Draft {
  matches: readonly NfMatch[];
  before: NfStatement[];
}

/**
 * A rule of nft as rules of iptables, which mean the same one after the other: conditions behind a statement make a rule of their
 * own, and a map as many as it has elements. `block` is the chain without a name that `jump {` opens.
 */
export function ruleFacts(items: readonly NftItem[], place: RulePlace, lookup: Lookup, block: string | undefined): RuleFact[] {
  const out: RuleFact[] = [];
  const draft: Draft = { matches: [], before: [] };
  // Nothing came behind an assignment whose map has cases.
  let mapped = false;
  // Which of the rules are beginnings only; and the cases of an assignment's map, which are if anything comes behind it.
  const beginnings = new Set<number>();
  let cases = { from: 0, to: 0 };
  let fellThrough = false;
  // What meets the rule without anything being done to it.
  let untouched: readonly NfMatch[] | undefined;
  // Conditions have come since the last piece of the rule: only what meets them too meets the rule.
  let narrowed = false;
  const emit = (extra: readonly NfMatch[], end: Statement | undefined, goto = false, settles?: NfMatch): void => {
    narrowed = false;
    out.push({
      kind: 'nf-rule',
      family: place.family,
      table: place.table,
      chain: place.chain,
      number: place.number,
      matches: [...draft.matches, ...extra],
      ...(draft.before.length === 0 ? {} : { before: [...draft.before] }),
      ...(end === undefined ? {} : { target: end.target }),
      ...(settles === undefined ? {} : { settles }),
      goto,
      targetOptions: end?.options ?? {},
      interfacesHidden: false,
      text: place.text,
    });
  };
  const narrow = (matches: readonly NfMatch[]): void => {
    // What came before has been done, whether or not this condition holds.
    begin();
    narrowed ||= matches.length > 0;
    draft.matches = [...draft.matches, ...matches.filter((match) => !draft.matches.some((known) => sameProtocol(known, match)))];
  };
  /** What came before is done, whether or not the rest of the rule is. */
  const begin = (): void => {
    if (draft.before.length === 0) return;
    flush();
    beginnings.add(out.length - 1);
  };
  const flush = (): void => {
    const last = draft.before.pop();
    emit([], last === undefined ? undefined : { ...last, ends: false });
    draft.before = [];
  };
  // The kernel counts a rule as met only where all of it was (nft monitor).
  const done = (): RuleFact[] => {
    const isCase = (n: number) => n >= cases.from && n < cases.to && cases.to < out.length;
    return out.map((fact, n) => (beginnings.has(n) || isCase(n) ? { ...fact, part: true } : fact));
  };
  let joined = 0;
  for (const [n, item] of items.entries()) {
    if (n < joined) continue;
    switch (item.is) {
      case 'counter':
      case 'comment':
        continue;
      case 'condition': {
        const together = lookup.madeByIptables ? undefined : joinedFrom(items, n);
        const difference = together && joinedMatches(together, lookup);
        if (together && difference) {
          narrow(difference);
          joined = n + together.length;
          continue;
        }
        const merged = draft.before.length === 0 ? withIcmpCode(draft.matches, item) : undefined;
        if (merged === undefined)
          narrow(translatedMatches(item, lookup) ?? withoutFamily(item, items, lookup) ?? conditionMatches(item, lookup));
        else draft.matches = merged;
        continue;
      }
      case 'limit':
        narrow([{ kind: 'limit', module: item.text.value.split(/\s/)[0] ?? 'limit', text: item.text, negated: item.over }]);
        continue;
      case 'hidden':
        if (!item.target) {
          narrow([{ kind: 'translated', narrows: true, text: item.text, lost: 'nft has no words for what this match asks' }]);
          continue;
        }
        emit([], notModelled(hiddenTarget(item.text), false));
        return done();
      case 'unknown':
        narrow([otherMatch(item.text)]);
        continue;
      case 'verdict': {
        const end = verdictEnd(item);
        if (end === undefined) continue;
        emit([], end.statement, end.goto);
        return done();
      }
      case 'block': {
        const name = block ?? '';
        emit([], { target: val(name, item.verdict.span), options: {}, ends: true }, item.verdict.value === 'goto');
        return done();
      }
      case 'verdict-map': {
        const found = mapElements(item.map, lookup);
        if (found === undefined) {
          emit([otherMatch(item.text)], notModelled(item.text, false));
          return done();
        }
        // What came before is done also for what the map does not hold.
        begin();
        for (const { matches, element } of mapCases(item.selectors, found, lookup)) {
          if (element.verdict === undefined) continue;
          const end = verdictEnd(element.verdict);
          emit(matches, end?.statement, end?.goto);
        }
        // What the map does not hold ends the rule.
        fellThrough = true;
        continue;
      }
      case 'nat': {
        // In a table of both families it is for packets of one only; for the others it does nothing, and they go on.
        if (item.family !== undefined && item.family !== lookup.family && !draft.matches.some((m) => asksFor(m, item.family))) {
          const [own, others] = item.family === 'ip' ? (['0.0.0.0/0', '::/0'] as const) : (['::/0', '0.0.0.0/0'] as const);
          begin();
          untouched = [...draft.matches, { kind: 'source', value: val(others, item.text.span), negated: false }];
          narrow([{ kind: 'source', value: val(own, item.text.span), negated: false }]);
        }
        if (item.map === undefined) break;
        const found = item.form === 'interval' ? undefined : mapElements(item.map.map, lookup);
        if (found === undefined) {
          // Whom the map holds nobody knows.
          untouched = undefined;
          break;
        }
        begin();
        for (const { matches, element } of mapCases(item.map.selectors, found, lookup)) {
          const data = mapData(element);
          if (data === undefined) continue;
          const to = item.address === undefined ? data : val(`${item.address.value}:${data.value}`, data.span);
          emit(
            matches,
            item.form === 'prefix' ? netmap(to, item.flags, item.text) : natTo(item.which, to, item.flags, item.text),
          );
        }
        // What the map does not hold ends the rule for the others as well.
        if (untouched !== undefined) {
          draft.matches = untouched;
          for (const { matches, element } of mapCases(item.map.selectors, found, lookup))
            if (mapData(element) !== undefined && !matches.some((match) => asksFor(match, item.family))) emit(matches, undefined);
        }
        return done();
      }
      case 'redirect': {
        const found = item.map && mapElements(item.map.map, lookup);
        if (item.map === undefined || found === undefined) break;
        begin();
        for (const { matches, element } of mapCases(item.map.selectors, found, lookup)) {
          const ports = mapData(element);
          if (ports === undefined) continue;
          const statement = statementOf({ ...item, ports, map: undefined });
          if (statement !== undefined) emit(matches, statement);
        }
        return done();
      }
      case 'set': {
        // iptables' targets do nothing where there is nothing to change, and go on.
        const guard = lookup.madeByIptables ? [] : statementGuard(item, lookup);
        if (guard.length > 0) narrow(guard);
        const [term] = item.expression.terms;
        if (term?.is !== 'map' || item.expression.terms.length > 1) break;
        const found = mapElements(term.value.map, lookup);
        if (found === undefined) break;
        begin();
        const from = out.length;
        const elements = mapCases(term.value.selectors, found, lookup);
        // What a case sets may be what the map looks up.
        const any: NfMatch = {
          kind: 'any-of',
          matches: elements.map(({ matches, element }) => ({ kind: 'all-of', matches, text: element.text, negated: false })),
          text: item.text,
          negated: false,
        };
        for (const { matches, element } of elements) {
          const value = mapData(element);
          if (value === undefined) continue;
          const expression = { terms: [{ is: 'value' as const, value }], operators: [], text: value };
          const done = statementOf({ ...item, expression });
          emit(matches, done && { ...done, ends: false }, false, any);
        }
        // What the map does not hold ends the rule.
        draft.before = [];
        cases = { from, to: out.length };
        narrow([any]);
        mapped = true;
        continue;
      }
      case 'other': {
        const change = setChange(item);
        if (change !== undefined) {
          narrow(headers([...change.selectors, ...change.data], item.text, lookup));
          const { set, op, selectors, timed } = change;
          const head = lookup.head(set.value.slice(1));
          const element: NfElementChange = {
            set: `${lookup.family} ${lookup.table} ${set.value}`,
            op,
            selectors: selectors.map(({ value }) => value),
            rate: change.rate ?? head?.rate,
            timed: timed || head?.timed === true,
            size: head?.size,
            forgets: timed || head?.forgets === true,
            captured: capturedSet(change, lookup),
          };
          draft.before.push({ target: val('SET', item.text.span), options: { set, element } });
          // What was in the set already keeps its own rate, and where it is full the rule ends (nft_dynset_eval).
          const rated = hasRates(set.value, lookup);
          const room = roomOf(element);
          if (op === 'add' && (rated || room === undefined || room < MANY))
            narrow([
              {
                kind: 'element-rate',
                set: element.set,
                selectors: element.selectors,
                rated,
                room,
                text: item.text,
                negated: false,
              },
            ]);
          mapped = false;
          continue;
        }
        if (item.name === 'reset') narrow([protocolOf('tcp', item.text), { kind: 'fragment', text: item.text, negated: true }]);
        if (item.name !== 'tproxy') break;
        const [, family] = /^tproxy (ip6?) /.exec(item.text.value) ?? [];
        if (family !== undefined) narrow(familyGuard(val(family, item.text.span), lookup));
        break;
      }
      case 'reject': {
        const guard = rejectGuard(item, lookup);
        if (guard.length > 0) narrow(guard);
        // JSON says also what a plain `reject` means.
        if (!/^icmp(?:v6)? (?:type )?port-unreachable$/.test(item.with?.value ?? '')) break;
        emit([], statementOf({ ...item, with: undefined }));
        return done();
      }
      default:
        break;
    }
    mapped = false;
    const statement = translatedStatement(item, lookup) ?? statementOf(item);
    if (statement === undefined) continue;
    if (statement.ends) {
      emit([], statement);
      if (untouched !== undefined) {
        draft.matches = untouched;
        emit([], undefined);
      }
      return done();
    }
    draft.before.push({ target: statement.target, options: statement.options });
  }
  // A rule whose map has cases needs no further one that does nothing.
  if (!mapped && (out.length === 0 || draft.before.length > 0 || narrowed)) {
    flush();
    if (fellThrough) beginnings.add(out.length - 1);
  }
  return done();
}

/** What of a header is changed, only packets with that header have; and without a connection none of its words can be read. */
function statementGuard({ selector, expression, text }: Extract<NftItem, { is: 'set' }>, lookup: Lookup): NfMatch[] {
  const [first] = expression.terms;
  const read = first?.is === 'selector' ? numberIn(first.name) : undefined;
  const value =
    first?.is === 'selector' && first.name.startsWith('ct ')
      ? [{ kind: 'ctstatus' as const, mask: 0, set: 0, text, negated: false }]
      : read && !/^meta mark$/.test(read.of)
        ? [presenceOf(read, text)]
        : [];
  // nft asks for the kind of device where the family does not tell that there is such a header, and prints nothing of that.
  if (selector.value.startsWith('ether ') && lookup.family !== 'bridge' && lookup.family !== 'netdev')
    return [{ kind: 'from-ethernet', text: selector, negated: false }, ...value];
  if (/^ip6? /.test(selector.value)) return [...familyGuard(selector, lookup), ...value];
  const [, protocol] = /^(tcp|udp|icmp|icmpv6|th) /.exec(selector.value) ?? [];
  if (protocol === undefined) return value;
  const whole: NfMatch = { kind: 'fragment', text, negated: true };
  return [...(protocol === 'th' ? [] : [protocolOf(protocol, selector)]), whole, ...value];
}

/** Errors of one version of ICMP are for packets of one family, resets for TCP; `icmpx` is for both families. */
function rejectGuard({ with: how }: Extract<NftItem, { is: 'reject' }>, lookup: Lookup): NfMatch[] {
  if (how === undefined || how.value.startsWith('icmpx')) return [];
  if (how.value.startsWith('tcp')) return [protocolOf('tcp', how)];
  const selector = val(how.value.startsWith('icmpv6') ? 'icmpv6' : 'icmp', how.span);
  return familyGuard(selector, lookup);
}

/** What an element of a map leads to, as one value: `10.0.0.1 . 80`. */
function mapData({ data }: NftElement): Val<string> | undefined {
  const [first, last] = [data?.[0], data?.[data.length - 1]];
  if (data === undefined || first === undefined || last === undefined) return undefined;
  return val(data.map(({ value }) => value).join(' . '), { start: first.span.start, end: last.span.end });
}

/** Whether a condition on an address lets packets of one family pass only. */
function asksFor(match: NfMatch, family: 'ip' | 'ip6' | undefined): boolean {
  if ((match.kind !== 'source' && match.kind !== 'destination') || match.negated) return false;
  return match.value.value.includes(':') === (family === 'ip6');
}

/** `tcp dport 80 tcp flags syn` asks for TCP twice. */
function sameProtocol(a: NfMatch, b: NfMatch): boolean {
  return a.kind === 'protocol' && b.kind === 'protocol' && !a.negated && !b.negated && a.value.value === b.value.value;
}

/** Targets that do the same, or nothing that is looked at again, whatever they are told. */
const TELLING_NAMES = new Set(
  'MASQUERADE REJECT LOG NFLOG ULOG CHECKSUM TCPMSS CLASSIFY AUDIT TRACE TEE SECMARK CONNSECMARK'.split(' '),
);

/** `CHECKSUM fill`, `xt target "CHECKSUM"`: the target's name where that says enough; what others were told is hidden. */
function hiddenTarget(text: Val<string>): Val<string> {
  const name = /^(?:xt target "?|#\s*(?:xt_)?)(\w+)/i.exec(text.value)?.[1] ?? '';
  if (!TELLING_NAMES.has(name)) return text;
  const start = text.span.start + text.value.indexOf(name);
  return val(name, { start, end: start + name.length });
}

function verdictEnd(
  item: Extract<NftItem, { is: 'verdict' }>,
): { readonly statement: Statement; readonly goto: boolean } | undefined {
  const plain = VERDICTS[item.verdict.value];
  if (plain !== undefined) return { statement: { target: val(plain, item.verdict.span), options: {}, ends: true }, goto: false };
  // `continue` is what happens anyway.
  if (item.chain === undefined) return undefined;
  return { statement: { target: item.chain, options: {}, ends: true }, goto: item.verdict.value === 'goto' };
}

function mapElements(map: NftMap, lookup: Lookup): readonly NftElement[] | undefined {
  if (map.is === 'elements') return map.elements;
  if (map.is === 'literal') return lookup.literal(map.body);
  // What rules have put there since nobody follows.
  return lookup.changing.has(`@${map.name.value}`) ? undefined : lookup.set(map.name.value);
}

/** More places than these no question fills. */
const MANY = 4096;

/** How many more elements a set took when it was captured; any number where it has no size. */
function roomOf({ size, captured }: NfElementChange): number | undefined {
  if (size === undefined) return Infinity;
  return captured.is === 'hidden' ? undefined : size - captured.elements.length;
}

/** The conditions under which each element of a map is taken. At most one is. */
function mapCases(
  selectors: readonly Val<string>[],
  elements: readonly NftElement[],
  lookup: Lookup,
): { readonly matches: readonly NfMatch[]; readonly element: NftElement }[] {
  const chance = chanceOf(selectors, elements.length);
  const rest = elements.filter(({ key }) => key[0]?.value !== '*');
  return elements.map((element, n) => {
    if (chance !== undefined) {
      // As the statistic match says it: of what the cases before left, one part of those that remain.
      const probability = 1 / (elements.length - n);
      return { element, matches: [{ kind: 'limit', module: 'numgen', text: chance, negated: false, probability }] };
    }
    const rate = element.rate === undefined ? [] : [limitOf(element.rate)];
    if (element.key[0]?.value === '*')
      return { element, matches: [...setMatches(selectors, rest, true, element.text, lookup), ...rate] };
    return {
      element,
      matches: [...(concatMatches(selectors, element.key, lookup, element.text) ?? [otherMatch(element.text)]), ...rate],
    };
  });
}

/** `numgen random mod 2`, where the map has a case for each number. */
function chanceOf(selectors: readonly Val<string>[], cases: number): Val<string> | undefined {
  const [selector] = selectors;
  if (selector === undefined || selectors.length > 1) return undefined;
  const modulus = /^(?:numgen|jhash|symhash) .*\bmod (\d+)/.exec(selector.value)?.[1];
  return modulus !== undefined && plainNumber(modulus) === cases ? selector : undefined;
}

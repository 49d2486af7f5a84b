import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import grammars from '../../server/src/generated/grammars.ohm-bundle';
import { entryForm } from '../../server/src/captures/conntrack/form';
import { readEntry, type EntryLine } from '../../server/src/captures/conntrack/semantics';
import { cutElements, elementForm } from '../../server/src/captures/nft-list/elements';
import { readNftElement, type NftElement } from '../../server/src/captures/nft-list/semantics';
import type { SourceText } from '../../server/src/captures/ohm';
import { createTextForms } from '../../server/src/captures/text-forms';

const at = (text: string): SourceText => ({ text, parts: [{ at: 0, offset: 1000 }] });

function byGrammar(piece: SourceText): NftElement | undefined {
  const result = grammars.Nft.match(piece.text, 'element');
  return result.failed() ? undefined : readNftElement(result, piece);
}

const word = fc.constantFrom(
  '10.0.0.1',
  '192.168.100.200',
  '10.0.0.0/8',
  '10.0.0.1-10.0.0.9',
  '80',
  '8080',
  '1024-65535',
  'fd00::1',
  'fd00:4::/64',
  '::1',
  '02:00:00:00:01:02',
  'aa:bb:cc:dd:ee:ff',
  'tcp',
  '.',
  ':',
  '|',
  'accept',
  'drop',
  'goto',
  'jump',
  'web',
  'chain2',
  '0x1a',
  '"eth0"',
  'timeout',
  'expires',
  '1h2m',
  '59m59s980ms',
  'counter',
  'packets',
  'bytes',
  'limit',
  'rate',
  'over',
  '10/second',
  'burst',
  'comment',
  '"a, b"',
  'ct',
  'count',
  'last',
  'used',
  'never',
);
const element = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '));

/** Texts are read by the forms of those before them; each must say what the grammar says of it. */
function holdToGrammar<T>(
  cut: (text: string, edges: number[]) => string | undefined,
  read: (source: SourceText) => T | undefined,
  texts: fc.Arbitrary<readonly string[]>,
): void {
  const forms = createTextForms<T>(cut);
  let learned = 0;
  fc.assert(
    fc.property(texts, (some) => {
      for (const text of some) {
        const source = at(text);
        const expected = read(source);
        const found = forms.read(source);
        if (found !== undefined) {
          learned++;
          assert.deepEqual(found, expected, text);
        } else if (expected !== undefined) forms.learn(source, expected);
      }
    }),
    { numRuns: runs(2000) },
  );
  assert.ok(learned > 100, `${learned} texts were read by a form`);
}

function entryByGrammar(source: SourceText): EntryLine | undefined {
  const result = grammars.Conntrack.match(source.text, 'entryLine');
  return result.failed() ? undefined : readEntry(result, source);
}

/** Stands for a value that is another one each time a line is made from the same words. */
const number = fc.constant('%');
const values = fc.array(fc.constantFrom('5', '431999', '10.0.0.1', '192.168.100.200', 'fd00::1', 'a=b', '(null)', '<x>'), {
  minLength: 1,
});
const pair = fc
  .tuple(
    fc.constantFrom('src', 'dst', 'sport', 'dport', 'mark', 'zone', 'use', 'secctx', 'helper', 'id', 'packets', 'type', 'x_1'),
    fc.oneof(number, fc.constantFrom('10.0.0.1', 'a=b', 'system_u:object_r:x:s0')),
  )
  .map(([key, value]) => `${key}=${value}`);
const item = fc.oneof(
  { weight: 6, arbitrary: pair },
  fc.constantFrom(
    '[ASSURED]',
    '[UNREPLIED]',
    '[OFFLOAD]',
    '[start=Mon Nov 30 14:00:00 2026]',
    '[stop=1]',
    'src=',
    '=5',
    '[x]',
    '#',
    '# 5',
    '5',
    '(a',
    '... b=7',
  ),
);
const entry = fc
  .tuple(
    fc.constantFrom('', '', ' ', '[1700000000.123456] ', '[NEW] ', '    [UPDATE] ', '[DESTROY] '),
    fc.constantFrom('', '', 'ipv4     2 ', 'ipv6     10 ', 'ipv4/ipv6 2 '),
    fc.constantFrom('tcp      6', 'udp      17', 'icmp     1', 'unknown  47', 'tcp 6x', 'sctp'),
    fc.oneof(
      number.map((n) => ` ${n}`),
      fc.constant(''),
    ),
    fc.constantFrom('', ' ESTABLISHED', ' SYN_SENT2', ' established', ' X=Y'),
    fc.array(item, { minLength: 1, maxLength: 6 }),
    fc.constantFrom('', ' ', '  # seen'),
  )
  .map(
    ([event, layer3, protocol, timeout, state, items, end]) =>
      `${event}${layer3}${protocol}${timeout}${state} ${items.join(' ')}${end}`,
  );

const entries = fc.tuple(entry, fc.array(values, { minLength: 2, maxLength: 3 })).map(([words, sets]) =>
  sets.map((set) => {
    let n = 0;
    return words.replaceAll('%', () => set[n++ % set.length] ?? '');
  }),
);

describe('connections by their forms', () => {
  it('says of a second connection of a form what the grammar says of it', () => {
    holdToGrammar(entryForm, entryByGrammar, entries);
  });

  it('reads connections of other hosts and ports after the first one', () => {
    const line = (src: string, port: number, rest: number) =>
      `tcp      6 ${rest} ESTABLISHED src=${src} dst=10.2.0.1 sport=${port} dport=80 src=10.2.0.1 dst=${src} sport=80 dport=${port} [ASSURED] mark=0 use=1`;
    const forms = createTextForms<EntryLine>(entryForm);
    const first = at(line('10.0.0.1', 5, 60));
    const known = entryByGrammar(first);
    assert.ok(known);
    forms.learn(first, known);
    const second = at(line('192.168.100.200', 40_000, 431_999));
    const read = forms.read(second);
    assert.ok(read);
    assert.deepEqual(read, entryByGrammar(second));
    assert.equal(forms.read(at(line('10.0.0.1', 5, 60).replace('ESTABLISHED', 'TIME_WAIT'))), undefined);
  });
});

describe('elements of sets by their forms', () => {
  it('says of a second element of a form what the grammar says of it', () => {
    holdToGrammar(elementForm, byGrammar, fc.array(element, { minLength: 1, maxLength: 20 }));
  });

  it('reads addresses of any length after the first one', () => {
    const forms = createTextForms<NftElement>(elementForm);
    const first = at('10.0.0.1 : accept');
    const known = byGrammar(first);
    assert.ok(known);
    forms.learn(first, known);
    const read = forms.read(at('192.168.100.200 : accept'));
    assert.deepEqual(read, byGrammar(at('192.168.100.200 : accept')));
    assert.equal(read?.text.span.end, 1000 + '192.168.100.200 : accept'.length);
    assert.equal(forms.read(at('192.168.100.200 : drop')), undefined);
  });

  it('cuts a long set in time that grows with it', () => {
    const rows = Array.from({ length: 60_000 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    const row = (n: number) => rows.slice(n, n + 3).join(', ');
    let text = '';
    const parts: { at: number; offset: number }[] = [];
    for (let n = 0; n < rows.length; n += 3) {
      if (text !== '') text += ', ';
      parts.push({ at: text.length, offset: text.length + n });
      text += row(n);
    }
    const started = process.cpuUsage().user;
    const elements = cutElements({ text, parts }, (piece) => assert.fail(piece.text));
    assert.equal(elements.length, rows.length);
    assert.deepEqual(
      elements.map(({ key }) => key[0]?.value),
      rows,
    );
    // 0.2 s here; by the grammar alone, each looking through all rows, 9 s.
    assert.ok(process.cpuUsage().user - started < 3_000_000);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import grammars from '../../server/src/generated/grammars.ohm-bundle';
import { createElementForms } from '../../server/src/captures/nft-list/element-forms';
import { cutElements } from '../../server/src/captures/nft-list/elements';
import { readNftElement, type NftElement } from '../../server/src/captures/nft-list/semantics';
import type { SourceText } from '../../server/src/captures/ohm';

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

describe('elements of sets by their forms', () => {
  it('says of a second element of a form what the grammar says of it', () => {
    const forms = createElementForms();
    let learned = 0;
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 20 }), (texts) => {
        for (const text of texts) {
          const piece = at(text);
          const expected = byGrammar(piece);
          const read = forms.read(piece);
          if (read) {
            learned++;
            assert.deepEqual(read, expected, text);
          } else if (expected) forms.learn(piece, expected);
        }
      }),
      { numRuns: runs(2000) },
    );
    assert.ok(learned > 100, `${learned} elements were read by a form`);
  });

  it('reads addresses of any length after the first one', () => {
    const forms = createElementForms();
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

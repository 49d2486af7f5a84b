import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { ruleFor } from '../../server/src/captures/iptables-rules';
import { matchRulesLine, readRulesLine } from '../../server/src/captures/iptables-rules/semantics';
import { root } from './walk-fixture';

const RULES_LINE = /^\s*(?:\[\d+:\d+\] )?(?:-[AIPN] \S|:\S+ \S|\*[a-z]+$|COMMIT|# (?:Generated|Completed))/;

/** Every line of rules in a folder's files. */
function linesIn(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), 'utf8').split('\n'))
    .filter((line) => line.length < 2000 && RULES_LINE.test(line));
}

/** A reading without its functions. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/** Both ways, with the text at another place than 0. */
function assertSame(text: string): void {
  const source = { text, parts: [{ at: 0, offset: 1000 }] };
  const rule = ruleFor(text.trimStart());
  const read = readRulesLine(source, rule);
  assert.deepEqual(plain('is' in read ? read : undefined), plain(matchRulesLine(source, rule)), text);
}

const published = [...linesIn(path.join(root, 'test/fixtures')), ...linesIn(path.resolve(root, '../shared/captures'))];

const word = fc.constantFrom(
  'eth0',
  '10.0.0.1/32',
  '0x4000/0x4000',
  '80',
  '1:65535',
  'a b',
  '"a b"',
  '"a\\"b"',
  '-x',
  '!',
  '#',
  '//',
  '=>',
  'KUBE-SVC-A',
  '(x)',
  '"',
);
const option = fc.constantFrom(
  '-p',
  '-m',
  '--dport',
  '--tcp-flags',
  '--comment',
  '--random-fully',
  '-j',
  '-s',
  '--match-set',
  '--unheard-of',
  '-c',
  '-g',
);
const generated = fc
  .tuple(
    fc.constantFrom(
      '-A A',
      '-A KUBE-SVC-X',
      '[12:734] -A INPUT',
      '-I A 3',
      '-I A x',
      ' -A B',
      ':A -',
      ':A ACCEPT [1:2]',
      ':A NONE',
      ': -',
    ),
    fc.array(fc.tuple(fc.constantFrom(' ', ' ! ', '  '), option, fc.constantFrom(' ', ' ! '), fc.array(word, { maxLength: 3 })), {
      maxLength: 6,
    }),
  )
  .map(
    ([start, options]) =>
      start + options.map(([before, name, not, words]) => `${before}${name}${not}${words.join(' ')}`).join(''),
  );

describe('the forms of lines', () => {
  it('read every published line of rules as the grammar does', () => {
    assert.ok(published.length > 20, 'there are lines to read');
    // Of most forms there are many lines, of which the first is learned from.
    for (const line of published) assertSame(line);
  });

  it('read lines of any words as the grammar does', () => {
    fc.assert(fc.property(generated, assertSame), { numRuns: runs(3000) });
  });

  it('read lines in which a piece was changed as the grammar does', () => {
    const piece = fc.constantFrom(' ', '!', '"', '\\', '-', '0', '#', ':', '[', '[1:2]', '\t', 'é', ',', '  ', '--', '=>');
    const changed = fc
      .tuple(fc.nat(published.length - 1), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), piece)
      .map(([n, where, cut, insert]) => {
        const line = published[n] ?? '';
        const at = Math.floor(where * line.length);
        return line.slice(0, at) + insert + line.slice(at + cut);
      });
    fc.assert(fc.property(changed, assertSame), { numRuns: runs(3000) });
  });
});

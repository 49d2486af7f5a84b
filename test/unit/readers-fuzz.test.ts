import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { indexLines, linesOf } from '../../server/src/base/lines';
import { parseCommand } from '../../server/src/captures/command';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import { captureKinds, recogniseCommand } from '../../server/src/captures/registry';
import { unquote } from '../../server/src/captures/unquote';
import { plain } from './linux-captures.harness';
import { otherSystems } from '../../server/src/captures/other-systems';
import { SAMPLES } from './reader-samples';

/** The reader of a command and what it makes of its words. */
function readerOf(command: string) {
  const said = parseCommand(command);
  const found = said && recogniseCommand(said.argv);
  assert.ok(said && found, command);
  return { syntax: found.syntax, recognised: found.recognised, argv: said.argv };
}

/** What a text is spoilt with: what means something to one grammar or another, control characters, other scripts. */
const odd = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '(',
    ')',
    '<',
    '>',
    ',',
    ';',
    ' ',
    ':',
    '=',
    '\\',
    '#',
    '!',
    '|',
    '\t',
    '/',
    '@',
    '%',
    '-',
    '--',
  ],
  ...[
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\u0000',
    '\u0007',
    '\u001b[0m',
    '\ufeff',
    '\ufffd',
    '\ud800',
    'é',
    '\u202e',
    '0x',
    '...',
    '# ',
    '$ ',
  ],
  ...['-1', '4294967296', '18446744073709551616', '256.1.1.1', '::::', 'ff:ff:ff', '\u00a0', '`', '~', '<!--', '&lt;', 'NaN'],
);

/** One change of a text at a place; `at` and `length` are shares of it. */
const change = fc.record({
  how: fc.constantFrom('cut', 'delete', 'insert', 'repeat', 'turn', 'swap', 'indent', 'join'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(12),
  what: odd,
});

function spoil(text: string, { how, at, length, what }: { how: string; at: number; length: number; what: string }): string {
  const place = Math.floor(at * text.length);
  const lines = text.split('\n');
  const line = Math.floor(at * lines.length) % lines.length;
  switch (how) {
    case 'cut':
      return text.slice(0, place);
    case 'delete':
      return text.slice(0, place) + text.slice(place + length);
    case 'insert':
      return text.slice(0, place) + what + text.slice(place);
    case 'repeat':
      return text.slice(0, place) + text.slice(Math.max(0, place - 4 * length));
    case 'turn':
      return text.slice(place) + text.slice(0, place);
    case 'swap':
      return [...lines.slice(line), ...lines.slice(0, line)].join('\n');
    case 'indent':
      return lines.map((each, n) => (n >= line ? ' '.repeat(length) + each : each)).join('\n');
    default:
      return lines.map((each, n) => (n === line ? each : `${each}\n`)).join('');
  }
}

const sample = fc.constantFrom(...SAMPLES);
const spoilt = fc
  .record({ sample, other: sample, mixed: fc.boolean(), changes: fc.array(change, { maxLength: 5 }) })
  .map(({ sample: [command, lines], other, mixed, changes }) => ({
    command,
    text: changes.reduce(spoil, [...lines, ...(mixed ? other[1] : [])].join('\n')),
  }));

/** Fails where something of a document is wrong, whatever its text: a defect, a span outside it, a line that nobody took. */
function check(document: CaptureDocument, text: string): void {
  const lines = linesOf(text, indexLines(text));
  for (const capture of document.captures) {
    assertNumbers(capture.facts, capture.kind);
    const said = new Set(capture.lines.flatMap(({ firstLine, lastLine }) => range(firstLine, lastLine)));
    for (const error of capture.errors) {
      assert.doesNotMatch(error.message, /failed inside Packet Walk/);
      const { start, end } = error.span;
      assert.ok(start >= 0 && start <= end && end <= text.length, 'an error outside the text');
      said.add(document.lines.lineAt(start));
    }
    for (const { span } of capture.refs)
      assert.ok(span.start < span.end && span.end <= text.length, 'a reference outside the text');
    for (let flow = 0; flow < capture.flows.count; flow++)
      for (const n of range(capture.flows.firstLineOf(flow), capture.flows.lastLineOf(flow))) said.add(n);
    const from = capture.commandSpan ? document.lines.lineAt(capture.commandSpan.end) + 1 : capture.firstLine;
    for (const n of range(from, capture.lastLine)) {
      const whole = lines.at(n);
      const line = whole ? unquote(whole).text.trim() : '';
      // What people write between the lines: nothing, a remark, a cut, a fence; too long a line is none of any program.
      const between =
        /^(?:>\s*)*(?:$|#|\([^():]*\)$|[└├↳↑↓←→⇒▲▼]|\.{3,}|…|```|~|[.:⋮·]{1,2}$|--$|[-=_*]{3,}$|<\/?(?:pre|code|p|br|hr|div|span|li|ul|ol|details|summary|blockquote|b|strong)\b[^<>]*>$|[[(<-]*\s*(?:\.{3}|…|snip|cut|omitted|truncated|skipped))/i.test(
          line,
        );
      assert.ok(said.has(n) || between || line.length > 5000, `nothing is said of line ${n + 1} of ${capture.kind}: ${line}`);
    }
  }
}

/** A number that is none, such as the number of a rule that was not counted, decides comparisons without a word. */
function assertNumbers(item: unknown, where: string): void {
  if (typeof item === 'number') assert.ok(Number.isFinite(item), `${where} is ${item}`);
  if (typeof item !== 'object' || item === null) return;
  for (const [key, value] of Object.entries(item)) assertNumbers(value, `${where}.${key}`);
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);
const document = (text: string): CaptureDocument => readDocument('file:///f.txt', 'f.txt', text);

describe('every reader', () => {
  it('has a sample', () => {
    const tried = new Set(SAMPLES.map(([command]) => readerOf(command).syntax));
    assert.deepEqual(
      // No command of Linux prints what another system's programs do.
      captureKinds.filter((kind) => !tried.has(kind) && kind !== otherSystems).map(({ kinds }) => kinds.slice(0, 3).join(', ')),
      [],
    );
  });

  it('reads its sample without an error, every line', () => {
    for (const [command, lines] of SAMPLES) {
      const { captures } = document(`[root@h ~]# ${command}\n${lines.join('\n')}\n`);
      const [capture, ...more] = captures;
      assert.equal(capture?.kind, readerOf(command).recognised.kind, command);
      assert.deepEqual(
        [...(capture?.errors ?? []), ...more].map((item) => ('message' in item ? item.message : item.kind)),
        [],
        command,
      );
      assert.equal(capture?.lastLine, lines.length, command);
    }
  });

  it('says of every line what became of it, in a document', () => {
    fc.assert(
      fc.property(spoilt, ({ command, text }) => {
        const whole = `[root@h ~]# ${command}\n${text}\n`;
        check(document(whole), whole);
      }),
      { numRuns: runs(2500) },
    );
  });

  it('says of every line what became of it, whoever gave it the line', () => {
    fc.assert(
      fc.property(spoilt, ({ command, text }) => {
        const { syntax, recognised, argv } = readerOf(command);
        const lines = linesOf(text, indexLines(text));
        const given = range(0, lines.length - 1).flatMap((n) => lines.at(n) ?? []);
        const parsed = syntax.parse({
          kind: recognised.kind,
          target: recognised.target,
          options: recognised.options ?? {},
          argv,
          lines: given,
        });
        for (const { span } of [...parsed.errors, ...parsed.refs])
          assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length, 'outside the text');
        for (const { firstLine, lastLine } of parsed.records)
          assert.ok(firstLine >= 0 && firstLine <= lastLine && lastLine < lines.length);
      }),
      { numRuns: runs(1500) },
    );
  });

  it('reads text alone, without its command', () => {
    fc.assert(
      fc.property(spoilt, ({ text }) => check(document(text), text)),
      { numRuns: runs(800) },
    );
  });

  it('reads what is cut at any place', () => {
    for (const [command, lines] of SAMPLES) {
      const whole = `[root@h ~]# ${command}\n${lines.join('\n')}`;
      const step = Math.max(1, Math.floor(whole.length / (40 * runs(1))));
      for (let end = 0; end < whole.length; end += step) check(document(whole.slice(0, end)), whole.slice(0, end));
    }
  });

  it('reads lines that end as in DOS alike', () => {
    for (const [command, lines] of SAMPLES) {
      const unix = `[root@h ~]# ${command}\n${lines.join('\n')}\n`;
      const dos = unix.replaceAll('\n', '\r\n');
      const said = (text: string) =>
        document(text).captures.map(({ kind, facts, errors, flows }) => [kind, plain(facts), errors.length, flows.count]);
      assert.deepEqual(withoutSpans(said(dos)), withoutSpans(said(unix)), command);
    }
  });

  it('reads bytes of a program', () => {
    fc.assert(
      fc.property(sample, fc.uint8Array({ minLength: 20, maxLength: 400 }), ([command, lines], bytes) => {
        const text = `[root@h ~]# ${command}\n${lines.join('\n')}\n${Buffer.from(bytes).toString('latin1')}\n${lines.join('\n')}\n`;
        check(document(text), text);
      }),
      { numRuns: runs(300) },
    );
  });

  it('ends in a bounded time on hostile repetition', () => {
    for (const [command, lines] of SAMPLES) {
      for (const line of lines) {
        const text = `[root@h ~]# ${command}\n${line.repeat(Math.ceil(4000 / line.length))}\n`.repeat(3);
        const start = process.cpuUsage();
        check(document(text), text);
        const { user } = process.cpuUsage(start);
        assert.ok(user < 6_000_000, `${command}: ${user / 1e6} s of "${line}"`);
      }
    }
  });
});

/** Without where things stand. */
function withoutSpans(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(withoutSpans);
  if (typeof item !== 'object' || item === null) return item;
  return Object.fromEntries(Object.entries(item).flatMap(([key, value]) => (key === 'span' ? [] : [[key, withoutSpans(value)]])));
}

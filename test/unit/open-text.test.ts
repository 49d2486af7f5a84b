import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import type { TextDocumentContentChangeEvent } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { drained } from '../../server/src/base/steps';
import { completed, hasMoreLines, openTexts, SHORT, type OpenText } from '../../server/src/lsp/open-text';
import { createService } from '../../server/src/service';

const service = createService();
const texts = openTexts(service, () => undefined);
const line = (n: number) =>
  ` cookie=0x${n.toString(16)}, duration=1.0s, table=${n % 9}, n_packets=${n}, n_bytes=0, priority=${n % 70},in_port=${n} actions=drop`;
const breaks = ['\n', '\r\n', '\n', '\r'];
const long = Array.from({ length: 4000 }, (_, n) => line(n) + (breaks[n % 4] ?? '')).join('');
const held = ({ held: now }: OpenText) =>
  now.kind === 'cut' ? now.cut.slice(0) : now.kind === 'whole' ? now.document.getText() : now.head;

const inPieces = openTexts(service, () => long.length);

/** A text as it is held once it was read. */
function opened(): OpenText {
  const open = texts.create('file:///t', 'x', 1, long);
  open.held = { kind: 'cut', cut: drained(service.cut(long, undefined)) };
  return open;
}

describe('open texts', () => {
  it('are after edits what the protocol says', () => {
    const position = fc.record({ line: fc.nat(4100), character: fc.oneof(fc.nat(160), fc.constant(9999)) });
    const change = fc.record({
      at: position,
      lines: fc.nat(3),
      character: fc.nat(150),
      text: fc.constantFrom('', 'x', '\n', '\r', '\r\n', `${line(7)}\n`, `\n${line(8)}\r\n${line(9)}`),
    });
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }), (events) => {
        let open = opened();
        let later = inPieces.create('file:///t', 'x', 1, long.slice(0, 900));
        let document = TextDocument.create('file:///t', 'x', 1, long);
        for (const [n, event] of events.entries()) {
          const changes = event.map(({ at, lines, character, text }): TextDocumentContentChangeEvent => ({
            range: {
              start: at,
              end: { line: at.line + lines, character: lines === 0 ? at.character + character : character },
            },
            text,
          }));
          open = texts.update(open, changes, n + 2);
          later = inPieces.update(later, changes, n + 2);
          // Each time from a text whose lines are counted anew: the library keeps counts that lone carriage returns upset.
          for (const one of changes)
            document = TextDocument.update(TextDocument.create('file:///t', 'x', 1, document.getText()), [one], n + 2);
        }
        assert.equal(open.held.kind, 'cut');
        assert.equal(held(open), document.getText());
        // One that came in pieces is then what it was changed to while it came.
        assert.equal(later.held.kind, 'coming');
        completed(service, later, drained(service.cut(long, undefined)));
        assert.equal(held(later), document.getText());
        if (open.held.kind === 'cut')
          assert.equal(open.held.cut.lines.count, TextDocument.create('file:///t', 'x', 1, document.getText()).lineCount);
      }),
      { numRuns: runs(60), endOnFailure: true },
    );
  });

  it('keep all segments that an edit does not touch', () => {
    const before = opened();
    assert.ok(before.held.kind === 'cut');
    const { segments } = before.held.cut;
    const place = { line: 2000, character: 3 };
    const after = texts.update(before, [{ range: { start: place, end: place }, text: 'x' }], 2);
    assert.ok(after.held.kind === 'cut');
    const kept = after.held.cut.segments.filter((segment) => segments.includes(segment));
    assert.ok(segments.length > 3);
    assert.ok(kept.length >= segments.length - 2, `${kept.length} of ${segments.length}`);
  });

  it('are whole again where all of it changes, or where it gets short', () => {
    const all = texts.update(opened(), [{ text: 'short' }], 2);
    assert.equal(all.held.kind, 'whole');
    assert.equal(held(all), 'short');
    const end = { line: 4100, character: 0 };
    const cut = texts.update(opened(), [{ range: { start: { line: 10, character: 0 }, end }, text: 'rest' }], 2);
    assert.equal(cut.held.kind, 'whole');
    assert.ok(held(cut).endsWith('rest') && held(cut).length < SHORT);
    // Put where a cut text was: the changes after it in the same event count from there.
    const two = texts.update(opened(), [{ text: 'one\ntwo' }, { range: { start: end, end }, text: '!' }], 2);
    assert.equal(held(two), 'one\ntwo!');
  });

  it('count their lines no further than asked', () => {
    const open = texts.create('file:///t', 'x', 1, 'a\r\nb\rc\n');
    assert.ok(hasMoreLines(open, 3));
    assert.ok(!hasMoreLines(open, 4));
    assert.ok(hasMoreLines(opened(), 4000));
    assert.ok(!hasMoreLines(opened(), 4001));
  });
});

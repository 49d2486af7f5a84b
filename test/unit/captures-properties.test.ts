import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { changeFlow, flowChanges } from './changed-flows';
import { fc, runs } from './fuzz';
import type { FailedMatchResult } from 'ohm-js';
import { matchFlow, matchFlowHead, scanFlow, scanHead } from '../../server/src/captures/flow/syntax';
import { troubleBeforeMatch, troubleOf } from '../../server/src/captures/flow/trouble';
import { readDocument } from '../../server/src/captures/document';
import { linkNetwork } from '../../server/src/link/network';
import { walk } from '../../server/src/walk/walk';
import { documentsOf, filesOf, fixture, folder, root, type Files } from './walk-fixture';

const lab = new Map([...folder(path.join(root, 'test/fixtures/lab'))].filter(([name]) => !name.startsWith('real/')));
const pastes = ['provider-vlan', 'gre-old', 'linux-bridge', 'kvm'].map(
  (name) => [`${name}.txt`, fixture(`walks/${name}.txt`)] as const,
);
const all: readonly Files[] = [
  filesOf(fixture('article-outputs.txt'), 'article-outputs.txt'),
  lab,
  ...pastes.map(([name, text]) => filesOf(text, name)),
];

/** As it is compared: without case, quotes, blanks, wraps and what stands around a cell. */
const plain = (text: string): string => text.toLowerCase().replace(/["'\s\\|]+/g, '');

/** Whether a span's text says the value, however it is written. */
const reserved: Readonly<Record<string, string>> = { local: '65534', normal: '65530' };

function says(written: string, value: string | number | bigint): boolean {
  const [a, b] = [plain(written), plain(String(value))];
  if (a === b || a.includes(b) || reserved[a] === b) return true;
  // A cell that was wrapped stands on several lines, with its neighbours between.
  if (written.includes('\n') && a.startsWith(b.slice(0, 6)) && a.endsWith(b.slice(-6))) return true;
  const number = (text: string): string | undefined => (/^(?:0x[0-9a-f]+|\d+)$/.test(text) ? BigInt(text).toString() : undefined);
  if (number(a) !== undefined && number(a) === number(b)) return true;
  return a.split(/[^0-9a-fx.]+/).some((part) => number(part) !== undefined && number(part) === number(b));
}

/** Values that stand for something else than what is written: a network without its zeros, a default, a word for a number. */
function isCanonical(written: string, value: string | number | bigint): boolean {
  const a = plain(written);
  return (
    a === '' ||
    a === 'default' ||
    a === 'local' ||
    a === 'anywhere' ||
    /^[0-9.]+(?:\/\d+)?$/.test(a) ||
    typeof value !== 'string' ||
    /^(?:[a-z0-9-]+|[\d.]+\/\d+)$/.test(plain(value))
  );
}

function* values(item: unknown): Generator<{ value: string | number | bigint; span: { start: number; end: number } }> {
  if (typeof item !== 'object' || item === null) return;
  const { value, span } = item as { value?: unknown; span?: { start?: unknown; end?: unknown } };
  if (
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') &&
    typeof span?.start === 'number' &&
    typeof span.end === 'number'
  ) {
    yield { value, span: { start: span.start, end: span.end } };
  }
  for (const child of Object.values(item)) yield* values(child);
}

describe('what every capture says', () => {
  it('stands where its span points', () => {
    for (const document of all.flatMap((files) => documentsOf(files))) {
      for (const capture of document.captures) {
        const flows = Array.from({ length: capture.flows.count }, (_, i) => i);
        for (const { kind, value, span } of [...capture.refs, ...flows.flatMap((i) => capture.flows.refs(i))]) {
          const written = document.text.slice(span.start, span.end);
          assert.ok(
            span.start >= 0 && span.end <= document.text.length && span.start < span.end,
            `${document.path}: ${kind} ${value}`,
          );
          assert.ok(
            says(written, value),
            `${document.path}, ${capture.kind}: a reference to ${kind} ${value} is written ${JSON.stringify(written)}`,
          );
        }
        for (const { value, span } of values([...capture.facts, ...flows.map((i) => capture.flows.flow(i))])) {
          if (span.end <= span.start) continue;
          const written = document.text.slice(span.start, span.end);
          assert.ok(
            says(written, value) || isCanonical(written, value),
            `${document.path}, ${capture.kind}: ${JSON.stringify(String(value))} is written ${JSON.stringify(written)}`,
          );
        }
      }
    }
  });
});

const flowLines = [
  ...new Set(
    all.flatMap((files) => [...files.values()].flatMap((text) => text.split(/\r?\n/).filter((line) => /actions=/.test(line)))),
  ),
];

/** Where the scanner answers, the grammar must say the same. */
function agree(line: string): void {
  const scanned = scanFlow(line);
  if (scanned === undefined) return;
  const matched = matchFlow(line);
  assert.ok(!('failed' in matched), `the scanner reads what the grammar refuses: ${line}`);
  assert.deepEqual(scanned, matched, line);
}

/** What is told of a line without matching all of it, the grammar must say of the whole; gives whether anything was told. */
function agreeOnTrouble(line: string): boolean {
  const head = scanHead(line);
  if (head) assert.deepEqual(head, matchFlowHead(line), line);
  const trouble = troubleBeforeMatch(line);
  if (!trouble) return false;
  const matched = matchFlow(line);
  assert.ok('failed' in matched, `what the grammar reads is refused: ${line}`);
  assert.deepEqual(trouble, troubleOf(matched as FailedMatchResult), line);
  return true;
}

describe('what is wrong with a flow', () => {
  it('is told of the end of a line as of the whole, wherever it was cut', () => {
    let told = 0;
    let cut = 0;
    for (const [n, line] of flowLines.entries()) {
      for (let at = 1 + (n % 7); at < line.length; at += 7 + (n % 13)) {
        cut++;
        if (agreeOnTrouble(line.slice(0, at).trimEnd())) told++;
      }
    }
    // Cut between two actions it is a flow, and brackets or quotes that are open are the grammar's.
    assert.ok(told > cut / 3, `${told} of ${cut}`);
  });

  it('is told so of flows that were changed at random', () => {
    const change = fc.tuple(flowChanges(flowLines, ['action =', 'a', 'ac', '{']), fc.nat());
    fc.assert(
      fc.property(change, ([how, keep]) => {
        const [line, , , put] = how;
        const { at, changed } = changeFlow(how);
        agreeOnTrouble(changed);
        agreeOnTrouble(changed.slice(0, keep % (changed.length + 1)));
        agreeOnTrouble(line.slice(0, at) + put);
      }),
      { numRuns: runs(600) },
    );
  });
});

describe('the scanner of flows and the grammar', () => {
  it('agree on every flow of the fixtures', () => {
    assert.ok(flowLines.length > 200);
    for (const line of flowLines) agree(line);
  });

  const shared = path.resolve(root, '../shared/captures');
  it('agree on published flows', { skip: !fs.existsSync(shared) }, () => {
    const lines = new Set<string>();
    for (const [name, text] of folder(shared)) {
      if (!/flow/.test(name) || text.length > 300_000) continue;
      for (const line of text.split(/\r?\n/)) if (/actions=/.test(line) && line.length < 2000) lines.add(line);
    }
    for (const line of [...lines].slice(0, 1500)) agree(line);
  });

  it('agree on flows that were changed at random', () => {
    fc.assert(
      fc.property(flowChanges(flowLines, ['x']), (how) => agree(changeFlow(how).changed)),
      { numRuns: runs(1500) },
    );
  });
});

describe('anything at all', () => {
  const sources = [...all.flatMap((files) => [...files.values()])].filter((text) => text.length > 40);
  const questions = [
    'c-private > 8.8.8.8',
    'web1 > 10.101.0.22',
    'mail > wiki',
    '192.0.2.11 > 192.0.2.12',
    'lba > lbb',
    'br-int > 172.19.1.1',
  ];

  it('is read, linked and walked without an exception', () => {
    const lines = fc.constantFrom(...sources).chain((text) => {
      const own = text.split('\n').slice(0, 120);
      return fc.tuple(
        fc.constant(own),
        fc.array(fc.tuple(fc.nat(own.length), fc.nat(200), fc.constantFrom('delete', 'cut', 'double', 'swap', 'junk', 'join')), {
          maxLength: 8,
        }),
        fc.string({ maxLength: 30 }),
      );
    });
    fc.assert(
      fc.property(lines, ([own, edits, junk]) => {
        const text = [...own];
        for (const [at, column, edit] of edits) {
          const line = text[at];
          if (line === undefined) continue;
          if (edit === 'delete') text.splice(at, 1);
          else if (edit === 'cut') text[at] = line.slice(0, column % (line.length + 1));
          else if (edit === 'double') text.splice(at, 0, line);
          else if (edit === 'junk')
            text[at] = line.slice(0, column % (line.length + 1)) + junk + line.slice(column % (line.length + 1));
          else if (edit === 'join') text.splice(at, 2, line + (text[at + 1] ?? ''));
          else text.splice(at, 2, text[at + 1] ?? '', line);
        }
        const document = readDocument('file:///fuzz.txt', 'fuzz.txt', text.join('\n'));
        for (const capture of document.captures)
          for (const error of capture.errors) assert.ok(!error.message.includes('failed inside Packet Walk'), error.message);
        const network = linkNetwork([document]);
        for (const asked of questions) {
          const [from = '', , to = ''] = asked.split(' ');
          walk(network, { from, to, reply: true });
        }
      }),
      { numRuns: runs(300) },
    );
  });

  it('is walked from everywhere to everywhere', () => {
    for (const files of all) {
      const network = linkNetwork(documentsOf(files));
      const places = new Set<string>(network.instances.map(({ name }) => name));
      for (const host of network.hosts.values()) {
        places.add(host.name);
        for (const bridge of host.bridges.values()) for (const port of bridge.ports) places.add(`${host.name}:${port.name}`);
        for (const namespace of host.namespaces.values())
          for (const device of namespace.devices.values()) for (const { ip } of device.addresses) places.add(ip);
      }
      const targets = [...places].filter((_, n) => n % 7 === 0).slice(0, 8);
      for (const from of places)
        for (const to of [...targets, '2001:db8::1', '8.8.8.8']) walk(network, { from, to, proto: 'tcp', reply: true });
    }
  });
});

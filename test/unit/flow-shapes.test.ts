import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { changeFlow, flowChanges } from './changed-flows';
import { fc, runs } from './fuzz';
import { createReading, documentInSteps, readDocument, type Reading } from '../../server/src/captures/document';
import { mayBeFlow } from '../../server/src/captures/flow-lines';
import { sampleFlows } from '../../server/src/captures/flow/samples';
import { numbersOfRules } from '../../server/src/captures/flow/rules';
import { saveShapes } from '../../server/src/captures/flow/saved-shapes';
import { learnLine } from '../../server/src/captures/flow/shapes';
import { numbersOfTrie } from '../../server/src/captures/flow/trie';
import { usualShapes } from '../../server/src/generated/usual-shapes';
import { drained } from '../../server/src/base/steps';
import { editedText, segmentsOf } from '../../server/src/captures/segmented';
import { startsOf } from './line-starts';
import { ordinary, same } from './same-document';
import { fields } from '../../server/src/packet/fields';
import { filesOf, fixture, folder, root } from './walk-fixture';

/** Reads a text with shapes, twice so that none of them is new, and without; gives how many flows had a known shape. */
function agree(name: string, text: string, reading: Reading = createReading(), values = true): number {
  const plain = readDocument('file:///t', name, text, undefined, ordinary());
  same(readDocument('file:///t', name, text, undefined, reading), plain, values);
  return same(readDocument('file:///t', name, text, undefined, reading), plain, values);
}

const fixtures = new Map<string, string>([
  ...filesOf(fixture('article-outputs.txt'), 'article-outputs.txt'),
  ...folder(path.join(root, 'test/fixtures/lab')),
  ...folder(path.join(root, 'test/fixtures/walks')),
]);
const flowLines = [
  ...new Set([...fixtures.values()].flatMap((text) => text.split(/\r?\n/).filter((line) => /actions=/.test(line)))),
];
const shared = path.resolve(root, '../shared');

describe('flows of known shapes', () => {
  it('say in the fixtures what the grammar makes of them', () => {
    for (const usual of [true, false]) {
      let known = 0;
      for (const [name, text] of fixtures) known += agree(name, text, createReading(usual));
      assert.ok(known > 300, `only ${known} flows had a known shape`);
    }
  });

  it('are known from when the extension was built as they are learned now', () => {
    assert.deepEqual(saveShapes(sampleFlows, mayBeFlow), usualShapes);
    const learned = createReading(false).book;
    for (const flow of sampleFlows) learnLine(learned, flow);
    const loaded = createReading().book;
    const plain = ({ shapes, saved, trie, rules, names }: typeof learned) => ({
      shapes: shapes.map((shape, id) => shape ?? saved(id)).map((shape) => shape && { ...shape, sample: shape.sample() }),
      trie: numbersOfTrie(trie),
      rules: [numbersOfRules(rules), rules.places, rules.edges],
      names,
    });
    assert.ok(loaded.shapes.length > 200);
    assert.deepEqual(plain(loaded), plain(learned));
    agree('dump.txt', sampleFlows.join('\n'));
  });

  it('say in published captures what the grammar makes of them', { skip: !fs.existsSync(shared) }, () => {
    let known = 0;
    for (const where of ['captures', 'lab/ovn-small', 'lab/recorded']) {
      for (const [name, text] of folder(path.join(shared, where))) {
        if (/actions=/.test(text) && text.length < 300_000) known += agree(name, text);
      }
    }
    assert.ok(known > 3000, `only ${known} flows had a known shape`);
  });

  const dumped = path.join(shared, 'lab/ovn-26k/br-int.flows.txt.xz');
  it('say in a gateway’s dump of 26,000 flows what the grammar makes of them', { skip: !fs.existsSync(dumped) }, () => {
    const lines = execFileSync('xz', ['-dc', dumped], { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\n');
    // Some lines of each shape, and some of all.
    const seen = new Map<string, number>();
    const some = lines.filter((line, n) => {
      const shape = line.replace(/[0-9a-f]+/g, '');
      seen.set(shape, (seen.get(shape) ?? 0) + 1);
      return (seen.get(shape) ?? 0) <= 3 || n % 40 === 0;
    });
    assert.ok(some.length > 800 && some.length < 3000, String(some.length));
    const known = agree('ovs-ofctl_dump-flows_br-int', some.join('\n'));
    assert.ok(known > some.length * 0.9, `only ${known} of ${some.length} flows had a known shape`);
  });

  const numbers = fc.oneof(
    fc.nat(7),
    fc.nat(300),
    fc.nat(70_000),
    fc.constantFrom(
      31,
      32,
      33,
      63,
      64,
      65,
      127,
      128,
      129,
      254,
      255,
      256,
      4094,
      4095,
      4096,
      65279,
      65280,
      65528,
      65534,
      65535,
      65536,
    ),
    fc.constantFrom(0x7fffffff, 0x80000000, 0xfffffff7, 0xfffffff8, 0xfffffffe, 0xffffffff, 0x100000000, 2 ** 53),
    fc.nat(),
  );

  it('whose numbers were changed at random are read as the grammar reads them', () => {
    const changes = fc.array(fc.tuple(fc.nat(), numbers), { minLength: 1, maxLength: 4 });
    const reading = createReading(false);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...flowLines), changes), { minLength: 1, maxLength: 12 }), (lines) => {
        const changed = lines.map(([line, edits]) =>
          edits.reduce((text, [at, number]) => {
            const spots = [...text.matchAll(/0x[0-9a-f]+|\d+/g)];
            const spot = spots[at % Math.max(1, spots.length)];
            if (!spot) return text;
            const written = spot[0].startsWith('0x') ? `0x${number.toString(16)}` : String(number);
            return text.slice(0, spot.index) + written + text.slice(spot.index + spot[0].length);
          }, line),
        );
        agree('dump.txt', [...lines.map(([line]) => line), ...changed].join('\n'), reading);
      }),
      { numRuns: runs(60), endOnFailure: true },
    );
  });

  it('that were changed at random are read as the grammar reads them', () => {
    const reading = createReading();
    const change = flowChanges(flowLines, ['x', '\n', '\r', '\u00a0', 'é', '> ']);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 10 }), (changes) => {
        const lines = changes.flatMap((how) => [how[0], changeFlow(how).changed, how[0]]);
        agree('dump.txt', lines.join('\n'), reading);
      }),
      { numRuns: runs(60), endOnFailure: true },
    );
  });

  it('may have every value that their fields take, and no other', () => {
    const edges = (bits: number) => {
      const all = [0, 1, 5, 31, 32, 33, 48, 63, 64, 127, 128].flatMap((n) => [(1n << BigInt(n)) - 1n, 1n << BigInt(n)]);
      const ends = [bits - 1, bits].flatMap((n) => [(1n << BigInt(n)) - 2n, (1n << BigInt(n)) - 1n, 1n << BigInt(n)]);
      return [...new Set([...ends, ...all, 0xfeffn, 0xff00n, 0xfff8n, 0xfffen, 0xffffn, 254n, 255n, 256n])].filter(
        (n) => n >= 0n,
      );
    };
    const numbered = fields.filter(({ name }) => !/^tun_metadata[2-9]|^tun_metadata\d\d/.test(name));
    const lines = numbered.flatMap(({ name, mfName, header, bits }) =>
      edges(Math.min(bits, 128)).flatMap((value) =>
        [`0x${value.toString(16)}`, value.toString()].flatMap((written) => [
          ` cookie=0x1, table=1, priority=2,${name}=${written} actions=drop`,
          ` cookie=0x1, table=1, priority=2 actions=load:${written}->${header}[],drop`,
          ` cookie=0x1, table=1, priority=2 actions=set_field:${written}->${mfName},clone(load:${written}->${header}[0..${bits - 1}])`,
        ]),
      ),
    );
    const others = edges(16).flatMap((value) =>
      [
        `table=${value} actions=drop`,
        `priority=${value} actions=drop`,
        `idle_timeout=${value} actions=drop`,
        ...[
          'output:$',
          'group:$',
          'mod_vlan_vid:$',
          'set_tunnel:$',
          'resubmit(,$)',
          'resubmit($,3)',
          'conjunction($,1/2)',
          'meter:$',
        ],
        ...[
          'goto_table:$',
          'ct(table=$)',
          'ct(commit,zone=$,exec(set_field:$->ct_mark))',
          'clone(resubmit(,$),output:$)',
          'set_queue:$',
        ],
      ].map((text) => ` cookie=0x1, ${/actions=/.test(text) ? text : `actions=${text.replaceAll('$', String(value))}`}`),
    );
    const written = [
      '0a',
      '0a.0b',
      '0a0b',
      '0A.0b',
      'a',
      '0a.',
      '0a.0',
      Array(60).fill('0a').join('.'),
      Array(300).fill('0a').join('.'),
    ];
    const bytes = written.map((text) => ` cookie=0x1, actions=controller(userdata=${text},pause)`);
    // Texts of one shape in one document; the first of them is what it is learned from.
    for (const part of [lines, others, bytes]) {
      const text = [...part, ...[...part].reverse()].join('\n');
      agree('dump.txt', text, createReading(), false);
    }
  });

  it('have no numbers with needless zeros: what is named by them would not be found', () => {
    const line = (n: string) => ` cookie=0x1, actions=load:${n}->NXM_NX_TUN_ID[],output:2`;
    agree('dump.txt', ['0x7', '0x9', '0x07', '0x0a', '0x000000000000000b'].map(line).join('\n'));
  });

  it('that go on to a table which is not a later one are wrong', () => {
    const line = (own: number, next: number) => `table=${own}, priority=1,in_port=1 actions=goto_table:${next}`;
    agree(
      'dump.txt',
      [
        [9, 12],
        [10, 13],
        [12, 10],
        [11, 11],
        [12, 13],
      ]
        .map(([own = 0, next = 0]) => line(own, next))
        .join('\n'),
    );
  });

  it('stay the same while a text is edited', () => {
    const reading = createReading();
    const text = Array.from({ length: 6000 }, (_, n) => flowLines[n % flowLines.length] ?? '').join('\n');
    let before = readDocument('file:///t', 'dump.txt', text, undefined, reading);
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(3000),
        fc.constantFrom('', 'x', '\n', '\r', '\r\n', flowLines[3] ?? '', `\n${flowLines[5] ?? ''}\n`, '# note\n'),
        (at, cut, put) => {
          const from = at % (before.text.length + 1);
          const next = before.text.slice(0, from) + put + before.text.slice(from + cut);
          const compared = drained(segmentsOf(reading.segments, next, before.segmented));
          const segmented = editedText(
            reading.segments,
            before.segmented,
            [{ from, to: Math.min(from + cut, before.text.length), put }],
            Infinity,
          );
          assert.ok(segmented);
          assert.equal(segmented.slice(0), next);
          assert.equal(compared.slice(0), next);
          const anew = drained(segmentsOf(reading.segments, next, undefined));
          for (const own of [segmented, compared]) assert.deepEqual(startsOf(own.lines), startsOf(anew.lines));
          const flat = (text: typeof segmented) => text.segments.flatMap((segment) => Array.from(segment.hashes));
          for (const own of [segmented, compared]) {
            assert.deepEqual(flat(own), flat(anew));
            for (const hash of anew.repeats) assert.ok(own.repeats.has(hash));
          }
          before = drained(documentInSteps('file:///t', 'dump.txt', segmented, reading));
        },
      ),
      { numRuns: runs(40), endOnFailure: true },
    );
    agree('dump.txt', before.text.slice(0), reading, false);
  });
});

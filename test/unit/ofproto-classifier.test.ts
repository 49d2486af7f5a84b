import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from './fuzz';
import { compactMatch, expandMatch, type Match } from '../../server/src/openflow/match';
import { buildClassifier, grownClassifier, lookup } from '../../server/src/ofproto/classifier';
import { insertPrefix, lookupPrefixes, type PrefixTrie } from '../../server/src/ofproto/prefix-trie';
import type { RuleSource } from '../../server/src/ofproto/switch';
import { emptyFlow, W, type FlowWords } from '../../server/src/packet/flow-words';

/** Few values per field, so that flows overlap and packets hit them. */
const fields = [
  { word: W.inPort, masks: [0, 0xffff], values: [1, 2] },
  { word: W.metadata + 1, masks: [0, 0xffffffff, 0xff], values: [0, 1, 0x101] },
  { word: W.dlType, masks: [0, 0xffff], values: [0x800, 0x806] },
  { word: W.nwSrc, masks: [0, 0xff000000, 0xffff0000, 0xffffffff], values: [0x0a000001, 0x0a010001, 0xc0a80001] },
  { word: W.nwDst, masks: [0, 0xffffff00, 0xffffffff], values: [0x0a000002, 0x0a000102] },
  { word: W.tpDst, masks: [0, 0xffff, 0xff00], values: [80, 443, 336] },
];

const flowArb = fc.tuple(...fields.map(({ values }) => fc.constantFrom(...values))).map((values) => {
  const flow = emptyFlow();
  fields.forEach(({ word }, i) => {
    flow[word] = values[i] ?? 0;
  });
  return flow;
});

const ruleArb = fc.record({
  flow: flowArb,
  masks: fc.tuple(...fields.map(({ masks }) => fc.constantFrom(...masks))),
  priority: fc.integer({ min: 0, max: 4 }),
});

function sourceOf(rules: readonly { match: Match; priority: number }[]): RuleSource {
  return {
    count: rules.length,
    table: () => 0,
    priority: (i) => rules[i]?.priority ?? 0,
    match: (i) => rules[i]?.match ?? compactMatch(emptyFlow(), emptyFlow()),
    rule: () => {
      throw new Error('not asked for here');
    },
    trouble: () => undefined,
  };
}

function matches(match: Match, flow: FlowWords): boolean {
  const { value, mask } = expandMatch(match);
  return flow.every((word, i) => (word & (mask[i] ?? 0)) >>> 0 === value[i]);
}

describe('the classifier', () => {
  it('finds a flow of the highest matching priority, and every other of that priority', () => {
    fc.assert(
      fc.property(fc.array(ruleArb, { maxLength: 30 }), fc.array(flowArb, { minLength: 1, maxLength: 10 }), (rules, packets) => {
        const made = rules.map(({ flow, masks, priority }) => {
          const mask = emptyFlow();
          fields.forEach(({ word }, i) => {
            mask[word] = masks[i] ?? 0;
          });
          return { match: compactMatch(flow, mask), priority };
        });
        const source = sourceOf(made);
        const classifier = buildClassifier(source, made.keys());
        for (const packet of packets) {
          const hits = made.flatMap(({ match, priority }, i) => (matches(match, packet) ? [{ i, priority }] : []));
          const best = Math.max(-1, ...hits.map(({ priority }) => priority));
          const wanted = hits.filter(({ priority }) => priority === best).map(({ i }) => i);
          for (const wc of [undefined, emptyFlow()]) {
            const found = lookup(classifier, packet, wc, () => undefined);
            if (wanted.length === 0) assert.equal(found.rule, undefined);
            else assert.ok(found.rule !== undefined && wanted.includes(found.rule));
          }
        }
      }),
    );
  });

  it('reports bits that decide: a packet that agrees in them is treated alike', () => {
    fc.assert(
      fc.property(fc.array(ruleArb, { maxLength: 30 }), flowArb, flowArb, (rules, packet, other) => {
        // One flow for each match and priority, as in a switch.
        const seen = new Set<string>();
        const made = rules.flatMap(({ flow, masks, priority }, n) => {
          const mask = emptyFlow();
          fields.forEach(({ word }, i) => {
            mask[word] = masks[i] ?? 0;
          });
          const match = compactMatch(flow, mask);
          const key = `${match.mask.key}|${match.values.join()}`;
          if (seen.has(key)) return [];
          seen.add(key);
          return [{ match, priority: priority * 1000 + n }];
        });
        const classifier = buildClassifier(sourceOf(made), made.keys());
        const wc = emptyFlow();
        wc[W.dlType] = 0xffff;
        const found = lookup(classifier, packet, wc, () => undefined);
        const agreeing = other.map((word, i) => ((word & ~(wc[i] ?? 0)) | ((packet[i] ?? 0) & (wc[i] ?? 0))) >>> 0);
        assert.equal(lookup(classifier, agreeing, undefined, () => undefined).rule, found.rule);
      }),
    );
  });
});

describe('a classifier that some flows are added to', () => {
  const plain = ruleArb.map(({ masks, ...rest }) => ({ ...rest, masks: masks.map((mask, i) => (i < 3 ? mask : 0)) }));
  const made = (rules: readonly { flow: FlowWords; masks: readonly number[]; priority: number }[]) =>
    rules.map(({ flow, masks, priority }) => {
      const mask = emptyFlow();
      fields.forEach(({ word }, i) => {
        mask[word] = masks[i] ?? 0;
      });
      return { match: compactMatch(flow, mask), priority };
    });
  const keyOf = ({ match, priority }: { match: Match; priority: number }) =>
    `${match.mask.key}|${match.values.join()}|${priority}`;

  it('is the same as one that is made of all of them', () => {
    fc.assert(
      fc.property(
        fc.array(plain, { maxLength: 20 }),
        fc.array(plain, { minLength: 1, maxLength: 4 }),
        fc.array(flowArb, { minLength: 1, maxLength: 8 }),
        (before, more, packets) => {
          const first = made(before);
          const all = [...first, ...made(more)];
          const source = sourceOf(all);
          const keys = all.map(keyOf);
          const added = [...all.keys()].filter((i) => i >= first.length && keys.indexOf(keys[i] ?? '', first.length) === i);
          const news = new Set(added.map((i) => keys[i]));
          // A flow takes the place of another one of its match and priority.
          const gone = [...first.keys()].filter((i) => news.has(keys[i] ?? ''));
          const base = buildClassifier(sourceOf(first), first.keys());
          const looked = (of: ReturnType<typeof buildClassifier>) =>
            packets.map((packet) => {
              const wc = emptyFlow();
              return { ...lookup(of, packet, wc, () => undefined), wc };
            });
          const untouched = looked(base);
          const grown = grownClassifier(base, source, added, gone);
          assert.ok(grown);
          // Groups keep their places where a flow takes that of another one: so they do here.
          const used = new Set<number>();
          const inPlace = [...first.keys()].flatMap((i) => {
            if (!gone.includes(i)) return [i];
            const by = added.find((k) => keys[k] === keys[i]);
            if (by === undefined || used.has(by)) return [];
            used.add(by);
            return [by];
          });
          const anew = buildClassifier(source, [...inPlace, ...added.filter((k) => !used.has(k))]);
          assert.deepEqual(looked(grown), looked(anew));
          assert.deepEqual(looked(base), untouched);
        },
      ),
    );
  });

  it('is made anew where prefix trees would change, or a flow only goes', () => {
    const rule = (word: number, mask: number, value: number) => {
      const flow = emptyFlow();
      const masks = emptyFlow();
      flow[word] = value;
      masks[word] = mask;
      return { match: compactMatch(flow, masks), priority: 1 };
    };
    const rules = [rule(W.inPort, 0xffff, 1), rule(W.nwDst, 0xffffff00, 0x0a000000)];
    const base = buildClassifier(sourceOf(rules), [0]);
    assert.equal(grownClassifier(base, sourceOf(rules), [1], []), undefined);
    assert.equal(grownClassifier(base, sourceOf(rules), [], [0]), undefined);
  });
});

describe('the prefix tree', () => {
  it('tells which lengths match, and sees enough bits to rule the others out', () => {
    const prefixArb = fc.record({ value: fc.integer({ min: 0, max: 0xffffffff }), length: fc.integer({ min: 1, max: 32 }) });
    fc.assert(
      fc.property(fc.array(prefixArb, { maxLength: 20 }), fc.integer({ min: 0, max: 0xffffffff }), (prefixes, value) => {
        const trie: PrefixTrie = { root: undefined };
        const cut = (v: number, length: number) => (length === 32 ? v : v & (0xffffffff << (32 - length))) >>> 0;
        for (const prefix of prefixes) insertPrefix(trie, cut(prefix.value, prefix.length), prefix.length);
        const { lengths, bits } = lookupPrefixes(trie, value, 32);
        for (let length = 1; length <= 32; length++) {
          const has = prefixes.some((p) => p.length === length && cut(p.value, length) === cut(value, length));
          assert.equal(((lengths >>> (32 - length)) & 1) === 1, has);
        }
        // Whatever agrees in the bits that were seen matches the same lengths, up to those bits.
        const agreeing =
          bits === 0 ? ~value >>> 0 : bits >= 32 ? value : (cut(value, bits) | (~value & (0xffffffff >>> bits))) >>> 0;
        const again = lookupPrefixes(trie, agreeing, 32).lengths;
        assert.equal(again >>> (32 - Math.min(bits, 32) || 0), lengths >>> (32 - Math.min(bits, 32) || 0));
      }),
    );
  });
});

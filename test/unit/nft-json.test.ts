import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';

/** What nftables 1.0.6 printed of the same tables, in its own words and with -j. */
const recorded = (name: string): string => readFileSync(path.join('test/fixtures/nft', name), 'utf8');

const read = (command: string, output: string) => {
  const text = `# ${command}\n${output}`;
  const { captures } = readDocument('file:///t', 't.txt', text);
  return { text, captures, facts: captures.flatMap(({ facts }) => facts), errors: captures.flatMap(({ errors }) => errors) };
};

/** Values alone. Words of a rule may differ where the text pads a number. */
function plain(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(plain);
  if (typeof item === 'string') return item.replace(/\b0x([\da-f]+)\b/g, (hex) => String(Number(hex)));
  if (typeof item !== 'object' || item === null) return item;
  if ('value' in item && 'span' in item && Object.keys(item).length === 2) return plain(item.value);
  const entries = Object.entries(item).filter(([key, value]) => key !== 'text' && key !== 'span' && value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, plain(value)]));
}

/** The rules and chains in an order of their own: a chain without a name stands elsewhere in the two forms. */
const sorted = (facts: readonly Fact[]): unknown[] =>
  facts
    .map((fact) => ({
      key: fact.kind === 'nf-rule' ? `${fact.family} ${fact.table} ${fact.chain} ${`${fact.number}`.padStart(4)}` : '',
      fact: plain(fact),
    }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ fact }) => fact);

describe('the JSON of nft', () => {
  it('says the same as its text, rule by rule', () => {
    const text = read('nft list ruleset', recorded('ruleset.txt'));
    const json = read('nft -j list ruleset', recorded('ruleset-json.txt'));
    assert.deepEqual(text.errors, []);
    assert.deepEqual(json.errors, []);
    assert.ok(text.facts.filter(({ kind }) => kind === 'nf-rule').length > 150);
    // nft before 1.0.8 leaves out of its JSON which devices a chain stands at.
    const withoutDevices = text.facts.map((fact) => (fact.kind === 'nf-chain' ? { ...fact, devices: undefined } : fact));
    assert.equal(text.facts.filter((fact) => fact.kind === 'nf-chain' && fact.devices?.[0]?.value === 'lo').length, 1);
    assert.deepEqual(sorted(json.facts), sorted(withoutDevices));
  });

  it('is known without a command, and by -j -a', () => {
    const { captures } = readDocument('file:///t', 't.txt', recorded('ruleset-json.txt'));
    assert.deepEqual(
      captures.map(({ kind }) => kind),
      ['nft-list-ruleset'],
    );
    assert.equal(read('nft -j -a list ruleset', recorded('ruleset-json.txt')).errors.length, 0);
  });

  it('has the places of names and of what stands in quotes with escapes', () => {
    const { text, captures } = read('nft -j list ruleset', recorded('ruleset-json.txt'));
    const refs = captures.flatMap((capture) => capture.refs);
    assert.ok(refs.length > 15);
    for (const ref of refs)
      assert.equal(text.slice(ref.span.start, ref.span.end).toLowerCase(), ref.value.toLowerCase(), ref.kind);
    const inner = captures
      .flatMap(({ facts }) => facts)
      .filter((fact) => fact.kind === 'nf-rule' && fact.chain === 'in {1}' && fact.target !== undefined);
    assert.equal(inner.length, 1);
    for (const rule of inner) {
      assert.ok(rule.kind === 'nf-rule' && rule.target);
      assert.equal(text.slice(rule.target.span.start, rule.target.span.end), 'accept');
    }
  });

  it('reads what elements of a set count by, and knows that it may not be all', () => {
    const elements = [
      '{"elem": {"val": "10.0.0.1", "limit": {"rate": 1, "burst": 5, "per": "hour", "inv": true}}}',
      '{"elem": {"val": "10.0.0.2", "counter": {"packets": 0, "bytes": 0}}}',
      '"10.0.0.3"',
    ];
    const change =
      '{"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@s", "stmt": [{"counter": null}, {"limit": {"rate": 1, "burst": 5, "per": "hour", "inv": true}}]}}';
    const { facts } = read(
      'nft -j list ruleset',
      `{"nftables": [{"set": {"family": "ip", "name": "s", "table": "t", "type": "ipv4_addr", "elem": [${elements.join(', ')}]}}, {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 1, "expr": [${change}, {"drop": null}]}}]}`,
    );
    const sets = facts.flatMap((fact) => (fact.kind === 'nf-rule' ? [fact.targetOptions.element?.captured] : []));
    const [captured] = sets;
    assert.ok(captured?.is === 'shown');
    assert.deepEqual(
      captured.elements.map(({ rates }) => rates.map((rate) => rate?.text.value)),
      [['limit rate over'], ['limit rate over'], [undefined]],
    );
  });

  it('leaves open what it does not know, and says where it is cut off', () => {
    const rule = (expression: string): string =>
      `{"nftables": [{"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 1, "expr": [${expression}]}}]}`;
    const only = (expression: string) => {
      const [fact] = read('nft -j list ruleset', rule(expression)).facts;
      assert.ok(fact?.kind === 'nf-rule');
      return fact;
    };
    const odd = only('{"teleport": {"to": "mars"}}, {"accept": null}');
    assert.deepEqual(
      odd.matches.map(({ kind }) => kind),
      ['other'],
    );
    assert.equal(odd.target?.value, 'ACCEPT');
    // Of what xtables' own extensions are told, JSON says nothing.
    const hidden = only('{"xt": {"type": "match", "name": "multiport"}}, {"drop": null}');
    assert.deepEqual(
      hidden.matches.map(({ kind }) => kind),
      ['translated'],
    );
    // Nor does it of a family before this, in a table of both.
    const tracked = '{"match": {"op": "==", "left": {"ct": {"key": "protocol"}}, "right": "tcp"}}, {"drop": null}';
    const [ofBoth] = read('nft -j list ruleset', rule(tracked).replace('"ip"', '"inet"')).facts;
    assert.ok(ofBoth?.kind === 'nf-rule');
    assert.deepEqual(
      [only(tracked), ofBoth].map(({ matches }) => matches.map(({ kind }) => kind)),
      [['conntrack'], ['translated']],
    );
    const { errors, facts } = read('nft -j list ruleset', rule('{"accept": null}').slice(0, -4));
    assert.equal(facts.length, 0);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['cut-off'],
    );
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import type { NfMatch } from '../../server/src/captures/netfilter-facts';
import { numberIn } from '../../server/src/captures/nft-list/numbers';
import { after, between, bits, exact, isWithin, joined, slice } from '../../server/src/kernel/bits';
import { headerField, networkHeader, transportHeader } from '../../server/src/kernel/header-fields';
import { plainPacket, type IpPacket } from '../../server/src/kernel/packet';

const rulesOf = (command: string, text: string) => {
  const { captures } = readDocument('file:///t', 't.txt', `# ${command}\n${text}`);
  assert.deepEqual(
    captures.flatMap(({ errors }) => errors),
    [],
  );
  return captures.flatMap(({ facts }) => facts).flatMap((fact) => (fact.kind === 'nf-rule' ? [fact] : []));
};

/** Values alone: words and places differ between the ways of printing. */
function plain(item: unknown): unknown {
  if (typeof item === 'bigint') return `${item}`;
  if (Array.isArray(item)) return item.map(plain);
  if (typeof item !== 'object' || item === null) return item;
  if ('value' in item && 'span' in item) return plain(item.value);
  const kept = Object.entries(item).filter(([key, value]) => key !== 'text' && key !== 'span' && value !== undefined);
  return Object.fromEntries(kept.map(([key, value]) => [key, plain(value)]));
}

const isOpen = (match: NfMatch): boolean => ('matches' in match ? match.matches.some(isOpen) : match.kind === 'other');

describe('numbers in rules of nft', () => {
  const recorded = (name: string) => readFileSync(path.join('test/fixtures/nft', name), 'utf8');

  it('are understood in every form, and mean the same with -n and -j', () => {
    const text = rulesOf('nft list ruleset', recorded('numbers.txt'));
    assert.ok(text.length > 480);
    // What stands inside an option of TCP, in a chunk of SCTP, or in a header that a question does not tell of.
    const open = text.filter(({ matches }) => matches.some(isOpen)).map((rule) => rule.text.value);
    assert.deepEqual(
      open.filter((words) => !/^sctp chunk \w+ /.test(words)),
      [],
    );
    const named = (target: string | undefined) => (target === undefined || /^[A-Z]+$/.test(target) ? target : 'a statement');
    const said = (facts: typeof text) =>
      facts
        .map((fact) => plain({ ...fact, target: named(fact.target?.value), before: undefined }))
        .map((fact) => JSON.stringify(fact));
    const words = (rules: string[]) =>
      // Protocols, types and the like are named in the one and numbered in the other.
      rules.filter(
        (rule) => /"kind":"number"|"assign"/.test(rule) && !/"kind":"(?:protocol|icmp-type|addrtype|conntrack)"/.test(rule),
      );
    for (const [command, name] of [
      ['nft -n list ruleset', 'numbers-numeric.txt'],
      ['nft -j list ruleset', 'numbers-json.txt'],
    ] as const)
      assert.deepEqual(words(said(rulesOf(command, recorded(name)))), words(said(text)), command);
  });

  it('are read with their operations from left to right', () => {
    assert.deepEqual(numberIn('(@nh,8,8 & 0xfc) >> 2 & 0x4'), {
      of: '@nh,8,8',
      steps: [
        { op: '&', by: 0xfcn },
        { op: '>>', by: 2n },
        { op: '&', by: 4n },
      ],
    });
    assert.deepEqual(numberIn('mark and 0xff'), { of: 'meta mark', steps: [{ op: '&', by: 0xffn }] });
    assert.deepEqual(numberIn('ip saddr ^ 10.0.0.0')?.steps, [{ op: '^', by: 0x0a000000n }]);
    assert.deepEqual(numberIn('tcp flags & (syn | ack)')?.steps, [{ op: '&', by: 0x12n }]);
    for (const words of ['zork', 'meta zork', 'meta mark & zork', 'ip saddr & 999.0.0.0', 'meta mark << x'])
      assert.equal(numberIn(words), undefined, words);
  });

  it('are worked out as far as their bits are known', () => {
    const half = joined([bits(8, 0x0a), bits(8, undefined)]);
    assert.equal(isWithin(half, [[0x0b00n, 0xffffn]]), 'no');
    assert.equal(isWithin(half, [[0x0a00n, 0x0affn]]), 'yes');
    assert.equal(isWithin(half, [[0x0a01n, 0x0a01n]]), 'maybe');
    assert.equal(isWithin(half, [[0x0b01n, 0x0b01n]]), 'no');
    assert.equal(isWithin(after(half, [{ op: '&', by: 0xff00n }]), [[0x0a00n, 0x0a00n]]), 'yes');
    assert.equal(exact(after(half, [{ op: '>>', by: 8n }])), 0x0an);
    assert.equal(exact(after(bits(32, 0x80000001), [{ op: '<<', by: 1n }])), 2n);
    assert.equal(exact(after(half, [{ op: '|', by: 0xffn }])), 0x0affn);
    assert.equal(exact(after(bits(4, 5), [{ op: '^', by: 15n }])), 10n);
    assert.equal(slice(half, 4, 20), undefined);
    assert.equal(isWithin(between(32, 4n, 7n), [[0n, 3n]]), 'no');
    assert.equal(isWithin(between(32, 4n, 7n), [[4n, 7n]]), 'yes');
    assert.equal(exact(between(32, 9n, 9n)), 9n);
  });

  it('are those of the headers that a packet has', () => {
    const tcp: IpPacket = {
      ...plainPacket(4, 0x0a000102n, 0x0a000302n, 6),
      sport: 40000,
      dport: 80,
      tcpFlags: 2,
      length: 60,
      tos: 0x2a,
    };
    const field = (name: string, packet = tcp) => {
      const found = headerField(name, packet);
      return typeof found === 'object' ? exact(found) : found;
    };
    const fields = ['ip version', 'ip dscp', 'ip ecn', 'ip length', 'ip ttl', 'ip protocol', 'tcp dport', 'tcp flags'];
    assert.deepEqual(
      fields.map((name) => field(name)),
      [4n, 10n, 2n, 60n, 64n, 6n, 80n, 2n],
    );
    // Not told, not there, and no field at all.
    assert.deepEqual([field('tcp window'), field('ip id')], [undefined, undefined]);
    assert.deepEqual(
      [headerField('udp dport', tcp), headerField('ip6 hoplimit', tcp), headerField('icmp mtu', tcp)],
      ['none', 'none', 'none'],
    );
    assert.equal(headerField('zork dport', tcp), undefined);
    const whole = networkHeader(tcp);
    assert.equal(whole.width, 320);
    assert.equal(exact(slice(whole, 160, 32) ?? bits(1, undefined)), 0x9c400050n);
    assert.equal(transportHeader({ ...tcp, fragment: true }), undefined);
    const echo = { ...plainPacket(6, 1n, 2n, 58), icmpType: 128, icmpId: 7, length: 72 };
    assert.deepEqual([field('icmpv6 id', echo), field('ip6 length', echo)], [7n, 32n]);
    assert.equal(field('icmpv6 id', { ...echo, untold: new Set(['icmpId'] as const) }), undefined);
    assert.equal(headerField('icmpv6 mtu', echo), 'none');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { LINE_AT, NUMBERS_AT, VALUE_END, WORDS_AT } from '../../server/flow-reader/layout';
import { createReading, readDocument } from '../../server/src/captures/document';
import { createEngine, createRegion, makeRoom, takeRoom } from '../../server/src/captures/flow/engine';
import { learnLine } from '../../server/src/captures/flow/shapes';
import { Kind, wordsOfKind } from '../../server/src/captures/flow/tokens';
import { parseIpv4, parseIpv6, parseMac } from '../../server/src/packet/address';
import { ordinary, same } from './same-document';

const engine = createEngine({ internName: () => -1, isEdgeTrusted: () => false });

interface Read {
  readonly kind: Kind;
  readonly text: string;
  readonly value: bigint;
}

/** The value at the start of a text, of one of some kinds; undefined where there is none. */
function valueOf(text: string, ...kinds: Kind[]): Read | undefined {
  const first = LINE_AT >> 1;
  for (let i = 0; i < text.length; i++) engine.u16[first + i] = text.charCodeAt(i);
  engine.u16[first + text.length] = 10;
  const bits = kinds.reduce<number>((all, kind) => all | (1 << kind), 0);
  const kind = engine.calls.valueAt(LINE_AT, LINE_AT + text.length * 2, bits) as Kind;
  if (kind === Kind.none) return undefined;
  const end = ((engine.i32[VALUE_END >> 2] ?? 0) - LINE_AT) >> 1;
  let value = 0n;
  for (let n = 0; n < (wordsOfKind[kind] ?? 0); n++) value = (value << 32n) | BigInt(engine.u32[(WORDS_AT >> 2) + n] ?? 0);
  if (kind === Kind.decimal) value = BigInt(engine.f64[NUMBERS_AT >> 3] ?? 0);
  return { kind, text: text.slice(0, end), value };
}

/** What a value of each kind looks like, where a text starts with one. */
const FORMS: readonly (readonly [Kind, RegExp])[] = [
  [Kind.decimal, /^(?:0|[1-9]\d{0,14})(?!\d)/],
  [Kind.seconds, /^(?:0|[1-9]\d*)(?!\d)(?:\.\d+)?/],
  [Kind.hex32, /^0x(?:0|[1-9a-f][\da-f]{0,7})(?![\da-zA-Z_])/],
  [Kind.hex64, /^0x[1-9a-f][\da-f]{8,15}(?![\da-zA-Z_])/],
  [Kind.hex128, /^0x[1-9a-f][\da-f]{16,31}(?![\da-zA-Z_])/],
  [Kind.mac, /^[\da-f]{2}(?::[\da-f]{2}){5}(?![\w:])/],
  [Kind.ipv4, /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})(?!\w|\.\d)/],
  [Kind.name, /^"[\w.@-]{1,119}"/],
  [Kind.bytes, /^[\da-f]{2}(?:\.[\da-f]{2})*(?!\w|\.)/],
  [Kind.ages, /^(?:0|[1-9]\d*)(?!\d)(?:, hard_age=(?:0|[1-9]\d*)(?!\d))?/],
];

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 17 });
const hexes = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 34 });
const pair = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 2, maxLength: 2 });
const separated = (unit: fc.Arbitrary<string>, sign: string, most: number) =>
  fc.array(unit, { minLength: 1, maxLength: most }).map((parts) => parts.join(sign));
const value = fc.oneof(
  digits,
  hexes.map((text) => `0x${text}`),
  separated(pair, ':', 7),
  separated(pair, '.', 300),
  separated(fc.nat({ max: 260 }).map(String), '.', 5),
  fc.tuple(digits, digits).map((both) => both.join('.')),
  fc.tuple(digits, digits).map((both) => both.join(', hard_age=')),
  fc.string({ unit: fc.constantFrom(...'az09_.-@" '), minLength: 1, maxLength: 125 }).map((text) => `"${text}"`),
);
const behind = fc.constantFrom(
  '',
  ' ',
  ',',
  's, x',
  'a',
  'g',
  '_',
  ':',
  '.',
  '.1',
  '-',
  '/8',
  '"',
  '\u0141',
  ', hard_age=',
  ', hard_age=x',
);

describe('the flow reader', () => {
  it('takes for values what looks like them', () => {
    const check = (text: string) => {
      for (const [kind, form] of FORMS) {
        let expected = form.exec(text)?.[0];
        // OpenFlow 1.1's reserved ports mean other numbers; an address has no larger part; no value of more than 255 bytes is kept.
        if (kind === Kind.decimal && expected && BigInt(expected) >= 0xffffff00n && BigInt(expected) <= 0xffffffffn)
          expected = undefined;
        if (kind === Kind.ipv4 && expected?.split('.').some((part) => Number(part) > 255)) expected = undefined;
        if (kind === Kind.bytes && (expected?.length ?? 0) > 764) expected = undefined;
        if (kind === Kind.decimal && /^0x/.test(text)) expected = undefined;
        const read = valueOf(text, kind);
        assert.equal(read?.text, expected, `${kind}: ${text}`);
        if (!read) continue;
        if (kind === Kind.decimal || kind === Kind.hex32 || kind === Kind.hex64 || kind === Kind.hex128)
          assert.equal(read.value, BigInt(read.text), text);
        if (kind === Kind.mac) assert.equal(read.value, parseMac(read.text), text);
        if (kind === Kind.ipv4) assert.equal(read.value, parseIpv4(read.text), text);
      }
    };
    fc.assert(
      fc.property(value, behind, (text, rest) => check(text + rest)),
      { numRuns: runs(3000) },
    );
    for (const text of ['', '"', '0x', '4294967040', '4294967295', '4294967296', '999999999999999', '1000000000000000'])
      check(text);
  });

  it('takes an IPv6 address for what it is', () => {
    const group = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 5 });
    const groups = fc.array(group, { maxLength: 9 }).map((all) => all.join(':'));
    const address = fc.tuple(groups, fc.constantFrom('', '::', ':'), groups).map((parts) => parts.join(''));
    const check = (text: string, rest: string) => {
      const read = valueOf(text + rest, Kind.ipv6);
      const expected = /[\w:.]/.test(rest.slice(0, 1)) ? undefined : parseIpv6(text);
      if (read) assert.equal(read.value, parseIpv6(read.text), text);
      if (expected !== undefined && text.includes(':')) assert.equal(read?.text, text);
    };
    fc.assert(fc.property(address, fc.constantFrom('', ' ', ',', '/64', ')', 'g'), check), { numRuns: runs(3000) });
    for (const text of ['::', '::1', 'fe80::1', '1:2:3:4:5:6:7:8', '1::8', '1:2:3:4:5:6:7::']) check(text, ',');
  });

  it('keeps what it knows when its memory grows', () => {
    const own = createEngine({ internName: () => -1, isEdgeTrusted: () => false });
    const region = createRegion(own, WORDS_AT, 64);
    own.i32[region.at >> 2] = 7;
    makeRoom(own, region, 1 << 24);
    const behindIt = takeRoom(own, 1 << 20);
    own.i32[behindIt >> 2] = 9;
    assert.equal(own.i32[region.at >> 2], 7);
    assert.equal(own.i32[WORDS_AT >> 2], region.at);
    assert.ok(region.at + region.room <= behindIt);

    const reading = createReading();
    const registers = Array.from({ length: 16 }, (_, n) => `load:0x1->NXM_NX_REG${n}[]`);
    const flow = (n: number) => {
      const actions = registers.filter((_, bit) => ((n >> (bit % 13)) & 1) === 0).join(',');
      return ` cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=${n},reg${n % 8}=0x1/0x${((n << 1) | 1).toString(16)} actions=${actions || 'drop'}`;
    };
    const text = Array.from({ length: 3000 }, (_, n) => flow(n)).join('\n');
    // Shapes that come a second time are learned, up to some thousands.
    for (let round = 0; round < 3; round++) readDocument('file:///t', 'dump.txt', text, undefined, reading);
    const before = createReading().book.engine.memory.buffer.byteLength;
    assert.ok(reading.book.engine.memory.buffer.byteLength > before);
    assert.ok(reading.book.shapes.length > 2500, `${reading.book.shapes.length} shapes`);
    const known = same(
      readDocument('file:///t', 'dump.txt', text, undefined, reading),
      readDocument('file:///t', 'dump.txt', text, undefined, ordinary()),
      false,
    );
    assert.ok(known > 2500, `${known} flows had a known shape`);
  });

  it('may be there many times', () => {
    const flow = ' cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=5,in_port="tap1" actions=output:"tap2"';
    for (let n = 0; n < 200; n++) assert.ok(learnLine(createReading(false).book, flow));
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { ones } from '../../server/src/base/bits';
import { parseExactFlow } from '../../server/src/captures/flow/exact-flow';
import { parseActions } from '../../server/src/captures/flow/ofpacts';
import { readFlow } from '../../server/src/captures/flow/read';
import { matchKeyValues } from '../../server/src/captures/flow/syntax';
import { checkActions } from '../../server/src/openflow/check';
import { getField, matchAll, setField, setMatchField } from '../../server/src/openflow/field-access';
import { formatActions } from '../../server/src/openflow/format-actions';
import { formatFieldValue } from '../../server/src/openflow/format-field';
import { formatFlow, formatMatch } from '../../server/src/openflow/format-match';
import { keyValues } from '../../server/src/openflow/key-values';
import { compactMatch, expandMatch } from '../../server/src/openflow/match';
import { normalizeMatch } from '../../server/src/openflow/normalize';
import type { LearnSpec, MfSubfield, NatAct, OfpAct } from '../../server/src/openflow/ofpact';
import { isValidValue, parseFieldValue } from '../../server/src/openflow/parse-field';
import { prerequisitesMet } from '../../server/src/openflow/prerequisites';
import { matchOfTerms } from '../../server/src/openflow/terms';
import type { Field } from '../../server/src/packet/field';
import { exactMask, fields, mfFromHeader } from '../../server/src/packet/fields';
import { emptyFlow } from '../../server/src/packet/flow-words';

const source = (text: string) => ({ text, parts: [{ at: 0, offset: 0 }] });
const bits = (n: number) => fc.bigInt({ min: 0n, max: ones(n) });

/** A value that the field can have, and a mask over it where it takes one. */
function valueOf(field: Field): fc.Arbitrary<{ value: bigint; mask: bigint }> {
  const exact = exactMask(field);
  const width = Math.min(field.bits, 256);
  const base =
    field.format === 'port'
      ? fc.constantFrom(0n, 1n, 65279n, ...(field.bytes === 2 ? [0xfff8n, 0xfffen] : [0xfffffff8n, 0xfffffffen]))
      : bits(width);
  const value = base.filter((each) => isValidValue(field, each));
  if (!field.maskable || field.format === 'port') return value.map((each) => ({ value: each, mask: exact }));
  // `no` and `later` stand for two masks each.
  if (field.format === 'frag')
    return fc.constantFrom(
      { value: 0n, mask: 3n },
      { value: 1n, mask: 3n },
      { value: 3n, mask: 3n },
      { value: 1n, mask: 1n },
      { value: 0n, mask: 2n },
    );
  const words: Readonly<Record<string, bigint[]>> = { 'tun-flags': [1n], 'tcp-flags': [0xffffn, 0x12n, 0x800n], 'ct-state': [0xffn, 0x21n, 2n] }; // prettier-ignore
  const masks = words[field.format];
  const mask = masks
    ? fc.constantFrom(...masks)
    : fc.oneof(
        fc.constant(exact),
        bits(width).filter((each) => each !== 0n),
      );
  return fc.record({ value, mask }).map((each) => ({ value: each.value & each.mask, mask: each.mask }));
}

describe('fields of ovs-fields(7)', () => {
  it('have one name each for set_field and one header', () => {
    assert.equal(new Set(fields.map((field) => field.mfName)).size, fields.length);
    assert.equal(new Set(fields.map((field) => field.header)).size, fields.length);
    for (const field of fields) assert.equal(mfFromHeader(field.header), field, field.name);
  });

  it('read back what they print', () => {
    for (const field of fields) {
      fc.assert(
        fc.property(valueOf(field), ({ value, mask }) => {
          const text = formatFieldValue(field, value, mask);
          const parsed = parseFieldValue(field, text.replace(/^packet_type=/, '').replace(/^eth$/, '(0,0)'));
          assert.equal(parsed.kind, 'value', `${field.name}=${text}`);
          if (parsed.kind !== 'value') return;
          const all =
            { frag: 3n, 'tcp-flags': 0xfffn, 'tun-flags': 1n, 'ct-state': 0xffn }[field.format as 'frag'] ?? exactMask(field);
          assert.equal(parsed.value & parsed.mask, value & mask, `${field.name}=${text}`);
          assert.equal(parsed.mask & all, mask & all, `${field.name}=${text}`);
        }),
        { numRuns: runs(30) },
      );
    }
  });

  it('hold what is set into them', () => {
    for (const field of fields.filter(({ mfName }) => !/^tun_metadata|^nd_options_type$/.test(mfName))) {
      fc.assert(
        fc.property(valueOf(field), ({ value }) => {
          const flow = emptyFlow();
          setField(field, value, flow);
          const shown = field.mfName === 'nsh_spi' && value === 0xffffffn ? 0xffffffffn : value;
          assert.equal(getField(field, flow), shown, field.name);
        }),
        { numRuns: runs(20) },
      );
    }
  });
});

const headers: readonly Readonly<Record<string, bigint>>[] = [
  {}, { dl_type: 0x800n }, { dl_type: 0x86ddn }, { dl_type: 0x806n }, { dl_type: 0x8035n }, { dl_type: 0x8847n }, { dl_type: 0x894fn },
  { dl_type: 0x88ccn }, { dl_type: 0x800n, nw_proto: 6n }, { dl_type: 0x800n, nw_proto: 17n }, { dl_type: 0x800n, nw_proto: 1n },
  { dl_type: 0x86ddn, nw_proto: 6n }, { dl_type: 0x86ddn, nw_proto: 132n }, { dl_type: 0x86ddn, nw_proto: 58n },
  { dl_type: 0x86ddn, nw_proto: 58n, icmpv6_type: 135n, icmpv6_code: 0n }, { dl_type: 0x86ddn, nw_proto: 58n, icmpv6_type: 136n, icmpv6_code: 0n },
  { packet_type: 0x10800n }, { vlan_tci: 0x1005n },
]; // prettier-ignore

/** Not printed by themselves: parts of others, or what decides what is printed. */
const decided = /^(?:xx?reg|in_port_oxm|tun_metadata|packet_type|eth_type|nw_proto|arp_op|icmp|recirc_id|dl_vlan|vlan_|ip_dscp|conj_id|tun_erspan|tun_gbp_flags|tun_gtpu|tun_t|nsh_c|ct_)/; // prettier-ignore

const matches = fc
  .record({
    header: fc.constantFrom(...headers),
    picks: fc.array(fc.nat(), { maxLength: 8 }),
    seed: fc.infiniteStream(bits(128)),
  })
  .chain(({ header, picks }) => {
    const words = matchAll();
    for (const [name, value] of Object.entries(header)) {
      const field = fields.find((each) => each.name === name);
      if (field) setMatchField(words, field, value, exactMask(field));
    }
    const usable = fields.filter(
      (field) => !decided.test(field.mfName) && prerequisitesMet(field, words.value, { mask: words.mask }),
    );
    const chosen = [...new Set(picks.map((n) => usable[n % usable.length]))].filter((field) => field !== undefined);
    return fc.tuple(...chosen.map((field) => valueOf(field).map((each) => ({ field, ...each })))).map((terms) => {
      const made = { value: words.value.slice(), mask: words.mask.slice() };
      for (const { field, value, mask } of terms) setMatchField(made, field, value, mask);
      normalizeMatch(made);
      return compactMatch(made.value, made.mask);
    });
  });

describe('a match', () => {
  it('is read back from its text', () => {
    fc.assert(
      fc.property(matches, (match) => {
        const text = formatMatch(match);
        const read = readFlow(source(`priority=7,${text}${text === '' ? '' : ' '}actions=drop`));
        assert.ok('flow' in read, text);
        assert.deepEqual(read.errors, [], text);
        const again = matchOfTerms(read.flow.match);
        assert.equal(again.trouble, undefined, text);
        assert.equal(formatMatch(again.match), text);
        assert.deepEqual({ ...again.match.mask, values: again.match.values }, { ...match.mask, values: match.values }, text);
      }),
      { numRuns: runs(600) },
    );
  });
});

const plain = fields.filter(({ mfName, header }) => header !== mfName && !/^(?:NXOXM|ERICOXM|ONFOXM)/.test(header));
const writable = plain.filter((field) => field.writable);
const part = (from: readonly Field[], exactBits?: number): fc.Arbitrary<MfSubfield> =>
  fc
    .constantFrom(...from.filter((field) => field.bits >= (exactBits ?? 1)))
    .chain((field) =>
      fc
        .record({ ofs: fc.nat(field.bits - (exactBits ?? 1)), width: fc.nat(field.bits) })
        .map(({ ofs, width }) => ({ field, ofs, bits: exactBits ?? 1 + (width % (field.bits - ofs)) })),
    );
const port = fc.constantFrom(1, 77, 65279, 0xfff8, 0xfffe);
const u = (n: number) => fc.nat(2 ** n - 1);
const address = fc.record({
  family: fc.constantFrom(4 as const, 6 as const),
  low: bits(32),
  more: bits(16),
  range: fc.boolean(),
});
const nat: fc.Arbitrary<NatAct> = fc
  .record({ direction: fc.constantFrom('src' as const, 'dst' as const, undefined), at: fc.option(address), ports: fc.option(fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.nat(50))), persistent: fc.boolean(), pick: fc.constantFrom('hash', 'random', '') })
  .map(({ direction, at, ports, persistent, pick }): NatAct => {
    const high = at?.family === 6 ? 0xfe80n << 112n : 0n;
    const min = high | ((at?.low ?? 0n) & 0xffff0000n) | 1n;
    const addresses = at && direction ? { family: at.family, min, max: at.range ? min + (at.more >> 1n) + 1n : 0n } : undefined;
    return {
      kind: 'nat',
      direction,
      addresses,
      ports: addresses && ports ? { min: ports[0], max: ports[1] === 0 ? 0 : ports[0] + ports[1] } : undefined,
      persistent: direction !== undefined && persistent,
      hash: direction !== undefined && pick === 'hash',
      random: direction !== undefined && pick === 'random',
    };
  }); // prettier-ignore

const setAct: fc.Arbitrary<OfpAct> = fc
  .constantFrom(...writable.filter(({ mfName, format }) => !/^ct_/.test(mfName) && format !== 'tun-flags'))
  .chain((field) => valueOf(field).map(({ value, mask }): OfpAct => ({ kind: 'set_field', field, value, mask, flowHasVlan: false, load: false }))); // prettier-ignore
const loadAct: fc.Arbitrary<OfpAct> = part(writable.filter(({ bits: width, mfName }) => width <= 64 && !/^ct_/.test(mfName)))
  .chain((dst) => bits(dst.bits).map((value): OfpAct => ({ kind: 'set_field', field: dst.field, value: value << BigInt(dst.ofs), mask: ones(dst.bits) << BigInt(dst.ofs), flowHasVlan: false, load: true }))); // prettier-ignore
const spec: fc.Arbitrary<LearnSpec> = fc.oneof(
  part(plain).map((dst): LearnSpec => ({ kind: 'match', bits: dst.bits, dst, src: { kind: 'field', src: dst } })),
  part(plain, 8).chain((dst) => part(plain, 8).map((src): LearnSpec => ({ kind: 'match', bits: 8, dst, src: { kind: 'field', src } }))),
  part(writable, 8).chain((dst) => part(plain, 8).map((src): LearnSpec => ({ kind: 'load', bits: 8, dst, src: { kind: 'field', src } }))),
  part(writable).chain((dst) => bits(dst.bits).map((value): LearnSpec => ({ kind: 'load', bits: dst.bits, dst, src: { kind: 'immediate', value } }))),
  part(plain.filter(({ format }) => format === 'hex' || format === 'number').filter(({ mfName }) => !/tun_metadata|vlan_vid/.test(mfName))).chain((dst) => bits(dst.bits).map((value): LearnSpec => ({ kind: 'match', bits: dst.bits, dst, src: { kind: 'immediate', value } }))),
  part(plain).map((src): LearnSpec => ({ kind: 'output', bits: src.bits, src })),
); // prettier-ignore

const simple: fc.Arbitrary<OfpAct> = fc.oneof(
  port.map((each): OfpAct => ({ kind: 'output', port: each, maxLen: 0 })),
  u(16).map((maxLen): OfpAct => ({ kind: 'output', port: 0xfffd, maxLen })),
  part(plain).map((src): OfpAct => ({ kind: 'output_reg', src, maxLen: 0xffff })),
  fc.record({ kind: fc.constant('output_trunc' as const), port, maxLen: fc.integer({ min: 14, max: 70000 }) }),
  fc.record({ kind: fc.constant('group' as const), group: u(32) }),
  fc.record({ kind: fc.constant('controller' as const), maxLen: u(16), controllerId: fc.integer({ min: 1, max: 65535 }), reason: fc.constantFrom('action', 'no_match', 'invalid_ttl', 'group'), userdata: fc.option(fc.array(u(8), { minLength: 1, maxLength: 5 }), { nil: undefined }), pause: fc.boolean(), meterId: fc.option(u(32), { nil: undefined }) }),
  fc.record({ kind: fc.constant('enqueue' as const), port, queue: u(32) }),
  fc.record({ kind: fc.constant('bundle' as const), fields: fc.constantFrom('eth_src' as const, 'symmetric_l3l4+udp' as const), basis: u(16), algorithm: fc.constantFrom('hrw' as const, 'active_backup' as const), dst: fc.option(part(writable), { nil: undefined }), members: fc.array(port, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('multipath' as const), fields: fc.constantFrom('nw_src' as const, 'symmetric_l3' as const), basis: u(16), algorithm: fc.constantFrom('modulo_n' as const, 'iter_hash' as const), maxLink: fc.nat(200), arg: u(16), dst: part(writable, 16) }),
  setAct,
  loadAct,
  fc.record({ kind: fc.constant('set_vlan_vid' as const), vid: u(12), pushIfNeeded: fc.boolean(), flowHasVlan: fc.constant(false) }),
  fc.record({ kind: fc.constant('set_vlan_pcp' as const), pcp: u(3), pushIfNeeded: fc.boolean(), flowHasVlan: fc.constant(false) }),
  fc.record({ kind: fc.constant('strip_vlan' as const), spelling: fc.constantFrom('strip_vlan' as const, 'pop_vlan' as const) }),
  fc.record({ kind: fc.constant('push_vlan' as const), ethertype: fc.constantFrom(0x8100, 0x88a8) }),
  fc.record({ kind: fc.constantFrom('set_eth_src' as const, 'set_eth_dst' as const), mac: bits(48) }),
  fc.record({ kind: fc.constantFrom('set_ipv4_src' as const, 'set_ipv4_dst' as const), ip: u(32) }),
  u(6).map((n): OfpAct => ({ kind: 'set_ip_dscp', dscp: n * 4 })),
  fc.record({ kind: fc.constantFrom('set_l4_src_port' as const, 'set_l4_dst_port' as const), port: u(16), flowIpProto: fc.constant(0) }),
  part(plain, 5).chain((src) => part(writable.filter(({ mfName }) => !/^ct_/.test(mfName)), 5).map((dst): OfpAct => ({ kind: 'reg_move', src, dst }))),
  part(plain).map((subfield): OfpAct => ({ kind: 'stack_push', subfield })),
  part(writable).map((subfield): OfpAct => ({ kind: 'stack_pop', subfield })),
  fc.array(u(16), { maxLength: 3 }).map((ids): OfpAct => ({ kind: 'dec_ttl', ids, explicit: true })),
  fc.record({ kind: fc.constantFrom('push_mpls' as const, 'pop_mpls' as const), ethertype: u(16) }),
  fc.record({ kind: fc.constant('decap' as const), packetType: fc.constantFrom(undefined, 0, 0x1894f, 0x10800) }),
  fc.constantFrom<OfpAct>({ kind: 'encap', packetType: 0, name: 'ethernet', properties: [] }, { kind: 'encap', packetType: 0x1894f, name: 'nsh', properties: [{ class: 'nsh', value: { kind: 'md-type', mdType: 2 } }, { class: 'nsh', value: { kind: 'tlv', tlvClass: 0x1000, type: 5, data: [0x12, 0x34] } }] }),
  bits(64).map((id): OfpAct => ({ kind: 'set_tunnel', id, wide: id > 0xffffffffn })),
  fc.record({ kind: fc.constant('fin_timeout' as const), idleTimeout: u(16), hardTimeout: u(16) }),
  fc.record({ kind: fc.constant('resubmit' as const), inPort: fc.option(fc.constantFrom(1, 65534), { nil: undefined }), table: fc.nat(254), ct: fc.boolean(), short: fc.constant(false) }),
  fc.record({ kind: fc.constant('learn' as const), idleTimeout: u(16), hardTimeout: u(16), finIdleTimeout: u(16), finHardTimeout: u(16), priority: u(16), table: fc.nat(254), cookie: bits(64), sendFlowRem: fc.boolean(), deleteLearned: fc.boolean(), limit: u(31), resultDst: fc.option(part(writable, 1), { nil: undefined }), specs: fc.array(spec, { maxLength: 4 }) }),
  fc.array(u(8), { minLength: 1, maxLength: 8 }).map((data): OfpAct => ({ kind: 'note', data })),
  fc.record({ kind: fc.constant('sample' as const), probability: fc.integer({ min: 1, max: 65535 }), collectorSetId: u(32), obsDomainId: u(32), obsPointId: u(32), samplingPort: fc.option(port, { nil: undefined }), direction: fc.constantFrom('default' as const, 'egress' as const) }),
  fc.record({ kind: fc.constant('check_pkt_larger' as const), length: u(16), dst: part(writable, 1) }),
  fc.constantFrom<OfpAct>(...(['exit', 'pop_queue', 'ct_clear', 'debug_recirc', 'debug_slow', 'dec_mpls_ttl', 'dec_nsh_ttl'] as const).map((kind) => ({ kind }))),
); // prettier-ignore

const ctSet: fc.Arbitrary<OfpAct> = fc
  .constantFrom(...fields.filter(({ mfName }) => /^ct_(?:mark|label)$/.test(mfName)))
  .chain((field) => valueOf(field).map(({ value, mask }): OfpAct => ({ kind: 'set_field', field, value, mask, flowHasVlan: false, load: false }))); // prettier-ignore
const acts: fc.Arbitrary<OfpAct> = fc.oneof(
  { weight: 8, arbitrary: simple },
  fc.record({ kind: fc.constant('ct' as const), commit: fc.constant(true), force: fc.boolean(), zone: fc.oneof(u(16), part(plain, 16)), table: fc.option(fc.nat(254), { nil: undefined }), alg: fc.constantFrom(0, 21, 69), nat: fc.option(nat), exec: fc.array(ctSet, { maxLength: 2 }) })
    .map(({ nat: translated, exec, ...act }): OfpAct => ({ ...act, actions: [...(translated ? [translated] : []), ...exec] })),
  fc.array(simple, { maxLength: 3 }).map((actions): OfpAct => ({ kind: 'clone', actions })),
); // prettier-ignore

describe('actions', () => {
  it('are read back from their text', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 5 }), (list) => {
        const text = formatActions(list);
        const parsed = parseActions(text);
        assert.deepEqual(parsed.troubles, [], text);
        assert.deepEqual(structuredClone(parsed.acts), structuredClone(list), text);
        const read = readFlow(source(`cookie=0x0, duration=1s, n_packets=0, priority=1,ip actions=${text}`));
        assert.ok('flow' in read, text);
        assert.deepEqual(read.errors, [], text);
      }),
      { numRuns: runs(800) },
    );
  });

  it('are cut into keys and values as the grammar cuts them', () => {
    const piece = fc.constantFrom('a', 'b1', '=', ':', '(', ')', ',', ' ', '->', '[0..3]', '/', '"');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const text = pieces.join('');
        const own = keyValues(text).map(({ key, value }) => ({ key, value }));
        // A sign without a key before it is no key for the grammar.
        if (own.some(({ key }) => key === '')) return;
        assert.deepEqual(own, matchKeyValues(text) ?? 'no match', text);
      }),
      { numRuns: runs(2000) },
    );
  });
});

describe('bad input', () => {
  const line = fc.oneof(
    matches.chain((match) => fc.array(acts, { maxLength: 3 }).map((list) => ` cookie=0x1, duration=1.5s, table=3, n_packets=1, n_bytes=2, priority=5,${formatMatch(match)} actions=${formatActions(list)}`)),
    fc.constant(' table_id=254, duration=1s, n_packets=0, n_bytes=0, priority=2,recirc_id=0,actions=drop'),
  ); // prettier-ignore
  const mutated = fc
    .record({ text: line, at: fc.nat(400), remove: fc.nat(10), insert: fc.oneof(fc.constantFrom('(', ')', ',', '->', '"', '=', ':', '[', '..', '/', '0x', '-1', '\u0000', 'é'), fc.string({ maxLength: 5 })) })
    .map(({ text, at, remove, insert }) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + insert + text.slice(cut + remove);
    }); // prettier-ignore

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string({ maxLength: 80 })), (text) => {
        const read = readFlow(source(text));
        if ('flow' in read) {
          const { match } = matchOfTerms(read.flow.match);
          formatMatch(match);
          const { acts: list } = parseActions(text.slice(text.indexOf('actions=') + 8));
          formatActions(checkActions(list, expandMatch(match), 0).acts);
        } else {
          assert.ok(read.errors.length > 0, text);
        }
        const packet = parseExactFlow(text);
        if ('flow' in packet) formatFlow(packet.flow);
      }),
      { numRuns: runs(1500) },
    );
  });

  it('ends, however deep it nests', () => {
    for (const depth of [50, 500, 20_000]) {
      for (const open of ['clone(', '(', 'ct(exec(', 'write_actions(', 'learn(']) {
        const text = `actions=${open.repeat(depth)}output:1${')'.repeat(open.split('(').length * depth)}`;
        assert.ok(readFlow(source(` cookie=0x0, ${text}`)).errors.length > 0 || depth === 50, `${open}${depth}`);
        parseActions(text.slice(8));
        parseExactFlow(`in_port=${'('.repeat(depth)}`);
      }
    }
  });
});

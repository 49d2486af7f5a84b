import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bondHash, bundleMember, multipathLink } from '../../server/src/datapath/hash';
import type { HashFields, OfpAct } from '../../server/src/openflow/ofpact';
import { fields } from '../../server/src/packet/fields';
import { emptyFlow } from '../../server/src/packet/flow-words';
import { packet } from './flow-of-key';

const field = fields[0];
assert.ok(field);
const dst = { field, ofs: 0, bits: 32 };
type Multipath = Extract<OfpAct, { kind: 'multipath' }>;
type Bundle = Extract<OfpAct, { kind: 'bundle' }>;

const multipath = (hash: HashFields, basis: number, algorithm: Multipath['algorithm'], links: number): Multipath => ({
  kind: 'multipath',
  fields: hash,
  basis,
  algorithm,
  maxLink: links - 1,
  arg: 0,
  dst,
});

const paths = [
  multipath('symmetric_l4', 5, 'modulo_n', 7),
  multipath('eth_src', 5, 'hrw', 7),
  multipath('symmetric_l3l4', 9, 'iter_hash', 7),
  multipath('symmetric_l3l4+udp', 9, 'hash_threshold', 7),
  multipath('nw_src', 9, 'hrw', 7),
  multipath('nw_dst', 9, 'hrw', 100),
  multipath('symmetric_l3', 9, 'hrw', 64),
];
const bundle: Bundle = { kind: 'bundle', fields: 'symmetric_l4', basis: 77, algorithm: 'hrw', dst, members: [1, 2, 3, 4, 5] };

/** What Open vSwitch 3.1.0 wrote into registers for `paths`, and the member of `bundle`. */
const recorded: readonly (readonly [string, readonly number[]])[] = [
  [
    'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb),eth_type(0x0800),ipv4(src=10.1.2.3,dst=10.4.5.6,proto=6,tos=0,ttl=64,frag=no),tcp(src=1234,dst=80)',
    [1, 3, 3, 3, 1, 36, 26, 3],
  ],
  [
    'in_port(1),eth(src=00:11:22:33:44:56,dst=66:77:88:99:aa:bc),eth_type(0x0800),ipv4(src=10.1.2.4,dst=10.4.5.60,proto=17,tos=0,ttl=64,frag=no),udp(src=53,dst=5353)',
    [0, 1, 5, 5, 6, 26, 39, 3],
  ],
  [
    'in_port(1),eth(src=0a:11:22:33:44:55,dst=66:77:88:99:aa:0b),eth_type(0x86dd),ipv6(src=fe80::1,dst=2001:db8::77,label=0,proto=6,tclass=0,hlimit=64,frag=no),tcp(src=4321,dst=443)',
    [0, 1, 0, 2, 3, 98, 59, 4],
  ],
  [
    'in_port(1),eth(src=0a:11:22:33:44:65,dst=66:77:88:99:aa:0b),eth_type(0x86dd),ipv6(src=fe80::1,dst=2001:db8::77,label=0,proto=58,tclass=0,hlimit=64,frag=no),icmpv6(type=128,code=0)',
    [5, 5, 1, 2, 3, 98, 59, 5],
  ],
  [
    'in_port(1),eth(src=0a:11:22:33:44:75,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=0a:11:22:33:44:75,tha=00:00:00:00:00:00)',
    [4, 5, 6, 0, 3, 42, 52, 1],
  ],
  [
    'in_port(1),eth(src=0a:11:22:33:44:85,dst=66:77:88:99:aa:0b),eth_type(0x88a8),vlan(vid=17,pcp=3),encap(eth_type(0x8100),vlan(vid=2000,pcp=0),encap(eth_type(0x0800),ipv4(src=192.168.9.1,dst=192.168.7.2,proto=132,tos=0,ttl=64,frag=no),sctp(src=7,dst=9)))',
    [6, 6, 3, 6, 3, 68, 4, 1],
  ],
];

describe('hash-based choices', () => {
  it('are those of the real switch', () => {
    for (const [key, expected] of recorded) {
      const flow = packet(key);
      const links = paths.map((path) => multipathLink(path, flow, emptyFlow()));
      const member = bundleMember(bundle, flow, emptyFlow(), () => true);
      assert.deepEqual([...links, bundle.members[member ?? -1]], expected, key);
    }
  });

  it('leave out members that are down', () => {
    const flow = packet(recorded[0]?.[0] ?? '');
    assert.equal(
      bundleMember(bundle, flow, emptyFlow(), () => false),
      undefined,
    );
    assert.equal(
      bundleMember({ ...bundle, algorithm: 'active_backup' }, flow, emptyFlow(), (place) => place > 1),
      2,
    );
    assert.notEqual(
      bundleMember(bundle, flow, emptyFlow(), (place) => place !== 2),
      2,
    );
  });

  it('find the bucket of a bond, as `ovs-appctl bond/hash` tells it', () => {
    const flow = packet(recorded[0]?.[0] ?? '');
    assert.deepEqual([bondHash('balance-slb', flow, 0, 0), bondHash('balance-slb', flow, 7, 3)], [226, 112]);
  });
});

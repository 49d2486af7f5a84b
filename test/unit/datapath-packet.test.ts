import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyToFlow } from '../../server/src/datapath/key';
import { parseKey } from '../../server/src/datapath/key-syntax';
import { composePacket, extractFlow, packetFromHex } from '../../server/src/datapath/packet';
import { emptyFlow, W } from '../../server/src/packet/flow-words';
import { packet } from './flow-of-key';

const eth = 'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb)';
const v4 = (proto: number, frag: string, more: string) =>
  `${eth},eth_type(0x0800),ipv4(src=10.1.2.3,dst=10.4.5.6,proto=${proto},tos=4,ttl=64,frag=${frag})${more}`;
const v6 = (proto: number, more: string) =>
  `${eth},eth_type(0x86dd),ipv6(src=fe80::1,dst=2001:db8::77,label=0x12,proto=${proto},tclass=7,hlimit=64,frag=no)${more}`;

const keys = [
  v4(6, 'no', ',tcp(src=1234,dst=80),tcp_flags(syn|ack)'),
  v4(17, 'no', ',udp(src=1234,dst=80)'),
  v4(132, 'no', ',sctp(src=1234,dst=80)'),
  v4(1, 'no', ',icmp(type=8,code=0)'),
  v4(6, 'later', ''),
  v4(17, 'first', ',udp(src=1234,dst=80)'),
  v4(47, 'no', ''),
  v6(6, ',tcp(src=1,dst=2),tcp_flags(0)'),
  v6(58, ',icmpv6(type=128,code=0)'),
  v6(
    58,
    ',icmpv6(type=136,code=0),nd(target=fe80::5,sll=00:00:00:00:00:00,tll=00:00:00:00:00:09),nd_ext(nd_reserved=0x60000000,nd_options_type=2)',
  ),
  `${eth},eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=0a:11:22:33:44:75,tha=00:00:00:00:00:00)`,
  `${eth},eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=0,label=200,tc=0,ttl=63,bos=1)`,
  `${eth},eth_type(0x88a8),vlan(vid=17,pcp=3),encap(eth_type(0x8100),vlan(vid=20,pcp=1),encap(eth_type(0x1234)))`,
];

describe('packets as bytes', () => {
  it('are read as the headers they were made of', () => {
    for (const key of keys) {
      const flow = packet(key);
      assert.deepEqual(extractFlow(composePacket(flow), flow, 2), flow, key);
    }
  });

  it('hold IPv6 extension headers, fragments and what follows them', () => {
    const base = '66778899aabb 001122334455 86dd 60000012';
    const addresses = 'fe800000000000000000000000000001 20010db8000000000000000000000077';
    const hex = `${base} 0018 0040 ${addresses} 2c00000000000000 1100 0001 00000007 04d2 0050 0008 0000`;
    const bytes = packetFromHex(hex);
    assert.ok(typeof bytes !== 'string');
    const flow = extractFlow(bytes, emptyFlow(), 1);
    assert.deepEqual([flow[W.nwProto], flow[W.nwFrag], flow[W.tpSrc], flow[W.tpDst]], [17, 1, 1234, 80]);
  });

  it('leave inner VLAN headers alone beyond the limit', () => {
    const flow = packet(keys.at(-1) ?? '');
    const read = extractFlow(composePacket(flow), flow, 1);
    assert.deepEqual([read[W.vlan1], read[W.dlType]], [0, 0x8100]);
  });

  it('know padding from payload and lengths from types', () => {
    const padded = packetFromHex(`66778899aabb001122334455080045000015000000004011000001020304050607080000${'00'.repeat(20)}`);
    assert.ok(typeof padded !== 'string');
    const flow = extractFlow(padded, emptyFlow(), 1);
    assert.deepEqual([flow[W.nwProto], flow[W.tpSrc]], [17, 0]);
    const llc = packetFromHex('0180c2000000 001122334455 0026 424203 0000000000');
    assert.ok(typeof llc !== 'string');
    assert.equal(extractFlow(llc, emptyFlow(), 1)[W.dlType], 0x5ff);
  });

  it('are refused in the words of the switch', () => {
    assert.equal(packetFromHex('00zz'), 'Trailing garbage in packet data');
    assert.equal(packetFromHex('0011'), 'Packet data too short for Ethernet');
  });
});

describe('datapath flow keys', () => {
  it('that can not be read are told with the place', () => {
    assert.equal(
      parseKey('in_port(1),eth(src=00:11:22:33:44:55,dst=zz)', () => undefined),
      'syntax error at eth(src=00:11:22:33:44:55,dst=zz)',
    );
    assert.equal(
      parseKey('in_port(tap1),foo(1)', () => 5),
      'syntax error at foo(1)',
    );
  });

  it('that contradict themselves are repeated in full', () => {
    const read = (key: string) => {
      const syntax = parseKey(key, () => undefined);
      return typeof syntax === 'string' ? syntax : keyToFlow(syntax, 2);
    };
    assert.equal(
      read('in_port(1),in_port(2)'),
      'duplicate in_port attribute in flow key; the flow key in error is: in_port(1),in_port(2)',
    );
    assert.equal(
      read('tunnel(tun_id=0x5,src=1.2.3.4,dst=5.6.7.8,flags(key)),in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb)'),
      'tunnel options missing TTL; the flow key in error is: tunnel(tun_id=0x5,src=1.2.3.4,dst=5.6.7.8,flags(key)),in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb)',
    );
  });
});

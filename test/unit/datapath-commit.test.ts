import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commitOdpActions, commitOdpTunnelAction } from '../../server/src/datapath/commit';
import type { DpAction } from '../../server/src/datapath/dp-action';
import { formatDpActions } from '../../server/src/datapath/format';
import { tlvTable, writeOption } from '../../server/src/openflow/tlv';
import { emptyFlow, W } from '../../server/src/packet/flow-words';
import { packet } from './flow-of-key';

const tcp =
  'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb),eth_type(0x0800),ipv4(src=10.1.2.3,dst=10.4.5.6,proto=6,tos=0,ttl=64,frag=no),tcp(src=1234,dst=80)';
const udp6 =
  'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb),eth_type(0x86dd),ipv6(src=fe80::1,dst=::ffff:10.1.2.3,label=0x12,proto=17,tclass=0x3,hlimit=64,frag=no),udp(src=1234,dst=80)';
const arp =
  'in_port(1),eth(src=0a:11:22:33:44:75,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=0a:11:22:33:44:75,tha=00:00:00:00:00:00)';
const solicitation =
  'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb),eth_type(0x86dd),ipv6(src=fe80::1,dst=ff02::1:ff00:2,label=0,proto=58,tclass=0,hlimit=255,frag=no),icmpv6(type=135,code=0),nd(target=fe80::2,sll=00:11:22:33:44:55,tll=00:00:00:00:00:00)';
const mpls =
  'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb),eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=0,label=200,tc=0,ttl=63,bos=1)';
const qinq =
  'in_port(1),eth(src=00:11:22:33:44:55,dst=66:77:88:99:aa:bb),eth_type(0x88a8),vlan(vid=17,pcp=3),encap(eth_type(0x8100),vlan(vid=2000,pcp=0),encap(eth_type(0x0800),ipv4(src=192.168.9.1,dst=192.168.7.2,proto=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)))';

const options = { maskedSet: true, pendingEncap: false, pendingDecap: false, encapData: undefined };

/** Changes words and all that was looked at with them, and what the datapath is then told. */
function commit(key: string, changes: readonly (readonly [number, number, number?])[], more = {}) {
  const base = packet(key);
  const flow = Uint32Array.from(base);
  const wc = emptyFlow();
  for (const [at, value, mask = 0xffffffff] of changes) {
    flow[at] = value;
    wc[at] = mask;
  }
  const out: DpAction[] = [];
  const slow = commitOdpActions(flow, base, out, wc, { ...options, ...more });
  return { text: formatDpActions(out), slow, out, flow, base, wc };
}

describe('what the datapath is told to change', () => {
  it('names the parts that differ, with the bits that were looked at', () => {
    const done = commit(tcp, [
      [W.dlDst, 0x0a0b, 0xffff],
      [W.dlDst + 1, 0x0c0d0e0f],
      [W.nwDst, 0x0a090909],
      [W.nwTtl, 63, 0xff],
      [W.tpDst, 128, 0xf0],
      [W.skbPriority, 3],
      [W.pktMark, 5],
    ]);
    assert.equal(
      done.text,
      'set(eth(dst=0a:0b:0c:0d:0e:0f)),set(ipv4(dst=10.9.9.9,ttl=63)),set(tcp(dst=128/0xf0)),set(skb_priority(0x3)),set(skb_mark(0x5))',
    );
    assert.equal(done.slow, undefined);
    const again: DpAction[] = [];
    commitOdpActions(done.flow, done.base, again, done.wc, options);
    assert.equal(formatDpActions(again), 'drop');
  });

  it('sets whole headers where single bits can not be set', () => {
    assert.equal(
      commit(tcp, [[W.nwTtl, 63, 0xff]], { maskedSet: false }).text,
      'set(ipv4(src=10.1.2.3,dst=10.4.5.6,proto=6,tos=0,ttl=63,frag=no))',
    );
  });

  it('writes IPv6, ARP, neighbour discovery and ICMP', () => {
    assert.equal(
      commit(udp6, [
        [W.ipv6Src + 3, 0x99],
        [W.ipv6Src, 0xfe800000],
        [W.ipv6Src + 1, 0],
        [W.ipv6Src + 2, 0],
        [W.ipv6Label, 5, 0xfffff],
        [W.nwTos, 0x11, 0xff],
        [W.tpSrc, 99, 0xffff],
      ]).text,
      'set(ipv6(src=fe80::99,label=0x5,tclass=0x11)),set(udp(src=99))',
    );
    const changed = commit(arp, [
      [W.nwProto, 2, 0xff],
      [W.nwDst, 0x0a000001],
      [W.arpSha, 0xaabb, 0xffff],
      [W.arpSha + 1, 0xcc000001],
    ]);
    assert.deepEqual([changed.text, changed.slow], ['set(arp(tip=10.0.0.1,op=2,sha=aa:bb:cc:00:00:01))', 'action']);
    const discovery = commit(solicitation, [
      [W.ndTarget, 0xfe800000],
      [W.ndTarget + 1, 0],
      [W.ndTarget + 2, 0],
      [W.ndTarget + 3, 3],
      [W.arpSha, 0, 0xffff],
      [W.arpSha + 1, 1],
      [W.tpSrc, 136, 0xffff],
      [W.tcpFlags, 2, 0xff],
      [W.igmpGroup, 1],
    ]);
    assert.deepEqual(
      [discovery.text, discovery.slow],
      [
        'set(nd_ext(nd_reserved=0x1,nd_options_type=2)),set(nd(target=fe80::3,sll=00:00:00:00:00:01)),set(icmpv6(type=136,code=0))',
        'action',
      ],
    );
  });

  it('pops, pushes and rewrites labels and VLAN headers', () => {
    assert.equal(commit(mpls, [[W.mpls, (5 << 12) | (3 << 9) | 63]]).text, 'set(mpls(label=5,tc=3,ttl=63,bos=0))');
    assert.equal(
      commit(mpls, [
        [W.mpls, 0],
        [W.mpls + 1, 0],
        [W.dlType, 0x800],
      ]).text,
      'pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x800)',
    );
    assert.equal(commit(tcp, [[W.vlan0, 0x8100b005]]).text, 'push_vlan(vid=5,pcp=5)');
    assert.equal(
      commit(qinq, [
        [W.vlan0, 0x810017d0],
        [W.vlan1, 0],
      ]).text,
      'pop_vlan',
    );
    assert.equal(
      commit(qinq, [
        [W.vlan0, 0x88a81001],
        [W.vlan1, 0x81001002],
      ]).text,
      'pop_vlan,pop_vlan,push_vlan(vid=2,pcp=0),push_vlan(tpid=0x88a8,vid=1,pcp=0)',
    );
  });

  it('sets a tunnel with its options once', () => {
    const flow = packet(tcp);
    const base = Uint32Array.from(flow);
    const tlv = tlvTable([{ class: 0x102, type: 0x80, length: 4, index: 0 }]);
    flow[W.tunDst] = 0x0a000001;
    flow[W.tunId + 1] = 5;
    flow[W.tunTtl] = 64;
    flow[W.tunTpDst] = 6081;
    flow[W.tunFlags] = 0xe;
    writeOption(flow, tlv, 0, 0x10002n);
    const out: DpAction[] = [];
    commitOdpTunnelAction(flow, base, out, 'geneve', tlv);
    commitOdpTunnelAction(flow, base, out, 'geneve', tlv);
    assert.equal(
      formatDpActions(out),
      'set(tunnel(tun_id=0x5,dst=10.0.0.1,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len=4,0x10002}),flags(df|csum|key)))',
    );
  });
});

describe('datapath actions in text', () => {
  const ports = new Map([[2, 'tap2']]);
  const nothing = { timeout: undefined, mark: undefined, label: undefined, helper: undefined, nat: undefined };
  const cases: readonly (readonly [DpAction, string])[] = [
    [{ kind: 'output', port: 2 }, 'tap2'],
    [{ kind: 'output', port: 3 }, '3'],
    [{ kind: 'ct', commit: false, force: false, zone: 0, ...nothing }, 'ct'],
    [
      {
        kind: 'ct',
        commit: true,
        force: false,
        zone: 5,
        ...nothing,
        mark: { value: 3, mask: 0xffffffff },
        label: { value: 5n, mask: 0xffn },
        helper: 'ftp',
        nat: {
          direction: 'src',
          family: 6,
          min: 5n,
          max: 7n,
          portMin: 80,
          portMax: 90,
          persistent: true,
          hash: false,
          random: true,
        },
      },
      'ct(commit,zone=5,mark=0x3/0xffffffff,label=0x5/0xff,helper=ftp,nat(src=[::5]-[::7]:80-90,persistent,random))',
    ],
    [{ kind: 'push_vlan', tpid: 0x8100, tci: 0x0005 }, 'push_vlan(vid=5,pcp=0,cfi=0)'],
    [{ kind: 'hash', algorithm: 'l4', basis: 0 }, 'hash(l4(0))'],
    [{ kind: 'recirc', id: 17 }, 'recirc(0x11)'],
    [{ kind: 'sample', probability: 0x7fffffff, actions: [{ kind: 'output', port: 2 }] }, 'sample(sample=50.0%,actions(tap2))'],
    [
      { kind: 'clone', actions: [{ kind: 'pop_vlan' }, { kind: 'pop_eth' }, { kind: 'pop_nsh' }] },
      'clone(pop_vlan,pop_eth,pop_nsh())',
    ],
    [
      { kind: 'check_pkt_len', length: 100, greater: [], lessEqual: [{ kind: 'meter', meter: 1 }] },
      'check_pkt_len(size=100,gt(drop),le(meter(1)))',
    ],
    [
      { kind: 'userspace', pid: 0, cookie: { kind: 'slow_path', reasons: ['lacp', 'action'] } },
      'userspace(pid=0,slow_path(lacp,action))',
    ],
    [
      {
        kind: 'userspace',
        pid: 0,
        cookie: {
          kind: 'controller',
          reason: 1,
          dontSend: true,
          continuation: false,
          recircId: 1,
          ruleCookie: 0x1fn,
          controllerId: 0,
          maxLen: 7,
        },
      },
      'userspace(pid=0,controller(reason=1,dont_send=1,continuation=0,recirc_id=1,rule_cookie=0x1f,controller_id=0,max_len=7))',
    ],
    [
      {
        kind: 'tnl_push',
        push: {
          tnlPort: 4789,
          outPort: 2,
          eth: { src: 0xaa55aa550000n, dst: 0xf8bc12443482n, type: 0x800 },
          ip: { family: 4, src: 0x01010258, dst: 0x0101025c, proto: 17, tos: 0, ttl: 64, frag: 0x4000 },
          udp: { src: 0, dst: 4789, csum: 0 },
          tunnel: { kind: 'vxlan', flags: 0x8000000, vni: 0x7b },
        },
      },
      'tnl_push(tnl_port(4789),header(size=50,type=4,eth(dst=f8:bc:12:44:34:82,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(tap2))',
    ],
  ];

  for (const [action, text] of cases) {
    it(text, () => assert.equal(formatDpActions([action], ports), text));
  }
});

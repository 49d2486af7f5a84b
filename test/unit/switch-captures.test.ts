import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { ofprotoTrace, switchOf } from '../../server/src/features/ofproto-trace';
import { createService } from '../../server/src/service';

const transcript = `[root@h1 ~]# ovs-vsctl show
    Bridge br0
        fail_mode: secure
        datapath_type: dummy
        Port p1
            Interface p1
                type: dummy
        Port bond0
            Interface b1
                type: dummy
            Interface b2
                type: dummy
        Port br0
            Interface br0
                type: internal

[root@h1 ~]# ovs-vsctl --format=csv --columns=name,tag,vlan_mode,trunks list port
name,tag,vlan_mode,trunks
p1,5,native-tagged,"[7, 8]"
bond0,[],[],[]

[root@h1 ~]# ovs-appctl dpif/show
dummy@ovs-dummy: hit:0 missed:0
  br0:
    b1 11/21: (dummy)
    b2 10/20: (dummy)
    br0 65534/100: (dummy-internal)
    p1 1/1: (dummy)

[root@h1 ~]# ovs-appctl bond/show
---- bond0 ----
bond_mode: balance-slb
bond may use recirculation: no, Recirc-ID : -1
bond-hash-basis: 3
lacp_status: off
active member mac: aa:55:aa:55:00:18(b2)

member b1: enabled
  may_enable: true
  hash 7: 0 kB load

member b2: enabled
  active member
  may_enable: true

[root@h1 ~]# ovs-ofctl -O OpenFlow15 dump-groups br0
OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):
 group_id=1,type=select,selection_method=hash,selection_method_param=7,fields(eth_dst,ip_src,tcp_dst=255),bucket=bucket_id:1,weight:5,watch_port:1,actions=set_field:0x1->reg0,ct(commit,exec(set_field:0x1->ct_mark)),output:1,bucket=bucket_id:0,weight:0,watch_group:3,actions=drop

[root@h1 ~]# ovs-ofctl dump-tlv-map br0
NXT_TLV_TABLE_REPLY (xid=0x2):
 max option space=256 max fields=64
 allocated option space=4

 mapping table:
  class  type  length  match field
 ------  ----  ------  --------------
  0x102  0x80       4  tun_metadata0

[root@h1 ~]# ovs-ofctl -O OpenFlow13 dump-meters br0
OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):
meter=9 kbps burst stats bands=
type=drop rate=5 burst_size=3

[root@h1 ~]# ovs-appctl mdb/show br0
 port  VLAN  GROUP                Age
    1     5  224.1.2.3             7
    1     5  querier               9

[root@h1 ~]# ovs-ofctl -O OpenFlow13 dump-flows br0
 cookie=0x7, duration=1s, table=0, n_packets=0, n_bytes=0, priority=5,tcp,in_port=p1 actions=goto_table:2
 cookie=0x0, duration=1s, table=2, n_packets=0, n_bytes=0, priority=1 actions=dec_ttl,output:b2
`;

function worldOf(text: string) {
  const service = createService();
  service.set('file:///t', 'ticket/t.txt', text);
  return service.world();
}

const world = worldOf(transcript);
const question = { bridge: 'br0', packet: null, ctNext: [], names: false, generate: false, host: null };

describe('a switch from its captures', () => {
  const bridge = switchOf(world, 'h1')?.sw.bridges.get('br0');

  it('reads every line', () => {
    const errors = [...world.documents.values()].flatMap(({ captures }) => captures.flatMap((capture) => capture.errors));
    assert.deepEqual(
      errors.map(({ message }) => message),
      [],
    );
  });

  it('has ports with the numbers of both sides, and bundles with their VLANs', () => {
    assert.deepEqual(
      [...(bridge?.ports.values() ?? [])].map(({ ofport, name, odpPort }) => [ofport, name, odpPort]).sort(),
      [
        [1, 'p1', 1],
        [10, 'b2', 20],
        [11, 'b1', 21],
        [65534, 'br0', 100],
      ].sort(),
    );
    const p1 = bridge?.bundles.find(({ name }) => name === 'p1');
    assert.deepEqual([p1?.vlanMode, p1?.tag, [...(p1?.trunks ?? [])].sort()], ['native-tagged', 5, [5, 7, 8]]);
  });

  it('has bonds, groups, options, meters and multicast as they were shown', () => {
    const bond = bridge?.bundles.find(({ name }) => name === 'bond0');
    assert.deepEqual(
      [bond?.ofports.length, bond?.bond?.mode, bond?.bond?.active, bond?.bond?.basis, bond?.bond?.hashToMember.get(7)],
      [2, 'balance-slb', 10, 3, 11],
    );
    const group = bridge?.groups.get(1);
    assert.deepEqual(
      [
        group?.type,
        group?.selectionMethod,
        group?.selectionMethodParam,
        group?.fields,
        group?.buckets.map(({ weight }) => weight),
      ],
      [
        'select',
        'hash',
        7n,
        [
          { name: 'eth_dst', mask: 0xffffffffffffn },
          { name: 'ip_src', mask: 0xffffffffn },
          { name: 'tcp_dst', mask: 255n },
        ],
        [5, 0],
      ],
    );
    assert.deepEqual(bridge?.tlvMap, [{ class: 0x102, type: 0x80, length: 4, index: 0 }]);
    assert.deepEqual([...(bridge?.meters.keys() ?? [])], [9]);
    assert.deepEqual(bridge?.multicast?.groups, [{ vlan: 5, address: '224.1.2.3', bundle: 'p1' }]);
    assert.deepEqual(bridge?.multicast?.routers, [{ vlan: 5, bundle: 'p1' }]);
  });

  it('has the settings of its ports that either OpenFlow shows, and says which one hides some', () => {
    const asked = (dialect: string, reply: string, config: string, state: string) =>
      `[root@h1 ~]# ovs-ofctl ${dialect}show br0\nOFPT_FEATURES_REPLY ${reply}(xid=0x2): dpid:0000aa55aa550000\n` +
      ` 1(p1): addr:aa:55:aa:55:00:01\n     config:     ${config}\n     state:      ${state}\n`;
    const old = asked('', '', 'NO_FLOOD', '0');
    const later = asked('-O OpenFlow13 ', '(OF1.3) ', '0', 'LIVE');
    const seen = (text: string) => {
      const service = createService();
      service.set('file:///h1.txt', 'h1.txt', transcript + text);
      const { sw } = switchOf(service.world(), 'h1') ?? {};
      const port = sw?.bridges.get('br0')?.ports.get(1);
      return {
        noFlood: port?.noFlood,
        faulty: port?.faulty,
        said: sw?.notes.some((note) => /does not tell no-flood/.test(note)),
      };
    };
    assert.deepEqual(seen(old), { noFlood: true, faulty: undefined, said: false });
    assert.deepEqual(seen(later), { noFlood: false, faulty: undefined, said: true });
    for (const both of [old + later, later + old])
      assert.deepEqual(seen(both), { noFlood: true, faulty: undefined, said: false });
  });

  it('answers as the real one does', () => {
    const result = ofprotoTrace(world, { ...question, flow: 'in_port=1,tcp,nw_ttl=9' });
    assert.ok(result.kind === 'answer');
    assert.match(result.answer.text, /^ 0\. tcp,in_port=1, priority 5, cookie 0x7\n {4}goto_table:2$/m);
    assert.match(result.answer.text, /^Datapath actions: set\(ipv4\(ttl=8\)\),20$/m);
    const datapath = ofprotoTrace(world, {
      ...question,
      bridge: 'dummy',
      flow: 'in_port(1),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),ipv4(src=1.1.1.1,dst=2.2.2.2,proto=6,tos=0,ttl=9,frag=no),tcp(src=1,dst=2)',
    });
    assert.ok(datapath.kind === 'answer');
    assert.match(datapath.answer.text, /^Datapath actions: set\(ipv4\(ttl=8\)\),20$/m);
  });

  it('refuses in the words of the real one', () => {
    const error = (more: object) => {
      const result = ofprotoTrace(world, { ...question, flow: 'tcp', ...more });
      return result.kind === 'error' ? result.message : '';
    };
    assert.equal(error({ bridge: 'br9' }), 'br9: unknown bridge');
    assert.equal(error({ flow: 'in_port(1)' }), 'Cannot find the datapath');
    assert.equal(error({ bridge: null }), 'syntax error at tcp (or the bridge name was omitted)');
    assert.equal(error({ packet: 'zz' }), 'Trailing garbage in packet data');
    assert.equal(error({ ctNext: ['foo'] }), 'foo: unknown connection tracking state flag');
    assert.equal(
      error({ ctNext: ['trk,new,est'] }),
      'new|est|trk: invalid connection state: "new" and "est" are mutually exclusive',
    );
    assert.match(error({ flow: 'foo=1' }), /^Bad openflow flow syntax: foo=1: unknown field foo$/);
  });
});

describe('captures of a switch', () => {
  const kinds = (text: string) =>
    readDocument('file:///n', 'n.txt', text).captures.map(({ kind, records, errors }) => [kind, records, errors.length]);

  it('show the datapath in every form that there was', () => {
    const old =
      'br0 (dummy@ovs-dummy):\n\tlookups: hit:0 missed:61\n\tflows: cur: 0, avg: 5.789, max: 8, life span: 7ms\n\t\tbr0 65534/100: (dummy)\n\t\tp1 1/none: (patch: peer=p2)\n';
    assert.deepEqual(kinds(old), [['ovs-appctl-dpif-show', 5, 0]]);
    const dpctl = 'system@ovs-system:\n  lookups: hit:0 missed:0 lost:0\n  flows: 0\n  port 0: ovs-system (internal)\n';
    assert.deepEqual(kinds(dpctl), [['ovs-appctl-dpctl-show', 4, 0]]);
  });

  it('keep the flows of a datapath and the lines of a trace', () => {
    const flows =
      'recirc_id(0),in_port(2),eth(),eth_type(0x0800),ipv4(frag=no), packets:5, bytes:490, used:0.5s, actions:push_vlan(vid=1,pcp=0),3\n';
    assert.deepEqual(kinds(flows), [['ovs-dpctl-dump-flows', 1, 0]]);
    const trace =
      'Flow: in_port=1\n\nbridge("br0")\n-------------\n 0. priority 0\n    NORMAL\n     -> no learned MAC for destination, flooding\n\nFinal flow: unchanged\nMegaflow: recirc_id=0,eth,in_port=1\nDatapath actions: 2\n';
    assert.deepEqual(kinds(trace), [['ovs-appctl-ofproto-trace', 8, 0]]);
  });
});

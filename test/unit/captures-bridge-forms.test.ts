import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plain } from './linux-captures.harness';
import { errorsOf, factsOf, places, read } from './read-text';
import { networkOf, trace } from './walk-fixture';

/** Facts without their spans and their kind. */
const said = <K extends Parameters<typeof factsOf>[1]>(text: string, kind: K): unknown[] =>
  factsOf(text, kind).map((fact) => {
    const { kind: _kind, ...rest } = plain(fact) as Record<string, unknown>;
    return rest;
  });

describe('bridge fdb', () => {
  it('reads rows of next hops, of other networks and of new flags, without the device that the command named', () => {
    const text = `root@vtep:~# bridge fdb show dev vx100
02:00:00:00:00:0b nhid 8 self permanent
02:00:00:00:00:01 dst 10.9.0.7 port 8472 vni 333 via p4 self permanent
02:00:00:00:00:09 dst 10.9.0.9 src_vni 77 vni 78 self offload
02:00:00:00:00:0a activity_notify inactive locked master br0
`;
    assert.deepEqual(places(text), [['bridge-fdb', 'vtep', undefined]]);
    assert.deepEqual(said(text, 'bridge-fdb'), [
      { mac: '02:00:00:00:00:0b', dev: 'vx100', nexthop: 8, flags: ['self', 'permanent'] },
      { mac: '02:00:00:00:00:01', dev: 'vx100', dst: '10.9.0.7', vni: 333, flags: ['self', 'permanent'] },
      { mac: '02:00:00:00:00:09', dev: 'vx100', dst: '10.9.0.9', vni: 78, sourceVni: 77, flags: ['self', 'offload'] },
      { mac: '02:00:00:00:00:0a', dev: 'vx100', master: 'br0', flags: ['activity_notify', 'inactive', 'locked'] },
    ]);
  });

  it('reads the same of JSON', () => {
    const text = `$ bridge -j fdb
[{"mac":"02:00:00:00:00:0b","ifname":"vx100","nhid":8,"flags":["self"],"state":"permanent"},{"mac":"02:00:00:00:00:09","ifname":"vx100","dst":"10.9.0.9","vni":78,"src_vni":77,"flags":["self"],"state":""}]
`;
    assert.deepEqual(said(text, 'bridge-fdb'), [
      { mac: '02:00:00:00:00:0b', dev: 'vx100', nexthop: 8, flags: ['self', 'permanent'] },
      { mac: '02:00:00:00:00:09', dev: 'vx100', dst: '10.9.0.9', vni: 78, sourceVni: 77, flags: ['self'] },
    ]);
  });

  it('is known behind a switch prompt, and what its next hops are under `get`', () => {
    const text = `leaf1>bridge fdb show dev vx10
02:00:00:00:00:0b nhid 8 self extern_learn
leaf1>bridge vni
dev               vni                group/remote
vx10              10
leaf1>ip nexthop get id 8
id 8 group 7 fdb
`;
    assert.deepEqual(places(text), [
      ['bridge-fdb', 'leaf1', undefined],
      ['bridge-vni', 'leaf1', undefined],
      ['ip-nexthop', 'leaf1', undefined],
    ]);
    assert.equal(read(text).captures[2]?.options['filter'], 'get id 8');
  });

  it('says where an option was refused', () => {
    assert.deepEqual(errorsOf('# bridge -ts fdb\nOption "-ts" is unknown, try "bridge help".\n'), ['error-output']);
  });
});

/** Hosts with a VXLAN device in a bridge, of which h1 has a second card's address in its table. */
function vteps(fdb: string, more = ''): string {
  const host = (n: number, vni: number) => `[root@h${n} ~]# ip -d a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1600 qdisc mq state UP group default
    link/ether 02:00:00:00:0${n}:01 brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.${n}/24 scope global eth0
3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default
    link/ether 02:00:00:00:0${n}:02 brd ff:ff:ff:ff:ff:ff
    bridge forward_delay 1500 vlan_filtering 0
    inet 10.0.0.${n}/24 scope global br0
4: vx: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master br0 state UNKNOWN group default
    link/ether 02:00:00:00:0${n}:03 brd ff:ff:ff:ff:ff:ff
    vxlan id ${vni} local 192.0.2.${n} dev eth0 srcport 0 0 dstport 4789 nolearning ttl auto ageing 300 udpcsum
    bridge_slave state forwarding priority 32 cost 100
[root@h${n} ~]# ip neigh
${[1, 2, 3]
  .filter((other) => other !== n)
  .map((other) => `10.0.0.${other} dev br0 lladdr 02:00:00:00:0${other}:02 REACHABLE`)
  .join('\n')}
[root@h${n} ~]# ip route
10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.${n}
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.${n}
`;
  return `${host(1, 100)}[root@h1 ~]# bridge fdb
${fdb}
${more}${host(2, 100)}${host(3, 300)}`;
}

describe('a VXLAN device', () => {
  const table = '02:00:00:00:02:02 dev vx master br0\n02:00:00:00:03:02 dev vx master br0\n';

  it('sends to the hosts of a next hop that its table names', () => {
    const group = '[root@h1 ~]# ip nexthop\nid 7 via 192.0.2.2 scope link fdb\nid 8 group 7 fdb\n';
    const answer = trace(networkOf(vteps(`${table}02:00:00:00:02:02 dev vx nhid 8 self`, group)), '10.0.0.1 > 10.0.0.2').request;
    assert.equal(answer.ending.disposition, 'delivered', answer.ending.summary);
    assert.ok(answer.steps.some(({ stage, summary }) => stage === 'tunnel' && summary.includes('to 192.0.2.2 on h2')));
  });

  it('is not said to drop what a next hop that nobody captured may lead on', () => {
    const answer = trace(networkOf(vteps(`${table}02:00:00:00:02:02 dev vx nhid 8 self`)), '10.0.0.1 > 10.0.0.2').request;
    assert.notEqual(answer.ending.disposition, 'dropped', answer.ending.summary);
    assert.ok(answer.gaps.some(({ command }) => command === 'ip nexthop'));
    const tunnel = answer.steps.find(({ stage }) => stage === 'tunnel');
    assert.notEqual(tunnel?.certainty, 'captured');
    assert.match(tunnel?.reason ?? '', /next hop 8, whose hosts were not captured/);
  });

  it('sends in the network that the row of its table names', () => {
    const answer = trace(
      networkOf(vteps(`${table}02:00:00:00:03:02 dev vx dst 192.0.2.3 vni 300 self permanent`)),
      '10.0.0.1 > 10.0.0.3',
    ).request;
    assert.equal(answer.ending.disposition, 'delivered', answer.ending.summary);
    assert.ok(answer.steps.some(({ summary }) => summary.includes('VNI 300, to 192.0.2.3 on h3')));
  });
});

describe('bridge vlan', () => {
  it('reads tunnels below an old title, and of JSON', () => {
    const old = '# bridge vlan tunnelshow\nport\tvlan ids\ttunnel id\nvxlan0\t 10\t 1010\n\t 20-25\t 1020-1025\n';
    const json =
      '# bridge -j vlan tunnelshow\n[{"ifname":"vxlan0","tunnels":[{"vlan":10,"tunid":1010},{"vlan":20,"vlanEnd":25,"tunid":1020,"tunidEnd":1025}]}]\n';
    const expected = [
      { dev: 'vxlan0', vlan: [10, 10], ids: [1010, 1010] },
      { dev: 'vxlan0', vlan: [20, 25], ids: [1020, 1025] },
    ];
    for (const text of [old, json]) {
      assert.deepEqual(read(text).unclassified, []);
      assert.deepEqual(said(text, 'bridge-vlan-tunnel'), expected);
      assert.deepEqual(said(text, 'bridge-vlan'), []);
    }
  });

  it('reads the JSON of old versions, an object of ports', () => {
    const text =
      '# bridge -j vlan\n{"swp1":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10,"vlanEnd":12}],"br0":[{"vlan":1}]}\n';
    assert.deepEqual(said(text, 'bridge-vlan'), [
      { dev: 'swp1', vlan: [1, 1], pvid: true, untagged: true },
      { dev: 'swp1', vlan: [10, 12], pvid: false, untagged: false },
      { dev: 'br0', vlan: [1, 1], pvid: false, untagged: false },
    ]);
    assert.deepEqual(errorsOf(text), []);
  });

  it('takes what bridges do with VLANs for none that ports carry, and a list of tunnels for no list of the others', () => {
    const global = `port              vlan-id
br0               1
                    mcast_snooping 1 mcast_querier 0 mcast_igmp_version 2
                  10
`;
    for (const command of ['', '# bridge vlan global show\n']) {
      assert.deepEqual(
        read(command + global).captures.map(({ kind }) => kind),
        ['bridge-vlan-global'],
      );
      assert.deepEqual(said(command + global, 'bridge-vlan'), []);
    }
    const tunnels =
      '# bridge link\n3: vx: <UP> mtu 1500 master br0 state forwarding\n\nport              vlan-id    tunnel-id\nvx                2          2\n';
    const [host] = networkOf(tunnels).hosts.values();
    assert.notEqual(host?.linuxBridges.get('br0')?.vlansKnown, 'whole');
  });
});

describe('bridge link', () => {
  it('reads the settings that stand on the line of their port, and passes over what it counts', () => {
    const port = '14: p3@q3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br2 state forwarding priority 32 cost 2';
    const line = `# bridge -o -d link\n${port} \\    hairpin on guard off learning on isolated on mcast_router 1\n`;
    assert.deepEqual(said(line, 'linux-bridge-port'), [
      {
        bridge: 'br2',
        name: 'p3',
        state: 'forwarding',
        settings: { hairpin: 'on', guard: 'off', learning: 'on', isolated: 'on', mcast_router: '1' },
      },
    ]);
    const counted = `# bridge -s link\n${port}\n    RX:  bytes packets errors dropped  missed   mcast\n           100       2      0       0       0       0\n${port.replaceAll('p3', 'p5')}\n`;
    assert.deepEqual(places(counted), [['bridge-link', undefined, undefined]]);
    assert.equal(said(counted, 'linux-bridge-port').length, 2);
  });

  it('knows the other end by its index, in JSON too', () => {
    const text =
      '# bridge -j link\n[{"ifindex":7,"link_index":6,"ifname":"tapa1","flags":["UP"],"mtu":1450,"master":"br0","state":"forwarding"}]\n';
    assert.deepEqual(said(text, 'link'), [{ index: 7, name: 'tapa1', peerIndex: 6, flags: ['UP'], mtu: 1450, master: 'br0' }]);
  });
});

describe('what Open vSwitch says of ports, without the blanks in front', () => {
  const DPIF = `system@ovs-system: hit:1054 missed:43
br-int:
br-int 65534/1: (internal)
tap1234 3/4: (system)
br-tun:
br-tun 65534/2: (internal)
`;

  it('keeps their bridges apart', () => {
    const text = `# ovs-appctl dpif/show\n${DPIF}`;
    assert.deepEqual(read(text).unclassified, []);
    assert.deepEqual(
      factsOf(text, 'datapath-port').map(({ bridge, name }) => `${bridge?.value} ${name.value}`),
      ['br-int br-int', 'br-int tap1234', 'br-tun br-tun'],
    );
  });

  it('takes no word of the author for a bridge', () => {
    const document = read(`${DPIF}Thanks:\nBob\n`);
    assert.deepEqual(document.unclassified, [6, 7]);
  });

  for (const [command, title, rows] of [
    ['stp/show', 'br0', ['eth1       designated forwarding 19    128.1', 'eth2       alternate  blocking   19    128.2']],
    ['rstp/show', 'br1', ['eth1       Designated Forwarding 20000 128.1', 'eth2       Alternate  Blocking   20000 128.2']],
  ] as const)
    it(`reads the ports of ${command}`, () => {
      const text = `# ovs-appctl ${command}
---- ${title} ----
Root ID:
stp-priority    32768
This bridge is the root

Interface  Role       State      Cost  Pri.Nbr
---------- ---------- ---------- ----- -------
${rows.join('\n')}
`;
      assert.deepEqual(read(text).unclassified, []);
      assert.deepEqual(said(text, 'stp-port'), [
        { bridge: title, name: 'eth1', state: 'forwarding' },
        { bridge: title, name: 'eth2', state: 'blocking' },
      ]);
    });
});

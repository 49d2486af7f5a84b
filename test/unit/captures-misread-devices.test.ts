import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import type { Namespace } from '../../server/src/model/namespace';
import type { Network } from '../../server/src/model/network';
import { walk } from '../../server/src/walk/walk';
import { factsOf, places } from './read-text';
import { networkOf } from './walk-fixture';

function machine(text: string): Namespace {
  const found = networkOf(text).hosts.get('h')?.namespaces.get('');
  assert.ok(found, text);
  return found;
}

function requestOf(network: Network, from: string, to: string) {
  const result = walk(network, { from, to });
  if (result.kind === 'error') throw new Error(result.message);
  return result.request;
}

function verdictOf(namespace: Namespace, question: string) {
  const packet = readQuestion(question.split(' '), namespace);
  if (typeof packet === 'string') throw new Error(packet);
  return netfilterTrace(namespace, [packet])[0];
}

describe('ports of bridges', () => {
  it('are listed with their VLANs, and with the bridge itself, by old versions', () => {
    const text = `root@b1:~# bridge -d link
2: eth0 state UP : <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master bridge1 state forwarding priority 32 cost 100
    hairpin off guard off root_block off fastleave off learning on flood on
eth0	1 PVID Egress Untagged

3: eth1 state UP : <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master bridge1 state blocking priority 32 cost 100
hairpin off guard off root_block off fastleave off learning off flood on
eth1 1 PVID Egress Untagged

4: bridge1 state UP : <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master bridge1
bridge1	 1 PVID Egress Untagged
`;
    assert.deepEqual(places(text), [['bridge-link', 'b1', undefined]]);
    assert.deepEqual(
      factsOf(text, 'linux-bridge-port').map(({ name, state, settings }) => [
        name.value,
        state?.value,
        settings?.['learning']?.value,
      ]),
      [
        ['eth0', 'forwarding', 'on'],
        ['eth1', 'blocking', 'off'],
      ],
    );
    assert.equal(networkOf(text).hosts.get('b1')?.namespaces.get('')?.devices.get('bridge1')?.master, undefined);
  });

  it('are listed again by their cards, and cut', () => {
    const text = `$ bridge link
3: enp1s0f0np0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state blocking priority 32 cost 1 
3: enp1s0f0np0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 hwmode VEB 
4: enp1s0f1np1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 hwmode VEB 
13: veth6d87a7a state UP @(null) ...
`;
    assert.deepEqual(places(text), [['bridge-link', undefined, undefined]]);
    const [host] = networkOf(text).hosts.values();
    const [port] = host?.linuxBridges.get('br0')?.members ?? [];
    assert.deepEqual([port?.name, port?.state], ['enp1s0f0np0', 'blocking']);
  });

  it('stand below a title that was set anew', () => {
    assert.deepEqual(
      places(
        '$ brctl show br-0b\nbridge name     bridge id   STP                 enabled interfaces\nbr-0b             8000.024203ec9280   no\n',
      ),
      [['brctl-show', undefined, undefined]],
    );
  });
});

describe('next hops by number', () => {
  it('are asked for at prompts of Cumulus Linux, which name the VRF of the shell', () => {
    const text = `root@leaf3:mgmt:~# ip route show 10.1.0.0/24
10.1.0.0/24 nhid 24 proto bgp metric 20
root@leaf3:mgmt:~#
root@leaf3:mgmt:~# ip nexthop show
id 24 group 25/26 proto zebra
id 25 via fe80::4638:39ff:fe00:104 dev swp1 scope link proto zebra
vagrant@leaf1:mgmt:~$ ip route show 10.3.0.0/24
10.3.0.0/24 nhid 30 proto bgp metric 20
vagrant@leaf1:mgmt:~$ ip nexthop show
id 9 dev lo scope host proto zebra
kay@vm:chap5$ ip nexthop
id 20 blackhole proto zebra
`;
    assert.deepEqual(places(text), [
      ['ip-route', 'leaf3', undefined],
      ['ip-nexthop', 'leaf3', undefined],
      ['ip-route', 'leaf1', undefined],
      ['ip-nexthop', 'leaf1', undefined],
      ['ip-nexthop', 'vm', undefined],
    ]);
  });

  it('stand with what was counted of them, and below routes', () => {
    const counted = `# ip -s -d nexthop show id 4000
id 4000 group 4001/4002 scope global proto unspec offload hw_stats on used on
  stats:
    id 4001 packets 5002 packets_hw 5000
    id 4002 packets 4999 packets_hw 4999
`;
    assert.deepEqual(places(counted), [['ip-nexthop', undefined, undefined]]);
    assert.deepEqual(
      factsOf(counted, 'nexthop-object').map(({ id }) => id.value),
      [4000],
    );
    const detailed = `# ip -d route show table 3
unicast 198.51.100.0/24 nhid 103 table 3 proto boot scope global
	nh_info id 103 group 101/102 type resilient buckets 512 idle_timer 0 unbalanced_timer 0 unbalanced_time 0 scope global proto unspec
	nexthop via 169.254.2.22 dev veth2 weight 1
	nexthop via 169.254.3.23 dev veth4 weight 1
`;
    assert.deepEqual(places(detailed), [['ip-route', undefined, undefined]]);
    assert.deepEqual(
      factsOf(detailed, 'route').map(({ nexthops }) => nexthops?.length),
      [2],
    );
    assert.deepEqual(places('172.16.3.0/24 nhid 40 proto bgp metric 20\nid 40 group 29/41 proto zebra\n'), [
      ['ip-route', undefined, undefined],
      ['ip-nexthop', undefined, undefined],
    ]);
  });
});

describe('addresses whose uniqueness is not proven', () => {
  const hosts = (flags: string) => `[root@h ~]# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    inet6 ::1/128 scope host
2: va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 52:13:6c:05:c8:81 brd ff:ff:ff:ff:ff:ff
    inet6 2001:db8::5/64 scope global ${flags}
       valid_lft forever preferred_lft forever
    inet6 fe80::5013:6cff:fe05:c881/64 scope link
[root@h ~]# ip -6 r
2001:db8::/64 dev va proto kernel metric 256 pref medium
fe80::/64 dev va proto kernel metric 256 pref medium
[root@h ~]# ip -6 rule
0:	from all lookup local
32766:	from all lookup main
[root@h ~]# sysctl -a
net.ipv6.conf.all.forwarding = 0
[root@h ~]# ip6tables-save
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`;
  const ASKING = `[root@h2 ~]# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    inet6 ::1/128 scope host
2: vb: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 52:13:6c:05:c8:82 brd ff:ff:ff:ff:ff:ff
    inet6 2001:db8::6/64 scope global
[root@h2 ~]# ip -6 r
2001:db8::/64 dev vb proto kernel metric 256 pref medium
`;

  it('take no packets and send none, while their subnet is routed', () => {
    for (const flags of ['dadfailed tentative', 'tentative']) {
      const h = machine(hosts(flags));
      const taken = verdictOf(h, 'iif=va src=2001:db8::6 dst=2001:db8::5 proto=udp dport=9');
      assert.notEqual(taken?.verdict, 'local', flags);
      const sent = verdictOf(h, 'dst=2001:db8::6 proto=udp dport=9');
      assert.equal(sent?.packet.src, 'fe80::5013:6cff:fe05:c881', flags);
      assert.equal(sent?.out, 'va', flags);
    }
    for (const flags of ['', 'deprecated', 'tentative optimistic', 'noprefixroute']) {
      const h = machine(hosts(flags));
      const taken = verdictOf(h, 'iif=va src=2001:db8::6 dst=2001:db8::5 proto=udp dport=9');
      assert.equal(taken?.verdict, 'local', flags);
    }
  });

  it('answer no question, which is said', () => {
    const network = networkOf(hosts('dadfailed tentative') + ASKING);
    const request = requestOf(network, 'h2', '2001:db8::5');
    assert.equal(request.ending.disposition, 'insufficient-info');
    assert.ok(
      request.steps.some(({ reason }) => reason?.includes('h has it on va, but another machine was found to have the address')),
      JSON.stringify(request.steps),
    );
  });

  it('are told by JSON as well', () => {
    const of = (flag: string) =>
      factsOf(
        `$ ip -j a\n[{"ifindex":2,"ifname":"va","flags":["UP"],"mtu":1500,"addr_info":[{"family":"inet6","local":"2001:db8::5","prefixlen":64,"scope":"global"${flag}}]}]\n`,
        'address',
      ).map(({ unverified }) => unverified?.value);
    assert.deepEqual(of(',"tentative":true'), ['tentative']);
    assert.deepEqual(of(',"tentative":true,"dadfailed":true'), ['dadfailed']);
    assert.deepEqual(of(',"tentative":true,"optimistic":true'), [undefined]);
    assert.deepEqual(of(''), [undefined]);
  });
});

describe('a listing that does not show what a device belongs to', () => {
  const FULL = `[root@h ~]# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    inet 10.0.0.9/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    inet 10.1.0.9/24 scope global eth1
`;
  const BRIEF = `[root@h ~]# ip -br a
lo               UNKNOWN        127.0.0.1/8
eth0             UP             10.0.0.9/24
eth1             UP             10.1.0.9/24
`;
  const REST = `[root@h ~]# ip r
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.9
10.1.0.0/24 dev eth1 proto kernel scope link src 10.1.0.9
[root@h ~]# sysctl -a
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.conf.eth1.rp_filter = 0
[root@h ~]# iptables-save
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`;
  const RULES = '[root@h ~]# ip rule\n0:	from all lookup local\n32766:	from all lookup main\n';
  const VRFS = '[root@h ~]# ip rule\n0:	from all lookup local\n1000:	from all lookup [l3mdev-table]\n32766:	from all lookup main\n';
  const routed = (devices: string, rules: string) =>
    verdictOf(machine(devices + REST + rules), 'iif=eth0 src=10.0.0.3 dst=10.1.0.5 proto=tcp dport=80')?.verdict;

  it('leaves open whether it is in a VRF, where there are any', () => {
    assert.equal(routed(FULL, RULES), 'forwarded');
    assert.equal(routed(FULL, VRFS), 'forwarded');
    assert.equal(routed(BRIEF, RULES), 'forwarded');
    assert.equal(routed(BRIEF, VRFS), 'insufficient-info');
  });

  it('is an inference where the IP stack takes what comes in', () => {
    const arrival = (devices: string) => {
      const text = `${devices}${REST}${RULES}[root@g ~]# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    inet 127.0.0.1/8 scope host lo
2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.3/24 scope global ens3
[root@g ~]# ip r
10.0.0.0/24 dev ens3 proto kernel scope link src 10.0.0.3
[root@g ~]# ip neigh
10.0.0.9 dev ens3 lladdr 02:00:00:00:00:09 REACHABLE
[root@h ~]# ip neigh
10.0.0.3 dev eth0 lladdr 02:00:00:00:00:03 REACHABLE
`;
      const request = requestOf(networkOf(text), 'g', '10.0.0.9');
      return request.steps.find(({ summary }) => summary.startsWith('Arrives at eth0'))?.certainty;
    };
    const withMac = (devices: string) =>
      `${devices}[root@h ~]# ip -br link\neth0             UP             02:00:00:00:00:09 <BROADCAST,MULTICAST,UP,LOWER_UP>\n`;
    assert.equal(arrival(withMac(FULL)), 'captured');
    assert.equal(arrival(withMac(BRIEF)), 'inferred');
    assert.equal(arrival(`${withMac(BRIEF)}[root@h ~]# brctl show\nbridge name	bridge id		STP enabled	interfaces\n`), 'captured');
  });
});

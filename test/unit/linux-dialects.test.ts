import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arp } from '../../server/src/captures/arp/index';
import { brctlShowmacs } from '../../server/src/captures/brctl-showmacs/index';
import { bridgeLink } from '../../server/src/captures/bridge-link/index';
import { bridgeVlan } from '../../server/src/captures/bridge-vlan/index';
import { conntrack } from '../../server/src/captures/conntrack/index';
import { ebtables } from '../../server/src/captures/ebtables/index';
import { ethtool } from '../../server/src/captures/ethtool/index';
import { ifconfig } from '../../server/src/captures/ifconfig/index';
import { ipAddress } from '../../server/src/captures/ip-address/index';
import { ipNeighbour } from '../../server/src/captures/ip-neighbour/index';
import { ipNetnsList } from '../../server/src/captures/ip-netns-list/index';
import { ipset } from '../../server/src/captures/ipset/index';
import { kubectlGet } from '../../server/src/captures/kubectl-get/index';
import { route } from '../../server/src/captures/route/index';
import { sockets } from '../../server/src/captures/sockets/index';
import { tcpdump } from '../../server/src/captures/tcpdump/index';
import { traceroute } from '../../server/src/captures/traceroute/index';
import { command, facts, parse, plain } from './linux-captures.harness';

describe('route and netstat -r', () => {
  it('reads what net-tools prints, refusals included', () => {
    const parsed = parse(
      route,
      'route',
      `Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         10.0.0.254      0.0.0.0         UG    100    0        0 eth0
10.0.0.0        0.0.0.0         255.255.255.192 U     0      0        0 eth0
10.66.0.0       0.0.0.0         255.255.0.0     U     0      0        0 *
10.67.0.0       -               255.255.0.0     !     0      -        0 -`,
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'route').map((r) => [
        r.type,
        r.dst.value.ip,
        r.dst.value.prefix,
        r.via?.value,
        r.dev?.value,
        r.metric?.value,
      ]),
      [
        ['unicast', '0.0.0.0', 0, '10.0.0.254', 'eth0', 100],
        ['unicast', '10.0.0.0', 26, undefined, 'eth0', undefined],
        ['blackhole', '10.66.0.0', 16, undefined, undefined, undefined],
        ['unreachable', '10.67.0.0', 16, undefined, undefined, undefined],
      ],
    );
  });

  it('takes no metric from netstat, and reads IPv6 and wrapped rows', () => {
    const netstat = parse(
      route,
      'route',
      `Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface
default         gw.example      0.0.0.0         UG        0 0          0 eth0
192.168.100.0   0.0.0.0         255.255.255.0   U      1500 0          0
  a-long-bridge0`,
    );
    assert.deepEqual(netstat.errors, []);
    assert.deepEqual(
      facts(netstat, 'route').map((r) => [r.dst.value.prefix, r.dev?.value, r.metric]),
      [
        [0, 'eth0', undefined],
        [24, 'a-long-bridge0', undefined],
      ],
    );
    const six = parse(
      route,
      'route',
      `Kernel IPv6 routing table
Destination                    Next Hop                   Flag Met Ref  Use If
fe80::/64                      ::                         U    256 1      0 eth0
::/0                           fe80::1                    UGDAe 1024 1     0 eth0`,
    );
    assert.deepEqual(six.errors, []);
    assert.deepEqual(
      facts(six, 'route').map((r) => [r.dst.value.ip, r.dst.value.prefix, r.via?.value]),
      [
        ['fe80::', 64, undefined],
        ['::', 0, 'fe80::1'],
      ],
    );
    assert.equal(command(route, 'route add default gw 10.0.0.1'), undefined);
    assert.equal(command(route, 'netstat -rn')?.kind, 'route');
  });
});

describe('ifconfig', () => {
  it('reads both styles, aliases as addresses of their device', () => {
    const old = parse(
      ifconfig,
      'ifconfig',
      `br0       Link encap:Ethernet  HWaddr 00:16:3e:57:77:38
          inet addr:192.168.0.38  Bcast:192.168.0.255  Mask:255.255.255.0
          inet6 addr: fe80::216:3eff:fe57:7738/64 Scope:Link
          UP BROADCAST RUNNING MULTICAST  MTU:1400  Metric:1
          RX packets:1 errors:0 dropped:7 overruns:0 frame:0
          collisions:0 txqueuelen:0
tun0      Link encap:UNSPEC  HWaddr 00-00-00-00-00-00-00-00-00-00-00-00-00-00-00-00
          inet addr:10.5.0.1  P-t-P:10.5.0.2  Mask:255.255.255.255
br0:1     Link encap:Ethernet  HWaddr 00:16:3e:57:77:38
          inet addr:10.77.0.1  Bcast:0.0.0.0  Mask:255.255.255.255`,
    );
    assert.deepEqual(old.errors, []);
    assert.deepEqual(
      facts(old, 'address').map((a) => [a.dev.value, a.ip.value, a.prefix.value, a.peer?.value]),
      [
        ['br0', '192.168.0.38', 24, undefined],
        ['br0', 'fe80::216:3eff:fe57:7738', 64, undefined],
        ['tun0', '10.5.0.1', 32, '10.5.0.2'],
        ['br0', '10.77.0.1', 32, undefined],
      ],
    );
    assert.equal(facts(old, 'link')[0]?.mtu?.value, 1400);
    const recent = parse(
      ifconfig,
      'ifconfig',
      `veth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1450
        inet 10.9.0.1  netmask 255.255.255.0  broadcast 0.0.0.0
        inet6 fd09::1  prefixlen 64  scopeid 0x0<global>
        ether be:cc:de:5f:a1:70  txqueuelen 1000  (Ethernet)
        RX packets 13  bytes 1234 (1.2 KiB)`,
    );
    assert.deepEqual(recent.errors, []);
    assert.deepEqual(plain(facts(recent, 'link')), [
      { kind: 'link', name: 'veth0', flags: ['UP', 'BROADCAST', 'RUNNING', 'MULTICAST'], mtu: 1450, mac: 'be:cc:de:5f:a1:70' },
    ]);
  });
});

describe('conntrack', () => {
  it('reads the forms of the kernel and of Open vSwitch', () => {
    const kernel = parse(
      conntrack,
      'conntrack-list',
      `tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 src=10.0.0.9 dst=10.0.0.1 sport=8080 dport=40000 [ASSURED] mark=16 zone=5 use=1
ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.3 sport=53 dport=53 [UNREPLIED] src=10.0.0.3 dst=10.0.0.1 sport=53 dport=53 mark=0 zone=0 use=2
icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 mark=0 use=1
unknown  2 598 src=10.0.0.1 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=10.0.0.1 use=1
conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.`,
    );
    assert.deepEqual(kernel.errors, []);
    const [nat, udp, icmp] = facts(kernel, 'conntrack-entry');
    assert.deepEqual(plain(nat?.reply), { src: '10.0.0.9', dst: '10.0.0.1', sport: 8080, dport: 40000 });
    assert.deepEqual([nat?.state?.value, nat?.zone?.value, nat?.mark?.value, nat?.flags], ['ESTABLISHED', 5, 16, ['ASSURED']]);
    assert.deepEqual(udp?.flags, ['UNREPLIED']);
    assert.equal(icmp?.original.icmpId?.value, 77);
    const ovs = parse(
      conntrack,
      'ovs-dpctl-dump-conntrack',
      'tcp,orig=(src=10.1.0.7,dst=10.1.0.70,sport=5,dport=38),reply=(src=10.1.0.70,dst=10.1.0.7,sport=38,dport=5),id=3,zone=9,status=CONFIRMED,protoinfo=(state_orig=SYN_SENT,state_reply=NONE)',
    );
    assert.deepEqual(ovs.errors, []);
    const [entry] = facts(ovs, 'conntrack-entry');
    assert.deepEqual(
      [entry?.protocol.value, entry?.zone?.value, entry?.state?.value, entry?.flags],
      [6, 9, 'SYN_SENT', ['UNREPLIED']],
    );
  });
});

describe('ipset', () => {
  it('reads lists, saves and headers without members', () => {
    const list = parse(
      ipset,
      'ipset-list',
      `Name: foo
Type: hash:net,port
Revision: 7
Header: family inet hashsize 256 maxelem 1000 comment
Size in memory: 5160
References: 0
Number of entries: 2
Members:
192.168.88.200/29,tcp:8082 timeout 30 nomatch comment "bad guys"
192.168.88.0/24,udp:8080
Name: six
Type: hash:ip
Header: family inet6 hashsize 64`,
    );
    assert.deepEqual(list.errors, []);
    assert.deepEqual(
      facts(list, 'ipset').map((set) => [set.name.value, set.type.value, set.family, set.membersShown]),
      [
        ['foo', 'hash:net,port', 'inet', true],
        ['six', 'hash:ip', 'inet6', false],
      ],
    );
    assert.deepEqual(
      facts(list, 'ipset-entry').map((entry) => [entry.element.value, entry.nomatch]),
      [
        ['192.168.88.200/29,tcp:8082', true],
        ['192.168.88.0/24,udp:8080', false],
      ],
    );
    const save = parse(ipset, 'ipset-save', 'create bar list:set size 8\nadd bar foo\nadd bar six timeout 5');
    assert.deepEqual(save.errors, []);
    assert.equal(facts(save, 'ipset-entry').length, 2);
  });
});

describe('ebtables', () => {
  it('reads listings with counters and numbers, and saves', () => {
    const list = parse(
      ebtables,
      'ebtables-list',
      `Bridge table: filter

Bridge chain: FORWARD, entries: 3, policy: DROP
1. -p ARP -i vnet0 --arp-ip-src ! 10.0.0.1 -j DROP , pcnt = 0 -- bcnt = 0
2. -s ! 0:16:3e:1:2:3 -j vnet0-out
3. -p IPv4 --ip-proto udp --ip-dport 67:68 -j mark --mark-set 0x23 --mark-target ACCEPT`,
      { table: 'filter' },
    );
    assert.deepEqual(list.errors, []);
    assert.deepEqual(plain(facts(list, 'eb-rule').map(({ number, matches, target }) => ({ number, matches, target }))), [
      {
        number: 1,
        matches: [
          { kind: 'protocol', value: 'ARP', negated: false },
          { kind: 'in-interface', value: 'vnet0', negated: false },
          { kind: 'arp-ip-source', value: '10.0.0.1', negated: true },
        ],
        target: 'DROP',
      },
      { number: 2, matches: [{ kind: 'source', value: '00:16:3e:01:02:03', negated: true }], target: 'vnet0-out' },
      {
        number: 3,
        matches: [
          { kind: 'protocol', value: 'IPv4', negated: false },
          { kind: 'ip-protocol', value: 'udp', negated: false },
          { kind: 'ip-destination-port', range: [67, 68], negated: false },
        ],
        target: 'mark',
      },
    ]);
    assert.equal(facts(list, 'eb-chain')[0]?.policy?.value, 'DROP');
  });
});

describe('bridges, cards and namespaces', () => {
  it('reads ports by number, VLANs, settings of ports and devices', () => {
    const vlans = parse(bridgeVlan, 'bridge-vlan', 'port\tvlan ids\nveth0\t 1 PVID Egress Untagged\n\t 10-20\n\nbr0\tNone');
    assert.deepEqual(plain(facts(vlans, 'bridge-vlan').map((v) => [v.dev, v.vlan, v.pvid])), [
      ['veth0', [1, 1], true],
      ['veth0', [10, 20], false],
    ]);
    const ports = parse(
      bridgeLink,
      'bridge-link',
      `3: veth0@if2: <BROADCAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2
    hairpin on guard off isolated off learning on flood on`,
    );
    assert.deepEqual(plain(facts(ports, 'linux-bridge-port')[0]?.settings), {
      hairpin: 'on',
      guard: 'off',
      isolated: 'off',
      learning: 'on',
      flood: 'on',
    });
    const link = parse(
      ipAddress,
      'ip-link',
      `9: qvb7f@if3: <UP> mtu 1450 master br0
    link/ether 36:e8:f5:d6:24:4c brd ff:ff:ff:ff:ff:ff link-netnsid 3
    veth
    bridge_slave state forwarding hairpin off port_no 0x1
14: br0: <UP> mtu 1500
    link/ether 36:e8:f5:d6:24:4f brd ff:ff:ff:ff:ff:ff
    bridge forward_delay 1500 vlan_filtering 1`,
    );
    assert.deepEqual(
      plain(facts(link, 'link').map((l) => [l.linkNetnsId, l.portSettings?.['port_no'], l.settings?.['vlan_filtering']])),
      [
        [3, '0x1', undefined],
        [undefined, undefined, '1'],
      ],
    );
    assert.equal(facts(parse(ethtool, 'ethtool', 'NIC statistics:\n     peer_ifindex: 12'), 'link').length, 0);
    const macs = parse(
      brctlShowmacs,
      'brctl-showmacs',
      'port no\tmac addr\t\tis local?\tageing timer\n  1\t02:11:22:33:44:55\tno\t\t   3.21',
    );
    assert.deepEqual(macs.errors, []);
    const numbers = parse(ipNetnsList, 'ip-netns-list', 'nsid 0 (iproute2 netns name: red)\nnsid 1');
    assert.deepEqual(plain(facts(numbers, 'netns')), [{ kind: 'netns', name: 'red', id: 0 }]);
  });

  it('reads neighbours with statistics, in columns, and leaves out those that are answered for', () => {
    const neighbours = parse(
      ipNeighbour,
      'ip-neighbour',
      `10.9.0.99 dev veth0 lladdr 02:11:22:33:44:55  used 3/3/3probes 0 PERMANENT
10.8.0.99 dev veth1  ref 1 used 2/62/2probes 6 INCOMPLETE
10.9.0.2                                veth0            4e:74:ef:f5:ad:c1
10.9.0.200 dev veth0 proxy`,
    );
    assert.deepEqual(neighbours.errors, []);
    assert.deepEqual(
      facts(neighbours, 'neighbour').map((n) => [n.ip.value, n.mac?.value, n.state?.value]),
      [
        ['10.9.0.99', '02:11:22:33:44:55', 'PERMANENT'],
        ['10.8.0.99', undefined, 'INCOMPLETE'],
        ['10.9.0.2', '4e:74:ef:f5:ad:c1', undefined],
      ],
    );
    const table = parse(arp, 'arp', '10.9.0.200               *       <from_interface>    MP                    veth0');
    assert.deepEqual([table.errors, facts(table, 'neighbour')], [[], []]);
  });
});

describe('sockets', () => {
  it('finds listeners, and which addresses they mean', () => {
    const ss = parse(
      sockets,
      'ss',
      `Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess
udp   UNCONN 0      0            0.0.0.0:53        0.0.0.0:*    users:(("dnsmasq",pid=11904,fd=5))
tcp   LISTEN 0      128    0.0.0.0%veth0:9002      0.0.0.0:*
tcp   LISTEN 0      128                *:9001            *:*
tcp   LISTEN 0      128             [::]:9003         [::]:*
tcp   ESTAB  0      0           10.9.0.1:9000      10.9.0.1:36384`,
    );
    assert.deepEqual(ss.errors, []);
    assert.deepEqual(
      facts(ss, 'listener').map((l) => [l.protocol.value, l.ip.value, l.port?.value, l.dev?.value, l.process?.value]),
      [
        ['udp', '0.0.0.0', 53, undefined, 'dnsmasq'],
        ['tcp', '0.0.0.0', 9002, 'veth0', undefined],
        ['tcp', '*', 9001, undefined, undefined],
        ['tcp', '::', 9003, undefined, undefined],
      ],
    );
    const netstat = parse(
      sockets,
      'netstat',
      `Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      1/sshd
tcp6       0      0 :::22                   :::*                    LISTEN      1/sshd
tcp6       0      0 :::80                   :::*                    LISTEN      2/httpd`,
    );
    assert.deepEqual(
      facts(netstat, 'listener').map((l) => [l.ip.value, l.port?.value, l.process?.value]),
      [
        ['0.0.0.0', 22, 'sshd'],
        ['::', 22, 'sshd'],
        ['*', 80, 'httpd'],
      ],
    );
  });
});

describe('what was seen', () => {
  it('reads packets of tcpdump in its forms', () => {
    const seen = parse(
      tcpdump,
      'tcpdump',
      `listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes
03:02:48.59 be:cc:de:5f:a1:70 > 4e:74:ef:f5:ad:c1, ethertype 802.1Q (0x8100), length 122: vlan 7, p 0, ethertype IPv4 (0x0800), 10.0.0.1.5000 > 10.0.0.2.80: Flags [S], seq 1, length 0
03:07:22.398161 IP (tos 0x0, ttl 64, id 51339, offset 0, flags [DF], proto UDP (17), length 31)
    10.9.0.1.58442 > 10.9.0.2.5353: [bad udp cksum 0x1431 -> 0x8026!] domain [length 3 < 12] (invalid)
11:30:24.692797 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28
11:30:25.000000 IP 192.0.2.1.4000 > 192.0.2.2.4789: VXLAN, flags [I] (0x08), vni 10
IP 10.1.1.1 > 10.1.1.2: ICMP echo request, id 1, seq 1, length 64
5 packets captured`,
    );
    assert.deepEqual(seen.errors, []);
    assert.deepEqual(
      facts(seen, 'packet-seen').map((p) => [
        p.ethertype,
        p.src?.value,
        p.dst?.value,
        p.protocol,
        p.dport?.value,
        p.vlan?.value,
        p.vni?.value,
      ]),
      [
        ['ip', '10.0.0.1', '10.0.0.2', 'tcp', 80, 7, undefined],
        ['ip', '10.9.0.1', '10.9.0.2', 'udp', 5353, undefined, undefined],
        ['arp', '10.0.0.1', '10.0.0.2', undefined, undefined, undefined, undefined],
        ['ip', '192.0.2.1', '192.0.2.2', 'udp', 4789, undefined, undefined],
        ['ip', '10.1.1.1', '10.1.1.2', 'icmp', undefined, undefined, 10],
      ],
    );
    assert.equal(command(tcpdump, 'tcpdump -nei eth0 -c 5 icmp or arp')?.target, 'eth0');
    assert.equal(command(tcpdump, 'tcpdump -nei eth0 icmp or arp')?.options?.['expression'], 'icmp or arp');
  });

  it('reads traced routes and address owners', () => {
    const path = parse(
      traceroute,
      'traceroute',
      `traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 60 byte packets
 1  gw (10.0.0.1)  0.512 ms  0.410 ms  0.300 ms
 2  * * *
 3  8.8.8.8  9.1 ms !H`,
    );
    assert.deepEqual(plain(facts(path, 'traceroute')), [
      {
        kind: 'traceroute',
        target: '8.8.8.8',
        hops: [
          { ttl: 1, ips: ['10.0.0.1'] },
          { ttl: 2, ips: [] },
          { ttl: 3, ips: ['8.8.8.8'] },
        ],
        reached: true,
      },
    ]);
    const marked = parse(
      traceroute,
      'traceroute',
      `traceroute to 10.0.0.9 (10.0.0.9), 30 hops max, 60 byte packets
 1  [AS128742] 10.0.0.1 (10.0.0.1)  9.1 ms  5.4 ms
 2  a.example (10.0.1.1) [AS1739/AS5]  0.2 ms b.example (10.0.1.2) [*]  0.4 ms *
    [AS0] 10.0.1.3 (10.0.1.3)  41.4 ms`,
    );
    assert.deepEqual(marked.errors, []);
    assert.deepEqual(
      facts(marked, 'traceroute')[0]?.hops.map(({ ips }) => ips.map((ip) => ip.value)),
      [['10.0.0.1'], ['10.0.1.1', '10.0.1.2', '10.0.1.3']],
    );
    // Its title is no command.
    assert.equal(command(traceroute, 'traceroute to web.example (10.0.0.9), 30 hops max, 60 byte packets'), undefined);
    const pods = parse(
      kubectlGet,
      'kubectl-get-pods',
      `NAMESPACE   NAME   READY   STATUS    RESTARTS     AGE   IP           NODE    NOMINATED NODE   READINESS GATES
default     web    1/1     Running   1 (5d ago)   8d    10.244.0.2   node1   <none>           <none>`,
    );
    assert.deepEqual(plain(facts(pods, 'address-owner')), [
      { kind: 'address-owner', what: 'pod', name: 'web', ip: '10.244.0.2', node: 'node1', of: 'default' },
    ]);
    assert.equal(command(kubectlGet, 'kubectl get pods,svc -A -o wide')?.kind, 'kubectl-get-pods');
    const all = parse(
      kubectlGet,
      'kubectl-get-pods',
      `NAME        READY   STATUS    RESTARTS   AGE   IP           NODE
pod/web-0   1/1     Running   0          35s   10.244.1.2   node1

NAME      CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE   SELECTOR
svc/web   10.100.0.1    <none>        443/TCP   46m   <none>

NAME         DESIRED   CURRENT   AGE
deploy/web   1         1         35s

NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE
db LoadBalancer 10.100.0.2 172.18.0.18 80:30056/TCP 107m`,
    );
    assert.deepEqual(all.errors, []);
    assert.deepEqual(
      facts(all, 'address-owner').map(({ what, name, ip }) => [what, name.value, ip.value]),
      [
        ['pod', 'web-0', '10.244.1.2'],
        ['service', 'web', '10.100.0.1'],
        ['service', 'db', '10.100.0.2'],
        ['service', 'db', '172.18.0.18'],
      ],
    );
  });
});

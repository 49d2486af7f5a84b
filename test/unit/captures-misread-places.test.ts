import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import type { Namespace, Network } from '../../server/src/model/network';
import { walk } from '../../server/src/walk/walk';
import { networkOf } from './walk-fixture';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

function factsOf<K extends Fact['kind']>(text: string, kind: K): Extract<Fact, { kind: K }>[] {
  return read(text).captures.flatMap((capture) =>
    capture.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind),
  );
}

/** Kind, host and namespace of each capture, which are all understood. */
function places(text: string): (string | undefined)[][] {
  const document = read(text);
  assert.deepEqual(document.unclassified, [], text);
  return document.captures.map(({ kind, host, namespace }) => [kind, host, namespace]);
}

describe('addresses of containers', () => {
  const owners = (text: string) =>
    factsOf(text, 'address-owner').map(({ name, ip, mac, of }) => [name.value, ip.value, mac?.value, of?.value]);
  const WEB = ['web', '172.19.0.2', '02:42:ac:13:00:02', 'front'];
  const ID = '8d63c87c6c971304bc32997523bbeb06c81ebaedef2f988b605f276c77cc0971';
  const CONTAINERS = `"${ID}": {
"Name": "web",
"EndpointID": "a26bc5df",
"MacAddress": "02:42:ac:13:00:02",
"IPv4Address": "172.19.0.2/16",
"IPv6Address": ""
}
`;

  it('stand in a part of an output, whose network the command names', () => {
    assert.deepEqual(owners(`jo@pc:~/img$ docker network inspect front \n\n..."Containers": {\n${CONTAINERS}},\n`), [WEB]);
    const two = `$ docker network inspect front back\n"Containers": {\n${CONTAINERS}},\n`;
    assert.deepEqual(owners(two), [[...WEB.slice(0, 3), undefined]]);
  });

  it('are what was asked for alone', () => {
    for (const command of [
      "docker network inspect --format='{{json .Containers}}' front | python -m json.tool",
      "docker network inspect front -f '{{ json .Containers }}' | jq .",
    ])
      assert.deepEqual(owners(`$ ${command}\n{\n${CONTAINERS}}\n`), [WEB], command);
    assert.deepEqual(owners(`$ docker network inspect front -f '{{range .Containers}}{{.Name}}{{end}}'\nweb\n`), []);
  });

  it('are found without the command, in a quotation and below a heading that folds them away', () => {
    const whole = `[\n    {\n        "Name": "front",\n        "Id": "${ID}",\n        "Containers": {\n${CONTAINERS}        }\n    }\n]\n`;
    assert.deepEqual(owners(whole.replaceAll(/^/gm, '> ')), [WEB]);
    const folded = `$ docker network inspect front\n\`\`\`\n\n<details><summary>Result</summary>\n\n\`\`\`\n${whole}`;
    assert.deepEqual(owners(folded), [WEB]);
    assert.equal(read(folded).captures[0]?.elided, false);
  });

  it('are written in another way by podman', () => {
    const text = `$ podman network inspect n1
[
     {
          "name": "n1",
          "network_interface": "podman1",
          "containers": {
               "7c0d295779ce": {
                    "name": "c2",
                    "interfaces": {
                         "eth0": {
                              "subnets": [
                                   { "ipnet": "10.89.0.4/24", "gateway": "10.89.0.1" },
                                   { "ipnet": "fda3:b4da:da1e::4/64", "gateway": "fda3:b4da:da1e::1" }
                              ],
                              "mac_address": "1a:bd:ca:ea:4b:3a"
                         }
                    }
               }
          }
     }
]
`;
    assert.deepEqual(owners(text), [
      ['c2', '10.89.0.4', '1a:bd:ca:ea:4b:3a', 'n1'],
      ['c2', 'fda3:b4da:da1e::4', '1a:bd:ca:ea:4b:3a', 'n1'],
    ]);
  });

  it('of a pod stand in a table, or are several', () => {
    const table = `[root@w1 ~]# crictl inspectp --output table a1a964ab46b50
ID: a1a964ab46b50f3d8d503ddcf93c8076
Name: nginx
Namespace: default
Status: SANDBOX_READY
IP Addresses: 10.88.0.4,fd00::4
Labels:
	group -> test
[root@w1 ~]# true
`;
    assert.deepEqual(owners(table), [
      ['nginx', '10.88.0.4', undefined, 'default'],
      ['nginx', 'fd00::4', undefined, 'default'],
    ]);
    places(table);
    const json = `$ crictl inspectp a1a9
{
  "status": {
    "metadata": { "name": "nginx", "namespace": "default" },
    "network": { "additionalIps": [ { "ip": "fd00::4" } ], "ip": "10.88.0.4" }
  }
}
`;
    assert.deepEqual(
      owners(json).map(([, ip]) => ip),
      ['10.88.0.4', 'fd00::4'],
    );
  });
});

describe('tables of the container runtime', () => {
  it('have other titles in old versions', () => {
    const text = `# crictl ps
CONTAINER ID                                                       CREATED             STATE               NAME
0a2c761303163f2acaaeaee07d2ba143ee4cea7e3bde3d32190e2a36525c8a05   1 minutes ago       CONTAINER_CREATED   busybox
`;
    assert.deepEqual(places(text), [['crictl-ps', undefined, undefined]]);
    const [object] = factsOf(text, 'runtime-object');
    assert.deepEqual([object?.name.value, object?.state?.value], ['busybox', 'CONTAINER_CREATED']);
  });

  it('come from a machine that was asked from outside, and end at a prompt of SUSE', () => {
    const table = `POD ID              CREATED              STATE               NAME                NAMESPACE           ATTEMPT
f7a62ac75d1ae       42 seconds ago       Ready               trace               hw09                0
`;
    assert.deepEqual(places(`minikube ssh "sudo crictl pods --namespace hw09"\n\n${table}`), [
      ['crictl-pods', 'minikube', undefined],
    ]);
    assert.deepEqual(places(`jo@w6:~> sudo crictl pods\n${table}jo@w6:~>\n`), [['crictl-pods', 'w6', undefined]]);
  });
});

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

describe('a name that is a variable of the shell', () => {
  const LO = '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n    inet 127.0.0.1/8 scope host lo\n';
  const own = (name: string, index: number, ip: string) =>
    `${LO}${index}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN\n    inet ${ip}/24 scope global ${name}\n`;

  it('is a namespace of its own in every command, unless the text sets it', () => {
    assert.deepEqual(
      places(`root@n:~# ip netns exec $r ip r
default via 10.0.0.1 dev eth0
root@n:~# ip netns exec "\${r}" ip r
default via 10.0.0.2 dev eth0
root@n:~# r=qrouter-77
root@n:~# ip netns exec $r ip r
default via 10.0.0.9 dev eth0
root@n:~# ip netns exec <namespace> ip r
default via 10.0.0.8 dev eth0
`),
      [
        ['ip-route', 'n', '$r (n.txt:2)'],
        ['ip-route', 'n', '${r} (n.txt:4)'],
        ['ip-route', 'n', 'qrouter-77'],
        ['ip-route', 'n', '<namespace> (n.txt:9)'],
      ],
    );
    const host = networkOf('root@n:~# ip netns exec $r ip r\ndefault via 10.0.0.1 dev eth0\n').hosts.get('n');
    assert.equal(host?.namespaces.get('')?.routes.length, 0);
    assert.equal([...(host?.namespaces.values() ?? [])].find(({ name }) => name.startsWith('$r '))?.enter, 'ip netns exec $r');
  });

  it('is another one in every turn of a loop', () => {
    const outputs = own('qr-1', 12, '10.0.0.1') + own('tap2', 13, '10.0.0.2');
    for (const command of [
      "for ns in $(ip netns | cut -d' ' -f1); do ip netns exec $ns ip a; done",
      'for ns in `ip netns`\n> do\n>   ip netns exec $ns ip a\n> done',
      'ip netns | while read ns x; do sudo ip -n $ns a; done',
    ]) {
      const text = `root@n:~# ${command}\n${outputs}root@n:~# ip r\ndefault via 10.9.0.1 dev eth9\n`;
      const first = command.split('\n').length + 1;
      assert.deepEqual(
        places(text),
        [
          ['ip-address', 'n', `$ns (n.txt:${first})`],
          ['ip-address', 'n', `$ns (n.txt:${first + 4})`],
          ['ip-route', 'n', undefined],
        ],
        command,
      );
      assert.deepEqual([...(networkOf(text).hosts.get('n')?.namespaces.get('')?.devices.keys() ?? [])], [], command);
    }
  });

  it('is what the loop says before each output', () => {
    for (const [said, line] of [
      ['echo $ns', 'qrouter-1'],
      ['echo "=== $ns ==="', '=== qrouter-1 ==='],
      ['echo -e "\\n** ${ns}:"', '** qrouter-1:'],
    ] as const)
      assert.deepEqual(
        places(
          `root@n:~# for ns in $(ip netns); do ${said}; ip netns exec $ns ip r; done\n${line}\ndefault via 10.0.0.1 dev qg-1\n${line.replace('qrouter-1', 'qdhcp-1')}\ndefault via 10.1.0.1 dev tap1\n`,
        ),
        [
          ['ip-route', 'n', 'qrouter-1'],
          ['ip-route', 'n', 'qdhcp-1'],
        ],
        said,
      );
    assert.deepEqual(
      places(
        'root@n:~# for h in n1 n2; do echo $h; ssh $h ip r; done\nn1\ndefault via 10.0.0.1 dev eth0\nn2\ndefault via 10.0.0.2 dev eth0\n',
      ),
      [
        ['ip-route', 'n1', undefined],
        ['ip-route', 'n2', undefined],
      ],
    );
  });

  it('is a process as well', () => {
    const lo = '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n';
    assert.deepEqual(
      places(
        `root@n:~# nsenter -t $PID -n ip link\n${lo}root@n:~# for p in $(pidof app); do nsenter -t $p -n ip link; done\n${lo}${lo}`,
      ),
      [
        ['ip-link', 'n', 'pid $PID (n.txt:2)'],
        ['ip-link', 'n', 'pid $p (n.txt:4)'],
        ['ip-link', 'n', 'pid $p (n.txt:5)'],
      ],
    );
  });

  it('is nothing that is known whole where the turns of a loop do not show', () => {
    const text = `root@n:~# ip netns | awk '{print $1}' | xargs -I{} ip netns exec {} ip neigh
10.0.0.1 dev qg-1 lladdr 02:00:00:00:00:01 STALE
10.1.0.1 dev tap1 lladdr 02:00:00:00:00:02 STALE
`;
    assert.deepEqual(places(text), [['ip-neighbour', 'n', '{} (n.txt:2)']]);
    assert.equal(read(text).captures[0]?.elided, true);
  });
});

describe('a shell of another place', () => {
  const LINK = '3: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default\n';

  it('may show a prompt that the one before did not', () => {
    assert.deepEqual(
      places(
        `$ nsenter --net=/var/run/netns/hdls bash\n[root@node-3 ~]# ip l\n${LINK}[root@node-3 ~]# ip r\ndefault via 10.0.0.1 dev eth0\n$ ip l\n${LINK}`,
      ),
      [
        ['ip-link', 'node-3', 'hdls'],
        ['ip-route', 'node-3', 'hdls'],
        ['ip-link', undefined, undefined],
      ],
    );
    assert.deepEqual(places(`[root@a ~]# ip netns exec blue bash\n[root@a ~]# ip l\n${LINK}[root@b ~]# ip l\n${LINK}`), [
      ['ip-link', 'a', 'blue'],
      ['ip-link', 'b', undefined],
    ]);
  });

  it('is named above each output by containerlab', () => {
    const device = '6: dummy-mgmt0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN group default qlen 1000\n';
    assert.deepEqual(
      places(
        `INFO[0000] clab-srl02-srl1: stdout:\n${device}INFO[0000] Executed command 'ip -4 a show dummy-mgmt0' on clab-srl02-srl2. stdout:\n${device}INFO[0000] Executed command "ip -4 addr show dummy-mgmt0" on the node "srl". stdout:\n${device}`,
      ),
      [
        ['ip-link', 'clab-srl02-srl1', undefined],
        ['ip-link', 'clab-srl02-srl2', undefined],
        ['ip-link', 'srl', undefined],
      ],
    );
  });

  it('may be reached by a script of the author, whose words are all that is known of it', () => {
    const arp = `Address               HWtype  HWaddress           Flags Mask            Iface
10.1.1.1              ether   3e:74:f2:60:ab:9b   C                     eth0
`;
    assert.deepEqual(places(`(NODE1) $ nsenter-ctn pod1 -n arp -n\n${arp}`), [['arp', 'NODE1', 'nsenter-ctn pod1 -n']]);
    assert.deepEqual(places(`$ man arp\n${arp}`), [['arp', undefined, undefined]]);
    assert.deepEqual(places(`$ some-tool --list\n${arp}`), [['arp', undefined, undefined]]);
  });
});

describe('a rule behind a sign of a remark', () => {
  it('keeps the condition that is its own', () => {
    const matches = (rest: string) =>
      factsOf(
        `$ iptables -L -n\nChain KUBE-FIREWALL (2 references)\ntarget     prot opt source               destination\nDROP       all  --  0.0.0.0/0            0.0.0.0/0      ${rest}\n`,
        'nf-rule',
      ).map((rule) => rule.matches.map(({ kind }) => kind));
    assert.deepEqual(matches('# /* drop marked packets */ mark match 0x8000/0x8000'), [['other']]);
    assert.deepEqual(matches('# mark match 0x8000/0x8000'), [['other']]);
    assert.deepEqual(matches('# everything else is dropped'), [[]]);
  });
});

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

describe('outputs that somebody set anew', () => {
  it('stand behind # as remarks to commands', () => {
    const text = `# Attach both ends
ip link set veth0 master br0

# ip a
# 12: veth0@if11: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue master br0 state DOWN group default qlen 1000
#     link/ether 22:6f:fc:57:41:a9 brd ff:ff:ff:ff:ff:ff link-netns netns0
# 15: br0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN group default qlen 1000
#     inet 10.0.0.1/24 scope global br0
ip link set br0 up
sudo crictl pods
#POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT
#eb8850de97b0c       15 minutes ago      Ready               busybox-sandbox     default             1
sudo crictl stopp eb8
`;
    assert.deepEqual(places(text), [
      ['ip-address', undefined, undefined],
      ['crictl-pods', undefined, undefined],
    ]);
    assert.deepEqual(
      factsOf(text, 'link').map(({ name, master, mac }) => [name.value, master?.value, mac?.value]),
      [
        ['veth0', 'br0', '22:6f:fc:57:41:a9'],
        ['br0', undefined, undefined],
      ],
    );
    assert.deepEqual(
      factsOf(text, 'address').map(({ ip }) => ip.value),
      ['10.0.0.1'],
    );
    assert.deepEqual(
      factsOf(text, 'runtime-object').map(({ name }) => name.value),
      ['busybox-sandbox'],
    );
    // Prompts are no such remarks.
    assert.deepEqual(places('# ip r\n# ip a\n# ip neigh\n10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE\n'), [
      ['ip-route', undefined, undefined],
      ['ip-address', undefined, undefined],
      ['ip-neighbour', undefined, undefined],
    ]);
  });

  it('break the line of a device before its master', () => {
    const text = `15: veth-a@veth-b: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue
    master br0 state UP mode DEFAULT group default qlen 1000
    link/ether 1a:0a:54:9c:89:6a brd ff:ff:ff:ff:ff:ff
`;
    assert.deepEqual(
      factsOf(text, 'link').map(({ master, state, mac }) => [master?.value, state?.value, mac?.value]),
      [['br0', 'UP', '1a:0a:54:9c:89:6a']],
    );
  });

  it('are shortened, or stand without their command', () => {
    assert.deepEqual(places('$ ip route get 10.50.0.1\n  10.50.0.1 via 192.168.122.1 dev enp1s0\n'), [
      ['ip-route-get', undefined, undefined],
    ]);
    assert.deepEqual(
      factsOf(
        'traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 46 byte packets\n 1  gw(172.18.0.1)  0.009 ms  0.009 ms  0.008 ms\n 2  ...\n 9  8.8.8.8  1.2 ms\n',
        'traceroute',
      ).map(({ hops, reached }) => [hops.map(({ ttl, ips }) => [ttl.value, ...ips.map(({ value }) => value)]), reached]),
      [
        [
          [
            [1, '172.18.0.1'],
            [9, '8.8.8.8'],
          ],
          true,
        ],
      ],
    );
    assert.deepEqual(
      factsOf(
        '13:38:52.988279 eth0  In  ifindex 19 02:42:df:4d:b6:d2 ethertype IPv4 (0x0800), length 80: 172.19.0.1.36363 > 172.19.0.3.30950: Flags [S], seq 1, win 64240, length 0\n',
        'packet-seen',
      ).map(({ dev, direction, src, dport }) => [dev?.value, direction, src?.value, dport?.value]),
      [['eth0', 'in', '172.19.0.1', 30950]],
    );
    assert.deepEqual(
      places(
        '# brctl show br-mgmt\nbridge name bridge id          STP enabled  interfaces\nbr-mgmt     8000.abcdef12345   no           eth1\n',
      ),
      [['brctl-show', undefined, undefined]],
    );
    assert.deepEqual(places('[fedora@vm ~]arp -a\n_gateway (169.254.1.1) at 0a:58:a9:fe:01:01 [ether] on eth0\n'), [
      ['arp', 'vm', undefined],
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

/** Kind, namespace, host, records and troubles of each capture. */
const captures = (text: string) =>
  read(text).captures.map(({ kind, host, namespace, records, errors }) => [kind, host, namespace, records, errors.length]);

const ROUTES = 'default via 172.17.0.1 dev eth0\n172.17.0.0/16 dev eth0 scope link  src 172.17.0.2\n';

describe('shells inside containers and namespaces', () => {
  it('answer for the container until they are left', () => {
    for (const [enter, prompt, leave] of [
      ['root@node1:~# docker exec -it web sh', '/ #', 'root@node1:~#'],
      ['root@node1:~# docker exec -ti web /bin/bash', 'root@0123456789ab:/#', 'root@node1:~#'],
      ['root@node1:~# kubectl exec -it web -- bash', 'root@web:/#', 'root@node1:~#'],
      ['root@node1:~# docker attach web', '/ #', 'root@node1:~#'],
      ['root@node1:~# docker run -it --name web busybox', '~ $', 'root@node1:~#'],
      ['[root@node1 ~]# ip netns exec web bash', '[root@node1 ~]#', '[root@node1 ~]# exit\n[root@node1 ~]#'],
      ['[root@node1 ~]# nsenter --net=/run/netns/web', '[root@node1 ~]#', 'exit\n[root@node1 ~]#'],
    ] as const)
      assert.deepEqual(
        captures(`${enter}\n${prompt} ip route\n${ROUTES}${prompt} \n${leave} ip r\n${ROUTES}`),
        [
          ['ip-route', 'node1', 'web', 2, 0],
          ['ip-route', 'node1', undefined, 2, 0],
        ],
        enter,
      );
  });

  it('are no reason to take another machine for the container', () => {
    assert.deepEqual(captures(`root@node1:~# docker exec -it web sh\n\nroot@node2:~# ip r\n${ROUTES}`), [
      ['ip-route', 'node2', undefined, 2, 0],
    ]);
    assert.deepEqual(captures(`# docker run -it --net=host --name web busybox sh\n/ # ip r\n${ROUTES}`)[0]?.[2], undefined);
  });
});

describe('a command that ran in every namespace', () => {
  it('has an output for each', () => {
    for (const all of ['-a', '-all', '--all'])
      assert.deepEqual(
        captures(
          `root@h:~# ip ${all} netns exec ip route\n\nnetns: ns2\n${ROUTES}\nnetns: ns1\ndefault via 10.0.0.1 dev eth1\nroot@h:~# ip r\n${ROUTES}`,
        ),
        [
          ['ip-route', 'h', 'ns2', 2, 0],
          ['ip-route', 'h', 'ns1', 1, 0],
          ['ip-route', 'h', undefined, 2, 0],
        ],
      );
  });
});

describe('what stands around captures in the source of a page', () => {
  it('ends and begins them', () => {
    for (const [before, behind] of [
      ['<pre><code>', '</code></pre>'],
      ['<pre>\n', '\n</pre>\n</li>'],
      ['{% highlight bash %}\n', '\n{% endhighlight %}'],
      ['{code:none}\n', '\n{code}'],
      ['[code]\n', '\n[/code]'],
      ['', '\n---'],
    ] as const) {
      const text = `${before}$ ip route\n${ROUTES.trimEnd()}${behind}\n如上所述，默认路由经过 eth0。\n`;
      assert.deepEqual(captures(text), [['ip-route', undefined, undefined, 2, 0]], before);
    }
  });

  it('is told from outputs in any script', () => {
    for (const prose of [
      '我们看到标准的部署在 compute node 上的 OVS，拥有两个网桥。',
      'Kết quả cấu hình thành công gắn NIC eth1 vào switch ảo br1 sẽ hiển thị như đoạn mã trên.',
      'ここでは eth0 から出ていくパケットのルーティングを確認します。',
      'Здесь видно, что маршрут по умолчанию проходит через eth0.',
    ])
      assert.deepEqual(captures(`# ip route\n${ROUTES}${prose}\n`), [['ip-route', undefined, undefined, 2, 0]], prose);
  });

  it('may be dots that stand for lines', () => {
    const [capture] = read(`# ip route\n${ROUTES}.\n.\n.\n10.0.0.0/8 via 172.17.0.9 dev eth0\n`).captures;
    assert.deepEqual([capture?.records, capture?.errors.length, capture?.elided], [3, 0, true]);
  });
});

describe('forms of ping, ip and sysctl', () => {
  it('name an address beside the name that it resolves to', () => {
    const [fact] = read(
      'PATTERN: 0xabcd\nPING www.cnn.com(edge.example (2a04:4e42::323)) 1400 data bytes\n[1594978345.609669] 1408 bytes from edge.example (2a04:4e42::323): icmp_seq=1 ttl=59 time=32.4 ms\n',
    ).captures.flatMap((capture) => capture.facts);
    assert.ok(fact?.kind === 'ping');
    assert.deepEqual([fact.target.value, fact.replies], ['2a04:4e42::323', 1]);
  });

  it('show devices without their numbers', () => {
    const [capture] = read(
      'vyos@vyos:~$ show interfaces ethernet eth0\neth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP group default qlen 1000\n    link/ether 00:50:44:00:f5:c9 brd ff:ff:ff:ff:ff:ff\n    inet6 fe80::250:44ff:fe00:f5c9/64 scope link\n       valid_lft forever preferred_lft forever\n',
    ).captures;
    assert.deepEqual([capture?.kind, capture?.records, capture?.errors.length], ['ip-address', 4, 0]);
    assert.deepEqual(
      capture?.facts.map((fact) => (fact.kind === 'link' ? [fact.name.value, fact.index, fact.mac?.value] : fact.kind)),
      [['eth0', undefined, '00:50:44:00:f5:c9'], 'address'],
    );
  });

  it('show devices whose flags somebody left out', () => {
    const [link] = read(
      '$ ip a\n31: cilium_host@cilium_net: <...> mtu 9001 ... qlen 1000\n    inet 10.5.2.191/32 scope link cilium_host\n',
    ).captures.flatMap(({ facts }) => facts);
    assert.ok(link?.kind === 'link');
    assert.deepEqual([link.name.value, link.peer?.value, link.flags, link.mtu?.value], ['cilium_host', 'cilium_net', [], 9001]);
  });

  it('have details that a terminal cut in a word', () => {
    const [capture] = read(
      '$ ip -d link\n7: ens1f1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000\n    link/ether b4:96:91:e5:c8:a9 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 9702 addrgenmode none numtxqueues 112 n\numrxqueues 112 gso_max_size 65536 gso_max_segs 65535\n    prog/xdpdrv id 7400 tag 8234567acde1892 jited\n',
    ).captures;
    assert.deepEqual([capture?.records, capture?.errors.length], [3, 0]);
  });

  it('take no label of MPLS for an address', () => {
    const [capture] = read('$ ip -M ro\n17 via inet6 2001:db8:3::2 dev eth2  proto zebra\n').captures;
    assert.deepEqual(capture?.facts, []);
  });

  it('begin with routes of any table and type', () => {
    for (const first of [
      'throw 30.142.64.0/26  table red_mgmt',
      'default via 30.142.64.1 dev bond0.400  table red_mgmt',
      'broadcast 127.0.0.0 dev lo proto kernel scope link src 127.0.0.1',
      'local 10.0.0.1 dev eth0 table local proto kernel scope host src 10.0.0.1',
    ])
      assert.deepEqual(captures(`${first}\n30.0.0.0/8 dev eth1 proto kernel scope link src 30.0.0.1\n`), [
        ['ip-route', undefined, undefined, 2, 0],
      ]);
  });

  it('have values that begin like a remark', () => {
    const [capture] = read(
      '$ sysctl -a\nkernel.version = #1 SMP Mon Sep 30 14:19:46 UTC 2019\nnet.ipv4.ip_forward = 1  # as it should be\n',
    ).captures;
    assert.deepEqual(
      capture?.facts.map((fact) => (fact.kind === 'sysctl' ? fact.value.value : '')),
      ['#1 SMP Mon Sep 30 14:19:46 UTC 2019', '1'],
    );
  });

  it('tell of neighbours that failed, whatever else is known', () => {
    const [capture] = read(
      '$ ip neigh show dev docker0\n172.17.0.18 FAILED\n172.17.0.19 lladdr 02:42:ac:11:00:13 use REACHABLE\n',
    ).captures;
    assert.deepEqual(
      capture?.facts.map((fact) => (fact.kind === 'neighbour' ? [fact.dev.value, fact.state?.value] : [])),
      [
        ['docker0', 'FAILED'],
        ['docker0', 'REACHABLE'],
      ],
    );
  });
});

describe('what a narrow page broke', () => {
  it('are flows in several places', () => {
    const [capture] = read(
      '# ovs-ofctl dump-flows br-tun\ncookie=0x0, duration=173615.481s, table=0, n_packets=7676140,\nn_bytes=444818637, idle_age=0, hard_age=65534, priority=3,\nin_port=1,dl_vlan=2113 actions=mod_vlan_vid:7,NORMAL\ncookie=0x0, duration=380575.724s, table=2, n_packets=1800,\nn_bytes=286104, priority=1,tun_id=0x3\nactions=mod_vlan_vid:1,resubmit(,10)\n cookie=0x0, duration=193729.242s, table=21, n_packets=58761,\nn_bytes=2618498, dl_vlan=1 actions=strip_vlan,set_tunnel:0x3,\noutput:4,output:58,output:56,output:11,output:12,output:47,\noutput:52,output:51,output:50,output:55,output:33\n cookie=0x0, duration=5s, table=22, n_packets=1, n_bytes=2, priority=9,in_port=1 actio\nns=NORMAL\n',
    ).captures;
    assert.deepEqual(
      [capture?.errors.length, ...Array.from({ length: capture?.flows.count ?? 0 }, (_, n) => capture?.flows.priorityOf(n))],
      [0, 3, 1, 32768, 9],
    );
    assert.equal(capture?.flows.flow(2).actions.length, 13);
  });

  it('are the words of ovs-ofctl show and the headers of devices', () => {
    const [ports, links] = read(
      '# ovs-ofctl show br-int\nOFPT_FEATURES_REPLY (xid=0x2): dpid:000022bc45e1914b\nn_tables:254, n_buffers:256\ncapabilities: FLOW_STATS TABLE_STATS PORT_STATS QUEUE_STATS\nARP_MATCH_IP\nactions: OUTPUT SET_VLAN_VID SET_VLAN_PCP STRIP_VLAN SET_DL_SRC\nSET_DL_DST SET_NW_SRC SET_NW_DST SET_NW_TOS SET_TP_SRC\nSET_TP_DST ENQUEUE\n 1(int-br-eth1): addr:c2:72:74:7f:86:08\n\n$ ip a | grep state\n3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast\n     master br100 state UP qlen 1000\n4: virbr0: <NO-CARRIER,BROADCAST> mtu 1500 qdisc noqueue state DOWN\n',
    ).captures;
    assert.deepEqual([ports?.errors.length, ports?.facts.length], [0, 1]);
    assert.deepEqual(
      [
        links?.errors.length,
        links?.facts.map((fact) => (fact.kind === 'link' ? [fact.master?.value, fact.state?.value] : fact.kind)),
      ],
      [
        0,
        [
          ['br100', 'UP'],
          [undefined, 'DOWN'],
        ],
      ],
    );
  });
});

describe('parts of JSON', () => {
  it('tell whose an address is', () => {
    const owners = (text: string) =>
      read(text).captures.map(({ facts, errors }) => [
        errors.length,
        ...facts.map((fact) => (fact.kind === 'address-owner' ? [fact.name.value, fact.ip.value, fact.mac?.value] : fact.kind)),
      ]);
    const inner =
      '        "Containers": {\n            "846af8479944": {\n                "Name": "web",\n                "MacAddress": "02:42:ac:11:00:02",\n                "IPv4Address": "172.17.0.2/16",\n                "IPv6Address": ""\n            }\n';
    for (const end of ['        },\n<Snip>\n', '        },\n    }\n]\n', '', '        },\n        "Options": {\n'])
      assert.deepEqual(owners(`$ docker network inspect bridge\n<Snip>\n${inner}${end}`), [
        [0, ['web', '172.17.0.2', '02:42:ac:11:00:02']],
      ]);
    assert.deepEqual(
      owners(
        '$ docker inspect web | grep IPAddress\n            "SecondaryIPAddresses": null,\n            "IPAddress": "172.17.0.2",\n                    "IPAddress": "172.17.0.2",\n',
      ),
      [[0, ['web', '172.17.0.2', undefined]]],
    );
  });
});

describe('flows that somebody put into a text', () => {
  const flows = (text: string) =>
    read(text).captures.map(({ kind, flows: store, errors }) => [
      kind,
      errors.length,
      ...Array.from({ length: store.count }, (_, n) => store.priorityOf(n)),
    ]);

  it('may be the items of a list', () => {
    for (const mark of ['1. ', '  2) ', '(3) ', '* ', '- '])
      assert.deepEqual(
        flows(
          `The table:\n\n${mark}table=PipelineRootClassifier, priority=200,arp actions=goto_table:1\n${mark}cookie=0x1, duration=1s, table=0, n_packets=0, n_bytes=0, priority=7 actions=NORMAL\n`,
        ),
        [['ovs-ofctl-dump-flows', 0, 200, 7]],
        mark,
      );
  });

  it('may be cut into lines before the first of them ends', () => {
    assert.deepEqual(
      flows(
        '   cookie=0x6900000, duration=938.9s, table=252, n_packets=0, n_bytes=0, priority=62020,\n           ct_state=+inv+trk actions=drop\n\n   cookie=0x6900000, duration=938.9s, table=252, n_packets=0, n_bytes=0, priority=50,\n           ct_state=+new+trk actions=drop\n',
      ),
      [['ovs-ofctl-dump-flows', 0, 62020, 50]],
    );
  });
});

describe('JSON that was cut', () => {
  it('says what it says up to the cut', () => {
    const [capture] = read(
      '$ docker network inspect bridge\n[\n    {\n        "Name": "bridge",\n        "Containers": {\n            "846af8479944": {\n                "Name": "web",\n                "IPv4Address": "172.17.0.2/16",\n                "IPv6Address":\n',
    ).captures;
    assert.deepEqual(
      [capture?.errors.map(({ code }) => code), capture?.facts.map(({ kind }) => kind)],
      [['cut-off'], ['address-owner']],
    );
  });
});

describe('records that were broken by hand', () => {
  it('go on behind a backslash', () => {
    for (const text of [
      '# cat /proc/net/nf_conntrack\ntcp      6 117 SYN_SENT src=192.168.1.5 dst=192.168.1.35 sport=1031 \\\n     dport=23 [UNREPLIED] src=192.168.1.35 dst=192.168.1.5 sport=23 \\\n     dport=1031 use=1\n',
      '# ovs-appctl dpctl/dump-conntrack\ntcp,orig=(src=192.168.0.2,dst=10.0.0.2,sport=1024,dport=2048), \\\n     reply=(src=10.0.0.2,dst=192.168.0.2,sport=2048,dport=1024), \\\n          protoinfo=(state=ESTABLISHED)\n',
    ])
      assert.deepEqual(
        read(text).captures.map(({ facts, errors }) => [errors.length, facts.map(({ kind }) => kind)]),
        [[0, ['conntrack-entry']]],
      );
  });
});

describe('rules as people write them', () => {
  it('of nft go on behind a backslash', () => {
    const [capture] = read(
      'table ip antrea {\n    chain forward {\n        type filter hook forward priority filter; policy accept;\n\n        iif "antrea-gw0" ip saddr 10.244.2.0/24 \\\n            counter packets 0 bytes 0 \\\n            comment "to the others"\n        iif "eth0" drop\n    }\n}\n',
    ).captures;
    assert.deepEqual(
      capture?.facts.map((fact) =>
        fact.kind === 'nf-rule' ? [fact.number, fact.matches.map(({ kind }) => kind), fact.target?.value] : fact.kind,
      ),
      ['nf-chain', [1, ['in-interface', 'source'], undefined], [2, ['in-interface'], 'DROP']],
    );
    assert.equal(capture.errors.length, 0);
  });

  it('name services that are known by several names', () => {
    const [capture] = read(
      '# iptables -L\nChain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\nACCEPT     udp  --  anywhere             anywhere             udp dpt:ipp\nACCEPT     tcp  --  anywhere             anywhere             tcp spt:x11 dpts:sip:x11\n',
    ).captures;
    assert.deepEqual(
      capture?.facts.flatMap((fact) =>
        fact.kind === 'nf-rule' ? fact.matches.flatMap((match) => ('ranges' in match ? [match.ranges.value] : [])) : [],
      ),
      [[[631, 631]], [[6000, 6000]], [[5060, 6000]]],
    );
  });
});

describe('a part of a table', () => {
  it('is told to be of nat by the names of its chains', () => {
    const row = (target: string) => `    0     0 ${target}  all  --  *      *       0.0.0.0/0            10.0.0.252\n`;
    for (const [chain, target, table] of [
      ['KUBE-SERVICES', 'KUBE-SVC-GKN7Y2BSGW4NJTYL', 'nat'],
      ['KUBE-SEP-7ROBBXFV7SD4AIRW', 'KUBE-MARK-MASQ', 'nat'],
      ['KUBE-SERVICES', 'REJECT', 'filter'],
      ['PREROUTING', 'ISTIO_INBOUND', 'nat'],
    ] as const) {
      const [capture] = read(
        `Chain ${chain} (2 references)\n pkts bytes target     prot opt in     out     source               destination\n${row(target)}`,
      ).captures;
      assert.deepEqual(
        capture?.facts.flatMap((fact) => (fact.kind === 'nf-rule' ? [fact.table] : [])),
        [table],
        `${chain} ${target}`,
      );
    }
  });
});

describe('a save of which somebody cut lines', () => {
  it('goes on in the table that its rules can only be of, where the cut took its name away', () => {
    const tables = (text: string) =>
      read(text).captures.flatMap(({ facts }) =>
        facts.flatMap((fact) =>
          fact.kind === 'nf-rule'
            ? [`${fact.table} ${fact.chain} ${fact.number}`]
            : fact.kind === 'nf-chain'
              ? [`${fact.table} ${fact.name.value}`]
              : [],
        ),
      );
    assert.deepEqual(
      tables(`# iptables-save
*mangle
:PREROUTING ACCEPT [1:2]
:FORWARD ACCEPT [0:0]
-A FORWARD -j MINE
...
:OURS - [0:0]
...
-A POSTROUTING -j OURS
-A OURS -o eth0 -j SNAT --to-source 10.0.0.1
COMMIT
*filter
:INPUT ACCEPT [0:0]
...
-A INPUT -j DROP
COMMIT
`),
      [
        'mangle PREROUTING',
        'mangle FORWARD',
        'mangle FORWARD 1',
        'nat OURS',
        'nat POSTROUTING 1',
        'nat OURS 1',
        'filter INPUT',
        'filter INPUT 1',
      ],
    );
  });
});

describe('settings of other programs', () => {
  it('that look like a switch’s are none of it', () => {
    assert.deepEqual(captures('Port 22\n#Port 22\nListenAddress 10.0.0.1\nProtocol 2\nPort 22\n'), []);
    assert.deepEqual(captures('# sysctl settings are defined through files in\n# /usr/lib/sysctl.d/\nkey=value\n'), []);
  });
});

describe('what web pages and other programs add', () => {
  it('may be blanks of other kinds', () => {
    const text =
      '# ovs-vsctl show\n\u00a0\u00a0\u00a0\u00a0Bridge br0\n\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0Port\u3000vnet0\n            tag: 7\n';
    const document = read(text);
    const [capture] = document.captures;
    assert.deepEqual([capture?.records, capture?.errors.length], [3, 0]);
    const port = capture?.facts.find((fact) => fact.kind === 'ovs-port');
    assert.ok(port?.kind === 'ovs-port');
    assert.deepEqual([port.name.value, port.tag?.value], ['vnet0', 7]);
    assert.equal(text.slice(port.name.span.start, port.name.span.end), 'vnet0');
  });

  it('may be the blocks of AsciiDoc', () => {
    const table =
      '+-------+--------------------------------------+\n| Field | Value                                |\n+-------+--------------------------------------+\n| id    | d7acbd7b-8a1b-44ff-a92f-291fac96b4ca |\n| name  | r1                                   |\n+-------+--------------------------------------+\n';
    const block = `[source]\n----\n$ neutron router-show r1\n${table}----\n\n`;
    assert.deepEqual(
      read(block + block).captures.map(({ kind, errors }) => [kind, errors.length]),
      [
        ['neutron-router-show', 0],
        ['neutron-router-show', 0],
      ],
    );
  });

  it('may be definitions between the rules of nft', () => {
    const [capture, ...more] = read(
      'root@OpenWrt:~# fw4 print\ntable inet fw4\nflush table inet fw4\n\ntable inet fw4 {\n\t#\n\t# Defines\n\t#\n\n\tdefine lan_devices = { "br-lan" }\n\n\tinclude "/etc/nftables.d/*.nft"\n\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\n\t\tiif "lo" accept comment "!fw4: Accept traffic from loopback"\n\t}\n}\n',
    ).captures;
    assert.equal(more.length, 0);
    assert.deepEqual(
      [capture?.kind, capture?.host, capture?.errors.length, capture?.facts.map(({ kind }) => kind)],
      ['nft-list-ruleset', 'OpenWrt', 0, ['nf-chain', 'nf-rule']],
    );
  });
});

describe('colours of a terminal', () => {
  const E = String.fromCharCode(27);
  const red = (text: string) => `${E}[01;31m${E}[K${text}${E}[m${E}[K`;

  it('are no part of what a program said, and every value stands where it stands', () => {
    const text = `${E}]0;root@node1: ~${String.fromCharCode(7)}${E}[01;32mroot@node1${E}[00m:${E}[01;34m~${E}[00m# ip -c a\n2: ${E}[36meth0: ${E}[0m<BROADCAST,MULTICAST,UP> mtu 1500 qdisc fq state ${E}[32mUP ${E}[0mgroup default\n    inet ${E}[35m10.0.0.5${E}[0m/24 brd ${E}[35m10.0.0.255 ${E}[0mscope global eth0\n`;
    const [capture] = read(text).captures;
    assert.deepEqual([capture?.host, capture?.records, capture?.errors.length], ['node1', 2, 0]);
    const address = capture?.facts.find((fact) => fact.kind === 'address');
    assert.ok(address?.kind === 'address');
    assert.deepEqual([address.dev.value, address.ip.value, address.prefix.value], ['eth0', '10.0.0.5', 24]);
    assert.equal(text.slice(address.ip.span.start, address.ip.span.end), '10.0.0.5');
    assert.equal(text.slice(address.prefix.span.start, address.prefix.span.end), '24');
    assert.equal(text.slice(address.dev.span.start, address.dev.span.end), 'eth0');
  });

  it('may have lost their escape character on a page', () => {
    for (const name of [red('tap1'), red('tap1').replaceAll(E, ''), red('tap1').replaceAll(E, '^[')]) {
      const text = `# iptables-save | grep tap1\n-A F -m physdev --physdev-out ${name} --physdev-is-bridged -j sg\n`;
      const [rule] = read(text).captures.flatMap(({ facts }) => facts.filter((fact) => fact.kind === 'nf-rule'));
      const match = rule?.kind === 'nf-rule' ? rule.matches[0] : undefined;
      assert.ok(match?.kind === 'physdev-out');
      assert.equal(match.value.value, 'tap1');
      assert.equal(text.slice(match.value.span.start, match.value.span.end), 'tap1');
    }
  });

  it('are left out of flows too', () => {
    const text = `# ovs-ofctl dump-flows br0 --color=always\n ${E}[32mcookie${E}[0m=0x0, duration=3.2s, table=0, n_packets=7, n_bytes=610, ${E}[33mpriority${E}[0m=5 ${E}[31mactions${E}[0m=${E}[1mNORMAL${E}[0m\n`;
    const [capture] = read(text).captures;
    assert.deepEqual([capture?.flows.count, capture?.flows.priorityOf(0), capture?.errors.length], [1, 5, 0]);
  });
});

describe('prompts and tables as people write them', () => {
  it('name the host in further ways', () => {
    assert.deepEqual(
      ['root@node1:~  # ip r', '(node2) $ ip r', '(NODE1) # ip r', '(venv) $ ip r'].map(
        (line) => captures(`${line}\n${ROUTES}`)[0]?.[1],
      ),
      ['node1', 'node2', 'NODE1', undefined],
    );
    assert.deepEqual(captures(`~# ip r\n${ROUTES}~# \n~$ ip r\n${ROUTES}`).length, 2);
  });

  it('may have columns that are one blank apart', () => {
    const [capture] = read(
      '$ kubectl get pod -o wide | grep webapp\nwebapp-0    2/2     Running   1 (5d ago)    2m12s 10.5.41.204    node1    <none>  <none>\n',
    ).captures;
    assert.deepEqual(
      capture?.facts.map((fact) =>
        fact.kind === 'address-owner' ? [fact.name.value, fact.ip.value, fact.node?.value] : fact.kind,
      ),
      [['webapp-0', '10.5.41.204', 'node1']],
    );
  });
});

describe('texts of issues', () => {
  it('may have flows behind the head of a log, and lines in bold', () => {
    const [flows, ping] = read(
      'May 24 20:51:09 agw-lte ovs-vswitchd:  cookie=0x0, duration=183.8s, table=13, n_packets=1, n_bytes=98, priority=10,ip,nw_dst=192.168.128.12 actions=drop\n\n**root@PC:/# ping 192.168.0.123 (Note: Host Win10)**\n**PING 192.168.0.123 (192.168.0.123) 56(84) bytes of data.**\n**From 192.168.0.254 icmp_seq=1 Destination Host Unreachable\nFrom 192.168.0.254 icmp_seq=2 Destination Host Unreachable**\n',
    ).captures;
    assert.deepEqual([flows?.flows.count, flows?.flows.priorityOf(0), flows?.errors.length], [1, 10, 0]);
    assert.deepEqual([ping?.kind, ping?.host, ping?.records, ping?.errors.length], ['ping', 'PC', 3, 0]);
  });

  it('may show a part of ip6tables, of which only an empty column tells', () => {
    const list = (opt: string) =>
      read(
        `Chain forwarding_rule (1 references)\ntarget     prot opt source               destination\nACCEPT     all  ${opt}  anywhere             anywhere             mark match 0x10\n`,
      ).captures.map(({ kind }) => kind);
    assert.deepEqual(list('  '), ['ip6tables-list']);
    assert.deepEqual(list('--'), ['iptables-list']);
  });
});

describe('what pages and people leave of captures', () => {
  it('are devices whose flags a page took for markup', () => {
    const text = `root@h:~# ip a
1: lo: mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0@if3: mtu 1500 qdisc fq_codel state UP group default qlen 1000
    inet 10.0.2.15/24 brd 10.0.2.255 scope global eth0
`;
    const [capture] = read(text).captures;
    assert.deepEqual(capture?.errors, []);
    assert.deepEqual(
      capture?.facts.flatMap((fact) =>
        fact.kind === 'link' ? [[fact.name.value, fact.mtu?.value, fact.peerIndex?.value, fact.flags]] : [],
      ),
      [
        ['lo', 65536, undefined, []],
        ['eth0', 1500, 3, []],
      ],
    );
  });

  it('are neighbours and packets of old versions, and quiet ones', () => {
    const facts = (text: string) => read(text).captures.flatMap((capture) => [...capture.errors, ...capture.facts]);
    assert.deepEqual(
      facts('# ip neigh\n10.0.0.3 dev eth0  nud failed\n10.0.0.4 dev eth0 lladdr 00:11:22:33:44:55 nud reachable\n').map(
        (fact) => 'kind' in fact && fact.kind === 'neighbour' && [fact.mac?.value, fact.state?.value],
      ),
      [
        [undefined, 'FAILED'],
        ['00:11:22:33:44:55', 'REACHABLE'],
      ],
    );
    const macs = '00:00:00:00:00:01 > 00:00:00:00:00:02';
    assert.deepEqual(
      facts(
        `# tcpdump -nqe\n${macs}, IPv4, length 254: 10.0.0.1.22 > 10.0.0.2.39196: tcp 188\n${macs}, ARP, length 42: Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n^C16:13:26.139562 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 5, seq 1, length 64\n`,
      ).map((fact) => 'kind' in fact && fact.kind === 'packet-seen' && [fact.ethertype, fact.protocol, fact.sport?.value]),
      [
        ['ip', 'tcp', 22],
        ['arp', undefined, undefined],
        ['ip', 'icmp', undefined],
      ],
    );
  });

  it('are what somebody did next, which no capture holds', () => {
    assert.deepEqual(
      captures(
        'root@h:~# iptables -S\n-P INPUT ACCEPT\niptables -t nat -A PREROUTING -d 10.0.0.1 -j DNAT --to-destination 10.0.0.2\nping 127.0.0.1\nroot@h:~# docker exec -it web sh\n/ # ip r\ndefault via 172.17.0.1 dev eth0\n/ # exit\nroot@h:~# tcpdump -D\n1.eth0\n2.any\n',
      ),
      [
        ['iptables-rules', 'h', undefined, 1, 0],
        ['ip-route', 'h', 'web', 1, 0],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCommand } from '../../server/src/captures/command';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import type { Namespace } from '../../server/src/model/namespace';
import { walk } from '../../server/src/walk/walk';
import { networkOf } from './walk-fixture';
import { BETWEEN_NETWORKS } from './small-router';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

function factsOf<K extends Fact['kind']>(text: string, kind: K): Extract<Fact, { kind: K }>[] {
  return read(text).captures.flatMap((capture) =>
    capture.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind),
  );
}

/** What a text says of the machine that is called h. */
function machine(text: string): Namespace {
  const found = networkOf(text).hosts.get('h')?.namespaces.get('');
  assert.ok(found, text);
  return found;
}

describe('a command whose output is not there', () => {
  it('went into a file: nothing is known to be absent', () => {
    for (const command of ['ip r > routes.txt', 'ip r >routes.txt', 'ip r &> /tmp/r', 'ip r | grep -v docker > r', 'ip r >> r'])
      assert.equal(
        machine(`[root@h ~]# ${command}\n[root@h ~]# ip rule\n0:	from all lookup local\n`).routesKnown,
        'absent',
        command,
      );
    // Only its errors, or nothing at all, went elsewhere.
    for (const command of ['ip r', 'ip r 2>/dev/null', 'ip r 2> /dev/null', 'ip r 2>&1'])
      assert.equal(machine(`[root@h ~]# ${command}\n[root@h ~]# true\n`).routesKnown, 'whole', command);
    assert.equal(read('# iptables-save > /etc/iptables/rules.v4\n# true\n').captures.length, 0);
  });

  it('is told apart from one with a remark behind it', () => {
    assert.deepEqual(parseCommand('tcpdump -i eth0 # use ^C to stop it')?.argv, ['tcpdump', '-i', 'eth0']);
    assert.equal(parseCommand('ss -tn | grep 80   # the web server')?.filter, '| grep 80');
    assert.deepEqual(parseCommand("grep '# x' y")?.argv, ['grep', '# x', 'y']);
    const [capture] = read('$ sysctl -a\nnet.a.b = 1\n... # and more\nnet.a.c = 2\n').captures;
    assert.deepEqual([capture?.elided, capture?.records, capture?.errors], [true, 2, []]);
  });

  it('was counted or put into another form: what stands there is no part of it', () => {
    const [capture] = read('$ netstat -antp | grep SYN_RECV | wc -l\n102\n$ true\n').captures;
    assert.deepEqual([capture?.kind, capture?.elided, capture?.errors], ['netstat', true, []]);
    const [failed] = read("[root@h ~]# ip r | awk '{print $1}'\nip: command not found\n").captures;
    assert.deepEqual(
      failed?.errors.map(({ code }) => code),
      ['error-output'],
    );
    assert.equal(
      read('# cat /proc/net/stat/nf_conntrack\nentries  searched found\n000008e3  00000000 00000000\n').captures.length,
      0,
    );
  });
});

describe('what stands between and behind', () => {
  const one = (text: string) => {
    const document = read(text);
    assert.deepEqual(document.unclassified, [], text);
    return document.captures.map(({ kind, records, elided, host }) => [kind, records, elided, host]);
  };

  it('are remarks in brackets and behind arrows, and words behind dots', () => {
    assert.deepEqual(one('[root@h ~]# ip neigh show 10.0.0.1\n(still empty)\n'), [['ip-neighbour', 0, false, 'h']]);
    assert.deepEqual(one('[root@h ~]# ip r\ndefault via 10.0.0.1 dev eth0\n   └─ the way out\n10.0.0.0/24 dev eth0\n'), [
      ['ip-route', 2, false, 'h'],
    ]);
    assert.deepEqual(one('[root@h ~]# ip neigh\n... still STALE\n10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE\n'), [
      ['ip-neighbour', 1, true, 'h'],
    ]);
  });

  it('are remarks behind what traceroute prints', () => {
    const [route] = factsOf(
      '# traceroute -n 8.8.8.8\ntraceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 60 byte packets\n 1  10.0.0.1 (10.0.0.1)  0.3 ms\n 2  * * *                           (no answer - a filter)\n 3  8.8.8.8  1.0 ms\n',
      'traceroute',
    );
    assert.deepEqual(
      route?.hops.map(({ ips }) => ips.map(({ value }) => value)),
      [['10.0.0.1'], [], ['8.8.8.8']],
    );
  });

  it('are prompts of other shells, and other nodes', () => {
    const row = '10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE\n';
    for (const end of [
      '$ NAMESPACE=qdhcp-1',
      'UVP:/home/kong # ip netns exec qdhcp-1 ssh -i key.pem cirros@10.1.1.4',
      'mysql> select * from ports \\G;',
      '81b443eaa1bc:/# ',
      'EOF',
      'jo@pc [~]$ neutron port-list | grep x',
    ])
      assert.deepEqual(one(`[root@h ~]# ip neigh\n${row}${end}\nid: 7\n`).slice(0, 1), [['ip-neighbour', 1, false, 'h']], end);
    const nodes = (name: string) =>
      `INFO[0000] clab-lab-${name}: stdout:\n6: dummy0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN\n    inet 172.20.20.3/24 scope global dummy0\n`;
    assert.deepEqual(
      one(nodes('a') + nodes('b')).map(([kind]) => kind),
      ['ip-address', 'ip-address'],
    );
    assert.deepEqual(one('jo@pc [~]$ ip r\ndefault via 10.0.0.1 dev eth0\n'), [['ip-route', 1, false, 'pc']]);
  });

  it('is the rest of a command that somebody broke', () => {
    assert.deepEqual(
      one(
        '[root@h ~]# openstack server create --image cirros\n   --port p1 vm\n+-------+-------+\n| Field | Value |\n+-------+-------+\n| name  | vm    |\n+-------+-------+\n',
      ).map(([kind]) => kind),
      ['openstack-server-create'],
    );
  });

  it('is a heading, which only begins like a command', () => {
    const { captures } = read(
      'ping the gateway from srl2\n64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=1 ms\n$ ping 10.0.0.1\n64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=1 ms\n',
    );
    assert.deepEqual(
      captures.flatMap(({ command }) => (command === undefined ? [] : [command])),
      ['ping 10.0.0.1'],
    );
  });

  it('is what pages and other programs put there', () => {
    assert.deepEqual(read('# docker inspect to find out the ip of a container\n# 172.17.0.3\n').captures, []);
    assert.deepEqual(read('<Plugin "interface">\nInterface "lo"\nInterface "ens4"\nIgnoreSelected true\n').captures, []);
    assert.equal(read('Interface "tap1"\n    type: internal\n').captures[0]?.kind, 'ovs-vsctl-show');
    assert.deepEqual(
      one('# ip link show dev tap2\n7: tap2:  mtu 1500 qdisc pfifo_fast state UNKNOWN qlen 500\n').map(([, records]) => records),
      [1],
    );
    const [capture] = read('$ ovs-ofctl dump-flows br0\n priority=200,ip,nw\\_dst=10.0.0.0/16 actions=output:1\n').captures;
    assert.deepEqual([capture?.flows.count, capture?.errors], [1, []]);
    const text =
      '# tcpdump -A -i eth0\n10:00:00.000001 IP 10.0.0.1.1 > 10.0.0.2.80: Flags [P.], seq 1, length 9\nE..(R.@.|.....9...i.*...]...V..*P..OWp........\n10:00:00.000002 IP 10.0.0.2.80 > 10.0.0.1.1: Flags [.], ack 9, length 0\n';
    assert.deepEqual(one(text), [['tcpdump', 3, false, undefined]]);
    assert.equal(factsOf(text, 'packet-seen').length, 2);
  });

  it('is no half of an answer where there is none', () => {
    for (const command of [
      'openstack server list -f json',
      'openstack network show n -f yaml',
      'ip -j a',
      'bridge -j link',
      'docker network inspect n',
      'nft -j list ruleset',
    ])
      assert.deepEqual(
        read(`A title\n\n$ ${command}\n$ true\n`).captures.map(({ errors }) => errors),
        [[]],
        command,
      );
  });

  it('is nothing where a command behind a bare prompt may be one to type', () => {
    assert.deepEqual(
      one('$ ip route show\n$ ip neigh\n').map(([, , elided]) => elided),
      [true, true],
    );
    for (const prompt of ['[root@h ~]#', 'sh-4.4#', '~ #', '/ #'])
      assert.deepEqual(
        one(`${prompt} ip route show\n${prompt} ip neigh\n`).map(([, , elided]) => elided),
        [false, false],
        prompt,
      );
  });

  it('is not there where the command prints something whatever there is', () => {
    for (const command of [
      'ip rule',
      'ip a',
      'ip -br link show',
      'iptables -S',
      'iptables -nvL -t nat',
      'ss -ltn',
      'route -n',
      'brctl show',
    ])
      assert.deepEqual(
        one(`[root@h ~]# ${command}\n[root@h ~]# true\n`).map(([, , elided]) => elided),
        [true],
        command,
      );
    for (const command of [
      'ip -6 rule',
      'ip a show dev eth0',
      'ip link show type bridge',
      'iptables-save',
      'ss -Hltn',
      'arp -n',
      'ip netns',
    ])
      assert.deepEqual(
        one(`[root@h ~]# ${command}\n[root@h ~]# true\n`).map(([, , elided]) => elided),
        [false],
        command,
      );
  });
});

/** What a list of sockets prints above its rows, and without any. */
function titleOf(command: string): string {
  if (command.startsWith('ss ')) return 'Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n';
  return /^netstat .*-?l/.test(command)
    ? 'Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State\n'
    : '';
}

describe('what was not asked for', () => {
  it('is not known to be absent', () => {
    const asked = (command: string) =>
      machine(`[root@h ~]# ip rule\n0:	from all lookup local\n[root@h ~]# ${command}\n${titleOf(command)}[root@h ~]# true\n`);
    for (const [command, tcp, udp] of [
      ['ss -ltn', 'whole', 'absent'],
      ['ss -l', 'whole', 'whole'],
      ['netstat -tulpn', 'whole', 'whole'],
      ['ss -lw', 'absent', 'absent'],
      ['netstat -lx', 'absent', 'absent'],
      ['ss -ltx', 'whole', 'absent'],
      // A socket of IPv6 may take packets of IPv4.
      ['ss -4ltn', 'partial', 'absent'],
      ['netstat -ltn6', 'partial', 'absent'],
      ['netstat --inet -lt', 'partial', 'absent'],
    ] as const)
      assert.deepEqual({ ...asked(command).listenersKnown }, { tcp, udp }, command);
    assert.equal(asked('conntrack -L').connectionsKnown, 'whole');
    for (const command of ['conntrack -L dying', 'conntrack -L unconfirmed'])
      assert.equal(asked(command).connectionsKnown, 'partial', command);
    assert.equal(asked('nft list ruleset').nftKnown, 'whole');
    assert.equal(asked('nft list ruleset inet').nftKnown, 'partial');
    for (const command of ['route -C', 'netstat -rnC']) assert.equal(asked(command).routesKnown, 'absent', command);
  });
});

describe('the members of sets of nft', () => {
  const verdict = (command: string, elements = ''): string => {
    const namespace = machine(
      `${BETWEEN_NETWORKS}[root@h ~]# ${command}\ntable ip f {\n\tset s {\n\t\ttype ipv4_addr\n${elements}\t}\n\n\tchain fwd {\n\t\ttype filter hook forward priority 0; policy accept;\n\t\tip saddr @s drop\n\t}\n}\n[root@h ~]# true\n`,
    );
    const question = readQuestion('iif=eth0 src=10.0.0.3 dst=10.1.0.5 proto=tcp dport=80'.split(' '), namespace);
    assert.notEqual(typeof question, 'string');
    return typeof question === 'string' ? question : (netfilterTrace(namespace, [question])[0]?.verdict ?? '');
  };

  it('are none where none were printed, unless they were left out', () => {
    assert.equal(verdict('nft list ruleset'), 'forwarded');
    assert.equal(verdict('nft list ruleset', '\t\telements = { 10.0.0.3 }\n'), 'dropped');
    for (const command of ['nft -t list ruleset', 'nft -nt list ruleset', 'nft --terse list ruleset'])
      assert.equal(verdict(command), 'insufficient-info', command);
  });
});

describe('names instead of numbers', () => {
  const SOCKETS = `[root@h ~]# netstat -l
Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State
tcp        0      0 localhost:smtp          0.0.0.0:*               LISTEN
tcp6       0      0 localhost:smtp          [::]:*                  LISTEN
tcp        0      0 0.0.0.0:ssh             0.0.0.0:*               LISTEN
raw6       0      0 [::]:ipv6-icmp          [::]:*                  7
`;

  it('of sockets leave nothing certain but what they certainly mean', () => {
    const known = machine(SOCKETS);
    assert.deepEqual(
      known.listeners.map(({ ip, port }) => `${ip} ${port ?? ''}`),
      ['127.0.0.1 25', '::1 25', '0.0.0.0 22'],
    );
    assert.equal(known.listenersKnown.tcp, 'whole');
    for (const row of [
      'tcp        0      0 web-17.example.or:http 0.0.0.0:*               LISTEN',
      'tcp        0      0 10.0.0.1:zork           0.0.0.0:*               LISTEN',
    ]) {
      const open = machine(`${SOCKETS}${row}\n`);
      assert.equal(open.listeners.length, 3, row);
      assert.equal(open.listenersKnown.tcp, 'partial', row);
    }
    const connected = machine(
      '[root@h ~]# netstat -at\nProto Recv-Q Send-Q Local Address           Foreign Address         State\ntcp        0      0 h.example:ssh           10.0.0.7:58727          ESTABLISHED\n',
    );
    assert.deepEqual([connected.connectedSockets.length, connected.connectedKnown.tcp], [0, 'partial']);
    const [numbered] = machine(
      '[root@h ~]# netstat -at\nProto Recv-Q Send-Q Local Address           Foreign Address         State\ntcp        0      0 10.0.0.1:ssh            10.0.0.7:58727          ESTABLISHED\n',
    ).connectedSockets;
    assert.deepEqual([numbered?.port, numbered?.peerPort], [22, 58727]);
  });

  it('of programs end at the colon that they put behind themselves', () => {
    const [socket] = factsOf(
      'Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\ntcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      600/sshd: /usr/sbin\n',
      'listener',
    );
    assert.equal(socket?.process?.value, 'sshd');
  });

  it('of neighbours leave the table open', () => {
    const table = (row: string) =>
      machine(`[root@h ~]# arp\nAddress                  HWtype  HWaddress           Flags Mask            Iface\n${row}\n`);
    const named = table('gateway                  ether   00:50:56:f7:4a:fc   C                     ens33');
    assert.deepEqual([named.neighbours.length, named.neighboursKnown], [0, 'partial']);
    assert.equal(
      table('10.0.0.1                 ether   00:50:56:f7:4a:fc   C                     ens33').neighboursKnown,
      'whole',
    );
    for (const command of ['arp -n 10.0.0.1', 'arp -an -i eth0'])
      assert.equal(machine(`[root@h ~]# ${command}\n[root@h ~]# true\n`).neighboursKnown, 'partial', command);
  });

  it('of services are ports where tcpdump prints them behind an address', () => {
    const [there, back] = factsOf(
      '# tcpdump -i eth0\n10:37:54.957911 IP 10.18.100.6.33340 > 10.18.100.7.ssh: Flags [S], seq 2593635005, win 29200, length 0\n10:53:45.981241 IP 10.18.100.7.ssh > 10.18.100.6.33344: Flags [S.], seq 1, ack 2, win 28960, length 0\n',
      'packet-seen',
    );
    assert.deepEqual(
      [there, back].map((seen) => [seen?.src?.value, seen?.sport?.value, seen?.dst?.value, seen?.dport?.value]),
      [
        ['10.18.100.6', 33340, '10.18.100.7', 22],
        ['10.18.100.7', 22, '10.18.100.6', 33344],
      ],
    );
  });
});

describe('routes as net-tools prints them', () => {
  it('have their metric before the device where MSS stands behind it', () => {
    const [route] = factsOf(
      '# route -een\nKernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface    MSS   Window irtt\n0.0.0.0         192.168.71.2    0.0.0.0         UG    100    0        0 ens33    0     0      0\n',
      'route',
    );
    assert.deepEqual([route?.metric?.value, route?.dev?.value], [100, 'ens33']);
  });

  it('print addresses of IPv4 inside IPv6 without what stands before them', () => {
    const routes = factsOf(
      '# route -6n\nKernel IPv6 routing table\nDestination                    Next Hop                   Flag Met Ref Use If\n::/96                          ::                         !n   1024 0      0 lo\n0.0.0.0/96                     ::                         !n   1024 0      0 lo\n',
      'route',
    );
    assert.deepEqual(
      routes.map(({ dst }) => `${dst.value.ip}/${dst.value.prefix}`),
      ['::/96', '::ffff:0.0.0.0/96'],
    );
  });
});

describe('what tcpdump saw', () => {
  const seen = (rest: string) =>
    factsOf(`# tcpdump -ni eth0\n15:44:10.192949 IP 172.17.0.2.52748 > 172.17.0.3.80${rest}\n`, 'packet-seen')[0];

  it('is of UDP only where nothing else may have stood there', () => {
    assert.equal(seen(':    Flags [S], seq 294912250')?.protocol, 'tcp');
    assert.equal(seen(': ... HTTP: GET / HTTP/1.1')?.protocol, undefined);
    assert.equal(seen(': UDP, length 20')?.protocol, 'udp');
    const [old] = factsOf('bsd1# tcpdump -n\n14:17:09.737597 10.0.0.1 > 10.0.0.2: icmp: echo request\n', 'packet-seen');
    assert.deepEqual([old?.protocol, old?.what?.value], ['icmp', 'request']);
    assert.equal(seen('  : 12345+ A? example.org. (29)')?.protocol, 'udp');
  });

  it('is read where somebody cut its lines', () => {
    const packets = factsOf(
      '# tcpdump -en -r x\n15:38:52.862377 2e:ce:c1:bb:f4:d9 > 04:40:a9:dc:61:a4, ethertype IPv4 (0x0800), 10.6.1.196 > 10.6.1.194\n15:39:22.088589 2e:ce:c1:bb:f4:d9 > 04:40:a9:dc:61:a4, ethertype ARP (0x0806), Request who-has 10.6.1.194 tell 10.6.1.196\n10.21.0.7.34270 > 10.5.41.5.80: Flags [S], seq 597121430, ..\n',
      'packet-seen',
    );
    const [counted] = factsOf(
      '# tcpdump -#ni eth0\n    1  02:52:44.513700 IP 172.17.0.9.41038 > 93.184.216.34.80: Flags [S], seq 1, length 0\n',
      'packet-seen',
    );
    assert.deepEqual([counted?.time?.value, counted?.dport?.value], ['02:52:44.513700', 80]);
    assert.deepEqual(
      packets.map(({ src, dst, macSrc, protocol }) => [src?.value, dst?.value, macSrc?.value, protocol]),
      [
        ['10.6.1.196', '10.6.1.194', '2e:ce:c1:bb:f4:d9', undefined],
        ['10.6.1.196', '10.6.1.194', '2e:ce:c1:bb:f4:d9', undefined],
        ['10.21.0.7', '10.5.41.5', undefined, 'tcp'],
      ],
    );
  });

  const ROUTER = `[root@h ~]# ip a
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0
[root@h ~]# ip r
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
[root@h ~]# ip neigh
10.0.0.9 dev eth0 lladdr 02:00:00:00:00:09 REACHABLE
`;
  const told = (dump: string): string => {
    const result = walk(networkOf(`${ROUTER}${dump}`), { from: '10.0.0.1', to: '10.0.0.9', proto: 'icmp' });
    assert.equal(result.kind, 'walk');
    return JSON.stringify(result.kind === 'walk' ? result.request.steps : [], (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value instanceof Map ? undefined : value,
    );
  };
  const TAIL = '2 packets captured\n2 packets received by filter\n0 packets dropped by kernel\n[root@h ~]# true\n';

  it('says that no such packet was there only where each of the others is known to be another', () => {
    const other = '10:00:00.000001 IP 10.0.0.1 > 10.0.0.8: ICMP echo request, id 1, seq 1, length 64\n';
    assert.match(
      told(`[root@h ~]# tcpdump -ni eth0\n${other}10:00:00.000002 STP 802.1d, Config, Flags [none], length 35\n${TAIL}`),
      /saw no such packet/,
    );
    for (const packet of [
      '10:00:00.000002 IP one.example.org > two.example.org: ICMP echo request, id 1, seq 1, length 64\n',
      '10:00:00.000002 IP 10.0.0.1 > two.example.org: ICMP echo request, id 1, seq 1, length 64\n',
    ])
      assert.doesNotMatch(told(`[root@h ~]# tcpdump -i eth0\n${other}${packet}${TAIL}`), /saw no such packet/, packet);
    // It stopped by itself, or wrote to a file what it saw.
    for (const command of ['tcpdump -ni eth0 -c 2', 'tcpdump -ni eth0 -w x.pcap'])
      assert.doesNotMatch(told(`[root@h ~]# ${command}\n${other}${TAIL}`), /saw no such packet/, command);
  });
});

describe('what is told by its form alone', () => {
  it('are events of connections, the last of which says how one stands', () => {
    const event = (what: string, state: string, sport: number, more = '') =>
      `    [${what}] tcp      6 60 ${state} src=10.0.0.1 dst=10.0.0.2 sport=${sport} dport=80 ${more}src=10.0.0.2 dst=10.0.0.1 sport=80 dport=${sport}`;
    const lines = [
      event('NEW', 'SYN_SENT', 1, '[UNREPLIED] '),
      event('NEW', 'SYN_SENT', 2, '[UNREPLIED] '),
      event('UPDATE', 'SYN_RECV', 1),
      event('UPDATE', 'ESTABLISHED', 1),
      event('DESTROY', 'CLOSE', 2),
    ];
    // Enough of others between them that the output is read in parts.
    const others = Array.from({ length: 40 }, (_, n) => event('NEW', 'SYN_SENT', 100 + n));
    const entries = factsOf([...lines.slice(0, 2), ...others, ...lines.slice(2)].join('\n'), 'conntrack-entry');
    assert.deepEqual(
      entries.flatMap(({ original, state }) =>
        Number(original.sport?.value) < 100 ? [[original.sport?.value, state?.value]] : [],
      ),
      [[1, 'ESTABLISHED']],
    );
    assert.equal(entries.length, 41);
  });

  it('is no rule of ebtables what goes on behind a command of iptables', () => {
    for (const text of [
      '   -j DNAT --to-destination 10.0.0.1:80\n',
      '  -j REDIRECT --to-ports 8080\n',
      ' -p tcp -j SNAT --to-source 10.0.0.1\n',
    ])
      assert.deepEqual(read(text).captures, [], text);
    assert.equal(
      read('-p IPv4 --ip-dst 10.0.0.1 -j dnat --to-dst 02:00:00:00:00:01 --dnat-target ACCEPT\n').captures[0]?.kind,
      'ebtables-list',
    );
  });

  it('is no command what is a place on the web, or prints another table than the usual', () => {
    assert.deepEqual(read('# github.com/someone/arp v0.0.0-2022\n## explicit; go 1.12\n').captures, []);
    assert.equal(read('# /usr/sbin/arp -n\n10.0.0.1  ether  00:50:56:f7:4a:fc  C  eth0\n').captures[0]?.kind, 'arp');
    for (const format of [
      '-o=custom-columns=Name:.metadata.name,IPs:.status.podIPs',
      '-ojson',
      '-o=jsonpath={.items}',
      '-o go-template=x',
    ])
      assert.deepEqual(
        read(`$ kubectl get pods ${format}\nName  IPs\nweb   [map[ip:10.244.1.3]]\n`).captures.filter(
          ({ kind }) => kind === 'kubectl-get-pods',
        ),
        [],
        format,
      );
  });
});

describe('what is the same in several spellings', () => {
  it('is one address of IPv6 for references', () => {
    const [capture] = read(
      '# cat /proc/net/nf_conntrack\nipv6     10 tcp      6 29 SYN_SENT src=fd00:0000:0000:0000:0000:0000:0000:0001 dst=fd00:0000:0000:0000:0000:0000:0000:0002 sport=1 dport=2 [UNREPLIED] src=fd00:0000:0000:0000:0000:0000:0000:0002 dst=fd00:0000:0000:0000:0000:0000:0000:0001 sport=2 dport=1 mark=0 zone=0 use=2\n',
    ).captures;
    assert.deepEqual(
      capture?.refs.map(({ value }) => value),
      ['fd00::1', 'fd00::2', 'fd00::2', 'fd00::1'],
    );
  });
});

describe('devices', () => {
  it('carry the VLANs that bridge vlan show lists, not those of tunnels alone', () => {
    const rows = 'vx0      100     100\n         200     200\n';
    assert.deepEqual(factsOf(`# bridge vlan tunnelshow\nport    vlan-id tunnel-id\n${rows}`, 'bridge-vlan'), []);
    assert.deepEqual(factsOf(`port    vlan ids    tunnel ids\n${rows}`, 'bridge-vlan'), []);
    assert.equal(factsOf('# bridge vlan show\nport    vlan-id\nvx0      100\n         200\n', 'bridge-vlan').length, 2);
  });

  it('of which ethtool has nothing to say, or does not name its version', () => {
    for (const text of ['# ethtool dummy0\nSettings for dummy0:\nNo data available\n', '# ethtool -S lo\nno stats available\n']) {
      const [settings] = read(text).captures;
      assert.deepEqual([settings?.kind, settings?.lastLine, settings?.errors], ['ethtool', text.split('\n').length - 2, []]);
    }
    assert.equal(read('driver: virtio_net\nfirmware-version:\nbus-info: 0000:00:03.0\n').captures[0]?.kind, 'ethtool');
    assert.equal(
      read('ethtool version 6\nUsage:\nethtool DEVNAME Display standard information about device\n').captures.length,
      0,
    );
  });

  it('are not known to be in no bridge where the ends of their lines, or lines between them, were left out', () => {
    for (const text of [
      '# ip link\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 ...\n3: eth1: <BROADCAST,UP> mtu 1500 qdisc mq\n',
      '# ip link\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq\n--\n3: eth1: <BROADCAST,UP> mtu 1500 qdisc mq\n',
    ]) {
      const [capture] = read(text).captures;
      assert.deepEqual([capture?.elided, capture?.records, capture?.errors], [true, 2, []], text);
    }
  });

  it('have the broadcast address that ifconfig says', () => {
    const addresses = factsOf(
      '# ifconfig\neth2      Link encap:Ethernet  HWaddr 00:0c:29:57:a7:d0\n          inet addr:192.168.25.10  Bcast:192.168.25.40  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\ndocker0: flags=4099<UP,BROADCAST,MULTICAST>  mtu 1500\n        inet 172.17.0.1  netmask 255.255.0.0  broadcast 0.0.0.0\n\neth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet 10.0.0.7  netmask 255.255.255.0  broadcast 10.0.0.255\n',
      'address',
    );
    assert.deepEqual(
      addresses.map(({ broadcast }) => broadcast?.value),
      ['192.168.25.40', undefined, '10.0.0.255'],
    );
  });

  it('have settings that go on below', () => {
    const [link] = factsOf(
      '# ip -d link show br0\n9: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT\n    link/ether 02:42:bd:e4:7a:85 brd ff:ff:ff:ff:ff:ff promiscuity 0\n    bridge forward_delay 1500 hello_time 200 max_age 2000 ageing_time 30000 stp_state 0 priority 32768\n           vlan_filtering 1 vlan_protocol 802.1Q bridge_id 8000.2:42:bd:e4:7a:85\n',
      'link',
    );
    assert.equal(link?.settings?.['vlan_filtering']?.value, '1');
  });

  it('of a bridge are read on two lines', () => {
    const document = read(
      '# bridge link\n3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding\npriority 32 cost 100\n4: eth2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state blocking\npriority 32 cost 100\n',
    );
    assert.deepEqual(document.unclassified, []);
    assert.deepEqual(
      document.captures[0]?.facts.flatMap((fact) => (fact.kind === 'linux-bridge-port' ? [fact.state?.value] : [])),
      ['forwarding', 'blocking'],
    );
  });
});

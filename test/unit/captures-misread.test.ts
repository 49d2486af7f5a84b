import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arp } from '../../server/src/captures/arp';
import { parseCommand } from '../../server/src/captures/command';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';
import { iptablesRules } from '../../server/src/captures/iptables-rules';
import { tcpdump } from '../../server/src/captures/tcpdump';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { facts, parse, plain } from './linux-captures.harness';
import { walk } from '../../server/src/walk/walk';
import { networkOf } from './walk-fixture';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

function factsOf<K extends Fact['kind']>(document: CaptureDocument, kind: K): Extract<Fact, { kind: K }>[] {
  return document.captures.flatMap((capture) =>
    capture.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind),
  );
}

/** What netfilter-trace says of one packet. */
function verdict(text: string, words: string): { readonly verdict: string; readonly certainty: string } {
  const namespace = networkOf(text).hosts.get('h')?.namespaces.get('');
  assert.ok(namespace);
  const question = readQuestion(words.split(' '), namespace);
  assert.notEqual(typeof question, 'string');
  if (typeof question === 'string') return { verdict: question, certainty: '' };
  const [trace] = netfilterTrace(namespace, [question]);
  return { verdict: trace?.verdict ?? '', certainty: trace?.certainty ?? '' };
}

describe('commands inside containers', () => {
  it('belong to the network namespace of the container', () => {
    for (const [command, program, namespace] of [
      ['docker exec -it web ip a', 'ip', 'web'],
      ['docker exec -e A=b -w / web ss -tln', 'ss', 'web'],
      ['docker compose exec db ip r', 'ip', 'db'],
      ['kubectl -n default exec shell-rg2lp -- ip route', 'ip', 'shell-rg2lp'],
      ['kubectl exec gateway-b9 -c gateway -- iptables -t nat -S', 'iptables', 'gateway-b9'],
      ['oc rsh pod/web-1 ip a', 'ip', 'web-1'],
      ['docker exec web sh -c "ip r"', 'ip', 'web'],
      ['docker exec lab-worker2 ip route', 'ip', 'lab-worker2'],
      ['docker exec ovn-worker ip route', 'ip', 'ovn-worker'],
      ['nsenter -t 4711 -n ip a', 'ip', 'pid 4711'],
      ['nsenter -t 77 -m -u -i -n -p -- ip r', 'ip', 'pid 77'],
      ['nsenter --net=/var/run/netns/blue iptables-save', 'iptables-save', 'blue'],
      ['nsenter -n/proc/99/ns/net ip a', 'ip', 'pid 99'],
      ['lxc-attach -n c1 -- ip a', 'ip', 'c1'],
      ['sudo docker exec neutron_l3_agent ip netns exec qrouter-1 ip a', 'ip', 'qrouter-1'],
      // Of the machine itself: its first process, the agents on its network, and what asks a daemon.
      ['nsenter -n -t 1 ip a', 'ip', undefined],
      ['nsenter -t 77 -m ip a', 'ip', undefined],
      ['docker exec neutron_openvswitch_agent iptables-save', 'iptables-save', undefined],
      ['kubectl exec -n kube-system ovs-ovn-7xk2p -- ip r', 'ip', undefined],
      ['docker exec web sh -c "ovs-vsctl show"', 'ovs-vsctl', undefined],
    ] as const) {
      const said = parseCommand(command);
      assert.deepEqual([said?.argv[0], said?.namespace], [program, namespace], command);
    }
  });

  it('say nothing of the routes of the machine that they were typed on', () => {
    const network = networkOf(
      '[root@h ~]# docker exec web ip route\ndefault via 172.17.0.1 dev eth0\n172.17.0.0/16 dev eth0 proto kernel scope link src 172.17.0.2\n',
    );
    const host = network.hosts.get('h');
    assert.equal(host?.namespaces.get('')?.routes.length, 0);
    assert.equal(host?.namespaces.get('web')?.routes.length, 2);
  });
});

describe('where outputs end', () => {
  it('is at a prompt whose program is not known', () => {
    const chain = (name: string, to: string) =>
      `Chain ${name} (1 references)\n pkts bytes target     prot opt in     out     source               destination\n    0     0 DNAT       tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp to:${to}:80\n`;
    for (const prompt of ['$ ipt', '[jo@h ~]$ ipt', 'jo@h:~$ ipt', '# ./bin/ipt', '# /opt/ipt']) {
      const document = read(`${prompt} SEP-A\n${chain('SEP-A', '10.0.0.1')}${prompt} SEP-B\n${chain('SEP-B', '10.0.0.2')}`);
      assert.deepEqual(
        document.captures.map(({ kind, errors }) => [kind, errors.length]),
        [
          ['iptables-list', 0],
          ['iptables-list', 0],
        ],
        prompt,
      );
    }
  });

  it('keeps a remark inside an output', () => {
    const [capture, ...more] = read(
      '# ip r\ndefault via 10.0.0.1 dev eth0\n# also to the other site\n10.9.0.0/16 via 10.0.0.2 dev eth0\n',
    ).captures;
    assert.equal(more.length, 0);
    assert.equal(capture?.records, 2);
  });

  it('knows the command above a title that reads like a sentence', () => {
    const document = read(
      'ip netns exec qdhcp-1 netstat -tnpl\nActive Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\ntcp        0      0 10.0.0.2:53          0.0.0.0:*               LISTEN      28795/dnsmasq\n\nvirsh domiflist testvm\nInterface  Type       Source     Model       MAC\n-------------------------------------------------------\ntap796091c0-07 bridge     brqba48a3fc-e9 virtio      fa:16:3e:85:f8:0c\n',
    );
    assert.deepEqual(
      document.captures.map(({ kind, namespace, target }) => [kind, namespace, target]),
      [
        ['netstat', 'qdhcp-1', undefined],
        ['virsh-domiflist', undefined, 'testvm'],
      ],
    );
  });
});

describe('what a capture does not show', () => {
  it('is no route, no rule and no neighbour that is missing', () => {
    const known = (command: string, key: 'routesKnown' | 'rulesKnown' | 'neighboursKnown') =>
      networkOf(
        `[root@h ~]# ${command}\n${key === 'rulesKnown' ? '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n' : ''}[root@h ~]# true\n`,
      )
        .hosts.get('h')
        ?.namespaces.get('')?.[key];
    for (const command of [
      'ip r',
      'ip -4 route list',
      'ip route show root 0/0',
      'ip route show table main',
      'ip r show table all',
    ])
      assert.equal(known(command, 'routesKnown'), 'whole', command);
    for (const command of [
      'ip r show default',
      'ip route list 10.0.0.0/8',
      'ip route show match 10.1.2.3',
      'ip r show proto static',
    ])
      assert.equal(known(command, 'routesKnown'), 'partial', command);
    assert.equal(known('ip rule', 'rulesKnown'), 'whole');
    assert.equal(known('ip rule list from 10.0.0.1', 'rulesKnown'), 'partial');
    assert.equal(known('ip -s neigh show nud all', 'neighboursKnown'), 'whole');
    assert.equal(known('ip neigh show 10.0.0.1', 'neighboursKnown'), 'partial');
  });

  const ROUTER = `[root@h ~]# ip a
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    inet 10.0.0.9/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    inet 10.1.0.9/24 scope global eth1
[root@h ~]# sysctl -a
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.conf.eth1.rp_filter = 0
[root@h ~]# iptables-save -t raw
[root@h ~]# iptables-save -t mangle
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
`;

  it('leaves the subnets of addresses where only the default route was asked for', () => {
    const namespace = networkOf(`${ROUTER}[root@h ~]# ip r show default\ndefault via 10.1.0.1 dev eth1\n`)
      .hosts.get('h')
      ?.namespaces.get('');
    assert.ok(namespace);
    const question = readQuestion(['src=10.0.0.9', 'dst=10.0.0.7', 'proto=tcp'], namespace);
    if (typeof question === 'string') assert.fail(question);
    const [trace] = netfilterTrace(namespace, [question]);
    assert.equal(trace?.out, 'eth0');
  });

  it('is every chain but the one that was asked for', () => {
    const list = (chain: string, rules: string) =>
      `[root@h ~]# iptables -nvL ${chain}\nChain ${chain} (${/^[A-Z]+$/.test(chain) ? 'policy ACCEPT 0 packets, 0 bytes' : '1 references'})\n pkts bytes target     prot opt in     out     source               destination\n${rules}`;
    const rule = (target: string) => `    0     0 ${target}     all  --  *      *       0.0.0.0/0            0.0.0.0/0\n`;
    const forward = list('FORWARD', `${rule('own')}${rule('DROP')}`);
    // INPUT was not captured: whether a packet for this host gets in is not known.
    assert.equal(verdict(`${ROUTER}${forward}`, 'iif=eth1 src=10.1.0.5 dst=10.1.0.9 proto=tcp').verdict, 'insufficient-info');
    const network = networkOf(`${ROUTER}${forward}${list('own', rule('ACCEPT'))}`);
    const filter = network.hosts.get('h')?.namespaces.get('')?.netfilter.get('filter');
    assert.deepEqual([...(filter?.chains.keys() ?? [])].toSorted(), ['FORWARD', 'own']);
    assert.equal(filter?.known, 'partial');
  });
});

describe('values that somebody cut or hid', () => {
  it('do not make flags of arp a device', () => {
    const cut = '192.168.123.11           ether   22:a6:81:76:8a:78   C';
    const parsed = parse(arp, 'arp', cut);
    assert.deepEqual([facts(parsed, 'neighbour').length, parsed.errors.length], [0, 1]);
    const whole = parse(arp, 'arp', `${cut}                     lx-bond0.905`);
    assert.deepEqual(plain(facts(whole, 'neighbour').map(({ dev, mac }) => [dev, mac])), [['lx-bond0.905', '22:a6:81:76:8a:78']]);
  });

  it('leave the rest of a rule as it is', () => {
    const parsed = parse(
      iptablesRules,
      'iptables-save',
      '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s <private_ip>/32 -p tcp -m tcp --dport 5911 -j ACCEPT\n-A INPUT -i <dev> -j DROP\n-A INPUT -p tcp -j DROP   <== the last one\nCOMMIT',
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'nf-rule').map(({ target, matches }) => [target?.value, matches.map(({ kind }) => kind)]),
      [
        ['ACCEPT', ['other', 'protocol', 'destination-port']],
        ['DROP', ['other']],
        ['DROP', ['protocol']],
      ],
    );
  });

  it('go on behind the blanks of a screen that was copied', () => {
    const wrapped = (rule: string) => `${rule.slice(0, 80)}${' '.repeat(120)}${rule.slice(80)}`;
    const rules = [
      '-A zone_wan_prerouting -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.1:22',
      '-A FORWARD -s 10.8.0.0/24 -d 192.168.1.0/24 -i tun0 -o br-lan -m conntrack --ctstate NEW -j ACCEPT',
    ];
    const said = (text: string) =>
      factsOf(read(`# iptables -t nat -S\n${text}\n`), 'nf-rule').map(({ target, targetOptions, matches }) =>
        plain([target, targetOptions, matches]),
      );
    assert.deepEqual(said(rules.map(wrapped).join('\n')), said(rules.join('\n')));
  });

  it('make an option without its value an error, not a rule', () => {
    const parsed = parse(iptablesRules, 'iptables-save', '*filter\n-A INPUT -p tcp -s\n-A INPUT -j');
    assert.deepEqual([facts(parsed, 'nf-rule').length, parsed.errors.length], [0, 2]);
  });
});

describe('dialects', () => {
  it('tells ip6tables by addresses without a length', () => {
    const list = (row: string) =>
      read(
        `Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n\nChain FORWARD (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n${row}\n`,
      ).captures.map(({ kind }) => kind);
    assert.deepEqual(list('    0     0 ACCEPT     all  --  eth2   eth3    feed:babe::1         feed:babe::2'), [
      'ip6tables-list',
    ]);
    assert.deepEqual(list('    0     0 ACCEPT     all      eth2   eth3    anywhere             feed:babe::2'), [
      'ip6tables-list',
    ]);
    assert.deepEqual(
      list('    0     0 ACCEPT     all  --  any    any     anywhere             anywhere             MAC fa:16:3e:be:71:21'),
      ['iptables-list'],
    );
  });

  it('reads nat of nft without "to"', () => {
    const document = read(
      'table ip nat {\n\tchain pre {\n\t\ttype nat hook prerouting priority 0;\n\t\tiifname "eth0" tcp dport 80 dnat 10.13.37.100\n\t\tip saddr 10.13.37.0/24 snat 10.149.107.130-10.149.107.135\n\t}\n}\n',
    );
    assert.deepEqual(
      factsOf(document, 'nf-rule').map(({ target, targetOptions, matches }) => [
        target?.value,
        targetOptions.to?.value,
        matches.some(({ kind }) => kind === 'other'),
      ]),
      [
        ['DNAT', '10.13.37.100', false],
        ['SNAT', '10.149.107.130-10.149.107.135', false],
      ],
    );
  });

  it('takes the fields that tcpdump -v sets below a packet for parts of it', () => {
    const solicitation =
      '1795380703.44 fa:16:3e:65:8c:df > 33:33:00:00:00:02, ethertype IPv6 (0x86dd), length 70: (hlim 255, next-header ICMPv6 (58) payload length: 16) fe80::1 > ff02::2: [icmp6 sum ok] ICMP6, router solicitation, length 16';
    for (const detail of [
      '\t  source link-address option (1), length 8 (1): fa:16:3e:65:8c:df',
      '\t  hop limit 64, Flags [none]',
    ]) {
      assert.ok(tcpdump.accepts(detail, 'tcpdump'), detail);
      const parsed = parse(tcpdump, 'tcpdump', `${solicitation}\n${detail}`);
      assert.deepEqual([facts(parsed, 'packet-seen').length, parsed.errors.length], [1, 0], detail);
    }
  });

  it('knows that a bridge of Open vSwitch is none of the kernel, whatever brctl says', () => {
    const host = networkOf(
      '[root@h ~]# ovs-vsctl show\n    Bridge br-int\n        Port qr-1\n            Interface qr-1\n[root@h ~]# brctl show\nbridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr-int\t\t0000.5e46cb509849\tno\t\tqr-1\nqbr1\t\t8000.ba06e5f8675c\tno\t\tqvb1\n',
    ).hosts.get('h');
    assert.deepEqual(
      [...(host?.linuxBridges.values() ?? [])].map(({ name }) => name),
      ['qbr1'],
    );
    assert.ok(host?.bridges.has('br-int'));
  });

  it('reads connections as the options of conntrack, and takes no event for one that is there', () => {
    const document = read(
      '# conntrack -L -o save\n-A -t 431999 -u SEEN_REPLY,ASSURED -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.9 -p tcp --sport 5 --dport 80 --reply-port-src 80 --reply-port-dst 1024 --state ESTABLISHED -w 7 -m 1\n-A -t 29 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 7\n',
    );
    const [tcp, icmp] = factsOf(document, 'conntrack-entry').map((fact) => plain({ ...fact, text: undefined }));
    assert.deepEqual(tcp, {
      kind: 'conntrack-entry',
      family: 'ip',
      protocol: 6,
      state: 'ESTABLISHED',
      original: { src: '10.0.0.1', dst: '10.0.0.2', sport: 5, dport: 80 },
      reply: { src: '10.0.0.2', dst: '10.0.0.9', sport: 80, dport: 1024 },
      zone: 7,
      mark: 1,
      flags: ['ASSURED'],
      text: undefined,
    });
    assert.deepEqual((icmp as { original: unknown; flags: unknown }).original, {
      src: '10.0.0.1',
      dst: '10.0.0.2',
      icmpType: 8,
      icmpCode: 0,
      icmpId: 7,
    });
    assert.deepEqual((icmp as { flags: unknown }).flags, ['UNREPLIED']);
    const events = read(
      '[root@h ~]# conntrack -E\n[DESTROY] tcp 6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [ASSURED]\n',
    );
    assert.deepEqual([events.captures[0]?.records, factsOf(events, 'conntrack-entry').length], [1, 0]);
    const network = networkOf('[root@h ~]# conntrack -E\n[root@h ~]# true\n');
    assert.equal(network.hosts.get('h')?.namespaces.get('')?.connectionsKnown, 'partial');
  });

  it('reads the names of sets, whose members nobody showed', () => {
    const sets = networkOf('[root@h ~]# ipset list -n\nfoo\nKUBE-CLUSTER-IP\n[root@h ~]# true\n')
      .hosts.get('h')
      ?.namespaces.get('')?.ipsets;
    assert.deepEqual(
      [...(sets?.values() ?? [])].map(({ name, known }) => [name, known]),
      [
        ['foo', 'absent'],
        ['KUBE-CLUSTER-IP', 'absent'],
      ],
    );
  });

  it('reads several tables of ebtables in one listing', () => {
    const tables = networkOf(
      '[root@h ~]# ebtables -L\nBridge table: filter\n\nBridge chain: FORWARD, entries: 1, policy: ACCEPT\n-p IPv4 --ip-src 10.0.0.1 -j DROP\nBridge table: nat\n\nBridge chain: PREROUTING, entries: 1, policy: DROP\n-p ARP -j ACCEPT\n',
    )
      .hosts.get('h')
      ?.namespaces.get('')?.ebtables;
    assert.deepEqual(
      [...(tables?.values() ?? [])].map(({ name, chains }) => [
        name,
        [...chains.values()].map(({ name: of, policy, rules }) => [of, policy, rules.length]),
      ]),
      [
        ['filter', [['FORWARD', 'ACCEPT', 1]]],
        ['nat', [['PREROUTING', 'DROP', 1]]],
      ],
    );
  });

  it('knows what is named in the groups of a bridge', () => {
    const [capture] = read(
      '# bridge -d mdb\ndev br0 port v0 grp 239.1.1.1 permanent proto static  vid 3\nrouter ports on br0: v1  10.23 temp\n',
    ).captures;
    assert.equal(capture?.kind, 'bridge-mdb');
    assert.deepEqual(
      capture?.refs.map(({ kind, value }) => `${kind} ${value}`),
      ['device br0', 'device v0', 'ip 239.1.1.1', 'device br0', 'device v1'],
    );
  });

  it('counts the rules of ebtables-save', () => {
    const document = read(
      '*filter\n:FORWARD ACCEPT\n-A FORWARD -p IPv4 -j ACCEPT\n-A FORWARD -p ARP -j DROP\n[0:0] -A FORWARD -p IPv6 -j DROP\n',
    );
    assert.deepEqual(
      factsOf(document, 'eb-rule').map(({ number }) => number),
      [1, 2, 3],
    );
  });

  it('reads what tcpdump -e -v prints of a packet on two lines, in tunnels too', () => {
    const parsed = parse(
      tcpdump,
      'tcpdump',
      '1795380706.412490 9e:c6:46:61:88:47 > 16:67:4c:92:25:49, ethertype IPv4 (0x0800), length 148: (tos 0x0, ttl 64, id 0, offset 0, flags [DF], proto UDP (17), length 134)\n    192.168.1.13.53181 > 192.168.1.14.4789: VXLAN, flags [I] (0x08), vni 90\nfa:16:3e:3b:53:26 > fa:16:3e:d4:40:04, ethertype IPv4 (0x0800), length 98: (tos 0x0, ttl 64, id 7878, offset 0, flags [DF], proto ICMP (1), length 84)\n    172.19.1.3 > 172.19.1.4: ICMP echo request, id 22410, seq 1, length 64',
    );
    assert.deepEqual(
      plain(
        facts(parsed, 'packet-seen').map(({ macSrc, src, dst, protocol, dport, vni, what }) => [
          macSrc,
          src,
          dst,
          protocol,
          dport,
          vni,
          what,
        ]),
      ),
      [
        ['9e:c6:46:61:88:47', '192.168.1.13', '192.168.1.14', 'udp', 4789, undefined, undefined],
        ['fa:16:3e:3b:53:26', '172.19.1.3', '172.19.1.4', 'icmp', undefined, 90, 'request'],
      ],
    );
  });

  it('leaves out a remark behind a command', () => {
    assert.deepEqual(parseCommand('ping -c2 172.19.1.4  (in c-private)')?.argv, ['ping', '-c2', '172.19.1.4']);
    assert.equal(parseCommand('ip a (on host 2)')?.argv.join(' '), 'ip a');
  });
});

describe('what would settle a question about a container', () => {
  it('is asked the way that the captures came from it', () => {
    for (const [enter, prompt, asked] of [
      ['docker exec -it web sh', '/ #', 'docker exec web ip route'],
      ['kubectl -n prod exec -it web -- bash', 'root@web:/#', 'kubectl -n prod exec web -- ip route'],
      ['nsenter -t 4711 -n', 'root@h:~#', 'nsenter -t 4711 -n ip route'],
      ['ip netns exec web bash', 'root@h:~#', 'ip netns exec web ip route'],
    ] as const) {
      const network = networkOf(
        `root@h:~# ${enter}\n${prompt} ip a\n4: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n    link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n    inet 172.17.0.2/16 scope global eth0\n`,
      );
      const result = walk(network, { from: '172.17.0.2', to: '8.8.8.8' });
      assert.equal(result.kind, 'walk');
      if (result.kind !== 'walk') continue;
      assert.ok(
        result.request.gaps.some(({ command }) => command === asked),
        `${asked}: ${result.request.gaps.map(({ command }) => command).join('; ')}`,
      );
    }
  });
});

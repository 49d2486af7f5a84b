import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

interface Rule {
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly include?: string;
  readonly patterns?: readonly Rule[];
  readonly captures?: Readonly<Record<string, Rule>>;
  readonly beginCaptures?: Readonly<Record<string, Rule>>;
}
interface Grammar {
  readonly patterns: readonly Rule[];
  readonly repository: Readonly<Record<string, Rule>>;
}

const grammar = JSON.parse(readFileSync('syntaxes/packet-walk.tmLanguage.json', 'utf8')) as Grammar;

/** The name of the first group of patterns of which one matches at a line's start, as an editor tries them. */
function group(line: string): string | undefined {
  for (const { include } of grammar.patterns) {
    const name = include?.slice(1) ?? '';
    const rules = grammar.repository[name]?.patterns ?? [];
    if (rules.some((rule) => new RegExp(rule.match ?? rule.begin ?? '$^').exec(line)?.index === 0)) return name;
  }
  return undefined;
}

describe('the TextMate grammar', () => {
  it('names only groups that are there, and patterns that compile', () => {
    const visit = (rule: Rule): void => {
      for (const pattern of [rule.match, rule.begin, rule.end]) if (pattern !== undefined) assert.ok(new RegExp(pattern));
      if (rule.include !== undefined) assert.ok(grammar.repository[rule.include.slice(1)], rule.include);
      for (const inner of [
        ...(rule.patterns ?? []),
        ...Object.values(rule.captures ?? {}),
        ...Object.values(rule.beginCaptures ?? {}),
      ])
        visit(inner);
    };
    grammar.patterns.forEach(visit);
    Object.values(grammar.repository).forEach(visit);
  });

  it('gives each kind of line to its own patterns', () => {
    const lines: Readonly<Record<string, readonly string[]>> = {
      nft: [
        'table inet t {',
        '\tchain in {',
        '\t\ttype filter hook input priority filter + 5; policy drop;',
        '\t\tip saddr 10.0.0.0/8 tcp dport 22 counter packets 0 bytes 0 accept',
        '\t\tjump sub',
      ],
      ipset: ['Type: hash:ip,port', 'Members:', '10.0.0.2,udp:53 timeout 9', 'add hosts 10.0.0.2,udp:53', 'create hosts hash:ip'],
      ebtables: ['Bridge chain: FORWARD, entries: 1, policy: ACCEPT', '-p ARP -i tap1 -j arp-tap1'],
      conntrack: [
        'tcp      6 299 ESTABLISHED src=10.1.1.1 dst=10.2.2.2 sport=1000 dport=80 src=10.2.2.2 dst=10.1.1.1 sport=80 dport=1000 use=1',
        'udp,orig=(src=10.1.1.1,dst=10.2.2.2,sport=1,dport=2),reply=(src=10.2.2.2,dst=10.1.1.1,sport=2,dport=1)',
        '297 proto=6 src=10.1.1.1 dst=10.2.2.2 sport=0 dport=41411',
      ],
      bridge: [
        'tap1              1 PVID Egress Untagged',
        '                  20-30',
        '00:11:22:33:44:55 dev tap1 master br0 permanent',
      ],
      ifconfig: [
        'eth1      Link encap:Ethernet  HWaddr fa:16:3e:00:00:02',
        '        ether fa:16:3e:00:00:01  txqueuelen 1000  (Ethernet)',
      ],
      'route-table': ['0.0.0.0         10.0.0.1        0.0.0.0         UG    0      0        0 eth0'],
      sockets: [
        'LISTEN   0        128            127.0.0.1:631           0.0.0.0:*',
        'tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN',
      ],
      tcpdump: ['10:00:00.000000 IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S.], seq 1, win 64, length 0'],
      cluster: [
        'web-1      1/1     Running   0          8d    10.244.0.2   node1    <none>           <none>',
        '158d7b6665ff3       10 minutes ago      Ready               web-1               default             1',
      ],
      json: ['        "IPv4Address": "172.17.0.2/16"'],
      // What was there before keeps its own.
      rule: ['-A INPUT -m set --match-set hosts src,dst -j ACCEPT', ':INPUT DROP [0:0]'],
      chain: ['Chain INPUT (policy ACCEPT 0 packets, 0 bytes)', 'ACCEPT     tcp  --  0.0.0.0/0            0.0.0.0/0'],
      flow: [' cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=1 actions=NORMAL'],
      link: ['2: eth0: <BROADCAST,UP> mtu 1500', '100:\tfrom 10.0.0.0/24 lookup 100', 'default via 10.0.0.1 dev eth0'],
      fdb: ['    1     0  fa:16:3e:00:00:01    5'],
      table: ['| id | name |'],
      xml: ['<mac address="fa:16:3e:00:00:01"/>'],
    };
    for (const [name, all] of Object.entries(lines)) for (const line of all) assert.equal(group(line), name, line);
    for (const prose of ['This is what the rule does to packets.', 'Name your bridge and go on.', 'The table ip is fine {'])
      assert.equal(group(prose), undefined, prose);
  });
});

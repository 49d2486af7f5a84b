import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arptables } from '../../server/src/captures/arptables/index';
import { command, facts, parse, plain } from './linux-captures.harness';
import { networkOf, trace } from './walk-fixture';

/** Two machines at a bridge, as namespaces; the rules are put in. */
const captures = (asker: string, answerer: string): string => `[root@h ~]# ip netns exec ax ip a
1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether ea:34:cd:8f:c2:a5 brd ff:ff:ff:ff:ff:ff link-netns abr
    inet 10.0.0.5/24 scope global eth0
[root@h ~]# ip netns exec ax ip r
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5
${asker}
[root@h ~]# ip netns exec ay ip a
1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 8a:29:7f:84:b8:39 brd ff:ff:ff:ff:ff:ff link-netns abr
    inet 10.0.0.7/24 scope global eth0
    inet 10.0.0.8/24 scope global secondary eth0
    inet 10.0.0.9/24 scope global secondary eth0
    inet 10.0.0.10/24 scope global secondary eth0
    inet 10.0.0.11/24 scope global secondary eth0
[root@h ~]# ip netns exec ay ip r
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.7
${answerer}
[root@h ~]# ip netns exec abr ip a
1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: p0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000
    link/ether da:d2:f3:e3:51:de brd ff:ff:ff:ff:ff:ff link-netns ax
3: p1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000
    link/ether 72:ba:9b:7b:e4:01 brd ff:ff:ff:ff:ff:ff link-netns ay
4: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 72:ba:9b:7b:e4:01 brd ff:ff:ff:ff:ff:ff
[root@h ~]# ip netns exec abr ip r
`;

const LISTED = {
  asker: `[root@h ~]# ip netns exec ax arptables -L -n
Chain INPUT (policy ACCEPT)
-j DROP -s 10.0.0.11

Chain OUTPUT (policy ACCEPT)`,
  answerer: `[root@h ~]# ip netns exec ay arptables -L -n
Chain INPUT (policy ACCEPT)
-j DROP -s 10.0.0.5 -d 10.0.0.8 --opcode 1

Chain OUTPUT (policy ACCEPT)
-j DROP -o eth0 -s 10.0.0.9 --opcode 2
-j mangle -s 10.0.0.10 --mangle-mac-s 02:00:00:00:00:99`,
};
const SAVED = {
  asker: `[root@h ~]# ip netns exec ax arptables-save
*filter
:INPUT ACCEPT
:OUTPUT ACCEPT
-A INPUT -j DROP -s 10.0.0.11`,
  answerer: `[root@h ~]# ip netns exec ay arptables-save -c
*filter
:INPUT ACCEPT
:OUTPUT ACCEPT
[0:0] -A INPUT -j DROP -s 10.0.0.5 -d 10.0.0.8 --opcode Request
[0:0] -A OUTPUT -j DROP -o eth0 -s 10.0.0.9 --opcode Reply
[0:0] -A OUTPUT -j mangle -s 10.0.0.10 --mangle-mac-s 02:00:00:00:00:99`,
};
const OF_NFT = {
  asker: `[root@h ~]# ip netns exec ax nft list ruleset
table arp filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		arp htype 1 arp hlen 6 arp plen 4 arp saddr ip 10.0.0.11 counter packets 0 bytes 0 drop
	}
}`,
  answerer: `[root@h ~]# ip netns exec ay nft list ruleset
table arp filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		arp operation request arp saddr ip 10.0.0.5 arp daddr ip { 10.0.0.8, 10.0.0.80 } drop
	}
	chain OUTPUT {
		type filter hook output priority filter; policy accept;
		oifname "eth*" arp operation reply arp saddr ip 10.0.0.9 counter packets 0 bytes 0 drop
	}
}`,
};

/** What the real machines learned, of a network made so. */
const LEARNED: Readonly<Record<string, string | undefined>> = {
  '10.0.0.7': '8a:29:7f:84:b8:39',
  '10.0.0.8': undefined,
  '10.0.0.9': undefined,
  '10.0.0.10': '02:00:00:00:00:99',
  '10.0.0.11': undefined,
};

describe('rules for ARP', () => {
  for (const [form, rules] of Object.entries({ 'arptables -L': LISTED, 'arptables-save': SAVED, 'nft list ruleset': OF_NFT }))
    it(`of ${form} do with questions and answers what they do on real machines`, () => {
      const network = networkOf(captures(rules.asker, rules.answerer));
      for (const [ip, mac] of Object.entries(LEARNED)) {
        // nft does not show what arptables' own target does.
        if (rules === OF_NFT && ip === '10.0.0.10') continue;
        const { request, reply } = trace(network, `h:10.0.0.5 > ${ip} arp reply`);
        const ending = reply?.ending ?? request.ending;
        assert.equal(ending.disposition, mac === undefined ? 'dropped' : 'delivered', `${ip}: ${ending.summary}`);
        if (mac !== undefined) assert.match(ending.summary, new RegExp(`${ip} is at ${mac}`));
      }
    });

  it('are read with counters, numbers, negations and every name of an option', () => {
    assert.equal(command(arptables, 'arptables -nL -v')?.kind, 'arptables-list');
    assert.equal(command(arptables, 'arptables-nft-save -c')?.kind, 'arptables-save');
    const parsed = parse(
      arptables,
      'arptables-list',
      `Chain INPUT (policy DROP 30 packets, 840 bytes)
1 -j DROP ! -i eth+ -o * ! -s 10.0.0.0/24 --src-mac 00:11:22:33:44:55 , pcnt=2 -- bcnt=84K
2 -j MINE -i any -o any -s anywhere -d anywhere

Chain MINE (1 references)
-j RETURN --opcode 2 --proto-type 0x800`,
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'nf-chain').map(({ name, policy, hook }) => [name.value, policy?.value, hook?.value]),
      [
        ['INPUT', 'DROP', 'input'],
        ['MINE', undefined, undefined],
      ],
    );
    assert.deepEqual(
      facts(parsed, 'nf-rule').map(({ chain, number, target, matches }) => [chain, number, target?.value, plain(matches)]),
      [
        [
          'INPUT',
          1,
          'DROP',
          [
            { kind: 'in-interface', value: 'eth+', negated: true },
            { kind: 'arp', what: 'saddr ip', value: '10.0.0.0/24', negated: true },
            { kind: 'arp', what: 'saddr ether', value: '00:11:22:33:44:55', negated: false },
          ],
        ],
        ['INPUT', 2, 'MINE', []],
        [
          'MINE',
          1,
          'RETURN',
          [
            { kind: 'arp', what: 'operation', value: '2', negated: false },
            { kind: 'arp', what: 'ptype', value: '0x800', negated: false },
          ],
        ],
      ],
    );
  });
});

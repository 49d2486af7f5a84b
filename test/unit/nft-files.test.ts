import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, read } from './read-text';

const rules = (text: string): string[] =>
  factsOf(text, 'nf-rule').map(({ chain, matches, target }) =>
    [chain, ...matches.map(({ kind }) => kind), '->', target?.value ?? ''].join(' '),
  );
const chains = (text: string): string[] =>
  factsOf(text, 'nf-chain').map(({ name, hook, priority, policy }) =>
    [name.value, hook?.value, priority?.value, policy?.value].filter((word) => word !== undefined).join(' '),
  );
const inChain = (body: string): string => `table inet t {\n\tchain c {\n${body}\n\t}\n}\n`;

describe('files for nft -f, as people paste them', () => {
  it('open and close a block on one line', () => {
    const text = `table nat {
	chain prerouting	{ type nat hook prerouting priority -100; }
	chain postrouting	{ type nat hook postrouting priority 100; policy accept; oifname "eth0" masquerade; }
	chain mine {}
}
table inet filter {
	set ports { type inet_service; flags interval; elements = { 22, 80-90 }; }
	chain forward { type filter hook forward priority filter-5; policy drop; tcp dport @ports accept; }
}
`;
    assert.deepEqual(chains(text), [
      'prerouting prerouting -100 ACCEPT',
      'postrouting postrouting 100 ACCEPT',
      'mine',
      'forward forward -5 DROP',
    ]);
    assert.deepEqual(rules(text), ['postrouting out-interface -> MASQUERADE', 'forward protocol destination-port -> ACCEPT']);
    assert.deepEqual([errorsOf(text), read(text).unclassified], [[], []]);
  });

  it('say several things on one line', () => {
    const text = `table inet t {
	set s {
		type ipv4_addr; flags interval;
		elements = { 10.0.0.0/8 }
	}
	chain c {
		type filter hook input priority 0; policy drop; counter comment "a; b"
		ip saddr @s accept
	}
}
`;
    assert.deepEqual(chains(text), ['c input 0 DROP']);
    assert.deepEqual(rules(text), ['c -> ', 'c source -> ACCEPT']);
    assert.deepEqual(errorsOf(text), []);
  });

  const cases: Readonly<Record<string, readonly [body: string, expected: readonly string[]]>> = {
    'set elements on lines of their own, the last without a comma': [
      '\t\tip6 saddr fe80::/10 icmpv6 type {\n\t\t\tpacket-too-big,\n\t\t\tnd-neighbor-advert\n\t\t} accept\n\t\tdrop',
      ['c source protocol any-of -> ACCEPT', 'c -> DROP'],
    ],
    'say what elements are for': [
      '\t\tudp dport {\n\t\t\t53,\n\t\t\t500,  # IKE\n\t\t\t5355  # LLMNR\n\t\t} counter drop\n\t\t#4.3.1\n\t\tdrop',
      ['c protocol destination-port -> DROP', 'c -> DROP'],
    ],
    'go on behind elements': [
      '\t\ticmp type {\n\t\t\techo-request, # ping\n\t\t\ttime-exceeded\n\t\t} limit rate 10/second accept\n\t\tdrop',
      ['c protocol any-of limit -> ACCEPT', 'c -> DROP'],
    ],
    'set words below one another': [
      '\t\tip  saddr 10.0.0.1  icmp  type { echo-request } accept',
      ['c source protocol icmp-type -> ACCEPT'],
    ],
    'lead to addresses, the last without a comma': [
      '\t\tdnat ip to numgen inc mod 2 map {\n\t\t\t0 : 192.168.77.1,\n\t\t\t1 : 192.168.77.2\n\t\t}',
      ['c source limit -> DNAT', 'c source limit -> DNAT', 'c source limit -> ', 'c source limit -> '],
    ],
  };
  for (const [name, [body, expected]] of Object.entries(cases)) {
    it(name, () => {
      assert.deepEqual(rules(inChain(body)), expected);
      assert.deepEqual([errorsOf(inChain(body)), read(inChain(body)).unclassified], [[], []]);
    });
  }
});

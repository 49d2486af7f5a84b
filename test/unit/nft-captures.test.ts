import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';
import type { NfMatch } from '../../server/src/captures/netfilter-facts';
import { linkNetwork } from '../../server/src/link/network';

function read(text: string) {
  const document = readDocument('file:///h/nft.txt', 'h/nft.txt', `[root@h ~]# nft -a list ruleset\n${text}`);
  for (const { refs } of document.captures) {
    for (const ref of refs)
      assert.equal(document.text.slice(ref.span.start, ref.span.end).toLowerCase(), ref.value.toLowerCase());
  }
  const rules = document.captures.flatMap(({ facts }) =>
    facts.filter((fact): fact is Extract<Fact, { kind: 'nf-rule' }> => fact.kind === 'nf-rule'),
  );
  return { document, rules, errors: document.captures.flatMap(({ errors }) => errors.map(({ message }) => message)) };
}

const words = (match: NfMatch): string => {
  const not = 'negated' in match && match.negated ? '!' : '';
  if (match.kind === 'any-of' || match.kind === 'all-of') return `${not}${match.kind}(${match.matches.map(words).join(' ')})`;
  const value =
    'value' in match && match.value !== undefined
      ? match.value.value
      : 'ranges' in match
        ? JSON.stringify(match.ranges.value)
        : '';
  return `${not}${match.kind}${value === '' ? '' : `=${value}`}`;
};

const rulesOf = (text: string) =>
  read(`table inet t {\n\tchain c {\n\t\t${text}\n\t}\n}`).rules.map(
    ({ matches, target, before }) =>
      `${matches.map(words).join(' ')} -> ${[...(before ?? []), { target }].map((s) => s.target?.value ?? '').join(', ')}`,
  );

describe('nft', () => {
  it('takes for hidden what nft leaves out of iptables-nft’s rules', () => {
    const { rules, errors } = read(`table ip6 nat { # handle 3
	chain POSTROUTING { # handle 5
		type nat hook postrouting priority srcnat; policy accept;
		tcp dport 80 counter packets 0 bytes 0  # handle 6
		tcp dport 81 counter packets 0 bytes 0 # handle 7
		ct status dnat counter packets 0 bytes 0 accept # handle 8
	}
}
table ip own {
	chain c {
		type nat hook postrouting priority srcnat; policy accept;
		ct status dnat counter packets 0 bytes 0 accept # handle 2
	}
}`);
    assert.deepEqual(errors, []);
    assert.deepEqual(
      rules.map((rule) => `${rule.matches.map(words).join(' ')} -> ${rule.target?.value ?? ''}`),
      [
        'protocol=tcp destination-port=[[80,80]] -> a target that nft could not print',
        'protocol=tcp destination-port=[[81,81]] -> ',
        'translated -> ACCEPT',
        '!ctstatus -> ACCEPT',
      ],
    );
  });

  it('takes for open which family a condition on the protocol of a connection is for, where nothing says so', () => {
    // Asked of nft 1.0.6: `meta nfproto ipv6 ct protocol tcp` is listed as the first of these, the others as they are.
    const open = ['ct protocol tcp drop', 'iifname "a" ct protocol tcp drop'];
    const certain = [
      'ip saddr 10.0.0.1 ct protocol tcp drop',
      'meta nfproto ipv6 ct protocol { tcp, udp } drop',
      'ct protocol != tcp drop',
      'ct protocol { tcp, udp } drop',
      'ct protocol vmap { tcp : drop }',
    ];
    for (const rule of open) assert.match(rulesOf(rule)[0] ?? '', /translated -> DROP$/, rule);
    for (const rule of certain) assert.doesNotMatch(rulesOf(rule)[0] ?? '', /translated/, rule);
    const { rules } = read('table ip6 t {\n\tchain c {\n\t\tct protocol tcp drop\n\t}\n}');
    assert.deepEqual(rules[0]?.matches.map(words), ['conntrack=tcp']);
  });

  it('takes for open what the translations of iptables’ extensions do not print, and knows their order', () => {
    const { rules, errors } = read(`table ip mangle {
	chain PREROUTING {
		type filter hook prerouting priority mangle; policy accept;
		meta l4proto udp udp sport . udp dport { 0-65535 . 53, 53 . 0-65535 } counter packets 0 bytes 0 drop
		meta l4proto icmp ip protocol icmp counter packets 0 bytes 0 accept
		ct state ! related,established counter packets 0 bytes 0 accept
		counter packets 0 bytes 0 ct mark set ct mark xor 0x2 and 0xffffff00
		counter packets 0 bytes 0 meta mark set ct mark and 0xff
		counter packets 0 bytes 0 ct mark set mark and 0xff
		counter packets 0 bytes 0 ip6 dscp set 0x04
	}
}`);
    assert.deepEqual(errors, []);
    const said = rules.map(({ matches, target, targetOptions: { mark } }) => {
      const bits = mark && `${mark.value.op} ${mark.value.value} ${mark.value.mask} ${mark.value.ctmask ?? ''}`.trim();
      return [...matches.map(words), '->', target?.value ?? '', ...(bits ? [bits] : [])].join(' ');
    });
    assert.deepEqual(said, [
      'protocol=udp translated -> DROP',
      'protocol=icmp translated !fragment -> ACCEPT',
      '!ctstate -> ACCEPT',
      '-> CONNMARK xset 2 255',
      '-> CONNMARK restore 0 255 255',
      '-> CONNMARK save 0 255 255',
      '-> ip6 dscp set 0x04',
    ]);
  });

  it('reads what iptables-nft leaves as iptables would say it', () => {
    const { document, rules, errors } = read(`# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter { # handle 3
	chain neutron-x { # handle 1
	}

	chain INPUT { # handle 5
		type filter hook input priority filter; policy drop;
		meta l4proto tcp tcp dport { 22, 80-90 } ct state new,established counter packets 0 bytes 0 accept # handle 6
		iifname "veth*" ip saddr != 10.0.0.0/8 fib daddr type local limit rate 5/minute burst 7 packets counter packets 0 bytes 0 log prefix "x y " # handle 7
		meta l4proto icmp xt match icmp counter packets 0 bytes 0 goto neutron-x # handle 10
		udp dport 68 counter packets 0 bytes 0 xt target CHECKSUM # handle 6
	}
}`);
    assert.deepEqual(errors, []);
    assert.deepEqual(
      rules.map((rule) => `${rule.matches.map(words).join(' ')} -> ${rule.target?.value ?? ''}`),
      [
        'protocol=tcp destination-port=[[22,22],[80,90]] ctstate -> ACCEPT',
        'in-interface=veth+ !source=10.0.0.0/8 addrtype=LOCAL limit -> LOG',
        'protocol=icmp translated -> neutron-x',
        'protocol=udp destination-port=[[68,68]] -> CHECKSUM',
      ],
    );
    // The walk finds the table where iptables' own listings would put it.
    const namespace = linkNetwork([document]).hosts.get('h')?.namespaces.get('');
    assert.equal(namespace?.netfilter.get('filter')?.chains.get('INPUT')?.policy, 'DROP');
    assert.equal(namespace?.nft.size, 0);
    assert.equal(namespace?.nftKnown, 'whole');
  });

  it('reads native sets, maps, priorities and hooks', () => {
    const { document, rules, errors } = read(`table inet t {
	set s2 {
		type ipv4_addr . inet_service
		flags interval
		elements = { 10.0.0.1 . 80,
			     10.0.0.2 . 443-450 }
	}

	map m {
		type ipv4_addr : verdict
		elements = { 10.0.0.1 : accept, 10.0.0.2 : jump x }
	}

	chain x {
	}

	chain in {
		type filter hook input priority filter + 5; policy drop;
		ip saddr . tcp dport @s2 accept
		ip saddr vmap @m
		tcp dport vmap { 22 : jump x, * : drop }
	}
}`);
    assert.deepEqual(errors, []);
    assert.deepEqual(
      rules.map((rule) => `${rule.number} ${rule.matches.map(words).join(' ')} -> ${rule.target?.value ?? ''}`),
      [
        '1 any-of(all-of(source=10.0.0.1 protocol=tcp destination-port=[[80,80]]) all-of(source=10.0.0.2 protocol=tcp destination-port=[[443,450]])) -> ACCEPT',
        '2 source=10.0.0.1 -> ACCEPT',
        '2 source=10.0.0.2 -> x',
        '3 protocol=tcp destination-port=[[22,22]] -> x',
        '3 protocol=tcp !destination-port=[[22,22]] -> DROP',
      ],
    );
    const chain = linkNetwork([document]).hosts.get('h')?.namespaces.get('')?.nft.get('inet t')?.chains.get('in');
    assert.deepEqual([chain?.hook, chain?.priority, chain?.policy], ['input', 5, 'DROP']);
  });

  it('reads what a set keeps for each element', () => {
    const elements = [
      '10.0.0.1 limit rate 10 mbytes/second burst 5 mbytes timeout 1m expires 59s936ms',
      '10.0.0.2 limit rate over 5/minute burst 5 packets counter packets 1 bytes 2 expires 4s',
      '10.0.0.3 ct count over 20',
      '10.0.0.4 quota 25 mbytes used 1 mbytes',
      '10.0.0.5 timeout 1h expires 59m counter packets 0 bytes 0 comment "x, y"',
      '10.0.0.6 last used 5s',
      '10.0.0.7 last never',
    ];
    const { rules, errors } = read(
      `table ip t {\n\tset a {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t\telements = { ${elements.join(', ')} }\n\t}\n\tchain c {\n\t\tip saddr @a drop\n\t}\n}`,
    );
    assert.deepEqual(errors, []);
    const rated = ['source=10.0.0.1 limit', 'source=10.0.0.2 !limit', 'source=10.0.0.3 !limit', 'source=10.0.0.4 limit'];
    assert.equal(
      rules[0]?.matches.map(words).join(),
      `any-of(all-of(any-of(source=10.0.0.5 source=10.0.0.6 source=10.0.0.7)) ${rated.map((one) => `all-of(${one})`).join(' ')})`,
    );
  });

  it('translates conditions and statements, and says what it can not', () => {
    const cases: Record<string, string[]> = {
      'ip saddr != { 10.0.0.1, 10.0.0.2 } drop': ['source=0.0.0.0/0 !any-of(source=10.0.0.1 source=10.0.0.2) -> DROP'],
      'tcp flags & (fin | syn) == syn reject with tcp reset': ['protocol=tcp tcp-flags -> REJECT'],
      'meta mark & 0xff == 0x10 accept': ['mark -> ACCEPT'],
      'meta mark & 0xff < 0x10 accept': ['number -> ACCEPT'],
      'meta mark set 0x1 tcp dport 80 counter packets 1 bytes 2': [' -> MARK', 'protocol=tcp destination-port=[[80,80]] -> '],
      'meta mark set 0x1 tcp dport 80 accept': [' -> MARK', 'protocol=tcp destination-port=[[80,80]] -> ACCEPT'],
      'fib saddr . iif oif missing drop': ['!rpfilter -> DROP'],
      'icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept': ['protocol=icmpv6 any-of(icmp-type icmp-type) -> ACCEPT'],
      'ip daddr 1.1.1.1 tcp dport 80 dnat ip to 10.0.0.5-10.0.0.9:80 persistent': [
        'destination=1.1.1.1 protocol=tcp destination-port=[[80,80]] -> DNAT',
      ],
      'dnat ip to tcp dport map { 80 : 10.9.0.2 . 8080, 81 : 10.9.0.3 . 8081 }': [
        'source=0.0.0.0/0 protocol=tcp destination-port=[[80,80]] -> DNAT',
        'source=0.0.0.0/0 protocol=tcp destination-port=[[81,81]] -> DNAT',
        'source=::/0 protocol=tcp destination-port=[[80,80]] -> ',
        'source=::/0 protocol=tcp destination-port=[[81,81]] -> ',
      ],
      'numgen random mod 2 vmap { 0 : jump a, 1 : jump b }': ['limit -> a', 'limit -> b'],
      '@th,16,16 0x35 drop': ['number -> DROP'],
      'tcp dport @unknown drop': ['other -> DROP'],
      'ct mark set ct mark << 8': ['ctstatus -> ct mark set ct mark << 8'],
      'counter packets 1 bytes 2 # CHECKSUM fill # handle 7': [' -> CHECKSUM'],
    };
    for (const [text, expected] of Object.entries(cases)) assert.deepEqual(rulesOf(text), expected, text);
  });

  it('reads how fingerprints of systems take the TTL', () => {
    const { errors } = read('table inet t {\n\tchain c {\n\t\tosf ttl skip name "Linux" drop\n\t}\n}');
    assert.deepEqual(errors, []);
    assert.deepEqual(rulesOf('osf ttl loose name "Linux" drop'), rulesOf('osf name "Linux" drop'));
  });

  it('reports what it does not understand, and what is cut off', () => {
    const { errors } = read(
      'table ip t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n\t\tip saddr 10.0.0.1 accept',
    );
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /ends inside a block/);
  });

  it('keeps the place of a rule that it does not understand, which may do anything', () => {
    const { rules, errors } = read(
      'table ip t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n\t\tmeta zork quux frob blah wibble\n\t\tip saddr 10.0.0.1 accept\n\t}\n}',
    );
    assert.equal(errors.length, 1);
    assert.deepEqual(
      rules.map(({ number, matches, target }) => [number, matches.map(words).join(' '), target?.value]),
      [
        [1, 'other', 'meta zork quux frob blah wibble'],
        [2, 'source=10.0.0.1', 'ACCEPT'],
      ],
    );
  });
});

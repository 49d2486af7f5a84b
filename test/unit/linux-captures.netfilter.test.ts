import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { iptablesList } from '../../server/src/captures/iptables-list/index';
import { iptablesRules } from '../../server/src/captures/iptables-rules/index';
import { portRanges } from '../../server/src/captures/iptables-rules/netfilter';
import { command, facts, parse, plain } from './linux-captures.harness';

const NAT = `        Chain POSTROUTING (policy ACCEPT)
        target     prot opt source               destination
        neutron-l3-agent-POSTROUTING  all  --  anywhere             anywhere

        Chain neutron-l3-agent-POSTROUTING (1 references)
        target     prot opt source               destination
        ACCEPT     all  --  anywhere             anywhere             ! ctstate DNAT

        Chain neutron-l3-agent-PREROUTING (1 references)
        target     prot opt source               destination
        DNAT       all  --  anywhere             172.24.4.3         to:172.19.1.3
        REDIRECT   tcp  --  anywhere             169.254.169.254      tcp dpt:http redir ports 9697

        Chain neutron-l3-agent-snat (1 references)
        target     prot opt source               destination
        SNAT       all  --  anywhere             anywhere             to:172.24.4.12
        SNAT       all  --  anywhere             anywhere             mark match ! 0x2/0xffff ctstate DNAT to:172.24.
        4.12

        Chain neutron-postrouting-bottom (1 references)
        target     prot opt source               destination
        neutron-l3-agent-snat  all  --  anywhere             anywhere             /* Perform source NAT on outgoing traffic.*/`;

describe('iptables -L', () => {
  it('reads the NAT table of a Neutron router with a wrapped row', () => {
    const parsed = parse(iptablesList, 'iptables-list', NAT, { table: 'nat' });
    assert.deepEqual(parsed.errors, []);
    const rules = facts(parsed, 'nf-rule').map((rule) =>
      plain([rule.chain, rule.number, rule.target, rule.matches, rule.targetOptions]),
    );
    assert.deepEqual(rules, [
      ['POSTROUTING', 1, 'neutron-l3-agent-POSTROUTING', [], {}],
      ['neutron-l3-agent-POSTROUTING', 1, 'ACCEPT', [{ kind: 'ctstate', states: ['DNAT'], negated: true }], {}],
      [
        'neutron-l3-agent-PREROUTING',
        1,
        'DNAT',
        [{ kind: 'destination', value: '172.24.4.3', negated: false }],
        { to: '172.19.1.3' },
      ],
      [
        'neutron-l3-agent-PREROUTING',
        2,
        'REDIRECT',
        [
          { kind: 'protocol', value: 'tcp', negated: false },
          { kind: 'destination', value: '169.254.169.254', negated: false },
          { kind: 'destination-port', ranges: [[80, 80]], negated: false },
        ],
        { ports: '9697' },
      ],
      ['neutron-l3-agent-snat', 1, 'SNAT', [], { to: '172.24.4.12' }],
      [
        'neutron-l3-agent-snat',
        2,
        'SNAT',
        [
          { kind: 'mark', mark: { value: 2, mask: 0xffff }, negated: true },
          { kind: 'ctstate', states: ['DNAT'], negated: false },
        ],
        { to: '172.24.4.12' },
      ],
      [
        'neutron-postrouting-bottom',
        1,
        'neutron-l3-agent-snat',
        [{ kind: 'comment', text: 'Perform source NAT on outgoing traffic.' }],
        {},
      ],
    ]);
    assert.ok(facts(parsed, 'nf-rule').every((rule) => rule.interfacesHidden && rule.table === 'nat'));
    const wrapped = parsed.records.filter((r) => r.lastLine > r.firstLine);
    assert.equal(wrapped.length, 1);
    const chains = parsed.refs.filter((ref) => ref.kind === 'chain' && ref.value === 'neutron-l3-agent-snat');
    assert.deepEqual(
      chains.map((ref) => [ref.scope, ref.defines]),
      [
        ['nat', true],
        ['nat', undefined],
      ],
    );
    assert.ok(!parsed.refs.some((ref) => ref.value === 'SNAT'));
  });

  it('takes the rest of a row and no prose below it', () => {
    const row = 'SNAT       all  --  anywhere             anywhere             ctstate DNAT to:203.0.';
    assert.equal(iptablesList.continues?.(row, '   113.9'), true);
    assert.equal(iptablesList.continues?.(row, 'Note that this is the floating address'), false);
    const hanging = '1    ACCEPT     all  --  0.0.0.0/0            0.0.0.0/0';
    assert.equal(iptablesList.continues?.(hanging, '          PHYSDEV match --physdev-out tap0a --physdev-is-bridged'), true);
    assert.equal(iptablesList.continues?.(hanging, 'That is all.'), false);
    assert.equal(iptablesList.continues?.(hanging, '# ip a'), false);
  });

  it('infers the table where no command says it', () => {
    assert.deepEqual(
      [...new Set(facts(parse(iptablesList, 'iptables-list', NAT), 'nf-rule').map((rule) => rule.table))],
      ['nat'],
    );
  });

  it('reads verbose rows with interfaces, counters and line numbers, pushed aside by long names', () => {
    const text = `Chain FORWARD (policy DROP 7 packets, 8542K bytes)
num   pkts bytes target     prot opt in     out     source               destination
1     8542K  12M neutron-openvswi-sg-chain  all  --  *      !br-lan  !10.9.0.0/16          0.0.0.0/0            PHYSDEV match --physdev-in tap0a1b2c3d-4e --physdev-is-bridged
2        0     0            udp  --  eth+   *       0.0.0.0/0            10.9.8.7             udp spt:67 dpts:68:70 /* odd; udp */ limit: avg 3/sec burst 5
3        0     0 MARK       6    --  eth1   *       0.0.0.0/0            0.0.0.0/0            multiport dports 80,443,8000:8010 MARK xset 0x1/0xffff`;
    const rules = facts(parse(iptablesList, 'iptables-list', text, { table: 'filter' }), 'nf-rule');
    assert.equal(rules.length, 3);
    assert.deepEqual(plain(rules[0]?.matches), [
      { kind: 'out-interface', value: 'br-lan', negated: true },
      { kind: 'source', value: '10.9.0.0/16', negated: true },
      { kind: 'physdev-in', value: 'tap0a1b2c3d-4e', negated: false },
      { kind: 'physdev-is-bridged', span: '--physdev-is-bridged', negated: false },
    ]);
    assert.equal(rules[0]?.packets?.value, '8542K');
    assert.equal(rules[0]?.interfacesHidden, false);
    assert.equal(rules[1]?.target, undefined);
    assert.deepEqual(plain(rules[1]?.matches), [
      { kind: 'protocol', value: 'udp', negated: false },
      { kind: 'in-interface', value: 'eth+', negated: false },
      { kind: 'destination', value: '10.9.8.7', negated: false },
      { kind: 'source-port', ranges: [[67, 67]], negated: false },
      { kind: 'destination-port', ranges: [[68, 70]], negated: false },
      { kind: 'comment', text: 'odd; udp' },
      { kind: 'limit', module: 'limit', text: 'limit: avg 3/sec burst 5', negated: false },
    ]);
    assert.deepEqual(plain(rules[2]?.targetOptions), { mark: { op: 'xset', value: 1, mask: 0xffff } });
    assert.deepEqual(plain(rules[2]?.matches), [
      { kind: 'protocol', value: 'tcp', negated: false },
      { kind: 'in-interface', value: 'eth1', negated: false },
      {
        kind: 'destination-port',
        ranges: [
          [80, 80],
          [443, 443],
          [8000, 8010],
        ],
        negated: false,
      },
    ]);
  });

  it('reads IPv6 rows without the fragment column', () => {
    const text = `Chain INPUT (policy ACCEPT 9 packets, 700 bytes)
 pkts bytes target     prot opt in     out     source               destination
   44  5263            tcp      eth1.5 *       ::/0                 2001:db8::/48        state NEW tcp dpt:22flags: 0x17/0x02
    0     0 DROP       ipv6-icmp    *      *       fd00::1/128          ::/0                 ipv6-icmptype 134 code 0`;
    const rules = facts(parse(iptablesList, 'ip6tables-list', text, { table: 'filter' }), 'nf-rule');
    assert.deepEqual(plain(rules[0]?.matches), [
      { kind: 'protocol', value: 'tcp', negated: false },
      { kind: 'in-interface', value: 'eth1.5', negated: false },
      { kind: 'destination', value: '2001:db8::/48', negated: false },
      { kind: 'ctstate', states: ['NEW'], negated: false },
      { kind: 'destination-port', ranges: [[22, 22]], negated: false },
      { kind: 'tcp-flags', mask: 23, set: 2, text: '0x17 0x02', negated: false },
    ]);
    assert.equal(rules[1]?.target?.value, 'DROP');
    assert.deepEqual(plain(rules[1]?.matches.slice(-1)), [{ kind: 'icmp-type', type: '134/0', negated: false }]);
    assert.equal(rules[1]?.family, 'ip6');
  });

  it('keeps what it does not know and what it does not understand', () => {
    const text = `Chain INPUT (policy ACCEPT)
target     prot opt source               destination
ACCEPT     tcp  --  anywhere             anywhere             tcp dpt:no-such-service ! owner UID match 42
this is not a rule`;
    const parsed = parse(iptablesList, 'iptables-list', text, { table: 'filter' });
    assert.deepEqual(plain(facts(parsed, 'nf-rule')[0]?.matches), [
      { kind: 'protocol', value: 'tcp', negated: false },
      { kind: 'other', text: 'dpt:no-such-service', negated: false },
      { kind: 'owner', what: 'uid', value: '42', text: 'owner UID match 42', negated: true },
    ]);
    assert.equal(parsed.errors.length, 1);
  });

  it('recognises its commands however their options stand', () => {
    for (const line of [
      'iptables -t nat -L -n -v',
      'iptables -nvL -t nat',
      'iptables -L -t nat',
      'iptables-legacy --table=nat --list',
      'iptables -vnLtnat',
    ]) {
      assert.equal(command(iptablesList, line)?.options?.['table'], 'nat', line);
    }
    assert.deepEqual(command(iptablesList, 'iptables -nL FORWARD'), {
      kind: 'iptables-list',
      options: { table: 'filter', chain: 'FORWARD' },
    });
    assert.equal(command(iptablesList, 'ip6tables -L')?.kind, 'ip6tables-list');
    assert.equal(command(iptablesList, 'iptables -A INPUT -j DROP'), undefined);
    assert.equal(command(iptablesList, 'iptables -S'), undefined);
  });

  it('refuses prose and prompts', () => {
    for (const text of [
      'Now list the rules -- there are many of them here',
      '# iptables -L',
      'root@h:~# iptables -L -n',
      'The chain is called INPUT',
    ]) {
      assert.equal(iptablesList.accepts(text, 'iptables-list'), false, text);
      assert.equal(
        iptablesList.sniff(text, () => undefined),
        undefined,
        text,
      );
    }
  });
});

describe('iptables-save and iptables -S', () => {
  it('reads a save with counters', () => {
    const text = `# Generated by iptables-save v1.8.7
*nat
:PREROUTING ACCEPT [12:734]
:neutron-l3-agent-snat - [0:0]
[5:300] -A neutron-l3-agent-POSTROUTING ! -i qg-a1b3323f-35 ! -o qg-a1b3323f-35 -m conntrack ! --ctstate DNAT -j ACCEPT
-A neutron-l3-agent-PREROUTING -d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697
-A neutron-l3-agent-snat -m mark ! --mark 0x2/0xffff -m conntrack --ctstate DNAT -j SNAT --to-source 172.24.4.12 --random-fully
COMMIT
*raw
-A OUTPUT -m limit --limit 5/min -m comment --comment "zone of \\"b\\"" -j CT --zone 4097
COMMIT`;
    const parsed = parse(iptablesRules, 'iptables-save', text);
    assert.deepEqual(parsed.errors, []);
    const rules = facts(parsed, 'nf-rule');
    assert.deepEqual(plain(rules.map((rule) => [rule.table, rule.chain, rule.target, rule.matches, rule.targetOptions])), [
      [
        'nat',
        'neutron-l3-agent-POSTROUTING',
        'ACCEPT',
        [
          { kind: 'in-interface', value: 'qg-a1b3323f-35', negated: true },
          { kind: 'out-interface', value: 'qg-a1b3323f-35', negated: true },
          { kind: 'ctstate', states: ['DNAT'], negated: true },
        ],
        {},
      ],
      [
        'nat',
        'neutron-l3-agent-PREROUTING',
        'REDIRECT',
        [
          { kind: 'destination', value: '169.254.169.254/32', negated: false },
          { kind: 'in-interface', value: 'qr-+', negated: false },
          { kind: 'protocol', value: 'tcp', negated: false },
          { kind: 'destination-port', ranges: [[80, 80]], negated: false },
        ],
        { ports: '9697' },
      ],
      [
        'nat',
        'neutron-l3-agent-snat',
        'SNAT',
        [
          { kind: 'mark', mark: { value: 2, mask: 0xffff }, negated: true },
          { kind: 'ctstate', states: ['DNAT'], negated: false },
        ],
        { natFlags: ['random-fully'], to: '172.24.4.12' },
      ],
      [
        'raw',
        'OUTPUT',
        'CT',
        [
          { kind: 'limit', module: 'limit', text: '-m limit --limit 5/min', negated: false },
          { kind: 'comment', text: 'zone of "b"' },
        ],
        { zone: 4097 },
      ],
    ]);
    assert.equal(rules[0]?.packets?.value, '5');
    assert.equal(rules[0]?.interfacesHidden, false);
    assert.deepEqual(plain(facts(parsed, 'nf-chain').map((chain) => [chain.name, chain.policy])), [
      ['PREROUTING', 'ACCEPT'],
      ['neutron-l3-agent-snat', undefined],
    ]);
  });

  it('reads -P, -N, -I and the less common matches and targets', () => {
    const text = `-P FORWARD DROP
-N sg-chain
-I FORWARD 2 -m physdev --physdev-out tap0a --physdev-is-bridged -g sg-chain
-A sg-chain -s 10.1.0.0/16 ! -d 10.1.2.3 -m mac ! --mac-source FA:16:3E:00:00:01 -j DROP
-A sg-chain -m set --match-set NIPv4abc src,dst -m addrtype ! --dst-type LOCAL -m iprange --src-range 10.0.0.1-10.0.0.9 -j RETURN
-A sg-chain -p icmp -m icmp --icmp-type 8/0 -m connmark --mark 0x1/0xff -j MARK --set-xmark 0x4000000/0xffff0000
-A sg-chain -p tcp --syn -j CONNMARK --save-mark --nfmask 0xffff0000 --ctmask 0xffff0000
-A sg-chain -p 17 -m multiport --ports 53,67:68 -j REJECT --reject-with icmp-port-unreachable`;
    const parsed = parse(iptablesRules, 'iptables-rules', text, { table: 'filter' });
    assert.deepEqual(parsed.errors, []);
    const rules = facts(parsed, 'nf-rule');
    assert.equal(rules[0]?.number, 2);
    assert.equal(rules[0]?.goto, true);
    assert.deepEqual(plain(rules.slice(1).map((rule) => rule.matches)), [
      [
        { kind: 'source', value: '10.1.0.0/16', negated: false },
        { kind: 'destination', value: '10.1.2.3', negated: true },
        { kind: 'mac-source', value: 'fa:16:3e:00:00:01', negated: true },
      ],
      [
        { kind: 'set', set: 'NIPv4abc', directions: ['src', 'dst'], negated: false },
        { kind: 'addrtype', which: 'dst', value: 'LOCAL', negated: true },
        { kind: 'iprange', which: 'src', from: '10.0.0.1', to: '10.0.0.9', text: '10.0.0.1-10.0.0.9', negated: false },
      ],
      [
        { kind: 'protocol', value: 'icmp', negated: false },
        { kind: 'icmp-type', type: '8/0', negated: false },
        { kind: 'connmark', mark: { value: 1, mask: 0xff }, negated: false },
      ],
      [
        { kind: 'protocol', value: 'tcp', negated: false },
        { kind: 'tcp-flags', mask: 23, set: 2, text: 'FIN,SYN,RST,ACK SYN', negated: false },
      ],
      [
        { kind: 'protocol', value: 'udp', negated: false },
        {
          kind: 'any-port',
          ranges: [
            [53, 53],
            [67, 68],
          ],
          negated: false,
        },
      ],
    ]);
    assert.deepEqual(plain(rules.slice(3).map((rule) => rule.targetOptions)), [
      { mark: { op: 'xset', value: 0x4000000, mask: 0xffff0000 } },
      { mark: { op: 'save', value: 0, mask: 0xffff0000, ctmask: 0xffff0000 } },
      { rejectWith: 'icmp-port-unreachable' },
    ]);
  });

  it('joins a rule that a terminal wrapped', () => {
    const text = `-A sg -s 10.0.0.5/32 -p tcp -m tcp --dport 443 -m comment
  --comment "a b" -j DNAT --to-destination 192.0.
2.7:443`;
    const parsed = parse(iptablesRules, 'iptables-rules', text, { table: 'nat' });
    assert.deepEqual(parsed.errors, []);
    assert.equal(facts(parsed, 'nf-rule')[0]?.targetOptions.to?.value, '192.0.2.7:443');
    assert.equal(iptablesRules.continues?.('-A sg -j DROP', 'These rules drop everything'), false);
    assert.equal(iptablesRules.continues?.('-A sg -j DROP', 'done'), false);
  });

  it('tells iptables from ebtables', () => {
    assert.equal(
      iptablesRules.sniff('-A FORWARD -p ARP -i tap0 -j neutronARP-tap0', () => undefined),
      undefined,
    );
    assert.equal(
      iptablesRules.sniff('-A neutron-x -m physdev --physdev-in tap0 -j DROP', () => undefined)?.kind,
      'iptables-rules',
    );
    assert.equal(command(iptablesRules, 'iptables -t nat -S')?.options?.['table'], 'nat');
    assert.equal(command(iptablesRules, 'ip6tables-save -c')?.kind, 'ip6tables-save');
  });

  it('knows ports by number, range and name', () => {
    assert.deepEqual(portRanges('http,1000:2000,ssh'), [
      [80, 80],
      [1000, 2000],
      [22, 22],
    ]);
    assert.deepEqual(portRanges(':1023'), [[0, 1023]]);
    assert.equal(portRanges('gopherette'), undefined);
    assert.equal(portRanges('70000'), undefined);
  });
});

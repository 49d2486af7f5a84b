import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, places, read } from './read-text';

const ADDRESSES = [
  '2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default qlen 1000',
  '    link/ether 52:54:00:0a:0b:0c brd ff:ff:ff:ff:ff:ff',
  '    inet 10.1.0.5/24 brd 10.1.0.255 scope global eth0',
];
const all = (lines: readonly string[], before: (n: number) => string): string =>
  lines.map((line, n) => `${before(n)}${line}\n`).join('');

/** What an address and its device are, and that the places of both are those in the text. */
function assertAddress(text: string): void {
  const [address] = factsOf(text, 'address');
  assert.deepEqual([address?.ip.value, address?.dev.value], ['10.1.0.5', 'eth0'], text);
  const span = address?.ip.span;
  assert.equal(span && text.slice(span.start, span.end), '10.1.0.5');
  assert.deepEqual(errorsOf(text), []);
}

describe('what a log puts before lines', () => {
  it('is no part of them, and may name the machine', () => {
    for (const [prefix, host] of [
      ['2026-01-05 10:11:12.123456 | controller | ', 'controller'],
      ['2026-01-05 10:11:12.123 | ', undefined],
      ['2026-01-05 10:11:12.123456 | cpt2 | 2026-01-05 10:11:12.120 | ', 'cpt2'],
      ['Jan  5 10:11:12 gw1 check-net[812]: ', 'gw1'],
      ['2026-01-05T10:11:12+0100 gw2 check.sh[1]: ', 'gw2'],
      ['2026-01-05T10:11:12.1234567Z ', undefined],
      ['[2026-01-05T10:11:12.123Z] ', undefined],
      ['2026-01-05 10:11:12,123 utils L0152 DEBUG| [stdout] ', undefined],
      ['> Jan  5 10:11:12 gw1 check-net[812]: ', 'gw1'],
    ] as const) {
      const text = all(['+ ip a', ...ADDRESSES], () => prefix);
      assertAddress(text);
      assert.deepEqual(places(text), [['ip-address', host, undefined]], prefix);
      assert.deepEqual(places(all(ADDRESSES, () => prefix)), [['ip-address', host, undefined]], prefix);
    }
  });

  it('parts the outputs of several machines', () => {
    const text = all([...ADDRESSES, ...ADDRESSES], (n) => `Jan  5 10:11:12 gw${n < ADDRESSES.length ? 1 : 2} check[8]: `);
    assert.deepEqual(places(text), [
      ['ip-address', 'gw1', undefined],
      ['ip-address', 'gw2', undefined],
    ]);
  });

  it('is what tcpdump itself prints with the day', () => {
    const text = '2026-01-05 10:11:12.123456 IP 10.1.0.5 > 10.1.0.6: ICMP echo request, id 1, seq 1, length 64\n';
    assert.equal(factsOf(text, 'packet-seen')[0]?.time?.value, '10:11:12.123456');
  });
});

describe('the source of a page', () => {
  it('has other names for some characters', () => {
    const page = all(['$ ip a', ...ADDRESSES], () => '&gt; ').replace(
      '<BROADCAST,MULTICAST,UP,LOWER_UP>',
      '&lt;BROADCAST,UP&gt;',
    );
    assertAddress(page);
    const [port] = factsOf(
      '<pre><code># ovs-vsctl show\n&nbsp;&nbsp;Bridge &quot;br0&quot;\n&nbsp;&nbsp;&nbsp;&nbsp;Port &quot;eth1&quot;\n</code></pre>\n',
      'ovs-port',
    );
    assert.deepEqual([port?.name.value, port?.bridge?.value], ['eth1', 'br0']);
  });

  it('is no page where XML has these names', () => {
    const xml = "$ virsh dumpxml a\n<domain type='kvm'>\n  <name>a</name>\n  <title>a &lt; b &amp; c</title>\n</domain>\n";
    assert.deepEqual([errorsOf(xml), factsOf(xml, 'domain').map(({ name }) => name?.value)], [[], ['a']]);
  });
});

describe('what Ansible prints of tasks', () => {
  const string = (line: string): string => `        ${JSON.stringify(line)},`;

  it('has lines as strings, and the machine above them', () => {
    const task = (host: string) =>
      [`ok: [${host}] => {`, '    "nets.stdout_lines": [', ...ADDRESSES.map(string), '    ]', '}', ''].join('\n');
    assertAddress(task('edge1'));
    assert.deepEqual(places(`TASK [show] ***\n${task('edge1')}${task('edge2')}\nPLAY RECAP ***\n`), [
      ['ip-address', 'edge1', undefined],
      ['ip-address', 'edge2', undefined],
    ]);
  });

  it('may say what was run', () => {
    for (const said of ['"cmd": ["ip", "netns", "exec", "blue", "ip", "a"],', '"cmd": "ip netns exec blue ip a",']) {
      const text = `changed: [edge1] => {\n    ${said}\n    "rc": 0,\n    "stdout_lines": [\n${ADDRESSES.map(string).join('\n')}\n    ]\n}\n`;
      assertAddress(text);
      assert.deepEqual(places(text), [['ip-address', 'edge1', 'blue']]);
      assert.equal(read(text).captures[0]?.command, 'ip netns exec blue ip a');
    }
  });

  it('may be YAML', () => {
    const block = `changed: [edge1] => \n  cmd: ip a\n  stdout: |-\n${all(ADDRESSES, () => '    ')}  stdout_lines: <omitted>\n`;
    const list = `ok: [edge1] => \n  nets.stdout_lines:\n${ADDRESSES.map((line) => `  - ${line.startsWith(' ') ? `'${line}'` : line}\n`).join('')}`;
    for (const text of [block, list]) {
      assertAddress(text);
      assert.deepEqual(places(text), [['ip-address', 'edge1', undefined]]);
    }
  });

  it('keeps the places of characters behind a backslash', () => {
    const text = `ok: [edge1] => {\n  "x.stdout_lines": [\n    "-A INPUT -m comment --comment \\"a b\\" -s 10.1.0.5/32 -j DROP"\n  ]\n}\n`;
    const span = factsOf(text, 'nf-rule')[0]?.target?.span;
    assert.equal(span && text.slice(span.start, span.end), 'DROP');
  });
});

describe('lines that something numbered or marked', () => {
  it('have no numbers of grep or nl', () => {
    const rule = '-A POSTROUTING -o eth0 -j MASQUERADE';
    for (const text of [
      `# iptables-save | grep -n MASQ\n12:${rule}\n13-${rule}\n`,
      `# iptables -t nat -S | cat -n\n     1\t${rule}\n     2\t${rule}\n`,
    ])
      assert.deepEqual([errorsOf(text), factsOf(text, 'nf-rule').length], [[], 2], text);
  });

  it('are of one state or another where diff marked them, and said to be so', () => {
    const [first, second, third] = ADDRESSES;
    const text = ` ${first ?? ''}\n ${second ?? ''}\n-${third ?? ''}\n+${third?.replace('1.0.5', '1.0.6') ?? ''}\n`;
    assert.deepEqual(errorsOf(text), ['not-understood', 'not-understood']);
  });
});

describe('signs that were typeset', () => {
  it('are those that were typed', () => {
    const text = `# ovs-vsctl show
    Bridge “br0”
        Port “vx1”
            Interface “vx1”
                type: vxlan
                options: {remote_ip=”10.0.0.2″, key=flow}
# iptables -S
-A INPUT –p tcp –dport 22 -m comment –comment “a – b” –j DROP
# ovs-ofctl dump-flows br0
 cookie=0×1f, duration=10.1s, table=0, n_packets=1, n_bytes=98, priority=0 actions=NORMAL
# virsh dumpxml a
<domain type=’kvm’>
  <interface type=’bridge’>
    <mac address=’52:54:00:0a:0b:0c’/>
  </interface>
</domain>
`;
    assert.deepEqual(errorsOf(text), []);
    assert.equal(factsOf(text, 'ovs-interface')[0]?.options?.['remote_ip']?.value, '10.0.0.2');
    const [rule] = factsOf(text, 'nf-rule');
    assert.deepEqual([rule?.matches.length, rule?.target?.value], [3, 'DROP']);
    assert.equal(rule?.target && text.slice(rule.target.span.start, rule.target.span.end), 'DROP');
    assert.equal(factsOf(text, 'domain-interface')[0]?.mac?.value, '52:54:00:0a:0b:0c');
  });
});

describe('what forums and trackers put around', () => {
  it('is no part of a command or its output', () => {
    const text =
      '[b]# brctl show[/b]\nbridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr0\t\t8000.001e682f02ad\tno\t\teth0\n{panel}\n';
    const [capture] = read(text).captures;
    assert.deepEqual([capture?.command, capture?.errors], ['brctl show', []]);
    assert.deepEqual(places('PS C:\\> ssh root@h1 ip r\ndefault via 10.9.9.1 dev eth0\n'), [['ip-route', 'h1', undefined]]);
  });

  it('may be a terminal that broke a table, whose title has an empty end there', () => {
    const text = `$ openstack port list
+--------------------------------------+------+-------------------+---------------------
---------+--------+
| ID                                   | Name | MAC Address       | Fixed IP Addresses
         | Status |
+--------------------------------------+------+-------------------+---------------------
---------+--------+
| 0a1b2c3d-1111-4222-8333-444455556666 |      | fa:16:3e:11:22:33 | ip_address='10.0.0.5
'        | ACTIVE |
+--------------------------------------+------+-------------------+---------------------
---------+--------+
`;
    assert.deepEqual(errorsOf(text), []);
    assert.equal(factsOf(text, 'neutron-port')[0]?.status?.value, 'ACTIVE');
  });
});

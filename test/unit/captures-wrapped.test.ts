import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, read } from './read-text';

/** Connections as `src:sport>dst:dport, the same of the answers, zone flags`. */
function connections(text: string): string[] {
  return factsOf(text, 'conntrack-entry').map(({ original, reply, zone, flags }) => {
    const [there, back] = [original, reply].map(
      ({ src, dst, sport, dport }) => `${src.value}:${sport?.value ?? ''}>${dst.value}:${dport?.value ?? ''}`,
    );
    return [there, back, zone?.value ?? '-', ...flags].join(' ');
  });
}

describe('connections whose lines were broken', () => {
  it('by a mail between words, at any depth of quotation', () => {
    const lines = [
      'tcp      6 299 ESTABLISHED src=10.1.0.4 dst=10.1.0.8',
      'sport=54470 dport=22 src=10.1.0.8 dst=192.0.2.4 sport=22',
      'dport=54470 [ASSURED] mark=0 use=1',
      'udp      17 29 src=10.1.0.4 dst=10.1.0.9 sport=5000 dport=53',
      '[UNREPLIED] src=10.1.0.9 dst=10.1.0.4 sport=53 dport=5000 mark=0',
      'zone=7 use=1',
    ];
    const expected = [
      '10.1.0.4:54470>10.1.0.8:22 10.1.0.8:22>192.0.2.4:54470 - ASSURED',
      '10.1.0.4:5000>10.1.0.9:53 10.1.0.9:53>10.1.0.4:5000 7 UNREPLIED',
    ];
    for (const quote of ['', '> ', '> > ', '>>>> ']) {
      const text = lines.map((line) => `${quote}${line}\n`).join('');
      assert.deepEqual(connections(text), expected, quote);
      assert.deepEqual(errorsOf(text), [], quote);
    }
  });

  it('by a terminal wherever its width ended', () => {
    const entry =
      'tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=10.0.0.6 sport=40002 dport=443 src=10.0.0.6 dst=192.0.2.1 sport=443 dport=40002 [ASSURED] mark=0 use=1';
    for (let width = 56; width < entry.length; width++) {
      const broken = entry.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
      const text = `# conntrack -L\n${broken.join('\n')}\nconntrack v1.4.6 (conntrack-tools): 1 flow entries have been shown.\n`;
      assert.deepEqual(
        connections(text),
        ['10.0.0.5:40002>10.0.0.6:443 10.0.0.6:443>192.0.2.1:40002 - ASSURED'],
        `${width} columns`,
      );
      assert.deepEqual(errorsOf(text), [], `${width} columns`);
    }
  });

  it('before their addresses, where those are long', () => {
    const [one, two] = ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:0db8:0000:0000:0000:0000:0000:0002'];
    const text = `ipv6     10 tcp      6 431999 ESTABLISHED\nsrc=${one}\ndst=${two} sport=40001 dport=22\nsrc=${two}\ndst=${one} sport=22 dport=40001\n[ASSURED] mark=0 zone=5 use=2\n`;
    assert.deepEqual(connections(text), [`${one}:40001>${two}:22 ${two}:22>${one}:40001 5 ASSURED`]);
    assert.deepEqual(errorsOf(text), []);
  });

  it('and lost their end say so, and are no connections', () => {
    const text = '# conntrack -L\ntcp      6 120 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1\n';
    assert.deepEqual(connections(text), []);
    assert.deepEqual(errorsOf(text), ['cut-off']);
  });

  it('end where sentences begin', () => {
    const text =
      'udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 use=1\nwhere mark=0 is what I do not get.\n';
    assert.equal(factsOf(text, 'conntrack-entry').length, 1);
    assert.equal(read(text).captures[0]?.lastLine, 0);
  });
});

/** The rules of a listing as `TARGET: conditions`. */
function rules(text: string): string[] {
  return factsOf(text, 'nf-rule').map(
    ({ target, matches }) => `${target?.value ?? '-'}: ${matches.map(({ kind }) => kind).join(' ')}`,
  );
}

describe('rules of nft whose lines were broken', () => {
  it('are one rule where the rest lost its indentation', () => {
    const text = [
      'table inet t {',
      '    chain in {',
      '        type filter hook input priority filter; policy',
      'drop;',
      '        iifname "veth1" icmpv6 type nd-neighbor-advert',
      '@nh,528,48 != 95530783235 drop',
      '        iifname "veth1" ip6 daddr ff02::1:2',
      'udp dport 547 accept',
      '        iifname "veth1" ip saddr 0.0.0.0 ip daddr',
      '255.255.255.255 udp dport 67 accept',
      '        tcp dport 22 accept comment',
      '"from the office"',
      '    }',
      '}',
    ].join('\n');
    assert.deepEqual(rules(text), [
      'DROP: in-interface protocol icmp-type number',
      'ACCEPT: in-interface destination protocol destination-port',
      'ACCEPT: in-interface source destination protocol destination-port',
      'ACCEPT: protocol destination-port',
    ]);
    assert.deepEqual(errorsOf(text), []);
    assert.equal(factsOf(text, 'nf-chain')[0]?.policy?.value, 'DROP');
  });

  it('are one rule where nothing is indented and the first line lacks its end', () => {
    const text =
      'table ip nat {\nchain post {\ntype nat hook postrouting priority 100; policy accept;\noif "a" ip saddr 10.0.0.0/8 snat to\n192.0.2.1-192.0.2.9 persistent\noif "b" masquerade\n}\n}\n';
    assert.deepEqual(
      factsOf(text, 'nf-rule').map(({ target, targetOptions }) => [target?.value, targetOptions.to?.value]),
      [
        ['SNAT', '192.0.2.1-192.0.2.9'],
        ['MASQUERADE', undefined],
      ],
    );
    assert.deepEqual(errorsOf(text), []);
  });

  it('stay apart where somebody indents as they like', () => {
    const text =
      'table ip f {\n  chain c {\n    type filter hook input priority 0;\n    tcp dport 22 accept\ntcp dport 80 drop\n      udp dport 53 accept\n  udp dport 54 accept\n  }\n}\n';
    assert.deepEqual(
      rules(text).map((rule) => rule.split(':')[0]),
      ['ACCEPT', 'DROP', 'ACCEPT', 'ACCEPT'],
    );
  });

  it('stay apart where the one above lacks nothing but a verdict', () => {
    const chain = (lines: string) => `table ip f {\n  chain c {\n${lines}\n  }\n}\n`;
    for (const above of ['tcp dport 22 counter', 'meta mark set 0x1', 'log prefix "a b"', 'udp dport 53 counter comment "c"'])
      assert.deepEqual(
        rules(chain(`    ${above}\ntcp dport 80 accept`)).map((rule) => rule.split(':')[0]?.replace(/^(?:MARK|LOG)$/, '-')),
        ['-', 'ACCEPT'],
        above,
      );
    const long = `    ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4 } counter packets 0 bytes 0`;
    assert.deepEqual(rules(chain(`${long}\naccept`)), rules(chain(`${long} accept`)));
    // A verdict alone may be the end of the rule or one of its own.
    assert.deepEqual(rules(chain('    tcp dport 22 counter\naccept')), ['tcp dport 22 counter accept: other']);
  });
});

describe('files for nft -f', () => {
  it('end rules with semicolons and have maps without a blank before the colon', () => {
    const text =
      'table ip f {\n  chain c {\n    type filter hook forward priority 0;\n    ip saddr @bad drop;\n    ip daddr vmap {\n      10.1.0.0-10.1.0.255: accept,\n      10.2.0.0-10.2.0.255: drop\n    }\n  }\n}\n';
    assert.deepEqual(
      rules(text).map((rule) => rule.split(':')[0]),
      ['DROP', 'ACCEPT', 'DROP'],
    );
    assert.deepEqual(errorsOf(text), []);
  });

  it('have the policy on a line of its own, with a semicolon or without', () => {
    for (const policy of ['policy drop', 'policy drop;']) {
      const text = `table ip f {\n  chain c {\n    type filter hook input priority 0;\n    ${policy}\n    iif "lo" accept\n  }\n}\n`;
      assert.equal(factsOf(text, 'nf-chain')[0]?.policy?.value, 'DROP', policy);
      assert.deepEqual(rules(text), ['ACCEPT: in-interface'], policy);
    }
  });

  it('have blanks where their authors like', () => {
    const text = 'table ip f {\n  chain c {\n    tcp dport 7 add @s {ip  saddr . 22 timeout 1s}\n  }\n}\n';
    const [rule] = factsOf(text, 'nf-rule');
    assert.deepEqual(rule?.targetOptions.element?.selectors, ['ip saddr', '22']);
  });

  it('use names that are defined elsewhere, which are no devices or addresses', () => {
    const text = 'table ip f {\n  chain c {\n    iifname $lan accept\n    ip saddr { $office, 10.0.0.0/8 } accept\n  }\n}\n';
    assert.deepEqual(rules(text), ['ACCEPT: other', 'ACCEPT: other']);
  });
});

describe('sets of nft', () => {
  const set = (elements: string) =>
    `table ip f {\n  set s {\n    type ipv4_addr\n    elements = {${elements}}\n  }\n  chain c {\n    ip saddr @s drop\n  }\n}\n`;
  it('are read however their lines are laid out', () => {
    for (const elements of [
      ' 10.0.0.1, 10.0.0.2 ',
      '\n      10.0.0.1,     10.0.0.2\n    ',
      '\n      10.0.0.1 ,\n      10.0.0.2\n    ',
      ' 10.0.0.1,\n\n      10.0.0.2\n\n ',
      ' 10.0.0.1 last used 1s591ms,\n                 10.0.0.2 counter packets 1 bytes 84 last never ',
    ]) {
      assert.deepEqual(errorsOf(set(elements)), [], elements);
      const [rule] = factsOf(set(elements), 'nf-rule');
      const [match] = rule?.matches ?? [];
      assert.equal(match?.kind === 'any-of' ? match.matches.length : match, 2, elements);
    }
  });

  it('are not known where a line of them is not understood or left out', () => {
    for (const elements of [' 10.0.0.1,\n      %%% ???\n      10.0.0.3 ', ' 10.0.0.1,\n      ...\n      10.0.0.3 '])
      assert.deepEqual(rules(set(elements)), ['DROP: other'], elements);
    assert.deepEqual(rules('table ip f {\n  chain c {\n    ip saddr { 10.0.0.1, a=b } drop\n  }\n}\n'), ['DROP: other']);
  });
});

describe('packets whose lines a mail broke', () => {
  it('are one packet each, quoted or not', () => {
    for (const quote of ['', '> > ']) {
      const text = [
        '$ tcpdump -ni eth0',
        'listening on eth0, link-type EN10MB (Ethernet), snapshot length',
        '262144 bytes',
        '10:00:00.000001 IP 10.0.0.5.15280 > 10.0.0.6.8080: Flags [S],',
        'seq 61471, win 64240, options [mss 1460,sackOK,TS val 26548',
        'ecr 0,nop,wscale 7], length 0',
        '10:00:00.000002 IP 10.0.0.6.8080 > 10.0.0.5.15280: Flags [.],',
        'length 0',
        '10:00:00.000003 IP 0.0.0.0.bootpc > 255.255.255.255.bootps: BOOTP/DHCP,',
        'Request from 00:1a:64:33:8d:fa (oui Unknown), length 300',
      ].map((line) => `${quote}${line}\n`);
      const packets = factsOf(text.join(''), 'packet-seen');
      assert.deepEqual(errorsOf(text.join('')), []);
      assert.deepEqual(
        packets.map(({ src, sport, dport }) => [src?.value, sport?.value, dport?.value]),
        [
          ['10.0.0.5', 15280, 8080],
          ['10.0.0.6', 8080, 15280],
          ['0.0.0.0', 68, 67],
        ],
      );
    }
  });

  it('may be known without a word of tcpdump', () => {
    const text = '10:00:00.000001 IP 10.0.0.5.15280 > 10.0.0.6.8080: Flags [S],\nseq 614, win 64240, length 0\n';
    assert.deepEqual([factsOf(text, 'packet-seen').length, errorsOf(text)], [1, []]);
  });
});

describe('sockets whose lines a mail broke', () => {
  it('keep the programs and titles that stand below them', () => {
    const text = `Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address
State       PID/Program name
tcp        0      0 0.0.0.0:22 0.0.0.0:*               LISTEN      544/sshd:
/usr/sbin
$ ss -ltn
State    Recv-Q   Send-Q       Local Address:Port       Peer
Address:Port   Process
LISTEN   0        4096                  *:80                   *:*
cgroup:/system.slice/web.service
`;
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(
      factsOf(text, 'listener').map(({ port, process }) => [port?.value, process?.value]),
      [
        [22, 'sshd'],
        [80, undefined],
      ],
    );
  });

  it('wait for packets though the peer is cut off', () => {
    const text =
      '$ ss -4tlnp\nState      Recv-Q Send-Q Local Address:Port    Peer Address:Port\nLISTEN     0      1            *:42669\n';
    assert.deepEqual([errorsOf(text), factsOf(text, 'listener').map(({ port }) => port?.value)], [[], [42669]]);
  });
});

describe('rules whose ends a screen cut off', () => {
  const TITLE = ' pkts bytes target     prot opt in     out     source               destinati';
  const whole = '    3   180 DROP       tcp  --  *      *       0.0.0.0/0            10.0.0.1';

  it('are said to be cut, and their chain is not known whole', () => {
    for (const edge of ['>', 'o'])
      assert.deepEqual(
        errorsOf(`$ iptables -nvL INPUT | less -S
Chain INPUT (policy ACCEPT 12 packets, 800 bytes)
${TITLE}${edge}
   12   800 ACCEPT     all  --  lo     *       0.0.0.0/0            192.168.10${edge === '>' ? '>' : '1'}
   12   800 ACCEPT     all  --  lo     *       0.0.0.0/0            192.168.1.1
`).length,
        2,
        edge,
      );
  });

  it('are whole where they end before its edge', () => {
    const text = `$ iptables -nvL INPUT | less -S\nChain INPUT (policy ACCEPT 12 packets, 800 bytes)\n${TITLE}>\n${whole}\n`;
    assert.deepEqual([errorsOf(text), factsOf(text, 'nf-rule').map(({ target }) => target?.value)], [[], ['DROP']]);
  });
});

describe('listings of rules whose lines a mail broke', () => {
  it('have titles and rules before whose second address the break is', () => {
    const text = `root@r:~# iptables -t raw -L PREROUTING -nv
Chain PREROUTING (policy ACCEPT 0 packets, 0 bytes)
 pkts bytes target     prot opt in     out     source
destination
   24  1296 CT         tcp  --  eth1   *       0.0.0.0/0
10.0.0.1             tcp dpt:1234 NOTRACK
    4   240 DROP       all  --  *      *       10.0.0.0/24
10.0.1.0/24
`;
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(
      factsOf(text, 'nf-rule').map(({ target, matches }) => [target?.value, matches.length]),
      [
        ['CT', 4],
        ['DROP', 2],
      ],
    );
  });

  it('are known to lack the rest of a rule that nothing goes on with', () => {
    const text = `root@r:~# iptables -L INPUT -nv
Chain INPUT (policy ACCEPT 0 packets, 0 bytes)
 pkts bytes target     prot opt in     out     source
destination
   24  1296 DROP       tcp  --  eth1   *       0.0.0.0/0
`;
    assert.deepEqual(errorsOf(text), ['cut-off']);
  });
});

describe('devices whose first line a mail broke', () => {
  const MAC = '1a:04:23:dc:3b:01';
  const expected = [['eth0', 'bat0', 'UP', MAC]];
  const links = (text: string) =>
    factsOf(text, 'link').map(({ name, master, state, mac }) => [name.value, master?.value, state?.value, mac?.value]);

  it('have the rest of it below, wherever the break was', () => {
    const words =
      `2: eth0: <BROADCAST,UP> mtu 1500 qdisc pfifo_fast master bat0 state UP mode DEFAULT group default qlen 1000`.split(' ');
    for (let at = 5; at < words.length; at++) {
      const text = `$ ip link\n${words.slice(0, at).join(' ')}\n${words.slice(at).join(' ')}\n    link/ether ${MAC} brd ff:ff:ff:ff:ff:ff\n`;
      assert.deepEqual([errorsOf(text), links(text)], [[], expected], text);
    }
  });

  it('may have all of it there, as ip -o prints it', () => {
    for (const [before, behind] of [
      ['link/ether', ''],
      ['', 'link/ether '],
    ]) {
      const text = `2: eth0: <BROADCAST,UP> mtu 1500 qdisc noqueue master\nbat0 state UP mode DEFAULT group default qlen 1000\\    ${before ?? ''}
${behind ?? ''}${MAC} brd ff:ff:ff:ff:ff:ff\n`;
      assert.deepEqual([errorsOf(text), links(text)], [[], expected], text);
    }
  });
});

describe('XML whose tags a mail broke', () => {
  it('has attributes on the lines below', () => {
    const text = `$ virsh dumpxml app
<domain type='kvm'>
  <interface type='bridge'>
    <mac address='52:54:00:0a:0b:0c'/>
    <source
bridge='br0'/>
    <address type='pci' domain='0x0000' bus='0x00' slot='0x02'
function='0x0' multifunction='on'/>
  </interface>
</domain>
`;
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(
      factsOf(text, 'domain-interface').map(({ source }) => source?.value),
      ['br0'],
    );
  });
});

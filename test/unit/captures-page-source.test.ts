import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factsOf, places, read } from './read-text';

const spanned = (text: string) =>
  read(text).captures.flatMap(({ refs }) => refs.map(({ span }) => text.slice(span.start, span.end)));

describe('a listing on one line of a page’s source', () => {
  const PAGE =
    '<p>root@h1:~# ip route<br>default via 10.7.0.1 dev eth0 <br />10.7.0.0/24 dev eth0 proto kernel scope link src 10.7.0.9<br/>' +
    'root@h1:~# ip -4 addr show eth0<br>2: eth0: &lt;BROADCAST,UP&gt; mtu 1400 qdisc mq state UP<br>&nbsp;&nbsp;&nbsp;&nbsp;inet 10.7.0.9/24 scope global eth0</p>\n';

  it('is the lines that the page shows, each at its place', () => {
    assert.deepEqual(places(PAGE), [
      ['ip-route', 'h1', undefined],
      ['ip-address', 'h1', undefined],
    ]);
    assert.deepEqual(
      factsOf(PAGE, 'route').map(({ dst }) => `${dst.value.ip}/${dst.value.prefix}`),
      ['0.0.0.0/0', '10.7.0.0/24'],
    );
    const [address] = factsOf(PAGE, 'address');
    assert.equal(address && PAGE.slice(address.ip.span.start, address.ip.span.end), '10.7.0.9');
    assert.equal(factsOf(PAGE, 'link')[0]?.mtu?.value, 1400);
  });

  it('may be a table with the numbers beside it, or blocks', () => {
    const table =
      '<figure class="highlight"><table><tr><td class="gutter"><pre><span class="line">1</span><br><span class="line">2</span><br></pre></td>' +
      '<td class="code"><pre><span class="line">$ iptables -S FORWARD</span><br><span class="line">-P FORWARD DROP</span><br></pre></td></tr></table></figure>\n';
    assert.deepEqual(
      factsOf(table, 'nf-chain').map(({ name, policy }) => [name.value, policy?.value]),
      [['FORWARD', 'DROP']],
    );
    const blocks = '<div># ip rule</div><div>0: from all lookup local</div><div>100: from 10.0.0.9 lookup 7</div>\n';
    assert.deepEqual(
      factsOf(blocks, 'ip-rule').map(({ priority }) => priority.value),
      [0, 100],
    );
  });

  it('says which of them are not understood', () => {
    const text = '# ip rule<br>0: from all lookup local<br>1x: from 10.0.0.9 lookup 7<br>32767: from all lookup default\n';
    const [error] = read(text).captures[0]?.errors ?? [];
    assert.equal(error && text.slice(error.span.start, error.span.end), '1x: from 10.0.0.9 lookup 7');
  });

  it('has names for characters by their numbers, too', () => {
    const text = '&#35; ip rule\n0:&#x9;from all lookup local\n32766:&nbsp;from all lookup &#109;ain\n';
    assert.deepEqual(
      factsOf(text, 'ip-rule').map(({ table }) => table?.value),
      ['local', 'main'],
    );
  });
});

describe('lines with their numbers in front', () => {
  const lines = [
    'root@h2:~# ovs-vsctl show',
    '    Bridge br-int',
    '        Port tap1',
    '            tag: 5',
    '            Interface tap1',
    '',
    'root@h2:~# ip -o link',
    '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN',
    '2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500 state UP',
    '3: eth1: <BROADCAST,UP,LOWER_UP> mtu 1500 state UP',
  ];
  const forms: Readonly<Record<string, (line: string, n: number) => string>> = {
    'cat -n': (line, n) => `${String(n).padStart(6)}\t${line}`,
    nl: (line, n) => (line === '' ? '       ' : `${String(n).padStart(6)}\t${line}`),
    'an editor': (line, n) => `${String(n).padStart(4)} ${line}`,
    'an editor, left': (line, n) => `${n}  ${line}`.trimEnd(),
    'grep -n': (line, n) => `${n}:${line}`,
    colons: (line, n) => `${n}: ${line}`.trimEnd(),
    bars: (line, n) => `${String(n).padStart(3)} | ${line}`.trimEnd(),
  };

  for (const [name, form] of Object.entries(forms)) {
    it(`are read as they are without (${name})`, () => {
      let counted = 96;
      const text = `See here:\n\n${lines.map((line) => form(line, name === 'nl' && line === '' ? counted : ++counted)).join('\n')}\n`;
      assert.deepEqual(places(text), [
        ['ovs-vsctl-show', 'h2', undefined],
        ['ip-link', 'h2', undefined],
      ]);
      assert.deepEqual(
        factsOf(text, 'ovs-port').map(({ bridge, tag }) => [bridge?.value, tag?.value]),
        [['br-int', 5]],
      );
      assert.deepEqual(
        factsOf(text, 'link').map(({ index, name: dev }) => [index?.value, dev.value]),
        [
          [1, 'lo'],
          [2, 'eth0'],
          [3, 'eth1'],
        ],
      );
      assert.ok(spanned(text).includes('tap1'));
    });
  }

  it('keep numbers that are their own', () => {
    const links = lines.slice(7).join('\n');
    assert.deepEqual(
      factsOf(links, 'link').map(({ index }) => index?.value),
      [1, 2, 3],
    );
    const rules =
      'Chain FORWARD (policy DROP)\nnum  target     prot opt source      destination\n1    ACCEPT     all  --  10.0.0.0/8  0.0.0.0/0\n2    DROP       tcp  --  0.0.0.0/0   0.0.0.0/0\n3    DROP       udp  --  0.0.0.0/0   0.0.0.0/0\n';
    for (const text of [rules, rules.split('\n').slice(2).join('\n')])
      assert.ok(
        factsOf(text, 'nf-rule').every(({ text: rule }, n) => rule.value.startsWith(String(n + 1))),
        text,
      );
    const piped = `$ ip -o link | cat -n\n${lines
      .slice(7)
      .map((line, n) => `     ${n + 1}\t${line}`)
      .join('\n')}\n`;
    assert.deepEqual(
      factsOf(piped, 'link').map(({ index }) => index?.value),
      [1, 2, 3],
    );
  });
});

describe('what Markdown puts around a listing', () => {
  it('may stand on its first or its last line', () => {
    const text = '```# ipset list ports\nName: ports\nType: bitmap:port\nHeader: range 1-100\nMembers:\n8\n9`\n';
    assert.deepEqual(places(text), [['ipset-list', undefined, undefined]]);
    assert.deepEqual(
      factsOf(text, 'ipset-entry').map(({ element }) => element.value),
      ['8', '9'],
    );
  });
});

describe('what stands below an output', () => {
  it('is its prompt again, or what a script does next', () => {
    const text =
      'BM1 $ sudo ebtables -L FORWARD\nBridge table: filter\n\nBridge chain: FORWARD, entries: 1, policy: DROP\n-p IPv6 -j ACCEPT\n';
    for (const below of ['BM1 $', '--- assigning the address 2001:db8::11 to br-lan', '=== h2 ==='])
      assert.deepEqual(places(`${text}${below}\n`), [['ebtables-list', 'BM1', undefined]], below);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plain } from './linux-captures.harness';
import { errorsOf, factsOf, places, read } from './read-text';
import { networkOf, trace } from './walk-fixture';

const KEY = { a: 'aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', b: 'bBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB=' };

const SHOW = `interface: wg0
  public key: ${KEY.a}
  private key: (hidden)
  listening port: 51820
  fwmark: 0xca6c

peer: ${KEY.b}
  preshared key: (hidden)
  endpoint: 203.0.113.2:51820
  allowed ips: 10.7.0.2/32, 10.2.0.0/24, fd00:2::/64
  latest handshake: 1 minute, 22 seconds ago
  transfer: 1.21 KiB received, 3.05 KiB sent
  persistent keepalive: every 25 seconds

peer: xxxxxxxx
  endpoint: [2001:db8::9]:51820
  allowed ips: (none)
`;

const peers = (text: string) =>
  factsOf(text, 'wireguard-peer').map((fact) => {
    const { kind: _kind, ...rest } = plain(fact) as Record<string, unknown>;
    return rest;
  });

describe('wg show', () => {
  const expected = [
    {
      dev: 'wg0',
      peer: KEY.b,
      key: KEY.b,
      endpoint: '203.0.113.2',
      reached: true,
      allowed: ['10.7.0.2/32', '10.2.0.0/24', 'fd00:2::/64'],
    },
    { dev: 'wg0', peer: 'xxxxxxxx', endpoint: '2001:db8::9', reached: true, allowed: [] },
  ];
  for (const [how, text] of [
    ['under its command', `root@a:~# wg show\n${SHOW}`],
    ['without one', `Here it is:\n\n${SHOW}`],
    ['without the blanks in front', `root@a:~# wg\n${SHOW.replace(/^ +/gm, '')}`],
    ['with a list that a hand broke', `root@a:~# wg show wg0\n${SHOW.replace('10.2.0.0/24, fd', '10.2.0.0/24,\n    fd')}`],
  ] as const)
    it(`is read ${how}`, () => {
      const document = read(text);
      assert.deepEqual(
        document.captures.map(({ kind }) => kind),
        ['wg-show'],
      );
      assert.deepEqual([document.unclassified, errorsOf(text)], [[], []]);
      assert.deepEqual(peers(text), expected);
      assert.deepEqual(
        factsOf(text, 'wireguard-device').map(({ dev, key }) => [dev.value, key.value]),
        [['wg0', KEY.a]],
      );
    });

  it('is read with remarks behind its lines, none of which goes to the peer above', () => {
    const remarked = SHOW.replace(`peer: ${KEY.b}`, `peer: ${KEY.b} # Client 1`)
      .replace('peer: xxxxxxxx', 'peer: xxxxxxxx # Client 2')
      .replace('allowed ips: (none)', 'allowed ips: 10.9.0.0/24  <-- here')
      .replace('endpoint: [', 'endpoint: <HIDDEN>:51820 #Port is ephemeral\n  endpoint: [');
    const [first, second] = expected;
    assert.deepEqual(peers(`$ wg show\n${remarked}`), [first, { ...second, endpoint: '2001:db8::9', allowed: ['10.9.0.0/24'] }]);
    assert.deepEqual(read(`$ wg show\n${remarked}`).unclassified, []);
  });

  it('leaves out a second list of a device, which may be of another machine', () => {
    const text = `${device('a', 'b', '10.7.0.2/32')}\n${device('b', 'a', '10.7.0.1/32')}`;
    assert.deepEqual([peers(text).length, errorsOf(text)], [1, ['inconsistent']]);
  });

  it('is kept as what it is in other forms', () => {
    const dump = `wg0\t(none)\t${KEY.a}\t51820\toff\n`;
    const text = `root@a:~# wg show all dump\n${dump}root@a:~# wg showconf wg0\n[Interface]\nListenPort = 51820\n\nroot@a:~# wg show interfaces\nwg0\n`;
    assert.deepEqual(places(text), [
      ['wg-show-dump', 'a', undefined],
      ['wg-showconf', 'a', undefined],
      ['wg-show-interfaces', 'a', undefined],
    ]);
  });
});

/** A machine with a network of its own behind WireGuard. */
function machine(name: 'a' | 'b', show = ''): string {
  const n = name === 'a' ? 1 : 2;
  return `[root@${name} ~]# ip -d a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default
    link/ether 02:00:00:00:0${n}:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.${n}/24 scope global eth0
3: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default
    link/none
    wireguard
    inet 10.7.0.${n}/24 scope global wg0
[root@${name} ~]# ip route
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.${n}
10.7.0.0/24 dev wg0 proto kernel scope link src 10.7.0.${n}
${show === '' ? '' : `[root@${name} ~]# wg show\n${show}`}`;
}

/** What `wg show` says of a device with one peer. */
const device = (own: 'a' | 'b', peer: 'a' | 'b', allowed: string) =>
  `interface: wg0\n  public key: ${KEY[own]}\n  listening port: 51820\n\npeer: ${KEY[peer]}\n  endpoint: 203.0.113.${peer === 'a' ? 1 : 2}:51820\n  allowed ips: ${allowed}\n`;

const walked = (text: string, to = '10.7.0.2') => trace(networkOf(text), `10.7.0.1 > ${to}`).request;
const nics = (text: string, to?: string) => walked(text, to).steps.filter(({ stage }) => stage === 'nic');

describe('a packet for a peer of WireGuard', () => {
  it('comes out where the device with its key is', () => {
    const text = machine('a', device('a', 'b', '10.7.0.2/32')) + machine('b', device('b', 'a', '10.7.0.1/32'));
    const answer = walked(text);
    assert.equal(answer.ending.disposition, 'delivered', answer.ending.summary);
    assert.equal(answer.ending.at.host, 'b');
    assert.deepEqual(
      nics(text).map(({ summary, certainty }) => [summary, certainty]),
      [['Into wg0, to peer bBBBBBBB…, out of wg0 of b: 10.7.0.1 → 10.7.0.2', 'captured']],
    );
    assert.ok(!answer.gaps.some(({ command }) => command.startsWith('wg show')));
  });

  it('is dropped where no peer has its destination, or where the other end has its sender behind nobody', () => {
    const nobody = walked(machine('a', device('a', 'b', '10.7.0.9/32')) + machine('b'));
    assert.deepEqual([nobody.ending.disposition, nobody.ending.at.host], ['dropped', 'a']);
    assert.match(nobody.ending.summary, /^No peer of wg0 has 10\.7\.0\.2 among its allowed IPs/);
    const refused = walked(machine('a', device('a', 'b', '10.7.0.2/32')) + machine('b', device('b', 'a', '10.7.0.9/32')));
    assert.deepEqual([refused.ending.disposition, refused.ending.at.host], ['dropped', 'b']);
  });

  it('is dropped where its peer has no endpoint, as far as the list tells', () => {
    const show = device('a', 'b', '10.7.0.2/32').replace(/ *endpoint:.*\n/, '');
    const far = machine('b', device('b', 'a', '10.7.0.1/32'));
    const { ending } = walked(machine('a', show) + far);
    assert.deepEqual([ending.disposition, ending.at.host], ['dropped', 'a']);
    assert.match(ending.summary, /^Peer bBBBBBBB… of wg0 has no endpoint/);
    for (const told of [
      '  endpoint: <HIDDEN>:51820\n',
      '  latest handshake: 2 minutes ago\n',
      '  transfer: 1.21 KiB received, 3.05 KiB sent\n',
      '...\n',
    ])
      assert.equal(walked(machine('a', show + told) + far).ending.disposition, 'delivered', told);
  });

  it('is not dropped where a list was cut, or what is behind a peer is masked', () => {
    const lists = ['10.7.x.x/32', '10.7.0.9/32, 10.7.0.1'].map((allowed) => device('a', 'b', allowed));
    for (const show of [`${device('a', 'b', '10.7.0.9/32')}...\n`, ...lists]) {
      const answer = walked(machine('a', show) + machine('b'));
      assert.notEqual(answer.ending.disposition, 'dropped', answer.ending.summary);
      assert.ok(answer.gaps.some(({ command }) => command === 'wg show wg0'));
    }
  });

  it('is taken to come out at the machine with the address of its peer, unless that has another key', () => {
    const [step] = nics(machine('a', device('a', 'b', '10.7.0.2/32')) + machine('b'));
    assert.equal(step?.certainty, 'inferred');
    assert.match(step?.reason ?? '', /b has 203\.0\.113\.2, where the peer of 10\.7\.0\.2 is/);
    const other = walked(
      machine('a', device('a', 'b', '10.7.0.2/32')) +
        machine('b', device('a', 'b', '10.7.0.1/32').replaceAll(KEY.a, KEY.a.replace('aA', 'cC'))),
    );
    assert.equal(other.ending.disposition, 'exits', other.ending.summary);
  });

  it('leaves to a peer that nobody captured, by the longest of the prefixes that have it', () => {
    const two = `${device('a', 'b', '0.0.0.0/0')}\npeer: ${KEY.a.replace('aA', 'dD')}\n  endpoint: 198.51.100.4:51820\n  allowed ips: 10.7.0.8/29\n`;
    const [step] = nics(machine('a', two), '10.7.0.9');
    assert.match(step?.summary ?? '', /^Leaves by wg0, to peer dDAAAAAA… at 198\.51\.100\.4/);
  });
});

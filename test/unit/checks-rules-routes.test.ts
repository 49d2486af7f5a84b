import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runChecks } from '../../server/src/checks/registry';
import { networkOf } from './walk-fixture';

const found = (text: string) => runChecks(networkOf(text)).map(({ code, message, source }) => ({ code, message, source }));
const codes = (text: string) => found(text).map(({ code }) => code);

const filter = (...rules: readonly string[]) =>
  `root@gw:~# iptables-save\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n${rules.map((rule) => `-A ${rule}\n`).join('')}COMMIT\n`;

describe('checks of rules', () => {
  it('find what was appended behind a rule that takes every packet', () => {
    const text = filter(
      'INPUT -i lo -j ACCEPT',
      'INPUT -m comment --comment "the rest" -j REJECT --reject-with icmp-host-prohibited',
      'INPUT -p tcp -m tcp --dport 8080 -j ACCEPT',
      'INPUT -p tcp -m tcp --dport 8443 -j ACCEPT',
    );
    const [one, ...others] = found(text);
    assert.equal(others.length, 0);
    assert.equal(one?.code, 'rule-never-reached');
    assert.match(one.message, /rule 3 of INPUT in table filter \(nor the one behind it\): rule 2, REJECT, takes every one/);
    assert.equal(text.slice(one.source.span.start, one.source.span.end).includes('8080'), true);
  });

  it('find nothing behind rules that take some packets only, or stand last', () => {
    for (const rules of [
      ['INPUT -i lo -j ACCEPT', 'INPUT -p tcp -j DROP', 'INPUT -j DROP'],
      ['INPUT -j mine', 'INPUT -j ACCEPT', 'mine -j RETURN', 'mine -j DROP'],
      ['INPUT -m limit --limit 1/sec -j DROP', 'INPUT -j ACCEPT'],
      ['INPUT -j LOG', 'INPUT -j ACCEPT'],
    ])
      assert.deepEqual(codes(filter(...rules)), [], rules.join(', '));
  });

  it('find nothing where interfaces are not shown', () => {
    const listed = (columns: string, ...rows: readonly string[]) =>
      `root@gw:~# iptables ${columns}\nChain INPUT (policy ACCEPT)\n${rows.join('\n')}\n`;
    const hidden = listed(
      '-L -n',
      'target     prot opt source               destination',
      'ACCEPT     all  --  0.0.0.0/0            0.0.0.0/0',
      'DROP       tcp  --  0.0.0.0/0            0.0.0.0/0            tcp dpt:22',
    );
    assert.deepEqual(codes(hidden), []);
    const shown = listed(
      '-L -n -v',
      ' pkts bytes target     prot opt in     out     source               destination',
      '    0     0 ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0',
      '    0     0 DROP       tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22',
    );
    assert.deepEqual(codes(shown), ['rule-never-reached']);
  });

  it('know the chains of nft too', () => {
    const nft = (first: string) =>
      `root@gw:~# nft list ruleset\ntable inet fw {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t\t${first}\n\t\ttcp dport 80 accept\n\t}\n}\n`;
    assert.deepEqual(codes(nft('counter packets 1 bytes 60 drop')), ['rule-never-reached']);
    assert.deepEqual(codes(nft('ip saddr 10.0.0.0/8 drop')), []);
    assert.deepEqual(codes(nft('counter packets 1 bytes 60')), []);
  });

  it('find a machine that translates for others and hands nothing on', () => {
    const nat = (rule: string) =>
      `root@gw:~# iptables-save -t nat\n*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A ${rule}\nCOMMIT\n`;
    const set = (...lines: readonly string[]) => `root@gw:~# sysctl -a\n${lines.join('\n')}\n`;
    const masquerade = nat('POSTROUTING -o eth0 -j MASQUERADE');
    assert.deepEqual(codes(masquerade + set('net.ipv4.ip_forward = 0')), ['forwarding-off']);
    assert.deepEqual(codes(masquerade + set('net.ipv4.ip_forward = 1')), []);
    assert.deepEqual(codes(masquerade), []);
    assert.deepEqual(codes(masquerade + set('net.ipv4.ip_forward = 0', 'net.ipv4.conf.eth1.forwarding = 1')), []);
    assert.deepEqual(codes(nat('PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080') + set('net.ipv4.ip_forward = 0')), []);
  });
});

describe('a check of routes', () => {
  const routes =
    'root@gw:~# ip r\ndefault via 10.0.2.254 dev eth1\n10.9.0.0/16 via 10.0.2.254 dev eth1\n10.0.2.0/24 dev eth1 scope link\n';
  const neighbour = (row: string) => `root@gw:~# ip neigh\n${row}\n`;

  it('finds the gateway that does not answer, once', () => {
    const [one, ...others] = found(routes + neighbour('10.0.2.254 dev eth1 FAILED'));
    assert.equal(others.length, 0);
    assert.equal(one?.code, 'gateway-unreachable');
    assert.match(one.message, /10\.0\.2\.254 does not answer on eth1 \(FAILED\), and gw sends by it .*default via 10\.0\.2\.254/);
  });

  it("finds nothing where it answers, was not asked for, or is another device's", () => {
    for (const row of [
      '10.0.2.254 dev eth1 lladdr 02:00:00:00:00:01 STALE',
      '10.0.2.7 dev eth1 FAILED',
      '10.0.2.254 dev eth9 FAILED',
    ])
      assert.deepEqual(codes(routes + neighbour(row)), [], row);
  });
});

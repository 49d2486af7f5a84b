import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { networkOf } from './walk-fixture';

function ask(text: string, words: string) {
  const namespace = networkOf(text).hosts.get('gw')?.namespaces.get('');
  assert.ok(namespace);
  const question = readQuestion(words.split(' '), namespace);
  if (typeof question === 'string') return question;
  const [trace] = netfilterTrace(namespace, [question]);
  assert.ok(trace);
  return trace;
}

function tried(text: string, words: string) {
  const trace = ask(text, words);
  if (typeof trace === 'string') assert.fail(trace);
  return trace;
}

const WORDS = 'iif=tun0 oif=eth0 src=10.8.0.9 dst=198.51.100.4 proto=tcp dport=443';

describe('rules that were captured without routes, and where the packet leaves', () => {
  const rules = `root@gw:~# iptables -S
-P INPUT ACCEPT
-P FORWARD DROP
-P OUTPUT ACCEPT
-A FORWARD -i br-lan -j ACCEPT
-A FORWARD -i tun0 -o eth1 -j ACCEPT
`;

  it('are asked with the device that the question says', () => {
    const trace = tried(rules, WORDS);
    assert.equal(trace.likely, 'dropped');
    assert.match(trace.why, /policy of FORWARD/);
    assert.equal(tried(rules, WORDS.replace('eth0', 'eth1')).likely, 'forwarded');
  });

  it('lead nowhere without it, and say so', () => {
    const trace = tried(rules, WORDS.replace(' oif=eth0', ''));
    assert.equal(trace.verdict, 'insufficient-info');
    assert.match(trace.why, /routing table main was not captured/);
  });

  it('take no such word where routes were captured, nor for what the host itself sends', () => {
    assert.match(String(ask(`${rules}root@gw:~# ip r\ndefault via 192.0.2.1 dev eth0\n`, WORDS)), /captures without routes/);
    assert.match(String(ask(rules, 'oif=eth0 dst=198.51.100.4')), /needs iif/);
  });

  it('do not let the strict filter of sources drop what the question says', () => {
    const trace = tried(
      `${rules}root@gw:~# sysctl net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.all.rp_filter = 1\n`,
      WORDS.replace('eth0', 'eth1'),
    );
    assert.equal(trace.likely, 'forwarded');
  });

  it('name each thing that a capture would settle', () => {
    const whys = tried(rules, WORDS)
      .gaps.filter(({ command }) => command === 'iptables-save')
      .map(({ why }) => why);
    assert.ok(whys.length > 0 && new Set(whys).size === whys.length, whys.join('\n'));
  });
});

describe('a listing without interfaces', () => {
  const listing = (policy: string): string => `root@gw:~# iptables -L -n
Chain FORWARD (policy ${policy})
target     prot opt source               destination
ACCEPT     all  --  0.0.0.0/0            0.0.0.0/0
ACCEPT     all  --  0.0.0.0/0            0.0.0.0/0
`;
  it('has a last rule that accepts all for some interface, where the policy drops', () => {
    const trace = tried(listing('DROP'), WORDS);
    assert.equal(trace.likely, 'dropped');
    assert.equal(trace.verdict, 'insufficient-info');
    assert.ok(trace.alternatives.some(({ verdict }) => verdict === 'forwarded'));
    assert.equal(
      tried(listing('ACCEPT'), WORDS).alternatives.some(({ verdict }) => verdict === 'dropped'),
      false,
    );
  });
});

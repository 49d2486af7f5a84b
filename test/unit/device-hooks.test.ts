import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADDRESSES, ask, ROUTES, RULES, SYSCTLS, WAY } from './small-router';

const MAC = '    inet 10.0.1.1/24';
const ADDRESSES_OF_CARDS = ADDRESSES.replace(MAC, `    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n${MAC}`);

function verdicts(ruleset: string, ...ways: string[]): string[] {
  const captures = [ADDRESSES_OF_CARDS, RULES, ROUTES, SYSCTLS, `root@router:~# nft list ruleset\n${ruleset}`];
  return ask(captures, ...ways).map(({ verdict, certainty }) => (certainty === 'captured' ? verdict : `${verdict}?`));
}

const chain = (head: string, ...rules: string[]) =>
  `\tchain c {\n\t\ttype filter hook ${head} priority filter; policy accept;\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}\n`;
const table = (family: string, ...chains: string[]) => `table ${family} d {\n${chains.join('\n')}}\n`;

describe('chains of nft at devices', () => {
  it('see what comes in by their devices before everything else', () => {
    const drop = 'ip saddr 10.0.1.2 tcp dport 80 drop';
    assert.deepEqual(verdicts(table('netdev', chain('ingress device "eth0"', drop)), WAY), ['dropped']);
    assert.deepEqual(verdicts(table('netdev', chain('ingress devices = { eth1, eth0 }', drop)), WAY), ['dropped']);
    assert.deepEqual(verdicts(table('inet', chain('ingress device "eth0"', drop)), WAY), ['dropped']);
    assert.deepEqual(verdicts(table('netdev', chain('ingress device "eth1"', drop)), WAY), ['forwarded']);
    const marked = `${table('netdev', chain('ingress device "eth0"', 'meta mark set 0x5'))}${table('ip', chain('forward', 'meta mark 0x5 drop'))}`;
    assert.deepEqual(verdicts(marked, WAY), ['dropped']);
    // What another card is for never comes to PREROUTING.
    const other = table('netdev', chain('ingress device "eth0"', 'meta pkttype other drop'));
    assert.deepEqual(verdicts(other, `${WAY} dmac=02:00:00:00:00:01`), ['forwarded']);
    assert.deepEqual(verdicts(other, `${WAY} dmac=02:00:00:00:00:09`), ['dropped']);
  });

  it('see what goes out by them behind everything else', () => {
    const drop = 'ip saddr 10.0.1.2 drop';
    assert.deepEqual(verdicts(table('netdev', chain('egress device "eth1"', drop)), WAY), ['dropped']);
    assert.deepEqual(verdicts(table('netdev', chain('egress device "eth0"', drop)), WAY), ['forwarded']);
    const own = 'dst=8.8.8.8 proto=udp sport=40000 dport=53';
    assert.deepEqual(verdicts(table('netdev', chain('egress device "eth1"', 'udp dport 53 drop')), own), ['dropped']);
  });

  it('are open where nobody says at which devices they are', () => {
    const json = (rules: string) =>
      `{"nftables": [{"table": {"family": "netdev", "name": "d", "handle": 1}}, {"chain": {"family": "netdev", "table": "d", "name": "c", "handle": 1, "type": "filter", "hook": "ingress", "prio": 0, "policy": "accept"}}${rules}]}\n`;
    const drop =
      ', {"rule": {"family": "netdev", "table": "d", "chain": "c", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}}, {"drop": null}]}}';
    const verdict = (text: string) => {
      const captures = [ADDRESSES, RULES, ROUTES, SYSCTLS, `root@router:~# nft -j list ruleset\n${text}`];
      return ask(captures, WAY)[0]?.verdict;
    };
    assert.equal(verdict(json(drop)), 'insufficient-info');
    assert.equal(verdict(json('')), 'forwarded');
    assert.equal(verdict(json(drop).replace('"prio"', '"dev": "eth0", "prio"')), 'dropped');
    assert.equal(verdict(json(drop).replace('"prio"', '"dev": ["eth1"], "prio"')), 'forwarded');
  });
});

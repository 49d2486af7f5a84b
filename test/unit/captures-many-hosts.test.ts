import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { captureIndexAt, readDocument } from '../../server/src/captures/document';
import { assignHosts } from '../../server/src/link/hosts';

const read = (text: string) => readDocument('file:///notes.txt', 'notes.txt', text);
/** Each capture's host, and the gateways that its routes name. */
const gateways = (text: string) =>
  read(text).captures.map(({ host, facts, errors }) => [
    host,
    facts.flatMap((fact) => (fact.kind === 'route' && fact.via ? [fact.via.value] : [])).join(' '),
    errors.length,
  ]);

describe('outputs of several machines', () => {
  it('stand behind the machine’s name on every line, mixed', () => {
    const text = `root@adm:~# pdsh -w n[1-2] ip r
n1: default via 10.0.0.1 dev eth0
n2: default via 10.0.1.1 dev eth0
n1: 10.7.0.0/24 via 10.0.0.7 dev eth0
root@adm:~# ip r
default via 10.0.9.1 dev eth0
`;
    assert.deepEqual(gateways(text), [
      ['n1', '10.0.0.1 10.0.0.7', 0],
      ['n2', '10.0.1.1', 0],
      ['adm', '10.0.9.1', 0],
    ]);
    const document = read(text);
    assert.deepEqual(
      [1, 2, 3, 5].map((line) => document.captures[captureIndexAt(document, line)]?.host),
      ['n1', 'n2', 'n1', 'adm'],
    );
    for (const { facts } of document.captures)
      for (const fact of facts)
        if (fact.kind === 'route' && fact.via) assert.equal(text.slice(fact.via.span.start, fact.via.span.end), fact.via.value);
  });

  it('stand below a heading of each, whatever tool asked them', () => {
    assert.deepEqual(
      gateways(`root@adm:~# pdsh -w n[1-3] ip r | dshbak -c
----------------
n1
----------------
default via 10.0.0.1 dev eth0
----------------
n[2-3]
----------------
default via 10.0.1.1 dev eth0
root@adm:~# clush -bw n4 ip r
---------------
n4 (1)
---------------
default via 10.0.4.1 dev eth0
`),
      [
        ['n1', '10.0.0.1', 0],
        ['n[2-3]', '10.0.1.1', 0],
        ['n4', '10.0.4.1', 0],
      ],
    );
    assert.deepEqual(
      gateways(`root@adm:~# salt '*' cmd.run 'ip r'
web1:
    default via 10.0.0.1 dev eth0
web2:
    default via 10.0.1.1 dev eth0
root@adm:~# ansible all -m shell -a 'ip r'
web3 | CHANGED | rc=0 >>
default via 10.0.3.1 dev eth0
web4 | UNREACHABLE! => {
    "changed": false,
    "unreachable": true
}
web5 | CHANGED | rc=0 >>
default via 10.0.5.1 dev eth0
root@adm:~# pssh -i -h hosts ip r
[1] 10:15:12 [SUCCESS] root@web6
default via 10.0.6.1 dev eth0
[2] 10:15:13 [FAILURE] web7 Exited with error code 255
`),
      [
        ['web1', '10.0.0.1', 0],
        ['web2', '10.0.1.1', 0],
        ['web3', '10.0.3.1', 0],
        ['web5', '10.0.5.1', 0],
        ['web6', '10.0.6.1', 0],
      ],
    );
  });
});

describe('names of hosts', () => {
  it('that differ by their case alone are one', () => {
    const { captures, aliases } = assignHosts([
      read('[root@Compute1 ~]# ip r\ndefault via 10.0.0.1 dev eth0\n[root@compute1 ~]# ip rule\n0:\tfrom all lookup local\n'),
    ]);
    assert.equal(new Set([...captures.values()].map(({ host }) => host)).size, 1);
    assert.deepEqual([...aliases.values()].flat(), ['compute1']);
  });
});

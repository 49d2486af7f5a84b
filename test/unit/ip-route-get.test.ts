import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { linkNetwork } from '../../server/src/link/network';

const read = (text: string) => readDocument('file:///h/get.txt', 'h/get.txt', text);

const answers = (text: string): string[] =>
  read(text).captures.flatMap(({ facts, errors }) => [
    ...errors.map(({ message }) => message),
    ...facts.flatMap((fact) =>
      fact.kind === 'route-answer'
        ? [
            `${fact.type} ${[fact.dst, fact.from, fact.via, fact.dev, fact.src, fact.table].map((part) => part?.value ?? '-').join(' ')}`,
          ]
        : [],
    ),
  ]);

describe('ip route get', () => {
  it('reads what the kernel answers', () => {
    assert.deepEqual(answers('# ip route get 10.0.0.9\n10.0.0.9 via 192.0.2.1 dev eth0 src 192.0.2.7 uid 0 \n    cache \n'), [
      'unicast 10.0.0.9 - 192.0.2.1 eth0 192.0.2.7 -',
    ]);
    assert.deepEqual(
      answers(
        '# ip r g 10.8.0.1 from 10.7.0.2 iif eth1 mark 1\n10.8.0.1 from 10.7.0.2 via 192.0.2.3 dev eth0 table 100 mark 0x1 \n    cache iif eth1 \n',
      ),
      ['unicast 10.8.0.1 10.7.0.2 192.0.2.3 eth0 - 100'],
    );
    assert.deepEqual(answers('# ip -6 route get ::1\nlocal ::1 dev lo table local src ::1 metric 0 pref medium\n'), [
      'local ::1 - - lo ::1 local',
    ]);
    assert.deepEqual(
      answers('# ip route get 10.0.0.104\n10.0.0.104 via inet6 fe80::1 dev ens4 src 10.0.0.101 uid 0 \n    cache \n'),
      ['unicast 10.0.0.104 - fe80::1 ens4 10.0.0.101 -'],
    );
    assert.deepEqual(
      answers(
        '# ip -j route get 10.0.0.9\n[{"dst":"10.0.0.9","gateway":"192.0.2.1","dev":"eth0","prefsrc":"192.0.2.7","flags":[],"uid":0,"cache":[]}]\n',
      ),
      ['unicast 10.0.0.9 - 192.0.2.1 eth0 192.0.2.7 -'],
    );
  });

  it('knows it without its command, and keeps it out of the routing tables', () => {
    const document = read('10.0.0.9 via 192.0.2.1 dev eth0 src 192.0.2.7 uid 0 \n    cache \n');
    assert.deepEqual(
      document.captures.map(({ kind }) => kind),
      ['ip-route-get'],
    );
    const [host] = linkNetwork([
      read('h# ip route get 10.0.0.9\n10.0.0.9 via 192.0.2.1 dev eth0 src 192.0.2.7 uid 0 \n'),
    ]).hosts.values();
    const root = host?.namespaces.get('');
    assert.deepEqual([root?.routes.length, root?.routesKnown], [0, 'absent']);
  });

  it('says so where the kernel has no route', () => {
    assert.match(answers('# ip route get 10.0.0.9\nRTNETLINK answers: Network is unreachable\n').join(), /failed/);
  });

  it('takes routes without their device for routes', () => {
    const { captures } = read('default via 2001:db8::1 metric 100\n2001:db8::/64 proto kernel scope link src 2001:db8::9\n');
    assert.deepEqual(
      captures.map(({ kind, records, errors }) => [kind, records, errors.length]),
      [['ip-route', 2, 0]],
    );
  });
});

describe('rows of iptables -L', () => {
  it('are known without their title', () => {
    const kinds = (text: string) => read(text).captures.map(({ kind, records, errors }) => [kind, records, errors.length]);
    assert.deepEqual(kinds('    ACCEPT 6 -- 0.0.0.0/0 0.0.0.0/0 tcp dpt:22\n    LOG 6 -- 0.0.0.0/0 0.0.0.0/0\n'), [
      ['iptables-list', 2, 0],
    ]);
    assert.deepEqual(kinds('    ACCEPT 58 -- ::/0 ::/0\n'), [['ip6tables-list', 1, 0]]);
    assert.deepEqual(kinds('Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n-j ACCEPT -i eth23 -o * , pcnt=0 -- bcnt=0\n'), [
      ['arptables-list', 2, 0],
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { jhash2 } from '../../server/src/kernel/nat';
import { compare, namespaceOf, type Case } from '../oracle-linux/compare';
import { fixture } from './walk-fixture';

const cases = fixture('kernel/routers.jsonl')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Case);

describe('the kernel, recorded', () => {
  for (const recorded of cases) {
    for (const variant of Object.keys(recorded.captures)) {
      it(`did with the packets of router ${recorded.seed} (${recorded.backend}) what its captures (${variant}) say`, () => {
        assert.deepEqual(compare(recorded, variant), []);
      });
    }
  }

  it('hashes as linux/jhash.h does', () => {
    // Without a word the hash is its initial value (JHASH_INITVAL).
    assert.equal(jhash2([], 0), 0xdeadbeef);
  });
});

const SETUP = `root@router:~# ip a
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:01:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.1.1/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:02:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.2.1/24 scope global eth1
root@router:~# ip route
default via 10.0.2.2 dev eth1
10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1
10.0.2.0/24 dev eth1 proto kernel scope link src 10.0.2.1
root@router:~# iptables-save
`;

describe('netfilter-trace', () => {
  it('never throws and always answers, whatever rules there are', () => {
    const words = fc.constantFrom(
      '-s 10.0.1.0/24',
      '! -d 10.0.2.2/32',
      '-i eth0',
      '-o eth+',
      '-p tcp -m tcp --dport 80',
      '-m mark --mark 0x1/0xff',
      '-m conntrack --ctstate NEW',
      '-m set --match-set unknown src',
      '-m u32 --u32 "0>>22&0x3C@0>>24=8"',
      '-m limit --limit 5/min',
      '-j a',
      '-g b',
      '-j MARK --set-xmark 0x1/0xff',
      '-j DROP',
      '-j REJECT',
      '-j RETURN',
      '-j NFQUEUE --queue-num 1',
    );
    const rule = fc.tuple(fc.constantFrom('FORWARD', 'INPUT', 'a', 'b'), fc.array(words, { maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 12 }), (rules) => {
        const lines = rules.map(([chain, parts]) => `-A ${chain} ${parts.join(' ')}`.trimEnd());
        const text = `${SETUP}*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n${lines.join('\n')}\nCOMMIT\n`;
        const namespace = namespaceOf(text);
        const question = readQuestion(['iif=eth0', 'src=10.0.1.2', 'dst=10.0.2.2', 'proto=tcp'], namespace);
        assert.notEqual(typeof question, 'string');
        if (typeof question === 'string') return;
        const [trace] = netfilterTrace(namespace, [question]);
        assert.match(trace?.verdict ?? '', /^(?:forwarded|dropped|rejected|insufficient-info)$/);
      }),
      { numRuns: runs(60) },
    );
  });

  const asked = (text: string, ...words: string[]) => {
    const namespace = namespaceOf(`${SETUP}${text}`);
    const question = readQuestion(words, namespace);
    if (typeof question === 'string') throw new Error(question);
    const [trace] = netfilterTrace(namespace, [question]);
    if (!trace) throw new Error('no trace');
    return trace;
  };
  const through = ['iif=eth0', 'src=10.0.1.2', 'dst=10.0.2.2', 'proto=tcp', 'sport=40000'] as const;

  it('is not certain of a drop where a table that was not captured may send the packet elsewhere', () => {
    const namespace = namespaceOf(
      `${SETUP.replace('iptables-save', 'iptables -S')}-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n`,
    );
    const question = readQuestion(through, namespace);
    if (typeof question === 'string') throw new Error(question);
    const [trace] = netfilterTrace(namespace, [question]);
    if (!trace) throw new Error('no trace');
    assert.equal(trace.verdict, 'insufficient-info');
    assert.equal(trace.likely, 'dropped');
    assert.ok(trace.alternatives.some(({ verdict }) => verdict === 'insufficient-info'));
  });

  const chains = 'PREROUTING INPUT FORWARD OUTPUT POSTROUTING'.split(' ').map((name) => `:${name} ACCEPT [0:0]\n`);
  const whole = (forward: string) =>
    `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*mangle\n${chains.join('')}COMMIT\n*nat\n${chains.filter((line) => !line.includes('FORWARD')).join('')}COMMIT\n*filter\n${chains.slice(1, 4).join('')}${forward}COMMIT\n`;

  it('lets nobody decide about a queue unless the captures say that nobody serves it', () => {
    const rules = whole('-A FORWARD -j NFQUEUE --queue-num 3\n');
    assert.equal(asked(rules, ...through).verdict, 'insufficient-info');
    const queues = 'root@router:~# cat /proc/net/netfilter/nfnetlink_queue\n';
    assert.equal(asked(`${rules}${queues}`, ...through).verdict, 'dropped');
    const served = '    3  35722     0 2 65531     0     0        1  1\n';
    assert.equal(asked(`${rules}${queues}${served}`, ...through).verdict, 'insufficient-info');
    assert.equal(
      asked(`${whole('-A FORWARD -j NFQUEUE --queue-num 4 --queue-bypass\n')}${queues}${served}`, ...through).verdict,
      'forwarded',
    );
  });

  it('lowers the segment size of a SYN to what the way lets through', () => {
    const clamp = whole('-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n').replace(
      'mtu 1500',
      'mtu 1400',
    );
    assert.equal(asked(clamp, ...through, 'mss=1500').packet.mss, 1460);
    assert.equal(asked(clamp, ...through, 'mss=900').packet.mss, 900);
    assert.equal(asked(clamp, ...through, 'mss=0').packet.mss, 536);
  });

  it('puts fragments together where connections are tracked, and else lets rules see them as they are', () => {
    const fragment = [...through.slice(0, 3), 'proto=udp', 'sport=5000', 'dport=53', 'frag=later', 'length=60', 'whole=1400'];
    const ports = '-A FORWARD -p udp -m udp --dport 53 -j DROP\n';
    assert.equal(asked(whole(ports), ...fragment).verdict, 'forwarded');
    assert.equal(asked(whole(`${ports}-A FORWARD -m conntrack --ctstate INVALID -j ACCEPT\n`), ...fragment).verdict, 'dropped');
    assert.equal(asked(whole('-A FORWARD -f -j DROP\n'), ...fragment).verdict, 'dropped');
    // What is for this host is put together before INPUT in any case.
    const local = fragment.map((word) => (word.startsWith('dst=') ? 'dst=10.0.2.1' : word));
    assert.equal(asked(whole(ports.replace('FORWARD', 'INPUT')), ...local).verdict, 'dropped');
    assert.equal(asked(whole('-A INPUT -f -j DROP\n'), ...local).verdict, 'local');
  });

  it('says what goes back to the sender, where something may', () => {
    const reject = whole('-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n');
    assert.deepEqual(asked(reject, ...through).answer, { type: 3, code: 10, name: 'icmp-host-prohibited' });
    const error = [...through.slice(0, 3), 'proto=icmp', 'type=11', 'code=0'];
    assert.equal(asked(reject, ...error).answer, undefined);
  });

  it('takes nothing in for a group from where no packet can come', () => {
    const settings = 'root@router:~# sysctl -a\nnet.ipv4.conf.all.accept_local = 0\nnet.ipv4.conf.eth0.accept_local = 0\n';
    const group = (src: string) =>
      asked(whole('') + settings, 'iif=eth0', `src=${src}`, 'dst=224.0.0.1', 'proto=udp', 'sport=1', 'dport=2');
    assert.equal(group('10.0.1.2').verdict, 'local');
    // Asked of Linux: a loopback address comes in from nowhere, and 0.0.0.0 only in groups of the link.
    assert.equal(group('127.0.0.1').verdict, 'unroutable');
    assert.equal(group('224.0.0.5').verdict, 'unroutable');
    assert.equal(group('0.0.0.0').verdict, 'local');
  });

  it('refuses questions that it does not understand in a sentence', () => {
    const namespace = namespaceOf(SETUP);
    for (const [words, said] of [
      [['dst=nowhere'], /no IP address/],
      [['src=10.0.0.1'], /needs dst/],
      [['dst=10.0.2.2', 'iif=eth0'], /needs src/],
      [['dst=10.0.2.2', 'sport=70000'], /0 to 65535/],
      [['dst=10.0.2.2', 'colour=red'], /not KEY=VALUE/],
      [['dst=10.0.2.2', 'ctstate=OPEN'], /must be NEW/],
      [['dst=10.0.2.2', 'frag=middle'], /first or later/],
      [['src=10.0.1.2', 'dst=10.0.2.2', 'physin=p0'], /needs iif/],
    ] as const) {
      const answer = readQuestion([...words], namespace);
      assert.match(typeof answer === 'string' ? answer : '', said);
    }
  });
});

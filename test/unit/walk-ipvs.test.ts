import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADDRESSES, ROUTES, RULES, SYSCTLS, ask, tables } from './small-router';
import { networkOf, outline, trace } from './walk-fixture';
import { walk } from '../../server/src/walk/walk';

const TITLE = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
`;
const list = (rows: string, command = 'ipvsadm -Ln') => `root@router:~# ${command}\n${TITLE}${rows}`;
const CONNECTIONS = `root@router:~# ipvsadm -Lnc
IPVS connection entries
pro expire state       source             virtual            destination
`;
const ROUTER = [ADDRESSES, ROUTES, RULES, SYSCTLS, tables('', '')];
const SYN = 'iif=eth0 src=10.0.1.2 dst=10.0.1.1 proto=tcp sport=40000 dport=80 flags=syn';
const DNS = 'iif=eth0 src=10.0.1.2 dst=10.0.1.1 proto=udp sport=40000 dport=53';
const TWO = `TCP  10.0.1.1:80 rr
  -> 10.0.2.11:8080               Masq    1      0          0
  -> 10.0.2.12:8080               Masq    1      0          0
`;
const VS = (settings: string) => `root@router:~# sysctl net.ipv4.vs\n${settings}`;

describe('netfilter-trace with IPVS', () => {
  const one = (captures: readonly string[], question = SYN) => {
    const [first] = ask([...ROUTER, ...captures], question);
    assert.ok(first);
    return first;
  };
  const server = ({ packet }: ReturnType<typeof one>) => `${packet.dst}:${packet.dport ?? ''}`;

  it('takes a packet for a service away from this host', () => {
    const found = one([list('TCP  10.0.1.1:80 rr\n  -> 10.0.2.11:8080               Masq    1      0          0\n')]);
    assert.deepEqual(
      [found.verdict, found.certainty, found.out, server(found)],
      ['forwarded', 'captured', 'eth1', '10.0.2.11:8080'],
    );
    assert.equal(
      one([list('TCP  10.0.1.1:81 rr\n  -> 10.0.2.11:8080               Masq    1      0          0\n')]).verdict,
      'local',
    );
    // Only what begins a connection is given to a server.
    assert.equal(one([list(TWO)], SYN.replace('flags=syn', 'flags=ack')).verdict, 'local');
  });

  it('is certain of none of several servers', () => {
    const found = one([list(TWO)]);
    assert.deepEqual([found.verdict, found.certainty], ['forwarded', 'assumed']);
    assert.deepEqual(
      [found.packet, ...found.alternatives.map(({ packet }) => packet)].map(({ dst }) => dst),
      ['10.0.2.11', '10.0.2.12'],
    );
    assert.deepEqual(found.gaps, []);
  });

  it('gives answers the address of the service, and only those', () => {
    const rows = 'TCP  10.0.1.1:80 rr\n  -> 10.0.2.11:8080               Masq    1      0          0\n';
    const back = 'iif=eth1 src=10.0.2.11 dst=10.0.1.2 proto=tcp sport=8080 dport=40000 flags=syn,ack';
    const [, answer, other] = ask([...ROUTER, list(rows), CONNECTIONS], SYN, back, back.replace('dport=40000', 'dport=40001'));
    assert.deepEqual([answer?.packet.src, answer?.packet.sport, answer?.certainty], ['10.0.1.1', 80, 'captured']);
    assert.deepEqual([other?.packet.src, other?.packet.sport], ['10.0.2.11', 8080]);
    // Of a connection that nobody saw it is likely.
    const alone = one([list(rows)], back);
    assert.equal(alone.verdict, 'insufficient-info');
    assert.ok(alone.gaps.some(({ command }) => command === 'ipvsadm -Lnc'));
  });

  it('follows the connections that were captured', () => {
    const own = CONNECTIONS + 'TCP 14:59  ESTABLISHED 10.0.1.2:40000     10.0.1.1:80        10.0.2.12:8080\n';
    const found = one([list(TWO), own], SYN.replace('flags=syn', 'flags=ack'));
    assert.deepEqual([found.certainty, server(found)], ['captured', '10.0.2.12:8080']);
    // One that has ended makes room; that of a server which is gone loses its packets, unless a setting says otherwise.
    assert.equal(one([list(TWO), own.replace('ESTABLISHED', 'TIME_WAIT  ')]).certainty, 'assumed');
    const gone = own.replace('10.0.2.12', '10.0.2.13');
    const lost = one([list(TWO), gone, VS('net.ipv4.vs.expire_nodest_conn = 0\n')], SYN.replace('flags=syn', 'flags=ack'));
    assert.deepEqual([lost.verdict, lost.certainty], ['dropped', 'captured']);
    assert.equal(one([list(TWO), gone], SYN.replace('flags=syn', 'flags=ack')).verdict, 'insufficient-info');
  });

  it('keeps a client with its server, and asks where that is not known', () => {
    const rows = `TCP  10.0.1.1:80 rr persistent 600 mask 255.255.255.0
  -> 10.0.2.11:8080               Masq    1      0          0
  -> 10.0.2.12:8080               Masq    0      0          0
`;
    const template = CONNECTIONS + 'TCP 05:00  ASSURED     10.0.1.0:0         10.0.1.1:80        10.0.2.12:8080\n';
    const settings = (value: number) => VS(`net.ipv4.vs.expire_quiescent_template = ${value}\n`);
    assert.equal(server(one([list(rows), template, settings(0)])), '10.0.2.12:8080');
    assert.equal(server(one([list(rows), template, settings(1)])), '10.0.2.11:8080');
    assert.deepEqual(
      [one([list(rows), CONNECTIONS]).certainty, server(one([list(rows), CONNECTIONS]))],
      ['captured', '10.0.2.11:8080'],
    );
    const open = one([list(rows)]);
    assert.equal(open.verdict, 'insufficient-info');
    assert.ok(open.gaps.some(({ command }) => command === 'ipvsadm -Lnc'));
  });

  it('refuses what nobody serves, which a cut list does not tell', () => {
    const none = one([list('TCP  10.0.1.1:80 rr\n  -> 10.0.2.11:8080               Masq    0      0          0\n')]);
    assert.deepEqual(
      [none.verdict, none.certainty, none.answer],
      ['rejected', 'captured', { type: 3, code: 3, name: 'icmp-port-unreachable' }],
    );
    assert.equal(one([list('TCP  10.0.1.1:80 rr\n...\n')]).verdict, 'insufficient-info');
    // All of one service was asked for.
    assert.equal(one([list('TCP  10.0.1.1:80 rr\n', 'ipvsadm -Ln -t 10.0.1.1:80')]).verdict, 'rejected');
    const other = one([list('TCP  10.0.1.1:81 rr\n', 'ipvsadm -Ln -t 10.0.1.1:81')]);
    assert.equal(other.verdict, 'insufficient-info');
    assert.equal(other.likely, 'local');
  });

  it('knows that a hash may lead to a server that gets nothing', () => {
    const rows = (scheduler: string) => `TCP  10.0.1.1:80 ${scheduler}
  -> 10.0.2.11:8080               Masq    1      0          0
  -> 10.0.2.12:8080               Masq    0      0          0
`;
    assert.ok(one([list(rows('sh'))]).alternatives.some(({ verdict }) => verdict === 'rejected'));
    assert.deepEqual(one([list(rows('sh (sh-fallback)'))]).alternatives, []);
    assert.deepEqual(one([list(rows('wlc'))]).alternatives, []);
  });

  it('is open where only names, other ways or nothing were captured', () => {
    for (const rows of [
      'TCP  service.example:http rr\n  -> 10.0.2.11:8080               Masq    1      0          0\n',
      'TCP  10.0.1.1:http rr\n  -> web1.example:8080            Masq    1      0          0\n',
      'TCP  10.0.1.1:80 rr\n  -> 10.0.2.11:8080               FullNat 1      0          0\n',
    ])
      assert.equal(one([list(rows, 'ipvsadm -L')]).verdict, 'insufficient-info', rows);
    const loaded = one([VS('net.ipv4.vs.conntrack = 0\n')]);
    assert.deepEqual([loaded.verdict, loaded.likely], ['insufficient-info', 'local']);
    assert.ok(loaded.gaps.some(({ command }) => command === 'ipvsadm -Ln'));
    assert.deepEqual([one([]).verdict, one([list('')]).verdict], ['local', 'local']);
  });

  it('takes packets out of connection tracking, unless it is told to leave them', () => {
    const rows = 'UDP  10.0.1.1:53 rr\n  -> 10.0.2.11:53                 Masq    1      0          0\n';
    const nat = '-A POSTROUTING -o eth1 -j MASQUERADE\n';
    const source = (setting: string) => {
      const [found] = ask([ADDRESSES, ROUTES, RULES, SYSCTLS, tables('', nat), list(rows), setting], DNS);
      return [found?.verdict, found?.packet.src];
    };
    assert.deepEqual(source(VS('net.ipv4.vs.conntrack = 0\n')), ['forwarded', '10.0.1.2']);
    assert.deepEqual(source(VS('net.ipv4.vs.conntrack = 1\n')), ['forwarded', '10.0.2.1']);
    assert.equal(source('')[0], 'insufficient-info');
  });

  it('schedules every packet anew where the service says so', () => {
    const rows = 'UDP  10.0.1.1:53 rr ops\n  -> 10.0.2.11:53                 Masq    1      0          0\n';
    const back = 'iif=eth1 src=10.0.2.11 dst=10.0.1.2 proto=udp sport=53 dport=40000';
    const [, answer] = ask([...ROUTER, list(rows), CONNECTIONS], DNS, back);
    assert.equal(answer?.packet.src, '10.0.2.11');
  });
});

describe('IPVS on a walk', () => {
  const machine = (name: string, n: number, more = '') => `root@${name}:~# ip -d a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
${more}2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:00:0${n} brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.${n}/24 scope global eth0
root@${name}:~# ip route
default via 10.0.0.1 dev eth0
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.${n}
root@${name}:~# iptables-save
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`;
  const vip = '    inet 10.0.0.100/32 scope global lo\n';
  const director = (rows: string) =>
    `${machine('lb', 1).replace('10.0.0.1/24 scope global eth0', '10.0.0.1/24 scope global eth0\n    inet 10.0.0.100/32 scope global eth0')}root@lb:~# ipvsadm -Ln\n${TITLE}${rows}`;
  const neighbours = `root@client:~# ip neigh
10.0.0.100 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE
`;
  const two = (how: string) => `TCP  10.0.0.100:80 rr
  -> 10.0.0.3:80                  ${how}   1      0          0
  -> 10.0.0.4:80                  ${how}   1      0          0
`;
  const drops = (text: string) => text.replace(':INPUT ACCEPT', ':INPUT DROP');
  const ask2 = (how: string, first: string, second: string) =>
    trace(networkOf(director(two(how)) + machine('client', 2) + neighbours + first + second), 'client > 10.0.0.100 tcp 80')
      .request;

  it('follows the way to each of several servers', () => {
    const [a, b] = [machine('a', 3, vip), machine('b', 4, vip)];
    for (const [first, second, host] of [
      [a, b, 'a'],
      [drops(a), b, 'b'],
    ] as const) {
      const answer = ask2('Route', first, second);
      assert.equal(answer.ending.disposition, 'delivered', outline(answer));
      assert.equal(answer.ending.at.host, host);
      assert.equal(answer.certainty, 'assumed');
      const step = answer.steps.find(({ summary }) => /has 2 servers for it/.test(summary));
      assert.equal(step?.steps.length, 1, outline(answer));
    }
  });

  it('is certain of a loss that no choice averts', () => {
    const answer = ask2('Route', drops(machine('a', 3, vip)), drops(machine('b', 4, vip)));
    assert.equal(answer.ending.disposition, 'dropped', outline(answer));
    const open = ask2('Route', drops(machine('a', 3, vip)), machine('b', 4, vip).replace(/root@b:~# iptables-save[^]*/, ''));
    assert.equal(open.ending.disposition, 'delivered', outline(open));
  });

  it('does not take a server for reached that lacks the address of the service', () => {
    const answer = ask2('Route', machine('a', 3), machine('b', 4));
    assert.notEqual(answer.ending.disposition, 'delivered', outline(answer));
  });

  it('asks the director for the address, not a server that has it on lo', () => {
    const rows = 'TCP  10.0.0.100:80 rr\n  -> 10.0.0.3:80                  Route   1      0          0\n';
    const captures = machine('a', 3, vip) + machine('client', 2) + director(rows);
    const silent = 'root@a:~# sysctl -a\nnet.ipv4.conf.all.arp_ignore = 1\nnet.ipv4.conf.eth0.arp_ignore = 0\n';
    for (const [text, certainty] of [
      [captures, 'assumed'],
      [captures + silent, 'inferred'],
    ] as const) {
      const { request } = trace(networkOf(text), 'client > 10.0.0.100 tcp 80');
      const step = request.steps.find(({ stage }) => stage === 'neighbour');
      assert.match(step?.summary ?? '', /is 02:00:00:00:00:01/, outline(request));
      assert.equal(step?.certainty, certainty, outline(request));
      assert.equal(request.ending.at.host, 'a', outline(request));
    }
  });

  it('leaves the captures where a server is in none of them', () => {
    const network = networkOf(
      director('TCP  10.0.0.100:80 rr\n  -> 10.0.0.9:80                  Tunnel  1      0          0\n') +
        machine('client', 2) +
        neighbours,
    );
    const result = walk(network, { from: 'client', to: '10.0.0.100', proto: 'tcp', dport: 80 });
    assert.ok(result.kind === 'walk');
    assert.equal(result.request.ending.disposition, 'exits', outline(result.request));
    assert.match(result.request.ending.summary, /10\.0\.0\.9/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { errorsOf, factsOf, places, read } from './read-text';
import { networkOf, trace } from './walk-fixture';

const TITLE = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const said = (text: string) =>
  factsOf(text, 'route').map(({ type, dst, via, dev, metric }) =>
    [type, `${dst.value.ip}/${dst.value.prefix}`, via?.value ?? '-', dev?.value ?? '-', metric?.value ?? 0].join(' '),
  );

describe('/proc/net/route', () => {
  it('is a routing table in hexadecimal', () => {
    const text = `root@r:~# cat /proc/net/route
${TITLE}
eth0\t00000000\tFE00A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000FEA9\t00000000\t0001\t0\t0\t1000\t0000FFFF\t0\t0\t0
wg0\t0200070A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
*\t000A0A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t000B0A0A\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
    assert.deepEqual(places(text), [['proc-net-route', 'r', undefined]]);
    assert.deepEqual(said(text), [
      'unicast 0.0.0.0/0 192.168.0.254 eth0 100',
      'unicast 169.254.0.0/16 - eth0 1000',
      'unicast 10.7.0.2/32 - wg0 0',
      'blackhole 10.10.10.0/24 - - 0',
      'unreachable 10.10.11.0/24 - - 0',
    ]);
    assert.deepEqual(
      factsOf(text, 'route').map((route) => route.text.value),
      ['default via 192.168.0.254 dev eth0', '169.254.0.0/16 dev eth0', '10.7.0.2/32 dev wg0', '10.10.10.0/24', '10.10.11.0/24'],
    );
  });

  it('has the first byte of an address in front on machines that keep it there', () => {
    const text = `$ cat /proc/net/route
${TITLE.replaceAll('\t', ' ')}
enc0 00000000 0A000001 0003 0 0 0 00000000 0 0 0
enc0 0A000000 00000000 0001 0 0 0 FFFFFF00 0 0 0
`;
    assert.deepEqual(said(text), ['unicast 0.0.0.0/0 10.0.0.1 enc0 0', 'unicast 10.0.0.0/24 - enc0 0']);
  });

  it('is found without a command and without its title, and not in what only looks like it', () => {
    const rows = 'eth0 0000FEA9 00000000 0001 0 0 1000 0000FFFF 0 0 0\neth0 0000A8C0 00000000 0001 0 0 0 0000FFFF 0 0 0\n';
    assert.deepEqual(places(`They sent:\n${rows}`), [['proc-net-route', undefined, undefined]]);
    assert.deepEqual(read('abcd 00000000 deadbeef 1\nabcd 00000001 deadbeef 2\n').captures, []);
  });

  it('says of a mask that is none that it is left out', () => {
    const text = `$ cat /proc/net/route\n${TITLE}\neth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0F00FFFF\t0\t0\t0\n`;
    assert.deepEqual([said(text), errorsOf(text)], [[], ['inconsistent']]);
  });

  it('is of the namespace of a process where it is read from its folder, as other files there are', () => {
    const row = 'eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0';
    const text = `root@h:~# cat /proc/4711/net/route
${TITLE}
${row}
root@h:~# cat /proc/4711/net/arp
IP address       HW type     Flags       HW address            Mask     Device
172.17.0.1       0x1         0x2         02:42:00:00:00:01     *        eth0
root@h:~# cat /proc/1/net/arp
IP address       HW type     Flags       HW address            Mask     Device
10.9.0.2         0x1         0x2         02:00:00:00:00:01     *        eth1
root@h:~# docker exec web cat /proc/7/net/route
${TITLE}
${row}
`;
    assert.deepEqual(places(text), [
      ['proc-net-route', 'h', 'pid 4711'],
      ['arp', 'h', 'pid 4711'],
      ['arp', 'h', undefined],
      ['proc-net-route', 'h', 'web'],
    ]);
  });

  it('is known by its file', () => {
    const document = readDocument(
      'file:///r1/proc/net/route',
      'r1/proc/net/route',
      `${TITLE}\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\n`,
    );
    assert.deepEqual(
      document.captures.map(({ kind, host }) => [kind, host]),
      [['proc-net-route', 'r1']],
    );
  });

  it('leads a packet as the table of route does', () => {
    const text = `[root@r ~]# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.5/24 scope global eth0
[root@r ~]# cat /proc/net/route
${TITLE}
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
[root@r ~]# ip neigh
192.0.2.1 dev eth0 lladdr 02:00:00:00:00:fe REACHABLE
`;
    const network = networkOf(text);
    assert.equal(network.hosts.get('r')?.namespaces.get('')?.routesKnown, 'whole');
    const { steps } = trace(network, '192.0.2.5 > 8.8.8.8').request;
    const route = steps.find(({ stage }) => stage === 'route');
    assert.equal(route?.certainty, 'captured');
    assert.match(route?.summary ?? '', /default via 192\.0\.2\.1 dev eth0/);
  });
});

describe('BusyBox by its own name', () => {
  it('runs what stands behind it', () => {
    const text = `root@h:~# busybox ip route
default via 10.0.0.1 dev eth0
root@h:~# busybox arp -an
? (10.0.0.1) at 02:00:00:00:00:01 [ether]  on eth0
root@h:~# docker exec web busybox ip -o addr
1: lo    inet 127.0.0.1/8 scope host lo
`;
    assert.deepEqual(places(text), [
      ['ip-route', 'h', undefined],
      ['arp', 'h', undefined],
      ['ip-address', 'h', 'web'],
    ]);
  });
});

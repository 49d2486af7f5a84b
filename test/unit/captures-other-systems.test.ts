import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { networkOf } from './walk-fixture';

const captures = (text: string) => readDocument('file:///n', 'n.txt', text).captures;

/** The kinds in a text, all of BSD or macOS: said so, and with nothing read. */
function kinds(text: string): string[] {
  return captures(text).map(({ kind, facts, errors, elided }) => {
    assert.deepEqual(facts, [], kind);
    assert.deepEqual(
      errors.map(({ message }) => /BSD or macOS/.test(message)),
      [true],
      kind,
    );
    assert.equal(elided, false);
    return kind;
  });
}

const IFCONFIG = [
  'lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384',
  '\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>',
  '\tinet 127.0.0.1 netmask 0xff000000 ',
  '\tinet6 ::1 prefixlen 128 ',
  '\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1 ',
  'en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500',
  '\tether 0a:18:98:03:d9:30 ',
  '\tinet 192.168.1.72 netmask 0xffffff00 broadcast 192.168.1.255',
  '\tmedia: autoselect',
  '\tstatus: active',
].join('\n');
const ROUTES = [
  'Routing tables',
  '',
  'Internet:',
  'Destination        Gateway            Flags        Netif Expire',
  'default            192.168.1.254      UGSc           en0       ',
  '127                localhost          UCS            lo0       ',
  '192.168.1.254      fe:c:29:1:4e:3b    UHLWIir        en0   1192',
  '',
  'Internet6:',
  'Destination                             Gateway                         Flags         Netif Expire',
  'default                                 fe80::%utun0                    UGcI          utun0',
  '::1                                     ::1                             UHL           lo0',
].join('\n');
const SOCKETS = [
  'Active Internet connections (including servers)',
  'Proto Recv-Q Send-Q Local Address          Foreign Address        (state)    ',
  'tcp4       0      0 192.168.1.72.22        192.168.1.1.56321      ESTABLISHED',
  'tcp46      0      0 *.8080                 *.*                    LISTEN     ',
  'udp4       0      0 *.514                  *.*                    ',
].join('\n');
const NEIGHBOURS = [
  '? (192.168.1.1) at 38:43:7d:e0:da:8a on en0 ifscope [ethernet]',
  'tv.home (192.168.1.9) at 0:90:a9:fd:e4:35 on en0 expires in 942 seconds [ethernet]',
  '? (192.168.1.7) at (incomplete) on en0 ifscope [ethernet]',
].join('\n');

describe('outputs of BSD and macOS', () => {
  it('are known without their commands', () => {
    assert.deepEqual(kinds(IFCONFIG), ['bsd-ifconfig']);
    assert.deepEqual(kinds(ROUTES), ['bsd-route']);
    assert.deepEqual(kinds(SOCKETS), ['bsd-netstat']);
    assert.deepEqual(kinds(NEIGHBOURS), ['bsd-arp']);
  });

  it('are known behind commands that Linux has too, at the prompt of macOS', () => {
    const text = `Air:~ bob$ ifconfig\n${IFCONFIG}\nAir:~ bob$ netstat -rn\n${ROUTES}\nAir:~ bob$ netstat -an | grep -v 22\n${SOCKETS}\nAir:~ bob$ arp -a\n${NEIGHBOURS}\n`;
    assert.deepEqual(kinds(text), ['bsd-ifconfig', 'bsd-route', 'bsd-netstat', 'bsd-arp']);
    assert.deepEqual(
      captures(text).map(({ host }) => host),
      ['Air', 'Air', 'Air', 'Air'],
    );
  });

  it('are those of ip there, which is written in another way in its versions', () => {
    const old =
      'en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500\n\tether 0a:18:98:03:d9:30\n\tinet 192.168.1.72/24 brd 192.168.1.255 en0\n';
    const now =
      '1: lo0: <UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384 status UNKNOWN\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8\n' +
      '2: gif0: <POINTOPOINT,MULTICAST> mtu 1280 status UNKNOWN\n    link/none\n4: en0: <UP,BROADCAST,SMART,RUNNING> mtu 1500 status UP\n    link/ether 0a:18:98:03:d9:30 brd ff:ff:ff:ff:ff:ff\n';
    assert.deepEqual(kinds(`jo@mac ~ % ip addr\n${old}\njo@mac ~ % ip a\n${now}\njo@mac ~ % ip link\n${now}`), [
      'bsd-ifconfig',
      'bsd-ip-address',
      'bsd-ip-address',
    ]);
    assert.deepEqual(kinds(now), ['bsd-ip-address']);
  });

  it('have sections of netstat that Linux has not, where blank lines part them', () => {
    const kernel =
      'Active kernel event sockets\nProto Recv-Q Send-Q vendor  class subcla\nkevt       0      0      1      6      1\n\n' +
      'Active kernel control sockets\nProto Recv-Q Send-Q   unit     id name\nkctl       0      0      1      5 com.apple.net.netagent\n';
    assert.deepEqual(new Set(kinds(kernel)), new Set(['bsd-netstat']));
  });

  it('say nothing of what is absent on a machine', () => {
    const host = networkOf(`[root@h ~]# netstat -rn\n${ROUTES}\n[root@h ~]# netstat -an\n${SOCKETS}\n`).hosts.get('h');
    assert.notEqual(host?.namespaces.get('')?.routesKnown ?? 'absent', 'whole');
    assert.deepEqual(host?.namespaces.get('')?.listeners ?? [], []);
  });

  it("are told from Linux's own", () => {
    for (const [text, kind] of [
      [
        'eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet 10.0.0.1  netmask 255.0.0.0  broadcast 10.255.255.255\n',
        'ifconfig',
      ],
      [
        'tun0: flags=4305<UP,POINTOPOINT,RUNNING,NOARP,MULTICAST> mtu 1500\n        inet 10.8.0.1 netmask 255.255.255.255 destination 10.8.0.2\n',
        'ifconfig',
      ],
      [
        'Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State      \ntcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN     \n',
        'netstat',
      ],
      ['? (10.0.0.1) at 00:50:56:c0:00:08 [ether] on ens33\n', 'arp'],
      [
        'Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n0.0.0.0         10.0.0.1        0.0.0.0         UG    0      0        0 eth0\n',
        'route',
      ],
    ] as const)
      assert.deepEqual(
        captures(text).map((capture) => capture.kind),
        [kind],
      );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';
import type { IpvsEnd } from '../../server/src/captures/ipvs-facts';
import { hover } from '../../server/src/features/hover';
import { runChecks } from '../../server/src/checks/registry';
import { fixture } from './fixture';
import { networkOf } from './walk-fixture';

const end = ({ ip, shown, port }: IpvsEnd): string => `${ip?.value ?? `"${shown}"`}:${port?.value ?? '?'}`;

function words(fact: Fact): string[] {
  switch (fact.kind) {
    case 'ipvs-service': {
      const name = fact.mark ? `mark ${fact.mark.value}` : `${fact.protocol?.value ?? ''} ${fact.end ? end(fact.end) : ''}`;
      const more = [
        fact.family === 6 ? 'six' : '',
        fact.scheduler?.value ?? '',
        fact.persistent ? `persistent ${fact.persistent.value}` : '',
        fact.mask?.value ?? '',
        ...fact.flags,
        fact.engine?.value ?? '',
        fact.onePacket ? 'ops' : '',
      ].filter((word) => word !== '');
      return [[name, ...more].join(' ')];
    }
    case 'ipvs-server':
      return [`> ${end(fact.end)} ${fact.forward?.value ?? '?'} ${fact.weight?.value ?? '?'}`];
    case 'ipvs-connection':
      return [`${fact.protocol.value} ${fact.state.value} ${end(fact.client)} ${end(fact.virtual)} ${end(fact.server)}`];
    default:
      return [];
  }
}

/** What is read of a text, which must hold one capture of the kind. */
function read(kind: string, text: string): string[] {
  const document = readDocument('file:///notes.txt', 'notes.txt', text);
  const [capture, ...others] = document.captures;
  assert.ok(capture && others.length === 0, `${document.captures.length} captures`);
  assert.equal(capture.kind, kind);
  assert.deepEqual(capture.errors, []);
  for (const fact of capture.facts) {
    if (!('text' in fact) || typeof fact.text !== 'object') continue;
    const { span, value } = fact.text as {
      readonly span: { readonly start: number; readonly end: number };
      readonly value: string;
    };
    assert.equal(document.text.slice(span.start, span.end), value);
  }
  return capture.facts.flatMap(words);
}

const TITLE = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn`;

describe('ipvsadm', () => {
  it('reads services of every kind and their servers', () => {
    assert.deepEqual(
      read(
        'ipvsadm',
        `[root@lb ~]# ipvsadm -Ln
${TITLE}
TCP  10.0.0.100:80 wlc persistent 600 mask 255.255.255.0
  -> 192.168.1.1:8080             Masq    1      3          12        
  -> 192.168.1.2:8080             Masq    0      0          1
UDP  10.0.0.100:53 sh (sh-fallback,sh-port) ops
  -> 192.168.1.1:53               Tunnel  5      0          0
SCTP 10.0.0.100:2905 rr
TCP  [fd00::100]:443 rr pe sip
  -> [fd00::1]:443                Route   1      0          0
FWM  3 IPv6 wrr
  -> [fd00::1]:0                  Local   1      0          0   <== this machine
FWM  258 rr
`,
      ),
      [
        'TCP 10.0.0.100:80 wlc persistent 600 255.255.255.0',
        '> 192.168.1.1:8080 Masq 1',
        '> 192.168.1.2:8080 Masq 0',
        'UDP 10.0.0.100:53 sh sh-fallback sh-port ops',
        '> 192.168.1.1:53 Tunnel 5',
        'SCTP 10.0.0.100:2905 rr',
        'TCP fd00::100:443 six rr sip',
        '> fd00::1:443 Route 1',
        'mark 3 six wrr',
        '> fd00::1:0 Local 1',
        'mark 258 rr',
      ],
    );
  });

  it('reads names, which may have been cut', () => {
    assert.deepEqual(
      read(
        'ipvsadm',
        `# ipvsadm -L
${TITLE}
TCP  ip-10-0-7-9.compute.internal rr
  -> ip-10-0-7-20.compute.intern: Masq    1      0          0
  -> ip-10-0-7-20.eu.internal:904 Masq    1      0          0
  -> 100.96.1.7:http              Masq    1      0          0
TCP  web:https rr
  -> web1:https                   Route   1      0          0
TCP  [2001:db8::1]:domain rr
  -> [node.example.net]:domain Masq    1      0          0
`,
      ),
      [
        'TCP "ip-10-0-7-9.compute.internal":? rr',
        '> "ip-10-0-7-20.compute.intern":? Masq 1',
        '> "ip-10-0-7-20.eu.internal":? Masq 1',
        '> 100.96.1.7:80 Masq 1',
        'TCP "web":443 rr',
        '> "web1":443 Route 1',
        'TCP 2001:db8::1:53 six rr',
        '> "node.example.net":53 Masq 1',
      ],
    );
  });

  it('reads counters, thresholds and persistent connections', () => {
    const stats = `ipvsadm -Ln --stats
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.100:80                      50     1300        0      19M        0
  -> 192.168.1.1:80                     25      150        0     9975        0
FWM  3 IPv6                              0        0        0        0        0
`;
    assert.deepEqual(read('ipvsadm', `# ${stats}`), ['TCP 10.0.0.100:80', '> 192.168.1.1:80 ? ?', 'mark 3 six']);
    const table = (title: string, row: string) =>
      read(
        'ipvsadm',
        `# ipvsadm -Ln --x\n${TITLE.split('\n')[0] ?? ''}\n${title}\n  -> RemoteAddress:Port\nTCP  10.0.0.100:80 rr\n  -> 192.168.1.1:80               ${row}\n`,
      );
    assert.deepEqual(
      table('Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn', '7          5          0          4'),
      ['TCP 10.0.0.100:80 rr', '> 192.168.1.1:80 ? ?'],
    );
    assert.deepEqual(
      table('Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn', '0         2           0          4'),
      ['TCP 10.0.0.100:80 rr', '> 192.168.1.1:80 ? 0'],
    );
  });

  it('reads what it saves for itself', () => {
    const saved = `-A -t 10.0.0.100:80 -s wlc -p 600 -M 255.255.255.0
-a -t 10.0.0.100:80 -r 192.168.1.1:8080 -m -w 1
-a -t 10.0.0.100:80 -r 192.168.1.2:8080 -g -w 0
-A -f 7 -6 -s rr
-a -f 7 -6 -r [fd01::1]:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-A -u 10.0.0.100:53 -s sh -b sh-fallback,sh-port -o
-A --sctp-service 10.0.0.100:2905 -s rr --pe sip
`;
    const expected = [
      'TCP 10.0.0.100:80 wlc persistent 600 255.255.255.0',
      '> 192.168.1.1:8080 Masq 1',
      '> 192.168.1.2:8080 Route 0',
      'mark 7 six rr',
      '> fd01::1:0 Tunnel 1',
      'UDP 10.0.0.100:53 sh sh-fallback sh-port ops',
      'SCTP 10.0.0.100:2905 rr sip',
    ];
    assert.deepEqual(read('ipvsadm', `root@lb:~# ipvsadm-save -n\n${saved}`), expected);
    assert.deepEqual(read('ipvsadm', `root@lb:~# ipvsadm -S -n\n${saved}`), expected);
    assert.deepEqual(read('ipvsadm', saved), expected);
  });

  it('reads connections and templates of persistence', () => {
    assert.deepEqual(
      read(
        'ipvs-connections',
        `# ipvsadm -lnc
IPVS connection entries
pro expire state       source             virtual            destination
TCP 14:59  ESTABLISHED 198.51.100.9:57326 10.0.0.100:80      192.168.1.1:8080
TCP 00:48  NONE        198.51.100.9:0     10.0.0.100:80      192.168.1.1:8080
IP  10:05  NONE        198.51.100.9:0     0.0.0.7:0          192.168.1.1:0
UDP 04:46  UDP         [fd00::9]:5060     [fd00::100]:5060   [fd00::1]:5060     sip   call@example
`,
      ),
      [
        'TCP ESTABLISHED 198.51.100.9:57326 10.0.0.100:80 192.168.1.1:8080',
        'TCP NONE 198.51.100.9:0 10.0.0.100:80 192.168.1.1:8080',
        'IP NONE 198.51.100.9:0 0.0.0.7:0 192.168.1.1:0',
        'UDP UDP fd00::9:5060 fd00::100:5060 fd00::1:5060',
      ],
    );
  });

  it('reads the files of /proc', () => {
    const long = (text: string) => `${text}:0000:0000:0000:0000:0000:0000:0001`;
    assert.deepEqual(
      read(
        'ipvsadm',
        `$ cat /proc/net/ip_vs
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A000064:0050 wrr persistent 600 FFFFFF00
  -> C0A80101:1F90      Masq    1      0          0
FWM  00000012 rr ops
  -> C0A80101:0000      Route   1      0          0
FWM  10000000 rr
UDP  [${long('fd00')}]:0050 rr
  -> [${long('fd01')}]:1388      Tunnel  1      0          0
`,
      ),
      [
        'TCP 10.0.0.100:80 wrr persistent 600 255.255.255.0',
        '> 192.168.1.1:8080 Masq 1',
        'mark 18 rr ops',
        '> 192.168.1.1:0 Route 1',
        'mark 268435456 rr',
        'UDP fd00::1:80 six rr',
        '> fd01::1:5000 Tunnel 1',
      ],
    );
    assert.deepEqual(
      read(
        'ipvs-connections',
        `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C6336409 DFEE 0A000064 0050 C0A80101 1F90 FIN_WAIT         66
IP  C6336409 0000 00000007 0000 C0A80101 0000 NONE            948
UDP ${long('fd00')} C5C2 ${long('fd02')} 0050 ${long('fd01')} 0050 UDP 12
`,
      ),
      [
        'TCP FIN_WAIT 198.51.100.9:57326 10.0.0.100:80 192.168.1.1:8080',
        'IP NONE 198.51.100.9:0 0.0.0.7:0 192.168.1.1:0',
        'UDP UDP fd00::1:50626 fd02::1:80 fd01::1:80',
      ],
    );
  });

  it('knows its output without a command, and prose from it', () => {
    const paste = 'FWM  3 wrr\n  -> 10.0.88.214:0              Local   1      0          0\n';
    assert.deepEqual(read('ipvsadm', paste), ['mark 3 wrr', '> 10.0.88.214:0 Local 1']);
    for (const text of [
      'The service is TCP  10.0.0.92:80 rr and has two servers.\n',
      'TCP  connections are given to the servers in turn\n  -> see the manual\n',
      'ipvsadm -A -t 192.168.56.200:80 -s rr\nipvsadm -a -t 192.168.56.200:80 -r 192.168.56.102 -g -w 1\n',
    ])
      assert.deepEqual(
        readDocument('file:///notes.txt', 'notes.txt', text).captures.flatMap(({ facts }) => facts),
        [],
        text,
      );
  });

  it('knows the files of a sosreport', () => {
    const document = readDocument(
      'file:///sos/x',
      'sosreport-lb1/sos_commands/ipvs/ipvsadm_-Ln_--connection',
      'IPVS connection entries\npro expire state       source             virtual            destination\n',
    );
    const [capture] = document.captures;
    assert.equal(capture?.kind, 'ipvs-connections');
    assert.equal(capture?.host, 'sosreport-lb1');
  });

  it('takes a machine without the module for one without services', () => {
    const absent = networkOf(`root@lb:~# ipvsadm -Ln
Can't initialize ipvs: Protocol not available
Are you sure that IP Virtual Server is built in the kernel or as module?
`);
    assert.equal(absent.hosts.get('lb')?.namespaces.get('')?.ipvs.known, 'whole');
    const refused = networkOf(
      `root@lb:~# ip a\n1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\nroot@lb:~# ipvsadm -Ln\nCan't initialize ipvs: Permission denied (you must be root)\n`,
    );
    assert.notEqual(refused.hosts.get('lb')?.namespaces.get('')?.ipvs.known, 'whole');
  });

  it('joins lists of the same services', () => {
    const network = networkOf(`root@lb:~# ipvsadm -Ln --stats
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.100:80                      50     1300        0      19M        0
  -> 192.168.1.1:80                     25      150        0     9975        0
root@lb:~# ipvsadm -Ln
${TITLE}
TCP  10.0.0.100:80 rr
  -> 192.168.1.1:80               Masq    3      0          0
`);
    const services = network.hosts.get('lb')?.namespaces.get('')?.ipvs.services ?? [];
    assert.deepEqual(
      services.map(({ scheduler, servers }) => [scheduler, servers.map(({ forward, weight }) => [forward, weight])]),
      [['rr', [['Masq', 3]]]],
    );
  });
});

const DIRECTOR = `root@lb:~# ipvsadm -Ln
${TITLE}
TCP  10.0.0.100:80 rr persistent 600
  -> 10.0.0.11:80                 Route   1      3          12
  -> 10.0.0.12:80                 Route   0      3          12
TCP  10.0.0.100:81 rr
TCP  10.0.0.100:82 rr
  -> 10.0.0.77:82                 Masq    1      0          0
  -> 10.0.0.78:82                 Masq    1      0          0
root@lb:~# ip neigh
10.0.0.77 dev eth0 FAILED
10.0.0.78 dev eth0 lladdr 02:00:00:00:00:78 STALE
`;
const SERVER = `root@web1:~# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:00:11 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.11/24 scope global eth0
`;

describe('checks of IPVS', () => {
  const codes = (text: string) =>
    runChecks(networkOf(text))
      .map(({ code }) => code)
      .sort();

  it('find services without servers, and servers without what they need', () => {
    assert.deepEqual(codes(DIRECTOR), ['ipvs-no-server', 'ipvs-server-unreachable']);
    assert.deepEqual(codes(DIRECTOR + SERVER), ['ipvs-no-server', 'ipvs-server-unreachable', 'ipvs-server-without-address']);
    const held = SERVER.replace('scope host lo', 'scope host lo\n    inet 10.0.0.100/32 scope global lo');
    assert.deepEqual(codes(DIRECTOR + held), ['ipvs-no-server', 'ipvs-server-unreachable']);
    const arp = (value: number) =>
      `root@web1:~# sysctl -a\nnet.ipv4.conf.all.arp_ignore = ${value}\nnet.ipv4.conf.eth0.arp_ignore = 0\n`;
    assert.deepEqual(codes(DIRECTOR + held + arp(0)), ['ipvs-no-server', 'ipvs-server-answers-arp', 'ipvs-server-unreachable']);
    assert.deepEqual(codes(DIRECTOR + held + arp(1)), ['ipvs-no-server', 'ipvs-server-unreachable']);
  });

  it('say nothing of a list that was cut', () => {
    assert.deepEqual(codes(DIRECTOR.replace('TCP  10.0.0.100:81 rr\n', 'TCP  10.0.0.100:81 rr\n...\n')), [
      'ipvs-server-unreachable',
    ]);
  });
});

describe('hovers of IPVS', () => {
  const text = (at: string): string => {
    const [before = '', ...after] = (DIRECTOR + SERVER).split(at);
    const own = fixture(`${before}$0${at}${after.join(at)}`);
    return hover(own.world, own.uri, own.offset)?.markdown ?? '';
  };

  it('say what a service does, and who its servers are', () => {
    const service = text('rr persistent');
    assert.match(service, /Virtual service TCP 10\.0\.0\.100:80/);
    assert.match(service, /stays with its server for 600 s/);
    assert.match(service, /1 server for new connections, 1 with weight 0/);
    const server = text('Route   1');
    assert.match(server, /direct routing/);
    assert.match(server, /eth0 on web1/);
    assert.match(text('Route   0'), /gets no new connections/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plain } from './linux-captures.harness';
import { errorsOf, factsOf, places, read } from './read-text';

/** Facts without their spans and their kind. */
const said = <K extends Parameters<typeof factsOf>[1]>(text: string, kind: K): unknown[] =>
  factsOf(text, kind).map((fact) => {
    const { kind: _kind, ...rest } = plain(fact) as Record<string, unknown>;
    return rest;
  });

const hopsOf = (text: string) =>
  factsOf(text, 'traceroute').map(({ target, hops, reached }) => [
    target.value,
    hops.map(({ ttl, ips }) => `${ttl.value} ${ips.map(({ value }) => value).join(' ')}`),
    reached,
  ]);

const REPORT = 'HOST: h                     Loss%   Snt   Last   Avg  Best  Wrst StDev';
const NUMBERS = '0.0%     3    0.3   0.3   0.3   0.3   0.0';

describe('mtr', () => {
  for (const command of ['mtr -rwnc 3 10.2.0.9', 'mtr -w 10.2.0.9', 'mtr -r -b -z 10.2.0.9', 'mtr --report-cycles 3 -r 10.2.0.9'])
    it(`knows where ${command} leads`, () => {
      const text = `root@h:~# ${command}\n${REPORT}\n  1.|-- 10.0.0.254           ${NUMBERS}\n  2.|-- 10.2.0.9             ${NUMBERS}\n`;
      assert.deepEqual(hopsOf(text), [['10.2.0.9', ['1 10.0.0.254', '2 10.2.0.9'], true]]);
    });

  it('lists all routers of a hop, and none for the labels of MPLS', () => {
    const text = `root@h:~# mtr -r 10.2.0.9
${REPORT}
  1.|-- 10.1.0.1             ${NUMBERS}
    |  \`|-- 10.1.0.2
    |   |-- r3.example.com (10.1.0.3)
    |  +-[MPLS: Lbl 24015 TC 0 S u TTL 1]
  2.|-- 10.2.0.9             ${NUMBERS}
`;
    assert.deepEqual(hopsOf(text), [['10.2.0.9', ['1 10.1.0.1 10.1.0.2 10.1.0.3', '2 10.2.0.9'], true]]);
  });

  it('reads a report with numbers of networks', () => {
    const text = `root@h:~# mtr -r -z 10.2.0.9
${REPORT}
  1. AS64512  gw.example.com (10.0.0.254)       ${NUMBERS}
  2. AS???    ???                              100.0    10    0.0   0.0   0.0   0.0   0.0
`;
    assert.deepEqual(hopsOf(text), [['10.2.0.9', ['1 10.0.0.254', '2 '], false]]);
    assert.deepEqual(errorsOf(text), []);
  });

  it('is read from the screen of other versions', () => {
    const text = `$ mtr -zn 10.2.0.9
                           My traceroute  [v0.92]
h (10.0.0.5)                                   2018-12-05T15:55:42+0000
 Host                            Loss%   Snt   Last   Avg  Best  Wrst StDev
 1. AS???    10.0.0.254          ${NUMBERS}
 2. ???
11. AS64512  10.2.0.9            ${NUMBERS}
`;
    assert.deepEqual(hopsOf(text), [['10.2.0.9', ['1 10.0.0.254', '2 ', '11 10.2.0.9'], true]]);
    assert.deepEqual(read(text).unclassified, []);
  });

  it('is read from its screen', () => {
    const text = `                              My traceroute  [v0.93]
h (10.0.0.5) -> 10.2.0.9                              2024-01-10T10:00:00+0000
Keys:  Help   Display mode   Restart statistics   Order of fields   quit
                                       Packets               Pings
 Host                                Loss%   Snt   Last   Avg  Best  Wrst StDev
 1. 10.0.0.254                        ${NUMBERS}
 2. 10.1.0.1                          ${NUMBERS}
    10.1.0.2
 3. (waiting for reply)
 4. 10.2.0.9                          ${NUMBERS}
`;
    assert.deepEqual(hopsOf(text), [['10.2.0.9', ['1 10.0.0.254', '2 10.1.0.1 10.1.0.2', '3 ', '4 10.2.0.9'], true]]);
    assert.deepEqual(read(text).unclassified, []);
  });
});

describe('traceroute and tracepath', () => {
  it('may end where a packet was refused', () => {
    const text = `root@h:~# traceroute -A -e 10.3.3.3
traceroute to 10.3.3.3 (10.3.3.3), 30 hops max, 60 byte packets
 1  _gateway (10.0.0.254) [*]  0.311 ms  0.299 ms
 2  send: Network is unreachable
root@h:~# tracepath 10.3.3.10
 1:  10.0.0.254                                           0.400ms
 1:  10.0.0.254                                           0.300ms
 2:  10.7.7.7                                             !H
     Resume: pmtu 1500
`;
    assert.deepEqual(places(text), [
      ['traceroute', 'h', undefined],
      ['traceroute', 'h', undefined],
    ]);
    assert.deepEqual(hopsOf(text), [
      ['10.3.3.3', ['1 10.0.0.254'], false],
      ['10.3.3.10', ['1 10.0.0.254', '2 10.7.7.7'], false],
    ]);
  });

  it('know options without a value', () => {
    for (const command of ['traceroute -n --mtu 10.3.3.9', 'traceroute -A 10.3.3.9', 'tracepath -b 10.3.3.9'])
      assert.equal(read(`$ ${command}\n 1  10.0.0.254  0.5 ms\n`).captures[0]?.target, '10.3.3.9', command);
  });
});

describe('ping', () => {
  it('is known by its answers where its first lines were cut off', () => {
    const text = `Then:
64 bytes from 10.99.0.1: icmp_seq=7 ttl=64 time=0.047 ms
64 bytes from 10.99.0.1: icmp_seq=8 ttl=64 time=0.047 ms
--- 10.99.0.1 ping statistics ---
8 packets transmitted, 8 received, 0% packet loss, time 7045ms
`;
    assert.deepEqual(said(text, 'ping'), [{ target: '10.99.0.1', replies: 8, lost: '0%' }]);
  });
});

describe('sockets', () => {
  it('wait where the command asked for such, whatever columns there are', () => {
    const text = `root@h:~# ss -4 state listening
Netid  Recv-Q   Send-Q     Local Address:Port       Peer Address:Port
tcp    0        128              0.0.0.0:22              0.0.0.0:*
`;
    assert.deepEqual(said(text, 'listener'), [{ protocol: 'tcp', ip: '0.0.0.0', port: 22 }]);
  });

  it('go on behind a complaint about a family that the kernel lacks', () => {
    const text = `root@h:~# netstat -tuln
Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State
tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN
netstat: /proc/net/tcp6: No such file or directory
udp        0      0 0.0.0.0:67              0.0.0.0:*
`;
    assert.deepEqual(places(text), [['netstat', 'h', undefined]]);
    assert.equal(said(text, 'listener').length, 2);
  });
});

describe('connections', () => {
  it('are reported where their addresses are masked, before and after others', () => {
    const masked =
      'tcp      6 110 TIME_WAIT src=x.x.x.x dst=10.0.0.9 sport=1 dport=22 src=10.0.0.9 dst=x.x.x.x sport=22 dport=1 [ASSURED] mark=0 use=1';
    const whole = masked.replaceAll('x.x.x.x', '10.0.0.7');
    for (const text of [`${masked}\n`, `${masked}\n${whole}\n`, `${whole}\n${masked}\n`]) {
      assert.deepEqual(
        read(text).captures.map(({ kind }) => kind),
        ['conntrack-list'],
        text,
      );
      assert.ok(errorsOf(text).length > 0, text);
      assert.equal(factsOf(text, 'conntrack-entry').length, text.includes('10.0.0.7') ? 1 : 0);
    }
  });
});

describe('a list of connections', () => {
  const entry = (port: number) =>
    `tcp      6 9 ESTABLISHED src=10.0.0.5 dst=10.0.0.9 sport=${port} dport=22 src=10.0.0.9 dst=10.0.0.5 sport=22 dport=${port} [ASSURED] mark=0 use=1\n`;
  const list = (said: number) =>
    `# conntrack -L\n${entry(1)}${entry(2)}conntrack v1.4.6 (conntrack-tools): ${said} flow entries have been shown.\n`;

  it('is not whole where its end says that there were more', () => {
    assert.deepEqual(errorsOf(list(2)), []);
    assert.deepEqual(errorsOf(list(8)), ['cut-off']);
  });
});

describe('route -6', () => {
  it('tells the addresses of the host from other ways', () => {
    const text = `root@h:~# route -6 -n
Kernel IPv6 routing table
Destination                    Next Hop                   Flag Met Ref Use If
fd00::/64                      ::                         U    256 0      0 eth0
fd00::9/128                    ::                         U    256 0      0 eth1
fd00::5/128                    ::                         Un   0   2      0 eth0
::/0                           ::                         !n   -1  1      0 lo
`;
    assert.deepEqual(
      factsOf(text, 'route').map(({ type, dst, table }) => [type, dst.value.ip, table?.value]),
      [
        ['unicast', 'fd00::', undefined],
        ['unicast', 'fd00::9', undefined],
        ['local', 'fd00::5', 'local'],
        ['unreachable', '::', undefined],
      ],
    );
  });
});

describe('virsh', () => {
  it('lists names beside identifiers', () => {
    const text = `[root@kvm1 ~]# virsh list --all --uuid --name
d2b7e3a4-1111-2222-3333-444455556666 web server 2
e2b7e3a4-1111-2222-3333-444455556666 db01

`;
    assert.deepEqual(said(text, 'domain'), [
      { uuid: 'd2b7e3a4-1111-2222-3333-444455556666', name: 'web server 2' },
      { uuid: 'e2b7e3a4-1111-2222-3333-444455556666', name: 'db01' },
    ]);
  });

  it('knows a client of DHCP that told no name by its card', () => {
    const text = `# virsh net-dhcp-leases default
 Expiry Time           MAC address         Protocol   IP address           Hostname   Client ID or DUID
------------------------------------------------------------------------------------------------------------
 2024-01-10 10:00:00   52:54:00:11:22:34   ipv4       192.168.122.9/24     -          01:52:54:00:11:22:34
`;
    assert.deepEqual(said(text, 'address-owner'), [
      { what: 'DHCP client', name: '52:54:00:11:22:34', ip: '192.168.122.9', mac: '52:54:00:11:22:34' },
    ]);
  });
});

describe('what runs containers', () => {
  it('lists them in JSON', () => {
    const text = `root@node1:~# crictl pods -o json
{"items":[{"id":"3a1b2c4d5e6f7","metadata":{"name":"dns-1","uid":"u","namespace":"kube-system","attempt":0},"state":"SANDBOX_READY"}]}
root@node1:~# crictl ps -o json
{
  "containers": [
    {
      "id": "1fd2a1b2c3d4e",
      "podSandboxId": "3a1b2c4d5e6f7",
      "metadata": {
        "name": "coredns",
        "attempt": 0
      },
      "state": "CONTAINER_RUNNING"
    }
  ]
}
`;
    assert.deepEqual(read(text).unclassified, []);
    assert.deepEqual(said(text, 'runtime-object'), [
      { what: 'pod', id: '3a1b2c4d5e6f7', name: 'dns-1', state: 'SANDBOX_READY', namespace: 'kube-system' },
      { what: 'container', id: '1fd2a1b2c3d4e', name: 'coredns', state: 'CONTAINER_RUNNING', pod: '3a1b2c4d5e6f7' },
    ]);
  });

  it('is kept as what it is where it is not read', () => {
    const ps = `CONTAINER ID   IMAGE          COMMAND                  CREATED        STATUS        PORTS                  NAMES
a1b2c3d4e5f6   nginx:latest   "/docker-entrypoint.…"   2 hours ago    Up 2 hours    0.0.0.0:8080->80/tcp   web
`;
    const networks = `NETWORK ID     NAME      DRIVER    SCOPE
1a2b3c4d5e6f   bridge    bridge    local
`;
    const kinds = (text: string) => read(text).captures.map(({ kind }) => kind);
    assert.deepEqual(kinds(`$ docker ps\n${ps}$ docker network ls\n${networks}$ docker port web\n80/tcp -> 0.0.0.0:8080\n`), [
      'docker-ps',
      'docker-network-ls',
      'docker-port',
    ]);
    // Of other formats nobody knows the lines.
    assert.deepEqual(kinds("$ docker ps --format '{{.Names}} {{.Ports}}'\nweb 0.0.0.0:8080->80/tcp\n"), []);
    // What stands below without a blank line is not swallowed.
    assert.deepEqual(kinds(`${ps}I see:\n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5\n`), [
      'docker-ps',
      'ip-route',
    ]);
    assert.deepEqual(kinds(`In the mail:\n\n${ps}\n${networks}`), ['docker-ps', 'docker-network-ls']);
  });
});

describe('ethtool', () => {
  it('is read in JSON', () => {
    const text = `# ethtool --json -S veth0
[ {
        "ifname": "veth0",
        "peer_ifindex": 12
    } ]
`;
    assert.deepEqual(read(text).unclassified, []);
    assert.deepEqual(said(text, 'link'), [{ name: 'veth0', flags: [], peerIndex: 12 }]);
  });
});

describe('tcpdump', () => {
  it('calls VXLAN at port 8472 OTV, and says where a packet is not whole', () => {
    const text = `# tcpdump -ni eth0
10:00:00.000001 IP 10.5.0.4.41818 > 10.5.0.9.8472: OTV, flags [I] (0x08), overlay 0, instance 7
IP 10.244.1.5.55555 > 10.244.2.7.80: Flags [S], seq 1, win 64860, options [mss 1410], length 0
10:00:00.000009 IP truncated-ip - 20 bytes missing! 10.0.0.1.22 > 10.0.0.9.5555: Flags [P.], seq 1:37, ack 1, win 501, length 36
`;
    assert.deepEqual(
      factsOf(text, 'packet-seen').map(({ vni, src, dport, what }) => [vni?.value, src?.value, dport?.value, what?.value]),
      [
        [undefined, '10.5.0.4', 8472, undefined],
        [7, '10.244.1.5', 80, 'S'],
        [undefined, '10.0.0.1', 5555, 'P.'],
      ],
    );
  });
});

describe('bridge -d link', () => {
  it('of iproute2 5.x says the name once more at the end', () => {
    const text = `# bridge -d link show
2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br-ens3 state forwarding priority 32 cost 100
    hairpin off guard off root_block off fastleave off learning on flood on isolated on ens3
9: br-ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br-ens3 br-ens3
`;
    assert.deepEqual([errorsOf(text), read(text).unclassified], [[], []]);
    assert.deepEqual(
      factsOf(text, 'linux-bridge-port').map(({ name, settings }) => [name.value, settings?.['isolated']?.value]),
      [['ens3', 'on']],
    );
    // Cut in the middle it is told.
    assert.deepEqual(errorsOf(text.split('\n').slice(0, 2).join('\n') + '\n    hairpin off guard off isolated\n'), ['cut-off']);
  });
});

describe('ethtool without a device', () => {
  it('is the name of a package', () => {
    const text = 'zlib1g:\n  Installed: 1:1.2\nethtool:\n  Installed: 1:5.4-1\n  Version table:\n *** 1:5.4-1 500\n';
    assert.deepEqual([read(text).captures, read(text).unclassified], [[], []]);
  });
});

describe('conntrack -L', () => {
  it('has what the program says in the middle of a connection, where both went into one file', () => {
    const row = (port: number, protocol = 'tcp      6 431997 ESTABLISHED') =>
      `ipv4     2 ${protocol} src=10.0.0.1 dst=10.0.0.2 sport=${port} dport=80 src=10.0.0.2 dst=10.0.0.1 sport=80 dport=${port} mark=0 use=1`;
    const summary = 'conntrack v1.4.5 (conntrack-tools): 4 flow entries have been shown.\n';
    const torn = (text: string, at: number) => text.slice(0, at) + summary + text.slice(at);
    for (const at of [row(2).length - 1, 110, 100, 90]) {
      const text = `# conntrack -L -o extended 2>&1\n${row(1)}\n${torn(row(2), at)}\n${row(3)}\n${row(4)}\n`;
      assert.deepEqual(
        factsOf(text, 'conntrack-entry').map(({ original }) => original.sport?.value),
        [1, 2, 3, 4],
        String(at),
      );
      assert.deepEqual([errorsOf(text), read(text).unclassified], [[], []]);
    }
  });
});

describe('ip address', () => {
  it('without the devices tells them by what addresses are called', () => {
    const text = `[root@h ~]# ip a | grep inet
    inet 127.0.0.1/8 scope host lo
    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic noprefixroute eth0
    inet 10.0.0.6/24 scope global secondary eth0:1
    inet 10.0.0.7/24 scope global secondary
    inet6 fe80::1/64 scope link
`;
    assert.deepEqual(
      factsOf(text, 'address').map(({ dev, ip, prefix }) => `${dev.value} ${ip.value}/${prefix.value}`),
      ['lo 127.0.0.1/8', 'eth0 10.0.0.5/24', 'eth0 10.0.0.6/24'],
    );
    assert.deepEqual([errorsOf(text), read(text).unclassified], [[], []]);
  });

  it('gives no prefix to addresses that stand without one', () => {
    const text = `# ip -j addr | jq -r '.[] | "\\(.ifname) \\(.operstate) \\(.addr_info[0].local)"'
lo UNKNOWN 127.0.0.1
eth0 UP 10.42.0.17
`;
    assert.deepEqual(factsOf(text, 'address'), []);
    assert.deepEqual(
      factsOf('# ip -br a\neth0 UP 10.0.0.1/24 fe80::1/64\ntun0 UNKNOWN 10.8.0.1 peer 10.8.0.2/32\n', 'address').map(
        ({ ip, prefix }) => `${ip.value}/${prefix.value}`,
      ),
      ['10.0.0.1/24', 'fe80::1/64', '10.8.0.1/32'],
    );
  });
});

describe('tracepath and mtr', () => {
  it('stand below one line of commands, each with a target of its own', () => {
    const text = `[root@h ~]# tracepath 10.0.1.1;tracepath 10.0.2.1;tracepath 10.0.3.1
 1:  10.0.9.1     0.038ms
 2:  10.0.1.1     0.038ms reached
     Resume: pmtu 65535 hops 2 back 2
 1?: [LOCALHOST]  pmtu 1500
 1:  10.0.2.1     0.346ms reached
     Resume: pmtu 1500 hops 1 back 1
 1?: [LOCALHOST]  pmtu 1500
 1:  no reply
     Too many hops: pmtu 1500
     Resume: pmtu 1500
`;
    assert.deepEqual(hopsOf(text), [
      ['10.0.1.1', ['1 10.0.9.1', '2 10.0.1.1'], true],
      ['10.0.2.1', ['1 10.0.2.1'], true],
    ]);
  });

  it('reach a target that they show by its name', () => {
    const text = (target: string) =>
      `$ mtr -r -c 10 ${target}\n${REPORT}\n  1.|-- 10.0.0.1      0.0%    10    1.2   1.5   0.8   3.2   0.7\n  2.|-- www.example   0.0%    10    1.2   1.5   0.8   3.2   0.7\n`;
    assert.deepEqual(
      ['www.example', 'mail.example'].map((target) => hopsOf(text(target))[0]?.[2]),
      [true, false],
    );
  });
});

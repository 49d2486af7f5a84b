import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, read } from './read-text';
import { networkOf } from './walk-fixture';

describe('an output that somebody drew beside, or left parts out of', () => {
  it('has tables of the client without their middle columns or their right ones', () => {
    const text = `$ neutron net-list
+--------------------------------------+-------+-----...------------------+...
| id                                   | name  | subnets  ...             |...
+--------------------------------------+-------+-----...------------------+...
| 6f0a5622-4d2b-4e4d-b34a-09b70cacf3f1 | blue  | beb767f8-... 10.1.0.0/24 |...
+--------------------------------------+-------+-----...------------------+...
`;
    assert.deepEqual([errorsOf(text), factsOf(text, 'neutron-network').map(({ name }) => name?.value)], [[], ['blue']]);
  });

  it('has a drawing right of the database of Open vSwitch', () => {
    const text = `$ ovs-vsctl show
    Bridge br-int                            |        |
        Port patch-tun                       |        |
            Interface patch-tun              |        |
                type: patch                  |        |
                options: {peer=patch-int}    |  <-----+
        Port "tap1"                          +---- a guest
            tag: 2                           |
`;
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(
      factsOf(text, 'ovs-port').map(({ name, tag }) => [name.value, tag?.value]),
      [
        ['patch-tun', undefined],
        ['tap1', 2],
      ],
    );
    assert.equal(factsOf(text, 'ovs-interface')[0]?.options?.['peer']?.value, 'patch-int');
  });

  it('has arrows behind counters, and words for what is left out', () => {
    assert.deepEqual(
      errorsOf(`$ ip -s link
2: eth0: <UP> mtu 1500 state UP
    RX: bytes  packets  errors  dropped missed  mcast
    9565537    12861    0       0       0       12  <-. these
    TX: bytes  packets  errors  dropped carrier collsns
    10278      119      0       0       0       0   <-' grow
...省略...
`),
      [],
    );
  });

  it('says in words that there was none', () => {
    const [none, empty] = read('$ ip r\n<no output>\n$ ip r show table 9\n(empty)\n').captures;
    assert.deepEqual([none?.errors, none?.elided, empty?.errors, empty?.elided], [[], false, [], false]);
    assert.equal(read('$ ip r\n\nNothing.\n').captures[0]?.elided, true);
  });
});

describe('what a command says of a part of its output', () => {
  it('is no failure where a table of routes is not there: it has none', () => {
    const text = '# ip r show table 9\nError: ipv4: FIB table does not exist.\nDump terminated\n';
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(errorsOf('# ip r show table 9\nDump terminated\n'), ['error-output']);
  });

  it('is no failure where one setting can not be read', () => {
    const text = `# sysctl -a
net.ipv4.ip_forward = 1
sysctl: reading key "net.ipv6.conf.all.stable_secret"
sysctl: permission denied on key 'fs.protected_fifos'
net.ipv4.conf.all.rp_filter = 2
`;
    assert.deepEqual([errorsOf(text), factsOf(text, 'sysctl').length], [[], 2]);
  });

  it('is one entry of those that a bridge has where one was looked up', () => {
    const text = '[root@sw1 ~]# bridge fdb get 00:11:22:33:44:55 br br0\n00:11:22:33:44:55 dev swp2 master br0 permanent\n';
    const [capture] = read(text).captures;
    assert.deepEqual([capture?.host, capture?.options['filter'], capture?.errors], ['sw1', 'get 00:11:22:33:44:55 br br0', []]);
    assert.deepEqual(errorsOf('$ bridge -d fdb show dev br0\n00:11:22:33:44:55 blackhole master br0 permanent\n'), []);
  });
});

describe('rules that choose a table of routes', () => {
  const rules = (...lines: string[]): string => `root@h:~# ip rule\n${lines.map((line) => `${line}\n`).join('')}`;

  it('are not all of them where none asks the table local', () => {
    for (const [text, known] of [
      [rules('20:\tfrom all to 10.5.2.22 lookup main'), 'partial'],
      [rules('100:\tfrom all lookup local', '32766:\tfrom all lookup main'), 'whole'],
    ] as const)
      assert.equal(networkOf(text).hosts.get('h')?.namespaces.get('')?.rulesKnown, known);
  });
});

describe('a socket', () => {
  const listening = (command: string, title: string, ...rows: string[]): string =>
    `$ ${command}\n${title}\n${rows.map((row) => `${row}\n`).join('')}`;
  const netstat = (...rows: string[]): string =>
    listening(
      'netstat -tulnp',
      'Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name',
      ...rows,
    );

  it('of IPv6 may have an address of IPv4', () => {
    const text = netstat('tcp6       0      0 ::ffff:10.0.0.5:7403    :::*                    LISTEN      2647/java');
    assert.deepEqual(
      factsOf(text, 'listener').map(({ ip }) => ip.value),
      ['10.0.0.5'],
    );
  });

  it('has no address that is known where netstat cut it off', () => {
    const text = netstat('udp6       0      0 fe80::20c:29ff:fe77:123 :::*                                623/ntpd');
    assert.deepEqual([errorsOf(text), factsOf(text, 'listener')], [['inconsistent'], []]);
    assert.deepEqual(errorsOf(text.replace('fe77:123 ', 'fe7:123  ')), []);
  });

  it('that waits without a connection is no socket of TCP, whatever ss calls it', () => {
    const text = listening(
      'ss -tuln',
      'Netid State      Recv-Q Send-Q     Local Address:Port       Peer Address:Port',
      'tcp   UNCONN     0      0                     *:68                    *:*',
    );
    assert.deepEqual(
      factsOf(text, 'listener').map(({ protocol }) => protocol.value),
      ['udp'],
    );
  });
});

describe('a bridge', () => {
  it('has any priority in its number', () => {
    const text =
      'bridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr-lan\t\t7fff.b4750e60b7e5\tno\t\tlan4\n\t\t\t\t\t\t\tlan2\n';
    assert.deepEqual(
      factsOf(text, 'linux-bridge-port').map(({ name }) => name.value),
      ['lan4', 'lan2'],
    );
  });
});

describe('nft list meter', () => {
  it('is read as the set that a meter is', () => {
    const text = `# nft list meter inet filter conns
table inet filter {
	meter conns {
		type ipv4_addr
		size 65535
		flags dynamic
		elements = { 10.14.13.0 ct count 5 }
	}
}
`;
    assert.deepEqual(errorsOf(text), []);
  });
});

describe('an output that is not read', () => {
  it('ends where what captures it off does', () => {
    const text =
      '```\n# ovn-nbctl show\nrouter 87ad06fd-71d5-4ff8-a1f0-54fa3bba1a7f (r1)\n    port p1\n```\n\n## 2. What follows\n';
    assert.equal(read(text).captures[0]?.lastLine, 3);
  });
});

describe('a chain whose rules nobody sees whole', () => {
  it('decides nothing', () => {
    const text = `root@h:~# iptables -nvL | less -S
Chain INPUT (policy ACCEPT 12 packets, 800 bytes)
 pkts bytes target     prot opt in     out     source               destinati>
    3   180 DROP       tcp  --  *      *       0.0.0.0/0            0.0.0.0/0>
`;
    const table = networkOf(text).hosts.get('h')?.namespaces.get('')?.netfilter.get('filter');
    assert.equal(table?.known, 'partial');
  });
});

describe('a port of Open vSwitch whose name is cut off', () => {
  it('gives what stands below it to no other port', () => {
    const text = `$ ovs-vsctl show
    Bridge br-int
        Port "tap1"
            Interface "tap1"
        Port "tap2
            tag: 9
            Interface "tap2
                type: internal
        Port "tap3"
            tag: 3
            Interface "tap3"
`;
    assert.equal(errorsOf(text).length, 2);
    assert.deepEqual(
      factsOf(text, 'ovs-port').map(({ name, tag }) => [name.value, tag?.value]),
      [
        ['tap1', undefined],
        ['tap3', 3],
      ],
    );
    assert.deepEqual(
      factsOf(text, 'ovs-interface').map(({ name, type }) => [name.value, type?.value]),
      [
        ['tap1', undefined],
        ['tap3', undefined],
      ],
    );
  });
});

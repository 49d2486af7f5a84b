import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { places, read } from './read-text';
import { networkOf } from './walk-fixture';

describe('a name that is a variable of the shell', () => {
  const LO = '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n    inet 127.0.0.1/8 scope host lo\n';
  const own = (name: string, index: number, ip: string) =>
    `${LO}${index}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN\n    inet ${ip}/24 scope global ${name}\n`;

  it('is a namespace of its own in every command, unless the text sets it', () => {
    assert.deepEqual(
      places(`root@n:~# ip netns exec $r ip r
default via 10.0.0.1 dev eth0
root@n:~# ip netns exec "\${r}" ip r
default via 10.0.0.2 dev eth0
root@n:~# r=qrouter-77
root@n:~# ip netns exec $r ip r
default via 10.0.0.9 dev eth0
root@n:~# ip netns exec <namespace> ip r
default via 10.0.0.8 dev eth0
`),
      [
        ['ip-route', 'n', '$r (n.txt:2)'],
        ['ip-route', 'n', '${r} (n.txt:4)'],
        ['ip-route', 'n', 'qrouter-77'],
        ['ip-route', 'n', '<namespace> (n.txt:9)'],
      ],
    );
    const host = networkOf('root@n:~# ip netns exec $r ip r\ndefault via 10.0.0.1 dev eth0\n').hosts.get('n');
    assert.equal(host?.namespaces.get('')?.routes.length, 0);
    assert.equal([...(host?.namespaces.values() ?? [])].find(({ name }) => name.startsWith('$r '))?.enter, 'ip netns exec $r');
  });

  it('is another one in every turn of a loop', () => {
    const outputs = own('qr-1', 12, '10.0.0.1') + own('tap2', 13, '10.0.0.2');
    for (const command of [
      "for ns in $(ip netns | cut -d' ' -f1); do ip netns exec $ns ip a; done",
      'for ns in `ip netns`\n> do\n>   ip netns exec $ns ip a\n> done',
      'ip netns | while read ns x; do sudo ip -n $ns a; done',
    ]) {
      const text = `root@n:~# ${command}\n${outputs}root@n:~# ip r\ndefault via 10.9.0.1 dev eth9\n`;
      const first = command.split('\n').length + 1;
      assert.deepEqual(
        places(text),
        [
          ['ip-address', 'n', `$ns (n.txt:${first})`],
          ['ip-address', 'n', `$ns (n.txt:${first + 4})`],
          ['ip-route', 'n', undefined],
        ],
        command,
      );
      assert.deepEqual([...(networkOf(text).hosts.get('n')?.namespaces.get('')?.devices.keys() ?? [])], [], command);
    }
  });

  it('is what the loop says before each output', () => {
    for (const [said, line] of [
      ['echo $ns', 'qrouter-1'],
      ['echo "=== $ns ==="', '=== qrouter-1 ==='],
      ['echo -e "\\n** ${ns}:"', '** qrouter-1:'],
    ] as const)
      assert.deepEqual(
        places(
          `root@n:~# for ns in $(ip netns); do ${said}; ip netns exec $ns ip r; done\n${line}\ndefault via 10.0.0.1 dev qg-1\n${line.replace('qrouter-1', 'qdhcp-1')}\ndefault via 10.1.0.1 dev tap1\n`,
        ),
        [
          ['ip-route', 'n', 'qrouter-1'],
          ['ip-route', 'n', 'qdhcp-1'],
        ],
        said,
      );
    assert.deepEqual(
      places(
        'root@n:~# for h in n1 n2; do echo $h; ssh $h ip r; done\nn1\ndefault via 10.0.0.1 dev eth0\nn2\ndefault via 10.0.0.2 dev eth0\n',
      ),
      [
        ['ip-route', 'n1', undefined],
        ['ip-route', 'n2', undefined],
      ],
    );
  });

  it('is a process as well', () => {
    const lo = '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n';
    assert.deepEqual(
      places(
        `root@n:~# nsenter -t $PID -n ip link\n${lo}root@n:~# for p in $(pidof app); do nsenter -t $p -n ip link; done\n${lo}${lo}`,
      ),
      [
        ['ip-link', 'n', 'pid $PID (n.txt:2)'],
        ['ip-link', 'n', 'pid $p (n.txt:4)'],
        ['ip-link', 'n', 'pid $p (n.txt:5)'],
      ],
    );
  });

  it('is nothing that is known whole where the turns of a loop do not show', () => {
    const text = `root@n:~# ip netns | awk '{print $1}' | xargs -I{} ip netns exec {} ip neigh
10.0.0.1 dev qg-1 lladdr 02:00:00:00:00:01 STALE
10.1.0.1 dev tap1 lladdr 02:00:00:00:00:02 STALE
`;
    assert.deepEqual(places(text), [['ip-neighbour', 'n', '{} (n.txt:2)']]);
    assert.equal(read(text).captures[0]?.elided, true);
  });
});

describe('a shell of another place', () => {
  const LINK = '3: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default\n';

  it('may show a prompt that the one before did not', () => {
    assert.deepEqual(
      places(
        `$ nsenter --net=/var/run/netns/hdls bash\n[root@node-3 ~]# ip l\n${LINK}[root@node-3 ~]# ip r\ndefault via 10.0.0.1 dev eth0\n$ ip l\n${LINK}`,
      ),
      [
        ['ip-link', 'node-3', 'hdls'],
        ['ip-route', 'node-3', 'hdls'],
        ['ip-link', undefined, undefined],
      ],
    );
    assert.deepEqual(places(`[root@a ~]# ip netns exec blue bash\n[root@a ~]# ip l\n${LINK}[root@b ~]# ip l\n${LINK}`), [
      ['ip-link', 'a', 'blue'],
      ['ip-link', 'b', undefined],
    ]);
  });

  it('is named above each output by containerlab', () => {
    const device = '6: dummy-mgmt0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN group default qlen 1000\n';
    assert.deepEqual(
      places(
        `INFO[0000] clab-srl02-srl1: stdout:\n${device}INFO[0000] Executed command 'ip -4 a show dummy-mgmt0' on clab-srl02-srl2. stdout:\n${device}INFO[0000] Executed command "ip -4 addr show dummy-mgmt0" on the node "srl". stdout:\n${device}`,
      ),
      [
        ['ip-link', 'clab-srl02-srl1', undefined],
        ['ip-link', 'clab-srl02-srl2', undefined],
        ['ip-link', 'srl', undefined],
      ],
    );
  });

  it('may be reached by a script of the author, whose words are all that is known of it', () => {
    const arp = `Address               HWtype  HWaddress           Flags Mask            Iface
10.1.1.1              ether   3e:74:f2:60:ab:9b   C                     eth0
`;
    assert.deepEqual(places(`(NODE1) $ nsenter-ctn pod1 -n arp -n\n${arp}`), [['arp', 'NODE1', 'nsenter-ctn pod1 -n']]);
    assert.deepEqual(places(`$ man arp\n${arp}`), [['arp', undefined, undefined]]);
    assert.deepEqual(places(`$ some-tool --list\n${arp}`), [['arp', undefined, undefined]]);
  });
});

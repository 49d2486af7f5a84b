import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factsOf, places } from './read-text';

describe('a rule behind a sign of a remark', () => {
  it('keeps the condition that is its own', () => {
    const matches = (rest: string) =>
      factsOf(
        `$ iptables -L -n\nChain KUBE-FIREWALL (2 references)\ntarget     prot opt source               destination\nDROP       all  --  0.0.0.0/0            0.0.0.0/0      ${rest}\n`,
        'nf-rule',
      ).map((rule) => rule.matches.map(({ kind }) => kind));
    assert.deepEqual(matches('# /* drop marked packets */ mark match 0x8000/0x8000'), [['other']]);
    assert.deepEqual(matches('# mark match 0x8000/0x8000'), [['other']]);
    assert.deepEqual(matches('# everything else is dropped'), [[]]);
  });
});

describe('outputs that somebody set anew', () => {
  it('stand behind # as remarks to commands', () => {
    const text = `# Attach both ends
ip link set veth0 master br0

# ip a
# 12: veth0@if11: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue master br0 state DOWN group default qlen 1000
#     link/ether 22:6f:fc:57:41:a9 brd ff:ff:ff:ff:ff:ff link-netns netns0
# 15: br0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN group default qlen 1000
#     inet 10.0.0.1/24 scope global br0
ip link set br0 up
sudo crictl pods
#POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT
#eb8850de97b0c       15 minutes ago      Ready               busybox-sandbox     default             1
sudo crictl stopp eb8
`;
    assert.deepEqual(places(text), [
      ['ip-address', undefined, undefined],
      ['crictl-pods', undefined, undefined],
    ]);
    assert.deepEqual(
      factsOf(text, 'link').map(({ name, master, mac }) => [name.value, master?.value, mac?.value]),
      [
        ['veth0', 'br0', '22:6f:fc:57:41:a9'],
        ['br0', undefined, undefined],
      ],
    );
    assert.deepEqual(
      factsOf(text, 'address').map(({ ip }) => ip.value),
      ['10.0.0.1'],
    );
    assert.deepEqual(
      factsOf(text, 'runtime-object').map(({ name }) => name.value),
      ['busybox-sandbox'],
    );
    // Prompts are no such remarks.
    assert.deepEqual(places('# ip r\n# ip a\n# ip neigh\n10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE\n'), [
      ['ip-route', undefined, undefined],
      ['ip-address', undefined, undefined],
      ['ip-neighbour', undefined, undefined],
    ]);
  });

  it('break the line of a device before its master', () => {
    const text = `15: veth-a@veth-b: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue
    master br0 state UP mode DEFAULT group default qlen 1000
    link/ether 1a:0a:54:9c:89:6a brd ff:ff:ff:ff:ff:ff
`;
    assert.deepEqual(
      factsOf(text, 'link').map(({ master, state, mac }) => [master?.value, state?.value, mac?.value]),
      [['br0', 'UP', '1a:0a:54:9c:89:6a']],
    );
  });

  it('are shortened, or stand without their command', () => {
    assert.deepEqual(places('$ ip route get 10.50.0.1\n  10.50.0.1 via 192.168.122.1 dev enp1s0\n'), [
      ['ip-route-get', undefined, undefined],
    ]);
    assert.deepEqual(
      factsOf(
        'traceroute to 8.8.8.8 (8.8.8.8), 30 hops max, 46 byte packets\n 1  gw(172.18.0.1)  0.009 ms  0.009 ms  0.008 ms\n 2  ...\n 9  8.8.8.8  1.2 ms\n',
        'traceroute',
      ).map(({ hops, reached }) => [hops.map(({ ttl, ips }) => [ttl.value, ...ips.map(({ value }) => value)]), reached]),
      [
        [
          [
            [1, '172.18.0.1'],
            [9, '8.8.8.8'],
          ],
          true,
        ],
      ],
    );
    assert.deepEqual(
      factsOf(
        '13:38:52.988279 eth0  In  ifindex 19 02:42:df:4d:b6:d2 ethertype IPv4 (0x0800), length 80: 172.19.0.1.36363 > 172.19.0.3.30950: Flags [S], seq 1, win 64240, length 0\n',
        'packet-seen',
      ).map(({ dev, direction, src, dport }) => [dev?.value, direction, src?.value, dport?.value]),
      [['eth0', 'in', '172.19.0.1', 30950]],
    );
    assert.deepEqual(
      places(
        '# brctl show br-mgmt\nbridge name bridge id          STP enabled  interfaces\nbr-mgmt     8000.abcdef12345   no           eth1\n',
      ),
      [['brctl-show', undefined, undefined]],
    );
    assert.deepEqual(places('[fedora@vm ~]arp -a\n_gateway (169.254.1.1) at 0a:58:a9:fe:01:01 [ether] on eth0\n'), [
      ['arp', 'vm', undefined],
    ]);
  });
});

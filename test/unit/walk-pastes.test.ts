import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesOf, fixture, networkOf, outline, recorded, trace, type Walked } from './walk-fixture';

const pastes: Readonly<Record<string, readonly string[]>> = {
  'provider-vlan': [
    'web1 > web2 reply',
    'web1 > 8.8.8.8 reply',
    '8.8.8.8 > web1',
    'nova7:eth1 > web2',
    'tap7f10aa3c-1b > 10.101.0.22',
  ],
  'gre-old': ['192.0.2.11 > 192.0.2.12 reply', 'tapbbbbbbbb-02 > 192.0.2.11'],
  'linux-bridge': ['lba > lbb reply', 'lbc > 203.0.113.99'],
  kvm: [
    'mail > wiki tcp 443 reply',
    'vnet0 > 192.168.20.12 tcp 80',
    'homer > 8.8.8.8 reply',
    '192.168.10.1 > 192.168.20.12 reply',
    'wiki > mail icmp',
  ],
};

function show({ request, reply }: Walked): string {
  return `${outline(request)}${reply ? `\nreply\n${outline(reply)}` : ''}`;
}

const text = fixture('walks/provider-vlan.txt');
const expected = show(trace(networkOf(text), 'web1 > 8.8.8.8 reply'));

/** The same paste as other people send it. */
const dresses: Readonly<Record<string, (plain: string) => string>> = {
  'Windows line ends': (plain) => plain.replaceAll('\n', '\r\n'),
  'a quoted mail': (plain) => plain.replace(/^/gm, '> '),
  'a mail quoted twice': (plain) => plain.replace(/^/gm, '> > '),
  'trailing blanks and tabs': (plain) => plain.replace(/$/gm, '  \t'),
  'an indented list': (plain) => plain.replace(/^/gm, '      '),
  'Markdown fences': (plain) => plain.replace(/^(\[root@nova7 ~\]# .*(?:\n(?!\n).*)*)/gm, '```console\n$1\n```'),
  'another prompt': (plain) => plain.replaceAll('[root@nova7 ~]#', 'nova7#'),
  'a shell with a path': (plain) => plain.replaceAll('[root@nova7 ~]#', 'root@nova7:/home/jo#'),
  sudo: (plain) => plain.replaceAll(']# ', ']# sudo '),
  kolla: (plain) => plain.replaceAll(']# ovs-', ']# docker exec openvswitch_vswitchd ovs-'),
  'podman with options': (plain) => plain.replaceAll(']# ovs-', ']# sudo podman exec -it -u root openvswitch_vswitchd ovs-'),
  'ssh from elsewhere': (plain) => plain.replaceAll('[root@nova7 ~]# ', 'jo@laptop:~$ ssh root@nova7 '),
  kubectl: (plain) => plain.replaceAll(']# ovs-', ']# kubectl -n openstack exec ovs-vswitchd-abcde -c ovs -- ovs-'),
  'time stamps in prompts': (plain) => plain.replaceAll('[root@nova7 ~]#', '[root@nova7 2024-05-01 10:00:00]#'),
};

describe('pastes of other networks', () => {
  for (const [name, questions] of Object.entries(pastes)) {
    it(name, () => {
      const network = networkOf(filesOf(fixture(`walks/${name}.txt`)));
      recorded(`${name}.expected`, questions.map((asked) => `# ${asked}\n${show(trace(network, asked))}`).join('\n\n'));
    });
  }

  for (const [name, dress] of Object.entries(dresses)) {
    it(`reads the same in ${name}`, () => {
      assert.equal(show(trace(networkOf(dress(text)), 'web1 > 8.8.8.8 reply')), expected);
    });
  }

  it('joins bridges by veth pairs that have no type', () => {
    const old = text.replace(/^ +type: patch\n +options: \{peer=.*\}\n/gm, '');
    const { request } = trace(networkOf(old), 'web1 > 8.8.8.8');
    assert.equal(request.ending.disposition, 'exits', outline(request));
    assert.deepEqual(request.ending.at, { host: 'nova7', device: 'br-eth1', port: 'eth1' });
    const patch = request.steps.find(({ stage }) => stage === 'patch');
    assert.equal(patch?.certainty, 'inferred');
    assert.match(patch.reason ?? '', /two ends of one pair/);
  });

  it('reads a tree of a sosreport', () => {
    const parts = [...text.matchAll(/^\[root@nova7 ~\]# (.*)\n((?:(?!\[root|\n\S.*[:?]\n|Flow tables|Any ideas).*\n)*)/gm)];
    const files = new Map<string, string>([['sosreport-nova7-2024/hostname', 'nova7\n']]);
    for (const [, command = '', output = ''] of parts) {
      if (command.startsWith('openstack')) files.set('notes.txt', `${files.get('notes.txt') ?? ''}$ ${command}\n${output}\n`);
      else
        files.set(
          `sosreport-nova7-2024/sos_commands/${command.startsWith('ip') ? 'networking' : 'openvswitch'}/${command.replace(/[^\w./-]+/g, '_').replaceAll('/', '.')}`,
          output,
        );
    }
    assert.equal(show(trace(networkOf(files), 'web1 > 8.8.8.8 reply')), expected);
  });

  it('never calls it dropped where the listing hides interfaces or was filtered', () => {
    const listing =
      'Chain FORWARD (policy ACCEPT)\ntarget     prot opt source               destination\nDROP       icmp --  192.168.10.0/24      0.0.0.0/0\n';
    const kvm = fixture('walks/kvm.txt');
    const cut = kvm.slice(0, kvm.indexOf('root@homer:~# iptables-save'));
    const hidden = trace(networkOf(`${cut}root@homer:~# iptables -L -n\n${listing}`), '192.168.10.1 > 192.168.20.12');
    assert.equal(hidden.request.ending.disposition, 'delivered');
    const forwarded = trace(networkOf(`${cut}root@homer:~# iptables -L -n\n${listing}`), 'mail > wiki icmp');
    assert.notEqual(forwarded.request.ending.disposition, 'dropped');
    assert.equal(forwarded.request.certainty, 'assumed');
    const filtered = trace(
      networkOf(`${cut}root@homer:~# iptables-save | grep FORWARD\n:FORWARD DROP [12:900]\n-A FORWARD -i vlan10 -j DROP\n`),
      'mail > wiki icmp',
    );
    assert.notEqual(filtered.request.ending.disposition, 'dropped');
  });

  it('gives a dump without its command to the bridge that has its ports', () => {
    const bare = text.replace('[root@nova7 ~]# ovs-appctl fdb/show br-int\n', 'The MAC table of br-int:\n\n');
    const network = networkOf(bare);
    assert.equal(network.hosts.get('nova7')?.bridges.get('br-int')?.fdb.length, 3);
    assert.equal(trace(network, 'web1 > web2').request.ending.disposition, 'delivered');
  });

  it('says dropped where a flow drops it and nothing is missing', () => {
    const spoof = text.replace(
      'priority=0 actions=NORMAL\n cookie=0x9a1, duration=8416.000s',
      'priority=9,in_port=4,dl_src=fa:16:3e:10:00:21 actions=drop\n cookie=0x9a1, duration=8416.000s',
    );
    const { request } = trace(networkOf(spoof), 'web1 > web2');
    assert.equal(request.ending.disposition, 'dropped', outline(request));
    const elided = trace(networkOf(spoof.replace(/^ cookie=0x9a1.*priority=2,in_port=1 actions=drop$/m, '...')), 'web1 > web2');
    assert.equal(elided.request.ending.disposition, 'insufficient-info');
    assert.ok(elided.request.gaps.some(({ command }) => command === 'ovs-ofctl dump-flows br-int'));
  });
});

describe('IPv6', () => {
  const files = `=== r1/ip_a.txt
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet6 2001:db8:1::1/64 scope global
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether 52:54:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet6 2001:db8:2::1/64 scope global
=== r1/ip_-6_r.txt
2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium
2001:db8:2::/64 dev eth1 proto kernel metric 256 pref medium
default via 2001:db8:2::ff dev eth1 metric 1024 pref medium
=== r1/ip_neigh.txt
2001:db8:1::5 dev eth0 lladdr 52:54:00:00:00:05 REACHABLE
2001:db8:2::ff dev eth1 lladdr 52:54:00:00:00:ff router REACHABLE
=== r1/iptables-save.txt
*filter
:FORWARD DROP [0:0]
COMMIT
=== h1/ip_a.txt
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether 52:54:00:00:00:05 brd ff:ff:ff:ff:ff:ff
    inet6 2001:db8:1::5/64 scope global
=== h1/ip_-6_r.txt
default via 2001:db8:1::1 dev eth0 metric 1024 pref medium
=== h1/ip_r.txt
10.0.0.0/8 dev eth0
`;

  it('is routed, and not dropped by rules of IPv4', () => {
    const { request, reply } = trace(networkOf(files), 'h1 > 2001:db8:9::9 reply');
    assert.deepEqual(request.ending.at, { host: 'r1', device: 'eth1', port: null }, outline(request));
    assert.equal(request.ending.disposition, 'exits');
    assert.ok(request.gaps.some(({ command }) => command === 'ip6tables-save'));
    assert.equal(reply?.ending.disposition, 'delivered');
  });

  it('is not called unreachable because ip route shows no IPv6', () => {
    const without = files.replace(/=== h1\/ip_-6_r.txt\n.*\n/, '');
    const { request } = trace(networkOf(without), 'h1 > 2001:db8:9::9');
    assert.equal(request.ending.disposition, 'insufficient-info', outline(request));
  });

  it('is dropped by a rule of ip6tables', () => {
    const denied = `${files}=== r1/ip6tables-save.txt\n*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -d 2001:db8:9::/64 -j DROP\nCOMMIT\n`;
    const { request } = trace(networkOf(denied), 'h1 > 2001:db8:9::9');
    assert.equal(request.ending.disposition, 'dropped', outline(request));
  });
});

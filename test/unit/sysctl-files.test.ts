import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkOf } from './walk-fixture';

/** The settings of a host's own namespace, by their names. */
function settings(text: string, host = 'n1'): Record<string, string> {
  const namespace = networkOf(text).hosts.get(host)?.namespaces.get('');
  return Object.fromEntries([...(namespace?.sysctls ?? [])].map(([name, { value }]) => [name, value]));
}

describe('settings read from the files below /proc/sys', () => {
  it('by grep, of many files and of one, on the host of the prompt', () => {
    assert.deepEqual(
      settings(`root@n1:~# grep . /proc/sys/net/ipv4/conf/*/rp_filter
/proc/sys/net/ipv4/conf/all/rp_filter:0
/proc/sys/net/ipv4/conf/eth7/rp_filter:2
root@n1:~# grep . /proc/sys/net/ipv4/ip_forward
1
`),
      { 'net.ipv4.conf.all.rp_filter': '0', 'net.ipv4.conf.eth7.rp_filter': '2', 'net.ipv4.ip_forward': '1' },
    );
  });

  it('by head and tail, with the file above each value', () => {
    const text = (command: string): string => `root@n1:~# ${command}
==> /proc/sys/net/bridge/bridge-nf-call-iptables <==
1

==> /proc/sys/net/bridge/bridge-nf-call-arptables <==
0
root@n1:~# uptime
`;
    const expected = { 'net.bridge.bridge-nf-call-iptables': '1', 'net.bridge.bridge-nf-call-arptables': '0' };
    assert.deepEqual(settings(text('head /proc/sys/net/bridge/bridge-nf-call-*')), expected);
    assert.deepEqual(settings(text('tail -n +1 /proc/sys/net/bridge/bridge-nf-call-{ip,arp}tables')), expected);
    assert.deepEqual(settings(text('head -1 /proc/sys/net/bridge/bridge-nf-call-*')), expected);
  });

  it('by head of one file, and without a prompt by the headings', () => {
    assert.deepEqual(settings('root@n1:~# head -n 1 /proc/sys/net/ipv4/ip_forward\n0\n'), { 'net.ipv4.ip_forward': '0' });
    const network = networkOf('==> /proc/sys/net/ipv4/ip_forward <==\n1\n\n==> /proc/sys/net/ipv4/conf/all/rp_filter <==\n1\n');
    const found = [...network.hosts.values()].flatMap((host) => [...(host.namespaces.get('')?.sysctls.keys() ?? [])]);
    assert.deepEqual(found, ['net.ipv4.ip_forward', 'net.ipv4.conf.all.rp_filter']);
  });

  it('never from other files, nor a value that no heading names', () => {
    assert.deepEqual(settings('root@n1:~# head /etc/sysctl.conf\n1\n'), {});
    assert.deepEqual(settings('root@n1:~# grep . /proc/sys/net/ipv4/conf/*/rp_filter\n1\n2\n'), {});
  });
});

describe('lines that were cut out with an exclamation', () => {
  it('are an elision', () => {
    const network = networkOf(`root@n1:~# ip a s
[SNIP!]
3: br9: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default
    link/ether 12:e9:35:00:00:09 brd ff:ff:ff:ff:ff:ff
    inet 10.99.2.1/24 brd 10.99.2.255 scope global br9
`);
    const namespace = network.hosts.get('n1')?.namespaces.get('');
    assert.ok(namespace);
    assert.ok(namespace.devices.has('br9'));
    assert.equal(namespace.addressesKnown[4], 'partial');
  });
});

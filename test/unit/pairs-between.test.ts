import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Device } from '../../server/src/model/device';
import type { Network } from '../../server/src/model/network';
import { pairElsewhere } from '../../server/src/model/pairs-between';
import { networkOf, outline, trace } from './walk-fixture';

const link = (index: number, name: string, peer: number, mac: string, more = '') =>
  `${index}: ${name}@if${peer}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue ${more}state UP mode DEFAULT group default qlen 1000
    link/ether ${mac} brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0
    veth addrgenmode eui64
`;
const [A, B] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'];
const guest = (mac: string, peer: number) => link(2, 'eth0', peer, mac);
const hypervisor = (tap: string) => link(7, tap, 2, 'fe:00:00:00:00:01', 'master br0 ');

function otherEnd(network: Network, host: string, name: string): [string, string, boolean] | undefined {
  const device = network.hosts.get(host)?.namespaces.get('')?.devices.get(name);
  const end = device && pairElsewhere(network, device as Device);
  return end && [end.device.host, end.device.name, end.learned];
}

describe('pairs whose ends are on two captured machines', () => {
  it('are told by the numbers that they name, where only two devices fit', () => {
    const network = networkOf(
      new Map([
        ['hv/ip_-d_link.txt', hypervisor('tap1')],
        ['vm-a/ip_-d_link.txt', guest(A, 7)],
      ]),
    );
    assert.deepEqual(otherEnd(network, 'vm-a', 'eth0'), ['hv', 'tap1', false]);
    assert.deepEqual(otherEnd(network, 'hv', 'tap1'), ['vm-a', 'eth0', false]);
  });

  it('are open where several fit, unless a MAC table tells', () => {
    const files = [
      ['hv1/ip_-d_link.txt', hypervisor('tap1')],
      ['hv2/ip_-d_link.txt', hypervisor('tap2')],
      ['vm-a/ip_-d_link.txt', guest(A, 7)],
      ['vm-b/ip_-d_link.txt', guest(B, 7)],
    ] as const;
    assert.equal(otherEnd(networkOf(new Map(files)), 'vm-a', 'eth0'), undefined);
    const learned = networkOf(new Map([...files, ['hv2/bridge_fdb_show.txt', `${A} dev tap2 master br0\n`]]));
    assert.deepEqual(otherEnd(learned, 'vm-a', 'eth0'), ['hv2', 'tap2', true]);
  });

  it('are none where a MAC table has somebody else there', () => {
    const network = networkOf(
      new Map([
        ['hv/ip_-d_link.txt', hypervisor('tap1')],
        ['hv/bridge_fdb_show.txt', `${B} dev tap1 master br0\n`],
        ['vm-a/ip_-d_link.txt', guest(A, 7)],
      ]),
    );
    assert.equal(otherEnd(network, 'vm-a', 'eth0'), undefined);
  });
});

describe('settings of a namespace', () => {
  it('are those of the folder, whatever the file is called', () => {
    const address = (index: number, name: string, ip: string) =>
      `${index}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n    link/ether 02:00:00:00:01:0${index} brd ff:ff:ff:ff:ff:ff\n    inet ${ip}/24 scope global ${name}\n`;
    const files = (forwarding: string) =>
      networkOf(
        new Map([
          ['router/namespaces/inner/ip_a.txt', address(2, 'left', '10.1.0.1') + address(3, 'right', '10.2.0.1')],
          ['router/namespaces/inner/ip_route.txt', '10.1.0.0/24 dev left scope link\n10.2.0.0/24 dev right scope link\n'],
          ['router/namespaces/inner/what is set.txt', `net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.ip_forward = ${forwarding}\n`],
          ['router/sysctl_-a.txt', 'net.ipv4.ip_forward = 1\n'],
          ['pc/ip_a.txt', address(4, 'eth0', '10.1.0.9')],
          ['pc/ip_route.txt', 'default via 10.1.0.1 dev eth0\n'],
        ]),
      );
    const off = trace(files('0'), 'pc > 10.2.0.7').request;
    assert.match(off.ending.summary, /Forwarding is off here/, outline(off));
    const on = trace(files('1'), 'pc > 10.2.0.7').request;
    assert.doesNotMatch(on.ending.summary, /Forwarding is off/, outline(on));
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, places } from './read-text';
import { networkOf } from './walk-fixture';

const RULER = '-------------------------------------------------------------------------------';
const LEASES = `[root@kvm1 ~]# virsh domifaddr app
 Name       MAC address          Protocol     Address
${RULER}
 vnet3      52:54:00:0a:0b:0c    ipv4         192.168.122.40/24
 -          -                    ipv6         2001:db8::40/64
`;
const AGENT = `[root@kvm1 ~]# virsh domifaddr app --source agent
 Name                           MAC address          Protocol     Address
${RULER}
 Loopback Pseudo-Interface 1                         N/A          N/A
 lo                             00:00:00:00:00:00    ipv4         127.0.0.1/8
 -                              -                    ipv6         ::1/128
 Ethernet 2                     52:54:00:0a:0b:0c    ipv4         192.168.122.40/24
 -                              -                    ipv6         fe80::5054:ff:fe0a:b0c/64
 docker0                        02:42:00:00:00:01    ipv4         172.17.0.1/16
 eth1                           N/A                  N/A          N/A
`;

const owners = (text: string) =>
  factsOf(text, 'address-owner').map(({ what, name, ip, mac }) => [what, name.value, ip.value, mac?.value]);

describe('virsh domifaddr', () => {
  it('tells the tap, the card and the addresses of a domain', () => {
    assert.deepEqual(places(LEASES), [['virsh-domifaddr', 'kvm1', undefined]]);
    assert.deepEqual(owners(LEASES), [
      ['domain', 'app', '192.168.122.40', '52:54:00:0a:0b:0c'],
      ['domain', 'app', '2001:db8::40', '52:54:00:0a:0b:0c'],
    ]);
    assert.deepEqual(
      factsOf(LEASES, 'domain-interface').map(({ domain, mac, target }) => [domain, mac?.value, target?.value]),
      [['app', '52:54:00:0a:0b:0c', 'vnet3']],
    );
  });

  it('tells what the guest calls its cards where its agent was asked, and nothing that every machine has', () => {
    const text = AGENT.replace(/ Loopback.*\n/, '');
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(owners(text), [
      ['domain', 'app', '192.168.122.40', '52:54:00:0a:0b:0c'],
      ['domain', 'app', '172.17.0.1', '02:42:00:00:00:01'],
    ]);
    assert.deepEqual(factsOf(text, 'domain-interface'), []);
  });

  it('says so of a row that has lost its card', () => {
    assert.deepEqual(errorsOf(AGENT), ['cut-off']);
  });

  it('may find nothing, in any tongue', () => {
    const text = `$ virsh domifaddr app --source arp\n Nome       Indirizzo MAC        Protocollo     Indirizzo\n${RULER}\n`;
    assert.deepEqual([errorsOf(text), owners(text)], [[], []]);
  });

  it('gives the instance its addresses, but not those of bridges inside it', () => {
    const card = `[root@kvm1 ~]# virsh domiflist app
 Interface   Type     Source   Model    MAC
-------------------------------------------------------
 vnet3       bridge   br0      virtio   52:54:00:0a:0b:0c

`;
    const [instance] = networkOf(card + AGENT.replace(/ Loopback.*\n/, '')).instances;
    assert.deepEqual(
      instance?.ips.map(({ ip }) => ip),
      ['192.168.122.40'],
    );
  });
});

describe('virsh net-dhcp-leases', () => {
  it('tells who has a lease, by its card where the client said no name', () => {
    const text = `$ virsh net-dhcp-leases default
 Expiry Time           MAC address         Protocol   IP address           Hostname   Client ID or DUID
------------------------------------------------------------------------------------------------------------
 2026-01-05 18:24:37   52:54:00:0a:0b:0c   ipv4       192.168.122.40/24    app        01:52:54:00:0a:0b:0c
 2026-01-05 18:25:01   52:54:00:0a:0b:0d   ipv4       192.168.122.41/24    -          -
`;
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(owners(text), [
      ['DHCP client', 'app', '192.168.122.40', '52:54:00:0a:0b:0c'],
      ['DHCP client', '52:54:00:0a:0b:0d', '192.168.122.41', '52:54:00:0a:0b:0d'],
    ]);
  });
});

describe('virsh domiflist', () => {
  const taps = (text: string) =>
    factsOf(text, 'domain-interface').map(({ domain, target, source, mac }) => [
      domain,
      target?.value,
      source?.value,
      mac?.value,
    ]);
  const ROW = 'vnet0      bridge     br0        rtl8139     52:54:00:75:dd:1a';

  it('is known by a row alone, where its titles were lost', () => {
    assert.deepEqual(taps(`VM1 Interface  Type       Source     Model       MAC\n-------\n${ROW}\n`), [
      [undefined, 'vnet0', 'br0', '52:54:00:75:dd:1a'],
    ]);
    assert.deepEqual(taps('vnet0      likes      br0        rtl8139     52:54:00:75:dd:1a\n'), []);
  });

  it('may have another ruler, and stand in remarks', () => {
    const text = `virsh domiflist lab\n\n# Interface   Type      Source    Model    MAC\n# ──────────────────────────\n# ${ROW}\n`;
    assert.deepEqual(taps(text), [['lab', 'vnet0', 'br0', '52:54:00:75:dd:1a']]);
  });
});

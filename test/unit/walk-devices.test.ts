import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkOf, outline, trace } from './walk-fixture';

/** `ip a` (with `-d` where details are given) of one device. */
function link(
  index: number,
  name: string,
  {
    mac,
    ip,
    more = '',
    flags = 'BROADCAST,MULTICAST,UP,LOWER_UP',
    tail = '',
  }: { mac?: string; ip?: string; more?: string; flags?: string; tail?: string },
): string {
  return [
    `${index}: ${name}: <${flags}> mtu 1500 qdisc noqueue ${tail}state UP group default qlen 1000`,
    `    link/${name === 'lo' ? 'loopback 00:00:00:00:00:00' : `ether ${mac ?? '02:00:00:00:00:01'}`} brd ff:ff:ff:ff:ff:ff`,
    ...(more === '' ? [] : [`    ${more}`]),
    ...(ip === undefined ? [] : [`    inet ${ip} scope global ${name.replace(/@.*/, '')}`]),
  ].join('\n');
}

const lo = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo`;
const at = (host: string, command: string, ...lines: readonly string[]) => `[root@${host} ~]# ${command}\n${lines.join('\n')}\n`;

describe('devices on a walk', () => {
  it('sends by the active device of a bond, and takes nothing by the other', () => {
    const bond = (host: string, last: number, active: string) =>
      at(
        host,
        'ip -d a',
        lo,
        link(2, 'eth0', {
          mac: `02:00:00:00:0${last}:00`,
          tail: 'master bond0 ',
          flags: 'BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP',
        }),
        link(3, 'eth1', {
          mac: `02:00:00:00:0${last}:00`,
          tail: 'master bond0 ',
          flags: 'BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP',
        }),
        link(4, 'bond0', {
          mac: `02:00:00:00:0${last}:00`,
          ip: `10.0.0.${last}/24`,
          flags: 'BROADCAST,MULTICAST,MASTER,UP,LOWER_UP',
          more: `bond mode active-backup active_slave ${active} miimon 100`,
        }),
      ) + at(host, 'ip neigh', `10.0.0.${3 - last} dev bond0 lladdr 02:00:00:00:0${3 - last}:00 REACHABLE`);
    const { request } = trace(networkOf(bond('a', 1, 'eth1') + bond('b', 2, 'eth0')), '10.0.0.1 > 10.0.0.2');
    assert.match(outline(request), /nic bond0/);
    assert.ok(
      request.steps.some(({ summary }) => summary === 'Bond bond0 sends the frame by eth1, its active device'),
      outline(request),
    );
  });

  it('leaves the devices of a bond alone that are in no active aggregator', () => {
    const bond = (host: string, last: number, slaves: readonly (readonly [aggregator: number, state: string])[]) =>
      at(
        host,
        'ip -d a',
        lo,
        ...slaves.map(([aggregator, state], n) =>
          link(n + 2, `eth${n}`, {
            mac: `02:00:00:00:0${last}:00`,
            tail: 'master bond0 ',
            flags: 'BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP',
            more: `bond_slave state ${state} mii_status UP link_failure_count 0 perm_hwaddr 02:00:00:00:0${last}:0${n} queue_id 0 ad_aggregator_id ${aggregator}`,
          }),
        ),
        link(9, 'bond0', {
          mac: `02:00:00:00:0${last}:00`,
          ip: `10.0.0.${last}/24`,
          flags: 'BROADCAST,MULTICAST,MASTER,UP,LOWER_UP',
          more: 'bond mode 802.3ad miimon 100 all_slaves_active 0 ad_select stable ad_aggregator 2 ad_num_ports 1',
        }),
      ) + at(host, 'ip neigh', `10.0.0.${3 - last} dev bond0 lladdr 02:00:00:00:0${3 - last}:00 REACHABLE`);
    const plain = bond('b', 2, [[2, 'ACTIVE']]);
    const one = (slaves: readonly (readonly [number, string])[]) =>
      trace(networkOf(bond('a', 1, slaves) + plain), '10.0.0.1 > 10.0.0.2').request;
    const said = one([
      [1, 'BACKUP'],
      [2, 'ACTIVE'],
    ]);
    assert.ok(
      said.steps.some(({ summary }) => summary === 'Bond bond0 sends the frame by eth1, the one device of its active aggregator'),
      outline(said),
    );
    const none = one([
      [1, 'BACKUP'],
      [2, 'BACKUP'],
    ]);
    assert.equal(none.ending.disposition, 'dropped', outline(none));
    // The text of /proc says the same.
    const proc = at(
      'a',
      'cat /proc/net/bonding/bond0',
      'Ethernet Channel Bonding Driver: v6.1.0',
      '',
      'Bonding Mode: IEEE 802.3ad Dynamic link aggregation',
      'MII Status: up',
      '802.3ad info',
      'Active Aggregator Info:',
      '\tAggregator ID: 2',
      '',
      'Slave Interface: eth0',
      'MII Status: up',
      'Aggregator ID: 1',
      '',
      'Slave Interface: eth1',
      'MII Status: up',
      'Aggregator ID: 2',
      'details actor lacp pdu:',
      '    port state: 61',
    );
    const brief = at('a', 'ip a', lo, link(9, 'bond0', { mac: '02:00:00:00:01:00', ip: '10.0.0.1/24' }));
    const neighbours = at('a', 'ip neigh', '10.0.0.2 dev bond0 lladdr 02:00:00:00:02:00 REACHABLE');
    const read = trace(networkOf(brief + proc + neighbours + plain), '10.0.0.1 > 10.0.0.2').request;
    assert.ok(
      read.steps.some(({ summary }) => summary.startsWith('Bond bond0 sends the frame by eth1')),
      outline(read),
    );
  });

  it('hands what comes for a macvtap device to the guest whose card it is', () => {
    const hypervisor = at(
      'hv',
      'ip -d a',
      lo,
      link(2, 'eth0', { mac: '02:00:00:00:01:00', ip: '10.0.0.1/24' }),
      link(3, 'macvtap0@eth0', { mac: '52:54:00:00:00:07', more: 'macvtap mode bridge bcqueuelen 1000' }),
    );
    const domain = at(
      'hv',
      'virsh dumpxml web',
      "<domain type='kvm' id='3'>",
      '  <name>web</name>',
      '  <devices>',
      "    <interface type='direct'>",
      "      <mac address='52:54:00:00:00:07'/>",
      "      <source dev='eth0' mode='bridge'/>",
      "      <target dev='macvtap0'/>",
      '    </interface>',
      '  </devices>',
      '</domain>',
    );
    const client = at('client', 'ip a', lo, link(2, 'eth0', { mac: '02:00:00:00:02:00', ip: '10.0.0.2/24' }));
    const neighbours = at('client', 'ip neigh', '10.0.0.7 dev eth0 lladdr 52:54:00:00:00:07 REACHABLE');
    const { request } = trace(networkOf(hypervisor + domain + client + neighbours), '10.0.0.2 > 10.0.0.7 tcp 80');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.match(request.ending.summary, /^Delivered to instance web/);
    const nobody = trace(networkOf(hypervisor + client + neighbours), '10.0.0.2 > 10.0.0.7 tcp 80').request;
    assert.equal(nobody.ending.disposition, 'insufficient-info', outline(nobody));
    assert.ok(
      nobody.gaps.some(({ command, host }) => command === 'virsh domiflist' && host === 'hv'),
      outline(nobody),
    );
    const back = trace(networkOf(hypervisor + domain + client + neighbours), 'web > 10.0.0.2 tcp 80').request;
    assert.ok(
      back.steps.some(({ summary }) => summary === 'macvtap0 of hv is the card of web (macvtap)'),
      outline(back),
    );
  });

  it('does not take an address that IPVS serves for the end', () => {
    const node = at(
      'node',
      'ip a',
      lo,
      link(2, 'eth0', { mac: '02:00:00:00:01:00', ip: '10.0.0.1/24' }),
      link(3, 'kube-ipvs0', { mac: '02:00:00:00:01:01', ip: '10.96.0.10/32', flags: 'BROADCAST,NOARP' }),
    );
    const client = at('client', 'ip a', lo, link(2, 'eth0', { mac: '02:00:00:00:02:00', ip: '10.0.0.2/24' }));
    const routes = at(
      'client',
      'ip route',
      'default via 10.0.0.1 dev eth0',
      '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2',
    );
    const neighbours = at('client', 'ip neigh', '10.0.0.1 dev eth0 lladdr 02:00:00:00:01:00 REACHABLE');
    const network = networkOf(node + client + routes + neighbours);
    for (const asked of ['10.0.0.2 > 10.96.0.10 udp 53', '10.0.0.2 > 10.0.0.1 tcp 30080', '10.0.0.1 > 10.96.0.10 udp 53']) {
      const { request } = trace(network, asked);
      assert.equal(request.ending.disposition, 'insufficient-info', outline(request));
      assert.ok(
        request.gaps.some(({ command, host }) => command === 'ipvsadm -Ln' && host === 'node'),
        outline(request),
      );
    }
    assert.equal(trace(network, '10.0.0.2 > 10.0.0.1 tcp 22').request.ending.disposition, 'delivered');
  });

  it('leads through the tunnel of two kernels', () => {
    const end = (host: string, own: number, other: number) =>
      at(
        host,
        'ip -d a',
        lo,
        link(2, 'eth0', { mac: `02:00:00:00:00:0${own}`, ip: `192.0.2.${own}/24` }),
        link(3, 'vx', {
          mac: `02:00:00:00:01:0${own}`,
          ip: `10.9.0.${own}/24`,
          more: `vxlan id 42 remote 192.0.2.${other} local 192.0.2.${own} dev eth0 srcport 0 0 dstport 4789 ttl auto`,
        }),
      ) +
      at(
        host,
        'ip r',
        `10.9.0.0/24 dev vx proto kernel scope link src 10.9.0.${own}`,
        `192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.${own}`,
      ) +
      at(
        host,
        'ip neigh',
        `10.9.0.${other} dev vx lladdr 02:00:00:00:01:0${other} REACHABLE`,
        `192.0.2.${other} dev eth0 lladdr 02:00:00:00:00:0${other} REACHABLE`,
      );
    const { request } = trace(networkOf(end('a', 1, 2) + end('b', 2, 1)), '10.9.0.1 > 10.9.0.2');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.equal(request.ending.at.host, 'b');
    assert.ok(
      request.steps.some(({ stage }) => stage === 'tunnel'),
      outline(request),
    );
  });

  it('crosses into a container by the pair that both ends name', () => {
    const network = networkOf(
      at(
        'h',
        'ip a',
        lo,
        link(2, 'eth0', { ip: '192.0.2.1/24' }),
        link(7, 'vethx@if6', { mac: '02:00:00:00:07:07', ip: '10.1.0.1/24' }).replace(
          ' brd ff:ff:ff:ff:ff:ff',
          ' brd ff:ff:ff:ff:ff:ff link-netnsid 0',
        ),
      ) +
        at('h', 'ip r', '10.1.0.0/24 dev vethx proto kernel scope link src 10.1.0.1') +
        at('h', 'ip neigh', '10.1.0.2 dev vethx lladdr 02:00:00:00:06:06 REACHABLE') +
        at(
          'h',
          'docker exec web ip a',
          lo,
          link(6, 'eth0@if7', { mac: '02:00:00:00:06:06', ip: '10.1.0.2/24' }).replace(
            ' brd ff:ff:ff:ff:ff:ff',
            ' brd ff:ff:ff:ff:ff:ff link-netnsid 0',
          ),
        ),
    );
    const { request } = trace(network, '10.1.0.1 > 10.1.0.2');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.equal(request.steps.at(-1)?.namespace, 'web', outline(request));
  });

  it('does not lose a tagged frame where the tag of a device is not shown', () => {
    const network = networkOf(
      at(
        'a',
        'ip -d a',
        lo,
        link(2, 'eth0', { mac: '02:00:00:00:00:0a' }),
        link(3, 'st@eth0', { mac: '02:00:00:00:00:0a', ip: '10.7.0.1/24', more: 'vlan protocol 802.1Q id 7 <REORDER_HDR>' }),
      ) +
        at('a', 'ip neigh', '10.7.0.2 dev st lladdr 02:00:00:00:00:0b REACHABLE') +
        at(
          'b',
          'ip a',
          lo,
          link(2, 'eth0', { mac: '02:00:00:00:00:0b' }),
          link(3, 'storage@eth0', { mac: '02:00:00:00:00:0b', ip: '10.7.0.2/24' }),
        ),
    );
    const { request } = trace(network, '10.7.0.1 > 10.7.0.2');
    assert.equal(request.ending.disposition, 'insufficient-info', outline(request));

    assert.ok(
      request.gaps.some(({ host, command }) => host === 'b' && command === 'ip -d addr'),
      outline(request),
    );
  });
});

/** Two guests on a bridge of one machine. */
function bridged(more: string): string {
  return (
    at(
      'h',
      'ip -d link',
      '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN',
      '    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00',
      '5: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP',
      '    link/ether fe:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff',
      '    bridge forward_delay 0 stp_state 0 vlan_filtering 0 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0',
      ...[1, 2].flatMap((n) => [
        `${5 + n}: vnet${n}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP`,
        `    link/ether fe:00:00:00:00:0${n} brd ff:ff:ff:ff:ff:ff`,
        '    tun type tap',
        `    bridge_slave state forwarding hairpin off isolated ${more.includes('isolated') ? 'on' : 'off'} learning on flood on`,
      ]),
    ) +
    at('h', 'bridge fdb', ...[1, 2].map((n) => `52:00:00:00:00:0${n} dev vnet${n} master br0`)) +
    at('h', 'sysctl net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-iptables = 0') +
    ['one', 'two']
      .map((name, n) =>
        at(
          'h',
          `virsh domiflist ${name}`,
          'Interface  Type       Source     Model       MAC',
          '-------------------------------------------------------',
          `vnet${n + 1}      bridge     br0        virtio      52:00:00:00:00:0${n + 1}`,
        ),
      )
      .join('') +
    [1, 2]
      .map(
        (n) =>
          at(n === 1 ? 'one' : 'two', 'ip a', lo, link(2, 'eth0', { mac: `52:00:00:00:00:0${n}`, ip: `10.5.0.${n}/24` })) +
          at(n === 1 ? 'one' : 'two', 'ip neigh', `10.5.0.${3 - n} dev eth0 lladdr 52:00:00:00:00:0${3 - n} REACHABLE`),
      )
      .join('') +
    (more.includes('isolated') ? '' : more)
  );
}

describe('a Linux bridge on a walk', () => {
  const walked = (more: string) => trace(networkOf(bridged(more)), 'one > 10.5.0.2').request;

  it('leads from one guest to the other', () => {
    const request = walked('');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
  });

  it('lets no frame from one isolated port to another', () => {
    const request = walked('isolated');
    assert.equal(request.ending.disposition, 'dropped', outline(request));
  });

  it('asks ebtables, and tells which rule decided', () => {
    const rules = (rule: string) =>
      at(
        'h',
        'ebtables-save',
        '*filter',
        ':INPUT ACCEPT',
        ':FORWARD ACCEPT',
        ':OUTPUT ACCEPT',
        rule,
        '*nat',
        ':PREROUTING ACCEPT',
        ':OUTPUT ACCEPT',
        ':POSTROUTING ACCEPT',
      );
    const dropped = walked(rules('-A FORWARD -i vnet1 -p IPv4 --ip-dst 10.5.0.2 -j DROP'));
    assert.equal(dropped.ending.disposition, 'dropped', outline(dropped));
    assert.match(dropped.ending.summary, /^Dropped by rule 1 of FORWARD \(ebtables filter\/FORWARD on br0\)/);
    const spared = walked(rules('-A FORWARD -i vnet1 -p IPv4 --ip-dst 10.5.0.9 -j DROP'));
    assert.equal(spared.ending.disposition, 'delivered', outline(spared));
  });
});

describe('what people saw', () => {
  it('is held against a walk: a dump where the packet was seen, and one where it was not', () => {
    const dump = (dev: string, line: string) =>
      at(
        'h',
        `tcpdump -ni ${dev}`,
        `listening on ${dev}, link-type EN10MB (Ethernet), snapshot length 262144 bytes`,
        ...(line === '' ? [] : [line]),
        `${line === '' ? 0 : 1} packets captured`,
      );
    const { request } = trace(
      networkOf(
        bridged(
          dump('vnet1', '11:30:24.692797 IP 10.5.0.1 > 10.5.0.2: ICMP echo request, id 1, seq 1, length 64') + dump('vnet2', ''),
        ),
      ),
      'one > 10.5.0.2 icmp',
    );
    const told = JSON.stringify(request.steps, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value instanceof Map ? [] : value,
    );
    assert.match(told, /tcpdump saw such a packet on vnet1/, outline(request));
    assert.match(told, /tcpdump on vnet2 saw no such packet/, outline(request));
  });

  it('says that nobody answers a datagram where nobody waits for it', () => {
    const machine = (name: string, n: number, sockets: string) =>
      at(
        name,
        'ip a',
        '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN',
        '    inet 127.0.0.1/8 scope host lo',
        '2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP',
        `    link/ether 52:54:00:00:00:0${n} brd ff:ff:ff:ff:ff:ff`,
        `    inet 10.5.0.${n}/24 scope global eth0`,
      ) +
      at(name, 'ip r', `10.5.0.0/24 dev eth0 proto kernel scope link src 10.5.0.${n}`) +
      at(name, 'ip neigh', `10.5.0.${3 - n} dev eth0 lladdr 52:54:00:00:00:0${3 - n} REACHABLE`) +
      at(name, 'ss -ulnp', 'State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process', sockets);
    const answered = (sockets: string) =>
      trace(networkOf(machine('a', 1, '') + machine('b', 2, sockets)), '10.5.0.1 > 10.5.0.2 udp 53 reply').reply;
    const open = 'UNCONN 0      0            0.0.0.0:53         0.0.0.0:*';
    assert.doesNotMatch(answered(open)?.steps[0]?.reason ?? '', /ICMP/);
    const closed = answered(open.replace(':53 ', ':67 '));
    assert.match(closed?.steps[0]?.reason ?? '', /nobody there waits for it, so an ICMP error goes back/);
    assert.equal(closed?.certainty, 'assumed');
  });

  it('names the container that has an address', () => {
    const network = networkOf(
      at(
        'h',
        'docker network inspect web',
        '[ { "Name": "web", "Containers": { "1f7": { "Name": "shop", "MacAddress": "02:42:ac:12:00:02", "IPv4Address": "172.18.0.2/16" } } } ]',
      ),
    );
    assert.deepEqual(
      network.owners.map(({ what, name, ip, mac, of }) => [what, name, ip, mac, of]),
      [['container', 'shop', '172.18.0.2', '02:42:ac:12:00:02', 'web']],
    );
  });
});

describe('a device without a carrier', () => {
  const dead = 'NO-CARRIER,BROADCAST,MULTICAST,UP';
  const guest = (name: string, last: number) =>
    at(
      'h',
      `ip netns exec ${name} ip a`,
      lo,
      link(2, `eth0@if${last + 5}`, { mac: `02:00:00:00:00:0${last}`, ip: `10.7.0.${last}/24` }),
    ) +
    at('h', `ip netns exec ${name} ip r`, `10.7.0.0/24 dev eth0 proto kernel scope link src 10.7.0.${last}`) +
    at('h', `ip netns exec ${name} ip neigh`, `10.7.0.${3 - last} dev eth0 lladdr 02:00:00:00:00:0${3 - last} REACHABLE`);

  it('is a disabled port of its bridge', () => {
    const ports = (flags: string) =>
      at(
        'h',
        'ip a',
        lo,
        link(5, 'br0', { mac: '02:00:00:00:00:0a' }),
        link(6, 'one@if2', { mac: '02:00:00:00:01:01', tail: 'master br0 ' }),
        link(7, 'two@if2', { mac: '02:00:00:00:01:02', tail: 'master br0 ', flags }),
      ) + at('h', 'bridge fdb show', '02:00:00:00:00:01 dev one master br0', '02:00:00:00:00:02 dev two master br0');
    const asked = (flags: string) =>
      trace(networkOf(ports(flags) + guest('a', 1) + guest('b', 2)), '10.7.0.1 > 10.7.0.2').request;
    const lost = asked(dead);
    assert.equal(lost.ending.disposition, 'dropped', outline(lost));
    assert.deepEqual([lost.ending.at.device, lost.ending.at.port], ['br0', 'one'], outline(lost));
    assert.match(lost.ending.summary, /two has no carrier/);
    assert.doesNotMatch(outline(asked('BROADCAST,MULTICAST,UP,LOWER_UP')), /carrier/);
  });

  it('loses what its host sends, with ip and with ifconfig', () => {
    const routes = at('h', 'ip r', '172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown');
    const neighbours = at('h', 'ip neigh', '172.17.0.2 dev docker0 lladdr 02:42:ac:11:00:02 STALE');
    const byIp = at('h', 'ip a', lo, link(4, 'docker0', { mac: '02:00:00:00:00:0b', ip: '172.17.0.1/16', flags: dead }));
    const byIfconfig = at(
      'h',
      'ifconfig',
      'docker0: flags=4099<UP,BROADCAST,MULTICAST>  mtu 1500',
      '        inet 172.17.0.1  netmask 255.255.0.0  broadcast 172.17.255.255',
      '        ether 02:00:00:00:00:0b  txqueuelen 0  (Ethernet)',
    );
    for (const links of [byIp, byIfconfig]) {
      const { request } = trace(networkOf(links + routes + neighbours), '172.17.0.1 > 172.17.0.2');
      assert.equal(request.ending.disposition, 'dropped', outline(request));
      assert.match(request.ending.summary, /docker0 has no carrier/);
    }
  });
});

describe('questions for an address', () => {
  it('that nobody captured has are not answered, and never leave by a bridge into nowhere', () => {
    const own = (host: string, ...more: readonly string[]) =>
      at(
        'h',
        'ovs-vsctl show',
        '    Bridge br0',
        '        Port one',
        '            Interface one',
        '        Port br0',
        '            Interface br0',
        '                type: internal',
      ) +
      at(
        'h',
        'ovs-ofctl dump-flows br0',
        ' cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=0 actions=NORMAL',
      ) +
      at('h', 'ovs-appctl fdb/show br0', ' port  VLAN  MAC                Age') +
      at('h', 'ip netns exec blue ip a', lo, link(2, 'one', { mac: '02:00:00:00:00:0c', ip: '10.6.0.1/24' })) +
      at('h', 'ip netns exec blue ip r', '10.6.0.0/24 dev one proto kernel scope link src 10.6.0.1') +
      more.join('') +
      host;
    const open = trace(networkOf(own('')), '10.6.0.1 > 10.6.0.9 arp').request;
    assert.equal(open.ending.disposition, 'insufficient-info', outline(open));
    assert.match(open.ending.summary, /^No captured machine answers for 10\.6\.0\.9\./);
    assert.ok(
      open.gaps.some(({ command }) => /ip a/.test(command)),
      outline(open),
    );
    const known = at('h', 'ip a', lo, link(9, 'br0', { mac: '02:00:00:00:00:0d', ip: '10.6.0.2/24' }));
    const closed = trace(networkOf(own('', known)), '10.6.0.1 > 10.6.0.9 arp').request;
    assert.equal(closed.ending.disposition, 'dropped', outline(closed));
    assert.match(closed.ending.summary, /^No captured machine answers for 10\.6\.0\.9\./);
    assert.equal(trace(networkOf(own('', known)), '10.6.0.1 > 10.6.0.2 arp').request.ending.disposition, 'delivered');
    const down = at('h', 'ip a', lo, link(9, 'br0', { mac: '02:00:00:00:00:0d', flags: 'BROADCAST,MULTICAST' }));
    const lost = trace(networkOf(own('', down)), '10.6.0.1 > 10.6.0.9 arp').request;
    assert.match(outline(lost), /^dropped/);
    assert.match(lost.ending.summary, /br0 is down on h/);
  });
});

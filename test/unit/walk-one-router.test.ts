import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkOf, outline, trace } from './walk-fixture';

const ADDRESSES = `root@gw:~# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.7/24 brd 203.0.113.255 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 52:54:00:aa:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.77.1/24 brd 192.168.77.255 scope global eth1
`;
const ROUTES = `root@gw:~# ip r
default via 203.0.113.1 dev eth0
192.168.77.0/24 dev eth1 proto kernel scope link src 192.168.77.1
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.7
`;
const forwarding = (on: 0 | 1): string => `root@gw:~# sysctl net.ipv4.ip_forward\nnet.ipv4.ip_forward = ${on}\n`;
const RULES = `root@gw:~# iptables-save
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [3:180]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`;
const SETTINGS = 'root@gw:~# sysctl net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.all.rp_filter = 1\n';

const ask = (text: string, asked: string) => trace(networkOf(text), asked);
const router = ADDRESSES + ROUTES + forwarding(1) + RULES;

describe('a packet of a machine that nobody captured, through one router', () => {
  it('comes in by the device that has its subnet, and the rules there drop it', () => {
    const { request } = ask(router, '192.168.77.9 > 198.51.100.20 tcp 80');
    assert.equal(request.ending.disposition, 'dropped', outline(request));
    assert.equal(request.certainty, 'inferred');
    assert.match(request.ending.summary, /policy of FORWARD/);
    assert.equal(request.steps[0]?.device, 'eth1');
  });

  it('is not handed on where forwarding is off', () => {
    const { request } = ask(ADDRESSES + ROUTES + forwarding(0) + RULES, '192.168.77.9 > 198.51.100.20 tcp 443');
    assert.equal(request.ending.disposition, 'dropped', outline(request));
    assert.match(request.ending.summary, /Forwarding is off/);
  });

  it('is lost where no route leads on, as far as the routing rules are those that every machine has', () => {
    const routes = ROUTES.replace(/^default.*\n/m, '');
    const lost = ask(ADDRESSES + routes, 'gw:eth1 > 198.51.100.20 tcp 443').request;
    assert.deepEqual([lost.ending.disposition, lost.certainty], ['dropped', 'inferred'], outline(lost));
    assert.ok(lost.gaps.some(({ command }) => command === 'ip rule'));
    const rules =
      'root@gw:~# ip rule\n0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n';
    const surely = ask(ADDRESSES + routes + rules, 'gw:eth1 > 198.51.100.20 tcp 443').request;
    assert.deepEqual([surely.ending.disposition, surely.certainty], ['dropped', 'captured'], outline(surely));
    // Distributed routers of Neutron have rules that lead out.
    const name = 'qrouter-5f0d7c1e-0c43-4a6b-9a9e-1f2a3b4c5d6e';
    const inside = (ADDRESSES + routes + RULES).replaceAll('# ', `# ip netns exec ${name} `);
    const open = ask(inside, '192.168.77.9 > 198.51.100.20 tcp 443').request;
    assert.equal(open.ending.disposition, 'insufficient-info', outline(open));
    assert.ok(open.gaps.some(({ command }) => command === `ip netns exec ${name} ip rule`));
  });

  it('leaves by the card of the default route, with the private source that nothing translated', () => {
    const { request, reply } = ask(router, '192.168.77.9 > 198.51.100.20 tcp 443 reply');
    assert.equal(request.ending.disposition, 'exits', outline(request));
    assert.equal(request.certainty, 'assumed');
    assert.match(request.ending.summary, /private source 192\.168\.77\.9/);
    assert.ok(request.gaps.some(({ host, command }) => host === 'gw' && command === 'ip neigh'));
    assert.match(reply?.ending.summary ?? '', /policy of FORWARD/);
  });

  it('says nothing of the source where it is translated, or is public', () => {
    const nat = RULES.replace('COMMIT', '-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT');
    const { request } = ask(ADDRESSES + ROUTES + forwarding(1) + nat, '192.168.77.9 > 198.51.100.20 tcp 443');
    assert.equal(request.ending.disposition, 'exits', outline(request));
    assert.doesNotMatch(request.ending.summary, /private/);
    const own = ask(router, 'gw > 198.51.100.20 tcp 443').request;
    assert.equal(own.ending.disposition, 'exits', outline(own));
    assert.doesNotMatch(own.ending.summary, /private/);
  });

  it('from the Internet comes to the public address, and from either side to what is there', () => {
    const { request } = ask(router, '198.51.100.20 > 203.0.113.7 tcp 22');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.equal(request.steps[0]?.device, 'eth0');
  });

  it('for the address of another card comes in by that card, and the strict filter of sources is no certainty', () => {
    const { request } = ask(router + SETTINGS, '198.51.100.20 > 192.168.77.1 tcp 22');
    assert.equal(request.steps[0]?.device, 'eth1', outline(request));
    assert.equal(request.ending.disposition, 'insufficient-info');
    assert.ok(request.gaps.some(({ command, why }) => command === 'ip route' && why.includes('198.51.100.20')));
  });

  it('has no known way where the captured machine has both ends on one side', () => {
    const { request } = ask(router, '198.51.100.20 > 198.51.100.21');
    assert.equal(request.ending.disposition, 'insufficient-info');
    assert.equal(request.steps.length, 0);
  });

  it('has the routes of a machine asked for of which only rules were captured', () => {
    const { request } = ask(RULES, '192.168.77.9 > 198.51.100.20');
    assert.deepEqual(
      request.gaps.map(({ host, command }) => [host, command]),
      [['gw', 'ip route']],
    );
  });

  it('does not come in at the inner end of a pair, past the machine that has the other', () => {
    const pod = `root@pod:~# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
3: eth0@if6: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default
    link/ether 9e:d4:7d:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 10.88.2.41/24 brd 10.88.2.255 scope global eth0
root@pod:~# ip r
default via 10.88.2.1 dev eth0
10.88.2.0/24 dev eth0 proto kernel scope link src 10.88.2.41
`;
    const { request } = ask(pod, '10.88.2.63 > 10.88.2.41 tcp 80');
    assert.equal(request.ending.disposition, 'insufficient-info', outline(request));
    assert.equal(request.steps.length, 0);
  });

  it('may come in at one of two machines that are alike', () => {
    const { request } = ask(router + router.replaceAll('@gw:', '@gw2:'), '192.168.77.9 > 198.51.100.20 tcp 443');
    assert.equal(request.ending.disposition, 'insufficient-info');
    assert.match(request.ending.summary, /eth1 of gw, eth1 of gw2/);
  });
});

describe('what is sent back where it came from with another destination', () => {
  const hairpin =
    ADDRESSES +
    ROUTES +
    forwarding(1) +
    RULES.replace('FORWARD DROP', 'FORWARD ACCEPT').replace(
      'COMMIT',
      '-A PREROUTING -d 203.0.113.7/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.77.8\nCOMMIT',
    );
  const machine = (name: string, last: number): string => `root@${name}:~# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 52:54:00:cc:00:0${last} brd ff:ff:ff:ff:ff:ff
    inet 192.168.77.${last}/24 brd 192.168.77.255 scope global eth0
root@${name}:~# ip r
default via 192.168.77.1 dev eth0
192.168.77.0/24 dev eth0 proto kernel scope link src 192.168.77.${last}
`;

  it('is answered straight, by an address that was not asked', () => {
    const text = hairpin + machine('web', 8) + machine('cli', 9);
    const { request, reply } = ask(text, 'cli > 203.0.113.7 tcp 443 reply');
    assert.equal(request.ending.at.host, 'web', outline(request));
    assert.match(reply?.ending.summary ?? '', /from 192\.168\.77\.8, and 203\.0\.113\.7 was asked/);
    const translated = text.replace('COMMIT', '-A POSTROUTING -s 192.168.77.0/24 -o eth1 -j MASQUERADE\nCOMMIT');
    const fine = ask(translated, 'cli > 203.0.113.7 tcp 443 reply').reply;
    assert.equal(fine?.ending.at.host, 'cli');
    assert.doesNotMatch(fine.ending.summary, /was asked/);
  });

  it('is said to be, where the receiver was not captured and is behind a bridge', () => {
    const bridged =
      hairpin.replaceAll('eth1', 'br0') +
      'root@gw:~# brctl show\nbridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr0\t\t8000.525400aa0002\tno\t\tveth1\n';
    const { request } = ask(bridged, '192.168.77.9 > 203.0.113.7 tcp 443');
    assert.match(request.ending.summary, /192\.168\.77\.8 may answer 192\.168\.77\.9 straight/, outline(request));
    assert.doesNotMatch(ask(bridged, '198.51.100.4 > 203.0.113.7 tcp 443').request.ending.summary, /straight/);
  });
});

describe('a gateway that is shown by its name', () => {
  it('is where the packet leaves for, by a card', () => {
    const text = `root@r1:~# route
Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
default         gw.example.net  0.0.0.0         UG    202    0        0 eth0
10.98.0.0       0.0.0.0         255.255.255.0   U     0      0        0 tun0
`;
    const { request } = ask(text, '10.98.0.2 > 198.51.100.4');
    assert.equal(request.ending.disposition, 'exits', outline(request));
    assert.match(request.ending.summary, /for gw\.example\.net/);
    assert.equal(request.certainty, 'assumed');
  });
});

describe('machines of which only the routes were captured', () => {
  const routes = `sam@alpha:~$ ip route
default via 10.4.0.1 dev eth0
10.4.0.0/24 dev eth0 proto kernel scope link src 10.4.0.14
10.9.0.0/24 via 10.4.0.60 dev eth0
`;
  it('have the addresses that their routes send from', () => {
    const { request } = ask(routes, '10.4.0.14 > 10.9.0.7');
    assert.equal(request.steps[0]?.host, 'alpha', outline(request));
    assert.equal(request.ending.disposition, 'exits');
    assert.match(request.ending.summary, /for 10\.4\.0\.60/);
    assert.equal(request.certainty, 'assumed');
  });
});

describe('a next hop whose MAC address nobody captured', () => {
  const brief = (host: string, own: string): string => `root@${host}:~# ip -br addr
lo               UNKNOWN        127.0.0.1/8
eth0             UP             ${own}/24
root@${host}:~# ip route
10.66.0.0/24 dev eth0 proto kernel scope link src ${own}
`;
  it('is the machine that has the address', () => {
    const { request } = ask(brief('one', '10.66.0.1') + brief('two', '10.66.0.2'), '10.66.0.1 > 10.66.0.2');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.equal(request.ending.at.host, 'two');
    assert.notEqual(request.certainty, 'captured');
  });

  it('stays open behind a bridge', () => {
    const bridge =
      brief('one', '10.66.0.1').replaceAll('eth0', 'br0 ') +
      'root@one:~# brctl show\nbridge name\tbridge id\t\tSTP enabled\tinterfaces\nbr0\t\t8000.525400aa0001\tno\t\teth0\n\t\t\t\t\t\t\teth1\n';
    const { request } = ask(bridge, '10.66.0.1 > 10.66.0.9');
    assert.equal(request.ending.disposition, 'insufficient-info', outline(request));
  });
});

describe('devices with two ends and no neighbours', () => {
  const end = (host: string, own: string, outside: string): string => `root@${host}:~# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 52:54:00:bb:00:0${own.slice(-1)} brd ff:ff:ff:ff:ff:ff
    inet ${outside}/24 brd 192.0.2.255 scope global eth0
5: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default qlen 1000
    link/none
    inet ${own}/24 scope global wg0
root@${host}:~# ip r
default via ${outside.replace(/\d+$/, '1')} dev eth0
10.44.0.0/24 dev wg0 proto kernel scope link src ${own}
10.45.0.0/24 dev wg0 scope link
`;
  const one = end('one', '10.44.0.1', '192.0.2.7');

  it('lead to the machine that has the address, by its device and never by its lo', () => {
    const { request, reply } = ask(one + end('two', '10.44.0.2', '198.51.100.7'), 'one > 10.44.0.2 reply');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.equal(request.ending.at.host, 'two');
    assert.ok(
      request.steps.every(({ device }) => device !== 'lo'),
      outline(request),
    );
    assert.ok(request.gaps.some(({ command }) => command === 'wg show wg0'));
    assert.equal(reply?.ending.disposition, 'delivered');
  });

  it('to a network behind the only other end are taken to lead there', () => {
    const lan =
      'root@two:~# ip a\n3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n    inet 10.45.0.1/24 scope global eth1\n';
    const { request } = ask(one + end('two', '10.44.0.2', '198.51.100.7') + lan, 'one > 10.45.0.1');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.equal(request.certainty, 'assumed');
  });

  it('end the captures where nobody has the other end', () => {
    const { request } = ask(one, 'one > 10.44.0.9');
    assert.equal(request.ending.disposition, 'exits', outline(request));
    assert.doesNotMatch(outline(request), /00:00:00/);
  });

  it('are known by their names where their devices were not captured', () => {
    const routes = 'root@three:~# ip r\n10.46.0.0/24 dev tun0 proto kernel scope link src 10.46.0.1\n';
    const { request } = ask(routes, '10.46.0.1 > 10.46.0.9');
    assert.equal(request.ending.disposition, 'exits', outline(request));
    assert.notEqual(request.certainty, 'captured');
  });
});

describe('rules of routing that were all asked for', () => {
  const routes = (command: string): string => `root@four:~# ${command}
0:\tfrom all lookup local
32765:\tnot from all fwmark 0x51 lookup 81
32766:\tfrom all lookup main
32767:\tfrom all lookup default
root@four:~# ip route show table main
default via 192.0.2.1 dev eth0
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.9
root@four:~# ip route show table 81
default dev wg0 scope link
`;
  it('are all of them, with the word all as well', () => {
    const { request } = ask(routes('ip rule show all'), '192.0.2.9 > 198.51.100.4');
    assert.ok(!request.gaps.some(({ command }) => command === 'ip rule'), outline(request));
    assert.equal(request.ending.at.device, 'wg0');
    assert.ok(
      ask(routes('ip rule show | grep lookup'), '192.0.2.9 > 198.51.100.4').request.gaps.some(
        ({ command }) => command === 'ip rule',
      ),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createService } from '../../server/src/service';
import { walk } from '../../server/src/walk/walk';

/** Three namespaces of a real kernel, as they were captured before a packet went from a to b: its answer came back. */
const CAPTURES = {
  a: `root@a:~# ip addr
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:0a:01 brd ff:ff:ff:ff:ff:ff link-netns setsLr
    inet 10.7.1.2/24 scope global eth0
root@a:~# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
root@a:~# ip route show table all
default via 10.7.1.1 dev eth0
10.7.1.0/24 dev eth0 proto kernel scope link src 10.7.1.2
local 10.7.1.2 dev eth0 table local proto kernel scope host src 10.7.1.2
broadcast 10.7.1.255 dev eth0 table local proto kernel scope link src 10.7.1.2
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1
broadcast 127.255.255.255 dev lo table local proto kernel scope link src 127.0.0.1
local ::1 dev lo table local proto kernel metric 0 pref medium
root@a:~# ip neigh
10.7.1.1 dev eth0 lladdr 02:00:00:00:0a:02 REACHABLE
root@a:~# sysctl net.ipv4.ip_forward
net.ipv4.ip_forward = 0
root@a:~# iptables-save
root@a:~# ipset save
`,
  r: `root@r:~# ip addr
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: in0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:0a:02 brd ff:ff:ff:ff:ff:ff link-netns setsLa
    inet 10.7.1.1/24 scope global in0
3: out0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:0b:02 brd ff:ff:ff:ff:ff:ff link-netns setsLb
    inet 10.7.2.1/24 scope global out0
root@r:~# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
root@r:~# ip route show table all
10.7.1.0/24 dev in0 proto kernel scope link src 10.7.1.1
10.7.2.0/24 dev out0 proto kernel scope link src 10.7.2.1
local 10.7.1.1 dev in0 table local proto kernel scope host src 10.7.1.1
broadcast 10.7.1.255 dev in0 table local proto kernel scope link src 10.7.1.1
local 10.7.2.1 dev out0 table local proto kernel scope host src 10.7.2.1
broadcast 10.7.2.255 dev out0 table local proto kernel scope link src 10.7.2.1
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1
broadcast 127.255.255.255 dev lo table local proto kernel scope link src 127.0.0.1
local ::1 dev lo table local proto kernel metric 0 pref medium
root@r:~# ip neigh
10.7.2.2 dev out0 lladdr 02:00:00:00:0b:01 DELAY
10.7.1.2 dev in0 lladdr 02:00:00:00:0a:01 DELAY
root@r:~# sysctl net.ipv4.ip_forward
net.ipv4.ip_forward = 1
root@r:~# iptables-save
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m set --match-set m src,src -j ACCEPT
-A FORWARD -m set --match-set m dst,dst -j DROP
COMMIT
root@r:~# ipset save
create m bitmap:ip,mac range 10.7.0.0-10.7.255.255
add m 10.7.1.2
`,
  b: `root@b:~# ip addr
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:0b:01 brd ff:ff:ff:ff:ff:ff link-netns setsLr
    inet 10.7.2.2/24 scope global eth0
root@b:~# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
root@b:~# ip route show table all
default via 10.7.2.1 dev eth0
10.7.2.0/24 dev eth0 proto kernel scope link src 10.7.2.2
local 10.7.2.2 dev eth0 table local proto kernel scope host src 10.7.2.2
broadcast 10.7.2.255 dev eth0 table local proto kernel scope link src 10.7.2.2
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1
broadcast 127.255.255.255 dev lo table local proto kernel scope link src 127.0.0.1
local ::1 dev lo table local proto kernel metric 0 pref medium
root@b:~# ip neigh
10.7.2.1 dev eth0 lladdr 02:00:00:00:0b:02 REACHABLE
root@b:~# sysctl net.ipv4.ip_forward
net.ipv4.ip_forward = 0
root@b:~# iptables-save
root@b:~# ipset save
`,
};

describe('a router whose set learns a card from the request', () => {
  const answer = (router: string) => {
    const service = createService();
    for (const [name, text] of Object.entries({ ...CAPTURES, r: router }))
      service.set(`file:///${name}.txt`, `${name}.txt`, text);
    const walked = walk(service.world().network, {
      from: '10.7.1.2',
      to: '10.7.2.2',
      proto: 'udp',
      sport: 4000,
      dport: 5000,
      reply: true,
    });
    assert.equal(walked.kind, 'walk');
    return walked.kind === 'walk' ? [walked.request.ending.disposition, walked.reply?.ending.disposition] : [];
  };

  it('lets the answer through, which is for another card', () => {
    assert.deepEqual(answer(CAPTURES.r), ['delivered', 'delivered']);
  });

  it('drops the answer where no rule has asked for the sender of the request', () => {
    const [ask = ''] = /-A FORWARD .* src,src .*\n/.exec(CAPTURES.r) ?? [];
    assert.deepEqual(answer(CAPTURES.r.replace(ask, '')), ['delivered', 'dropped']);
  });
});

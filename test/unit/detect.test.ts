import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isNamedCapture, looksLikeCaptures } from '../../client/src/detect';
import { readDocument } from '../../server/src/captures/document';
import { root } from './walk-fixture';

describe('a file that is named after a command', () => {
  const names = 'blue\nred\n';

  it('holds what the command printed, though no line of it tells', () => {
    assert.equal(looksLikeCaptures(names), false);
    for (const path of [
      '/tickets/node1/ip_neigh.txt',
      '/c:/tickets/ip-neigh.log',
      'sosreport-a/sos_commands/networking/ip_-s_-d_neigh_show',
      '/t/node1_ip_neighbour.out',
      'ip_netns.txt',
      'ip-netns-list.txt',
      'ovs-vsctl_list-br',
      'virsh_domiflist_web',
      'route_-n',
      'nft list ruleset.txt',
      'snap.ovs-appctl_bond.list',
    ])
      assert.equal(isNamedCapture(path, names), true, path);
  });

  it('holds something else where it has sentences, or nothing', () => {
    assert.equal(isNamedCapture('ip_neigh.txt', 'Tomorrow we look at the neighbours again.\n\n10.22.0.1\n'), false);
    assert.equal(isNamedCapture('ip_neigh.txt', '\n \n'), false);
  });

  it('is not one whose name only has such words in it', () => {
    for (const path of [
      '/ip_neigh/a.txt',
      'route.txt',
      'trip_route.txt',
      'ip.txt',
      'bridge.txt',
      'openstack.txt',
      'ss.txt',
      'nova-notes.txt',
    ])
      assert.equal(isNamedCapture(path, names), false, path);
  });
});

describe('a text without a telling name', () => {
  it('is a capture by one line of its own', () => {
    for (const line of [
      '10.22.0.1 dev eth0 FAILED',
      '::1 dev lo proto kernel metric 256 pref medium',
      'default via 10.35.19.254  metric 100',
      '2: eth0    inet 10.0.0.5/24 scope global eth0\\       valid_lft forever preferred_lft forever',
      'qdhcp-d46c9e95-3ec9-4066-a5f4-6fb6aa96d386 (id: 1)',
      '    Type: hash:ip',
      '    DNAT 132 -- ::/0 ::/0 sctp dpt:66 to:[fd00::1]:66',
      "    <interface type='bridge'>",
      '| ID                                   | Name | Status | Networks     |',
      '| Field               | Value                                |',
      ' Id    Name                           State',
      'br0       Link encap:Ethernet  HWaddr 00:16:3e:57:77:38  ',
      'table_id=254, duration=36078s, n_packets=0, n_bytes=0, priority=2,recirc_id=0,actions=drop',
      'tcp        0      0 Local Address           Foreign Address',
      'mininet> h1 ifconfig',
      'jo@vm:~$ docker exec -it web ip route get 10.244.0.2',
      '(kolla-toolbox) # openstack port list',
      'root@m1:~# kubectl describe pod web-1',
      '# docker container inspect web',
      '$ cat /proc/sys/net/ipv4/ip_forward',
      '/proc/sys/net/ipv4/conf/all/rp_filter:0',
      'Node:         w2/192.168.1.20',
    ])
      assert.equal(looksLikeCaptures(`Hello,\n\n${line}\n`), true, line);
  });

  it('is a capture in the quotation of a mail, behind numbers and in a page’s source, too', () => {
    for (const line of [
      '> > $ ip rule',
      '>  table ip dnat-test {',
      '  12\t$ ip rule',
      '12: # ovs-vsctl show',
      '<p>ok<br>$ ip rule<br>0: x</p>',
    ])
      assert.equal(looksLikeCaptures(`Hello,\n\n${line}\n`), true, line);
    assert.equal(looksLikeCaptures('> 1. Look at ip rule\n> 2. and <br> at the rest\n'), false);
  });

  it('is none by what people write of networks', () => {
    for (const line of [
      'The default via the gateway is a route of its own, from all I know.',
      '# kubectl get started',
      '| Name | Value |',
      'openstack is slow today, and so is ip route',
      'Interface Type: bridge',
      'tcp and udp 80 -- see below',
      '10.22.0.1 is FAILED',
    ])
      assert.equal(looksLikeCaptures(`${line}\n`), false, line);
  });

  it('takes no longer where a line only begins as one', () => {
    for (const piece of ['a', 'a@', '-a b ', 'ip netns exec x ', 'kubectl exec ', 'ssh a ', '[a]', '(a)']) {
      const start = performance.now();
      looksLikeCaptures(Array(200).fill(piece.repeat(380).slice(0, 380)).join('\n'));
      assert.ok(performance.now() - start < 1000, piece);
    }
  });

  const published = path.join(root, '../shared/captures');
  it('is found by the editor wherever the server finds captures', { skip: !fs.existsSync(published) }, () => {
    const missed: string[] = [];
    let all = 0;
    for (const folder of fs.readdirSync(published, { withFileTypes: true })) {
      if (!folder.isDirectory() || folder.name === 'trees') continue;
      for (const name of fs.readdirSync(path.join(published, folder.name))) {
        const text = fs.readFileSync(path.join(published, folder.name, name), 'utf8');
        if (readDocument('file:///n', name, text).captures.length === 0) continue;
        all++;
        if (!looksLikeCaptures(text)) missed.push(`${folder.name}/${name}`);
      }
    }
    assert.ok(missed.length < all / 100, `${missed.length} of ${all}: ${missed.join(', ')}`);
  });
});

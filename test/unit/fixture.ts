import assert from 'node:assert/strict';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import type { World } from '../../server/src/features/world';
import { linkNetwork } from '../../server/src/link/network';

/** A world made of one readable string, and the place of the cursor in it. */
export interface Fixture {
  readonly world: World;
  readonly uri: string;
  readonly offset: number;
  /** The text of one of its files, by name. */
  document(name: string): CaptureDocument;
}

/** Reads a fixture: `=== host/file` starts a file, `$0` is the cursor. Without a `===` line all of it is one file. */
export function fixture(text: string): Fixture {
  const files: { name: string; lines: string[] }[] = [];
  for (const line of text.replace(/^\n/, '').split('\n')) {
    const heading = /^=== (\S+)$/.exec(line);
    if (heading?.[1] !== undefined) files.push({ name: heading[1], lines: [] });
    else if (files.length === 0) files.push({ name: 'captures.txt', lines: [line] });
    else files.at(-1)?.lines.push(line);
  }
  const documents = new Map<string, CaptureDocument>();
  let uri = '';
  let offset = -1;
  for (const { name, lines } of files) {
    const marked = lines.join('\n');
    const at = marked.indexOf('$0');
    const own = `file:///w/${name}`;
    if (at >= 0 || uri === '') [uri, offset] = [own, at];
    documents.set(own, readDocument(own, `/w/${name}`, marked.replace('$0', '')));
  }
  const world: World = { documents, network: linkNetwork([...documents.values()]) };
  return {
    world,
    uri,
    offset,
    document(name) {
      const found = documents.get(`file:///w/${name}`);
      assert.ok(found, `the fixture has no file ${name}`);
      return found;
    },
  };
}

/** A place as tests write it: `file:line text`, lines counted from 1. */
export function placeText(world: World, place: { readonly uri: string; readonly start: number; readonly end: number }): string {
  const document = world.documents.get(place.uri);
  assert.ok(document, place.uri);
  const line = document.text.slice(0, place.start).split('\n').length;
  return `${place.uri.replace('file:///w/', '')}:${line} ${document.text.slice(place.start, place.end)}`;
}

/** Two hosts joined by a VXLAN tunnel: an instance on one, its router on the other. Names and numbers are made up. */
export const cloud = `
=== cloud.txt
controller# nova show web1
+--------------------------------------+--------------------------------------+
| Property                             | Value                                |
+--------------------------------------+--------------------------------------+
| OS-EXT-SRV-ATTR:hypervisor_hostname  | hv1                                  |
| OS-EXT-SRV-ATTR:instance_name        | instance-0000002a                    |
| blue network                         | 10.9.0.7, 203.0.113.20               |
| id                                   | 7a1f8c55-0a1b-4c2d-8e3f-000000000001 |
| name                                 | web1                                 |
+--------------------------------------+--------------------------------------+

controller# nova interface-list web1
+------------+--------------------------------------+--------------------------------------+--------------+-------------------+
| Port State | Port ID                              | Net ID                               | IP addresses | MAC Addr          |
+------------+--------------------------------------+--------------------------------------+--------------+-------------------+
| ACTIVE     | ab12cd34-5678-4abc-9def-0123456789ab | 5eed0000-1111-4222-8333-444455556666 | 10.9.0.7     | fa:16:3e:00:00:07 |
+------------+--------------------------------------+--------------------------------------+--------------+-------------------+

controller# neutron net-show blue
+--------------------------+--------------------------------------+
| Field                    | Value                                |
+--------------------------+--------------------------------------+
| id                       | 5eed0000-1111-4222-8333-444455556666 |
| name                     | blue                                 |
| provider:network_type    | vxlan                                |
| provider:segmentation_id | 4660                                 |
+--------------------------+--------------------------------------+
=== hv1.txt
hv1# ovs-vsctl show
1b9dcb1f-0000-4000-8000-000000000001
    Bridge br-int
        Port "qvoab12cd34-56"
            tag: 7
            Interface "qvoab12cd34-56"
        Port patch-tun
            Interface patch-tun
                type: patch
                options: {peer=patch-int}
        Port br-int
            Interface br-int
                type: internal
    Bridge br-tun
        Port patch-int
            Interface patch-int
                type: patch
                options: {peer=patch-tun}
        Port "vxlan-c0000202"
            Interface "vxlan-c0000202"
                type: vxlan
                options: {in_key=flow, local_ip="192.0.2.1", out_key=flow, remote_ip="192.0.2.2"}

hv1# ovs-ofctl show br-int
 3(patch-tun): addr:aa:00:00:00:00:03
     config:     0
     state:      0
 9(qvoab12cd34-56): addr:aa:00:00:00:00:09
     config:     0
     state:      0

hv1# ovs-ofctl show br-tun
 1(patch-int): addr:aa:00:00:00:01:01
     config:     0
     state:      0
 2(vxlan-c0000202): addr:aa:00:00:00:01:02
     config:     0
     state:      0

hv1# ovs-ofctl dump-flows br-int
 cookie=0x1, duration=10.0s, table=0, n_packets=12, n_bytes=99, priority=9,in_port=9 actions=resubmit(,25)
 cookie=0x1, duration=10.0s, table=25, n_packets=11, n_bytes=99, priority=2,in_port=9,dl_src=fa:16:3e:00:00:07 actions=NORMAL

hv1# ovs-ofctl dump-flows br-tun
 cookie=0x2, duration=10.0s, table=0, n_packets=5, n_bytes=99, priority=1,in_port=1 actions=resubmit(,22)
 cookie=0x2, duration=10.0s, table=22, n_packets=5, n_bytes=99, priority=1,dl_vlan=7 actions=strip_vlan,load:0x1234->NXM_NX_TUN_ID[],output:2
 cookie=0x2, duration=10.0s, table=22, n_packets=0, n_bytes=0, priority=0 actions=drop

hv1# ovs-appctl fdb/show br-int
 port  VLAN  MAC                Age
    9     7  fa:16:3e:00:00:07    1
    3     7  fa:16:3e:00:00:01    4
=== net1.txt
net1# ovs-vsctl show
1b9dcb1f-0000-4000-8000-000000000002
    Bridge br-int
        Port patch-tun
            Interface patch-tun
                type: patch
                options: {peer=patch-int}
        Port "qr-99887766-55"
            tag: 3
            Interface "qr-99887766-55"
                type: internal
    Bridge br-tun
        Port patch-int
            Interface patch-int
                type: patch
                options: {peer=patch-tun}
        Port "vxlan-c0000201"
            Interface "vxlan-c0000201"
                type: vxlan
                options: {in_key=flow, local_ip="192.0.2.2", out_key=flow, remote_ip="192.0.2.1"}

net1# ovs-ofctl dump-flows br-tun
 cookie=0x3, duration=10.0s, table=0, n_packets=5, n_bytes=99, priority=1,in_port=2 actions=resubmit(,4)
 cookie=0x3, duration=10.0s, table=4, n_packets=5, n_bytes=99, priority=1,tun_id=0x1234 actions=mod_vlan_vid:3,resubmit(,10)
 cookie=0x3, duration=10.0s, table=10, n_packets=5, n_bytes=99, priority=1 actions=learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:NXM_OF_IN_PORT[]),output:1

net1# ip netns list
qrouter-c0ffee00-0000-4000-8000-000000000009

net1# ip netns exec qrouter-c0ffee00-0000-4000-8000-000000000009 ip a
8: qr-99887766-55: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN
    link/ether fa:16:3e:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.9.0.1/24 brd 10.9.0.255 scope global qr-99887766-55
       valid_lft forever preferred_lft forever

net1# ip netns exec qrouter-c0ffee00-0000-4000-8000-000000000009 ip r
default via 203.0.113.1 dev qg-11112222-33
10.9.0.0/24 dev qr-99887766-55 proto kernel scope link src 10.9.0.1

net1# ip netns exec qrouter-c0ffee00-0000-4000-8000-000000000009 iptables -L -t nat
Chain PREROUTING (policy ACCEPT)
target     prot opt source               destination
neutron-l3-agent-PREROUTING  all  --  anywhere             anywhere

Chain neutron-l3-agent-PREROUTING (1 references)
target     prot opt source               destination
DNAT       all  --  anywhere             203.0.113.20         to:10.9.0.7
`;

/** The cloud with the cursor before the nth `word` (from 0) on the first line of a file that holds all of `on`. */
export function cloudAt(file: string, on: string, word: string, nth = 0): Fixture {
  const made = fixture(cloud);
  const document = made.document(file);
  const at = document.text.slice(0).indexOf(on);
  assert.ok(at >= 0, `${file} does not say ${on}`);
  let offset = at - 1;
  for (let n = 0; n <= nth; n++) offset = document.text.slice(0).indexOf(word, offset + 1);
  assert.ok(offset >= 0, `${on} does not hold ${word}`);
  return { ...made, uri: document.uri, offset };
}

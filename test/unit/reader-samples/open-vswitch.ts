import type { Sample } from './sample';

/** Of Open vSwitch and OVN. */
export const SWITCH_SAMPLES: readonly Sample[] = [
  [
    'ovs-dpctl dump-conntrack',
    [
      'tcp,orig=(src=10.1.0.7,dst=10.1.0.70,sport=5,dport=38),reply=(src=10.1.0.70,dst=10.1.0.7,sport=38,dport=5),protoinfo=(state=X)',
    ],
  ],
  [
    'ovs-vsctl show',
    [
      '8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a',
      '    Bridge br-int',
      '        fail_mode: secure',
      '        Port "qvo1"',
      '            tag: 2',
      '            Interface "qvo1"',
      '                type: patch',
      '                options: {peer=p2, "remote_ip"="192.0.2.1"}',
      '    ovs_version: "3.1.0"',
    ],
  ],
  [
    'ovs-vsctl list interface',
    [
      '_uuid               : 8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a',
      'name                : "p1"',
      'options             : {peer=p2}',
      'ofport              : 3',
    ],
  ],
  [
    'ovs-vsctl -f table list port',
    ['_uuid  name tag trunks', '------ ---- --- ------', '8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a "p1" 2   [1, 2]'],
  ],
  ['ovs-vsctl -f json list port', ['{"data":[["p1",["set",[]],["map",[["a","b"]]]]],"headings":["name","tag","options"]}']],
  [
    'ovs-ofctl show br0',
    [
      'OFPT_FEATURES_REPLY (xid=0x2): dpid:0000aabbccddeeff',
      ' 1(p1): addr:aa:bb:cc:dd:ee:01',
      '     config:     PORT_DOWN',
      '     speed: 0 Mbps now, 0 Mbps max',
      ' LOCAL(br0): addr:aa:bb:cc:dd:ee:ff',
    ],
  ],
  [
    'ovs-ofctl dump-flows br0',
    [
      'NXST_FLOW reply (xid=0x4): flags=[more]',
      ' cookie=0x1, duration=3.2s, table=0, n_packets=7, n_bytes=610, idle_age=3, priority=10,tcp,in_port=1,nw_dst=10.0.0.0/8,tp_dst=80 actions=mod_vlan_vid:1,resubmit(,2)',
      ' table=2, priority=1,ip actions=learn(table=3,NXM_OF_VLAN_TCI[0..11],load:0->NXM_OF_VLAN_TCI[],output:NXM_OF_IN_PORT[]),ct(commit,zone=1,nat(src=10.0.0.1))',
    ],
  ],
  ['ovs-appctl bridge/dump-flows br0', ['table_id=2, duration=9s, n_packets=0, n_bytes=0, priority=2,recirc_id=0,actions=drop']],
  [
    'ovs-ofctl dump-groups br0',
    [
      'NXST_GROUP_DESC reply (xid=0x2):',
      ' group_id=1,type=select,selection_method=hash,fields(ip_src),bucket=bucket_id:0,weight:5,actions=output:1',
    ],
  ],
  [
    'ovs-appctl fdb/show br0',
    [' port  VLAN  MAC                Age', '    1     5  aa:bb:cc:dd:ee:01    3', 'LOCAL     0  aa:bb:cc:dd:ee:02    1'],
  ],
  [
    'ovs-appctl dpif/show',
    [
      'system@ovs-system: hit:3 missed:2',
      '  br0:',
      '    br0 65534/1: (internal)',
      '    vx 3/2: (vxlan: key=flow, remote_ip=192.0.2.1)',
    ],
  ],
  [
    'ovs-appctl dpctl/show',
    [
      'system@ovs-system:',
      '  lookups: hit:0 missed:0 lost:0',
      '  port 1: p1 (vxlan: packet_type=ptap)',
      '    RX packets:1 errors:0 dropped:0',
    ],
  ],
  [
    'ovs-appctl ofproto/trace br0 in_port=1',
    [
      'Flow: in_port=1',
      'bridge("br0")',
      '-------------',
      ' 0. tcp, priority 5, cookie 0x7',
      '    goto_table:2',
      'Final flow: unchanged',
      'Megaflow: recirc_id=0,eth,in_port=1',
      'Datapath actions: 2',
    ],
  ],
  [
    'ovs-appctl dpctl/dump-flows -m',
    [
      'ufid:8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a, recirc_id(0),in_port(2),eth(src=aa:bb:cc:dd:ee:01,dst=aa:bb:cc:dd:ee:02),eth_type(0x0800),ipv4(src=10.0.0.1,frag=no), packets:5, bytes:490, used:0.5s, actions:set(tunnel(tun_id=0x5,dst=192.0.2.1)),3',
    ],
  ],
  [
    'ovs-appctl bond/show',
    [
      '---- bond0 ----',
      'bond_mode: balance-slb',
      'active-backup primary: <none>',
      'member p1: enabled',
      '  active member',
      '  may_enable: true',
      '\thash 7: 3 kB load',
    ],
  ],
  ['ovs-appctl dpif/show-dp-features br0', ['Masked set action: Yes', 'Max VLAN headers: 2']],
  [
    'ovs-appctl mdb/show br0',
    [' port  VLAN  GROUP                Age', '    1     5  224.1.2.3             7', '    1     5  querier               9'],
  ],
  [
    'ovs-appctl ovs/route/show',
    ['Route Table:', 'Cached: 10.0.0.1/32 dev br0 SRC 10.0.0.1 local', 'User: 0.0.0.0/0 dev br0 GW 10.0.0.254'],
  ],
  [
    'ovs-appctl stp/show br0',
    [
      '---- br0 ----',
      'Root ID:',
      '  stp-priority\t32768',
      '  stp-system-id\taa:bb:cc:dd:ee:ff',
      '  This bridge is the root',
      '  Interface  Role       State      Cost  Pri.Nbr',
      '  ---------- ---------- ---------- ----- -------',
      '  p1         designated forwarding 19    128.1',
    ],
  ],
  [
    'ovs-appctl bfd/show',
    ['---- ovn-ch2-0 ----', '  Forwarding: true', '  Detect Multiplier: 3', '  Local Session State: up', '  Remote Flags: none'],
  ],
  ['ovs-appctl cfm/show', ['---- p1 ----', 'MPID 7: extended', '  average health: 100', '  opstate: up', 'Remote MPID 9']],
  [
    'ovs-appctl tnl/neigh/show',
    [
      'IP                                            MAC                 Bridge',
      '==========================================================================',
      '192.0.2.1                                     aa:bb:cc:dd:ee:01   br-phy',
    ],
  ],
  ['ovs-appctl tnl/ports/show -v', ['Listening ports:', 'vxlan_sys_4789 (4789) ref_cnt=1']],
  [
    'ovs-ofctl -O OpenFlow13 dump-meters br0',
    ['OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):', 'meter=9 kbps burst stats bands=', 'type=drop rate=5 burst_size=3'],
  ],
  [
    'ovs-ofctl dump-ports br0',
    [
      'OFPST_PORT reply (xid=0x2): 2 ports',
      '  port LOCAL: rx pkts=1, bytes=2, drop=0, errs=0, frame=0, over=0, crc=0',
      '           tx pkts=1, bytes=2, drop=0, errs=0, coll=0',
    ],
  ],
  [
    'ovs-ofctl dump-tables br0',
    ['OFPST_TABLE reply (xid=0x2):', '  table 0 ("classifier"):', '    active=5, lookup=7, matched=2', '    max_entries=1000000'],
  ],
  [
    'ovs-ofctl dump-tlv-map br0',
    [
      'NXT_TLV_TABLE_REPLY (xid=0x2):',
      ' mapping table:',
      '  class  type  length  match field',
      ' ------  ----  ------  --------------',
      '  0x102  0x80       4  tun_metadata0',
    ],
  ],
  [
    'ovn-nbctl show',
    ['switch 8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a (net)', '    port p1', '        addresses: ["fa:16:3e:81:36:c2 10.0.0.1"]'],
  ],
];

/** Commands with some lines of their output, at least one for every reader of `captureKinds`. */
export const SAMPLES: readonly (readonly [string, readonly string[]])[] = [
  ['route -n', ['0.0.0.0         10.0.0.254      0.0.0.0         UG    100    0        0 eth0', 'fe80::/64 :: U 256 1 0 eth0']],
  [
    'ifconfig',
    [
      'eth0: flags=4163<UP,BROADCAST>  mtu 1500',
      '        inet 10.9.0.1  netmask 255.255.255.0',
      'eth0 Link encap:Ethernet  HWaddr 02:00:00:00:00:01',
    ],
  ],
  [
    'conntrack -L',
    [
      'tcp 6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [ASSURED] use=1',
    ],
  ],
  [
    'cat /proc/net/bonding/bond0',
    ['Bonding Mode: IEEE 802.3ad Dynamic link aggregation', 'Slave Interface: eth0', 'Aggregator ID: 1'],
  ],
  [
    'ipvsadm -Ln',
    [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'TCP  10.0.0.100:80 sh (sh-port) persistent 600 mask 255.255.255.0',
      '  -> 10.0.0.1:8080                Masq    1      0          0',
      'FWM  3 IPv6 rr',
    ],
  ],
  ['ipvsadm -S -n', ['-A -t 10.0.0.100:80 -s rr -p 600', '-a -t 10.0.0.100:80 -r 10.0.0.1:80 -m -w 1']],
  ['ipvsadm -Lnc', ['TCP 14:59  ESTABLISHED 10.0.0.9:57326     10.0.0.100:80      10.0.0.1:8080']],
  ['cat /proc/net/ip_vs_conn', ['TCP 0A000009 DFEE 0A000064 0050 0A000001 1F90 FIN_WAIT         66']],
  [
    'ovs-dpctl dump-conntrack',
    [
      'tcp,orig=(src=10.1.0.7,dst=10.1.0.70,sport=5,dport=38),reply=(src=10.1.0.70,dst=10.1.0.7,sport=38,dport=5),protoinfo=(state=X)',
    ],
  ],
  [
    'ipset list',
    ['Name: foo', 'Type: hash:ip', 'Header: family inet hashsize 64', 'Members:', '10.0.0.1,tcp:80 timeout 3 comment "x"'],
  ],
  ['ipset save', ['create foo hash:ip family inet', 'add foo 10.0.0.1 timeout 3']],
  [
    'ebtables -L',
    ['Bridge chain: FORWARD, entries: 1, policy: DROP', '-p ARP -i vnet0 --arp-ip-src ! 10.0.0.1 -j DROP , pcnt = 0 -- bcnt = 0'],
  ],
  [
    'nft list ruleset',
    [
      'table inet t {',
      'set s {',
      'elements = { 10.0.0.1 . 80, 10.0.0.2 . 443-450 }',
      '}',
      'chain c {',
      'type filter hook input priority filter + 5; policy drop;',
      'ip saddr . tcp dport { 10.0.0.1 . 80 } ct state vmap { new : accept, invalid : drop } meta mark set (meta mark & 0xff) | 1',
      '}',
      '}',
    ],
  ],
  ['ss -tlnp', ['tcp   LISTEN 0      128    0.0.0.0%veth0:9002      0.0.0.0:*    users:(("python3",pid=1,fd=7))']],
  ['netstat -tulpn', ['tcp6       0      0 :::22                   :::*                    LISTEN      1/sshd']],
  [
    'tcpdump -ni eth0',
    [
      '03:02:48.59 be:cc:de:5f:a1:70 > 4e:74:ef:f5:ad:c1, ethertype 802.1Q (0x8100), length 122: vlan 7, p 0, ethertype IPv4 (0x0800), 10.0.0.1.5000 > 10.0.0.2.80: Flags [S], seq 1, length 0',
      '11:30:24.692797 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28',
    ],
  ],
  ['traceroute 8.8.8.8', [' 1  gw (10.0.0.1)  0.512 ms  0.410 ms !H *']],
  ['tracepath 8.8.8.8', [' 1:  10.0.0.1   0.511ms asymm  2']],
  ['ethtool -S eth0', ['NIC statistics:', '     peer_ifindex: 12']],
  [
    'bridge -d -s mdb',
    [
      'dev br0 port v0 grp 239.1.1.1 permanent proto static  vid 3    0.00',
      'dev br0 port br0 grp ff02::6a temp',
      'router ports on br0: v0  10.23 temp',
    ],
  ],
  [
    'bridge -j mdb',
    ['[{"mdb":[{"index":2,"dev":"br0","port":"v0","grp":"ff02::1:ff5f:3a1e","state":"temp","flags":[]}],"router":{}}]'],
  ],
  ['ipset list -n', ['foo', 'KUBE-CLUSTER-IP']],
  [
    'conntrack -L -o save',
    [
      '-A -t 431999 -u SEEN_REPLY,ASSURED -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.9 -p tcp --sport 5 --dport 80 --reply-port-src 80 --reply-port-dst 5 --state ESTABLISHED -w 7 -m 1',
      '-A -t 29 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 7',
    ],
  ],
  [
    'conntrack -E',
    ['[DESTROY] tcp 6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 [ASSURED]'],
  ],
  [
    'ebtables -L',
    [
      'Bridge table: filter',
      'Bridge chain: FORWARD, entries: 1, policy: ACCEPT',
      '-p IPv4 --ip-src 10.0.0.1 -j DROP',
      'Bridge table: nat',
      'Bridge chain: PREROUTING, entries: 1, policy: DROP',
      '-p ARP -j ACCEPT',
    ],
  ],
  ['bridge vlan', ['veth0             1 PVID Egress Untagged', '                  10-20']],
  [
    'bridge -d link',
    ['3: veth0@if2: <UP> mtu 1500 master br0 state forwarding priority 32 cost 2', '    hairpin on guard off isolated off'],
  ],
  ['brctl showmacs br0', ['  1\t02:11:22:33:44:55\tno\t\t   3.21']],
  ['ip -s neigh', ['10.9.0.99 dev veth0 lladdr 02:11:22:33:44:55  used 3/3/3probes 0 PERMANENT']],
  ['arp -a', ['? (10.0.0.2) at fa:16:3e:81:36:c2 [ether] PERM on qr-f5b8c40f-24']],
  [
    'kubectl get pods -o wide',
    ['NAME   READY   STATUS    RESTARTS   AGE   IP   NODE', 'web   1/1   Running   0   8d   10.0.0.9   a'],
  ],
  ['docker network inspect x', ['[ { "Name": "x", "Containers": { "a": { "Name": "w", "IPv4Address": "10.0.0.2/16" } } } ]']],
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
    'iptables -nvL --line-numbers',
    [
      'Chain INPUT (policy ACCEPT 8542K packets, 6352 bytes)',
      'num   pkts bytes target     prot opt in     out     source               destination',
      '1        0     0 DNAT       tcp  --  !br0   *       0.0.0.0/0            10.0.0.0/8           tcp dpt:80 ctstate NEW /* a "b" */ to:10.0.0.2:80',
    ],
  ],
  [
    'ip6tables -L',
    [
      'Chain INPUT (policy ACCEPT)',
      'target     prot opt source               destination',
      'REJECT     all      anywhere             anywhere             reject-with icmp6-port-unreachable',
    ],
  ],
  [
    'iptables-save -c',
    [
      '# Generated by iptables-save v1.8.9 on Mon Jan  1 00:00:00 2024',
      '*nat',
      ':PREROUTING ACCEPT [12:734]',
      '[0:0] -A PREROUTING ! -d 10.0.0.1/32 -i qr-+ -p tcp -m tcp --dport 80 -m comment --comment "a \\"b\\"" -j DNAT --to-destination 10.0.0.2:80',
      'COMMIT',
    ],
  ],
  [
    'iptables -S',
    [
      '-P FORWARD DROP',
      '-N own',
      '-A FORWARD -m physdev --physdev-in tap1 --physdev-is-bridged -m set --match-set s src,dst -g own',
    ],
  ],
  [
    'ip -d a',
    [
      '2: eth0.7@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000',
      '    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0',
      '    vlan protocol 802.1Q id 7 <REORDER_HDR>',
      '    bridge_slave state forwarding priority 32 cost 2',
      '    inet 10.0.0.1/24 brd 10.0.0.255 scope global secondary eth0:1',
      '       valid_lft forever preferred_lft forever',
    ],
  ],
  [
    'ip -o addr',
    ['2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever'],
  ],
  ['ip -br link', ['eth0@if2         UP             02:00:00:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP>']],
  [
    'ip -j addr',
    [
      '[{"ifindex":2,"link_index":3,"ifname":"eth0","flags":["UP"],"mtu":1500,"address":"02:00:00:00:00:01","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24}]}]',
    ],
  ],
  ['ip route get 10.0.0.9', ['10.0.0.9 via 10.0.0.1 dev eth0 src 10.0.0.2 uid 0', '    cache']],
  [
    'ip route show table all',
    [
      'default proto static metric 100',
      '\tnexthop via 10.0.0.1 dev eth0 weight 1',
      '\tnexthop via inet6 fe80::1 dev eth1 weight 2 onlink',
      'unreachable fd00::/8 dev lo metric 4294967295 error -101 pref medium',
    ],
  ],
  [
    'ip -j route',
    [
      '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":[]},{"dst":"10.0.0.0/8","nexthops":[{"via":{"family":"inet6","host":"fe80::1"},"dev":"eth1","weight":1}]}]',
    ],
  ],
  ['ip rule', ['32765:\tnot from 10.0.0.0/8 fwmark 0x1/0xff iif eth0 ipproto tcp dport 80-90 lookup 16 suppress_prefixlength 0']],
  [
    'ip -j rule',
    [
      '[{"priority":0,"src":"all","table":"local"},{"priority":9,"src":"10.0.0.0","srclen":8,"fwmark":"0x1","action":"prohibit"}]',
    ],
  ],
  ['ip netns list-id', ['nsid 0 (iproute2 netns name: blue)', 'nsid 1']],
  ['ip netns', ['qrouter-8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a (id: 3)', 'blue']],
  ['ss -tlnH', ['LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=3))']],
  [
    'brctl show',
    ['bridge name\tbridge id\t\tSTP enabled\tinterfaces', 'br0\t\t8000.020000000001\tno\t\teth0', '\t\t\t\t\t\t\ttap1'],
  ],
  ['brctl showstp br0', ['br0', ' bridge id\t\t8000.020000000001', 'eth0 (1)', ' port id\t\t8001\t\t\tstate\t\t     forwarding']],
  [
    'bridge fdb',
    ['02:00:00:00:00:01 dev eth0 vlan 7 master br0 permanent', '00:00:00:00:00:00 dev vx dst 192.0.2.1 vni 5 self permanent'],
  ],
  [
    'bridge -j fdb',
    ['[{"mac":"02:00:00:00:00:01","ifname":"eth0","vlan":7,"flags":["self"],"master":"br0","state":"permanent"}]'],
  ],
  [
    'ebtables-save',
    ['*filter', ':FORWARD ACCEPT', '-A FORWARD -p ARP -i vnet0 --arp-ip-src ! 10.0.0.1 --log-prefix "a b" -j DROP'],
  ],
  [
    'conntrack -L expect',
    [
      '300 proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=20 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.0.0.1 master-dst=10.0.0.2 sport=5 dport=21 class=0 helper=ftp',
    ],
  ],
  [
    'conntrack -L -o xml',
    [
      '<conntrack><flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.1</src><dst>10.0.0.2</dst></layer3></meta></flow></conntrack>',
    ],
  ],
  [
    'ipset list -o xml',
    [
      '<ipsets>',
      '<ipset name="s">',
      '  <type>hash:ip</type>',
      '  <header><family>inet</family></header>',
      '  <members>',
      '    <member><elem>10.0.0.1</elem></member>',
      '  </members>',
      '</ipset>',
      '</ipsets>',
    ],
  ],
  ['sysctl -a', ['net.ipv4.ip_forward = 1', 'net.ipv4.tcp_rmem = 4096\t131072\t6291456']],
  ['cat /proc/net/netfilter/nfnetlink_queue', ['    3  35722     0 2 65531     0     0        1  1']],
  [
    'openstack port list',
    [
      '+--------------------------------------+------+-------------------+------------------------------------------------+--------+',
      '| ID                                   | Name | MAC Address       | Fixed IP Addresses                             | Status |',
      "| 8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a | p    | fa:16:3e:81:36:c2 | ip_address='10.0.0.1', subnet_id='8c2ba6f1-98' | ACTIVE |",
    ],
  ],
  [
    'openstack server show x -f json',
    ['{"id": "8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a", "name": "x", "addresses": {"net": ["10.0.0.1"]}}'],
  ],
  ['openstack network list -f csv', ['"ID","Name","Subnets"', '"8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a","n","[\'a\']"']],
  [
    'virsh dumpxml vm',
    [
      "<domain type='kvm'>",
      '  <name>vm</name>',
      "  <interface type='bridge'>",
      "    <mac address='52:54:00:00:00:01'/>",
      "    <source bridge='br0'/>",
      "    <target dev='vnet0'/>",
      '  </interface>',
      '</domain>',
    ],
  ],
  [
    'virsh domiflist vm',
    [
      'Interface  Type       Source     Model       MAC',
      '-------------------------------------------------------',
      'vnet0      bridge     br0        virtio      52:54:00:00:00:01',
    ],
  ],
  [
    'virsh domifaddr vm',
    [
      ' Name       MAC address          Protocol     Address',
      '-------------------------------------------------------------------------------',
      ' vnet0      52:54:00:00:00:01    ipv4         192.168.122.5/24',
      ' -          -                    ipv6         2001:db8::5/64',
    ],
  ],
  [
    'virsh net-dhcp-leases default',
    [
      ' Expiry Time           MAC address         Protocol   IP address         Hostname   Client ID or DUID',
      '---------------------------------------------------------------------------------------------------',
      ' 2026-01-05 18:24:37   52:54:00:00:00:01   ipv4       192.168.122.5/24   web        01:52:54:00:00:00:01',
    ],
  ],
  [
    'virsh list --all',
    [
      ' Id    Name                           State',
      '----------------------------------------------------',
      ' 3     vm                             running',
      ' -     vm two                         shut off',
    ],
  ],
  ['ip nexthop', ['id 12 via 10.0.0.1 dev eth0 scope link proto static', 'id 30 group 12/31,3 proto bgp', 'id 31 blackhole']],
  [
    'ip -f mpls route',
    ['16 as to 17 via inet 10.0.0.2 dev eth0 proto ldp', '20 as to 30/31', '\tnexthop as to 30 via inet 10.0.0.5 dev eth0'],
  ],
  [
    'ip route show table 7',
    [
      '10.4.0.0/16  encap mpls  100/200 via inet6 fe80::1 dev eth1',
      '10.5.0.0/16  encap seg6 mode encap segs 2 [ fc00:1::1 fc00:2::2 ] dev eth0 scope link',
      'fc00:3::1  encap seg6local action End.DT6 table 100 dev eth0 metric 1024 pref medium',
      '10.1.0.0/16 nhid 12 via 10.0.0.1 dev eth0',
    ],
  ],
  ['virsh list --all', [' Id   Name   Status', '------------------------', ' 3    web    laufend', ' -    alt    ausgeschaltet']],
  [
    'virsh domiflist web',
    [' Schnittstelle Typ Quelle Modell MAC', '-------------------------', ' vnet0 bridge br0 virtio 52:54:00:00:00:01'],
  ],
  [
    'traceroute -A 10.0.0.9',
    [
      'traceroute to 10.0.0.9 (10.0.0.9), 30 hops max, 60 byte packets',
      ' 1  [AS0] 10.0.0.1 (10.0.0.1)  9.1 ms  5.4 ms *',
      '    [AS5/AS6] 10.0.1.1 (10.0.1.1)  4.1 ms',
      ' 2  gw (gw)  0.8 ms  0.8 ms',
    ],
  ],
  [
    'kubectl get all -o wide',
    [
      'NAME                READY   STATUS    RESTARTS   AGE   IP           NODE',
      'pod/web-0           1/1     Running   0          35s   10.244.1.2   node1',
      'NAME                TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE   SELECTOR',
      'service/web         ClusterIP   10.100.0.1    <none>        443/TCP   46m   <none>',
      'NAME                DESIRED   CURRENT   AGE',
      'deployment/web      1         1         35s',
    ],
  ],
  [
    'kubectl get svc',
    ['NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE', 'web LoadBalancer 10.100.0.1 172.18.0.18 80:30056/TCP 107m'],
  ],
  [
    'arptables -nL -v',
    [
      'Chain INPUT (policy DROP 30 packets, 840 bytes)',
      '-j DROP ! -i eth+ -o * ! -s 10.0.0.0/24 --src-mac 00:11:22:33:44:55 , pcnt=0 -- bcnt=0',
      '-j mangle -i * -o eth0 -s 10.0.0.5 --mangle-ip-s 10.0.0.6 , pcnt=30 -- bcnt=1260',
      'Chain MINE (1 references)',
      '1 -j RETURN --opcode 2 --proto-type 0x800',
    ],
  ],
  ['arptables-save', ['*filter', ':INPUT DROP', ':MINE -', '-A INPUT -j MINE', '-A MINE -j ACCEPT -d 10.0.0.5 --opcode Request']],
  [
    'crictl pods',
    [
      'POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT',
      '1f73f2d81bf98       9 days ago          Ready               web-1               default             0',
    ],
  ],
  [
    'ping -c 1 10.0.0.1',
    [
      'PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.',
      '64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.040 ms',
      '1 packets transmitted, 1 received, 0% packet loss, time 0ms',
    ],
  ],
  [
    'ovn-nbctl show',
    ['switch 8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a (net)', '    port p1', '        addresses: ["fa:16:3e:81:36:c2 10.0.0.1"]'],
  ],
  [
    'iptables-legacy -t raw -nL PREROUTING',
    [
      'Chain PREROUTING (policy ACCEPT)',
      'target     prot opt source               destination',
      'CT         all  --  0.0.0.0/0            0.0.0.0/0            CT notrack',
    ],
  ],
  ['kubectl get ep', ['NAME   ENDPOINTS                      AGE', 'web    10.244.1.2:80,[fd00::2]:80    3d']],
  [
    'kubectl get pod web-1 -o yaml',
    [
      ...[
        'kind: Pod',
        'metadata:',
        '  annotations:',
        '    ovn.kubernetes.io/ip_address: 10.244.2.9',
        '    note: |',
        '      a: b',
      ],
      ...['  name: web-1', 'spec:', '  containers:', '  - args:', '    - -v', '    name: "web"', '  nodeName: w2', 'status:'],
      ...["  message: 'not ready: [web]'", '  podIPs:', '  - ip: 10.244.2.9', '  - ip: fd00::9'],
    ],
  ],
  [
    'kubectl get svc web -o json',
    ['{', '  "metadata": { "name": "web" },', '  "spec": { "clusterIP": "10.96.4.4", "clusterIPs": [ "10.96.4.4" ] }', '}'],
  ],
  [
    'kubectl describe pod web-1',
    [
      ...['Name:             web-1', 'Namespace:        shop', 'Node:             w2/192.168.1.20', 'Labels:           app=web'],
      ...[
        '                  hash=66',
        'IP:               10.244.1.2',
        'IPs:',
        '  IP:           fd00::2',
        'Events:           <none>',
      ],
    ],
  ],
  ['cat /proc/sys/net/ipv4/ip_forward', ['1']],
  ["docker inspect -f '{{.Name}} - {{.NetworkSettings.IPAddress}}' a b", ['/a - 172.17.0.2', '/b - ']],
  [
    'ss -tin state established',
    [
      'Recv-Q Send-Q      Local Address:Port        Peer Address:Port Process',
      '0      36               10.5.0.1:22              10.5.0.7:52790',
      '\t bbr wscale:10,10 rto:204',
    ],
  ],
  ['openstack port list -f csv --quote none', ['ID,MAC Address', "f1,fa:16:3e:00:00:01,['a'\\, 'b']"]],
];

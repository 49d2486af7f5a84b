import type { Sample } from './sample';

/** Of Linux: devices, addresses, routes, bridges, sockets, and what people look with. */
export const LINUX_SAMPLES: readonly Sample[] = [
  ['route -n', ['0.0.0.0         10.0.0.254      0.0.0.0         UG    100    0        0 eth0', 'fe80::/64 :: U 256 1 0 eth0']],
  [
    'cat /proc/net/route',
    ['eth0\t0000FEA9\t00000000\t0001\t0\t0\t1000\t0000FFFF\t0\t0\t0', '* 00000A0A 00000000 0201 0 0 0 0000FFFF'],
  ],
  [
    'ifconfig',
    [
      'eth0: flags=4163<UP,BROADCAST>  mtu 1500',
      '        inet 10.9.0.1  netmask 255.255.255.0',
      'eth0 Link encap:Ethernet  HWaddr 02:00:00:00:00:01',
    ],
  ],
  [
    'cat /proc/net/bonding/bond0',
    ['Bonding Mode: IEEE 802.3ad Dynamic link aggregation', 'Slave Interface: eth0', 'Aggregator ID: 1'],
  ],
  [
    'wg show',
    [
      'interface: wg0',
      '  public key: aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      'peer: xxxx',
      '  endpoint: [2001:db8::9]:51820',
      '  allowed ips: 10.7.0.2/32, fd00::/64',
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
  ['bridge vlan', ['veth0             1 PVID Egress Untagged', '                  10-20']],
  [
    'bridge -d link',
    ['3: veth0@if2: <UP> mtu 1500 master br0 state forwarding priority 32 cost 2', '    hairpin on guard off isolated off'],
  ],
  ['brctl showmacs br0', ['  1\t02:11:22:33:44:55\tno\t\t   3.21']],
  ['ip -s neigh', ['10.9.0.99 dev veth0 lladdr 02:11:22:33:44:55  used 3/3/3probes 0 PERMANENT']],
  ['arp -a', ['? (10.0.0.2) at fa:16:3e:81:36:c2 [ether] PERM on qr-f5b8c40f-24']],
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
  ['sysctl -a', ['net.ipv4.ip_forward = 1', 'net.ipv4.tcp_rmem = 4096\t131072\t6291456']],
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
    'ping -c 1 10.0.0.1',
    [
      'PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.',
      '64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.040 ms',
      '1 packets transmitted, 1 received, 0% packet loss, time 0ms',
    ],
  ],
  ['cat /proc/sys/net/ipv4/ip_forward', ['1']],
  [
    'ss -tin state established',
    [
      'Recv-Q Send-Q      Local Address:Port        Peer Address:Port Process',
      '0      36               10.5.0.1:22              10.5.0.7:52790',
      '\t bbr wscale:10,10 rto:204',
    ],
  ],
];

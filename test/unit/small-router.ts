import assert from 'node:assert/strict';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace, type PacketTrace } from '../../server/src/features/netfilter-trace';
import { namespaceOf } from '../oracle-linux/compare';

/** A router with two devices, whole. */
export const ADDRESSES = `root@router:~# ip a
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    inet 10.0.1.1/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group 7 qlen 1000
    inet 10.0.2.1/24 scope global eth1
`;
export const ROUTES = `root@router:~# ip route show table all
default via 10.0.2.2 dev eth1
default via 10.0.1.9 dev eth0 table 100
10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1
10.0.2.0/24 dev eth1 proto kernel scope link src 10.0.2.1
local 10.0.1.1 dev eth0 table local proto kernel scope host src 10.0.1.1
local 10.0.2.1 dev eth1 table local proto kernel scope host src 10.0.2.1
`;
export const RULES = `root@router:~# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
`;
export const SYSCTLS = `root@router:~# sysctl -a
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.conf.eth1.rp_filter = 0
`;

/** A router between 10.0.0.0/24 and 10.1.0.0/24, whose tables of rules are for each test to add. */
export const BETWEEN_NETWORKS = `[root@h ~]# ip a
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    inet 10.0.0.9/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP
    inet 10.1.0.9/24 scope global eth1
[root@h ~]# ip r
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.9
10.1.0.0/24 dev eth1 proto kernel scope link src 10.1.0.9
[root@h ~]# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
[root@h ~]# sysctl -a
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.conf.eth1.rp_filter = 0
`;

/** The tables raw and mangle without a rule. */
export const IDLE = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
`;

/** All tables, with the given rules of filter and nat. */
export function tables(filter: string, nat: string): string {
  return `root@router:~# iptables-save
${IDLE}*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${nat}COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
${filter}COMMIT
`;
}

/** The traces of packets, each in words of a question, one after the other. */
export function ask(captures: readonly string[], ...questions: readonly string[]): PacketTrace[] {
  const namespace = namespaceOf(captures.join(''));
  const read = questions.map((words) => readQuestion(words.split(' '), namespace));
  return netfilterTrace(
    namespace,
    read.map((question) => {
      assert.ok(typeof question !== 'string');
      return question;
    }),
  );
}

/** A packet that goes through it. */
export const WAY = 'iif=eth0 src=10.0.1.2 dst=8.8.8.8 proto=tcp sport=40000 dport=80';

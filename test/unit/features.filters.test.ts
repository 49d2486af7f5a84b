import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hover } from '../../server/src/features/hover';
import { documentSymbols, type SymbolItem } from '../../server/src/features/symbols';
import { fixture } from './fixture';

const CAPTURES = `root@r:~# ipset list
Name: hosts
Type: hash:ip,port
Revision: 7
Header: family inet hashsize 1024 maxelem 65536 timeout 600
Size in memory: 380
References: 1
Number of entries: 2
Members:
10.0.0.2,udp:53 timeout 9
10.0.0.3,tcp:80 nomatch

Name: nobody
Type: hash:net
Header: family inet hashsize 1024 maxelem 65536
Members:

root@r:~# iptables-save
*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set hosts src,dst -j ACCEPT
COMMIT
root@r:~# nft list ruleset
table inet t {
	chain sub {
		tcp dport 22 counter packets 0 bytes 0 accept
	}
	chain in {
		type filter hook input priority filter + 5; policy drop;
		ip saddr 10.0.0.0/8 meta mark set 0x1 goto sub
	}
}
root@r:~# ebtables -L
Bridge table: filter

Bridge chain: INPUT, entries: 0, policy: ACCEPT

Bridge chain: FORWARD, entries: 1, policy: ACCEPT
-p ARP -i tap1 -j arp-tap1

Bridge chain: OUTPUT, entries: 0, policy: ACCEPT

Bridge chain: arp-tap1, entries: 1, policy: DROP
-p ARP --arp-ip-src 10.0.0.5 -j ACCEPT
root@r:~# conntrack -L
tcp      6 299 ESTABLISHED src=10.1.1.1 dst=10.2.2.2 sport=1000 dport=80 src=10.3.3.3 dst=10.9.9.9 sport=8080 dport=1000 [ASSURED] mark=9 zone=3 use=1
udp      17 29 src=10.1.1.1 dst=10.2.2.2 sport=1001 dport=53 [UNREPLIED] src=10.2.2.2 dst=10.1.1.1 sport=53 dport=1001 mark=0 use=1
root@r:~# conntrack -L expect
297 proto=6 src=10.1.1.1 dst=10.2.2.2 sport=0 dport=41411 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.1.1.1 master-dst=10.2.2.2 sport=36390 dport=21 class=0 helper=ftp
root@r:~# bridge vlan
port              vlan-id  
tap1              1 PVID Egress Untagged
                  20-30
root@r:~# bridge fdb show
00:00:00:00:00:00 dev vx0 dst 192.0.2.9 self permanent
root@r:~# ip rule
100:	not from 10.0.0.0/24 fwmark 0x1/0xff lookup 100
300:	from all unreachable
root@r:~# ss -ltn
State    Recv-Q   Send-Q     Local Address:Port     Peer Address:Port
LISTEN   0        128            127.0.0.1:631           0.0.0.0:*
root@r:~# tcpdump -nei tap1
10:00:00.000000 fa:16:3e:00:00:01 > fa:16:3e:00:00:02, ethertype IPv4 (0x0800), length 74: 10.0.0.1.4000 > 10.0.0.2.80: Flags [S.], seq 1, win 64, length 0
root@r:~# kubectl get pods -o wide
NAME       READY   STATUS    RESTARTS   AGE   IP           NODE     NOMINATED NODE   READINESS GATES
web-1      1/1     Running   0          8d    10.244.0.2   node1    <none>           <none>
root@r:~# crictl pods
POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT             RUNTIME
158d7b6665ff3       10 minutes ago      Ready               web-1               default             1                   (default)
root@r:~# crictl ps
CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD
3e3c4a3f1a3b2       busybox             8 minutes ago       Running             nginx               0                   158d7b6665ff3       web-1
`;

/** The hover on the first `word` in the first line that holds `line`. */
function at(line: string, word: string): string {
  const from = CAPTURES.indexOf(line);
  assert.ok(from >= 0, line);
  const offset = CAPTURES.indexOf(word, CAPTURES.lastIndexOf('\n', from) + 1);
  assert.ok(offset >= 0, word);
  const { world, uri } = fixture(`=== r.txt\n${CAPTURES}`);
  const found = hover(world, uri === '' ? 'file:///w/r.txt' : uri, offset + 1);
  assert.ok(found, `no hover on ${word}`);
  return found.markdown;
}

function says(line: string, word: string, ...parts: readonly (string | RegExp)[]): void {
  const text = at(line, word);
  for (const part of parts)
    assert.ok(typeof part === 'string' ? text.includes(part) : part.test(text), `${String(part)} is missing in\n${text}`);
}

describe('hovers on what filters and forwards', () => {
  it('say what a set holds and which rules look into it', () => {
    says(
      'Name: hosts',
      'hosts',
      '**Set hosts**',
      'Each member is an address and a protocol and port',
      '2 members: `10.0.0.2,udp:53`, `10.0.0.3,tcp:80` (not)',
      'forgotten after 600 s',
      /Looked into by \[INPUT rule 1 \(filter\)\]\(\S+#L\d+\), by source and destination/,
    );
    says('Name: nobody', 'nobody', 'No members: it matches nothing', 'No captured rule looks into it');
  });

  it('say what a member is and what it is for', () => {
    says('10.0.0.2,udp:53', 'udp:53', '**Member of set hosts**', 'UDP port 53', /Looked into by \[INPUT rule 1/);
    says('10.0.0.3,tcp:80', 'nomatch', 'An exception');
  });

  it('say where the kernel asks a chain of nft, what a rule does first, and where it leads', () => {
    says(
      'ip saddr 10.0.0.0/8',
      'meta mark',
      '**Rule 1 of in (t for IPv4 and IPv6)**',
      'Packets to this machine itself (hook input, priority 5)',
      'from 10.0.0.0/8',
      'First sets the packet mark to 0x1',
      /Then goes to chain sub, 1 rule \(/,
    );
    says('tcp dport 22', 'tcp dport', /Reached from \[in rule 1\]/, 'destination port 22');
    says('chain sub', 'sub', '**Chain sub**', /Reached from \[in rule 1\]/, 'In the t table for IPv4 and IPv6');
    says('chain in {', 'in {', 'hook input, priority 5', 'Policy DROP');
  });

  it('say what a rule of ebtables does', () => {
    says(
      '-p ARP -i tap1',
      '-p ARP',
      '**Rule 1 of FORWARD (ebtables filter)**',
      'from port to port',
      'in by port tap1',
      'jumps to chain arp-tap1, 1 rule',
    );
    says('-p ARP --arp-ip-src', '-p ARP', 'ARP from 10.0.0.5', 'accepts it', /Reached from \[FORWARD rule 1\]/);
    says('Bridge chain: arp-tap1', 'arp-tap1', '**Chain arp-tap1 of ebtables (filter)**', 'Policy DROP');
  });

  it('say both directions of a connection, its translation and its state', () => {
    says(
      'tcp      6 299',
      'ESTABLISHED',
      '**TCP connection**',
      'Forth: `10.1.1.1:1000` → `10.2.2.2:80`',
      'Back: `10.3.3.3:8080` → `10.9.9.9:1000`',
      'Destination NAT: `10.2.2.2:80` becomes `10.3.3.3:8080`',
      'Source NAT: `10.1.1.1:1000` becomes `10.9.9.9:1000`',
      'open: packets went both ways',
      'Zone 3',
      'Connection mark `0x9`',
    );
    says('udp      17', '[UNREPLIED]', 'no packet of which was seen', 'No address is translated', 'as `NEW`');
    says(
      '297 proto=6',
      'helper=ftp',
      '**Expected connection**',
      'TCP from `10.1.1.1` to `10.2.2.2:41411`',
      '`RELATED`',
      'helper `ftp`',
    );
  });

  it('say what small records mean', () => {
    says('tap1              1 PVID', 'PVID', '**VLAN 1 on tap1**', 'come in without a tag belong to it', 'leave without a tag');
    says('20-30', '20-30', '**VLANs 20 to 30 on tap1**', 'leave with their tag');
    says('dev vx0 dst', 'self', 'broadcasts and multicasts are sent to tunnel endpoint `192.0.2.9`');
    says(
      '100:\tnot from',
      'lookup',
      '**Routing rule 100**',
      'For every packet but those from 10.0.0.0/24, with packet mark 0x1/0xff',
      'table `100`',
    );
    says('300:\tfrom all', 'unreachable', 'the packet is refused, network unreachable');
    says('LISTEN', 'LISTEN', '**Listening socket**', 'TCP port 631 of `127.0.0.1`', 'Only programs of this machine reach it');
    says('10:00:00.000000', 'Flags', 'TCP packet from `10.0.0.1:4000` to `10.0.0.2:80`: SYN, ACK', 'At `tap1`');
    says('web-1      1/1', 'Running', '**Pod web-1**', 'Has address `10.244.0.2`', 'Runs on `node1`');
    says('158d7b6665ff3       10', 'Ready', '**Pod web-1**', 'Containers: `nginx`', '`crictl inspectp 158d7b6665ff3`');
    says('3e3c4a3f1a3b2', 'busybox', '**Container nginx**', 'Of pod `web-1` in namespace `default`');
  });
});

describe('the outline', () => {
  const flat = (items: readonly SymbolItem[]): string[] =>
    items.flatMap((item) => [
      `${item.name}${item.detail === undefined ? '' : ` (${item.detail})`}`,
      ...flat(item.children).map((name) => `  ${name}`),
    ]);

  it('lists sets, rules, connections and the rest, each below what it belongs to', () => {
    const { world } = fixture(`=== r.txt\n${CAPTURES}`);
    const lines = flat(documentSymbols(world, 'file:///w/r.txt'));
    for (const expected of [
      '  hosts (hash:ip,port)',
      '    10.0.0.2,udp:53',
      '    10.0.0.3,tcp:80 (not)',
      '  in (DROP)',
      '    rule 1 (sub)',
      '  arp-tap1 (DROP)',
      '  zone 3',
      '    10.1.1.1:1000 → 10.2.2.2:80 (tcp ESTABLISHED)',
      '  tap1',
      '    VLANs 20–30',
      '    00:00:00:00:00:00 (192.0.2.9)',
      '  100 (100)',
      '  127.0.0.1:631 (tcp)',
      '  packets',
      '  web-1 (10.244.0.2)',
      '  nginx (Running)',
    ])
      assert.ok(lines.includes(expected), `${expected} is missing in\n${lines.join('\n')}`);
  });
});

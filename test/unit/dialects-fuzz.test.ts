import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { decodeText } from '../../server/src/base/decode';
import { readDocument } from '../../server/src/captures/document';
import { root } from './walk-fixture';

/** Commands with a line or two of their output, each of which is cut, doubled, mixed and repeated. */
const SAMPLES: readonly (readonly [string, readonly string[]])[] = [
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
    ['Bridge chain: FORWARD, entries: 3, policy: DROP', '-p ARP -i vnet0 --arp-ip-src ! 10.0.0.1 -j DROP , pcnt = 0 -- bcnt = 0'],
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
];

/** A small generator of its own, so that a failure can be repeated by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutate(text: string, pick: (below: number) => number): string {
  const at = pick(text.length + 1);
  const length = pick(12);
  const odd = [
    '{',
    '}',
    '"',
    '(',
    ')',
    ',',
    ' ',
    ':',
    '\\',
    '#',
    '!',
    '\t',
    'é',
    '\u0000',
    '0x',
    '-',
    '/',
    '@',
    '<',
    '%',
    '\n',
    '\r',
  ];
  switch (pick(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + (odd[pick(odd.length)] ?? '') + text.slice(at);
    case 3:
      return text.slice(0, at) + text.slice(Math.max(0, at - length));
    case 4:
      return `${text} ${text}`;
    default:
      return text.slice(at) + text.slice(0, at);
  }
}

function check(text: string, what: string): void {
  const document = readDocument('file:///f.txt', 'f.txt', text);
  for (const capture of document.captures) {
    for (const error of capture.errors) {
      assert.doesNotMatch(error.message, /failed inside Packet Walk/, `${what}: ${error.message}\n${text.slice(0, 500)}`);
      assert.ok(
        error.span.start >= 0 && error.span.end <= text.length && error.span.start <= error.span.end,
        `${what}: a span outside the text`,
      );
    }
    for (const ref of capture.refs)
      assert.ok(ref.span.end <= text.length && ref.span.start < ref.span.end, `${what}: a reference outside the text`);
  }
}

describe('odd input', () => {
  it('costs one record, and never fails inside', () => {
    for (const [command, lines] of SAMPLES) {
      const pick = random(command.length * 7919 + lines.length);
      for (let n = 0; n < 60; n++) {
        let text = lines.join('\n');
        for (let k = pick(4); k >= 0; k--) text = mutate(text, pick);
        check(`[root@h ~]# ${command}\n${text}\n`, `${command}, ${n}`);
      }
    }
  });

  it('ends in a bounded time on hostile repetition', () => {
    for (const [command, lines] of SAMPLES) {
      for (const line of lines) {
        const text = `[root@h ~]# ${command}\n${line.repeat(Math.ceil(4000 / line.length))}\n`.repeat(3);
        const start = process.cpuUsage();
        check(text, command);
        const { user } = process.cpuUsage(start);
        assert.ok(user < 6_000_000, `${command}: ${user / 1e6} s of "${line}"`);
      }
    }
  });
});

const SHARED = path.join(root, '../shared/captures');
/** The kinds that the folders of published captures hold, and the file names that hold something else (pictures, commands alone). */
const FOLDERS: Readonly<Record<string, RegExp>> = {
  arp: /^(?:arp|tcpdump)$/,
  'bridge-fdb': /^bridge-fdb$/,
  'conntrack-L': /^conntrack-list$/,
  'dpctl-dump-conntrack': /^ovs-dpctl-dump-conntrack$/,
  ebtables: /^ebtables-(?:list|save)$/,
  ifconfig: /^ifconfig$/,
  'ip-neigh': /^ip-neighbour$/,
  'ip-netns': /^ip-netns-list$/,
  'ipset-list': /^ipset-(?:list|save)$/,
  'nft-list-ruleset': /^nft-list/,
  'route-n': /^route$/,
};

describe('published captures', { skip: !fs.existsSync(SHARED) }, () => {
  for (const [folder, kind] of Object.entries(FOLDERS)) {
    it(`reads ${folder}: every file as what it is, all but one line in a hundred`, () => {
      let lines = 0;
      let lost = 0;
      for (const name of fs.readdirSync(path.join(SHARED, folder))) {
        const decoded = decodeText(fs.readFileSync(path.join(SHARED, folder, name)));
        assert.equal(decoded.kind, 'text');
        if (decoded.kind !== 'text') continue;
        const document = readDocument(`file:///${folder}/${name}`, name, decoded.text);
        assert.ok(
          document.captures.some((capture) => kind.test(capture.kind)),
          `${folder}/${name} is ${document.captures.map((capture) => capture.kind).join(', ')}`,
        );
        lines += decoded.text.split('\n').filter((line) => line.trim() !== '').length;
        lost += document.unclassified.length;
      }
      assert.ok(lost / lines < 0.01 || lost <= 3, `${lost} of ${lines} lines are not understood`);
    });
  }
});

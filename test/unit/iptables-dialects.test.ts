import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namespaceOf } from '../oracle-linux/compare';

/** A rule as `iptables -S`, `-L -n -v` and `-L` print it (iptables 1.8.9), the last two from the destination on. */
const RULES: readonly (readonly [rule: string, verbose: string, named: string])[] = [
  ['-m ecn --ecn-ip-ect 0', '0 -- ECN match ECT=0', 'all -- ECN match ECT=0'],
  ['-m ecn ! --ecn-ip-ect 2', '0 -- ECN match !ECT=2', 'all -- ECN match !ECT=2'],
  ['-p tcp -m ecn --ecn-tcp-ece', '6 -- ECN match ECE', 'tcp -- ECN match ECE'],
  ['-p tcp -m ecn ! --ecn-tcp-cwr --ecn-ip-ect 1', '6 -- ECN match !CWR ECT=1', 'tcp -- ECN match !CWR ECT=1'],
  ['-m devgroup --src-group 0x1', '0 -- src-group 0x1', 'all -- src-group 0x1'],
  ['-m devgroup ! --dst-group 0x10/0xff', '0 -- ! dst-group 0x10/0xff', 'all -- ! dst-group 0x10/0xff'],
  ['-m helper --helper ftp', '0 -- helper match "ftp"', 'all -- helper match "ftp"'],
  ['-m helper ! --helper ftp', '0 -- helper match ! "ftp"', 'all -- helper match ! "ftp"'],
  ['-p tcp -m tcp --tcp-option 2', '6 -- tcp option=2', 'tcp -- tcp option=2'],
  ['-p tcp -m tcp ! --tcp-option 8', '6 -- tcp option=!8', 'tcp -- tcp option=!8'],
  ['-m tos --tos 0x10/0x3f', '0 -- tos match0x10/0x3f', 'all -- tos match Minimize-Delay'],
  ['-j TOS --set-tos 0x10/0x3f', 'TOS 0 -- TOS set 0x10/0x3f', 'TOS all -- TOS setMinimize-Delay'],
  ['-j TOS --xor-tos 0x04', 'TOS 0 -- TOS xor 0x04', 'TOS all -- TOS xor 0x04'],
  ['-j CT --zone mark', 'CT 0 -- CT zone mark', 'CT all -- CT zone mark'],
  ['-j CT --zone-reply 2', 'CT 0 -- CT zone-reply 2', 'CT all -- CT zone-reply 2'],
  [
    '-m set --match-set s1 src ! --update-counters -m hl --hl-lt 5',
    '0 -- match-set s1 src ! update-counters HL match HL < 5',
    'all -- match-set s1 src ! update-counters HL match HL < 5',
  ],
  [
    '-m set --match-set s1 src --return-nomatch',
    '0 -- match-set s1 src return-nomatch',
    'all -- match-set s1 src return-nomatch',
  ],
  ['-m realm --realm 0x1', '0 -- realm 0x1', 'all -- realm 0x1'],
  ['-m realm ! --realm 0x1/0xff', '0 -- ! realm 0x1/0xff', 'all -- ! realm 0x1/0xff'],
  ['-j TEE --gateway 10.0.0.1', 'TEE 0 -- TEE gw:10.0.0.1', 'TEE all -- TEE gw:10.0.0.1'],
  [
    '-p tcp -j TCPOPTSTRIP --strip-options 2,8',
    'TCPOPTSTRIP 6 -- TCPOPTSTRIP options 2,8',
    'TCPOPTSTRIP tcp -- TCPOPTSTRIP options mss,timestamp',
  ],
  ['-p tcp -j ECN --ecn-tcp-remove', 'ECN 6 -- ECN TCP remove', 'ECN tcp -- ECN TCP remove'],
  [
    '-j SET --add-set s src --exist --timeout 5',
    'SET 0 -- add-set s src exist timeout 5',
    'SET all -- add-set s src exist timeout 5',
  ],
  ['-j SET --del-set s dst', 'SET 0 -- del-set s dst', 'SET all -- del-set s dst'],
  ['-j SET --map-set s dst --map-mark', 'SET 0 -- map-set s dst map-mark', 'SET all -- map-set s dst map-mark'],
  ['-j IDLETIMER --timeout 5 --label x', 'IDLETIMER 0 -- timeout:5 label:x', 'IDLETIMER all -- timeout:5 label:x'],
  [
    '-j HMARK --hmark-src-prefix 32 --hmark-dst-prefix 32 --hmark-rnd 0x1 --hmark-mod 10 --hmark-offset 1',
    'HMARK 0 -- HMARK mod 10 + 0x1 src-prefix 32 dst-prefix 32 rnd 0x1 ',
    'HMARK all -- HMARK mod 10 + 0x1 src-prefix 32 dst-prefix 32 rnd 0x1 ',
  ],
  [
    '-m connbytes ! --connbytes 100:200 --connbytes-mode bytes --connbytes-dir both -m ttl --ttl-lt 5',
    '0 -- ! connbytes 100:200 connbytes mode bytes connbytes direction both TTL match TTL < 5',
    'all -- ! connbytes 100:200 connbytes mode bytes connbytes direction both TTL match TTL < 5',
  ],
  [
    '-m quota --quota 5000 -m ttl --ttl-lt 5',
    '0 -- quota: 5000 bytes TTL match TTL < 5',
    'all -- quota: 5000 bytes TTL match TTL < 5',
  ],
  [
    '-m recent ! --rcheck --name SSH --mask 255.255.255.255 --rsource -m iprange --src-range 10.0.1.2-10.0.3.3',
    '0 -- ! recent: CHECK name: SSH side: source mask: 255.255.255.255 source IP range 10.0.1.2-10.0.3.3',
    'all -- ! recent: CHECK name: SSH side: source mask: 255.255.255.255 source IP range 10.0.1.2-10.0.3.3',
  ],
  ['-m frag --fragfirst -m hl --hl-lt 5', '0 -- frag  first HL match HL < 5', 'all -- frag  first HL match HL < 5'],
  [
    '-m rt --rt-type 0 --rt-segsleft 1 -m hl --hl-lt 5',
    '0 -- rt type:0 segsleft:1 HL match HL < 5',
    'all -- rt type:0 segsleft:1 HL match HL < 5',
  ],
  ['-m dst -m hl --hl-lt 5', '0 -- dst HL match HL < 5', 'all -- dst HL match HL < 5'],
  ['-m conntrack --ctstatus ASSURED,CONFIRMED', '0 -- ctstatus ASSURED,CONFIRMED', 'all -- ctstatus ASSURED,CONFIRMED'],
];

/** A rule of FORWARD as the rest of the program sees it, without its places in the text. */
function meaning(text: string): string {
  const namespace = namespaceOf(text);
  const rule = namespace.netfilter.get('mangle')?.chains.get('FORWARD')?.rules[0];
  assert.ok(rule, text);
  const conditions = rule.matches.filter((match) => match.kind !== 'comment' && !isAnything(match));
  return JSON.stringify([conditions, rule.target, rule.options], (key, value: unknown) =>
    key === 'span' || key === 'text' ? undefined : value === '0x1' ? '1' : value,
  );
}

function isAnything(match: object): boolean {
  const words = JSON.stringify(match);
  return /"(?:in|out)-interface".*"(?:\*|any)"|"(?:source|destination)".*"(?:0\.0\.0\.0\/0|anywhere)"|"protocol".*"(?:0|all)"/.test(
    words,
  );
}

/** A row of a listing with its columns. */
function row(text: string, addresses: string, prefix = '', interfaces = ''): string {
  const [, target = '', protocol = '', rest = ''] = /^(?:([A-Z]+) )?(\w+) -- (.*)$/.exec(text) ?? [];
  return `${prefix}${target.padEnd(10)} ${protocol.padEnd(5)}--  ${interfaces}${addresses}${rest}\n`;
}

const HEAD = 'Chain FORWARD (policy ACCEPT)';

/** Conditions that are not modelled, as `-L -n -v` prints them: what stands behind them is a condition of its own. */
const NOT_MODELLED = [
  'u32 "0x0>>0x1c=0x4"',
  'STRING match  "foo bar" ALGO name bm',
  'TIME from 10:00:00 to 12:00:00 on Mon,Tue UTC',
  'match bpf 48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\0',
  'cpu 1',
  'connlabel 3',
  'cluster node_mask=0x00000001 total_nodes=2 hash_seed=0x00000001',
  'ipv6header flags:0x90 soft',
  'eui64 ',
  'ah spi:5',
];

describe('a listed condition that is not modelled', () => {
  for (const text of NOT_MODELLED)
    it(`ends where the next one begins: ${text}`, () => {
      for (const [next, kind] of [
        ['TTL match TTL < 5', 'ttl'],
        ['destination IP range 10.0.1.2-10.0.3.3', 'iprange'],
        ['connmark match ! 0x2/0x2', 'connmark'],
        ['! match-set s src,dst', 'set'],
        ['ADDRTYPE match dst-type LOCAL', 'addrtype'],
        ['ctorigdst 10.0.0.1', 'conntrack'],
      ] as const) {
        const line = row(`0 -- ${text} ${next}`, '0.0.0.0/0            0.0.0.0/0            ', '    0     0 ', '*      *       ');
        const said = meaning(
          `root@r:~# iptables -t mangle -L -n -v\n${HEAD.replace('ACCEPT', 'ACCEPT 0 packets, 0 bytes')}\n pkts bytes target     prot opt in     out     source               destination\n${line}`,
        );
        const [conditions] = JSON.parse(said) as [readonly { kind: string }[]];
        assert.deepEqual(
          conditions.map((condition) => condition.kind),
          ['other', kind],
          said,
        );
      }
    });
});

describe('a rule of iptables', () => {
  for (const [rule, verbose, named] of RULES) {
    it(`says the same in every listing: ${rule}`, () => {
      const plain = meaning(`root@r:~# iptables -t mangle -S\n-P FORWARD ACCEPT\n-A FORWARD ${rule}\n`);
      assert.ok(!plain.includes('"other"'), plain);
      const numbers = row(verbose, '0.0.0.0/0            0.0.0.0/0            ', '    0     0 ', '*      *       ');
      const counted = `root@r:~# iptables -t mangle -L -n -v\n${HEAD.replace('ACCEPT', 'ACCEPT 0 packets, 0 bytes')}\n pkts bytes target     prot opt in     out     source               destination\n${numbers}`;
      const words = row(named, 'anywhere             anywhere             ');
      const short = `root@r:~# iptables -t mangle -L\n${HEAD}\ntarget     prot opt source               destination\n${words}`;
      const same = (text: string) => meaning(text).replace(/"6"/g, '"tcp"').replace('"return-', '"--return-');
      assert.equal(same(counted), plain);
      assert.equal(same(short), plain);
    });
  }
});

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
    '-m set --match-set s1 src --return-nomatch',
    '0 -- match-set s1 src return-nomatch',
    'all -- match-set s1 src return-nomatch',
  ],
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
  return `${prefix}${target.padEnd(11)}${protocol.padEnd(5)}--  ${interfaces}${addresses}${rest}\n`;
}

const HEAD = 'Chain FORWARD (policy ACCEPT)';

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

import type { NfMatch, NfTargetOptions } from '../captures/netfilter-facts';
import { isBuiltInTarget } from '../packet/netfilter-targets';

/** A netfilter rule's conditions, in words; empty for a rule that every packet matches. */
export function explainNfMatches(matches: readonly NfMatch[]): string[] {
  return matches.filter((match) => match.kind !== 'comment').map((match) => explainNfMatch(match));
}

function explainNfMatch(match: NfMatch): string {
  if (match.kind === 'comment') return `comment ${match.text.value}`;
  if (match.kind === 'transport-header') return `with the header that ${match.text.value} reads`;
  if (match.kind === 'translated') return `${match.text.value} (${match.lost})`;
  const not = match.negated ? 'not ' : '';
  switch (match.kind) {
    case 'protocol':
      return `${not}${/^\d+$/.test(match.value.value) ? `IP protocol ${match.value.value}` : match.value.value.toUpperCase()}`;
    case 'source':
      // So nft's rules say the family of a packet.
      if (match.value.value === '0.0.0.0/0') return `${not}IPv4`;
      if (match.value.value === '::/0') return `${not}IPv6`;
      return `${not}from ${match.value.value}`;
    case 'destination':
      return `${not}to ${match.value.value}`;
    case 'in-interface':
      return `${not}in by ${match.value.value}`;
    case 'out-interface':
      return `${not}out by ${match.value.value}`;
    case 'source-port':
      return `${not}source port ${rangeText(match.ranges.value)}`;
    case 'destination-port':
      return `${not}destination port ${rangeText(match.ranges.value)}`;
    case 'any-port':
      return `${not}source or destination port ${rangeText(match.ranges.value)}`;
    case 'icmp-type':
      return `${not}ICMP ${match.type.value}`;
    case 'icmp-code':
      return `ICMP code ${not}${match.range.value[0] === match.range.value[1] ? match.range.value[0] : match.range.value.join('–')}`;
    case 'ctstatus':
      return match.text.value;
    case 'ctstate':
      return `connection state ${not}${match.states.value.join(' or ')}`;
    case 'mark':
      return `packet mark ${not}${markText(match.mark.value)}`;
    case 'connmark':
      return `connection mark ${not}${markText(match.mark.value)}`;
    case 'physdev-in':
      return `${not}in by bridge port ${match.value.value}`;
    case 'physdev-out':
      return `${not}out by bridge port ${match.value.value}`;
    case 'physdev-is-bridged':
      return `${not}bridged`;
    case 'from-ethernet':
      return `${not}from a device of Ethernet`;
    case 'mac-source':
      return `${not}from MAC ${match.value.value}`;
    case 'set':
      return match.options?.value.includes('return-nomatch') === true
        ? `${match.directions.join(',')} ${not}among what ipset ${match.set.value} excepts (nomatch)${counted(match.options.value)}`
        : `${match.directions.join(',')} ${not}in ipset ${match.set.value}${counted(match.options?.value ?? '')}`;
    case 'addrtype':
      return `${match.which === 'src' ? 'source' : 'destination'} address ${not}of type ${match.value.value}`;
    case 'iprange':
      return `${match.which === 'src' ? 'source' : 'destination'} ${not}in ${match.from}–${match.to}`;
    case 'tcp-flags':
      return `TCP flags ${not}${match.text.value}`;
    case 'fragment':
      return `${not}a second or further fragment`;
    case 'conntrack':
      return `connection ${not}${match.what} ${match.value.value}`;
    case 'physdev-is-in':
      return `${not}in by a bridge port`;
    case 'physdev-is-out':
      return `${not}out by a bridge port`;
    case 'ttl':
      return `TTL ${not}${{ eq: '', lt: 'below ', gt: 'above ' }[match.op]}${match.value.value}`;
    case 'length':
      return `length ${not}${rangeText([match.range.value])}`;
    case 'dscp':
      return `DSCP ${not}${match.value.value}`;
    case 'tos':
      return `type of service ${not}${markText({ value: match.value.value, mask: match.mask })}`;
    case 'ecn':
      return match.what === 'ip-ect' ? `ECN field ${not}${match.value.value}` : `${not}TCP ${match.what.slice(4).toUpperCase()}`;
    case 'device-group':
      return `${match.which === 'src' ? 'in' : 'out'} by a device ${not}of group ${match.group.value}`;
    case 'helper':
      return `${not}announced by a connection with the helper ${match.name.value}`;
    case 'tcp-option':
      return `${not}with TCP option ${match.option.value}`;
    case 'pkttype':
      return `${not}${match.value.value} frame`;
    case 'tcpmss':
      return `TCP segment size ${not}${rangeText([match.range.value])}`;
    case 'realm':
      return `${not}of a route of realm ${markText(match.realm.value)}`;
    case 'extension-header':
      return `with an IPv6 header: ${match.text.value}`;
    case 'arp':
      return `ARP ${match.what} ${not}${match.value.value}`;
    case 'owner':
    case 'rpfilter':
    case 'socket':
    case 'policy':
    case 'any-of':
    case 'all-of':
    case 'changing-set':
    case 'element-rate':
    case 'fib-device':
      return `${not}${match.text.value}`;
    case 'number':
      return match.text.value;
    case 'device-kind':
      return `${match.which === 'src' ? 'in' : 'out'} by a device ${not}of type ${match.name.value}`;
    case 'limit':
      // nft says by `over` what lies beyond.
      return /\bover\b/.test(match.text.value) ? match.text.value : `${not}${match.text.value}`;
    case 'other':
      return `${not}${match.text.value} (not modelled)`;
  }
}

function rangeText(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}

function markText(mark: { readonly value: number; readonly mask: number; readonly to?: number }): string {
  const value = `0x${(mark.value >>> 0).toString(16)}`;
  if (mark.to !== undefined) return `${value}–0x${(mark.to >>> 0).toString(16)}`;
  return mark.mask >>> 0 === 0xffffffff ? value : `${value} (mask 0x${(mark.mask >>> 0).toString(16)})`;
}

const nfTargets: Readonly<Record<string, string>> = {
  ACCEPT: 'accepts it: the table is done with it',
  DROP: 'drops it',
  RETURN: 'returns to the chain that called this one',
  LOG: 'logs it and goes on',
  MASQUERADE: 'rewrites the source to the address of the device that it leaves by',
  QUEUE: 'hands it to a program',
  NFQUEUE: 'hands it to a program',
  CHECKSUM: 'fills in its checksum and goes on',
  TCPMSS: 'limits the TCP segment size and goes on',
  TTL: 'changes its TTL and goes on',
  HL: 'changes its hop limit and goes on',
  DSCP: 'changes its DSCP and goes on',
  TOS: 'changes its type of service and goes on',
  TPROXY: 'hands it to a local proxy without changing its addresses',
  NFLOG: 'logs it to a program and goes on',
  TRACE: 'has the kernel trace it and goes on',
  TEE: 'sends a copy of it to another machine and goes on',
  TCPOPTSTRIP: 'takes options out of its TCP header and goes on',
  ECN: 'changes its congestion bits and goes on',
};

/** What a netfilter rule does, in words. */
export function explainNfTarget(target: string | undefined, goto: boolean, options: NfTargetOptions): string {
  if (target === undefined) return 'only counts it';
  const to = options.to?.value ?? options.ports?.value;
  switch (target) {
    case 'DNAT':
      return `rewrites the destination to ${to ?? '(address not shown)'}`;
    case 'SNAT':
      return `rewrites the source to ${to ?? '(address not shown)'}`;
    case 'REDIRECT':
      return `hands it to this machine itself${to === undefined ? '' : `, port ${to}`}`;
    case 'NETMAP':
      return `maps its address into ${to ?? '(network not shown)'}`;
    case 'REJECT':
      return `refuses it${options.rejectWith ? ` (${options.rejectWith.value})` : ''}`;
    case 'MARK':
    case 'CONNMARK': {
      const of = target === 'MARK' ? 'packet mark' : 'connection mark';
      const mark = options.mark?.value;
      if (!mark) return `changes the ${of}`;
      if (mark.op === 'save') return "saves the packet mark as the connection's";
      if (mark.op === 'restore') return "takes the connection's mark for the packet";
      return mark.op === 'set' || mark.op === 'xset'
        ? `sets the ${of} to ${markText(mark)}`
        : `${mark.op}s the ${of} with ${markText(mark)}`;
    }
    case 'CT':
      return options.notrack
        ? 'keeps connection tracking off it'
        : `sets its connection tracking zone${options.zoneByMark ? ' to its mark' : options.zone ? ` to ${options.zone.value}` : ''}`;
    case 'SET':
      if (options.mapSet !== undefined) return 'gives it the mark, priority or queue that a set has for it, and goes on';
      return `puts its addresses into ${options.set ? `the set ${options.set.value}` : 'a set'}, or takes them out, and goes on`;
    case 'NOTRACK':
      return 'keeps connection tracking off it';
    default:
      if (nfTargets[target] === undefined && isBuiltInTarget(target)) return `does what the target ${target} is for`;
      return nfTargets[target] ?? `${goto ? 'goes to' : 'jumps to'} chain ${target}`;
  }
}

/** `--packets-gt 5` and the like: what the element found must have counted. */
function counted(options: string): string {
  const words = [...options.matchAll(/(! )?(?:--)?(packets|bytes)-(eq|lt|gt) (\d+)/g)].map(
    ([, not = '', what = '', how = '', number = '']) => `${not}${what} ${{ eq: '=', lt: '<', gt: '>' }[how] ?? how} ${number}`,
  );
  return words.length === 0 ? '' : ` with ${words.join(', ')}`;
}

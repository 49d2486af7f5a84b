import type { EbMatch } from '../captures/netfilter-facts';

/** The conditions of a rule of ebtables(8), in words; empty for a rule that every frame matches. */
export function explainEbMatches(matches: readonly EbMatch[]): string[] {
  return matches.map((match) => {
    const not = match.negated ? 'not ' : '';
    switch (match.kind) {
      case 'protocol':
        return `${not}${match.value.value}`;
      case 'source':
        return `${not}from MAC ${match.value.value}`;
      case 'destination':
        return `${not}to MAC ${match.value.value}`;
      case 'in-interface':
        return `${not}in by port ${match.value.value}`;
      case 'out-interface':
        return `${not}out by port ${match.value.value}`;
      case 'logical-in':
        return `${not}in by a port of bridge ${match.value.value}`;
      case 'logical-out':
        return `${not}out by a port of bridge ${match.value.value}`;
      case 'ip-source':
        return `${not}from ${match.value.value}`;
      case 'ip-destination':
        return `${not}to ${match.value.value}`;
      case 'ip-protocol':
        return `${not}${match.value.value.toUpperCase()}`;
      case 'ip-source-port':
        return `${not}source port ${range(match.range.value)}`;
      case 'ip-destination-port':
        return `${not}destination port ${range(match.range.value)}`;
      case 'arp-opcode':
        return `${not}ARP ${match.value.value}`;
      case 'arp-ip-source':
        return `ARP ${not}from ${match.value.value}`;
      case 'arp-ip-destination':
        return `ARP ${not}for ${match.value.value}`;
      case 'arp-mac-source':
        return `ARP ${not}from MAC ${match.value.value}`;
      case 'arp-mac-destination':
        return `ARP ${not}for MAC ${match.value.value}`;
      case 'vlan-id':
        return `${not}VLAN ${match.value.value}`;
      case 'mark': {
        const { value, mask } = match.mark.value;
        return `frame mark ${not}0x${value.toString(16)}${mask >>> 0 === 0xffffffff ? '' : ` (mask 0x${(mask >>> 0).toString(16)})`}`;
      }
      case 'pkttype':
        return `${not}${match.value.value} frame`;
      case 'other':
        return `${not}${match.text.value} (not modelled)`;
    }
  });
}

function range([from, to]: readonly [number, number]): string {
  return from === to ? `${from}` : `${from}–${to}`;
}

/** What a rule of ebtables does with a frame, in words. */
export function explainEbTarget(target: string | undefined, options: Readonly<Record<string, string>>): string {
  switch (target) {
    case undefined:
    case 'CONTINUE':
      return 'goes on with the next rule';
    case 'ACCEPT':
      return 'accepts it: the table is done with it';
    case 'DROP':
      return 'drops it';
    case 'RETURN':
      return 'returns to the chain that called this one';
    case 'dnat':
      return `rewrites the destination MAC to ${options['to-destination'] ?? options['to-dst'] ?? '(not shown)'}`;
    case 'snat':
      return `rewrites the source MAC to ${options['to-source'] ?? options['to-src'] ?? '(not shown)'}`;
    case 'redirect':
      return "rewrites the destination MAC to the bridge port's own, so that this machine takes it";
    case 'arpreply':
      return `answers the ARP request with ${options['arpreply-mac'] ?? '00:00:00:00:00:00'}`;
    case 'mark':
      return `sets the frame mark${options['mark-set'] === undefined ? '' : ` to ${options['mark-set']}`}`;
    default:
      return `jumps to chain ${target}`;
  }
}

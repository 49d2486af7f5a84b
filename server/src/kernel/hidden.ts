import type { NfChain, NfRule } from '../model/netfilter';
import type { Tri } from './decide';
import type { Moment } from './matches';
import { hasRole } from '../model/known-names';

/** What a listing without interface columns leaves open, decided by who wrote the rule. */
export interface Decision {
  readonly answer: 'yes' | 'no';
  readonly certainty: 'inferred' | 'assumed';
  readonly reason: string;
}

interface Known {
  readonly chain: RegExp;
  readonly rule: (rule: NfRule) => boolean;
  /** What Neutron writes there although `iptables -L` does not show it. */
  readonly says: string;
  readonly holds: (packet: Moment) => boolean;
}

const has = (rule: NfRule, kind: string) => rule.matches.some((match) => match.kind === kind);
const external = (name: string | undefined) =>
  name !== undefined && hasRole(name, 'router-outside', 'floating-outside', 'floating-pair');

/** Rules of Neutron's L3 agent (neutron/agent/l3) that restrict interfaces. */
const neutron: readonly Known[] = [
  {
    chain: /^neutron-l3-agent-POSTROUTING$/,
    rule: (rule) => rule.target === 'ACCEPT' && has(rule, 'ctstate'),
    says: '! -i qg-… ! -o qg-… (only packets that neither come from nor go to the external network)',
    holds: (packet) => !external(packet.arrivedBy) && !external(packet.out),
  },
  {
    chain: /^neutron-l3-agent-snat$/,
    rule: (rule) => rule.target === 'SNAT' && !has(rule, 'mark') && !has(rule, 'ctstate'),
    says: '-o qg-… (only packets to the external network)',
    holds: (packet) => external(packet.out),
  },
  {
    chain: /^neutron-l3-agent-snat$/,
    rule: (rule) => rule.target === 'SNAT' && has(rule, 'mark') && has(rule, 'ctstate'),
    says: 'a mark that its mangle table gives to everything that comes in by qg-… (so only packets from the tenant networks to a floating IP)',
    holds: (packet) => !external(packet.arrivedBy) && packet.tracking.connection?.destinationNat === true,
  },
  {
    chain: /^neutron-l3-agent-(?:PREROUTING|OUTPUT)$/,
    rule: (rule) => rule.target === 'REDIRECT',
    says: '-i qr-+ (only packets from the tenant networks)',
    holds: (packet) => packet.arrivedBy !== undefined && hasRole(packet.arrivedBy, 'router-inside'),
  },
  {
    chain: /^neutron-l3-agent-(?:scope|FORWARD|INPUT|OUTPUT|filter)$/,
    rule: (rule) => rule.target === 'DROP',
    says: 'an interface, a mark or a port (it guards one service or scope, not all traffic)',
    holds: () => false,
  },
];

/**
 * Decides a rule whose visible conditions hold but whose interfaces are hidden. Conditions that are shown in the negative are
 * decided by matchHolds before this is asked. Undefined where nothing speaks against the visible answer.
 */
export function decideHidden(rule: NfRule, chain: NfChain, visible: Tri, packet: Moment, isJump: boolean): Decision | undefined {
  if (!rule.interfacesHidden || visible === 'no') return undefined;
  const known = neutron.find((entry) => entry.chain.test(chain.name) && entry.rule(rule));
  if (known) {
    const holds = known.holds(packet);
    return {
      answer: holds ? 'yes' : 'no',
      certainty: 'inferred',
      reason: `iptables -L without -v hides interfaces; Neutron writes this rule with ${known.says}, so it ${holds ? 'matches' : 'does not match'} here`,
    };
  }
  // A jump that leads on changes nothing by itself: the rules of its chain hide their interfaces as well.
  if ((isJump && !rule.goto) || rule.target === undefined) return undefined;
  const conditions = rule.matches.filter((match) => match.kind !== 'comment' && !isAny(match));
  const pointless =
    chain.rules.at(-1) !== rule
      ? 'the rules after it'
      : rule.target === 'ACCEPT' && chain.policy === 'DROP'
        ? 'the policy DROP'
        : undefined;
  if (conditions.length === 0 && pointless !== undefined) {
    return {
      answer: 'no',
      certainty: 'assumed',
      reason: `read literally rule ${rule.number} of ${chain.name} would take every packet and make ${pointless} pointless; iptables -L without -v hides the interface that it most likely names`,
    };
  }
  const refuses = rule.target === 'DROP' || rule.target === 'REJECT';
  if (refuses && conditions.length > 0) {
    return {
      answer: 'no',
      certainty: 'assumed',
      reason: 'iptables -L without -v hides interfaces: the rule drops the packet where they match, and may be meant for others',
    };
  }
  return {
    answer: 'yes',
    certainty: refuses ? 'assumed' : 'inferred',
    reason: 'iptables -L without -v hides interfaces; what is shown of the rule matches',
  };
}

function isAny(match: NfRule['matches'][number]): boolean {
  if (match.kind === 'protocol') return match.value.value === 'all' || match.value.value === '0';
  if (match.kind === 'source' || match.kind === 'destination')
    return !match.negated && (match.value.value === '0.0.0.0/0' || match.value.value === 'anywhere');
  if (match.kind === 'in-interface' || match.kind === 'out-interface')
    return match.value.value === '*' || match.value.value === 'any';
  return false;
}

import type { Namespace, NfChain, NfRule, NfTable, Source } from '../../model/network';
import { weaker, type Certainty, type Step } from '../step';
import { decideHidden } from './hidden';
import { ruleMatches, type NfPacket } from './nf-match';

export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** What one table did at one hook. */
export interface TableResult {
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT';
  /** DNAT, SNAT … with what the rule says, to be applied by the caller. */
  readonly nat: { readonly target: string; readonly to: string; readonly rule: NfRule } | undefined;
  readonly mark: number | undefined;
  readonly connmark: number | undefined;
  readonly certainty: Certainty;
  readonly hits: readonly RuleHit[];
}

export interface RuleHit {
  readonly chain: string;
  readonly rule: NfRule;
  readonly verdict: string;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
}

interface Run {
  readonly table: NfTable;
  readonly packet: NfPacket;
  readonly hits: RuleHit[];
  mark: number | undefined;
  connmark: number | undefined;
  certainty: Certainty;
  nat: TableResult['nat'];
  depth: number;
}

type ChainEnd = 'ACCEPT' | 'DROP' | 'REJECT' | 'RETURN';

/** Walks one table's built-in chain; undefined where the table has no such chain. */
export function runTable(table: NfTable, hook: Hook, packet: NfPacket): TableResult | undefined {
  const chain = table.chains.get(hook);
  if (!chain) return undefined;
  const run: Run = {
    table,
    packet,
    hits: [],
    mark: packet.mark,
    connmark: packet.connmark,
    certainty: table.known === 'whole' ? 'captured' : 'assumed',
    nat: undefined,
    depth: 0,
  };
  const end = runChain(run, chain);
  const policy = chain.policy === 'DROP' ? 'DROP' : 'ACCEPT';
  return {
    verdict: end === 'RETURN' ? policy : end,
    nat: run.nat,
    mark: run.mark,
    connmark: run.connmark,
    certainty: run.certainty,
    hits: run.hits,
  };
}

const MAX_CHAIN_DEPTH = 32;
/** Targets after which the packet goes on in the same chain (iptables-extensions(8)). */
const PASSING = new Set([
  'LOG',
  'NFLOG',
  'ULOG',
  'MARK',
  'CONNMARK',
  'CT',
  'NOTRACK',
  'TCPMSS',
  'TTL',
  'DSCP',
  'TOS',
  'CHECKSUM',
  'AUDIT',
  'TRACE',
  'CLASSIFY',
  'CONNSECMARK',
  'SECMARK',
  'SET',
  'RATEEST',
  'IDLETIMER',
  'HL',
  'TEE',
]);

function runChain(run: Run, chain: NfChain): ChainEnd {
  if (++run.depth > MAX_CHAIN_DEPTH) return 'RETURN';
  for (const rule of chain.rules) {
    const end = runRule(run, chain, rule);
    if (end !== undefined) {
      run.depth--;
      return end;
    }
  }
  run.depth--;
  return 'RETURN';
}

function runRule(run: Run, chain: NfChain, rule: NfRule): ChainEnd | undefined {
  const visible = ruleMatches(rule, { ...run.packet, mark: run.mark, connmark: run.connmark });
  if (visible === 'no') return undefined;
  const target = rule.target;
  const jump = target === undefined ? undefined : run.table.chains.get(target);
  const decided = decideHidden(rule, chain, visible, run.packet, jump !== undefined);
  let certainty: Certainty = 'captured';
  let reason: string | undefined;
  let follows = visible === 'yes';
  if (decided) {
    ({ certainty, reason } = decided);
    follows = decided.answer === 'yes';
  } else if (visible === 'maybe') {
    // A condition that is not modelled: taking a drop for granted would be worse than passing it over.
    certainty = 'assumed';
    follows = jump !== undefined;
    reason = follows
      ? 'some of its conditions are not modelled; taken to match'
      : 'some of its conditions are not modelled; taken not to match';
  }
  if (!follows) {
    run.certainty = weaker(run.certainty, certainty);
    run.hits.push({ chain: chain.name, rule, verdict: 'not taken', certainty, reason });
    return undefined;
  }
  const hit = (verdict: string) => {
    run.certainty = weaker(run.certainty, certainty);
    run.hits.push({ chain: chain.name, rule, verdict, certainty, reason });
  };
  if (target === undefined) return undefined;
  if (jump) {
    const before = run.hits.length;
    const end = runChain(run, jump);
    // A chain that decided nothing is worth no line of its own.
    if (run.hits.length > before || end !== 'RETURN') {
      run.hits.splice(before, 0, { chain: chain.name, rule, verdict: target, certainty, reason });
      run.certainty = weaker(run.certainty, certainty);
    }
    if (end === 'RETURN') return rule.goto ? 'RETURN' : undefined;
    return end;
  }
  switch (target) {
    case 'ACCEPT':
    case 'DROP':
    case 'REJECT':
    case 'RETURN':
      hit(target);
      return target;
    case 'DNAT':
    case 'SNAT':
    case 'MASQUERADE':
    case 'REDIRECT':
    case 'NETMAP':
      hit(target);
      run.nat = { target, to: rule.options.to?.value ?? rule.options.ports?.value ?? '', rule };
      return 'ACCEPT';
    case 'MARK': {
      hit(target);
      const mark = rule.options.mark?.value;
      if (mark && run.mark !== undefined) run.mark = applyMark(run.mark, mark);
      return undefined;
    }
    case 'CONNMARK': {
      hit(target);
      const mark = rule.options.mark?.value;
      if (mark) applyConnmark(run, mark);
      return undefined;
    }
    default:
      hit(PASSING.has(target) ? target : `${target} (not modelled)`);
      if (!PASSING.has(target)) run.certainty = weaker(run.certainty, 'assumed');
      return undefined;
  }
}

function applyConnmark(run: Run, option: { readonly op: string; readonly value: number; readonly mask: number }): void {
  if (run.mark === undefined || run.connmark === undefined) return;
  if (option.op === 'save') run.connmark = ((run.connmark & ~option.mask) | (run.mark & option.mask)) >>> 0;
  else if (option.op === 'restore') run.mark = ((run.mark & ~option.mask) | (run.connmark & option.mask)) >>> 0;
  else run.connmark = applyMark(run.connmark, option);
}

function applyMark(mark: number, option: { readonly op: string; readonly value: number; readonly mask: number }): number {
  switch (option.op) {
    case 'set':
      return ((mark & ~option.mask) | option.value) >>> 0;
    case 'xset':
      return ((mark & ~option.mask) ^ option.value) >>> 0;
    case 'and':
      return (mark & option.value) >>> 0;
    case 'or':
      return (mark | option.value) >>> 0;
    case 'xor':
      return (mark ^ option.value) >>> 0;
    default:
      return mark;
  }
}

/** The step that shows a table's work at a hook, its rules nested. */
export function tableStep(
  namespace: Namespace,
  device: string,
  table: NfTable,
  hook: Hook,
  result: TableResult,
  summary: string,
  packet: NfPacket,
): Step {
  const chain = table.chains.get(hook);
  const base = {
    host: namespace.host,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: 'netfilter' as const,
    device,
    port: null,
    packet: packet.key,
  };
  const decisive = result.hits.filter((hit) => hit.verdict !== 'not taken');
  const evidence: Source[] = decisive.map((hit) => hit.rule.source);
  const partial =
    table.known === 'whole'
      ? []
      : [`the ${table.name} table was not captured whole: a rule that is missing may take the packet first`];
  const reasons = [...new Set([...partial, ...result.hits.flatMap((hit) => (hit.reason === undefined ? [] : [hit.reason]))])];
  return {
    ...base,
    summary,
    certainty: result.certainty,
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    evidence: evidence.length > 0 ? evidence : [chain?.source ?? table.source],
    chain: `${table.name}/${hook}`,
    rule: decisive.at(-1)?.rule.number ?? null,
    ...(result.verdict === 'ACCEPT' ? {} : { effect: 'dropped' as const }),
    steps: result.hits.map((hit) => ({
      ...base,
      summary:
        hit.verdict === 'not taken'
          ? `${hit.chain} rule ${hit.rule.number} may match, taken not to: ${ruleText(hit.rule)}`
          : `${hit.chain} rule ${hit.rule.number}: ${ruleText(hit.rule)} → ${hit.verdict}`,
      certainty: hit.certainty,
      ...(hit.reason === undefined ? {} : { reason: hit.reason }),
      evidence: [hit.rule.source],
      steps: [],
      chain: `${table.name}/${hit.chain}`,
      rule: hit.rule.number,
    })),
  };
}

/** A rule as captured, with its columns' blanks taken together. */
function ruleText(rule: NfRule): string {
  return rule.text.trim().replace(/\s+/g, ' ');
}

import type { Namespace, NfTable, Source } from '../../model/network';
import { parseIp } from '../../packet/address';
import { set, type FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Connection, type Context } from '../context';
import { addresses, isIpv6, type Ending, type Step } from '../step';
import { runTable, tableStep, type Hook, type TableResult } from './netfilter';
import type { NfPacket } from './nf-match';

/** A packet on its way through one namespace's IP stack. */
export interface Passage {
  readonly context: Context;
  readonly namespace: Namespace;
  readonly steps: Step[];
  readonly in: string | undefined;
  packet: FlowKey;
  mark: number | undefined;
  connmark: number | undefined;
  ctstate: 'NEW' | 'ESTABLISHED';
  readonly nat: string[];
  /** The connection that the packet answers or continues. */
  readonly known: Connection | undefined;
  readonly answers: boolean;
  /** The packet as it came, for the connection that it starts. */
  readonly original: FlowKey;
  natSource: Source | undefined;
}

/** What all steps of a passage share. */
export function stepBase(namespace: Namespace, device: string) {
  return { host: namespace.host, namespace: namespace.name === '' ? null : namespace.name, device, port: null };
}

/** A place in a namespace, for an ending. */
export function at(namespace: Namespace, device: string): Ending['at'] {
  return { host: namespace.host, device, port: null };
}

const tablesAt: Readonly<Record<Hook, readonly string[]>> = {
  PREROUTING: ['raw', 'mangle', 'nat'],
  INPUT: ['mangle', 'filter'],
  FORWARD: ['mangle', 'filter'],
  OUTPUT: ['raw', 'mangle', 'nat', 'filter'],
  POSTROUTING: ['mangle', 'nat'],
};

/** Runs the tables of one hook in the kernel's order; an ending where the packet is refused. */
export function hook(passage: Passage, name: Hook, out: string | undefined): Ending | undefined {
  const { context, namespace, steps } = passage;
  const v6 = isIpv6(passage.packet);
  const tables = v6 ? namespace.netfilter6 : namespace.netfilter;
  const program = v6 ? 'ip6tables' : 'iptables';
  if (tables.size === 0) {
    if (name === 'FORWARD' || name === 'INPUT') {
      addGap(context, {
        host: namespace.host,
        command: inNamespace(namespace.name, `${program}-save`),
        why: `whether a rule drops or translates the packet ${namespace.name === '' ? `on ${namespace.host}` : `in ${namespace.name}`}`,
      });
    }
    // What is meant for a router may be translated before it is looked at.
    if (name === 'FORWARD' || (name === 'INPUT' && !v6 && passage.in !== undefined && isRouter(namespace))) {
      steps.push({
        ...stepBase(namespace, out ?? passage.in ?? 'lo'),
        stage: 'netfilter',
        summary: `No ${program} rules were captured here: taken to let the packet ${name === 'INPUT' ? 'in' : 'through'} unchanged`,
        certainty: 'assumed',
        reason: 'nothing captured says otherwise',
        packet: passage.packet,
        evidence: namespace.sources.slice(0, 1),
        steps: [],
        chain: name,
        rule: null,
      });
    }
    return undefined;
  }
  for (const tableName of tablesAt[name]) {
    // NAT decides once for a connection: on its first packet (iptables(8), "nat").
    if (tableName === 'nat' && passage.ctstate !== 'NEW') continue;
    const table = tables.get(tableName);
    if (!table) {
      if (tableName === 'filter' || tableName === 'nat') {
        addGap(context, {
          host: namespace.host,
          command: inNamespace(namespace.name, `${program} -t ${tableName} -S`),
          why: `the ${tableName} table's ${name} chain was not captured`,
        });
      }
      continue;
    }
    const packet: NfPacket = {
      key: passage.packet,
      in: passage.in,
      out,
      ctstate: passage.ctstate,
      nat: passage.nat,
      mark: passage.mark,
      connmark: passage.connmark,
    };
    const result = runTable(table, name, packet);
    if (!result) continue;
    const ending = apply(passage, name, out, table, result, packet);
    if (ending) return ending;
  }
  return undefined;
}

/** Namespaces that hand packets on for others. */
function isRouter(namespace: Namespace): boolean {
  if (/^(?:qrouter|snat|fip)-/.test(namespace.name)) return true;
  return (
    [...namespace.devices.values()].filter(({ name, addresses: own }) => name !== 'lo' && own.some(({ ip }) => !ip.includes(':')))
      .length > 1
  );
}

function apply(
  passage: Passage,
  name: Hook,
  out: string | undefined,
  table: NfTable,
  result: TableResult,
  packet: NfPacket,
): Ending | undefined {
  const { context, namespace, steps } = passage;
  const device = out ?? passage.in ?? 'lo';
  passage.mark = result.mark;
  passage.connmark = result.connmark;
  if (result.hits.some((hit) => hit.reason !== undefined && hit.rule.interfacesHidden)) {
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace.name, `iptables -t ${table.name} -S`),
      why: `iptables -L without -v hides the interfaces of the rules in ${table.name}/${name}`,
    });
  }
  if (result.verdict !== 'ACCEPT') {
    const last = result.hits.filter((hit) => hit.verdict !== 'not taken').at(-1);
    const by = last ? `rule ${last.rule.number} of ${last.chain}` : `the policy of ${name}`;
    if (result.certainty === 'assumed') {
      // A rule before it may have let the packet through: that is no proof of a drop.
      addGap(context, {
        host: namespace.host,
        command: inNamespace(namespace.name, 'iptables-save'),
        why: `${by} in ${table.name}/${name} may drop the packet; conditions before it are not certain`,
      });
      steps.push({
        ...tableStep(
          namespace,
          device,
          table,
          name,
          { ...result, verdict: 'ACCEPT' },
          `${table.name}/${name}: ${by} may drop it, or a rule before lets it through; taken to pass`,
          packet,
        ),
        certainty: 'assumed',
      });
      return undefined;
    }
    const summary = `${result.verdict === 'REJECT' ? 'Rejected' : 'Dropped'} by ${by} in ${table.name}/${name}`;
    steps.push(tableStep(namespace, device, table, name, result, summary, packet));
    return { disposition: 'dropped', at: at(namespace, device), summary, packet: passage.packet };
  }
  if (result.nat) {
    const before = addresses(passage.packet);
    passage.packet = translate(passage, result.nat.target, result.nat.to, device);
    passage.nat.push(result.nat.target === 'DNAT' || result.nat.target === 'REDIRECT' ? 'DNAT' : 'SNAT');
    passage.natSource = result.nat.rule.source;
    steps.push(
      tableStep(namespace, device, table, name, result, `${result.nat.target} ${before} becomes ${addresses(passage.packet)}`, {
        ...packet,
        key: passage.packet,
      }),
    );
    return undefined;
  }
  if (result.hits.length > 0 || table.known !== 'whole') {
    const last = result.hits.filter((hit) => hit.verdict !== 'not taken').at(-1);
    const summary = last
      ? `${table.name}/${name}: ${last.chain} rule ${last.rule.number} → ${last.verdict}`
      : `${table.name}/${name}: no rule takes it, policy ACCEPT`;
    steps.push(tableStep(namespace, device, table, name, result, summary, packet));
  }
  return undefined;
}

function translate(passage: Passage, target: string, to: string, out: string): FlowKey {
  const [range = '', ports] = to.includes(':') && !to.startsWith(':') ? to.split(':') : [to.replace(/^:/, ''), undefined];
  const first = range.split('-')[0] ?? '';
  const port = /^\d+/.exec(ports ?? '')?.[0];
  if (target === 'DNAT') {
    const ip = parseIp(first);
    const moved = ip ? set(passage.packet, 'nw_dst', ip.value) : passage.packet;
    return port === undefined ? moved : set(moved, 'tp_dst', BigInt(port));
  }
  if (target === 'REDIRECT') {
    const own = passage.namespace.devices.get(passage.in ?? '')?.addresses.find((address) => !address.ip.includes(':'));
    const ip = parseIp(own?.ip ?? '127.0.0.1');
    const moved = ip ? set(passage.packet, 'nw_dst', ip.value) : passage.packet;
    return /^\d+/.test(to) ? set(moved, 'tp_dst', BigInt(/^\d+/.exec(to)?.[0] ?? '0')) : moved;
  }
  const source =
    target === 'MASQUERADE'
      ? passage.namespace.devices.get(out)?.addresses.find((address) => !address.ip.includes(':'))?.ip
      : first;
  const ip = parseIp(source ?? '');
  const moved = ip ? set(passage.packet, 'nw_src', ip.value) : passage.packet;
  return port === undefined ? moved : set(moved, 'tp_src', BigInt(port));
}

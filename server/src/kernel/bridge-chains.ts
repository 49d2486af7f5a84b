import type { EbChain, EbTable } from '../model/ebtables';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfTable } from '../model/netfilter';
import { formatMac } from '../packet/address';
import { get } from '../packet/flow-key';
import { askHidden } from './decide';
import { runEbtables, type EbRun } from './ebtables';
import { frameOf } from './frame';
import { frameMoment, runChainAt, trackPacket } from './hooks';
import type { Hook } from './matches';
import { CONNTRACK_PRIORITY } from './netfilter';
import { end, lost, type Passage, type Run } from './passage';
import { bridgesTrackConnections } from './tracks';

/** Where the tables of ebtables stand at a bridge's hook (linux/netfilter_bridge.h). */
const EB_TABLES: Readonly<Record<Hook, readonly { readonly table: string; readonly priority: number }[]>> = {
  PREROUTING: [{ table: 'nat', priority: -300 }],
  INPUT: [{ table: 'filter', priority: -200 }],
  FORWARD: [{ table: 'filter', priority: -200 }],
  OUTPUT: [
    { table: 'nat', priority: 100 },
    { table: 'filter', priority: 200 },
  ],
  POSTROUTING: [{ table: 'nat', priority: 300 }],
};

/** Where br_netfilter stands there, which shows the packet to IP's rules. */
export const IPTABLES_AT: Readonly<Partial<Record<Hook, number>>> = { PREROUTING: 0, FORWARD: -1, POSTROUTING: 0x7fffffff };

interface EbBase {
  readonly table: EbTable;
  readonly chain: EbChain;
  readonly priority: number;
}

interface NativeBase {
  readonly table: NfTable;
  readonly chain: NfChain;
  readonly priority: number;
}

/** The chains of ebtables at a bridge's hook. */
export function ebtablesChains(namespace: Namespace, hook: Hook): EbBase[] {
  return EB_TABLES[hook].flatMap(({ table: name, priority }) => {
    const table = namespace.ebtables.get(name);
    const chain = table?.chains.get(hook);
    return table && chain ? [{ table, chain, priority }] : [];
  });
}

/** nft's own chains of the bridge family; what ebtables made is read from ebtables where that was captured. */
export function nativeChains(namespace: Namespace, hook: Hook): NativeBase[] {
  return [...namespace.nft.values()]
    .filter((table) => table.family === 'bridge' && !namespace.ebtables.has(table.name))
    .flatMap((table) =>
      [...table.chains.values()]
        .filter((chain) => chain.hook?.toUpperCase() === hook)
        .map((chain) => ({ table, chain, priority: chain.priority ?? 0 })),
    );
}

/** The ports that a frame comes in and goes out by; undefined at the side of the bridge's own host. */
export interface Ports {
  readonly bridge: string;
  readonly in: string | undefined;
  readonly out: string | undefined;
}

/**
 * Runs the chains for frames at a bridge's hook: those `before` IP's rules have their turn there (br_netfilter), or those `behind` them. Of
 * the same priority the one that was registered last comes first, which br_netfilter hardly ever is. The end of the way where one of them
 * stops the frame.
 */
export function frameHook(run: Run, hook: Hook, part: 'before' | 'behind', ports: Ports): Passage | undefined {
  const { namespace } = run;
  if (namespace.ebtables.size === 0 && namespace.nft.size === 0) return undefined;
  const at = IPTABLES_AT[hook] ?? Infinity;
  type Item = { readonly priority: number; readonly go: () => Passage | undefined };
  const items: Item[] = [
    ...ebtablesChains(namespace, hook).map((base) => ({ ...base, go: () => ebtables(run, base, ports) })),
    ...nativeChains(namespace, hook).map((base) => ({ ...base, go: () => native(run, hook, base, ports) })),
  ];
  if (hook === 'PREROUTING' && bridgesTrackConnections(namespace))
    items.push({
      priority: CONNTRACK_PRIORITY,
      go: () => {
        trackPacket(run);
        return undefined;
      },
    });
  const due = items.filter(({ priority }) => priority <= at === (part === 'before'));
  for (const { go } of due.reverse().sort((a, b) => a.priority - b.priority)) {
    const ended = go();
    if (ended) return ended;
  }
  return undefined;
}

/** BROUTING of the table broute: whether it takes the frame from the bridge, so that its port takes it as any device (ebtables(8)). */
export function isBrouted(run: Run, ports: Ports): boolean {
  const table = run.namespace.ebtables.get('broute');
  const chain = table?.chains.get('BROUTING');
  return table !== undefined && chain !== undefined && runOf(run, { table, chain }, ports).verdict === 'DROP';
}

function ebtables(run: Run, base: Pick<EbBase, 'table' | 'chain'>, ports: Ports): Passage | undefined {
  const { table, chain } = base;
  const result = runOf(run, base, ports);
  const where = `ebtables ${table.name}/${chain.name}`;
  const last = result.hits.filter(({ taken }) => taken).at(-1);
  const by = last && !result.byPolicy ? `rule ${last.rule.number} of ${last.chain}` : `the policy of ${chain.name}`;
  if (result.certainty === 'assumed') {
    const isAll = askHidden(run, {
      key: where,
      likely: true,
      reason: `${where} may have rules that were not captured or understood; taken to have none`,
      command: 'ebtables-save',
    });
    if (!isAll) return lost(run, `${where} may stop it`);
  }
  if (result.verdict === 'DROP') return end(run, 'dropped', `${by} in ${where}`);
  const [smac, dmac] = [get(result.packet, 'dl_src'), get(result.packet, 'dl_dst')].map((mac) =>
    mac === 0n ? undefined : formatMac(mac),
  );
  run.packet = { ...run.packet, smac, dmac, ...(result.marked ? { mark: undefined } : {}) };
  return undefined;
}

function runOf(run: Run, { table, chain }: Pick<EbBase, 'table' | 'chain'>, ports: Ports): EbRun {
  const { bridge } = ports;
  const frame = {
    packet: frameOf(run.packet),
    in: ports.in,
    out: ports.out,
    logicalIn: ports.in === undefined ? undefined : bridge,
    logicalOut: ports.out === undefined ? undefined : bridge,
    ownMac: run.namespace.devices.get(bridge)?.mac,
  };
  const result = runEbtables(table, chain, frame, (inside, rule) =>
    askHidden(run, {
      key: `ebtables ${table.name} ${inside.name} ${rule.number}`,
      likely: false,
      reason: `whether the frame meets rule ${rule.number} of ${inside.name} in ebtables' ${table.name} (${rule.text.trim()}) is not known; taken not to`,
      command: undefined,
    }),
  );
  if (result.hits.length > 0) run.events.push({ kind: 'ebtables', table, chain, run: result, packet: run.packet });
  return result;
}

function native(run: Run, hook: Hook, { table, chain, priority }: NativeBase, ports: Ports): Passage | undefined {
  const { smac, dmac } = run.packet;
  const ended = runChainAt(run, hook, { table, chain, priority, isNat: false }, frameMoment(run, hook, ports));
  if (!ended && (run.packet.smac !== smac || run.packet.dmac !== dmac))
    return lost(run, `${chain.name} gives the frame another card`);
  return ended;
}

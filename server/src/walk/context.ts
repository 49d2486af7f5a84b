import type { ConnectionTable } from '../kernel/conntrack';
import type { Namespace } from '../model/namespace';
import type { Host, Network } from '../model/network';
import type { OvsBridge } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import type { Tables } from '../ofproto/tables';
import type { TableVisit } from '../ofproto/why-not';
import type { LearnedFlow } from './openflow/learned';
import type { MtuLimit, PacketSize } from './size';
import type { FlowKey } from '../packet/flow-key';
import type { Ending, Gap, Place, Step } from './step';

/** What earlier packets left behind: an answer finds its way home by it. */
export interface WalkState {
  /** Flows that learn() wrote, on every bridge; made when the first packet comes to a switch. */
  tables?: Tables;
  /** The same, by bridge. */
  readonly learned: Map<string, readonly LearnedFlow[]>;
  readonly macs: Map<string, LearnedMac[]>;
  readonly connections: Connection[];
  /** What the kernel of each `host|namespace` tracks. */
  readonly stacks: Map<string, ConnectionTable>;
}

export interface LearnedMac {
  readonly vlan: number;
  readonly mac: string;
  readonly ofport: number;
}

/** A connection as conntrack of one namespace or zone keeps it: the packet as it came, and as it left. */
export interface Connection {
  /** `host|namespace`, or `host|zone N` inside Open vSwitch. */
  readonly where: string;
  readonly original: Tuple;
  readonly translated: Tuple;
  /** Its connmark, where the rules that set it are known. */
  readonly connmark: number | undefined;
  readonly source: Source | undefined;
}

export interface Tuple {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
}

/** A lookup in a table of one host's switch. */
export interface HostVisit extends TableVisit {
  readonly host: string;
}

/** One run's budgets and what it gathers. `steps` is the branch that is being walked. */
export interface Context {
  readonly network: Network;
  readonly state: WalkState;
  readonly gaps: Gap[];
  /** Where a line that was left out may have decided otherwise: none of it makes a way less likely, but no drop is certain. */
  readonly doubts: Gap[];
  readonly budget: { steps: number };
  /** The devices on the way that let only so much through, in their order. */
  readonly limits: MtuLimit[];
  /** How long the packet is here; undefined where nobody asks. */
  readonly size: PacketSize | undefined;
  /** Every lookup in a switch's tables, on every branch. */
  readonly visits: HostVisit[];
  /** The answer to a packet that went before. */
  readonly isReply: boolean;
  /** The answer is TCP's reset, because nobody waits for the packet that went before. */
  readonly isReset: boolean;
  /** Where the walker is to go on: set by walk.ts, so that devices need not know one another. */
  readonly go: (context: Context, place: Place, packet: FlowKey, steps: Step[]) => Ending;
  readonly depth: number;
  /** Bridges, ports and packets seen on this branch, to find loops. */
  readonly seen: ReadonlySet<string>;
}

export function newState(): WalkState {
  return { learned: new Map(), macs: new Map(), connections: [], stacks: new Map() };
}

/** What a state knows of connections, to be put back later. */
export type Connections = Pick<WalkState, 'connections' | 'stacks'>;

export function connectionsIn({ connections, stacks }: WalkState): Connections {
  return { connections: [...connections], stacks: new Map(stacks) };
}

export function restoreConnections(state: WalkState, saved: Connections): void {
  state.connections.splice(0, state.connections.length, ...saved.connections);
  state.stacks.clear();
  for (const [key, table] of saved.stacks) state.stacks.set(key, table);
}

/** Adds a gap once. */
export function addGap(context: Context, gap: Gap): void {
  if (!context.gaps.some((known) => known.host === gap.host && known.command === gap.command)) context.gaps.push(gap);
}

/** Remembers that the walk went on by a table of which lines are missing. */
export function addDoubt(context: Context, doubt: Gap): void {
  if (!context.doubts.some((known) => known.host === doubt.host && known.command === doubt.command)) context.doubts.push(doubt);
}

export function hostOf(context: Context, name: string): Host | undefined {
  return context.network.hosts.get(name);
}

export function bridgeKey(bridge: OvsBridge): string {
  return `${bridge.host}|${bridge.name}`;
}

/** The command as an operator types it in a namespace. */
export function inNamespace(namespace: string | Pick<Namespace, 'name' | 'enter'>, command: string): string {
  const { name, enter }: Pick<Namespace, 'name' | 'enter'> = typeof namespace === 'string' ? { name: namespace } : namespace;
  return name === '' ? command : `${enter ?? `ip netns exec ${name}`} ${command}`;
}

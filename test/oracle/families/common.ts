import { actionList, type Around } from '../actions';
import { matchOf, packet, packetText, type MatchOptions, type Packet, type PacketOptions } from '../packets';
import type { Random } from '../random';
import type { Bridge, Flow, Place, Port, Question, SetUp, Version } from '../setup';

/** A kind of set-up. */
export interface Family {
  readonly name: string;
  readonly make: (random: Random, place: Place) => Omit<SetUp, 'family'>;
}

export type Menu = readonly (readonly [string, number])[];

/** Versions in which all actions of random pipelines can be loaded. */
export const VERSIONS: readonly Version[] = ['OpenFlow10', 'OpenFlow13', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15', 'OpenFlow15'];
/** Those that know instructions. */
export const LATER: readonly Version[] = ['OpenFlow13', 'OpenFlow14', 'OpenFlow15'];

/** Plain ports of a bridge, numbered with holes. */
export function plainPorts(random: Random, place: Place, count: number, prefix = 'p'): Port[] {
  let ofport = 0;
  return Array.from({ length: count }, (_, n) => {
    ofport += random.chance(0.7) ? 1 : random.int(2, 9);
    return { name: `${prefix}${place.index}-${n + 1}`, ofport };
  });
}

export interface Pipeline {
  readonly ports: readonly { readonly ofport: number; readonly name: string }[];
  readonly packets: readonly Packet[];
  readonly tables: readonly number[];
  readonly menu: Menu;
  readonly versions?: readonly Version[];
  readonly perTable?: number;
  readonly match?: MatchOptions;
  readonly groups?: readonly number[];
  readonly meters?: readonly number[];
  /** Whether flows may use instructions: goto_table, write_actions … */
  readonly instructions?: boolean;
  /** How many actions a flow has at most. */
  readonly length?: number;
}

/** Random tables of flows whose priorities differ within a table, so that no two overlap undecided. */
export function pipeline(random: Random, pipe: Pipeline): Flow[] {
  const { packets, tables, menu } = pipe;
  const flows: Flow[] = [];
  const version = random.pick(pipe.versions ?? (pipe.instructions === true ? LATER : VERSIONS));
  for (const [n, table] of tables.entries()) {
    const next = tables.slice(n + 1);
    const count = random.int(1, pipe.perTable ?? 4);
    const priorities = random.sample(Array.from({ length: 60 }, (_, p) => p * 7 + 1).concat([0, 32768, 65535]), count);
    for (const [k, priority] of priorities.entries()) {
      const from = random.pick(packets);
      const { text, kind, vlan } =
        k === 0 && random.chance(0.8) ? { text: '', kind: undefined, vlan: false } : matchOf(from, random, pipe.match ?? {});
      const around: Around = {
        random,
        ports: pipe.ports,
        next,
        kind,
        vlan,
        ...(pipe.groups ? { groups: pipe.groups } : {}),
        ...(pipe.meters ? { meters: pipe.meters } : {}),
      };
      const actions = flowActions(around, menu, pipe);
      flows.push({
        text: flowText(random, { table, priority: k === 0 && text === '' ? 0 : priority, match: text, actions }),
        version,
      });
    }
  }
  return dropTwins(flows);
}

/** Two flows of one table with the same priority: the later is left out. */
function dropTwins(flows: readonly Flow[]): Flow[] {
  const seen = new Set<string>();
  return flows.filter(({ text }) => {
    const table = /table=(\d+)/.exec(text)?.[1] ?? '0';
    const priority = /priority=(\d+)/.exec(text)?.[1] ?? '32768';
    const key = `${table}/${priority}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function flowActions(around: Around, menu: Menu, { instructions, length }: Pipeline): string {
  const { random, next, meters = [] } = around;
  if (random.chance(0.04)) return 'drop';
  const parts = [actionList(around, menu, random.int(1, length ?? 4))];
  const goOn = next.length > 0 && random.chance(0.85);
  if (instructions === true) {
    if (meters.length > 0 && random.chance(0.3)) parts.unshift(`meter:${random.pick(meters)}`);
    if (random.chance(0.15)) parts.push('clear_actions');
    if (random.chance(0.4)) {
      const inner = actionList({ ...around, next: [] }, WRITTEN, random.int(1, 4));
      if (inner !== '') parts.push(`write_actions(${inner})`);
    }
    if (random.chance(0.25))
      parts.push(
        random.pick([`write_metadata:0x${random.bits(64).toString(16)}`, `write_metadata:0x5/0xff`, 'write_metadata:7']),
      );
    if (goOn) parts.push(`goto_table:${random.pick(next.slice(0, 2))}`);
  } else if (goOn) parts.push(`resubmit(,${random.pick(next.slice(0, 2))})`);
  const text = parts.filter((part) => part !== '').join(',');
  return text === '' ? 'drop' : text;
}

/** What may stand in write_actions. */
const WRITTEN: Menu = [
  ...(['output', 'output', 'output_truncated', 'set_field', 'load', 'mod_dl', 'push_vlan', 'strip_vlan', 'dec_ttl'] as const).map(
    (name) => [name, 1] as const,
  ),
  ...(['group', 'set_queue', 'controller', 'move', 'push_mpls', 'in_port', 'flood', 'local', 'ct', 'resubmit'] as const).map(
    (name) => [name, 0.4] as const,
  ),
];

interface FlowParts {
  readonly table: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
}

export function flowText(random: Random, { table, priority, match, actions }: FlowParts): string {
  const cookie = random.chance(0.2) ? [`cookie=0x${random.bits(32).toString(16)}`] : [];
  const timeouts = random.chance(0.08)
    ? [random.pick(['idle_timeout=300', 'hard_timeout=3600', 'send_flow_rem', 'importance=5'])]
    : [];
  const where = table === 0 && random.chance(0.3) ? [] : [`table=${table}`];
  const matches = match === '' ? [] : [match];
  return `${[...cookie, ...where, ...timeouts.filter((one) => one !== 'importance=5'), `priority=${priority}`, ...matches].join(',')} actions=${actions}`;
}

/** Questions about packets: as flows, some with names, some answered with names. */
export function ask(
  random: Random,
  bridge: string,
  packets: readonly Packet[],
  ports: readonly { readonly ofport: number; readonly name: string }[],
): Question[] {
  const nameOf = (number: number): string => ports.find(({ ofport }) => ofport === number)?.name ?? `${number}`;
  return packets.map((one) => ({
    bridge,
    flow: packetText(one, random, nameOf),
    ...(random.chance(0.15) ? { names: true } : {}),
  }));
}

export function somePackets(random: Random, count: number, options: PacketOptions): Packet[] {
  return Array.from({ length: count }, () => packet(random, options));
}

export const tablesOf = (random: Random, count: number): number[] => [
  0,
  ...random
    .sample(
      Array.from({ length: 253 }, (_, n) => n + 1),
      count - 1,
    )
    .sort((a, b) => a - b),
];

export const bridgeName = (place: Place, letter = ''): string => `br${place.index}${letter}`;

/** One bridge with plain ports and a pipeline: what most families need. */
export function oneBridge(
  random: Random,
  place: Place,
  options: Omit<Pipeline, 'ports' | 'packets' | 'tables'> & {
    readonly packets: Omit<PacketOptions, 'inPorts'>;
    readonly tables?: number;
    readonly count?: number;
    readonly bridge?: Partial<Bridge>;
  },
): Omit<SetUp, 'family'> {
  const ports = plainPorts(random, place, random.int(3, 6));
  const packets = somePackets(random, options.count ?? 7, { ...options.packets, inPorts: ports.map(({ ofport }) => ofport) });
  const name = bridgeName(place);
  const flows = pipeline(random, { ...options, ports, packets, tables: tablesOf(random, options.tables ?? random.int(2, 5)) });
  return {
    bridges: [{ name, ports, settings: ['fail-mode=secure'], flows, ...options.bridge }],
    stages: [ask(random, name, packets, ports)],
  };
}

import type { Random } from './random';
import type { Bridge, SetUp } from './setup';
import type { Switch } from './switch';

/** One command and what it printed: what an operator would have pasted. */
export interface Capture {
  readonly command: string;
  readonly text: string;
}

/** What the database says of every bridge of the switch; asked once for all set-ups that share it. */
export interface Database {
  readonly show: string;
  readonly lists: ReadonlyMap<string, string>;
}

const TABLES = ['bridge', 'port', 'interface', 'mirror'] as const;

export async function readDatabase(at: Switch): Promise<Database> {
  const show = await at.vsctl(['show']);
  const lists = new Map<string, string>();
  for (const table of TABLES) lists.set(table, (await at.vsctl(['list', table])).out);
  return { show: show.out, lists };
}

/** Captures everything about one set-up: only what commands with its bridges' names would print. `exact`: flows as the switch keeps them. */
export async function capture(at: Switch, database: Database, setUp: SetUp, random: Random, exact = false): Promise<Capture[]> {
  const captures: Capture[] = [];
  const appctl = async (...args: string[]): Promise<void> => {
    const { status, out } = await at.appctl(args);
    if (status === 0) captures.push({ command: `ovs-appctl ${args.join(' ')}`, text: ended(out) });
  };
  const ofctl = async (...args: string[]): Promise<void> => {
    const { status, out } = await at.ofctl(args);
    if (status === 0) captures.push({ command: `ovs-ofctl ${args.join(' ')}`, text: out });
  };
  const { bridges } = setUp;
  captures.push({ command: 'ovs-vsctl show', text: showOf(database.show, bridges) });
  captures.push(...(await listsOf(at, database, setUp, random)));
  const dpif = await at.appctl(['dpif/show']);
  captures.push({ command: 'ovs-appctl dpif/show', text: dpifOf(dpif.out, bridges) });
  for (const bridge of bridges) {
    const { name, groups, meters, tlvMap } = bridge;
    // Later versions than 1.0 tell which ports are live, but not all that a port may be told.
    const hides = bridge.ofctl?.some((words) => words.some((word) => /^no-(?:flood|stp|receive-stp)$/.test(word))) === true;
    const shows = [...(random.chance(0.3) ? [['-O', 'OpenFlow13']] : []), ...(hides || random.chance(0.5) ? [[]] : [])];
    if (shows.length === 0) shows.push([]);
    if (random.chance(0.5)) shows.reverse();
    for (const dialect of shows) await ofctl(...dialect, 'show', name);
    const drawn = dialect(bridge, random, setUp.vsctl?.includes('controller') === true);
    const dump = exact ? ['bridge/dump-flows'] : drawn;
    if (dump[0] === 'bridge/dump-flows') await appctl('bridge/dump-flows', name);
    else {
      const { status, out } = await at.ofctl([...dump, 'dump-flows', name]);
      // Some flows can be kept and not be told in OpenFlow: the program fails, or prints what it could not read in hex.
      if (status !== 0 || out.trim() === '' || /^0{7}[0-9a-f] {2}/m.test(out)) await appctl('bridge/dump-flows', name);
      else captures.push({ command: ['ovs-ofctl', ...dump, 'dump-flows', name].join(' '), text: out });
    }
    if (groups !== undefined && groups.length > 0) await ofctl('-O', 'OpenFlow15', 'dump-groups', name);
    if (meters !== undefined && meters.length > 0) await ofctl('-O', 'OpenFlow13', 'dump-meters', name);
    if (tlvMap !== undefined && tlvMap.length > 0) await ofctl('dump-tlv-map', name);
    await appctl('fdb/show', name);
    if (snooping(bridge)) await appctl('mdb/show', name);
    for (const bond of bridge.bonds ?? []) await appctl('bond/show', bond.name);
    if (bridge.settings?.some((setting) => /^stp.enable=true/.test(setting)) === true) await appctl('stp/show', name);
    if (bridge.settings?.some((setting) => /^rstp.enable=true/.test(setting)) === true) await appctl('rstp/show', name);
  }
  if (bridges.some(tunnelled)) {
    await appctl('ovs/route/show');
    await appctl('tnl/neigh/show');
    await appctl('tnl/ports/show', '-v');
  }
  if (bridges.some(tunnelled) || setUp.appctl?.some(([command]) => command === 'dpif/set-dp-features') === true) {
    await appctl('dpif/show-dp-features', bridges[0]?.name ?? '');
    // What holds now: the one before says what held when the datapath was made.
    await appctl('dpif/set-dp-features', bridges[0]?.name ?? '');
  }
  for (const table of ['sflow', 'ipfix', 'Flow_Sample_Collector_Set', 'qos', 'queue', 'controller'])
    if (setUp.vsctl?.includes(table) === true) {
      const { out } = await at.vsctl(['list', table]);
      captures.push({ command: `ovs-vsctl list ${table}`, text: out });
    }
  return captures;
}

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
const snooping = ({ settings = [] }: Bridge): boolean => settings.some((setting) => /^mcast.snooping.enable=true/.test(setting));
const TUNNELS = /^(?:vxlan|gre|geneve|erspan|ip6gre|ip6erspan|bareudp|gtpu|lisp|stt|srv6)$/;

export function tunnelled({ ports }: Bridge): boolean {
  return ports.some(({ type = '' }) => TUNNELS.test(type));
}

/** How flows are dumped. OpenFlow 1.0 has no words for some actions, so a dump in it would not say what the switch does. */
function dialect({ flows, groups = [] }: Bridge, random: Random, own: boolean): readonly string[] {
  // Flows of the switch's own are told by this command alone.
  if (own) return ['bridge/dump-flows'];
  // Kept by the switch as it came, but told by later versions as other actions, which mean another thing in places.
  // Later versions tell that there is no VLAN header by fewer bits than the switch may match.
  if (flows.some(({ text }) => /set_mpls|mod_vlan|vlan_tci=0|dl_vlan=0xffff|vlan_vid=0\b|VLAN_TCI\[\]/.test(text)))
    return ['bridge/dump-flows'];
  const lossy =
    groups.length > 0 ||
    flows.some(({ text }) =>
      /write_actions|write_metadata|clear_actions|group|meter|packet_type|push_vlan|set_field:[^,]*\/[^,]*->|load:[^,]*->(?!NXM_NX_X*REG)/.test(
        text,
      ),
    );
  const whole = [
    ['-O', 'OpenFlow13'],
    ['-O', 'OpenFlow14'],
    ['-O', 'OpenFlow15'],
    ['--names', '--no-stats', '-O', 'OpenFlow15'],
    ['bridge/dump-flows'],
  ] as const;
  const older = [[], ['--names'], ['--no-names'], ['--no-stats'], ['--names', '--no-stats'], ['--rsort'], ['-O', 'OpenFlow10']];
  return random.pick(lossy ? whole : [...whole, ...older]);
}

/** `ovs-vsctl show` with only these bridges. */
function showOf(text: string, bridges: readonly Bridge[]): string {
  const names = new Set(bridges.map(({ name }) => name));
  let inside: boolean | undefined;
  const kept = text.split('\n').filter((line) => {
    const name = /^ {4}Bridge "?([^"]+)"?$/.exec(line)?.[1];
    if (name !== undefined) inside = names.has(name);
    else if (/^ {4}\S/.test(line)) inside = undefined;
    return inside ?? true;
  });
  return kept.join('\n');
}

/** `dpif/show` with only these bridges. */
function dpifOf(text: string, bridges: readonly Bridge[]): string {
  const names = new Set(bridges.map(({ name }) => name));
  const out: string[] = [];
  let heading: string | undefined;
  let inside = false;
  for (const line of text.split('\n')) {
    const name = /^ {2}(\S+):$/.exec(line)?.[1];
    if (/^\S/.test(line)) {
      heading = line;
      inside = false;
    } else if (name !== undefined) {
      inside = names.has(name);
      if (inside && heading !== undefined) {
        out.push(heading);
        heading = undefined;
      }
      if (inside) out.push(line);
    } else if (inside && line !== '') out.push(line);
  }
  return ended(out.join('\n'));
}

/** `ovs-vsctl list TABLE NAME…`, most often in its default form. */
async function listsOf(at: Switch, database: Database, { bridges, vsctl = [] }: SetUp, random: Random): Promise<Capture[]> {
  const bonds = bridges.flatMap((bridge) => bridge.bonds ?? []);
  const names: Record<(typeof TABLES)[number], readonly string[]> = {
    bridge: bridges.map(({ name }) => name),
    port: [...bridges.flatMap(({ name, ports }) => [name, ...ports.map((port) => port.name)]), ...bonds.map(({ name }) => name)],
    interface: [
      ...bridges.flatMap(({ name, ports }) => [name, ...ports.map((port) => port.name)]),
      ...bonds.flatMap(({ members }) => members.map(({ name }) => name)),
    ],
    mirror: vsctl.flatMap((argument) => /^name=(\S+)$/.exec(argument)?.[1] ?? []),
  };
  const format = random.chance(0.08) ? random.pick(['json', 'table']) : undefined;
  const captures: Capture[] = [];
  for (const table of TABLES) {
    if (names[table].length === 0) continue;
    if (format === undefined) {
      captures.push({ command: `ovs-vsctl list ${table}`, text: recordsOf(database.lists.get(table) ?? '', names[table]) });
      continue;
    }
    const { out } = await at.vsctl([`--format=${format}`, 'list', table, ...names[table]]);
    captures.push({ command: `ovs-vsctl --format=${format} list ${table}`, text: out });
  }
  return captures;
}

function recordsOf(text: string, names: readonly string[]): string {
  const wanted = new Set(names);
  const records = text.split(/\n\n+/).filter((record) => {
    const name = /^name +: "?([^"\n]+?)"?$/m.exec(record)?.[1];
    return name !== undefined && wanted.has(name);
  });
  return records.length === 0 ? '' : `${records.map((record) => record.replace(/\n$/, '')).join('\n\n')}\n`;
}

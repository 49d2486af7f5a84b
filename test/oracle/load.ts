import type { Bridge, Port, SetUp, Version } from './setup';
import type { Said, Switch } from './switch';

/** What the switch refused, in its own words: a defect of the generator, or a case about bad input. */
export interface Refusal {
  readonly what: string;
  readonly why: string;
}

/**
 * Makes all bridges of these set-ups, then a port of each at a time: the switch then keeps ports in the order in which they came, which
 * is the order of the datapath's numbers; of several that came at once no capture tells the order.
 */
export async function makeBridges(at: Switch, setUps: readonly SetUp[], datapath: string): Promise<Refusal[]> {
  const bridges = setUps.flatMap((setUp) => setUp.bridges);
  const arrivals = bridges.map((bridge) => portsOf(bridge, datapath));
  const rounds = [
    bridges.flatMap((bridge) => bridgeArguments(bridge, datapath)),
    ...Array.from({ length: Math.max(0, ...arrivals.map(({ length }) => length)) }, (_, n) =>
      arrivals.flatMap((ports) => ports[n] ?? []),
    ),
    // A port that comes to a bridge with STP may stay out of floods for good, which no capture tells.
    bridges.flatMap(({ name, settings = [] }) =>
      settings.filter(isSpanningTree).flatMap((setting) => ['--', 'set', 'bridge', name, setting]),
    ),
    setUps.flatMap(({ vsctl = [] }) => vsctl),
  ];
  const refused: Refusal[] = [];
  for (const round of rounds) {
    if (round.length === 0) continue;
    const said = await at.vsctl([...round]);
    if (said.status !== 0 || said.err !== '') refused.push({ what: `ovs-vsctl ${round.join(' ')}`, why: said.err });
  }
  return refused;
}

/** Loads groups, meters, flows and the rest of one set-up, whose bridges are there. */
export async function load(at: Switch, { bridges, appctl = [] }: SetUp): Promise<Refusal[]> {
  const refused: Refusal[] = [];
  const note = (what: string, said: Said): void => {
    if (said.status !== 0 || said.err !== '') refused.push({ what, why: said.err.trim() });
  };
  for (const { name, flows, groups = [], meters = [], tlvMap = [], ofctl = [] } of bridges) {
    for (const option of tlvMap) note(`add-tlv-map ${option}`, await at.ofctl(['add-tlv-map', name, option]));
    for (const meter of meters) note(`add-meter ${meter}`, await at.ofctl(['-O', 'OpenFlow13', 'add-meter', name, meter]));
    if (groups.length > 0) refused.push(...(await addLines(at, 'add-groups', name, 'OpenFlow15', groups)));
    for (const version of versions(flows.map((flow) => flow.version))) {
      const lines = flows.filter((flow) => flow.version === version).map(({ text }) => text);
      refused.push(...(await addLines(at, 'add-flows', name, version, lines)));
    }
    for (const [command = '', ...rest] of ofctl) note(command, await at.ofctl([command, name, ...rest]));
  }
  for (const args of appctl) note(args.join(' '), await at.appctl(args));
  return refused;
}

/** Adds flows or groups; a line that does not parse is left out and reported, the rest is added. */
async function addLines(
  at: Switch,
  command: string,
  bridge: string,
  version: Version,
  lines: readonly string[],
  again = false,
): Promise<Refusal[]> {
  const refused: Refusal[] = [];
  let left = [...lines];
  while (left.length > 0) {
    const said = await at.ofctl(['-O', version, command, bridge, '-'], `${left.join('\n')}\n`);
    const line = /^ovs-ofctl: -:(\d+): /m.exec(said.err)?.[1];
    if (said.status !== 0 && line === undefined && left.length > 1 && /usable flow formats/.test(said.err)) {
      // Flows of one file have to agree on a protocol: each half for itself, down to the flow that needs another one.
      const half = left.length >> 1;
      for (const part of [left.slice(0, half), left.slice(half)])
        refused.push(...(await addLines(at, command, bridge, version, part)));
      break;
    }
    if (said.status !== 0 && line === undefined && /usable flow formats/.test(said.err) && !again) {
      refused.push(...(await addLines(at, command, bridge, version === 'OpenFlow10' ? 'OpenFlow13' : 'OpenFlow10', left, true)));
      break;
    }
    if (said.status === 0 || line === undefined) {
      if (said.err !== '')
        refused.push({ what: `-O ${version} ${command} ${left.length === 1 ? left[0] : ''}`, why: said.err.trim() });
      break;
    }
    const bad = Number(line) - 1;
    refused.push({ what: left[bad] ?? '', why: said.err.trim() });
    left = left.filter((_, n) => n !== bad);
  }
  return refused;
}

function versions(all: readonly Version[]): Version[] {
  return [...new Set(all)].sort();
}

function bridgeArguments({ name, settings = [] }: Bridge, datapath: string): string[] {
  return [
    ...['--', 'add-br', name, '--', 'set', 'bridge', name],
    ...(datapath === 'system' ? ['datapath-type=""'] : [`datapath-type=${datapath}`]),
    ...settings.filter((setting) => !isSpanningTree(setting)),
  ];
}

const isSpanningTree = (setting: string): boolean => /^r?stp.enable=/.test(setting);

/** What adds each port, in the order in which they come: patch ports have no number in the datapath, so there OpenFlow's numbers have to tell. */
function portsOf({ name, ports, bonds = [] }: Bridge, datapath: string): string[][] {
  const ordered = ports.some(({ type }) => type === 'patch') ? [...ports].sort((a, b) => a.ofport - b.ofport) : ports;
  return [
    ...ordered.map((port) => [
      ...['--', 'add-port', name, port.name],
      ...(port.port === undefined || port.port.length === 0 ? [] : ['--', 'set', 'port', port.name, ...port.port]),
      ...interfaceArguments(port, datapath),
    ]),
    ...bonds.map((bond) => [
      ...['--', 'add-bond', name, bond.name, ...bond.members.map((member) => member.name)],
      ...(bond.port === undefined || bond.port.length === 0 ? [] : ['--', 'set', 'port', bond.name, ...bond.port]),
      ...bond.members.flatMap((member) => interfaceArguments(member, datapath)),
    ]),
  ];
}

function interfaceArguments(port: Port, datapath: string): string[] {
  const type = port.type ?? (datapath === 'system' ? '' : 'dummy');
  return [
    ...['--', 'set', 'interface', port.name],
    ...(type === '' ? [] : [`type=${type}`]),
    `ofport_request=${port.ofport}`,
    ...(port.interface ?? []),
  ];
}

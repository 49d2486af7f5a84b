import type { Host } from '../model/network';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import { explainAction, explainActions, explainLearn, explainMatch, type PortNames } from '../model/explain';
import { bridgePort, isTunnel } from '../model/queries';
import { LOCAL_PORT, fieldOf } from '../packet/fields';
import type { Action, Flow, MatchTerm } from '../packet/openflow';
import type { Locus } from './entity';
import { flowsInTable, leadsTo, tableText, vniText } from './hover-switch';
import { macOwner, networkOfVni, networkTitle, vniSet } from './knowledge';
import { code, count, escape, inBrackets, section, upper } from './markdown';
import type { World } from './world';

/** Port names by number on a bridge. */
export function portNames(bridge: OvsBridge | undefined): PortNames {
  return (ofport) => (bridge === undefined ? undefined : bridgePort(bridge, ofport)?.name);
}

/** A flow in words: what it matches, what it does, and where packets go next. */
export function describeFlow(world: World, locus: Locus, flow: Flow): string {
  const { bridge, host, bridgeName } = locus;
  const names = portNames(bridge);
  const where =
    bridgeName === undefined ? '' : ` · ${escape(bridgeName)}${locus.hostName === '' ? '' : ` on ${escape(locus.hostName)}`}`;
  const does = flow.broken ? [] : explainActions(flow.actions, names).map((text) => escape(text));
  const unknown = flow.match.filter((term) => term.unknown).map((term) => code(term.text));
  return section(`Table ${escape(String(flow.table.value))}, priority ${flow.priority.value}${where}`, [
    `Matches ${escape(explainMatch(flow, names))}${flow.match.length === 0 && flow.priority.value === 0 ? ' that nothing else took' : ''}`,
    ...flow.match.flatMap((term) => ownerBullet(world, term)),
    flow.broken
      ? '**The line could not be read to its end**: what it does is not known'
      : does.length === 1
        ? upper(does[0] ?? '')
        : `Does in order: ${does.join('; ')}`,
    ...(flow.broken ? [] : nextHops(world, host, bridge, flow)),
    unknown.length === 0 ? undefined : `Not understood: ${unknown.join(', ')}; whether a packet matches is unknown`,
    flow.packets === undefined
      ? undefined
      : `${count(flow.packets.value, 'packet')} so far${flow.packets.value === 0n ? ': nothing has matched it' : ''}`,
  ]);
}

function ownerBullet(world: World, term: MatchTerm): string[] {
  const value = term.text.split('=')[1] ?? '';
  if ((term.field !== 'dl_src' && term.field !== 'dl_dst') || value.includes('/')) return [];
  const owner = macOwner(world.network, value.toLowerCase());
  return owner === undefined ? [] : [`${code(value)} is ${escape(owner)}`];
}

/** Where a flow's packets go next, one bullet per way. */
export function nextHops(world: World, host: Host | undefined, bridge: OvsBridge | undefined, flow: Flow): string[] {
  const found: string[] = [];
  const add = (text: string) => {
    if (!found.includes(text)) found.push(text);
  };
  let vni: number | undefined;
  let vlan: number | undefined;
  const visit = (actions: readonly Action[]) => {
    for (const action of actions) {
      vni = vniSet([action]) ?? vni;
      if (action.kind === 'set-vlan-vid') vlan = action.vid;
      if (action.kind === 'set-field' && action.field === 'vlan_vid') vlan = Number(action.value & 0xfffn);
      switch (action.kind) {
        case 'output':
          add(`Next hop: ${portHop(world, host, bridge, action.port, vni)}`);
          break;
        case 'local':
          add(`Next hop: ${portHop(world, host, bridge, LOCAL_PORT, vni)}`);
          break;
        case 'normal':
          add(`Next hop: by VLAN and MAC table${bridge ? normalText(bridge, flow, vlan) : ''}`);
          break;
        case 'resubmit':
        case 'goto-table':
        case 'ct':
          if (action.table !== undefined) add(`Next hop: ${tableHop(world, bridge, action.table)}`);
          if (action.kind === 'ct') visit(action.exec);
          break;
        case 'flood':
        case 'all':
          add('Next hop: every port but the one it came from');
          break;
        case 'learn':
          for (const line of learnText(action)) add(line);
          break;
        case 'enqueue':
          add(`Next hop: ${portHop(world, host, bridge, action.port, vni)}`);
          break;
        case 'bundle':
          if (action.dst === undefined)
            for (const port of action.ports) add(`Next hop, if it is live: ${portHop(world, host, bridge, port, vni)}`);
          break;
        case 'clone':
        case 'write-actions':
          visit(action.actions);
          break;
        default:
          break;
      }
    }
  };
  visit(flow.actions);
  return found;
}

/** A learn() action in words. */
export function learnText(learn: Action & { readonly kind: 'learn' }): string[] {
  const { matches, does } = explainLearn(learn);
  return [
    `Learns from each packet a flow for the way back, in table ${learn.table}, priority ${learn.priority}: for packets with ${matches.map(escape).join(', ') || 'anything'} it ${does.map(escape).join(', ') || 'does nothing'}`,
  ];
}

function portHop(
  world: World,
  host: Host | undefined,
  bridge: OvsBridge | undefined,
  port: number | string,
  vni: number | undefined,
): string {
  const known: OvsPort | undefined = bridge && bridgePort(bridge, port);
  if (!known) {
    const name = typeof port === 'number' ? `port ${port === LOCAL_PORT ? 'LOCAL' : port}` : code(port);
    return bridge ? `${name}, which device is not captured: ${code(`ovs-ofctl show ${bridge.name}`)} tells` : name;
  }
  const leads = host && leadsTo(world, host, known);
  const on = vni === undefined ? undefined : networkOfVni(world.network, vni);
  const key =
    isTunnel(known) && vni !== undefined ? `, VNI ${vniText(vni)}${on ? ` of network ${code(networkTitle(on))}` : ''}` : '';
  return `${code(known.name)}${leads === undefined ? '' : `, ${leads}`}${key}`;
}

function normalText(bridge: OvsBridge, flow: Flow, set: number | undefined): string {
  const inPort = flow.match.find((term) => term.field === 'in_port');
  const tag = inPort && bridgePort(bridge, inPort.portName ?? Number(inPort.value))?.tag;
  const vlan =
    set !== undefined ? `, in VLAN ${set}` : tag === undefined ? '' : `, in VLAN ${tag}, the tag of the port that it comes from`;
  if (bridge.fdbKnown === 'absent')
    return `${vlan}; the MAC table was not captured: ${code(`ovs-appctl fdb/show ${bridge.name}`)}`;
  return `${vlan} (${count(bridge.fdb.length, 'MAC')} learned); a MAC that is not learned is flooded in its VLAN`;
}

function tableHop(world: World, bridge: OvsBridge | undefined, table: number | string): string {
  if (!bridge) return `table ${table}`;
  const [index] = flowsInTable(bridge, table);
  const first = index === undefined ? undefined : bridge.flows.at(index);
  return `table ${table}, ${tableText(bridge, table)}${inBrackets(world, first?.source)}`;
}

/** One condition of a flow: what the field is. */
export function describeTerm(term: MatchTerm): string {
  const field = fieldOf(term.field);
  const key = term.text.split('=')[0] ?? term.field;
  if (!field) return `${code(key)}: not a match field of Open vSwitch`;
  if (!term.text.includes('=')) return `${code(term.text)}: only ${escape(term.text.toUpperCase())} packets`;
  return `${code(key)}: ${escape(field.says)}${key === field.name || term.text.startsWith(field.name) ? '' : ` (${field.name})`}`;
}

/** One action of a flow. */
export function describeAction(action: Action, bridge: OvsBridge | undefined): string {
  const shown = action.text.length > 60 ? `${action.text.slice(0, 57)}…` : action.text;
  const said = explainAction(action, portNames(bridge));
  return `${code(shown)}: ${escape(said.startsWith(`${action.text}: `) ? said.slice(action.text.length + 2) : said)}`;
}

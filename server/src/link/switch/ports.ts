import type { OvsBridge, OvsPort } from '../../model/ovs-bridge';
import type { Port } from '../../ofproto/switch';
import { parseMac } from '../../packet/address';
import { LOCAL_PORT } from '../../packet/fields';
import { aboutBridge, factsOf, type Captured } from './captured';
import { integer, items, map, text, type DbRow } from './rows';
import { watchOf } from './port-watch';
import { datapathNameOf, isTunnelType, tunnelOf } from './tunnels';

/** Captures that tell how OpenFlow configured a bridge's ports. */
export const PORT_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-show', 'ovs-ofctl-dump-ports-desc']);

/** What a bridge's ports are: their numbers, kinds, settings, tunnels and the datapath's own numbers. */
export function portsOf(captured: Captured, bridge: OvsBridge): ReadonlyMap<number, Port> {
  const described = describedPorts(captured, bridge.name);
  const numbers = datapathNumbers(captured, bridge.name);
  const stoodIn = stoodInPorts(captured, bridge.name);
  const stp = stpStates(captured, bridge.name);
  const ports = new Map<number, Port>();
  const guessed: string[] = [];
  // OpenFlow 1.3 and later (as Open vSwitch prints them) tell which ports are live.
  const tellsLive = [...described.values()].some(({ state }) => state?.includes('LIVE') === true);
  for (const port of bridge.ports) {
    if (port.ofport === undefined || port.ofport < 0 || port.ofport === 0xffff) continue;
    const row = captured.rows.named('interface', port.name);
    const seen = described.get(port.ofport);
    const config = new Set(seen?.config ?? []);
    const state = new Set(seen?.state ?? []);
    const type = kindOf(captured, port);
    const options = { ...map(row, 'options'), ...port.options };
    const tunnel = isTunnelType(type) && !stoodIn.has(port.name) ? tunnelOf(type, options) : undefined;
    const patchPeer = options['peer'];
    let odpPort = numbers.get(port.name);
    if (odpPort === undefined && type !== 'patch' && numbers.size === 0) {
      odpPort = port.ofport;
      guessed.push(port.name);
    }
    ports.set(port.ofport, {
      ofport: port.ofport,
      name: port.name,
      odpPort: type === 'patch' ? undefined : odpPort,
      type,
      down: config.has('PORT_DOWN') || text(row, 'admin_state') === 'down',
      noRecv: config.has('NO_RECV'),
      noForward: config.has('NO_FWD'),
      noFlood: config.has('NO_FLOOD'),
      noReceiveStp: config.has('NO_STP') || config.has('NO_RECV_STP'),
      linkDown: seen?.state ? state.has('LINK_DOWN') : text(row, 'link_state') === 'down',
      ...watchOf(captured, port, row),
      ...(tellsLive && seen?.state && !state.has('LIVE') ? { faulty: true } : {}),
      stpState: stp.get(port.name) ?? stpOfState(state),
      patchPeer: type === 'patch' || tunnel === undefined ? patchPeer : undefined,
      tunnel,
      ...(tunnel ? { datapathName: datapathNameOf(tunnel) } : {}),
      mac: parseMac(port.mac ?? text(row, 'mac_in_use') ?? ''),
      ifindex: row?.columns.has('ifindex') ? (integer(row, 'ifindex') ?? 0) : undefined,
      queueDscp: queueDscpOf(captured, port.name, row),
    });
  }
  if ([...described.values()].some(({ config, floods }) => config !== undefined && !floods))
    captured.notes.push(
      `${bridge.name}: its ports were shown in OpenFlow 1.1 or later, which does not tell no-flood and no-receive-stp (ovs-ofctl show ${bridge.name} tells); neither is assumed`,
    );
  if (guessed.length > 0)
    captured.notes.push(
      `${bridge.name}: the datapath's own port numbers are not captured (ovs-appctl dpif/show tells them); its OpenFlow numbers stand in their place`,
    );
  return ports;
}

/** The DSCP of each queue of the port's QoS (ovs-vswitchd.conf.db(5), "Queue"); a QoS that is not captured is announced. */
function queueDscpOf(captured: Captured, name: string, row: DbRow | undefined): ReadonlyMap<number, number> {
  const uuid = row?.uuid?.value;
  const port = captured.rows
    .of('port')
    .find((each) => each.name?.value === name || items(each, 'interfaces').some((item) => item === uuid));
  const [qos] = items(port, 'qos');
  const found = new Map<number, number>();
  if (qos === undefined) return found;
  const queues = Object.entries(map(captured.rows.byUuid(qos), 'queues'));
  const rows = queues.map(([number, queue]) => [Number(number), captured.rows.byUuid(queue)] as const);
  if (!captured.rows.byUuid(qos) || rows.some(([, queue]) => !queue))
    captured.notes.push(
      `${name}: which DSCP its queues mark packets with is not captured (ovs-vsctl list qos and ovs-vsctl list queue tell); none is assumed`,
    );
  for (const [number, queue] of rows) {
    const dscp = integer(queue, 'dscp');
    if (dscp !== undefined) found.set(number, dscp);
  }
  return found;
}

function kindOf(captured: Captured, port: OvsPort): string {
  if (port.type !== undefined && port.type !== '') return port.type;
  const row = captured.rows.named('interface', port.name);
  const type = text(row, 'type');
  if (type !== undefined) return type;
  return port.ofport === LOCAL_PORT ? 'internal' : port.options['peer'] !== undefined ? 'patch' : 'system';
}

interface Described {
  readonly config: readonly string[] | undefined;
  readonly state: readonly string[] | undefined;
  /** Whether its settings for floods and spanning trees were shown, too: OpenFlow 1.0 alone has words for them. */
  readonly floods: boolean;
}

/** What of a port only OpenFlow 1.0 has words for (`enum ofp10_port_config` and `ofp10_port_state`). */
const OF10_ONLY = /^(?:NO_FLOOD|NO_STP|NO_RECV_STP|STP_.+)$/;

/** `config: NO_FLOOD` and `state: LINK_DOWN` by the port's number; undefined where the line was not shown. */
function describedPorts(captured: Captured, bridge: string): ReadonlyMap<number, Described> {
  const ports = new Map<number, Described>();
  const words = (line: string | undefined) => line?.split(/[\s|,]+/).filter((word) => word !== '' && word !== '0');
  for (const { capture } of aboutBridge(captured, bridge, PORT_KINDS)) {
    for (const fact of capture.facts) {
      if (fact.kind !== 'of-port') continue;
      const before = ports.get(fact.ofport.value);
      /** What is shown now, with what the other dialect showed and this one can't. */
      const withBefore = (own: readonly string[] | undefined, old: readonly string[] | undefined) =>
        own && [...own, ...(old ?? []).filter((word) => (fact.later ? OF10_ONLY.test(word) : word === 'LIVE'))];
      ports.set(fact.ofport.value, {
        config: withBefore(words(fact.config?.value), before?.config) ?? before?.config,
        state: withBefore(words(fact.state?.value), before?.state) ?? before?.state,
        floods: before?.floods === true || (!fact.later && fact.config !== undefined),
      });
    }
  }
  return ports;
}

/** The datapath's numbers by the bridge's port names (`dpif/show`), or by devices' names (`dpctl/show`). */
function datapathNumbers(captured: Captured, bridge: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const facts = factsOf(captured, 'datapath-port');
  for (const fact of facts) if (!fact.bridge && fact.number) numbers.set(fact.name.value, fact.number.value);
  for (const fact of facts) if (fact.bridge?.value === bridge && fact.number) numbers.set(fact.name.value, fact.number.value);
  return numbers;
}

/**
 * Tunnels of a dummy datapath that dpif/show lists without a remote end, which no tunnel can be without: the test device of the same
 * name stands in for them.
 */
function stoodInPorts(captured: Captured, bridge: string): ReadonlySet<string> {
  const dummy = factsOf(captured, 'datapath-port').some((fact) => /^dummy/.test(fact.type?.value ?? ''));
  return new Set(
    !dummy
      ? []
      : factsOf(captured, 'datapath-port')
          .filter((fact) => fact.bridge?.value === bridge && Object.keys(fact.options).length === 0)
          .map((fact) => fact.name.value),
  );
}

const stpWords: Readonly<Record<string, Port['stpState']>> = {
  forwarding: 'forwarding',
  learning: 'learning',
  listening: 'listening',
  blocking: 'blocking',
  discarding: 'blocking',
  disabled: 'disabled',
};

function stpStates(captured: Captured, bridge: string): ReadonlyMap<string, Port['stpState']> {
  const states = new Map<string, Port['stpState']>();
  for (const row of captured.rows.of('port')) {
    const name = row.name?.value;
    const state = map(row, 'status')['stp_state'] ?? map(row, 'rstp_status')['rstp_port_state'];
    if (name !== undefined && state !== undefined) states.set(name, stpWords[state.toLowerCase()]);
  }
  for (const fact of factsOf(captured, 'stp-port'))
    if (fact.bridge === undefined || fact.bridge.value === bridge) states.set(fact.name.value, stpWords[fact.state.value]);
  return states;
}

/** OpenFlow 1.0 shows the spanning tree's state of a port. */
function stpOfState(state: ReadonlySet<string>): Port['stpState'] {
  if (state.has('STP_BLOCK')) return 'blocking';
  if (state.has('STP_LEARN')) return 'learning';
  if (state.has('STP_FORWARD')) return 'forwarding';
  return state.has('STP_LISTEN') ? 'listening' : undefined;
}

import type { Host, OvsBridge, OvsPort } from '../../model/network';
import { bridgePort, isPatch, isTunnel } from '../../model/queries';
import { hex } from '../../base/bits';
import { tlvsOf } from '../../ofproto/fields';
import { get, set, vlanOf, withoutVlan, type FlowKey } from '../../packet/flow-key';
import { formatIpv4, formatIpv6 } from '../../packet/address';
import { LOCAL_PORT } from '../../packet/fields';
import { addGap, hostOf, type Context } from '../context';
import { tagText, type Ending, type Step } from '../step';
import { portLimit } from '../size';
import { outOfSwitchPort } from '../device-size';
import { portOverhead } from '../../model/tunnel-overhead';
import { throughTunnel } from '../tunnel-size';
import { underlayDown } from '../underlay';
import { portEvidence, portShown, type Output } from './bridge';

/** What a packet keeps when it crosses a patch port: its headers and pkt_mark; registers, metadata and tunnel go. */
function acrossPatch(packet: FlowKey): FlowKey {
  return new Map([...packet].filter(([key]) => !/^(?:reg\d+|metadata|tun_.*|ct_.*|conj_id|recirc_id)$/.test(key)));
}

/** Of what a switch knows of a packet only the tunnel's own options get to the other end. */
function acrossTunnel(packet: FlowKey): FlowKey {
  const options = [...packet].filter(([key]) => /^tun_metadata\d+$/.test(key));
  return new Map([...acrossPatch(packet), ...options]);
}

/** A packet leaves a bridge by a port: into its patch peer, a tunnel, a device of the host, or out of sight. */
export function sendOut(context: Context, bridge: OvsBridge, output: Output, steps: Step[]): Ending {
  const { port, packet } = output;
  if (isPatch(port)) return patch(context, bridge, port, packet, steps);
  if (isTunnel(port)) return tunnel(context, bridge, port, packet, steps);
  const shown = portShown(port);
  steps.push({
    host: bridge.host,
    namespace: null,
    stage: 'ovs-port',
    device: bridge.name,
    port: shown,
    summary: `Leaves ${bridge.name} by ${port.ofport === undefined || port.ofport < 0 || port.ofport === LOCAL_PORT ? shown : `port ${port.ofport} (${port.name})`}${port.tag === undefined ? '' : ` of VLAN ${port.tag}`}, ${tagText(packet)}`,
    certainty: port.sources.length > 0 || shown === 'LOCAL' ? 'captured' : 'inferred',
    packet,
    evidence: [...portEvidence(port), ...(port.sources.length > 0 ? [] : [output.source])],
    steps: [],
  });
  if (port.sources.length === 0 && shown !== 'LOCAL') {
    addGap(context, { host: bridge.host, command: `ovs-ofctl show ${bridge.name}`, why: `what ${port.name} is` });
    return {
      disposition: 'insufficient-info',
      at: { host: bridge.host, device: bridge.name, port: shown },
      summary: `What ${port.name} of ${bridge.name} is was not captured`,
      packet,
    };
  }
  const name = port.name === bridge.name || shown === 'LOCAL' ? bridge.name : port.name;
  const limit = portLimit(hostOf(context, bridge.host), { ...port, name });
  const long = outOfSwitchPort(context, limit, { bridge: bridge.name, port: shown }, packet, steps);
  if (long) return long;
  return context.go(
    context,
    {
      kind: 'device-out',
      host: bridge.host,
      namespace: '\u0000ovs',
      device: name,
    },
    packet,
    steps,
  );
}

function patch(context: Context, bridge: OvsBridge, port: OvsPort, packet: FlowKey, steps: Step[]): Ending {
  const peerName = port.options['peer'];
  const host = hostOf(context, bridge.host);
  const peer = [...(host?.bridges.values() ?? [])]
    .map((other) => ({ bridge: other, port: bridgePort(other, peerName ?? '') }))
    .find(({ port: other }) => other !== undefined);
  const source = port.says['peer'];
  steps.push({
    host: bridge.host,
    namespace: null,
    stage: 'patch',
    device: bridge.name,
    port: port.name,
    summary: `Leaves ${bridge.name} by patch port ${port.name}${peerName === undefined ? '' : ` to ${peerName}`}, ${tagText(packet)}`,
    certainty: peer && source ? 'captured' : 'inferred',
    ...(peer && !source
      ? {
          reason: `nothing says what ${port.name} leads to; Neutron makes ${port.name} and ${peerName ?? ''} as the two ends of one pair`,
        }
      : {}),
    packet,
    evidence: [...portEvidence(port), ...(source ? [source] : [])],
    steps: [],
  });
  if (!peer?.port) {
    addGap(context, {
      host: bridge.host,
      command: 'ovs-vsctl show',
      why: `the bridge that ${peerName ?? `the peer of ${port.name}`} is on`,
    });
    return {
      disposition: 'insufficient-info',
      at: { host: bridge.host, device: bridge.name, port: port.name },
      summary: `The peer of patch port ${port.name} was not captured`,
      packet,
    };
  }
  return context.go(
    context,
    { kind: 'ovs-in', host: bridge.host, bridge: peer.bridge.name, port: peer.port.name },
    acrossPatch(packet),
    steps,
  );
}

function tunnel(context: Context, bridge: OvsBridge, port: OvsPort, packet: FlowKey, steps: Step[]): Ending {
  const fixed = port.options['key'] ?? port.options['out_key'];
  const vni = fixed !== undefined && fixed !== 'flow' ? BigInt(/^\d+$/.test(fixed) ? fixed : 0) : get(packet, 'tun_id');
  const remote = port.options['remote_ip'];
  const far = remote === undefined ? undefined : remoteEnd(context, bridge.host, port, remote);
  const type = (port.type ?? 'tunnel').toUpperCase();
  const sealed = set(acrossTunnel(withoutVlanIfNone(packet)), 'tun_id', vni);
  const own = hostOf(context, bridge.host);
  const long =
    own &&
    throughTunnel(
      context,
      {
        host: own,
        remote: remote === 'flow' ? tunnelDestination(packet) : remote,
        local: port.options['local_ip'] ?? far?.port.options['remote_ip'],
        far: far?.host,
        overhead: portOverhead(port, vlanOf(packet) !== undefined, optionBytes(context, bridge.host, packet)),
        outerDf: port.options['df_default'] === 'false' ? 'unset' : 'set',
        bridged: true,
        of: bridge.datapathType === 'netdev' ? 'userspace' : 'switch',
        step: { host: bridge.host, namespace: null, device: bridge.name, port: port.name },
        evidence: portEvidence(port),
      },
      sealed,
      steps,
    );
  if (long && 'disposition' in long) return long;
  steps.push({
    host: bridge.host,
    namespace: null,
    stage: 'tunnel',
    device: bridge.name,
    port: port.name,
    summary: `${type} tunnel ${port.name}, VNI ${vni} (${hex(vni)})${remote === undefined ? '' : `, to ${remote}`}${far ? ` on ${far.host.name}` : ''}`,
    certainty: far ? 'captured' : 'inferred',
    packet: sealed,
    evidence: [...portEvidence(port), port.says['remote_ip'], far?.port.says['local_ip']].filter(
      (source) => source !== undefined,
    ),
    steps: [],
  });
  if (long) steps.push(long);
  if (!far) {
    addGap(context, {
      host: null,
      command: 'ovs-vsctl show',
      why: `on the host with tunnel address ${remote ?? '(unknown)'}: no captured host has it`,
    });
    return {
      disposition: 'exits',
      at: { host: bridge.host, device: bridge.name, port: port.name },
      summary: `Leaves the captured network into ${port.name}: no captured host has tunnel address ${remote ?? '(unknown)'}`,
      packet: sealed,
    };
  }
  const down =
    (own && underlayDown(own, remote, sealed, steps)) ??
    underlayDown(far.host, port.options['local_ip'] ?? far.port.options['remote_ip'], sealed, steps);
  if (down) return down;
  return context.go(
    context,
    { kind: 'ovs-in', host: far.host.name, bridge: far.bridge.name, port: far.port.name },
    sealed,
    steps,
  );
}

/** Where flows send a packet of a tunnel that has no one far end. */
function tunnelDestination(packet: FlowKey): string | undefined {
  const [v4, v6] = [get(packet, 'tun_dst'), get(packet, 'tun_ipv6_dst')];
  return v4 !== 0n ? formatIpv4(v4) : v6 !== 0n ? formatIpv6(v6) : undefined;
}

/** Bytes of the Geneve options that flows gave a packet, each with its header (RFC 8926, 3.5). */
function optionBytes({ network }: Context, host: string, packet: FlowKey): number {
  const sw = network.switchOf(host);
  const options = [...(sw?.bridges.values() ?? [])].map((bridge) => tlvsOf(bridge).entries).find(({ size }) => size > 0);
  let bytes = 0;
  for (const [index, entry] of options ?? [])
    if (packet.has(`tun_metadata${index}`)) bytes += 4 + Math.ceil(entry.length / 4) * 4;
  return bytes;
}

function withoutVlanIfNone(packet: FlowKey): FlowKey {
  return (get(packet, 'vlan_tci') & 0x1000n) === 0n ? withoutVlan(packet) : packet;
}

/** The port of another host at the other end of a tunnel: its local address is our remote one, and ours is its remote one. */
function remoteEnd(
  context: Context,
  from: string,
  near: OvsPort,
  remote: string,
): { host: Host; bridge: OvsBridge; port: OvsPort } | undefined {
  const local = near.options['local_ip'];
  let loose: { host: Host; bridge: OvsBridge; port: OvsPort } | undefined;
  for (const host of context.network.hosts.values()) {
    if (host.name === from) continue;
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) {
        if (!isTunnel(port) || !mayBeEnds(near, port)) continue;
        const owns = port.options['local_ip'] === remote || hasAddress(host, remote);
        if (owns && local !== undefined && port.options['remote_ip'] === local) return { host, bridge, port };
        if (owns && port.options['remote_ip'] === 'flow') loose ??= { host, bridge, port };
        // ovs-vsctl show prints no local_ip where the route decides it: the far port still names an address of ours.
        if (owns && local === undefined && ourAddress(context, from, port.options['remote_ip'])) loose ??= { host, bridge, port };
      }
    }
  }
  return loose;
}

/** Both ends of a tunnel are of one kind, and where both have a number of their own, it is the same. */
function mayBeEnds(one: OvsPort, other: OvsPort): boolean {
  const number = (port: OvsPort): string | undefined => {
    const key = port.options['key'];
    return key === 'flow' ? undefined : key;
  };
  const keys = [number(one), number(other)];
  return one.type === other.type && (keys.includes(undefined) || Number(keys[0]) === Number(keys[1]));
}

function hasAddress(host: Host, ip: string): boolean {
  return [...host.namespaces.values()].some((namespace) =>
    [...namespace.devices.values()].some((device) => device.addresses.some((address) => address.ip === ip)),
  );
}

function ourAddress(context: Context, from: string, ip: string | undefined): boolean {
  const host = hostOf(context, from);
  return host !== undefined && ip !== undefined && hasAddress(host, ip);
}

import type { Host } from '../../model/network';
import type { OvsBridge, OvsPort } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
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
import { deviceEnd, endText, hostWithout, noFarEnd, portEnd, type TunnelEnd } from '../tunnel-ends';
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
  const back = peer.port.says['peer'] && peer.port.options['peer'];
  if (back !== undefined && back !== port.name) {
    const last = steps.at(-1);
    if (last)
      steps[steps.length - 1] = {
        ...last,
        effect: 'dropped',
        evidence: [...last.evidence, ...(peer.port.says['peer'] ? [peer.port.says['peer']] : [])],
      };
    return {
      disposition: 'dropped',
      at: { host: bridge.host, device: bridge.name, port: port.name },
      summary: `Lost at patch port ${port.name}: ${peer.port.name}, its peer, names ${back} as its own, so no packet crosses`,
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
  const type = (port.type ?? 'tunnel').toUpperCase();
  const sealed = set(acrossTunnel(withoutVlanIfNone(packet)), 'tun_id', vni);
  const own = hostOf(context, bridge.host);
  const far = remote === undefined || !own ? undefined : farEnd(context, own, port, remote, vni);
  const long =
    own &&
    throughTunnel(
      context,
      {
        host: own,
        remote: remote === 'flow' ? tunnelDestination(packet) : remote,
        local: port.options['local_ip'] ?? remoteOf(far),
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
    evidence: [...portEvidence(port), port.says['remote_ip'], ...endSources(far)].filter((source) => source !== undefined),
    steps: [],
  });
  if (long) steps.push(long);
  if (!far) {
    const nobody = own && hostWithout(context.network, own, remote);
    const at = { host: bridge.host, device: bridge.name, port: port.name };
    const what = endText(port.type, Number(vni));
    return noFarEnd(context, { at, name: port.name, remote, nobody, what, command: 'ovs-vsctl show' }, sealed, steps);
  }
  const down =
    (own && underlayDown(own, remote, sealed, steps)) ??
    underlayDown(far.host, port.options['local_ip'] ?? remoteOf(far), sealed, steps);
  if (down) return down;
  if (far.kind === 'device')
    return context.go(
      context,
      { kind: 'device-in', host: far.host.name, namespace: far.namespace.name, device: far.device },
      acrossPatch(withoutVlanIfNone(packet)),
      steps,
    );
  return context.go(
    context,
    { kind: 'ovs-in', host: far.host.name, bridge: far.bridge.name, port: far.port.name },
    sealed,
    steps,
  );
}

function farEnd(context: Context, own: Host, port: OvsPort, remote: string, vni: bigint): TunnelEnd | undefined {
  const local = port.options['local_ip'];
  const ofSwitch = portEnd(context.network, { host: own, type: port.type, key: Number(vni), local }, remote);
  if (ofSwitch) return ofSwitch;
  // What a switch calls GRE carries Ethernet, and has no key where it is 0.
  const isGre = port.type === 'gre';
  const kind = { type: isGre ? 'gretap' : (port.type ?? ''), id: isGre && vni === 0n ? undefined : Number(vni) };
  return deviceEnd(context.network, own, local, remote, kind);
}

/** The address that the far end sends to, as far as it has one of its own. */
function remoteOf(far: TunnelEnd | undefined): string | undefined {
  return far?.kind === 'port' ? far.port.options['remote_ip'] : far?.namespace.devices.get(far.device)?.settings['remote'];
}

function endSources(far: TunnelEnd | undefined): (Source | undefined)[] {
  return far?.kind === 'port' ? [far.port.says['local_ip']] : (far?.namespace.devices.get(far.device)?.sources.slice(0, 1) ?? []);
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

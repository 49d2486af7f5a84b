import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Host, Network } from '../model/network';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import { isCard } from '../model/known-names';
import { hostHasIp, isTunnel } from '../model/queries';
import type { FlowKey } from '../packet/flow-key';
import { addGap, type Context } from './context';
import type { Ending, Step } from './step';
import { tunnelDevice, type TunnelDevice } from './linux/tunnel-kind';

/** Where a tunnel comes out on another machine: a device of its kernel, or a port of its switch. */
export type TunnelEnd =
  | { readonly kind: 'device'; readonly host: Host; readonly namespace: Namespace; readonly device: string }
  | { readonly kind: 'port'; readonly host: Host; readonly bridge: OvsBridge; readonly port: OvsPort };

export type DeviceEnd = TunnelEnd & { readonly kind: 'device' };
export type PortEnd = TunnelEnd & { readonly kind: 'port' };

const ANY = new Set(['any', '0.0.0.0', '::']);

/** A captured host has the address, but no tunnel of that kind and number: what comes to it is dropped there, as far as its devices are known. */
export interface NoEnd {
  readonly host: Host;
  /** All of its devices and ports were captured with what they are. */
  readonly known: boolean;
}

/**
 * The device of another host's kernel at the far end of a tunnel: of the same kind and number, on a host that has the address `remote`, and not
 * meant for somebody else than `local`.
 */
export function deviceEnd(
  network: Network,
  from: Host,
  local: string | undefined,
  remote: string,
  tunnel: Pick<TunnelDevice, 'type' | 'id'>,
): DeviceEnd | undefined {
  for (const host of network.hosts.values()) {
    if (host === from || !hostHasIp(host, remote)) continue;
    const found = twins(host, tunnel).find(({ namespace, device }) => {
      const { remote: back, local: at } = namespace.devices.get(device)?.settings ?? {};
      const toOther = back !== undefined && local !== undefined && !ANY.has(back) && back !== local;
      return !toOther && (at === undefined || ANY.has(at) || at === remote);
    });
    if (found) return found;
  }
  return undefined;
}

/** The devices of other hosts that have a tunnel's kind and number, one of each host. */
export function otherDevices(network: Network, from: Host, tunnel: TunnelDevice): DeviceEnd[] {
  return [...network.hosts.values()].filter((host) => host !== from).flatMap((host) => twins(host, tunnel).slice(0, 1));
}

function twins(host: Host, tunnel: Pick<TunnelDevice, 'type' | 'id'>): DeviceEnd[] {
  const isTwin = (name: string, device: Device | undefined): boolean => {
    const other = tunnelDevice(name, device);
    return other !== undefined && other.type === tunnel.type && other.id === tunnel.id;
  };
  const found: DeviceEnd[] = [];
  for (const namespace of host.namespaces.values()) {
    const members = [...host.linuxBridges.values()]
      .filter((bridge) => bridge.namespace === namespace.name)
      .flatMap((bridge) => bridge.members.map(({ name }) => name));
    for (const device of new Set([...members, ...namespace.devices.keys()]))
      if (isTwin(device, namespace.devices.get(device))) found.push({ kind: 'device', host, namespace, device });
  }
  return found;
}

/** The near end of a tunnel, as a port of another host's switch must name it. */
export interface NearEnd {
  readonly host: Host;
  /** `vxlan`, `geneve`, `gre` … (ovs-vswitchd.conf.db(5), Interface, `type`). */
  readonly type: string | undefined;
  /** The number that its packets carry; undefined where they have none. */
  readonly key: number | undefined;
  readonly local: string | undefined;
}

/** The port of another host's switch at the far end of a tunnel: its local address is `remote`, and its remote one is ours. */
export function portEnd(network: Network, near: NearEnd, remote: string): PortEnd | undefined {
  let loose: PortEnd | undefined;
  for (const host of network.hosts.values()) {
    if (host === near.host) continue;
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) {
        if (!isTunnel(port) || !mayBeEnds(near, port)) continue;
        const back = port.options['remote_ip'];
        const owns = port.options['local_ip'] === remote || hasAddress(host, remote);
        const end: PortEnd = { kind: 'port', host, bridge, port };
        if (owns && near.local !== undefined && back === near.local) return end;
        if (owns && back === 'flow') loose ??= end;
        // ovs-vsctl show prints no local_ip where the route decides it: the far port still names an address of ours.
        if (owns && near.local === undefined && back !== undefined && hasAddress(near.host, back)) loose ??= end;
      }
    }
  }
  return loose;
}

/** Both ends of a tunnel are of one kind, and where both have a number of their own, it is the same. */
function mayBeEnds(near: NearEnd, port: OvsPort): boolean {
  const key = keyOf(port);
  // The kernel's device for GRE with Ethernet in it is what a switch calls GRE.
  const type = near.type === 'gretap' ? 'gre' : near.type;
  return type === port.type && (key === undefined || near.key === undefined || key === near.key);
}

/** The number that a tunnel port of a switch has by itself; undefined where flows give it, or none is set. */
function keyOf({ options }: OvsPort): number | undefined {
  const key = options['key'];
  return key === undefined || key === 'flow' ? undefined : Number(key);
}

function hasAddress(host: Host, ip: string): boolean {
  return [...host.namespaces.values()].some((namespace) =>
    [...namespace.devices.values()].some((device) => device.addresses.some((address) => address.ip === ip)),
  );
}

/** The captured host that has a tunnel's remote address, where no end of the tunnel was found on it. */
export function hostWithout(network: Network, from: Host, remote: string | undefined): NoEnd | undefined {
  if (remote === undefined) return undefined;
  const host = [...network.hosts.values()].find((other) => other !== from && hostHasIp(other, remote));
  if (!host) return undefined;
  // What a switch has besides its bridges' ports that were captured, no capture tells.
  const known =
    host.bridges.size === 0 &&
    [...host.namespaces.values()].every(
      ({ addressesKnown, devices }) =>
        addressesKnown[4] === 'whole' &&
        [...devices.values()].every(({ name, type }) => type !== undefined || name === 'lo' || isCard(name)),
    );
  return { host, known };
}

/** A tunnel in words: `VXLAN with VNI 70`, `GRE with key 5`. */
export function endText(type: string | undefined, id: number | undefined): string {
  const name = (type ?? 'tunnel').toUpperCase();
  return id === undefined ? name : `${name} with ${/^(?:vxlan|geneve)$/.test(type ?? '') ? 'VNI' : 'key'} ${id}`;
}

/** What goes into a tunnel whose far end is in no capture: it leaves them, or is lost where a captured host has the address and no such tunnel. */
export function noFarEnd(
  context: Context,
  found: {
    readonly at: Ending['at'];
    readonly name: string;
    readonly remote: string | undefined;
    readonly nobody: NoEnd | undefined;
    readonly what: string;
    /** What would show the tunnels of the host with the address. */
    readonly command: string;
  },
  packet: FlowKey,
  steps: Step[],
): Ending {
  const { at, name, nobody, what } = found;
  const remote = found.remote ?? '(unknown)';
  const last = steps.at(-1);
  const mark = (effect: NonNullable<Step['effect']>): void => {
    if (last) steps[steps.length - 1] = { ...last, effect };
  };
  if (nobody?.known === true) {
    mark('dropped');
    const summary = `${nobody.host.name} has ${remote}, but no tunnel for ${what}: it drops what comes by ${name}`;
    return { disposition: 'dropped', at, summary, packet };
  }
  mark('exits');
  const where = nobody ? `whether ${nobody.host.name}, which has ${remote}, has a tunnel for ${what}` : undefined;
  addGap(context, {
    host: nobody?.host.name ?? null,
    command: nobody && nobody.host.bridges.size === 0 ? 'ip -d link' : found.command,
    why: where ?? `on the host with tunnel address ${remote}: no captured host has it`,
  });
  const summary = `Leaves the captured network into ${name}: ${nobody ? `no tunnel for ${what} was captured on ${nobody.host.name}, which has ${remote}` : `no captured host has tunnel address ${remote}`}`;
  return { disposition: 'exits', at, summary, packet };
}

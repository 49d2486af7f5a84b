import type { Host } from '../../model/network';
import { bareNamespace, bridgeKeyIn, bridgeOfMember, ovsPortNamed } from '../../model/queries';
import { vlanOf, type FlowKey } from '../../packet/flow-key';
import { hostOf, type Context } from '../context';
import type { Ending, Place, Step } from '../step';
import { intoMacvtap, isMacvtap } from '../macvtap';
import { bondIgnores, isBond } from './bond';
import { stepBase } from './events';
import { isDown } from './link-state';
import { intoShared } from './macvlan';
import { intoVlan, vlanDeviceFor } from './vlan-device';

/**
 * A frame comes in by a device, as __netif_receive_skb_core has it: the VLAN device of its tag takes it first, then whatever has taken
 * the device over (a bridge, a switch, a bond, devices that share the card), and the IP stack last.
 */
export function deviceIn(context: Context, place: Place & { kind: 'device-in' }, packet: FlowKey, steps: Step[]): Ending {
  const host = hostOf(context, place.host);
  if (!host)
    return {
      disposition: 'insufficient-info',
      at: { host: place.host, device: place.device, port: null },
      summary: `Nothing of ${place.host} was captured`,
      packet,
    };
  const down = isDown(host, place, false, packet, steps);
  if (down) return down;
  const taken = intoVlanDevice(context, host, place, packet, steps);
  if (taken) return taken;
  const { namespace, device } = place;
  const tap = host.namespaces.get(namespace);
  const guests = tap?.devices.get(device);
  if (tap && guests && isMacvtap(guests)) return intoMacvtap(context, host, tap, guests, packet, steps);
  const ovs = namespace === '' ? ovsPortNamed(host, device) : undefined;
  if (ovs)
    return context.go(context, { kind: 'ovs-in', host: host.name, bridge: ovs.bridge.name, port: ovs.port.name }, packet, steps);
  const bridge = bridgeOfMember(host, namespace, device);
  if (bridge)
    return context.go(
      context,
      { kind: 'linux-bridge-in', host: host.name, bridge: bridgeKeyIn(namespace, bridge.name), member: device },
      packet,
      steps,
    );
  const inside = host.namespaces.get(namespace) ?? bareNamespace(host.name, namespace);
  const own = inside.devices.get(device);
  const master = own?.master === undefined ? undefined : inside.devices.get(own.master);
  if (own && master && isBond(inside, master)) {
    const ignored = bondIgnores(master, own);
    const base = { ...stepBase(inside, master.name), stage: 'nic' as const, packet, steps: [] };
    const evidence = [...own.sources.slice(0, 1), ...master.sources.slice(0, 1)];
    if (ignored !== undefined) {
      steps.push({ ...base, summary: ignored, certainty: 'captured', evidence, effect: 'dropped' });
      return { disposition: 'dropped', at: { host: host.name, device: master.name, port: device }, summary: ignored, packet };
    }
    steps.push({ ...base, summary: `Bond ${master.name} takes the frame from ${device}`, certainty: 'captured', evidence });
    return context.go(context, { ...place, device: master.name }, packet, steps);
  }
  return context.go(context, { ...place, kind: 'namespace-in' }, packet, steps);
}

/** The VLAN device above a device takes frames of its VLAN; undefined where there is none. */
export function intoVlanDevice(
  context: Context,
  host: Host,
  place: Place & { kind: 'device-in' | 'namespace-in' },
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  if (vlanOf(packet) === undefined) return undefined;
  const above = vlanDeviceFor(host, { namespace: place.namespace, name: place.device }, packet);
  if (!above) return undefined;
  const namespace = host.namespaces.get(above.namespace) ?? bareNamespace(host.name, above.namespace);
  const { step, packet: untagged } = intoVlan(namespace, above.name, place.device, packet);
  steps.push(step);
  return context.go(
    context,
    { kind: 'device-in', host: host.name, namespace: above.namespace, device: above.name },
    untagged,
    steps,
  );
}

/** The devices that share a card take frames before its own IP stack does; undefined where nobody shares it. */
export function intoSharing(
  context: Context,
  host: Host,
  place: Place & { kind: 'namespace-in' },
  packet: FlowKey,
  steps: Step[],
  own: (context: Context, steps: Step[]) => Ending,
): Ending | undefined {
  return intoShared(context, host, { namespace: place.namespace, name: place.device }, packet, steps, own);
}

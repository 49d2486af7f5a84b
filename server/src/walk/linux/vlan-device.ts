import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import { hasRole } from '../../model/known-names';
import { hasTagOf, pushVlan, tagProtocol, vlanOf, withoutVlan, type FlowKey } from '../../packet/flow-key';
import type { Context } from '../context';
import type { Ending, Step } from '../step';
import { stepBase } from './events';

/** The device below another one. */
export interface Lower {
  readonly namespace: string;
  readonly name: string;
}

export interface VlanDevice {
  readonly lower: Lower;
  readonly vlan: number;
  /** Of its tags (`Q_TAG` …). */
  readonly protocol: number;
  /** `ip -d link` says so, not the name alone. */
  readonly said: boolean;
}

/** The VLAN and the lower device of a VLAN device such as `eth1.101`; undefined for other devices. */
export function vlanDevice(namespace: string, name: string, device: Device | undefined): VlanDevice | undefined {
  if (device?.type === 'vlan' && device.vlanId !== undefined) {
    const lower = device.pair ?? (device.peer === undefined ? undefined : { namespace, name: device.peer });
    if (lower)
      return {
        lower: { namespace: lower.namespace, name: lower.name },
        vlan: device.vlanId,
        protocol: tagProtocol(device.settings['protocol']),
        said: true,
      };
  }
  // Flannel writes the number of its VXLAN device the same way.
  if (hasRole(name, 'tunnel')) return undefined;
  const dotted = /^([\w-]+)\.(\d{1,4})$/.exec(name);
  if (!dotted || (device?.type !== undefined && device.type !== 'vlan')) return undefined;
  const lower = device?.pair ?? { namespace, name: device?.peer ?? dotted[1] ?? name };
  return {
    lower: { namespace: lower.namespace, name: lower.name },
    vlan: device?.vlanId ?? Number(dotted[2]),
    protocol: tagProtocol(device?.settings['protocol'] ?? '802.1Q'),
    said: device?.vlanId !== undefined,
  };
}

/** A frame leaves by a VLAN device: it is tagged and goes out of the device below. */
export function outOfVlan(
  context: Context,
  namespace: Namespace,
  name: string,
  sub: VlanDevice,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const device = namespace.devices.get(name);
  const tagged = pushVlan(packet, sub.vlan, sub.protocol);
  steps.push({
    ...stepBase(namespace, name),
    stage: 'nic',
    summary: `${name} tags the frame with VLAN ${sub.vlan} and sends it by ${sub.lower.name}`,
    certainty: sub.said ? 'captured' : 'inferred',
    ...(sub.said ? {} : { reason: `the name ${name} says so; ip -d link would` }),
    packet: tagged,
    evidence: device?.sources.slice(0, 1) ?? [],
    steps: [],
  });
  return context.go(
    context,
    { kind: 'device-out', host: namespace.host, namespace: sub.lower.namespace, device: sub.lower.name },
    tagged,
    steps,
  );
}

/** The VLAN device that takes a tagged frame off a device (vlan_do_receive), and its namespace. */
export function vlanDeviceFor(host: Host, lower: Lower, packet: FlowKey): Lower | undefined {
  const vlan = vlanOf(packet);
  if (vlan === undefined) return undefined;
  for (const namespace of host.namespaces.values()) {
    for (const device of namespace.devices.values()) {
      const sub = vlanDevice(namespace.name, device.name, device);
      if (sub?.vlan !== vlan || !hasTagOf(packet, sub.protocol)) continue;
      if (sub.lower.name === lower.name && sub.lower.namespace === lower.namespace)
        return { namespace: namespace.name, name: device.name };
    }
  }
  return undefined;
}

/** The step that shows a VLAN device taking a frame, and the frame without its tag. */
export function intoVlan(namespace: Namespace, name: string, lower: string, packet: FlowKey): { step: Step; packet: FlowKey } {
  const untagged = withoutVlan(packet);
  const device = namespace.devices.get(name);
  const said = device?.vlanId !== undefined;
  const step: Step = {
    ...stepBase(namespace, name),
    stage: 'nic',
    summary: `${name} takes the frames of VLAN ${vlanOf(packet) ?? 0} off ${lower}`,
    certainty: said ? 'captured' : 'inferred',
    ...(said ? {} : { reason: `the name ${name} says so; ip -d link would` }),
    packet: untagged,
    evidence: device?.sources.slice(0, 1) ?? [],
    steps: [],
  };
  return { step, packet: untagged };
}

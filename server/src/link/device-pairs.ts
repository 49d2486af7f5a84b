import type { Device, DevicePair } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import { sourceAt, type LinkedCapture } from './facts';

type Namespaces = ReadonlyMap<string, Namespace>;

/** How a namespace numbers the others of its host (`ip netns list-id`), and where that is said. */
type Numbers = ReadonlyMap<string, { readonly name: string; readonly source: Source }>;

/**
 * Finds the other end of every device that names one: a veth's peer, the device below a VLAN or macvlan device. In the same namespace a
 * name says it; in another one the index (`@if7`) and the namespace's number or name (ip-link(8), ip-netns(8)), or, where those
 * were not captured, the only device of the host that answers to it.
 */
export function linkPairs(namespaces: Namespaces, captures: readonly LinkedCapture[]): Map<string, Namespace> {
  const numbers = linkNumbers(captures);
  const paired = new Map<string, Namespace>();
  for (const [name, namespace] of namespaces) {
    const devices = new Map(
      [...namespace.devices].map(([device, value]) => [
        device,
        { ...value, pair: pairOf(namespaces, numbers, namespace, value) },
      ]),
    );
    paired.set(name, { ...namespace, devices });
  }
  return withBothEnds(paired);
}

function linkNumbers(captures: readonly LinkedCapture[]): Numbers {
  const numbers = new Map<string, { name: string; source: Source }>();
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'netns' || fact.id === undefined) continue;
      const key = `${linked.capture.namespace ?? ''}|${fact.id.value}`;
      if (!numbers.has(key)) numbers.set(key, { name: fact.name.value, source: sourceAt(linked, fact.id.span) });
    }
  }
  return numbers;
}

function pairOf(namespaces: Namespaces, numbers: Numbers, namespace: Namespace, device: Device): DevicePair | undefined {
  const own = device.sources.slice(0, 1);
  const elsewhere = device.peerIndex !== undefined || device.linkNetnsId !== undefined || device.linkNetns !== undefined;
  if (!elsewhere) {
    if (device.peer === undefined) return undefined;
    const there = namespace.devices.get(device.peer);
    const evidence = [...own, ...(there?.sources.slice(0, 1) ?? [])];
    return { namespace: namespace.name, name: device.peer, certainty: 'captured', reason: undefined, evidence };
  }
  const number = device.linkNetnsId === undefined ? undefined : numbers.get(`${namespace.name}|${device.linkNetnsId}`);
  const named = device.linkNetns ?? number?.name;
  if (named !== undefined) {
    const found = devicesOf(namespaces.get(named)).filter((other) => answers(device, other, true));
    const [only, second] = found;
    if (only && !second)
      return {
        namespace: named,
        name: only.name,
        certainty: 'captured',
        reason: undefined,
        evidence: [...own, ...(number ? [number.source] : []), ...only.sources.slice(0, 1)],
      };
  }
  return byIndex(namespaces, namespace, device, named);
}

/** Whether `other` can be what `device` points to: its index, and where both ends are of one pair, also the way back. */
function answers(device: Device, other: Device, sure: boolean): boolean {
  if (other.name === 'lo') return false;
  // What is made on a macvlan or ipvlan device lies on the card below that (macvlan_common_newlink, ipvlan_link_new).
  const shared = sharedKind(device);
  if (shared !== undefined && shared === sharedKind(other)) return false;
  if (device.peerIndex !== undefined && other.index !== undefined && device.peerIndex !== other.index) return false;
  if (device.peer !== undefined && device.peerIndex === undefined && device.peer !== other.name) return false;
  const back = other.peerIndex === undefined || device.index === undefined || other.peerIndex === device.index;
  const isVeth = device.type === undefined || device.type === 'veth';
  if (isVeth && !back) return false;
  if (sure) return other.index !== undefined || device.peerIndex === undefined;
  return device.peerIndex !== undefined && other.index === device.peerIndex && (!isVeth || other.peerIndex === device.index);
}

function sharedKind({ type }: Device): 'macvlan' | 'ipvlan' | undefined {
  if (type === 'macvlan' || type === 'macvtap') return 'macvlan';
  return type === 'ipvlan' || type === 'ipvtap' ? 'ipvlan' : undefined;
}

/** Nobody says which namespace: the only device of another one with the index, which for a veth must point back. */
function byIndex(namespaces: Namespaces, from: Namespace, device: Device, named: string | undefined): DevicePair | undefined {
  const found = [...namespaces.values()]
    .filter((other) => other !== from && (named === undefined || other.name === named))
    .flatMap((other) => devicesOf(other).map((candidate) => ({ other, candidate })))
    .filter(({ candidate }) => answers(device, candidate, false));
  const [only, second] = found;
  if (!only || second) return undefined;
  const where = only.other.name === '' ? 'the root namespace' : only.other.name;
  return {
    namespace: only.other.name,
    name: only.candidate.name,
    certainty: 'inferred',
    reason: `${device.name} names index ${device.peerIndex ?? 0} of another namespace, and ${only.candidate.name} of ${where} is the only captured device that fits`,
    evidence: [...device.sources.slice(0, 1), ...only.candidate.sources.slice(0, 1)],
  };
}

function devicesOf(namespace: Namespace | undefined): Device[] {
  return [...(namespace?.devices.values() ?? [])];
}

/** A veth pair is known from either side: what one end says holds for the other one as well. */
function withBothEnds(namespaces: Map<string, Namespace>): Map<string, Namespace> {
  const back = new Map<string, DevicePair>();
  for (const namespace of namespaces.values()) {
    for (const device of namespace.devices.values()) {
      const { pair } = device;
      if (!pair || !mayBeVeth(device) || device.name.includes('.')) continue;
      const other = namespaces.get(pair.namespace)?.devices.get(pair.name);
      if (!other || !mayBeVeth(other)) continue;
      // What has its own other end elsewhere is not the end of one here, but what that lies on.
      if (pair.namespace === namespace.name && (other.peerIndex !== undefined || other.linkNetnsId !== undefined)) continue;
      if (other.pair && (other.pair.certainty === 'captured' || pair.certainty === 'inferred')) continue;
      back.set(`${pair.namespace}|${pair.name}`, { ...pair, namespace: namespace.name, name: device.name });
    }
  }
  if (back.size === 0) return namespaces;
  return new Map(
    [...namespaces].map(([name, namespace]) => [
      name,
      {
        ...namespace,
        devices: new Map(
          [...namespace.devices].map(([device, value]) => [
            device,
            { ...value, pair: back.get(`${name}|${device}`) ?? value.pair },
          ]),
        ),
      },
    ]),
  );
}

function mayBeVeth(device: Device): boolean {
  return device.type === undefined || device.type === 'veth';
}

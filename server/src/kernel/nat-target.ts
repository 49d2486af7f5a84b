import { parseIp, parsePrefix } from '../packet/address';
import type { Moment } from './matches';
import type { Manip, NatRange } from './nat';
import type { NatRequest } from './netfilter';
import { flowOf } from './routing';
import { sourceAddress } from './source-address';

/**
 * What a NAT target allows at this moment; `drop` where it finds no address, as the kernel then drops the packet, `unknown` where the
 * device's addresses were not captured.
 */
export function natRange(request: NatRequest, at: Moment, manip: Manip): NatRange | 'drop' | 'unknown' {
  const { options } = request;
  const flags = options.natFlags ?? [];
  const base = {
    persistent: flags.includes('persistent'),
    random: flags.includes('random') || flags.includes('random-fully'),
  };
  switch (request.target) {
    case 'MASQUERADE': {
      const address = masqueradeAddress(at);
      if (address === undefined) return hasAddresses(at, at.out) ? 'drop' : 'unknown';
      return { ...base, addresses: [address, address], ports: portsOf(options.ports?.value) };
    }
    case 'REDIRECT': {
      const address = redirectAddress(at);
      if (address === undefined) return hasAddresses(at, at.in) ? 'drop' : 'unknown';
      return { ...base, addresses: [address, address], ports: portsOf(options.ports?.value ?? options.to?.value) };
    }
    case 'NETMAP': {
      const network = parsePrefix(options.to?.value ?? '');
      if (!network) return { ...base, addresses: undefined, ports: undefined };
      const address = manip === 'src' ? at.packet.src : at.packet.dst;
      const mapped = (address & ~network.mask) | network.value;
      return { ...base, addresses: [mapped, mapped], ports: undefined };
    }
    default:
      return { ...base, ...addressesAndPorts(options.to?.value ?? '') };
  }
}

function hasAddresses(at: Moment, device: string | undefined): boolean {
  return (at.namespace.devices.get(device ?? '')?.addresses.length ?? 0) > 0;
}

/** `10.0.0.1`, `10.0.0.1-10.0.0.9:1000-2000`, `:8080`, `:2000-2010/1000`, `[fd00::1]:80`. */
export function addressesAndPorts(text: string): Pick<NatRange, 'addresses' | 'ports' | 'shiftedFrom'> {
  const six = text.split(':').length > 2 && !text.startsWith('[') ? /^([\da-f:.]+)(?:-([\da-f:.]+))?()$/i.exec(text) : null;
  const bracketed = /^\[([^\]]+)\](?:-\[([^\]]+)\])?(?::(.*))?$/.exec(text);
  const [, from, to, ports] = six ?? bracketed ?? /^([\d.]+)?(?:-([\d.]+))?(?::(.*))?$/.exec(text) ?? [];
  const shift = /^\d+-\d+\/(\d+)$/.exec(ports ?? '')?.[1];
  const cleaned = (to ?? '').replace(/^\[|\]$/g, '');
  const first = parseIp((from ?? '').split('-')[0] ?? '');
  const last = parseIp(cleaned === '' ? ((from ?? '').split('-')[1] ?? '') : cleaned);
  return {
    addresses: first ? [first.value, last?.value ?? first.value] : undefined,
    ports: portsOf(ports === '' ? undefined : ports),
    ...(shift === undefined ? {} : { shiftedFrom: Number(shift) }),
  };
}

function portsOf(text: string | undefined): readonly [number, number] | undefined {
  const found = /^:?(\d+)(?:-(\d+))?/.exec(text ?? '');
  return found ? [Number(found[1]), Number(found[2] ?? found[1])] : undefined;
}

/** The address of the device that the packet leaves by, on the subnet of its next hop where there is one (nf_nat_masquerade). */
function masqueradeAddress(at: Moment): bigint | undefined {
  if (at.out === undefined) return undefined;
  const { packet } = at;
  // Another device's address is taken only where this one is known to have none.
  if (!hasAddresses(at, at.out) && at.namespace.addressesKnown[packet.family] !== 'whole') return undefined;
  const answer = at.route(flowOf(packet, at.in ?? 'lo', at.out), 'masquerade');
  const via = answer.kind === 'found' ? answer.hop?.via : undefined;
  return sourceAddress(at.namespace, at.out, packet.family, packet.family === 6 ? packet.dst : (via ?? packet.dst), 'global');
}

/** The first address of the device that the packet came by; the loopback address for local packets (nf_nat_redirect). */
function redirectAddress(at: Moment): bigint | undefined {
  const { family } = at.packet;
  if (at.hook === 'OUTPUT') return family === 4 ? 0x7f000001n : 1n;
  const addresses = at.namespace.devices.get(at.in ?? '')?.addresses ?? [];
  const own = addresses.flatMap(({ ip }) => {
    const parsed = parseIp(ip);
    return parsed?.family === family ? [parsed.value] : [];
  });
  if (family === 4) return own[0];
  // IPv6 takes an address of the link for what was sent to one; any other may be redirected to all (nf_nat_redirect_ipv6_usable).
  const isLinkLocal = (ip: bigint): boolean => ip >> 118n === 0x3fan;
  // For what was sent to the loopback address, which a bridge may hand over, no card has an address of that scope.
  if (at.packet.dst === 1n) return undefined;
  return isLinkLocal(at.packet.dst) ? own.find(isLinkLocal) : own[0];
}

import { formatIpv4, formatIpv6, parseIp } from '../packet/address';
import type { Ctx } from './context';
import type { Port, Tunnel } from './switch';
import { wordAt, or, readMac, W } from '../packet/flow-words';
import { ETH_TYPE } from '../packet/protocols';

/** Whether a tunnel's packets come with this protocol and destination port. */
function listens(tunnel: Tunnel, proto: number, dstPort: number): boolean {
  switch (tunnel.type) {
    case 'vxlan':
    case 'geneve':
    case 'gtpu':
    case 'lisp':
    case 'bareudp':
      return proto === 17 && tunnel.dstPort === dstPort;
    case 'stt':
      return proto === 6 && tunnel.dstPort === dstPort;
    case 'srv6':
      return false;
    default:
      return proto === 47;
  }
}

/**
 * The datapath's number of the tunnel that a packet for one of the switch's own addresses belongs to: a userspace datapath unpacks it
 * instead of giving it to the host. Addresses are those that the switch's routes tell (`ovs/route/show`).
 */
export function tunnelToPop(ctx: Ctx, port: Port): number | undefined {
  const { flow, wc, session } = ctx;
  if (!session.sw.datapath.tunnelPushPop) return undefined;
  const own = session.sw.tunnelRoutes.flatMap(({ dev, src }) => (dev === port.name && src !== undefined ? [src] : []));
  if (own.length === 0) return undefined;
  or(wc, W.dlDst, 0xffff);
  or(wc, W.dlDst + 1, 0xffffffff);
  if (port.mac === undefined || readMac(flow, W.dlDst) !== port.mac) return undefined;
  const type = wordAt(flow, W.dlType);
  if (type !== ETH_TYPE.IP && type !== ETH_TYPE.IPV6) return undefined;
  if (!own.includes(destination(ctx, type === ETH_TYPE.IPV6)) || wordAt(flow, W.nwFrag) !== 0) return undefined;
  const proto = wordAt(flow, W.nwProto);
  for (const bridge of session.sw.bridges.values()) {
    for (const { tunnel, odpPort } of bridge.ports.values()) {
      if (!tunnel || odpPort === undefined || !listens(tunnel, proto, wordAt(flow, W.tpDst))) continue;
      if (type === ETH_TYPE.IP) or(wc, W.nwDst, 0xffffffff);
      else for (let i = 0; i < 4; i++) or(wc, W.ipv6Dst + i, 0xffffffff);
      or(wc, W.nwProto, 0xff);
      or(wc, W.nwFrag, 0x3);
      if (proto !== 47) or(wc, W.tpDst, 0xffff);
      return odpPort;
    }
  }
  return undefined;
}

function destination(ctx: Ctx, ipv6: boolean): string {
  if (!ipv6) return formatIpv4(BigInt(wordAt(ctx.flow, W.nwDst)));
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(ctx.flow, W.ipv6Dst + i));
  return canonical(formatIpv6(value));
}

const canonical = (text: string): string => {
  const ip = parseIp(text);
  return ip?.family === 6 ? formatIpv6(ip.value) : text;
};

import { parseIp } from '../packet/address';
import type { Tunnel } from './switch';
import { wordAt, exact8, type FlowWords, or, W } from '../packet/flow-words';
import { isIpAny, TUNNEL_FLAG } from '../packet/protocols';

/** Writes an address into the IPv4 word or the four IPv6 words at hand; the other family becomes 0. */
function setAddress(flow: FlowWords, v4: number, v6: number, text: string | undefined): void {
  flow[v4] = 0;
  flow.fill(0, v6, v6 + 4);
  const ip = text === undefined ? undefined : parseIp(text);
  if (!ip) return;
  if (ip.family === 4) flow[v4] = Number(ip.value);
  else for (let i = 0; i < 4; i++) flow[v6 + i] = Number((ip.value >> BigInt(96 - 32 * i)) & 0xffffffffn);
}

/** Puts the tunnel's configured headers on a packet that leaves by it, as the interface's options say. */
export function prepareTunnel(flow: FlowWords, wc: FlowWords, tunnel: Tunnel): void {
  if (!tunnel.localIpFlow) setAddress(flow, W.tunSrc, W.tunIpv6Src, tunnel.localIp);
  if (!tunnel.remoteIpFlow) setAddress(flow, W.tunDst, W.tunIpv6Dst, tunnel.remoteIp);
  flow[W.tunTpDst] = tunnel.dstPort;
  if (!tunnel.outKeyFlow) {
    flow[W.tunId] = Number((tunnel.outKey >> 32n) & 0xffffffffn);
    flow[W.tunId + 1] = Number(tunnel.outKey & 0xffffffffn);
  }
  if (tunnel.ttlInherit && isIpAny(flow)) {
    exact8(wc, W.nwTtl);
    flow[W.tunTtl] = wordAt(flow, W.nwTtl);
  } else {
    flow[W.tunTtl] = tunnel.ttl;
  }
  if (tunnel.tosInherit && isIpAny(flow)) {
    or(wc, W.nwTos, 0xfc);
    flow[W.tunTos] = wordAt(flow, W.nwTos) & 0xfc;
  } else {
    flow[W.tunTos] = tunnel.tos;
  }
  if (isIpAny(flow)) {
    or(wc, W.nwTos, 3);
    const ecn = wordAt(flow, W.nwTos) & 3;
    // A congestion mark is not copied outward; the tunnel's ends report it themselves (RFC 6040).
    or(flow, W.tunTos, ecn === 3 ? 2 : ecn);
  }
  flow[W.tunFlags] =
    (wordAt(flow, W.tunFlags) & TUNNEL_FLAG.OAM) |
    (tunnel.dontFragment ? TUNNEL_FLAG.DONT_FRAGMENT : 0) |
    (tunnel.csum ? TUNNEL_FLAG.CSUM : 0) |
    (tunnel.outKeyPresent ? TUNNEL_FLAG.KEY : 0);
  if (tunnel.egressPktMark !== undefined) {
    flow[W.pktMark] = tunnel.egressPktMark;
    wc[W.pktMark] = 0xffffffff;
  }
  // The index and the hardware id are hexadecimal with or without 0x (ovs-vswitchd.conf.db(5), "erspan_idx").
  const erspan = [
    ['erspan_ver', W.tunErspanVer, 10],
    ['erspan_idx', W.tunErspanIdx, 16],
    ['erspan_dir', W.tunErspanDir, 10],
    ['erspan_hwid', W.tunErspanHwid, 16],
  ] as const;
  for (const [option, word, base] of erspan) {
    const value = tunnel.options[option];
    if (value !== 'flow') flow[word] = Number.parseInt(value ?? '0', base) || 0;
  }
}

/** A packet with an outer destination came through a tunnel. */
export function cameByTunnel(flow: FlowWords): boolean {
  return (
    wordAt(flow, W.tunDst) !== 0 ||
    wordAt(flow, W.tunIpv6Dst) !== 0 ||
    wordAt(flow, W.tunIpv6Dst + 1) !== 0 ||
    wordAt(flow, W.tunIpv6Dst + 2) !== 0 ||
    wordAt(flow, W.tunIpv6Dst + 3) !== 0
  );
}

/** What a packet from a tunnel always shows of its outer header. */
export function lookAtTunnel(flow: FlowWords, wc: FlowWords): void {
  if (!cameByTunnel(flow)) return;
  wc.fill(0xffffffff, W.tunId, W.tunId + 2);
  if (wordAt(flow, W.tunDst)) {
    wc[W.tunSrc] = 0xffffffff;
    wc[W.tunDst] = 0xffffffff;
  } else {
    wc.fill(0xffffffff, W.tunIpv6Src, W.tunIpv6Src + 4);
    wc.fill(0xffffffff, W.tunIpv6Dst, W.tunIpv6Dst + 4);
  }
  wc[W.tunFlags] = TUNNEL_FLAG.DONT_FRAGMENT | TUNNEL_FLAG.CSUM | TUNNEL_FLAG.KEY;
  wc[W.tunTos] = 0xff;
  if (isIpAny(flow) && (wordAt(flow, W.tunTos) & 3) === 3) or(wc, W.nwTos, 3);
}

/** Copies a congestion mark from the outer header inward; false where the packet must be dropped, as it can't carry the mark. */
export function processEcn(flow: FlowWords): boolean {
  if (!cameByTunnel(flow) || !isIpAny(flow) || (wordAt(flow, W.tunTos) & 3) !== 3) return true;
  if ((wordAt(flow, W.nwTos) & 3) === 0) return false;
  or(flow, W.nwTos, 3);
  return true;
}

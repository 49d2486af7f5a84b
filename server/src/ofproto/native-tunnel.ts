import type { TunnelPushHeader } from '../datapath/dp-action';
import { geneveOptions } from '../datapath/geneve';
import { netlinkSize } from '../datapath/netlink-size';
import { formatMac, formatIpv4, formatIpv6, inPrefix, parseIp, parsePrefix, type IpAddress } from '../packet/address';
import { meetSwitch, report, type Ctx } from './context';
import type { Port, TunnelRoute } from './switch';
import { wordAt, emptyFlow, type FlowWords, W, writeMac } from '../packet/flow-words';
import { tlvsOf } from './fields';
import { ETH_TYPE, PACKET_TYPE, TUNNEL_FLAG } from '../packet/protocols';

/** Where a tunnel's packet leaves: the port of a bridge, the next hop and the source address. */
interface Way {
  readonly bridge: string;
  readonly port: Port;
  readonly nextHop: IpAddress;
  readonly source: IpAddress | undefined;
}

function addressOf(flow: FlowWords, v4: number, v6: number): IpAddress | undefined {
  if (wordAt(flow, v4)) return { family: 4, value: BigInt(wordAt(flow, v4)) };
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(flow, v6 + i));
  return value === 0n ? undefined : { family: 6, value };
}

function print(ip: IpAddress | undefined): string {
  if (!ip) return '::';
  return ip.family === 4 ? formatIpv4(ip.value) : formatIpv6(ip.value);
}

function bestRoute(routes: readonly TunnelRoute[], dst: IpAddress, mark: number): TunnelRoute | undefined {
  const matching = routes.filter((route) => {
    if (route.mark !== mark) return false;
    const prefix = parsePrefix(`${route.ip}/${route.prefix}`);
    return prefix !== undefined && inPrefix(dst, prefix);
  });
  return matching.sort((a, b) => b.prefix - a.prefix)[0];
}

function findWay(ctx: Ctx): Way | undefined {
  const dst = addressOf(ctx.flow, W.tunDst, W.tunIpv6Dst);
  const { tunnelRoutes } = ctx.session.sw;
  const mark = wordAt(ctx.flow, W.pktMark);
  const route = dst && bestRoute(tunnelRoutes, dst, mark);
  if (!dst || !route) return undefined;
  const gateway = route.gateway === undefined ? undefined : parseIp(route.gateway);
  const given = addressOf(ctx.flow, W.tunSrc, W.tunIpv6Src);
  // A source that is not one of the switch's own addresses has no way out.
  if (given && bestRoute(tunnelRoutes, given, mark)?.local !== true) return undefined;
  const source = given ?? (route.src === undefined ? undefined : parseIp(route.src));
  const bridges = [...ctx.session.sw.bridges.values()];
  // The device that is a bridge's own is looked for first, then any port.
  for (const bridge of [...bridges.filter((each) => each.name === route.dev), ...bridges]) {
    const port = [...bridge.ports.values()].find((each) => each.name === route.dev);
    if (port) return { bridge: bridge.name, port, nextHop: gateway ?? dst, source };
  }
  return undefined;
}

/** The header of the tunnel's own protocol; undefined for a kind that userspace datapaths do not build. */
function tunnelHeader(ctx: Ctx, port: Port, ipv6: boolean): TunnelPushHeader | undefined {
  const { tunnel } = port;
  const { flow } = ctx;
  if (!tunnel) return undefined;
  const key = wordAt(flow, W.tunId + 1);
  const hasCsum = (wordAt(flow, W.tunFlags) & TUNNEL_FLAG.CSUM) !== 0;
  switch (tunnel.type) {
    case 'vxlan':
      return { kind: 'vxlan', flags: tunnel.gpe ? gpeFlags(flow) : 0x08000000, vni: key & 0xffffff };
    case 'geneve': {
      const options = geneveOptions(flow, tlvsOf(ctx.bridge));
      return {
        kind: 'geneve',
        oam: (wordAt(flow, W.tunFlags) & TUNNEL_FLAG.OAM) !== 0,
        critical: options.some((option) => (option.type & 0x80) !== 0),
        vni: key & 0xffffff,
        options,
      };
    }
    case 'gre':
    case 'ip6gre': {
      const packetType = wordAt(flow, W.packetType);
      const sequence = tunnel.options['seq'] === 'true';
      return {
        kind: ipv6 ? 'ip6gre' : 'gre',
        flags: (hasCsum ? 0x8000 : 0) | (tunnel.outKeyPresent ? 0x2000 : 0) | (sequence ? 0x1000 : 0),
        proto: packetType === PACKET_TYPE.ETH ? ETH_TYPE.TEB : packetType & 0xffff,
        csum: hasCsum ? 0 : undefined,
        key: tunnel.outKeyPresent ? key : undefined,
        seq: sequence ? 0 : undefined,
      };
    }
    case 'gtpu': {
      // Version 1 of a GTP packet with user data, where no action says otherwise; `seq` is for GRE alone (ovs-vswitchd.conf.db(5)).
      const flags = wordAt(flow, W.tunGtpuFlags) || 0x30;
      return { kind: 'gtpu', flags, msgtype: wordAt(flow, W.tunGtpuMsgtype) || 255, teid: key };
    }
    case 'erspan':
    case 'ip6erspan': {
      // A session has ten bits; what is set by the tunnel and not by flows is in the flow already.
      if (key > 0x3ff) return undefined;
      const kind = ipv6 ? 'ip6erspan' : 'erspan';
      const version = wordAt(flow, W.tunErspanVer);
      if (version === 1) return { kind, version, sid: key, index: wordAt(flow, W.tunErspanIdx) };
      return version === 2
        ? { kind, version, sid: key, dir: wordAt(flow, W.tunErspanDir), hwid: wordAt(flow, W.tunErspanHwid) }
        : undefined;
    }
    default:
      return undefined;
  }
}

/** VXLAN-GPE: the flags for a VNI and a next protocol, and the protocol in the lowest byte. */
function gpeFlags(flow: FlowWords): number {
  const packetType = wordAt(flow, W.packetType);
  const next: Readonly<Record<number, number>> = { 0x800: 1, 0x86dd: 2, 0x894f: 4 };
  const protocol = packetType === PACKET_TYPE.ETH ? 3 : (next[packetType & 0xffff] ?? 3);
  return (0x0c000000 | protocol) >>> 0;
}

/** The whole outer header. */
function buildHeader(ctx: Ctx, port: Port, smac: bigint, dmac: bigint, way: Way) {
  const { flow } = ctx;
  const ipv6 = wordAt(flow, W.tunDst) === 0;
  const header = tunnelHeader(ctx, port, ipv6);
  if (!header || !port.tunnel) return undefined;
  const udp = header.kind === 'vxlan' || header.kind === 'geneve' || header.kind === 'gtpu';
  const proto = udp ? 17 : 47;
  const tos = wordAt(flow, W.tunTos);
  const ttl = wordAt(flow, W.tunTtl);
  const dst = addressOf(flow, W.tunDst, W.tunIpv6Dst)?.value ?? 0n;
  const src = way.source?.value ?? 0n;
  const csum = ipv6 || (wordAt(flow, W.tunFlags) & TUNNEL_FLAG.CSUM) !== 0 ? 0xffff : 0;
  const frag = wordAt(flow, W.tunFlags) & TUNNEL_FLAG.DONT_FRAGMENT ? 0x4000 : 0;
  return {
    eth: { src: smac, dst: dmac, type: ipv6 ? ETH_TYPE.IPV6 : ETH_TYPE.IP },
    ip: ipv6
      ? ({ family: 6, src, dst, label: 0, proto, tclass: tos, hlimit: ttl } as const)
      : ({ family: 4, src: Number(src), dst: Number(dst), proto, tos, ttl, frag } as const),
    udp: udp ? { src: 0, dst: port.tunnel.dstPort, csum } : undefined,
    tunnel: header,
    proto,
  };
}

/** The outer headers become the packet's own, for the bridge that carries the tunnel. */
function becomeOuter(
  to: FlowWords,
  from: FlowWords,
  way: Way,
  smac: bigint,
  dmac: bigint,
  ipv6: boolean,
  protocol: number,
): void {
  const tunnel = from.slice();
  writeMac(to, W.dlDst, dmac);
  writeMac(to, W.dlSrc, smac);
  to[W.vlan0] = 0;
  to[W.vlan1] = 0;
  to[W.packetType] = PACKET_TYPE.ETH;
  to[W.nwDst] = wordAt(tunnel, W.tunDst);
  to[W.nwSrc] = wordAt(tunnel, W.tunSrc);
  to.set(tunnel.subarray(W.tunIpv6Dst, W.tunIpv6Dst + 4), W.ipv6Dst);
  to.set(tunnel.subarray(W.tunIpv6Src, W.tunIpv6Src + 4), W.ipv6Src);
  to[W.nwFrag] = 0;
  to[W.nwTos] = wordAt(tunnel, W.tunTos);
  to[W.nwTtl] = wordAt(tunnel, W.tunTtl);
  to[W.tpDst] = wordAt(tunnel, W.tunTpDst);
  to[W.tpSrc] = wordAt(tunnel, W.tunTpSrc);
  to[W.dlType] = ipv6 ? ETH_TYPE.IPV6 : ETH_TYPE.IP;
  if (way.source?.family === 6 && ipv6 && to.subarray(W.ipv6Src, W.ipv6Src + 4).every((word) => word === 0)) {
    const { value } = way.source;
    for (let i = 0; i < 4; i++) to[W.ipv6Src + i] = Number((value >> BigInt(96 - 32 * i)) & 0xffffffffn);
  } else if (way.source?.family === 4 && !ipv6 && wordAt(to, W.nwSrc) === 0) {
    to[W.nwSrc] = Number(way.source.value);
  }
  to[W.nwProto] = protocol;
}

/** Goes on in the bridge that carries the tunnel; given by the caller, so that outputs and tunnels need not import each other. */
export type PatchOutput = (ctx: Ctx, to: { readonly bridge: string; readonly port: Port }, isLast: boolean) => void;

/**
 * Output to a tunnel of a userspace datapath: the switch looks the way up itself (`ovs/route/show`, `tnl/neigh/show`), builds the outer
 * header and goes on in the bridge that carries it.
 */
export function nativeTunnelOutput(
  ctx: Ctx,
  port: Port,
  odpPort: number,
  options: { readonly isLast: boolean; readonly truncate?: boolean },
  patchOutput: PatchOutput,
): void {
  const way = findWay(ctx);
  if (!way) {
    report(ctx, 'warn', 'native tunnel routing failed');
    meetSwitch(ctx, 'tunnel-routes');
    return;
  }
  report(ctx, 'detail', `tunneling to ${print(way.nextHop)} via ${way.port.name}`);
  const smac = way.port.mac ?? ctx.session.sw.bridges.get(way.bridge)?.mac;
  if (smac === undefined) {
    report(ctx, 'warn', 'tunnel output device lacks Ethernet address');
    return;
  }
  const neighbour = ctx.session.sw.tunnelNeighbours.find(
    ({ bridge, ip }) => bridge === way.bridge && print(parseIp(ip)) === print(way.nextHop),
  );
  if (!neighbour) {
    meetSwitch(ctx, 'tunnel-neighbours');
    report(
      ctx,
      'detail',
      `neighbor cache miss for ${print(way.nextHop)} on bridge ${way.bridge}, ` +
        `sending ${way.nextHop.family === 4 ? 'ARP' : 'ND'} request`,
    );
    return;
  }
  report(
    ctx,
    'detail',
    `tunneling from ${formatMac(smac)} ${print(way.source)} to ${formatMac(neighbour.mac)} ${print(way.nextHop)}`,
  );
  const header = buildHeader(ctx, port, smac, neighbour.mac, way);
  if (!header || way.port.odpPort === undefined) {
    report(ctx, 'warn', 'native tunnel header build failed');
    return;
  }
  const saved = {
    flow: ctx.flow.slice(),
    base: ctx.baseFlow.slice(),
    wc: ctx.wc,
    actions: ctx.dpActions,
    bytes: ctx.enclosingBytes,
  };
  const { proto, ...outer } = header;
  for (const words of [ctx.baseFlow, ctx.flow])
    becomeOuter(words, ctx.flow, way, smac, neighbour.mac, header.ip.family === 6, proto);
  const push = { tnlPort: odpPort, outPort: way.port.odpPort, ...outer };
  const inner: typeof ctx.dpActions = [{ kind: 'tnl_push', push }];
  ctx.enclosingBytes += netlinkSize(ctx.dpActions) + (options.isLast ? 0 : 4);
  ctx.dpActions = inner;
  let keep = true;
  if (options.truncate) {
    inner.push({ kind: 'recirc', id: 0 });
  } else {
    const { allowSideEffects, packetLength } = ctx;
    ctx.wc = emptyFlow();
    ctx.allowSideEffects = false;
    ctx.packetLength = undefined;
    patchOutput(ctx, { bridge: way.bridge, port: way.port }, options.isLast);
    ctx.allowSideEffects = allowSideEffects;
    ctx.packetLength = packetLength;
    ctx.wc = saved.wc;
    keep = inner.length > 1;
  }
  ctx.dpActions = saved.actions;
  ctx.enclosingBytes = saved.bytes;
  if (keep && options.isLast) ctx.dpActions.push(...inner);
  else if (keep) ctx.dpActions.push({ kind: 'clone', actions: inner });
  ctx.flow = saved.flow;
  ctx.baseFlow = saved.base;
}

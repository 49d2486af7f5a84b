import { genevePlaces, geneveOptions } from '../datapath/geneve';
import { formatMac, formatIpv4, formatIpv6, inPrefix, parseIp, type IpAddress } from '../packet/address';
import { emptyFlow, W, type FlowWords } from '../packet/flow-words';
import { report, type Ctx } from './context';
import { at, ETH, PT, setMac, TNL_F } from './protocols';
import type { Port, TunnelRoute } from './switch';

/** Where a tunnel's packet leaves: the port of a bridge, the next hop and the source address. */
interface Way {
  readonly bridge: string;
  readonly port: Port;
  readonly nextHop: IpAddress;
  readonly source: IpAddress | undefined;
}

function addressOf(flow: FlowWords, v4: number, v6: number): IpAddress | undefined {
  if (at(flow, v4)) return { family: 4, value: BigInt(at(flow, v4)) };
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(at(flow, v6 + i));
  return value === 0n ? undefined : { family: 6, value };
}

function print(ip: IpAddress | undefined): string {
  if (!ip) return '::';
  return ip.family === 4 ? formatIpv4(ip.value) : formatIpv6(ip.value);
}

function bestRoute(routes: readonly TunnelRoute[], dst: IpAddress): TunnelRoute | undefined {
  const matching = routes.filter((route) => {
    const ip = parseIp(route.ip);
    return ip !== undefined && inPrefix(dst, { ...ip, length: route.prefix });
  });
  return matching.sort((a, b) => b.prefix - a.prefix)[0];
}

function findWay(ctx: Ctx): Way | undefined {
  const dst = addressOf(ctx.flow, W.tunDst, W.tunIpv6Dst);
  const route = dst && bestRoute(ctx.session.sw.tunnelRoutes, dst);
  if (!dst || !route) return undefined;
  const gateway = route.gateway === undefined ? undefined : parseIp(route.gateway);
  const given = addressOf(ctx.flow, W.tunSrc, W.tunIpv6Src);
  const source = given ?? (route.src === undefined ? undefined : parseIp(route.src));
  const bridges = [...ctx.session.sw.bridges.values()];
  // The device that is a bridge's own is looked for first, then any port.
  for (const bridge of [...bridges.filter((each) => each.name === route.dev), ...bridges]) {
    const port = [...bridge.ports.values()].find((each) => each.name === route.dev);
    if (port) return { bridge: bridge.name, port, nextHop: gateway ?? dst, source };
  }
  return undefined;
}

const VPORT = { vxlan: 4, gre: 3, geneve: 5, ip6gre: 109, gtpu: 111 } as const;

/** Builds the outer header as the switch prints it; undefined for a kind of tunnel that has none here. */
function buildHeader(ctx: Ctx, port: Port, smac: bigint, dmac: bigint, source: IpAddress | undefined) {
  const { tunnel } = port;
  const { flow } = ctx;
  if (!tunnel) return undefined;
  const ipv6 = at(flow, W.tunDst) === 0;
  const dst = addressOf(flow, W.tunDst, W.tunIpv6Dst);
  const udp = tunnel.type === 'vxlan' || tunnel.type === 'geneve' || tunnel.type === 'gtpu';
  const protocol = udp ? 17 : 47;
  let size = 14 + (ipv6 ? 40 : 20);
  let text = `eth(dst=${formatMac(dmac)},src=${formatMac(smac)},dl_type=0x${ipv6 ? '86dd' : '0800'}),`;
  const tos = at(flow, W.tunTos);
  if (ipv6) {
    text +=
      `ipv6(src=${print(source)},dst=${print(dst)},label=0,proto=${protocol},tclass=0x${tos.toString(16)},` +
      `hlimit=${at(flow, W.tunTtl)}),`;
  } else {
    const fragment = at(flow, W.tunFlags) & TNL_F.DONT_FRAGMENT ? '4000' : '0';
    text +=
      `ipv4(src=${print(source ?? { family: 4, value: 0n })},dst=${print(dst)},proto=${protocol},` +
      `tos=${tos === 0 ? '0' : `0x${tos.toString(16)}`},ttl=${at(flow, W.tunTtl)},frag=0x${fragment}),`;
  }
  const csum = ipv6 || (at(flow, W.tunFlags) & TNL_F.CSUM) !== 0;
  if (udp) {
    text += `udp(src=0,dst=${tunnel.dstPort},csum=0x${csum ? 'ffff' : '0'}),`;
    size += 8;
  }
  const key = at(flow, W.tunId + 1);
  const vni = (key & 0xffffff).toString(16);
  const { type } = tunnel;
  switch (type) {
    case 'vxlan':
      text += `vxlan(flags=0x${tunnel.gpe ? gpeFlags(flow) : '8000000'},vni=0x${vni})`;
      size += 8;
      break;
    case 'geneve': {
      const options = geneveOptions(flow, genevePlaces(ctx.bridge.tlvMap));
      const bytes = options.reduce((sum, option) => sum + 4 + option.data.length, 0);
      const oam = at(flow, W.tunFlags) & TNL_F.OAM ? 'oam,' : '';
      const critical = options.some((option) => option.type & 0x80) ? 'crit,' : '';
      const list = options.map(
        ({ class: optionClass, type: optionType, data }) =>
          `{class=0x${optionClass.toString(16)},type=0x${optionType.toString(16)},len=${data.length}` +
          `${
            data.length > 0
              ? `,0x${data
                  .map((byte) => byte.toString(16).padStart(2, '0'))
                  .join('')
                  .replace(/^0+(?=.)/, '')}`
              : ''
          }}`,
      );
      text += `geneve(${oam}${critical}vni=0x${vni}${options.length > 0 ? `,options(${list.join('')})` : ''})`;
      size += 8 + bytes;
      break;
    }
    case 'gre':
    case 'ip6gre': {
      const packetType = at(flow, W.packetType);
      const proto = packetType === PT.ETH ? ETH.TEB : packetType & 0xffff;
      const hasCsum = (at(flow, W.tunFlags) & TNL_F.CSUM) !== 0;
      const sequence = tunnel.options['seq'] === 'true';
      const flags = (hasCsum ? 0x8000 : 0) | (tunnel.outKeyPresent ? 0x2000 : 0) | (sequence ? 0x1000 : 0);
      text +=
        `gre((flags=0x${flags.toString(16)},proto=0x${proto.toString(16)})${hasCsum ? ',csum=0x0' : ''}` +
        `${tunnel.outKeyPresent ? `,key=0x${key.toString(16)}` : ''}${sequence ? ',seq=0x0' : ''})`;
      size += 4 + (hasCsum ? 4 : 0) + (tunnel.outKeyPresent ? 4 : 0) + (sequence ? 4 : 0);
      break;
    }
    case 'gtpu':
      text += `gtpu(flags=0x${at(flow, W.tunGtpuFlags).toString(16)},msgtype=${at(flow, W.tunGtpuMsgtype)},teid=0x${key.toString(16)})`;
      size += 8;
      break;
    default:
      return undefined;
  }
  const vport = type === 'gre' && ipv6 ? VPORT.ip6gre : VPORT[type];
  return { size, type: vport, text, protocol, ipv6 };
}

/** VXLAN-GPE: the VNI and next-protocol flags, and the protocol in the lowest byte. */
function gpeFlags(flow: FlowWords): string {
  const packetType = at(flow, W.packetType);
  const next: Readonly<Record<number, number>> = { 0x800: 1, 0x86dd: 2, 0x894f: 4 };
  const protocol = packetType === PT.ETH ? 3 : (next[packetType & 0xffff] ?? 3);
  return ((0x0c000000 | protocol) >>> 0).toString(16);
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
  setMac(to, W.dlDst, dmac);
  setMac(to, W.dlSrc, smac);
  to[W.vlan0] = 0;
  to[W.vlan1] = 0;
  to[W.packetType] = PT.ETH;
  to[W.nwDst] = at(tunnel, W.tunDst);
  to[W.nwSrc] = at(tunnel, W.tunSrc);
  to.set(tunnel.subarray(W.tunIpv6Dst, W.tunIpv6Dst + 4), W.ipv6Dst);
  to.set(tunnel.subarray(W.tunIpv6Src, W.tunIpv6Src + 4), W.ipv6Src);
  to[W.nwFrag] = 0;
  to[W.nwTos] = at(tunnel, W.tunTos);
  to[W.nwTtl] = at(tunnel, W.tunTtl);
  to[W.tpDst] = at(tunnel, W.tunTpDst);
  to[W.tpSrc] = at(tunnel, W.tunTpSrc);
  to[W.dlType] = ipv6 ? ETH.IPV6 : ETH.IP;
  if (way.source?.family === 6 && ipv6 && to.subarray(W.ipv6Src, W.ipv6Src + 4).every((word) => word === 0)) {
    const { value } = way.source;
    for (let i = 0; i < 4; i++) to[W.ipv6Src + i] = Number((value >> BigInt(96 - 32 * i)) & 0xffffffffn);
  } else if (way.source?.family === 4 && !ipv6 && at(to, W.nwSrc) === 0) {
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
    if (ctx.session.sw.tunnelRoutes.length === 0) {
      ctx.session.notes.add('the routes of the userspace datapath were not captured (ovs-appctl ovs/route/show)');
    }
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
  const header = buildHeader(ctx, port, smac, neighbour.mac, way.source);
  if (!header || way.port.odpPort === undefined) {
    report(ctx, 'warn', 'native tunnel header build failed');
    return;
  }
  const saved = { flow: ctx.flow.slice(), base: ctx.baseFlow.slice(), wc: ctx.wc, actions: ctx.dpActions };
  becomeOuter(ctx.baseFlow, ctx.flow, way, smac, neighbour.mac, header.ipv6, header.protocol);
  becomeOuter(ctx.flow, ctx.flow, way, smac, neighbour.mac, header.ipv6, header.protocol);
  const push = { tnlPort: odpPort, outPort: way.port.odpPort, headerSize: header.size, type: header.type, text: header.text };
  const inner: typeof ctx.dpActions = [{ kind: 'tnl_push', push }];
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
  if (keep && options.isLast) ctx.dpActions.push(...inner);
  else if (keep) ctx.dpActions.push({ kind: 'clone', actions: inner });
  ctx.flow = saved.flow;
  ctx.baseFlow = saved.base;
}

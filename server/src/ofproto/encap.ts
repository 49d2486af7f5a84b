import type { OfpAct } from '../openflow/ofpact';
import { commit } from './commit';
import { datapathCan, report, type Ctx } from './context';
import { wordAt, exact8, W, writeMac } from '../packet/flow-words';
import { ETH_TYPE, MAX_MPLS_LABELS, mplsLabels, PACKET_TYPE, VLAN_CFI } from '../packet/protocols';
import { popMpls, pushMpls, tci } from './headers';

/** NSH's next protocols (RFC 8300, 2.2). */
const NSH_NEXT = { IPV4: 1, IPV6: 2, ETHERNET: 3, NSH: 4 } as const;

function packetTypeText(packetType: number): string {
  return `(${packetType >>> 16},0x${(packetType & 0xffff).toString(16)})`;
}

function encapEthernet(ctx: Ctx): void {
  const packetType = wordAt(ctx.flow, W.packetType);
  ctx.wc[W.packetType] = 0xffffffff;
  if (packetType >>> 16 !== 1) {
    report(ctx, 'action', 'Dropping packet as encap(ethernet) is not supported for packet type ethernet.');
    ctx.error = 'Unsupported packet type';
    return;
  }
  ctx.flow[W.packetType] = PACKET_TYPE.ETH;
  writeMac(ctx.flow, W.dlSrc, 0n);
  writeMac(ctx.flow, W.dlDst, 0n);
  ctx.flow[W.dlType] = packetType & 0xffff;
}

function encapMpls(ctx: Ctx, packetType: number): void {
  const n = mplsLabels(ctx.flow, ctx.wc);
  if (n >= MAX_MPLS_LABELS) {
    tooManyLabels(ctx, "dropping packet on which an encap MPLS action can't be performed as it would have more");
    return;
  }
  ctx.wc[W.packetType] = 0xffffffff;
  if (wordAt(ctx.flow, W.packetType) === PACKET_TYPE.ETH && wordAt(ctx.flow, W.dlType) === ETH_TYPE.MPLS) {
    for (const words of [ctx.wc, ctx.flow, ctx.baseFlow]) words.fill(0, W.mpls, W.mpls + MAX_MPLS_LABELS);
  }
  ctx.flow[W.packetType] = packetType;
  pushMpls(ctx.flow, n, packetType & 0xffff, ctx.wc);
  writeMac(ctx.flow, W.dlSrc, 0n);
  writeMac(ctx.flow, W.dlDst, 0n);
}

/** Ends the translation where a packet has, or would have, more labels than the switch keeps. `start`: the sentence's beginning. */
export function tooManyLabels(ctx: Ctx, start: string): void {
  if (ctx.packetLength !== undefined) report(ctx, 'error', `${start} MPLS LSEs than the ${MAX_MPLS_LABELS} supported.`);
  ctx.error = 'Too many MPLS labels';
}

function encapNsh(ctx: Ctx, act: OfpAct & { kind: 'encap' }): readonly number[] | undefined {
  const { flow } = ctx;
  const packetType = wordAt(flow, W.packetType);
  let mdType = 1;
  const metadata: number[] = [];
  for (const { value } of act.properties) {
    if (value.kind === 'md-type') {
      mdType = value.mdType;
      continue;
    }
    const padding = (4 - (value.data.length % 4)) % 4;
    metadata.push(value.tlvClass >> 8, value.tlvClass & 0xff, value.type, value.data.length, ...value.data);
    for (let i = 0; i < padding; i++) metadata.push(0);
  }
  const nextProtocols: Readonly<Record<number, number>> = {
    [PACKET_TYPE.ETH]: NSH_NEXT.ETHERNET,
    [PACKET_TYPE.IPV4]: NSH_NEXT.IPV4,
    [PACKET_TYPE.IPV6]: NSH_NEXT.IPV6,
    [PACKET_TYPE.NSH]: NSH_NEXT.NSH,
  };
  const next = nextProtocols[packetType];
  if (next === undefined) {
    report(ctx, 'action', `Dropping packet as encap(nsh) is not supported for packet type ${packetTypeText(packetType)}`);
    ctx.error = 'Unsupported packet type';
    return undefined;
  }
  ctx.wc[W.packetType] = 0xffffffff;
  flow.fill(0, W.dlDst);
  flow[W.packetType] = PACKET_TYPE.NSH;
  flow[W.dlType] = ETH_TYPE.NSH;
  flow[W.nshTtl] = 63;
  flow[W.nshNp] = next;
  flow[W.nshSi] = 255;
  flow[W.nshMdtype] = mdType & 0xf;
  return mdType === 2 && metadata.length > 0 && metadata.length <= 248 ? metadata : undefined;
}

/** encap(…): the new header is pushed at the next commit (ovs-actions(7)). */
export function encapAction(ctx: Ctx, act: OfpAct & { kind: 'encap' }): void {
  commit(ctx);
  let data: readonly number[] | undefined;
  if (act.packetType === PACKET_TYPE.ETH) encapEthernet(ctx);
  else if (act.packetType === PACKET_TYPE.NSH) data = encapNsh(ctx, act);
  else {
    encapMpls(ctx, act.packetType);
    if (!datapathCan(ctx, 'addMpls')) ctx.slow.add('ACTION');
  }
  if (ctx.error === undefined) {
    ctx.pendingEncap = true;
    ctx.encapData = data;
  }
}

/** decap(): true where what was inside must be looked at again, which takes a recirculation. */
export function decapAction(ctx: Ctx, act: OfpAct & { kind: 'decap' }): boolean {
  commit(ctx);
  const { flow } = ctx;
  const packetType = wordAt(flow, W.packetType);
  const fail = (text: string): false => {
    report(ctx, 'action', text);
    ctx.error = 'Unsupported packet type';
    return false;
  };
  switch (packetType) {
    case PACKET_TYPE.ETH:
      if (tci(flow, 0) & VLAN_CFI) return fail('Dropping packet, cannot decap Ethernet if VLAN is present.');
      flow[W.packetType] = ((1 << 16) | wordAt(flow, W.dlType)) >>> 0;
      writeMac(flow, W.dlSrc, 0n);
      writeMac(flow, W.dlDst, 0n);
      ctx.wc[W.dlType] = 0xffff;
      return false;
    case PACKET_TYPE.NSH: {
      const inner: Readonly<Record<number, number>> = {
        [NSH_NEXT.ETHERNET]: PACKET_TYPE.ETH,
        [NSH_NEXT.IPV4]: PACKET_TYPE.IPV4,
        [NSH_NEXT.IPV6]: PACKET_TYPE.IPV6,
        [NSH_NEXT.NSH]: PACKET_TYPE.NSH,
      };
      const next = inner[wordAt(flow, W.nshNp)];
      if (next === undefined) {
        return fail(`Dropping packet as NSH next protocol ${wordAt(flow, W.nshNp)} is not supported`);
      }
      flow[W.packetType] = next;
      exact8(ctx.wc, W.nshNp);
      ctx.pendingDecap = true;
      return true;
    }
    case PACKET_TYPE.MPLS:
    case PACKET_TYPE.MPLS_MCAST: {
      flow[W.packetType] = act.packetType ?? PACKET_TYPE.NEXT_PROTOCOL;
      const ethertype = wordAt(flow, W.packetType) & 0xffff || ETH_TYPE.TEB;
      const n = mplsLabels(flow, ctx.wc);
      if (popMpls(flow, n, ethertype, ctx.wc)) {
        if (!datapathCan(ctx, 'addMpls')) ctx.slow.add('ACTION');
        ctx.pendingDecap = true;
        return n === 1;
      }
      if (n >= MAX_MPLS_LABELS) {
        tooManyLabels(ctx, "dropping packet on which an MPLS decap can't be performed as it has more");
        ctx.dpActions.length = 0;
      }
      return false;
    }
    default:
      return fail(`Dropping packet as the decap() does not support packet type ${packetTypeText(packetType)}`);
  }
}

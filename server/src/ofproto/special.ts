import { bundleOf } from './bundles';
import type { Ctx, SlowReason } from './context';
import type { Port } from './switch';
import { exact, exact16, exact8, exactMac, or, readMac, wordAt, W } from '../packet/flow-words';
import { ETH_TYPE, FRAG, IP_PROTO } from '../packet/protocols';
import { isStp } from './headers';

/** The UDP port of BFD's control packets (RFC 5881, 4). */
const BFD_PORT = 3784;
/** Where CFM's continuity checks go, and those with `cfm_extended` (ovs-vswitchd.conf.db(5)). */
const CFM_ADDRESS = 0x0180c2000030n;
const CFM_EXTENDED_ADDRESS = 0x012320000030n;

/** Frames that the switch itself takes (CFM, BFD, LACP, spanning tree, LLDP); true for one of these. */
export function processSpecial(ctx: Ctx, port: Port | undefined): boolean {
  const reason = port && specialOf(ctx, port);
  if (reason === undefined) return false;
  ctx.slow.add(reason);
  return true;
}

/** Whether a packet is one of CFM or BFD as the port's own: no spanning tree holds those up. Looks at the headers that tell. */
export function isHealthCheck(ctx: Ctx, { cfm, bfd }: Port): boolean {
  return (cfm !== undefined && isCfm(ctx, cfm.extended)) || (bfd !== undefined && isBfd(ctx, bfd));
}

/** The same order as the switch's, which asks for a header only where the ones before did not take the frame. */
function specialOf(ctx: Ctx, port: Port): SlowReason | undefined {
  if (port.cfm && isCfm(ctx, port.cfm.extended)) return 'CFM';
  if (port.bfd && isBfd(ctx, port.bfd)) return 'BFD';
  const type = wordAt(ctx.flow, W.dlType);
  if ((bundleOf(ctx.bridge, port.ofport)?.lacp ?? false) && type === ETH_TYPE.LACP) return 'LACP';
  if (ctx.bridge.stp || ctx.bridge.rstp) {
    exactMac(ctx.wc, W.dlDst);
    if (isStp(ctx.flow)) return 'STP';
  }
  return port.lldp === true && type === ETH_TYPE.LLDP ? 'LLDP' : undefined;
}

function isCfm(ctx: Ctx, extended: boolean): boolean {
  if (wordAt(ctx.flow, W.dlType) !== ETH_TYPE.CFM) return false;
  exactMac(ctx.wc, W.dlDst);
  // One of a tunnel's tenants' own is none of the switch's.
  return readMac(ctx.flow, W.dlDst) === (extended ? CFM_EXTENDED_ADDRESS : CFM_ADDRESS) && hasNoTunnelKey(ctx);
}

function isBfd(ctx: Ctx, { remoteMac, checkTunnelKey }: NonNullable<Port['bfd']>): boolean {
  const { flow, wc } = ctx;
  if (remoteMac !== undefined) {
    exactMac(wc, W.dlDst);
    if (readMac(flow, W.dlDst) !== remoteMac) return false;
  }
  if (wordAt(flow, W.dlType) !== ETH_TYPE.IP) return false;
  exact8(wc, W.nwProto);
  if (wordAt(flow, W.nwProto) !== IP_PROTO.UDP || (wordAt(flow, W.nwFrag) & FRAG.LATER) !== 0) return false;
  const differing = wordAt(flow, W.tpDst) ^ BFD_PORT;
  if (differing !== 0) {
    // The highest bit that differs is enough to tell that it is another port.
    or(wc, W.tpDst, 1 << (31 - Math.clz32(differing)));
    return false;
  }
  exact16(wc, W.tpDst);
  return !checkTunnelKey || hasNoTunnelKey(ctx);
}

function hasNoTunnelKey({ flow, wc }: Ctx): boolean {
  exact(wc, W.tunId, 2);
  return wordAt(flow, W.tunId) === 0 && wordAt(flow, W.tunId + 1) === 0;
}

import { W } from '../packet/flow-words';
import { bundleOf } from './bundles';
import type { Ctx } from './context';
import { at, ETH, exactMac, isStp } from './protocols';
import type { Port } from './switch';

/** Frames that the switch itself takes (LACP, spanning tree); true for one of these. */
export function processSpecial(ctx: Ctx, port: Port | undefined): boolean {
  if (!port) return false;
  const lacp = bundleOf(ctx.bridge, port.ofport)?.lacp ?? false;
  if (lacp && at(ctx.flow, W.dlType) === ETH.LACP) {
    ctx.slow.add('LACP');
    return true;
  }
  if (ctx.bridge.stp || ctx.bridge.rstp) {
    exactMac(ctx.wc, W.dlDst);
    if (isStp(ctx.flow)) {
      ctx.slow.add('STP');
      return true;
    }
  }
  return false;
}

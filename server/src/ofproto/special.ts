import { bundleOf } from './bundles';
import type { Ctx } from './context';
import type { Port } from './switch';
import { wordAt, exactMac, W } from '../packet/flow-words';
import { ETH_TYPE } from '../packet/protocols';
import { isStp } from './headers';

/** Frames that the switch itself takes (LACP, spanning tree); true for one of these. */
export function processSpecial(ctx: Ctx, port: Port | undefined): boolean {
  if (!port) return false;
  const lacp = bundleOf(ctx.bridge, port.ofport)?.lacp ?? false;
  if (lacp && wordAt(ctx.flow, W.dlType) === ETH_TYPE.LACP) {
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

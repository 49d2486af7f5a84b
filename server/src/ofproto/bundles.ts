import { report, type Ctx } from './context';
import { OFPP } from '../openflow/ofpact';
import type { Bridge, Bundle, Mirror, Port } from './switch';

const byPort = new WeakMap<Bridge, ReadonlyMap<number, Bundle>>();

export function bundleOf(bridge: Bridge, ofport: number): Bundle | undefined {
  let map = byPort.get(bridge);
  if (!map) {
    map = new Map(bridge.bundles.flatMap((bundle) => bundle.ofports.map((port) => [port, bundle] as const)));
    byPort.set(bridge, map);
  }
  return map.get(ofport);
}

/** The bundle that a packet came in by; `none` for a packet that a controller made. Reports a port that nobody knows. */
export function inputBundle(ctx: Ctx, ofport: number): Bundle | 'none' | undefined {
  const bundle = ctx.bridge.ports.has(ofport) ? bundleOf(ctx.bridge, ofport) : undefined;
  if (bundle) return bundle;
  if (ofport === OFPP.CONTROLLER || ofport === OFPP.NONE) return 'none';
  report(ctx, 'error', `received packet on unknown port ${ofport}`);
  return undefined;
}

/** The bundle is where a mirror sends its copies, so it carries nothing else. */
export function isMirrorOutput(bridge: Bridge, bundle: Bundle | 'none'): boolean {
  return bundle !== 'none' && bridge.mirrors.some((mirror) => mirror.outputBundle === bundle.name);
}

/** Mirrors of packets that come in by a bundle, or leave by it. */
export function mirrorsOf(bridge: Bridge, bundle: Bundle | 'none', direction: 'src' | 'dst'): readonly Mirror[] {
  if (bundle === 'none') return [];
  return bridge.mirrors.filter(
    (mirror) => mirror.selectAll || (direction === 'src' ? mirror.selectSrc : mirror.selectDst).has(bundle.name),
  );
}

export function forwards(bridge: Bridge, port: Port): boolean {
  return !(bridge.stp || bridge.rstp) || [undefined, 'disabled', 'forwarding'].includes(port.stpState);
}

export function learns(bridge: Bridge, port: Port): boolean {
  return forwards(bridge, port) || port.stpState === 'learning';
}

/** Whether a port can carry packets now, as groups, bundles and bonds ask it. */
export function isAlive(port: Port | undefined): boolean {
  return port !== undefined && !port.linkDown && port.faulty !== true;
}

import { bondHash, maskHashFields } from '../datapath/hash';
import { isAlive } from './bundles';
import type { Ctx } from './context';
import type { Bond, Bundle } from './switch';
import { isMulticastMac } from './headers';

/** The member by which a bond sends, and whether the datapath's own hash chooses instead (balance-tcp). */
export interface BondChoice {
  readonly ofport: number;
  readonly recirculate: boolean;
  readonly basis: number;
}

/** Whether a member carries packets: as `bond/show` says, else if its link is up. */
function isEnabled(ctx: Ctx, bond: Bond, ofport: number): boolean {
  return bond.enabled.get(ofport) ?? isAlive(ctx.bridge.ports.get(ofport));
}

function firstEnabled(ctx: Ctx, bundle: Bundle, bond: Bond): number | undefined {
  return bundle.ofports.find((ofport) => isEnabled(ctx, bond, ofport));
}

function active(ctx: Ctx, bundle: Bundle, bond: Bond): number | undefined {
  // A bond that was shown and has no active member sends by none.
  if (bond.active !== undefined || bond.enabled.size > 0) return bond.active;
  const port = firstEnabled(ctx, bundle, bond);
  ctx.session.notes.add(
    `bond ${bundle.name}: no capture says which member is active; its first live one is taken (ovs-appctl bond/show tells)`,
  );
  return port;
}

/** Chooses the member for an outgoing packet (ovs-vswitchd.conf.db(5), "Bonding Configuration"); undefined where none may send. */
export function chooseMember(ctx: Ctx, bundle: Bundle, bond: Bond, vlan: number): BondChoice | undefined {
  if (bond.mode === 'active-backup' || (bond.lacp === 'configured' && bond.lacpFallback)) {
    const port = active(ctx, bundle, bond);
    return port === undefined ? undefined : { ofport: port, recirculate: false, basis: 0 };
  }
  if (bond.lacp === 'configured') return undefined;
  if (bond.mode === 'balance-tcp' && bond.lacp !== 'negotiated') return undefined;
  const recirculate = bond.mode === 'balance-tcp';
  if (!recirculate) maskHashFields(ctx.flow, ctx.wc, 'eth_src');
  const bucket = bondHash(bond.mode, ctx.flow, vlan, bond.basis);
  let port = bond.hashToMember.get(bucket);
  if (port === undefined || !isEnabled(ctx, bond, port)) {
    port = firstEnabled(ctx, bundle, bond);
    if (!recirculate && bundle.ofports.length > 1) {
      ctx.session.notes.add(
        `bond ${bundle.name}: no capture says which member serves hash ${bucket}; its first live one is taken ` +
          '(ovs-appctl bond/show tells)',
      );
    }
  }
  return port === undefined ? undefined : { ofport: port, recirculate, basis: bond.basis };
}

/** Whether a packet that came in by a bond's member may be forwarded. */
export function admits(ctx: Ctx, bundle: Bundle, bond: Bond, ofport: number): 'accept' | 'drop' | 'drop-if-moved' {
  if (bond.lacp === 'negotiated') return isEnabled(ctx, bond, ofport) ? 'accept' : 'drop';
  if (bond.lacp === 'configured' && !bond.lacpFallback) return 'drop';
  if (bond.lacp === undefined && bond.mode === 'balance-tcp') return 'drop';
  const isActive = active(ctx, bundle, bond) === ofport;
  if (isMulticastMac(ctx.flow) && !isActive && !bond.allMembersActive) return 'drop';
  if (bond.mode === 'balance-slb') return 'drop-if-moved';
  if (bond.mode === 'balance-tcp' && !bond.lacpFallback) return 'drop';
  return isActive ? 'accept' : 'drop';
}

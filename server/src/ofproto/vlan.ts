import { report, type Ctx } from './context';
import type { Bundle } from './switch';
import type { FlowWords } from '../packet/flow-words';
import { isVlanType, MAX_VLAN_HEADERS, VLAN_CFI } from '../packet/protocols';
import { setVlan, tci, tpid } from './headers';

/** One 802.1Q header; 0 where there is none. `pcp` stands where it stands in the TCI. */
export interface VlanHeader {
  readonly tpid: number;
  readonly vid: number;
  readonly pcp: number;
}

/** A packet's VLAN headers, the outer one first. */
export type Vlans = readonly [VlanHeader, VlanHeader];

const none: VlanHeader = { tpid: 0, vid: 0, pcp: 0 };

export function extractVlans(flow: FlowWords): Vlans {
  const header = (i: number): VlanHeader | undefined =>
    isVlanType(tpid(flow, i)) && tci(flow, i) & VLAN_CFI
      ? { tpid: tpid(flow, i), vid: tci(flow, i) & 0xfff, pcp: tci(flow, i) & 0xe000 }
      : undefined;
  const outer = header(0);
  return outer ? [outer, header(1) ?? none] : [none, none];
}

export function putVlans(flow: FlowWords, vlans: Vlans, priorityTags: Bundle['priorityTags']): void {
  for (let i = 0; i < MAX_VLAN_HEADERS; i++) {
    const header = vlans[i] ?? none;
    let value = header.vid | (header.pcp & 0xe000);
    let type = tpid(flow, i);
    if (value || (priorityTags === 'always' && header.tpid)) {
      value |= VLAN_CFI;
      type = header.tpid || 0x8100;
    }
    setVlan(flow, i, type, value);
  }
}

export function trunks(bundle: Bundle, vid: number): boolean {
  return bundle.vlanMode !== 'access' && (bundle.trunks === undefined || bundle.trunks.has(vid));
}

function allowsCustomer(bundle: Bundle, vid: number): boolean {
  return bundle.cvlans === undefined || bundle.cvlans.has(vid);
}

/** Whether a packet of these VLANs may leave by the bundle (ovs-vswitchd.conf.db(5), "VLAN Configuration"). */
export function includesVlan(bundle: Bundle, vlans: Vlans): boolean {
  switch (bundle.vlanMode) {
    case 'access':
      return vlans[0].vid === bundle.tag && vlans[1].vid === 0;
    case 'dot1q-tunnel':
      return vlans[0].vid === bundle.tag && allowsCustomer(bundle, vlans[1].vid);
    default:
      return trunks(bundle, vlans[0].vid);
  }
}

/** Whether a packet may come in by the bundle with the VLAN that it carries; says why not. */
export function inputVlanIsValid(ctx: Ctx, vid: number, bundle: Bundle | 'none'): boolean {
  if (bundle === 'none') return true;
  switch (bundle.vlanMode) {
    case 'access':
      if (vid === 0) return true;
      report(
        ctx,
        'error',
        `dropping VLAN ${vid} tagged packet received on port ${bundle.name} configured as VLAN ${bundle.tag} access port`,
      );
      return false;
    case 'dot1q-tunnel':
      if (allowsCustomer(bundle, vid)) return true;
      report(ctx, 'error', `dropping VLAN ${vid} packet received on dot1q-tunnel port ${bundle.name} that excludes this VLAN`);
      return false;
    default:
      if (bundle.vlanMode !== 'trunk' && vid === 0) return true;
      if (trunks(bundle, vid)) return true;
      report(ctx, 'error', `dropping VLAN ${vid} packet received on port ${bundle.name} not configured for trunking VLAN ${vid}`);
      return false;
  }
}

/** The VLANs that a packet has inside the bridge. */
export function translateInput(bundle: Bundle | 'none', input: Vlans): Vlans {
  if (bundle === 'none') return input;
  const own: VlanHeader = { tpid: input[0].tpid || 0x8100, vid: bundle.tag, pcp: input[0].pcp };
  switch (bundle.vlanMode) {
    case 'access':
      return [own, none];
    case 'trunk':
      return input;
    case 'dot1q-tunnel':
      return [{ tpid: bundle.qinqEthertype, vid: bundle.tag, pcp: 0 }, input[0]];
    default:
      return input[0].vid === 0 ? [own, input[1]] : input;
  }
}

/** The VLANs that a packet leaves the bundle with. */
export function translateOutput(bundle: Bundle, vlans: Vlans): Vlans {
  switch (bundle.vlanMode) {
    case 'access':
      return [none, none];
    case 'native-untagged':
      return vlans[0].vid === bundle.tag ? [vlans[1], none] : vlans;
    case 'dot1q-tunnel':
      return [vlans[1], none];
    default:
      return vlans;
  }
}

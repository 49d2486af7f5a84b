import { formatIpv4, formatIpv6 } from '../packet/address';
import { report, type Ctx } from './context';
import { outputNormal } from './output';
import type { Bundle, MulticastSnooping } from './switch';
import type { Vlans } from './vlan';
import { wordAt, W } from '../packet/flow-words';
import { ETH_TYPE } from '../packet/protocols';
import { isIgmp, isMld, isMldReport } from './headers';

/** What multicast needs of NORMAL. */
interface Normal {
  readonly flood: (ctx: Ctx, input: Bundle | 'none', vlans: Vlans) => void;
  readonly isLocalMulticast: (ctx: Ctx) => boolean;
}

/** IGMP membership reports and leaves of every version. */
const igmpMembership = new Set([0x12, 0x16, 0x17, 0x22]);

function groupAddress(ctx: Ctx): string {
  if (wordAt(ctx.flow, W.dlType) === ETH_TYPE.IP) return formatIpv4(BigInt(wordAt(ctx.flow, W.nwDst)));
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(ctx.flow, W.ipv6Dst + i));
  return formatIpv6(value);
}

/** Multicast with snooping: to the group's ports, routers and flood ports only (ovs-vswitchd.conf.db(5), "Multicast Snooping"). */
export function outputMulticast(
  ctx: Ctx,
  snooping: MulticastSnooping,
  input: Bundle | 'none',
  vlans: Vlans,
  { flood, isLocalMulticast }: Normal,
): void {
  const out: Bundle[] = [];
  const add = (name: string, what: string, unknown: string) => {
    const bundle = ctx.bridge.bundles.find((each) => each.name === name);
    if (!bundle) report(ctx, 'warn', unknown);
    else if (bundle === input) report(ctx, 'detail', `${what} is input port, dropping`);
    else {
      report(ctx, 'detail', `forwarding to ${what}`);
      out.push(bundle);
    }
  };
  const toRouters = () => {
    for (const { bundle, vlan } of snooping.routers) {
      if (vlan !== vlans[0].vid) report(ctx, 'detail', 'mcast router is on another vlan, dropping');
      else add(bundle, 'mcast router port', 'mcast router port is unknown, dropping');
    }
  };
  const toFloodPorts = () => {
    for (const bundle of ctx.bridge.bundles) {
      if (bundle.multicastFlood) add(bundle.name, 'mcast flood port', 'mcast flood port is unknown, dropping');
    }
  };
  const toReportPorts = () => {
    for (const bundle of ctx.bridge.bundles) {
      if (!bundle.multicastFloodReports) continue;
      if (bundle === input) report(ctx, 'detail', 'mcast port is input port, dropping the Report');
      else {
        report(ctx, 'detail', 'forwarding report to mcast flagged port');
        out.push(bundle);
      }
    }
  };
  const send = () => {
    for (const bundle of out) outputNormal(ctx, bundle, vlans);
  };

  if (isIgmp(ctx.flow, ctx.wc)) {
    ctx.slow.add('ACTION');
    if (igmpMembership.has(wordAt(ctx.flow, W.tpSrc))) {
      toRouters();
      toReportPorts();
      send();
    } else {
      report(ctx, 'detail', 'multicast traffic, flooding');
      flood(ctx, input, vlans);
    }
    return;
  }
  if (isMld(ctx.flow, ctx.wc)) {
    ctx.slow.add('ACTION');
    if (isMldReport(ctx.flow, ctx.wc)) {
      toRouters();
      toReportPorts();
      send();
    } else {
      report(ctx, 'detail', 'MLD query, flooding');
      flood(ctx, input, vlans);
    }
    return;
  }
  if (isLocalMulticast(ctx)) {
    report(ctx, 'detail', 'RFC4541: section 2.1.2, item 2, flooding');
    flood(ctx, input, vlans);
    return;
  }
  const address = groupAddress(ctx);
  const members = snooping.groups.filter((group) => group.vlan === vlans[0].vid && group.address === address);
  if (members.length > 0) {
    for (const { bundle } of members) add(bundle, 'mcast group port', 'mcast group port is unknown, dropping');
    toFloodPorts();
    toRouters();
    send();
  } else if (snooping.floodUnregistered) {
    report(ctx, 'detail', 'unregistered multicast, flooding');
    flood(ctx, input, vlans);
  } else {
    toRouters();
    toFloodPorts();
    send();
  }
}

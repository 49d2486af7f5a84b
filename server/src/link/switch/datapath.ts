import type { Datapath, TunnelRoute } from '../../ofproto/switch';
import { parseMac } from '../../packet/address';
import { factsOf, type Captured } from './captured';
import { text } from './rows';

/** What the datapath is and can do; what no capture says is as in Open vSwitch 3.1 with that kind of datapath. */
export function datapathOf(captured: Captured): Datapath {
  const type = typeOf(captured);
  const features = new Map<string, string>();
  for (const { capture } of captured.captures) {
    // What was set later holds; what the datapath could do at first is told by the other command.
    const later = capture.kind === 'ovs-appctl-dpif-set-dp-features';
    for (const fact of capture.facts)
      if (fact.kind === 'datapath-feature' && (later || !features.has(fact.name.value)))
        features.set(fact.name.value, fact.value.value);
  }
  const userspace = type !== 'system' || runsInUserspace(captured);
  const flag = (name: string, otherwise: boolean) => {
    const value = features.get(name)?.toLowerCase();
    return value === undefined ? otherwise : value === 'yes' || value === 'true';
  };
  const count = (name: string, otherwise: number) => {
    const value = features.get(name);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : otherwise;
  };
  return {
    type,
    userspace,
    tunnelPushPop: flag('Tunnel push pop', userspace && (type === 'netdev' || knowsRoutes(captured))),
    maxVlanHeaders: count('Max VLAN headers', userspace ? 1 : 2),
    explicitDrop: flag('Explicit Drop action', userspace),
    maskedSet: flag('Masked set action', true),
    ctTuple: flag('CT orig tuple', true),
    clone: flag('Clone action', true),
    checkPktLen: flag('Check pkt length action', true),
    sampleNesting: count('Sample nesting', 10),
    lbOutput: flag('Optimized Balance TCP mode', userspace),
    addMpls: flag('MPLS Label add', true),
    ctClear: flag('Conntrack clear', true),
    ctTimeout: flag('Conntrack timeout policy', true),
    ctZeroSnat: flag('Conntrack all-zero IP SNAT', true),
    ndExtensions: flag('IPv6 ND Extension', userspace),
    truncation: flag('Truncate action', true),
    maxMplsDepth: count('Max MPLS depth', 3),
    maxHashAlgorithm: count('Max dp_hash algorithm', userspace ? 1 : 0),
  };
}

/** The types by which ofproto/trace knows a host's datapaths: `system` in `system@ovs-system`. */
export function datapathTypesOf(captured: Captured): readonly string[] {
  const shown = factsOf(captured, 'datapath').map((fact) => fact.type.value);
  return shown.length > 0 ? [...new Set(shown)] : [typeOf(captured)];
}

/** A datapath of the kernel's name without the kernel: its internal ports are of another kind. */
function runsInUserspace(captured: Captured): boolean {
  return factsOf(captured, 'datapath-port').some((port) => port.type?.value === 'dummy-internal' || port.type?.value === 'tap');
}

/** Whether somebody asked the switch for its own routes: one that leaves tunnels to its datapath has no use for them. */
function knowsRoutes(captured: Captured): boolean {
  return captured.captures.some(({ capture }) =>
    /^ovs-appctl-(?:ovs-route-show|tnl-neigh-show|tnl-arp-show)$/.test(capture.kind),
  );
}

function typeOf(captured: Captured): Datapath['type'] {
  // A test switch may call its datapath what it likes; its devices tell.
  if (factsOf(captured, 'datapath-port').some((fact) => /^dummy/.test(fact.type?.value ?? ''))) return 'dummy';
  const shown = factsOf(captured, 'datapath').find((fact) => /^(?:system|netdev|dummy)$/.test(fact.type.value))?.type.value;
  const listed = captured.rows.of('bridge').map((row) => text(row, 'datapath_type'));
  const facts = factsOf(captured, 'ovs-bridge').map((fact) => fact.datapathType?.value);
  const type = shown ?? [...listed, ...facts].find((word) => word !== undefined && word !== '');
  return type === 'netdev' || type === 'dummy' ? type : 'system';
}

/** Routes that tunnels of a userspace datapath go by. */
export function tunnelRoutesOf(captured: Captured): TunnelRoute[] {
  return factsOf(captured, 'ovs-route').map((fact) => ({
    ip: fact.ip.value,
    prefix: fact.prefix.value,
    gateway: fact.gateway?.value,
    dev: fact.dev.value,
    src: fact.src?.value,
    mark: fact.mark?.value ?? 0,
    local: fact.local,
  }));
}

export function tunnelNeighboursOf(
  captured: Captured,
): readonly { readonly bridge: string; readonly ip: string; readonly mac: bigint }[] {
  return factsOf(captured, 'tunnel-neighbour').flatMap((fact) => {
    const mac = parseMac(fact.mac.value);
    return mac === undefined ? [] : [{ bridge: fact.bridge.value, ip: fact.ip.value, mac }];
  });
}

import type { OvsBridge } from '../../model/ovs-bridge';
import type { Bundle, Unseen, UnseenOfSwitch } from '../../ofproto/switch';
import { aboutBridge, factsOf, isWhole, type Captured } from './captured';
import { PORT_KINDS } from './ports';
import { isShown, items } from './rows';

const FDB_KINDS: ReadonlySet<string> = new Set(['ovs-appctl-fdb-show']);
const MDB_KINDS: ReadonlySet<string> = new Set(['ovs-appctl-mdb-show']);
const GROUP_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-dump-groups']);
const METER_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-dump-meters']);
const OWN_FLOW_KINDS: ReadonlySet<string> = new Set(['ovs-appctl-bridge-dump-flows']);
const TLV_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-dump-tlv-map']);

/**
 * What no capture tells of a bridge, and what stands in its place: a sentence each, for whoever meets it. What was shown in part counts
 * as not told.
 */
export function unseenOf(
  captured: Captured,
  bridge: OvsBridge,
  bundles: readonly Bundle[],
  inBand: boolean,
): ReadonlyMap<Unseen, string> {
  const { name } = bridge;
  const { rows } = captured;
  const unseen = new Map<Unseen, string>();
  const whole = (kinds: ReadonlySet<string>): boolean => aboutBridge(captured, name, kinds).some(isWhole);
  const bridgeRow = rows.named('bridge', name);
  const settled = bundles.every((bundle) => {
    const row = rows.named('port', bundle.name);
    return isShown(row, 'vlan_mode') && isShown(row, 'tag');
  });

  if (!whole(FDB_KINDS))
    unseen.set(
      'mac-table',
      `${name}: its MAC table is not captured whole (ovs-appctl fdb/show ${name}); a MAC not seen there is flooded`,
    );
  if (!settled) {
    const shown = factsOf(captured, 'ovs-interface').some((fact) => fact.bridge?.value === name);
    unseen.set(
      'port-settings',
      shown
        ? `${name}: of its ports' settings only those of ovs-vsctl show are captured (ovs-vsctl list port has all); a port with a tag is taken for an access port, one without for a trunk, none for protected`
        : `${name}: the tags and settings of its ports are not captured (ovs-vsctl show, ovs-vsctl list port); they are taken for trunks of all VLANs`,
    );
  }
  if (!isShown(bridgeRow, 'mirrors') || !isShown(bridgeRow, 'other_config'))
    unseen.set(
      'bridge-settings',
      `${name}: its settings are not captured (ovs-vsctl list bridge ${name}); no mirror, no sampling, no multicast snooping and no spanning tree is assumed`,
    );
  if (!whole(PORT_KINDS))
    unseen.set(
      'port-config',
      `${name}: the configuration of its ports is not captured (ovs-ofctl show ${name}); none is taken to be down or kept from flooding`,
    );
  if (!whole(MDB_KINDS))
    unseen.set('multicast-groups', `${name}: who joined which multicast group is not captured (ovs-appctl mdb/show ${name})`);
  if (!whole(GROUP_KINDS))
    unseen.set('groups', `${name}: its groups are not captured whole (ovs-ofctl -O OpenFlow15 dump-groups ${name})`);
  if (!whole(METER_KINDS))
    unseen.set('meters', `${name}: its meters are not captured whole (ovs-ofctl -O OpenFlow13 dump-meters ${name})`);
  if (!whole(TLV_KINDS))
    unseen.set(
      'tlv-map',
      `${name}: which Geneve options its tun_metadata fields stand for is not captured whole (ovs-ofctl dump-tlv-map ${name}); where none is, tun_metadata0 is taken for OVN's own option`,
    );
  if (inBand && !whole(OWN_FLOW_KINDS))
    unseen.set(
      'own-flows',
      `${name}: it reaches a controller in-band, for which it has flows that only ovs-appctl bridge/dump-flows ${name} shows: of ARP, of DHCP and of TCP with the controller`,
    );
  if (items(bridgeRow, 'controller').some((uuid) => !isShown(rows.byUuid(uuid), 'connection_mode')))
    unseen.set(
      'controller',
      `${name}: whether it reaches its controller in-band is not captured (ovs-vsctl list controller); answers of DHCP are then handed to its own host, too`,
    );
  return unseen;
}

/** The same for what all bridges of a switch share. */
export function unseenOfSwitch(captured: Captured, tunnelPushPop: boolean): ReadonlyMap<UnseenOfSwitch, string> {
  const unseen = new Map<UnseenOfSwitch, string>();
  const whole = (...kinds: readonly string[]): boolean =>
    captured.captures.some((linked) => kinds.includes(linked.capture.kind) && isWhole(linked));
  if (!whole('ovs-appctl-ovs-route-show'))
    unseen.set('tunnel-routes', 'the routes of the userspace datapath are not captured whole (ovs-appctl ovs/route/show)');
  if (!whole('ovs-appctl-tnl-neigh-show'))
    unseen.set(
      'tunnel-neighbours',
      'the neighbours of the userspace datapath are not captured whole (ovs-appctl tnl/neigh/show)',
    );
  if (!whole('ovs-appctl-dpif-set-dp-features')) {
    const said = whole('ovs-appctl-dpif-show-dp-features')
      ? 'dpif/show-dp-features tells what the datapath could do when it was made, ovs-appctl dpif/set-dp-features BRIDGE whether that was changed'
      : 'what the datapath can do is not captured (ovs-appctl dpif/show-dp-features BRIDGE tells)';
    unseen.set(
      'datapath-tunnels',
      `${said}; its tunnels are taken to be built by ${tunnelPushPop ? 'the switch itself' : 'the kernel'}`,
    );
    unseen.set(
      'datapath-actions',
      `${said}; its actions are chosen as for one that ${whole('ovs-appctl-dpif-show-dp-features') ? 'still can that' : 'can what Open vSwitch 3.1 asks of it'}`,
    );
  }
  return unseen;
}

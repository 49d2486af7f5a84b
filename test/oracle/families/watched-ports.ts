import type { Random } from '../random';
import type { Bridge, Port, Question } from '../setup';
import { ask, bridgeName, flowText, plainPorts, somePackets, type Family } from './common';

const MAC = '00:23:20:aa:bb:cc';

/** What watches a port: BFD, which finds nobody at the other end and lets it carry nothing; CFM, of which only its frames count here; LLDP. */
function watched(random: Random, port: Port): Port {
  const settings = random.pick([
    [],
    ['bfd:enable=true'],
    ['bfd:enable=true', 'bfd:check_tnl_key=true'],
    ['bfd:enable=true', `bfd:bfd_remote_dst_mac="${MAC}"`],
    ['bfd:enable=false'],
    ['lldp:enable=true'],
    ['bfd:enable=true', 'lldp:enable=true'],
  ]);
  return { ...port, interface: settings };
}

/** A frame of one of the protocols that watch ports, or nearly so. */
function watching(random: Random, inPort: number): string {
  const udp = `in_port=${inPort},udp,dl_src=00:00:00:00:00:05,dl_dst=${random.pick([MAC, 'aa:bb:cc:00:00:01'])},nw_src=192.0.2.1,nw_dst=192.0.2.2,nw_ttl=255`;
  return random.pick([
    `${udp},udp_src=49152,udp_dst=${random.pick([3784, 3784, 3785, 4784])}`,
    `${udp},nw_frag=later`,
    `in_port=${inPort},dl_src=00:00:00:00:00:05,dl_dst=${random.pick(['01:80:c2:00:00:30', '01:23:20:00:00:30', MAC])},dl_type=0x8902`,
    `in_port=${inPort},dl_src=00:00:00:00:00:05,dl_dst=${random.pick(['01:80:c2:00:00:0e', MAC])},dl_type=0x88cc`,
  ]);
}

/** Ports that BFD, CFM or LLDP runs on: whose frames the switch takes, and which groups and bundles leave out. */
const watchedPorts: Family = {
  name: 'watched-ports',
  make: (random, place) => {
    const plain = plainPorts(random, place, random.int(3, 6));
    const first = plain[0];
    const cfm = random.chance(0.3);
    const ports = plain.map((port) => (port === first && cfm ? cfmPort(random, port) : watched(random, port)));
    // A port of CFM is sound until nobody answered it for a while: what groups make of it would depend on when they are asked.
    const members = ports.filter((_, n) => n > 0 || !cfm).map(({ ofport }) => ofport);
    const packets = somePackets(random, 4, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6'],
    });
    const list = (): string => random.sample(members, random.int(1, members.length)).join(',');
    const bundle = (): string =>
      `bundle(${random.pick(['eth_src', 'symmetric_l4'])},0,${random.pick(['active_backup', 'active_backup', 'hrw'])},ofport,slaves:${list()})`;
    const load = (): string =>
      `bundle_load(eth_src,7,active_backup,ofport,NXM_NX_REG0[0..15],slaves:${list()}),output:NXM_NX_REG0[0..15]`;
    const buckets = random
      .sample(members, random.int(1, members.length))
      .map((port) => `bucket=watch_port:${port},actions=output:${port}`);
    const actions = [bundle(), load(), 'group:1', 'NORMAL', 'resubmit(,1)'];
    const name = bridgeName(place);
    const flow = (table: number, priority: number, match: string) =>
      flowText(random, { table, priority, match, actions: random.pick(table === 0 ? actions : actions.slice(0, 3)) });
    const bridge: Bridge = {
      name,
      ports,
      settings: ['fail-mode=secure'],
      flows: [
        flow(0, 9, random.pick(['ip', 'tcp', 'udp', 'arp'])),
        flow(0, 5, `in_port=${random.pick(ports).ofport}`),
        flow(0, 0, ''),
        flow(1, 0, ''),
      ].map((text) => ({ text, version: 'OpenFlow13' as const })),
      groups: [`group_id=1,type=${random.pick(['ff', 'ff', 'select'])},${buckets.join(',')}`],
    };
    const frames = Array.from({ length: 5 }, (): Question => ({
      bridge: name,
      flow: watching(random, random.pick(ports).ofport),
    }));
    return { bridges: [bridge], stages: [[...ask(random, name, packets, ports), ...frames]] };
  },
};

function cfmPort(random: Random, port: Port): Port {
  return { ...port, interface: ['cfm_mpid=7', ...(random.chance(0.5) ? ['other-config:cfm_extended=true'] : [])] };
}

export const watchedPortFamilies: readonly Family[] = [watchedPorts];

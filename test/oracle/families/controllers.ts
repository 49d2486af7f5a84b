import type { Question } from '../setup';
import { oneBridge, type Family } from './common';

/** Bridges that look for a controller which nobody is, in-band or not: with flows of their own above all others. */
const controllers: Family = {
  name: 'controllers',
  make: (random, place) => {
    const made = oneBridge(random, place, {
      packets: { kinds: ['tcp', 'udp', 'arp', 'arp', 'icmp'], vlan: 0.2 },
      menu: [
        ['output', 5],
        ['controller', 2],
        ['local', 1],
        ['resubmit', 1],
        ['set_field', 1],
        ['dec_ttl', 1],
        ['normal', 1],
      ],
      match: { fields: 2, miss: 0.2 },
      tables: random.int(1, 3),
      versions: ['OpenFlow13', 'OpenFlow14'],
    });
    const [bridge] = made.bridges;
    if (bridge === undefined) return made;
    const { name, ports } = bridge;
    const address = `127.0.${place.index}.9`;
    const target = random.pick([`tcp:${address}:1`, `tcp:${address}:2`, 'unix:/nowhere', `ssl:${address}:3`]);
    const mode = random.pick(['in-band', 'in-band', 'out-of-band', undefined]);
    const protocols = random.pick([[], [], ['OpenFlow13,OpenFlow14'], ['OpenFlow10,OpenFlow13,OpenFlow14']]);
    const vsctl = [
      ...['--', `--id=@c${place.index}`, 'create', 'controller', `target="${target}"`],
      ...(mode === undefined ? [] : [`connection_mode=${mode}`]),
      ...['--', 'set', 'bridge', name, `controller=@c${place.index}`],
      ...(random.chance(0.1) ? ['other-config:disable-in-band=true'] : []),
      ...protocols.map((list) => `protocols=${list}`),
    ];
    const asked = Array.from({ length: 6 }, (): Question => {
      const port = random.chance(0.2) ? 'LOCAL' : `${random.pick(ports).ofport}`;
      return {
        bridge: name,
        flow: `in_port=${port},${random.pick([
          `arp,arp_op=1,arp_spa=${address}`,
          `arp,arp_op=2,arp_tpa=${address}`,
          `tcp,nw_src=${address},tcp_src=1`,
          `tcp,nw_dst=${address},tcp_dst=1`,
          'udp,udp_src=67,udp_dst=68',
          'udp,udp_src=68,udp_dst=67',
          'udp,udp_src=67,udp_dst=68,nw_ttl=1',
        ])}`,
      };
    });
    return { ...made, vsctl, stages: [...made.stages, asked] };
  },
};

export const controllerFamilies: readonly Family[] = [controllers];

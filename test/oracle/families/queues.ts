import type { Bridge } from '../setup';
import { ask, bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family, type Menu } from './common';

const MENU: Menu = [
  ['output', 6],
  ['set_field', 1],
  ['mod_dl', 0.5],
  ['clone', 0.5],
  ['resubmit', 1],
  ['normal', 0.5],
];

/** Ports with QoS, whose queues mark the packets that leave by them. */
const queues: Family = {
  name: 'queues',
  make: (random, place) => {
    const name = bridgeName(place);
    const ports = plainPorts(random, place, random.int(2, 4));
    const packets = somePackets(random, 8, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6', 'udp6'],
      vlan: 0.3,
      others: ['reg0'],
    });
    const flows = pipeline(random, {
      ports,
      packets,
      tables: tablesOf(random, random.int(1, 2)),
      // Dumps of OpenFlow 1.1 and later write enqueue as set_queue, output and pop_queue, which forget a queue that was set before.
      menu: [
        ...MENU,
        ...random.pick<Menu>([
          [['enqueue', 4]],
          [
            ['set_queue', 3],
            ['pop_queue', 2],
          ],
        ]),
      ],
      perTable: 4,
      match: { miss: 0.1, fields: 2 },
    });
    const bridge: Bridge = { name, ports, flows, settings: ['fail-mode=secure'] };
    const vsctl: string[] = [];
    for (const [n, port] of ports.entries()) {
      if (random.chance(0.4)) continue;
      const id = `${place.index}_${n}`;
      const own = [0, 1, 2, 3, 9].filter(() => random.chance(0.6));
      for (const queue of own)
        vsctl.push(
          '--',
          `--id=@q${id}_${queue}`,
          'create',
          'queue',
          ...(random.chance(0.8) ? [`dscp=${random.int(0, 63)}`] : []),
        );
      const map = own.map((queue) => `queues:${queue}=@q${id}_${queue}`);
      vsctl.push('--', `--id=@qos${id}`, 'create', 'qos', 'type=linux-dummy', ...map);
      vsctl.push('--', 'set', 'port', port.name, `qos=@qos${id}`);
    }
    return { bridges: [bridge], vsctl, stages: [ask(random, name, packets, ports)] };
  },
};

export const queueFamilies: readonly Family[] = [queues];

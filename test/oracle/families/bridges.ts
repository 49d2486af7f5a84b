import type { Bridge, Flow, Port, SetUp } from '../setup';
import { ask, bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family, type Menu } from './common';
import { withStates } from './plain';

const MENU: Menu = [
  ['output', 6],
  ['load', 2],
  ['set_field', 2],
  ['mod_dl', 1],
  ['mod_vlan', 1],
  ['strip_vlan', 0.5],
  ['dec_ttl', 1],
  ['ct', 0.7],
  ['clone', 0.5],
  ['push', 0.3],
  ['pop', 0.3],
  ['resubmit', 1],
  ['in_port', 0.2],
  ['in_port_write', 0.5],
  ['local', 0.3],
  ['normal', 0.5],
  ['mpls', 0.3],
];

/** Bridges joined by patch ports, in a row or in a ring. */
const patches: Family = {
  name: 'patches',
  make: (random, place) => {
    const count = random.int(2, 3);
    const names = Array.from({ length: count }, (_, n) => bridgeName(place, 'abc'[n] ?? ''));
    const ring = random.chance(0.2);
    const joins = names.slice(1).map((_, n) => [n, n + 1] as const);
    if (ring && count === 3) joins.push([2, 0]);
    if (ring && count === 2) joins.push([0, 1]);
    const ports: Port[][] = names.map((_, n) => plainPorts(random, place, random.int(2, 3), `${'abc'[n] ?? ''}p`));
    joins.forEach(([from, to], n) => {
      const [one, other] = [`x${place.index}-${n}`, `y${place.index}-${n}`];
      addPatch(ports[from] ?? [], one, other);
      addPatch(ports[to] ?? [], other, one);
    });
    const packets = somePackets(random, 7, {
      inPorts: (ports[0] ?? []).map(({ ofport }) => ofport),
      kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6', 'ns', 'mpls'],
      vlan: 0.25,
      others: ['reg0', 'metadata', 'pkt_mark'],
    });
    const bridges = names.map((name, n): Bridge => {
      const own = ports[n] ?? [];
      const simple = random.chance(0.25);
      const flows: Flow[] = simple
        ? [{ text: 'priority=0 actions=NORMAL', version: 'OpenFlow13' }]
        : pipeline(random, {
            ports: own,
            packets:
              n === 0
                ? packets
                : packets.map((one) => ({
                    ...one,
                    fields: new Map([...one.fields].filter(([field]) => field !== 'in_port' && !/^reg|metadata/.test(field))),
                  })),
            tables: tablesOf(random, random.int(1, 3)),
            menu: ring ? MENU.filter(([what]) => what !== 'clone') : MENU,
            perTable: 4,
            match: { miss: 0.15, fields: 2 },
          });
      return { name, ports: own, flows, settings: [random.chance(0.8) ? 'fail-mode=secure' : 'fail-mode=standalone'] };
    });
    return {
      bridges,
      stages: [ask(random, names[0] ?? '', packets, ports[0] ?? []).map((question) => withStates(question, random))],
    } satisfies Omit<SetUp, 'family'>;
  },
};

export function addPatch(ports: Port[], name: string, peer: string): void {
  const ofport = Math.max(0, ...ports.map((port) => port.ofport)) + 1;
  ports.push({ name, ofport, type: 'patch', interface: [`options:peer=${peer}`] });
}

export const bridgeFamilies: readonly Family[] = [patches];

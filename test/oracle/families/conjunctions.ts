import { ipv4Text, macText } from '../fields';
import type { Packet } from '../packets';
import type { Random } from '../random';
import type { Flow } from '../setup';
import { ask, bridgeName, plainPorts, somePackets, type Family } from './common';

/** One value of a dimension as a match, taken from a packet or made up. */
type Dimension = (of: Packet, random: Random) => string;

const DIMENSIONS: readonly Dimension[] = [
  ({ fields }, random) => {
    const bits = random.pick([32, 32, 24, 16, 8]);
    const mask = (0xffffffffn << BigInt(32 - bits)) & 0xffffffffn;
    return `ip,nw_src=${ipv4Text((fields.get('nw_src') ?? 0n) & mask)}/${bits}`;
  },
  ({ fields }, random) => {
    const bits = random.pick([32, 32, 24, 12]);
    const mask = (0xffffffffn << BigInt(32 - bits)) & 0xffffffffn;
    return `ip,nw_dst=${ipv4Text((fields.get('nw_dst') ?? 0n) & mask)}/${bits}`;
  },
  ({ fields }, random) =>
    `tcp,tcp_dst=${fields.get('tcp_dst') ?? BigInt(random.int(1, 99))}${random.chance(0.3) ? '/0xfff0' : ''}`.replace(
      /=(\d+)\/0xfff0/,
      (_, value: string) => `=0x${(BigInt(value) & 0xfff0n).toString(16)}/0xfff0`,
    ),
  ({ fields }) => `in_port=${fields.get('in_port') ?? 1n}`,
  ({ fields }) => `ip,reg3=0x${(fields.get('reg3') ?? 0n).toString(16)}`,
  (_, random) => `ip,nw_frag=${random.pick(['no', 'not_later', 'yes'])}`,
  ({ fields }) => `ip,dl_src=${macText(fields.get('dl_src') ?? 0n)}`,
  (_, random) => `ip,nw_ttl=${random.pick([64, 63, 1])}`,
  ({ fields }, random) => `ip,ct_state=${random.pick(['-trk', '+trk', '-est'])},reg5=${fields.get('reg5') ?? 0n}`,
];

const conjunctions: Family = {
  name: 'conjunctions',
  make: (random, place) => {
    const ports = plainPorts(random, place, random.int(3, 5));
    const packets = somePackets(random, 8, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['tcp', 'tcp', 'tcp', 'udp', 'icmp', 'arp'],
      vlan: 0,
      others: ['reg3', 'reg5'],
    });
    const name = bridgeName(place);
    const flows: Flow[] = [];
    const table = random.pick([0, 5]);
    const used = new Set<string>();
    const add = (text: string): void => {
      const key = text.split(' actions=')[0] ?? '';
      if (used.has(key)) return;
      used.add(key);
      flows.push({ text, version: 'OpenFlow13' });
    };
    if (table !== 0) add(`table=0,priority=0 actions=${random.chance(0.3) ? 'load:3->NXM_NX_REG3[],' : ''}resubmit(,${table})`);
    for (let k = 0; k < random.int(1, 3); k++) {
      const id = random.int(1, 2000) * 4 + k;
      const priority = 100 + 10 * k;
      const dimensions = random.sample(DIMENSIONS, random.int(2, 5));
      dimensions.forEach((dimension, n) => {
        for (let m = 0; m < random.int(1, 4); m++) {
          const match = dimension(random.pick(packets), random);
          const extra = random.chance(0.15) ? `,conjunction(${id + 100_000},${random.int(1, 2)}/2)` : '';
          add(`table=${table},priority=${priority},${match} actions=conjunction(${id},${n + 1}/${dimensions.length})${extra}`);
        }
      });
      const outcome = random.pick([
        'output:1',
        `load:${id}->NXM_NX_REG6[],output:2`,
        'drop',
        'resubmit(,9)',
        'mod_nw_ttl:9,output:1',
        'load:5->NXM_NX_REG5[],resubmit(,9)',
        'ct(commit,table=9)',
      ]);
      if (random.chance(0.9))
        add(
          `table=${table},priority=${random.chance(0.8) ? priority : priority + 1},conj_id=${id},${random.pick(['ip', 'ip', 'tcp', 'udp'])} actions=${outcome}`,
        );
    }
    if (random.chance(0.5))
      add(`table=${table},priority=105,tcp,in_port=${packets[0]?.fields.get('in_port') ?? 1n} actions=output:3`);
    add(`table=${table},priority=0 actions=${random.pick(['drop', 'output:1', 'NORMAL'])}`);
    add('table=9 actions=in_port');
    return { bridges: [{ name, ports, settings: ['fail-mode=secure'], flows }], stages: [ask(random, name, packets, ports)] };
  },
};

export const conjunctionFamilies: readonly Family[] = [conjunctions];

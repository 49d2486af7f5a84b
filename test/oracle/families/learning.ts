import { macText } from '../fields';
import { packetText, type Packet } from '../packets';
import type { Random } from '../random';
import type { Flow, Question, Stage } from '../setup';
import { ask, bridgeName, plainPorts, somePackets, type Family } from './common';

function learnText(random: Random, table: number): string {
  const options = [
    `table=${table}`,
    ...(random.chance(0.5) ? [`priority=${random.int(1, 60000)}`] : []),
    ...(random.chance(0.4) ? [`idle_timeout=${random.int(10, 600)}`] : []),
    ...(random.chance(0.4) ? [`hard_timeout=${random.int(10, 600)}`] : []),
    ...(random.chance(0.3) ? [`cookie=0x${random.bits(32).toString(16)}`] : []),
    ...(random.chance(0.1) ? ['fin_idle_timeout=5', 'fin_hard_timeout=9'] : []),
    ...(random.chance(0.1) ? ['send_flow_rem'] : []),
    ...(random.chance(0.1) ? ['delete_learned'] : []),
    ...(random.chance(0.1) ? [`limit=${random.int(1, 5)}`, ...(random.chance(0.5) ? ['result_dst=reg9[3]'] : [])] : []),
  ];
  const matches = random.sample(
    [
      ...[
        'NXM_OF_VLAN_TCI[0..11]',
        'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]',
        'NXM_OF_ETH_SRC[]',
        'eth_type=0x800',
        'NXM_OF_IN_PORT[]',
      ],
      ...[
        'NXM_NX_REG1[3..10]=NXM_OF_ETH_SRC[8..15]',
        'eth_type=0x806',
        'NXM_NX_TUN_ID[]=NXM_NX_REG1[0..31]',
        'NXM_OF_IN_PORT[]=NXM_NX_REG4[0..15]',
      ],
      ...['vlan_tci=0', 'NXM_OF_VLAN_TCI[]', 'OXM_OF_METADATA[]=NXM_NX_TUN_ID[]', 'in_port=2', 'NXM_NX_REG7[5..9]=0x1f'],
      ...['reg3=5', 'NXM_NX_REG4[0..15]=NXM_OF_IN_PORT[]', 'dl_dst=00:00:00:00:00:09', 'NXM_NX_TUN_ID[]'],
    ],
    random.int(1, 3),
  );
  const does = random.sample(
    [
      ...[
        'output:NXM_OF_IN_PORT[]',
        'load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[]',
        'load:0->NXM_OF_VLAN_TCI[]',
        'load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]',
      ],
      ...[
        `load:${random.int(1, 65535)}->NXM_NX_REG2[]`,
        'load:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
        'load:NXM_OF_ETH_SRC[0..15]->NXM_OF_IN_PORT[]',
        'load:NXM_NX_REG1[3]->NXM_NX_REG1[4]',
        'output:NXM_NX_REG4[0..15]',
        'load:0xffffffffffff->NXM_OF_ETH_SRC[]',
        'load:NXM_OF_VLAN_TCI[0..11]->NXM_NX_REG5[0..11]',
        'load:0x7->NXM_NX_XXREG1[64..70]',
      ],
    ],
    random.int(1, 3),
  );
  return `learn(${[...random.shuffle(options), ...matches, ...does].join(',')})`;
}

/** The packet the other way round. */
function answer({ kind, fields }: Packet, ports: readonly { readonly ofport: number }[], random: Random): Packet {
  const swapped = new Map(fields);
  const swap = (a: string, b: string): void => {
    const [x, y] = [fields.get(a), fields.get(b)];
    if (y !== undefined) swapped.set(a, y);
    if (x !== undefined) swapped.set(b, x);
  };
  swap('dl_src', 'dl_dst');
  swap('nw_src', 'nw_dst');
  swapped.set('in_port', BigInt(random.pick(ports).ofport));
  return { kind, fields: new Map([...swapped].sort(([a], [b]) => Number(fields.has(b)) - Number(fields.has(a)))) };
}

/** `learn`, with and without its effect, and what is asked afterwards. */
const learn: Family = {
  name: 'learn',
  make: (random, place) => {
    const ports = plainPorts(random, place, random.int(3, 5));
    const packets = somePackets(random, 4, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['tcp', 'icmp', 'arp', 'udp'],
      vlan: 0.3,
      others: ['tun_id'],
    });
    const name = bridgeName(place);
    const before = random.chance(0.5);
    const flows: Flow[] = [
      {
        text: `table=0,priority=${random.int(1, 99)} actions=${before ? '' : 'resubmit(,20),'}${learnText(random, 20)},${before ? 'resubmit(,20),' : ''}resubmit(,30)`,
        version: 'OpenFlow13',
      },
      ...(random.chance(0.4)
        ? [
            {
              text: `table=0,priority=100,${random.pick(['ip', 'arp', 'in_port=1'])} actions=${learnText(random, 21)},resubmit(,21)`,
              version: 'OpenFlow13' as const,
            },
          ]
        : []),
      {
        text: `table=20,priority=0 actions=${random.pick(['load:9->NXM_NX_REG1[]', 'flood', 'drop', 'output:2'])}`,
        version: 'OpenFlow13',
      },
      {
        text: `table=30 actions=${random.pick(['output:NXM_NX_REG0[0..15]', 'output:1', 'drop', 'resubmit(,20)'])}`,
        version: 'OpenFlow13',
      },
      {
        text: `table=30,priority=40000,ip actions=learn(table=21,dl_type=0x800,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],output:NXM_OF_IN_PORT[])`,
        version: 'OpenFlow13',
      },
    ];
    const questions = ask(random, name, packets, ports);
    const first = packets[0];
    const made: Question[] = first === undefined ? [] : [{ bridge: name, flow: packetText(first, random), generate: true }];
    const stages: Stage[] = [
      [...questions, ...made],
      ask(random, name, [...packets.map((one) => answer(one, ports, random)), ...packets.slice(0, 2)], ports),
    ];
    return { bridges: [{ name, ports, settings: ['fail-mode=secure'], flows }], stages };
  },
};

/** MAC learning of NORMAL through packets that are really made. */
const macLearning: Family = {
  name: 'mac-learning',
  make: (random, place) => {
    const ports = plainPorts(random, place, 4).map((port) => ({
      ...port,
      ...(random.chance(0.5) ? { port: [`tag=${random.pick([5, 6])}`] } : {}),
    }));
    const name = bridgeName(place);
    const macs = [1n, 2n, 3n].map((n) => 0x0a0000000000n + n);
    const one = (generate: boolean): Question => ({
      bridge: name,
      flow: `in_port=${random.pick(ports).ofport},${random.pick(['arp', 'icmp', 'dl_type=0x1234', 'dl_vlan=5,udp'])},dl_src=${macText(random.pick(macs))},dl_dst=${random.chance(0.2) ? 'ff:ff:ff:ff:ff:ff' : macText(random.pick(macs))}`,
      ...(generate ? { generate } : {}),
    });
    return {
      bridges: [{ name, ports, settings: ['fail-mode=secure'], flows: [{ text: 'actions=NORMAL', version: 'OpenFlow10' }] }],
      stages: [
        [one(false), one(false), one(true)],
        [one(false), one(false), one(true)],
        [one(false), one(false), one(false)],
      ],
    };
  },
};

export const learningFamilies: readonly Family[] = [learn, macLearning];

import { macText } from '../fields';
import type { Random } from '../random';
import type { Flow, Question, SetUp } from '../setup';
import { bridgeName, plainPorts, type Family } from './common';

const f = (text: string): Flow => ({ text, version: 'OpenFlow13' });
const fieldOf = (random: Random): string =>
  random.pick([
    `set_field:0x${random.bits(24).toString(16)}->nsh_spi`,
    `set_field:${random.int(0, 255)}->nsh_si`,
    `set_field:${random.int(0, 63)}->nsh_ttl`,
    `set_field:${random.int(0, 3)}->nsh_flags`,
    ...[1, 2, 3, 4].map((n) => `set_field:0x${random.bits(32).toString(16)}->nsh_c${n}`),
    `set_field:0x${random.bits(24).toString(16)}->nsp`,
    'load:0x7->NXOXM_NSH_C1[3..9]',
    'move:NXOXM_NSH_SPI[]->NXM_NX_REG0[0..23]',
  ]);
const fields = (random: Random, count: number): string => Array.from({ length: count }, () => fieldOf(random)).join(',');

/** Encapsulation and decapsulation: NSH, Ethernet, MPLS. */
const nsh: Family = {
  name: 'nsh',
  make: (random, place): Omit<SetUp, 'family'> => {
    const ports = plainPorts(random, place, 3);
    const [one, two, three] = ports.map(({ ofport }) => ofport);
    const name = bridgeName(place);
    const encap = random.pick([
      'encap(nsh)',
      'encap(nsh(md_type=1))',
      'encap(nsh(md_type=2))',
      'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678)))',
      'encap(nsh(md_type=2,tlv(0x1000,10,0x12),tlv(0x2000,20,0xfedcba9876543210)))',
    ]);
    const ethernet = `encap(ethernet),set_field:${macText(random.bits(48) & 0xfeffffffffffn)}->eth_src,set_field:${macText(random.bits(48) & 0xfeffffffffffn)}->eth_dst`;
    const flows = [
      f(
        `priority=50,ip,in_port=${one} actions=${encap},${fields(random, random.int(0, 3))}${random.chance(0.8) ? `,${ethernet}` : ''},output:${two}`.replace(
          ',,',
          ',',
        ),
      ),
      f(`priority=50,arp,in_port=${one} actions=${random.pick(['push_mpls:0x8847,', ''])}output:${three}`),
      f(
        `priority=40,in_port=${two},dl_type=0x894f actions=${random.pick([`decap(),decap(),output:${one}`, `decap,decap,resubmit(,5)`, `dec_nsh_ttl,output:${three}`, `${fields(random, 2)},output:${three}`, `decap(packet_type(ns=0,type=0)),output:${one}`, 'decap(),resubmit(,5)'])}`,
      ),
      f(
        `priority=45,in_port=${two},dl_type=0x894f,nsh_spi=0x1234,nsh_si=${random.int(250, 255)},nsh_mdtype=1 actions=move:NXOXM_NSH_C1[]->NXM_NX_REG4[],output:${three}`,
      ),
      f(
        `priority=30,in_port=${three},ip actions=${random.pick(['encap(mpls),', 'encap(mpls),set_field:77->mpls_label,', 'decap(),', 'decap(),encap(mpls),encap(ethernet),'])}output:${one}`,
      ),
      f(`table=5,priority=1 actions=output:${three}`),
      f(`table=5,priority=5,packet_type=(1,0x800) actions=encap(ethernet),output:${three}`),
      f(`table=5,priority=6,packet_type=(1,0x894f) actions=decap(),output:${one}`),
      f('priority=0 actions=in_port'),
    ];
    const question = (): Question => {
      const port = random.pick(ports).ofport;
      const eth = `dl_src=02:00:00:00:00:0${random.int(1, 9)},dl_dst=02:00:00:00:00:02`;
      const inner = `nsh_flags=0,nsh_ttl=${random.pick([63, 1, 0])},nsh_mdtype=${random.pick([1, 1, 2])},nsh_np=${random.pick([1, 3, 3])},nsh_spi=0x1234,nsh_si=${random.int(250, 255)}`;
      const body = random.pick([
        'tcp,nw_ttl=64',
        'arp',
        `dl_type=0x894f,${inner}`,
        `dl_type=0x894f,${inner},nsh_c1=0x11223344,nsh_c2=0x2`,
        'ip',
        `dl_type=0x894f,${inner}`,
      ]);
      return {
        bridge: name,
        flow: random.chance(0.15) ? `in_port=${port},packet_type=(1,0x894f),${inner}` : `in_port=${port},${eth},${body}`,
      };
    };
    return { bridges: [{ name, ports, flows, settings: ['fail-mode=secure'] }], stages: [Array.from({ length: 6 }, question)] };
  },
};

const TYPES = [
  'ip',
  'packet_type=(1,0x800)',
  'packet_type=(1,0x86dd)',
  'packet_type=(1,0x894f)',
  'packet_type=(1,0x8847)',
] as const;

/** What may be put on or taken off a packet that a flow knows the type of. */
function wrapping(random: Random, type: string, outs: readonly number[]): string {
  const steps: string[] = [];
  for (let n = random.int(1, 4); n > 0; n--)
    steps.push(
      random.pick([
        ...[
          'encap(nsh)',
          'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678)))',
          'encap(ethernet)',
          'encap(ethernet)',
          'encap(mpls)',
          'encap(mpls_mc)',
        ],
        ...[
          'decap',
          'decap()',
          'decap(packet_type(ns=0,type=0))',
          'decap(packet_type(ns=1,type=0x800))',
          'decap(packet_type(ns=0,type=0xfffe))',
        ],
        ...[
          `output:${random.pick(outs)}`,
          `output:${random.pick(outs)}`,
          'resubmit(,7)',
          `clone(decap,output:${random.pick(outs)})`,
        ],
        ...(type.includes('894f') ? ['dec_nsh_ttl', fieldOf(random)] : []),
        ...(type === 'ip' ? ['push_vlan:0x8100', 'set_field:02:00:00:00:00:99->eth_src', 'strip_vlan'] : []),
      ]),
    );
  return [...steps, `output:${random.pick(outs)}`].join(',');
}

/** Packets with and without an Ethernet header, wrapped and unwrapped by flows for each type of packet. */
const wrapped: Family = {
  name: 'wrapped',
  make: (random, place): Omit<SetUp, 'family'> => {
    const ports = [
      ...plainPorts(random, place, 3),
      ...(random.chance(0.6)
        ? [
            {
              name: `w${place.index}`,
              ofport: 60,
              type: 'gre',
              interface: [
                `options:remote_ip=10.7.${place.index}.1`,
                `options:packet_type=${random.pick(['ptap', 'legacy_l3', 'legacy_l2'])}`,
              ],
            },
          ]
        : []),
    ];
    const outs = ports.map(({ ofport }) => ofport);
    const name = bridgeName(place);
    const flows: Flow[] = [0, 7].flatMap((table) =>
      random.sample(TYPES, random.int(2, TYPES.length)).map((type, n) => ({
        text: `table=${table},priority=${20 + n},${type} actions=${table === 7 ? wrapping(random, type, outs).replaceAll('resubmit(,7)', 'in_port') : wrapping(random, type, outs)}`,
        version: 'OpenFlow13' as const,
      })),
    );
    flows.push(
      f(`priority=5,ip actions=${wrapping(random, TYPES[0], outs)}`),
      f(`table=7,priority=1 actions=output:${random.pick(outs)}`),
    );
    const inner = 'nsh_flags=0,nsh_ttl=63,nsh_mdtype=1,nsh_np=3,nsh_spi=0x1234,nsh_si=255';
    const question = (): Question => ({
      bridge: name,
      flow: `in_port=${random.pick(outs)},${random.pick([
        ...[
          'tcp,nw_ttl=64',
          'arp',
          'udp6,nw_ttl=1',
          'dl_vlan=5,icmp',
          `dl_type=0x894f,${inner}`,
          'mpls,mpls_label=5,mpls_bos=1',
          'tcp',
        ],
        ...[
          'packet_type=(1,0x800),nw_src=1.2.3.4,nw_proto=6',
          'packet_type=(1,0x86dd),nw_proto=17',
          `packet_type=(1,0x894f),${inner}`,
        ],
        ...['packet_type=(1,0x8847),mpls_label=9,mpls_bos=1', 'packet_type=(0,0),icmp'],
      ])}`,
    });
    // Some of these end the switch, which must not be the others'.
    return {
      bridges: [{ name, ports, flows, settings: ['fail-mode=secure'] }],
      exclusive: true,
      stages: [Array.from({ length: 7 }, question)],
    };
  },
};

export const nshFamilies: readonly Family[] = [nsh, wrapped];

import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind } from '../capture';
import type { Fact } from '../facts';
import { parseRows, type Rows } from '../rows';
import { deviceRef, impliedVal, macRef, partOf } from '../words';
import { readBondingLine } from './semantics';

const FILE = /^\/proc\/(?:net|self\/net|thread-self\/net|\d+\/net)\/bonding\/([\w.@-]+)$/;
const TITLE =
  /^\s*(?:Ethernet Channel Bonding Driver:|802\.3ad info\s*$|Active Aggregator Info:\s*$|details (?:actor|partner) lacp pdu:\s*$)/;
const KEYS =
  'Bonding Mode|Transmit Hash Policy|Primary Slave|Currently Active Slave|Active Slave|MII Status|MII Polling Interval \\(ms\\)|Up Delay \\(ms\\)|Down Delay \\(ms\\)|' +
  'Peer Notification Delay \\(ms\\)|ARP [\\w (),./]+|NS IPv6 [\\w ()/]+|LACP active|LACP rate|Min links|Aggregator selection policy \\(ad_select\\)|System priority|System MAC address|Aggregator ID|Number of ports|' +
  'Actor Key|Partner Key|Partner Mac Address|Slave Interface|Speed|Duplex|Link Failure Count|Permanent HW addr|Slave queue ID|(?:Actor|Partner) Churn(?:ed)? (?:State|Count)|' +
  'system priority|system mac address|port key|port priority|port number|port state|oper key';
const VALUE = new RegExp(`^\\s*(?:${KEYS}): ?\\S?`);

const MODES: readonly (readonly [RegExp, string])[] = [
  [/802\.3ad/, '802.3ad'],
  [/\(active-backup\)/, 'active-backup'],
  [/\(round-robin\)/, 'balance-rr'],
  [/\(xor\)/, 'balance-xor'],
  [/\(broadcast\)/, 'broadcast'],
  [/^transmit load balancing/, 'balance-tlb'],
  [/^adaptive load balancing/, 'balance-alb'],
];

const rows: Rows = {
  grammar: grammars.Bonding,
  what: 'line of a bond',
  ruleFor: (text) => (TITLE.test(text) || /:\s*$/.test(text) ? 'titleLine' : 'valueLine'),
  starts: (text) => TITLE.test(text) || VALUE.test(text),
};

type LinkFact = Extract<Fact, { kind: 'link' }>;
type Settings = Record<string, Val<string>>;

/** `cat /proc/net/bonding/NAME`: a bond's mode, its devices and which of them carry frames (Documentation/networking/bonding.rst). */
export const procBonding: CaptureKind = {
  kinds: ['proc-bonding'],
  recognise(argv) {
    const name = argv[0] === 'cat' && argv.length === 2 ? FILE.exec(argv[1] ?? '')?.[1] : undefined;
    return name === undefined ? undefined : { kind: 'proc-bonding', target: name };
  },
  sniff: (text) => (/^\s*Ethernet Channel Bonding Driver: v\d/.test(text) ? { kind: 'proc-bonding' } : undefined),
  accepts: (text) => rows.starts(text),
  parse(input) {
    const bond: Settings = {};
    const slaves: { readonly name: Val<string>; readonly settings: Settings }[] = [];
    const parsed = parseRows(input, rows, (_rule, result, source, out) => {
      const line = readBondingLine(result, source);
      if (line === undefined) return 'header';
      const { key, value } = line;
      const slave = slaves.at(-1);
      if (key === 'Slave Interface') {
        deviceRef(out, value);
        slaves.push({ name: value, settings: {} });
      } else if (slave === undefined) readBond(bond, key, value);
      else if (key === 'MII Status') slave.settings['mii_status'] ??= value;
      else if (key === 'Aggregator ID') slave.settings['ad_aggregator_id'] ??= value;
      else if (key === 'Permanent HW addr') {
        macRef(out, value);
        slave.settings['perm_hwaddr'] ??= value;
      }
      return 'record';
    });
    const [first] = input.lines;
    const master = input.target === undefined || first === undefined ? undefined : impliedVal(input.target, first);
    const facts: LinkFact[] = [
      ...(master === undefined
        ? []
        : [{ kind: 'link' as const, name: master, flags: [], type: val('bond', master.span), settings: bond }]),
      ...slaves.map(({ name, settings }) => ({
        kind: 'link' as const,
        name,
        flags: [],
        ...(master === undefined ? {} : { master }),
        portSettings: settings,
      })),
    ];
    return { ...parsed, facts };
  },
};

function readBond(bond: Settings, key: string, value: Val<string>): void {
  if (key === 'Bonding Mode') {
    const mode = MODES.find(([pattern]) => pattern.test(value.value))?.[1];
    if (mode !== undefined) bond['mode'] = val(mode, value.span);
  }
  // `eth0 (primary_reselect always)` is of the primary one; `None` where nothing is up.
  if (/^(?:Currently )?Active Slave$/.test(key) && value.value !== 'None')
    bond['active_slave'] = partOf(value, 0, value.value.trimEnd().length);
  if (key === 'Aggregator ID') bond['ad_aggregator'] = value;
}

import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import type { Fact } from '../facts';
import { acceptsJson, isJson, jsonNumber, jsonText, readJsonObjects } from '../json';
import { collect } from '../lines';
import { deviceRef, impliedVal } from '../words';
import { parseRows, type Rows } from '../rows';
import { readEthtoolLine } from './semantics';

const TITLE =
  /^\s*(?:NIC statistics|(?:Settings|Features|Ring parameters|Channel parameters|Coalesce parameters|Pause parameters|Time stamping parameters|Private flags|Permanent address|FEC parameters) for \S+|[A-Z][\w /-]{2,40}(?: \S+)?):$/;
const VALUE = /^\s*\w[\w.()[\] /-]{0,60}:\s+\S/;
const MORE =
  /^\t{2,}\s*\S|^\s{16,}\S|^\s+[\w-]+\s+\([A-Z][A-Z\d_]+\)$|^\s*\d+ RX rings available$|^\s*Total \d+ rules$|^\s*(?:no stats available|n\/a|No data available)$/;

const rows: Rows = {
  grammar: grammars.Ethtool,
  what: 'line of ethtool',
  ruleFor: (text) =>
    VALUE.test(text) ? 'valueLine' : TITLE.test(text) ? 'titleLine' : /:\s*$/.test(text) ? 'titleLine' : 'moreLine',
  starts: (text) => VALUE.test(text) || TITLE.test(text),
};

/** Kinds of device by the driver that ethtool names; `ip -d link` has the same words. */
const DRIVERS: Readonly<Record<string, string>> = {
  veth: 'veth',
  tun: 'tun',
  bridge: 'bridge',
  openvswitch: 'openvswitch',
  bonding: 'bond',
  vxlan: 'vxlan',
  macvlan: 'macvlan',
  ipvlan: 'ipvlan',
  dummy: 'dummy',
  geneve: 'geneve',
  vrf: 'vrf',
  '802.1Q VLAN Support': 'vlan',
};

type LinkFact = Extract<Fact, { kind: 'link' }>;

/** `ethtool DEV`, `-S`, `-i`, `-k` …: what a card says of itself; of a veth the index of its peer (ethtool(8)). */
export const ethtool: CaptureKind = {
  kinds: ['ethtool'],
  recognise(argv) {
    // Without a device it says how it is used; as a word with a colon behind it is a package, or a key.
    if (argv[0] !== 'ethtool' || argv.length < 2) return undefined;
    const names = argv.slice(1).filter((word) => !word.startsWith('-'));
    // Tables of other forms, besides those options that change something.
    const other = argv.some((word) =>
      /^(?:-[sKGLACNXEpxnudem]|--(?:change|set-.*|features-set|offload|rx-flow-hash|config-.*|show-(?:rxfh.*|nfc|ntuple)|(?:register|eeprom)-dump|module-info|version|help)|-h)$/.test(
        word,
      ),
    );
    // A device alone, or an option and a device: what else follows is a sentence.
    const sentence = names.length > 1 && argv[1]?.startsWith('-') !== true;
    return (other && !argv.includes('-S')) || sentence
      ? undefined
      : { kind: 'ethtool', ...(names[0] === undefined ? {} : { target: names[0] }) };
  },
  sniff(text, following) {
    if (/^\s*NIC statistics:$/.test(text)) return { kind: 'ethtool' };
    const settings = /^\s*Settings for (\S+):$/.exec(text);
    if (settings?.[1] !== undefined) return { kind: 'ethtool', target: settings[1] };
    return /^\s*driver: \S+/.test(text) && /^\s*(?:firmware-)?version:/.test(following(0) ?? '')
      ? { kind: 'ethtool' }
      : undefined;
  },
  accepts: (text) =>
    rows.starts(text) ||
    acceptsJson(text) ||
    MORE.test(text) ||
    /^\s*[\w-]+:$/.test(text) ||
    /^\s*no stats available$/.test(text),
  parse(input) {
    if (isJson(input)) return parseJson(input);
    let dev: Val<string> | undefined;
    const found: Partial<{ -readonly [K in keyof LinkFact]: LinkFact[K] }> = {};
    const parsed = parseRows(input, rows, (_rule, result, source, out, line) => {
      const named = /^\s*(?:Settings|Features|Ring parameters|Channel parameters) for (\S+):$/.exec(source.text);
      if (named?.[1] !== undefined) {
        const start = line.start + source.text.lastIndexOf(named[1]);
        dev = val(named[1], { start, end: start + named[1].length });
        out.refs.push({ kind: 'device', value: dev.value, span: dev.span });
      }
      const said = readEthtoolLine(result, source);
      if (said === undefined) return 'header';
      dev ??= input.target === undefined ? undefined : impliedVal(input.target, line);
      if (said.key === 'peer_ifindex' && /^\d+$/.test(said.value.value))
        found.peerIndex = val(Number(said.value.value), said.value.span);
      const type = said.key === 'driver' ? DRIVERS[said.value.value] : undefined;
      if (type !== undefined) found.type = val(type, said.value.span);
      return 'record';
    });
    const isNews = found.peerIndex !== undefined || found.type !== undefined;
    return dev === undefined || !isNews
      ? parsed
      : { ...parsed, facts: [...parsed.facts, { kind: 'link', name: dev, flags: [], ...found }] };
  },
};

/** `ethtool --json`: an object for each device. */
function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const [name, peerIndex] = [jsonText(object, 'ifname'), jsonNumber(object, 'peer_ifindex')];
    if (name === undefined) continue;
    deviceRef(out, name);
    if (peerIndex !== undefined) out.facts.push({ kind: 'link', name, flags: [], peerIndex });
  }
  return out;
}

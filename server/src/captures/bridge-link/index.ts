import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import type { Fact } from '../facts';
import { listCommand, selection } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonText, jsonTexts, readJsonObjects } from '../json';
import { deviceRef, numberVal, partOf } from '../words';
import { collect } from '../lines';
import { continuesRow, parseRows, type Rows } from '../rows';
import { readBridgePort, readSettings } from './semantics';

const PORT = /^\s*\d+: [^\s<>]+(?: state \w+)? ?(?:@\S+)? ?:? ?<[A-Z0-9_,-]*> mtu \d+ (?:master|state|hwmode)\b/;
const SETTINGS =
  /^(?:\s+(?:hairpin|guard|root_block|fastleave|learning|flood|mcast_flood|mcast_to_unicast|neigh_suppress|vlan_tunnel|isolated|bcast_flood|locked|mab)\s|\s*(?:hairpin|learning) (?:on|off) \w+ (?:on|off) )/;
/** iproute2 before 4.20 shows with `-d` also which VLANs a port carries; `bridge vlan` is where they are read. */
const VLAN = /^\s*[\w.@:-]{1,15}\s+\d{1,4}(?:-\d{1,4})?(?:\s+(?:PVID|Egress Untagged|Master))+\s*$/;
/** A port of which the author left only the start. */
const CUT = /^\s*\d+: [^\s<>]+(?: state \w+)? ?(?:@\S+)? ?:? ?\.{3}\s*$/;

/** What `-s` counts below a port. */
const STATISTICS = /^\s*(?:[RT]X:\s+bytes\s|\d+(?:\s+\d+){4,6}\s*$)/;
/** The end of a port's line, where a narrow page broke it. */
const REST = /^\s*priority \d+ cost \d+\s*$/;

const rows: Rows = {
  grammar: grammars.BridgeLink,
  what: 'bridge port',
  ruleFor: (text) =>
    CUT.test(text)
      ? 'cutLine'
      : /^\s*\d+:/.test(text)
        ? 'portLine'
        : REST.test(text)
          ? 'restLine'
          : VLAN.test(text)
            ? 'vlanLine'
            : STATISTICS.test(text)
              ? 'statisticsLine'
              : 'settingsLine',
  starts: (text) => [PORT, SETTINGS, VLAN, CUT, STATISTICS].some((form) => form.test(text)),
};

/** iproute2 5.0 to 5.3 say the port's name once more at the end of what -d shows of it. */
function withoutRepeatedNames(lines: readonly Line[]): readonly Line[] {
  let name: string | undefined;
  return lines.map((line) => {
    name = /^\s*\d+: ([^\s:@<>]+)(?:@[^\s:]+)?: </.exec(line.text)?.[1] ?? name;
    const end = line.text.trimEnd();
    return name !== undefined && end.endsWith(` ${name}`) && !/\s(?:master|dev|state)\s+\S+$/.test(end)
      ? { ...line, text: end.slice(0, -name.length).trimEnd() }
      : line;
  });
}

type PortFact = Extract<Fact, { kind: 'linux-bridge-port' }>;
type OpenPort = { -readonly [K in keyof PortFact]: PortFact[K] };

/** `bridge link`: the ports of Linux bridges and their spanning tree state (bridge(8)). */
export const bridgeLink: CaptureKind = {
  kinds: ['bridge-link'],
  recognise(argv) {
    const command = listCommand(argv, 'bridge');
    if (command?.object !== 'link') return undefined;
    const filter = selection(command.words, []);
    return { kind: 'bridge-link', ...(filter === undefined ? {} : { options: { filter } }) };
  },
  sniff(text) {
    return PORT.test(text) && / state (?:forwarding|learning|listening|blocking|disabled)\b/.test(text)
      ? { kind: 'bridge-link' }
      : undefined;
  },
  accepts(text) {
    return rows.starts(text) || acceptsJson(text);
  },
  continues: (previous, text) => continuesRow(rows)(previous, text) || REST.test(text),
  parse(given) {
    if (isJson(given)) return parseJson(given);
    const input = { ...given, lines: withoutRepeatedNames(given.lines) };
    let open: OpenPort | undefined;
    return parseRows(input, rows, (rule, result, source, out) => {
      if (rule === 'settingsLine') {
        if (open !== undefined) open.settings = { ...open.settings, ...readSettings(result, source) };
        return 'record';
      }
      if (/^(?:rest|vlan|cut|statistics)Line$/.test(rule)) return 'header';
      const { index, name, peer, peerIndex, flags, words, settings } = readBridgePort(result, source);
      const [mtu, state] = [words.pairs.get('mtu'), words.pairs.get('state')];
      // iproute2 before 4.20 lists the bridge itself as well.
      const master = words.pairs.get('master')?.value === name.value ? undefined : words.pairs.get('master');
      deviceRef(out, name, true);
      if (peer !== undefined) deviceRef(out, peer);
      if (master !== undefined) deviceRef(out, master);
      out.facts.push({
        kind: 'link',
        index,
        name,
        ...(peer === undefined ? {} : { peer }),
        ...(peerIndex === undefined ? {} : { peerIndex }),
        flags,
        ...(mtu === undefined || !/^\d+$/.test(mtu.value) ? {} : { mtu: numberVal(mtu) }),
        ...(master === undefined ? {} : { master }),
      });
      // The state here is the spanning tree's, so it belongs to the port and not to the device.
      open =
        master === undefined ? undefined : { kind: 'linux-bridge-port', bridge: master, name, ...defined({ state, settings }) };
      if (open !== undefined) out.facts.push(open);
      return 'record';
    });
  },
};

/** The members of an object of `bridge -d -j link` that are settings of the port. */
const JSON_SETTINGS =
  'hairpin guard root_block fastleave learning flood mcast_flood bcast_flood mcast_router mcast_to_unicast neigh_suppress neigh_vlan_suppress vlan_tunnel isolated locked mab'.split(
    ' ',
  );

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const name = jsonText(object, 'ifname');
    if (name === undefined) continue;
    const [index, mtu, master, state, peer] = [
      jsonNumber(object, 'ifindex'),
      jsonNumber(object, 'mtu'),
      jsonText(object, 'master'),
      jsonText(object, 'state'),
      jsonText(object, 'link'),
    ];
    const linkIndex = jsonNumber(object, 'link_index');
    deviceRef(out, name, true);
    // `if3`: a device of another namespace, by its index there.
    const byIndex = peer !== undefined && /^if\d+$/.test(peer.value);
    if (peer !== undefined && !byIndex) deviceRef(out, peer);
    if (master !== undefined) deviceRef(out, master);
    out.facts.push({
      kind: 'link',
      ...(index === undefined ? {} : { index }),
      name,
      ...(peer === undefined || byIndex ? {} : { peer }),
      ...(peer === undefined || !byIndex ? {} : { peerIndex: numberVal(partOf(peer, 2, peer.value.length)) }),
      ...(peer === undefined && linkIndex !== undefined ? { peerIndex: linkIndex } : {}),
      flags: jsonTexts(object, 'flags'),
      ...(mtu === undefined ? {} : { mtu }),
      ...(master === undefined ? {} : { master }),
    });
    if (master === undefined) continue;
    const settings: Record<string, Val<string>> = {};
    for (const key of JSON_SETTINGS) {
      const value = object.get(key);
      if (value?.is === 'word') settings[key] = val(value.value === true ? 'on' : 'off', value.span);
      else if (value?.is === 'number') settings[key] = val(String(value.value), value.span);
    }
    out.facts.push({
      kind: 'linux-bridge-port',
      bridge: master,
      name,
      ...(state === undefined ? {} : { state }),
      ...(Object.keys(settings).length === 0 ? {} : { settings }),
    });
  }
  return out;
}

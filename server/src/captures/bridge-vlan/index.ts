import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput, Recognised } from '../capture';
import { listCommand, wordAfter } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonObjects, jsonText, jsonTexts, readJsonObjects } from '../json';
import { deviceRef, impliedVal } from '../words';
import { collect } from '../lines';
import { parseRows, type Rows } from '../rows';
import { readVlanLine } from './semantics';

const TITLE = /^\s*port\s+vlan(?:-id| ids)(?:\s+tunnel(?:-id| ids))?\s*$/;
/** Below a port; where a page or a chat took the blanks in front, a number alone is no device's name. */
const ENTRY =
  /^\s+\d{1,4}(?:-\d{1,4})?(?:\s+(?:PVID|Egress Untagged|Master|\d+(?:-\d+)?))*(?:\s+(?:#|<|-+>|=+>|\().*)?$|^\d{1,4}(?:-\d{1,4})?(?:\s+(?:PVID|Egress Untagged|Master))*$/;
const PORT =
  /^\s*[\w.@:+-]{1,15}\s+(?:None|\d{1,4}(?:-\d{1,4})?)(?:\s+(?:PVID|Egress Untagged|Master|\d+(?:-\d+)?))*(?:\s+(?:#|<|-+>|=+>|\().*)?$/;
/** Old versions print a port that has no VLAN alone. */
const ALONE = /^\s*[\w.@:+-]{1,15}$/;
const STATISTICS = /^\s*(?:[RT]X:\s+\d+ bytes|state \w+|mcast_\w+ |neigh_suppress |msti )/;

const rows: Rows = {
  grammar: grammars.BridgeVlan,
  what: 'line of bridge vlan',
  ruleFor: (text) =>
    TITLE.test(text)
      ? 'titleLine'
      : STATISTICS.test(text)
        ? 'statisticsLine'
        : ENTRY.test(text)
          ? 'entryLine'
          : ALONE.test(text)
            ? 'portAlone'
            : 'portLine',
  starts: (text) => TITLE.test(text) || ENTRY.test(text) || PORT.test(text) || STATISTICS.test(text),
};

/** `bridge vlan`: the VLANs that a bridge's ports carry, where it filters by VLAN (bridge(8)). */
export const bridgeVlan: CaptureKind = {
  kinds: ['bridge-vlan'],
  recognise(argv): Recognised | undefined {
    const command = listCommand(argv, 'bridge');
    if (command?.object === 'vlan') {
      const dev = wordAfter(command.words, 'dev');
      return { kind: 'bridge-vlan', ...(dev === undefined ? {} : { options: { dev, filter: `dev ${dev}` } }) };
    }
    return argv[0] === 'bridge' && argv.includes('vlan') && argv.includes('tunnelshow')
      ? { kind: 'bridge-vlan', options: { shows: 'tunnels' } }
      : undefined;
  },
  sniff: (text) => (TITLE.test(text) ? { kind: 'bridge-vlan' } : undefined),
  accepts: (text) => rows.starts(text) || ALONE.test(text) || acceptsJson(text),
  parse(input) {
    if (isJson(input)) return parseJson(input);
    let dev: Val<string> | undefined;
    // A list of tunnels says neither which other VLANs a port carries nor how.
    let ofTunnels = input.options['shows'] === 'tunnels';
    return parseRows(input, rows, (_rule, result, source, out, at) => {
      const line = readVlanLine(result, source);
      if (line.state !== undefined) {
        const last = out.facts.at(-1);
        if (last?.kind === 'bridge-vlan') out.facts[out.facts.length - 1] = { ...last, state: line.state };
        return 'header';
      }
      if (line.header) {
        ofTunnels ||= /\stunnel/.test(source.text);
        return 'header';
      }
      if (line.dev !== undefined) {
        dev = line.dev;
        deviceRef(out, dev);
      }
      const of = dev ?? (input.options['dev'] === undefined ? undefined : impliedVal(input.options['dev'], at));
      if (line.entry === undefined || of === undefined) return 'record';
      const { tunnel, ...entry } = line.entry;
      if (!ofTunnels) out.facts.push({ kind: 'bridge-vlan', dev: of, ...entry });
      else if (tunnel !== undefined) out.facts.push({ kind: 'bridge-vlan-tunnel', dev: of, vlan: entry.vlan, ids: tunnel });
      return 'record';
    });
  },
};

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const dev = jsonText(object, 'ifname');
    if (dev === undefined) continue;
    deviceRef(out, dev);
    for (const entry of jsonObjects(object, 'vlans')) {
      const first = jsonNumber(entry, 'vlan');
      if (first === undefined) continue;
      const last = jsonNumber(entry, 'vlanEnd');
      const flags = jsonTexts(entry, 'flags');
      const state = jsonText(entry, 'state');
      out.facts.push({
        kind: 'bridge-vlan',
        dev,
        vlan: val([first.value, last?.value ?? first.value] as const, first.span),
        pvid: flags.includes('PVID'),
        untagged: flags.includes('Egress Untagged'),
        ...(state === undefined ? {} : { state }),
      });
    }
  }
  return out;
}

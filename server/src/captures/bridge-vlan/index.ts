import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput, Recognised } from '../capture';
import { listCommand, wordAfter } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonObjects, jsonText, jsonTexts, readJson, readJsonObjects, type Json } from '../json';
import { deviceRef, impliedVal } from '../words';
import { collect, type Collected } from '../lines';
import { parseRows, type Rows } from '../rows';
import { readVlanLine } from './semantics';

const TITLE = /^\s*port\s+vlan(?:-id| ids)(?:\s+tunnel(?:-id| ids?))?\s*$/;
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
      const vid = wordAfter(command.words, 'vid');
      const filter = [...(dev === undefined ? [] : [`dev ${dev}`]), ...(vid === undefined ? [] : [`vid ${vid}`])].join(' ');
      const options = {
        ...(dev === undefined ? {} : { dev }),
        ...(filter === '' ? {} : { filter }),
        // Up to iproute2 5.0 the tunnels were a listing of the VLANs.
        ...(command.words.includes('tunnelinfo') ? { shows: 'tunnels' } : {}),
      };
      return { kind: 'bridge-vlan', ...(Object.keys(options).length === 0 ? {} : { options }) };
    }
    return argv[0] === 'bridge' && argv.includes('vlan') && argv.includes('tunnelshow')
      ? { kind: 'bridge-vlan', options: { shows: 'tunnels' } }
      : undefined;
  },
  sniff: (text, following) => (TITLE.test(text) && !isOfBridges(following) ? { kind: 'bridge-vlan' } : undefined),
  accepts: (text) => rows.starts(text) || ALONE.test(text) || acceptsJson(text),
  parse(input) {
    if (isJson(input)) return parseJson(input);
    if (/^\s*\{/.test(firstText(input))) return parseOldJson(input);
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
    for (const entry of jsonObjects(object, 'vlans')) addVlan(out, dev, entry);
    for (const entry of jsonObjects(object, 'tunnels')) addTunnel(out, dev, entry);
  }
  return out;
}

/** Up to iproute2 4.19: an object whose members are the ports. */
function parseOldJson(input: ParseInput) {
  const out = collect();
  const ports = readJson(input, out, 'object');
  if (ports?.is !== 'object') return out;
  for (const [name, list] of ports.fields) {
    const entries = list.is === 'list' ? list.items.flatMap((item) => (item.is === 'object' ? [item] : [])) : [];
    // The port's name is a member's, which has no place of its own here.
    for (const { fields, span } of entries) {
      const dev = val(name, { start: span.start, end: span.start });
      if (fields.has('tunid')) addTunnel(out, dev, fields);
      else addVlan(out, dev, fields);
    }
  }
  return out;
}

function addVlan(out: Collected, dev: Val<string>, entry: ReadonlyMap<string, Json>): void {
  const vlan = rangeOf(entry, 'vlan');
  if (vlan === undefined) return;
  const flags = jsonTexts(entry, 'flags');
  const state = jsonText(entry, 'state');
  out.facts.push({
    kind: 'bridge-vlan',
    dev,
    vlan,
    pvid: flags.includes('PVID'),
    untagged: flags.includes('Egress Untagged'),
    ...(state === undefined ? {} : { state }),
  });
}

function addTunnel(out: Collected, dev: Val<string>, entry: ReadonlyMap<string, Json>): void {
  const [vlan, ids] = [rangeOf(entry, 'vlan'), rangeOf(entry, 'tunid')];
  if (vlan !== undefined && ids !== undefined) out.facts.push({ kind: 'bridge-vlan-tunnel', dev, vlan, ids });
}

/** `"vlan": 20, "vlanEnd": 25` */
function rangeOf(entry: ReadonlyMap<string, Json>, name: string): Val<readonly [number, number]> | undefined {
  const first = jsonNumber(entry, name);
  const last = jsonNumber(entry, `${name}End`);
  return first === undefined ? undefined : val([first.value, last?.value ?? first.value] as const, first.span);
}

/** Whether what follows a title is of `bridge vlan global`: what bridges do with each VLAN, not what their ports carry. */
function isOfBridges(following: (n: number) => string | undefined): boolean {
  return [0, 1].some((n) => /^\s+mcast_snooping \d/.test(following(n) ?? ''));
}

function firstText(input: ParseInput): string {
  return input.lines.find((line) => line.text.trim() !== '')?.text ?? '';
}

import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, ParseInput } from '../capture';
import { getCommand, listCommand, wordAfter } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonText, jsonTexts, readJsonObjects } from '../json';
import { deviceRef, impliedVal, ipRef, lower, macRef, numberVal, reportErrorOutput } from '../words';
import { collect, parseEachLine } from '../lines';
import { readFdbEntry } from './semantics';

const ENTRY =
  /^\s*[\da-f]{2}(?::[\da-f]{2}){5} (?:dev|vlan|master|dst|nhid|self|extern_learn|permanent|static|local|offload|sticky|locked|blackhole|activity_notify|inactive|src_vni|vni|used)(?:\s|$)/i;

/** `bridge fdb show`: the forwarding tables of bridges, VXLAN devices and cards (bridge(8)). */
export const bridgeFdb: CaptureKind = {
  kinds: ['bridge-fdb'],
  recognise(argv) {
    const listed = listCommand(argv, 'bridge');
    const command = listed ?? getCommand(argv, 'bridge');
    if (command?.object !== 'fdb') return undefined;
    const dev = wordAfter(command.words, 'dev') ?? wordAfter(command.words, 'brport');
    const bridge = wordAfter(command.words, 'br');
    return {
      kind: 'bridge-fdb',
      ...(bridge === undefined ? {} : { target: bridge }),
      options: { ...(dev === undefined ? {} : { dev }), ...(listed ? {} : { filter: `get ${command.words.join(' ')}` }) },
    };
  },
  sniff(text) {
    return ENTRY.test(text) && / dev \S+/.test(text) ? { kind: 'bridge-fdb' } : undefined;
  },
  accepts(text) {
    return ENTRY.test(text) || acceptsJson(text);
  },
  startsRecord: (text) => ENTRY.test(text),
  parse(input) {
    if (isJson(input)) return parseJson(input);
    const asked = input.options['dev'];
    const failures = collect();
    const lines = input.lines.filter((line) => !reportErrorOutput(failures, line));
    const parsed = parseEachLine(
      { ...input, lines },
      grammars.BridgeFdb,
      'entryLine',
      'forwarding entry',
      (result, source, out, line) => {
        const { mac, words } = readFdbEntry(result, source);
        const [master, dst] = [words.pairs.get('master'), words.pairs.get('dst')];
        const number = (key: string) => {
          const word = words.pairs.get(key);
          return word === undefined || !/^\d+$/.test(word.value) ? undefined : numberVal(word);
        };
        const dev = words.pairs.get('dev') ?? (asked === undefined ? undefined : impliedVal(asked, line));
        macRef(out, mac);
        if (master !== undefined) deviceRef(out, master);
        if (dst !== undefined && /^[\da-f:.]+$/i.test(dst.value)) ipRef(out, dst);
        if (words.pairs.has('dev') && dev !== undefined) deviceRef(out, dev);
        // Without its device an entry leads nowhere; its addresses are references all the same.
        if (dev === undefined) return;
        out.facts.push({
          kind: 'bridge-fdb',
          mac: lower(mac),
          dev,
          ...defined({ master, vlan: number('vlan'), dst: dst && lower(dst) }),
          ...defined({ nexthop: number('nhid'), vni: number('vni'), sourceVni: number('src_vni') }),
          flags: words.flags.map((flag) => flag.value),
        });
      },
    );
    return { ...parsed, errors: [...failures.errors, ...parsed.errors] };
  },
};

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const mac = jsonText(object, 'mac');
    const dev = jsonText(object, 'ifname');
    if (mac === undefined) continue;
    const [master, dst, vlan] = [jsonText(object, 'master'), jsonText(object, 'dst'), jsonNumber(object, 'vlan')];
    const [nexthop, vni, sourceVni] = [jsonNumber(object, 'nhid'), jsonNumber(object, 'vni'), jsonNumber(object, 'src_vni')];
    macRef(out, mac);
    if (dev !== undefined) deviceRef(out, dev);
    if (master !== undefined) deviceRef(out, master);
    if (dst !== undefined) ipRef(out, dst);
    if (dev === undefined) continue;
    const state = jsonText(object, 'state');
    out.facts.push({
      kind: 'bridge-fdb',
      mac: lower(mac),
      dev,
      ...defined({ master, vlan, dst: dst && lower(dst), nexthop, vni, sourceVni }),
      flags: [...jsonTexts(object, 'flags'), ...(state === undefined || state.value === '' ? [] : [state.value])],
    });
  }
  return out;
}

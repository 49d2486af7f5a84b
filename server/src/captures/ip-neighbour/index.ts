import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import type { Val } from '../../base/span';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { listCommand, selection, wordAfter } from '../iproute-command';
import { acceptsJson, isJson, jsonText, jsonTexts, readJsonObjects } from '../json';
import { deviceRef, impliedVal, ipRef, lower, macRef } from '../words';
import { collect, type Collected } from '../lines';
import { continuesRow, parseRowsInSteps, type Rows } from '../rows';
import { readNeighbourLine } from './semantics';

const STATE = /^(?:REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|NOARP|PERMANENT|NONE)$/;
const NEIGHBOUR =
  /^\s*(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f]*:)[\da-f:.]+) +(?:dev \S+|lladdr [\da-f:]{17}|(?:router )?(?:FAILED|INCOMPLETE)$)(?:\s|$)/;

/** `ip -br neigh`: columns without words. */
const BRIEF = /^\s*(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f]*:)[\da-f:.]+)\s{2,}[\w.@+-]{1,15}(?:\s+[\da-f]{2}(?::[\da-f]{2}){5})?$/;

const rows: Rows = {
  grammar: grammars.IpNeighbour,
  what: 'neighbour',
  ruleFor: (text) => (BRIEF.test(text) ? 'briefLine' : 'neighbourLine'),
  starts: (text) => NEIGHBOUR.test(text) || BRIEF.test(text),
};

/** `ip neighbour`: the MAC addresses that the kernel knows for its neighbours (ip-neighbour(8)). */
export const ipNeighbour: CaptureKind = {
  kinds: ['ip-neighbour'],
  recognise(argv) {
    const command = listCommand(argv);
    if (command?.object !== 'neighbour') return undefined;
    const dev = wordAfter(command.words, 'dev');
    const filter = selection(command.words, ['dev'], ['nud', 'all']);
    return {
      kind: 'ip-neighbour',
      options: { ...(filter === undefined ? {} : { filter }), ...(dev === undefined ? {} : { dev }) },
    };
  },
  sniff(text) {
    const certain = NEIGHBOUR.test(text) && /\s(?:lladdr [\da-f:]{17}|FAILED|INCOMPLETE)(?:\s|$)/.test(text);
    return certain && /\s[A-Z]+$/.test(text.trimEnd()) ? { kind: 'ip-neighbour' } : undefined;
  },
  accepts(text) {
    return (
      (NEIGHBOUR.test(text) &&
        /\s(?:lladdr|REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|NOARP|PERMANENT|NONE|nud|proxy|router|managed|extern_learn)\b/.test(
          text,
        )) ||
      BRIEF.test(text) ||
      acceptsJson(text)
    );
  },
  continues: continuesRow(rows),
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  const asked = input.options['dev'];
  if (isJson(input)) {
    const out = collect();
    for (const object of readJsonObjects(input, out)) {
      const ip = jsonText(object, 'dst');
      const dev = jsonText(object, 'dev');
      const [state] = jsonTexts(object, 'state');
      if (ip !== undefined && dev !== undefined) {
        const stateVal = state === undefined ? undefined : { value: state, span: ip.span };
        addNeighbour(out, ip, dev, jsonText(object, 'lladdr'), stateVal);
      }
    }
    return out;
  }
  return yield* parseRowsInSteps(input, rows, (_rule, result, source, out, line) => {
    const { ip, words } = readNeighbourLine(result, source);
    const dev = words.pairs.get('dev') ?? (asked === undefined ? undefined : impliedVal(asked, line));
    const mac = words.pairs.get('lladdr');
    const old = words.pairs.get('nud');
    const state = words.flags.find((flag) => STATE.test(flag.value)) ?? (old && { ...old, value: old.value.toUpperCase() });
    // What this host answers for in another's name is no neighbour. Without a device a neighbour says nothing that a walk could
    // use, but its addresses can still be looked up.
    if (dev !== undefined && !words.flags.some((flag) => flag.value === 'proxy')) addNeighbour(out, ip, dev, mac, state);
    else {
      ipRef(out, ip);
      if (mac !== undefined) macRef(out, mac);
    }
  });
}

/** Notes one neighbour; `dev` without text of its own gets no reference. Also serves arp(8). */
export function addNeighbour(
  out: Collected,
  ip: Val<string>,
  dev: Val<string>,
  mac: Val<string> | undefined,
  state: Val<string> | undefined,
): void {
  const isMac = mac !== undefined && /^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(mac.value);
  ipRef(out, ip);
  if (dev.span.end > dev.span.start) deviceRef(out, dev);
  if (isMac) macRef(out, mac);
  out.facts.push({
    kind: 'neighbour',
    ip: lower(ip),
    dev,
    ...(isMac ? { mac: lower(mac) } : {}),
    ...(state === undefined ? {} : { state }),
  });
}

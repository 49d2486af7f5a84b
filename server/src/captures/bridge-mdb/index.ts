import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { listCommand } from '../iproute-command';
import { acceptsJson, isJson, jsonObjects, jsonText, readJsonObjects } from '../json';
import { collect } from '../lines';
import { continuesRow, parseRows, type Rows } from '../rows';
import { deviceRef, ipRef, lower, macRef } from '../words';
import type { Collected } from '../lines';
import type { Val } from '../../base/span';
import { readMdbLine } from './semantics';

const ENTRY = /^\s*(?:dev \S+ )?port \S+ grp [\da-f.:]+(?:\s|$)/i;
const ROUTER = /^\s*router ports? on \S+:(?:\s|$)/;

const rows: Rows = {
  grammar: grammars.BridgeMdb,
  what: 'multicast group',
  ruleFor: (text) => (/^\s*router\b/.test(text) ? 'routerLine' : 'entryLine'),
  starts: (text) => ENTRY.test(text) || ROUTER.test(text),
};

/** `bridge mdb`: behind which ports of a bridge somebody listens to a multicast group (bridge(8)). Its names are known; no walk asks it. */
export const bridgeMdb: CaptureKind = {
  kinds: ['bridge-mdb'],
  recognise: (argv) => (listCommand(argv, 'bridge')?.object === 'mdb' ? { kind: 'bridge-mdb' } : undefined),
  sniff: (text) => (ENTRY.test(text) && /^\s*dev /.test(text) ? { kind: 'bridge-mdb' } : undefined),
  accepts: (text) => rows.starts(text) || acceptsJson(text),
  continues: continuesRow(rows),
  parse(input) {
    if (isJson(input)) return readJson(input);
    return parseRows(input, rows, (_rule, result, source, out) => {
      const { devices, group } = readMdbLine(result, source);
      for (const device of devices) deviceRef(out, device);
      if (group) groupRef(out, group);
      return 'record';
    });
  },
};

function readJson(input: ParseInput): Parsed {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    for (const entry of jsonObjects(object, 'mdb')) {
      for (const key of ['dev', 'port']) {
        const device = jsonText(entry, key);
        if (device) deviceRef(out, device);
      }
      const group = jsonText(entry, 'grp');
      if (group) groupRef(out, group);
    }
  }
  return out;
}

/** Without IP a group is a MAC address. */
function groupRef(out: Collected, group: Val<string>): void {
  if (/^(?:[\da-f]{2}:){5}[\da-f]{2}$/i.test(group.value)) macRef(out, lower(group));
  else ipRef(out, lower(group));
}

import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { impliedVal, lower, macRef } from '../words';
import { continuesRow, parseRows, type Rows } from '../rows';
import { readBrctlLine } from './semantics';

const TITLE = /^\s*port no\s+mac addr\s+is local\?/;
const ENTRY = /^\s*\d+\s+[\da-f]{2}(?::[\da-f]{2}){5}\s+(?:yes|no)(?:\s+\d+\.\d+|$)/i;

const rows: Rows = {
  grammar: grammars.BrctlShowmacs,
  what: 'row of brctl showmacs',
  ruleFor: (text) => (TITLE.test(text) ? 'titleLine' : 'entryLine'),
  starts: (text) => TITLE.test(text) || ENTRY.test(text),
};

/** `brctl showmacs BRIDGE`: the bridge's forwarding table, its ports by number (brctl(8)). */
export const brctlShowmacs: CaptureKind = {
  kinds: ['brctl-showmacs'],
  recognise(argv) {
    return argv[0] === 'brctl' && argv[1] === 'showmacs'
      ? { kind: 'brctl-showmacs', ...(argv[2] === undefined ? {} : { target: argv[2] }) }
      : undefined;
  },
  sniff: (text) => (TITLE.test(text) || ENTRY.test(text) ? { kind: 'brctl-showmacs' } : undefined),
  accepts: (text) => rows.starts(text),
  continues: continuesRow(rows),
  parse(input) {
    return parseRows(input, rows, (_rule, result, source, out, at) => {
      const line = readBrctlLine(result, source);
      if (line.is !== 'mac') return 'header';
      macRef(out, line.mac);
      // Without its bridge an entry leads nowhere; its address is a reference all the same.
      if (input.target !== undefined) {
        out.facts.push({
          kind: 'bridge-mac',
          bridge: impliedVal(input.target, at),
          portNumber: line.port,
          mac: lower(line.mac),
          local: line.local,
          ...(line.age === undefined ? {} : { age: line.age }),
        });
      }
      return 'record';
    });
  },
};

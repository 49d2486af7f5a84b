import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { positionals } from '../command';
import { deviceRef } from '../words';
import { addNeighbour } from '../ip-neighbour/index';
import { continuesRow, parseRowsInSteps, type Rows } from '../rows';
import { readArpLine } from './semantics';

const MAC = '[\\da-fA-F]{2}(?::[\\da-fA-F]{2}){5}';
/** net-tools' in its tongues, and that of /proc/net/arp, which BusyBox prints too. */
const TITLE =
  /^\s*(?:Address\s+HWtype\s+HWaddress\b|Adresse\s+(?:Hardware-Typ|TypeMap)\s|(?:Dirección|Direcci\S+)\s+TipoHW\s|Indirizzo\s+TipoHW\s|Endereço\s+TipoHW\s|アドレス\s+HWタイプ\s|IP address\s+HW type\s+Flags\s)/;
const PROC = new RegExp(`^\\s*\\d{1,3}(?:\\.\\d{1,3}){3}\\s+0x[\\da-f]+\\s+0x[\\da-f]+\\s+${MAC}\\s+\\*\\s+\\S+`);
const TABLE = new RegExp(
  `^\\s*[\\w-]+(?:\\.[\\w-]+)*\\s+(?:\\(incomplete\\)|\\*\\s+(?:<from_interface>|\\*)|[a-z][\\w-]*\\s+${MAC})\\s+\\S`,
);
const SENTENCE = new RegExp(
  `^\\s*\\S+ \\(\\d{1,3}(?:\\.\\d{1,3}){3}\\) at (?:${MAC}|<incomplete>|<from_interface>|\\*) .*\\bon \\S+`,
);

const rows: Rows = {
  grammar: grammars.Arp,
  what: 'row of the ARP table',
  ruleFor: (text) =>
    TITLE.test(text)
      ? 'titleLine'
      : /^\s*Entries:/.test(text)
        ? 'summaryLine'
        : SENTENCE.test(text)
          ? 'sentenceLine'
          : PROC.test(text)
            ? 'procLine'
            : 'tableLine',
  starts: (text) =>
    TITLE.test(text) || TABLE.test(text) || PROC.test(text) || SENTENCE.test(text) || /^\s*Entries:\s+\d+/.test(text),
};

/** `arp -n`, `arp -a`: the kernel's IPv4 neighbours as net-tools prints them (arp(8)). */
export const arp: CaptureKind = {
  kinds: ['arp'],
  recognise(argv) {
    if (argv[0] === 'cat' && argv[1] === '/proc/net/arp') return { kind: 'arp' };
    if (argv[0] !== 'arp') return undefined;
    const changes = argv.slice(1).some((word) => /^-[a-zA-Z]*[sdfS]/.test(word) || /^--(?:set|delete|file)$/.test(word));
    if (changes) return undefined;
    // A host or a device: only its rows are shown.
    const filter = positionals(argv, ['-A', '-p', '-H', '-t']).concat(argv.some((word) => /^-\w*i$/.test(word)) ? ['-i'] : []);
    return { kind: 'arp', ...(filter.length === 0 ? {} : { options: { filter: filter.join(' ') } }) };
  },
  sniff(text) {
    return TITLE.test(text) || SENTENCE.test(text) ? { kind: 'arp' } : undefined;
  },
  accepts: (text) => rows.starts(text),
  continues: continuesRow(rows),
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  return yield* parseRowsInSteps(input, rows, (rule, result, source, out) => {
    if (rule === 'titleLine' || rule === 'summaryLine') return 'header';
    const { host, mac, device, state, proxy } = readArpLine(result, source);
    // A name that arp looked up in the DNS is no address: without -n there is nothing to join it by. What this host answers for
    // in another's name is no neighbour.
    const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(host.value);
    if (isAddress && !proxy) addNeighbour(out, host, device, mac, state);
    else deviceRef(out, device);
    if (!isAddress) {
      const message = `This neighbour is shown by a name ("${host.value}"), so that no packet can be compared with it; arp -n or ip neigh shows the address.`;
      out.errors.push({ span: host.span, code: 'inconsistent', message });
    }
    return 'record';
  });
}

import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { reportErrorOutput } from '../ip-address/words';
import { addNeighbour } from '../ip-neighbour/index';
import { collect, record } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { readArpLine } from './semantics';

const MAC = '[\\da-fA-F]{2}(?::[\\da-fA-F]{2}){5}';
const TITLE = /^\s*Address\s+HWtype\s+HWaddress\b/;
const TABLE = new RegExp(`^\\s*[\\w-]+(?:\\.[\\w-]+)*\\s+(?:\\(incomplete\\)|[a-z][\\w-]*\\s+${MAC})\\s+\\S`);
const SENTENCE = new RegExp(
  `^\\s*\\S+ \\(\\d{1,3}(?:\\.\\d{1,3}){3}\\) at (?:${MAC}|<incomplete>|<from_interface>|\\*) .*\\bon \\S+`,
);

/** `arp -n`, `arp -a`: the kernel's IPv4 neighbours as net-tools prints them (arp(8)). */
export const arp: CaptureKind = {
  kinds: ['arp'],
  recognise(argv) {
    if (argv[0] !== 'arp') return undefined;
    const changes = argv.slice(1).some((word) => /^-[a-zA-Z]*[sdfS]/.test(word) || /^--(?:set|delete|file)$/.test(word));
    return changes ? undefined : { kind: 'arp' };
  },
  sniff(text) {
    return TITLE.test(text) || SENTENCE.test(text) ? { kind: 'arp' } : undefined;
  },
  accepts(text) {
    return TITLE.test(text) || TABLE.test(text) || SENTENCE.test(text) || /^\s*Entries:\s+\d+/.test(text);
  },
  parse(input) {
    const out = collect();
    for (const line of input.lines) {
      if (line.text.trim() === '' || reportErrorOutput(out, line)) continue;
      const source = sourceOf(line);
      const rule = TITLE.test(line.text)
        ? 'titleLine'
        : /^\s*Entries:/.test(line.text)
          ? 'summaryLine'
          : SENTENCE.test(line.text)
            ? 'sentenceLine'
            : 'tableLine';
      const result = grammars.Arp.match(source.text, rule);
      if (result.failed()) {
        out.errors.push(syntaxError(source, result, 'row of the ARP table'));
        continue;
      }
      const title = rule === 'titleLine' || rule === 'summaryLine';
      record(out, line, line, title ? 'header' : 'record');
      if (title) continue;
      const { host, mac, device, state } = readArpLine(result, source);
      // A name that arp looked up in the DNS is no address; without -n there is nothing to join it by.
      if (/^\d+\.\d+\.\d+\.\d+$/.test(host.value)) addNeighbour(out, host, device, mac, state);
    }
    return out;
  },
};

import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { readQueue } from './semantics';

const FILE = /^\/proc\/(?:net|self\/net|\d+\/net)\/netfilter\/nfnetlink_queue$/;

/** `/proc/net/netfilter/nfnetlink_queue`: the queues that a program serves, one a line, nothing where there is none. */
export const nfnetlinkQueue: CaptureKind = {
  kinds: ['nfnetlink-queue'],
  recognise(argv) {
    return argv[0] === 'cat' && argv.length === 2 && FILE.test(argv[1] ?? '') ? { kind: 'nfnetlink-queue' } : undefined;
  },
  // Numbers alone may be anything.
  sniff: () => undefined,
  accepts: (text) => /^\s*\d+(?:\s+\d+){8}\s*$/.test(text),
  parse(input) {
    return parseEachLine(input, grammars.NfnetlinkQueue, 'queueLine', 'queue', (result, source, out) => {
      out.facts.push({ kind: 'nf-queue', queue: readQueue(result, source) });
    });
  },
};

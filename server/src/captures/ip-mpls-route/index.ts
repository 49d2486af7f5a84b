import grammars from '../../generated/grammars.ohm-bundle';
import { deviceRef, ipRef } from '../words';
import type { CaptureKind } from '../capture';
import { readRouteLine } from '../ip-route/semantics';
import { acceptsJson } from '../json';
import { continuesRow, parseRows, type Rows } from '../rows';

const LABEL = /^\s*\d{1,7}(?:\s+(?:as to|via|dev|proto|encap)\s.*|\s*)$/;
const HOP = /^\s+nexthop\s+(?:as to|via|dev)\s/;

const rows: Rows = {
  grammar: grammars.IpRoute,
  what: 'route of a label',
  ruleFor: (text) => (HOP.test(text) ? 'nexthopLine' : 'labelLine'),
  starts: (text) => LABEL.test(text) || HOP.test(text),
};

/**
 * `ip -f mpls route`: what a router does with labels of MPLS (ip-route(8)). Labels are no addresses: nothing of it is a route of IP, so
 * that only what it names can be looked up.
 */
export const ipMplsRoute: CaptureKind = {
  kinds: ['ip-mpls-route'],
  recognise(argv) {
    if (argv[0] !== 'ip') return undefined;
    const mpls = argv.some((word, n) => word === '-M' || (/^-f(?:amily)?$/.test(word) && argv[n + 1] === 'mpls'));
    const words = argv.slice(1).filter((word) => !word.startsWith('-') && word !== 'mpls');
    const [object = '', verb = 'show'] = words;
    return mpls && object !== '' && 'route'.startsWith(object) && /^(?:show|list|lst|ls)$/.test(verb)
      ? { kind: 'ip-mpls-route' }
      : undefined;
  },
  sniff: (text) => (/^\s*\d{1,7} as to [\d/]+\s+via inet6? \S+ dev \S/.test(text) ? { kind: 'ip-mpls-route' } : undefined),
  accepts: (text) => rows.starts(text) && !acceptsJson(text),
  continues: continuesRow(rows),
  parse(input) {
    return parseRows(input, rows, (_rule, result, source, out) => {
      const { words } = readRouteLine(result, source);
      const [via, dev] = [words.pairs.get('via'), words.pairs.get('dev')];
      if (via !== undefined) ipRef(out, via);
      if (dev !== undefined) deviceRef(out, dev);
      return 'record';
    });
  },
};

import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { readNamespaceLine } from './semantics';

/** `ip netns`, `ip netns list`: the named network namespaces of a host (ip-netns(8)). */
export const ipNetnsList: CaptureKind = {
  kinds: ['ip-netns-list'],
  recognise(argv) {
    if (argv[0] !== 'ip') return undefined;
    const words = argv.slice(1).filter((word) => !word.startsWith('-'));
    const isList =
      words[0] === 'netns' && (words[1] === undefined || words[1] === 'list' || words[1] === 'ls' || words[1] === 'show');
    return isList ? { kind: 'ip-netns-list' } : undefined;
  },
  sniff(text) {
    return /^\s*(?:qrouter|qdhcp|snat|fip|ovnmeta)-[0-9a-f]{8}-[0-9a-f-]{27}(?: \(id: \d+\))?$/.test(text)
      ? { kind: 'ip-netns-list' }
      : undefined;
  },
  accepts(text) {
    return /^\s*[\w.:@-]+(?: \(id: \d+\))?$/.test(text);
  },
  parse(input) {
    return parseEachLine(input, grammars.IpNetns, 'namespaceLine', 'namespace', (result, source, out) => {
      const { name, id } = readNamespaceLine(result, source);
      out.facts.push({ kind: 'netns', name, ...(id === undefined ? {} : { id }) });
      out.refs.push({ kind: 'namespace', value: name.value, span: name.span, defines: true });
    });
  },
};

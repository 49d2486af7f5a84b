import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import { acceptsJson, isJson, jsonNumber, jsonText, readJsonObjects } from '../json';
import { collect, type Collected } from '../lines';
import { parseRows, type Rows } from '../rows';
import { readNamespaceLine } from './semantics';

const NUMBER = /^\s*nsid \d+(?: current-nsid \d+)?(?: \(iproute2 netns name: [\w.:@-]+\))?$/;

const rows: Rows = {
  grammar: grammars.IpNetns,
  what: 'namespace',
  ruleFor: (text) => (NUMBER.test(text) ? 'numberLine' : 'namespaceLine'),
  starts: () => true,
};

/** `ip netns`, `ip netns list`, `ip netns list-id`: the named network namespaces of a host (ip-netns(8)). */
export const ipNetnsList: CaptureKind = {
  kinds: ['ip-netns-list'],
  recognise(argv) {
    if (argv[0] !== 'ip') return undefined;
    const words = argv.slice(1).filter((word) => !word.startsWith('-'));
    const isList = /^netn?s?$/.test(words[0] ?? '') && /^(?:|list|ls|lst|show|list-id)$/.test(words[1] ?? '');
    return isList ? { kind: 'ip-netns-list' } : undefined;
  },
  sniff(text) {
    if (NUMBER.test(text)) return { kind: 'ip-netns-list' };
    return /^\s*(?:qrouter|qdhcp|snat|fip|ovnmeta)-[0-9a-f]{8}-[0-9a-f-]{27}(?: \(id: \d+\))?$/.test(text)
      ? { kind: 'ip-netns-list' }
      : undefined;
  },
  accepts(text) {
    return /^\s*[\w.:@-]+(?: \(id: \d+\))?$/.test(text) || NUMBER.test(text) || acceptsJson(text);
  },
  parse(input) {
    if (isJson(input)) return parseJson(input);
    return parseRows(input, rows, (_rule, result, source, out) => {
      const { name, id } = readNamespaceLine(result, source);
      if (name !== undefined) addNamespace(out, name, id);
      return 'record';
    });
  },
};

function addNamespace(out: Collected, name: Val<string>, id: Val<number> | undefined): void {
  out.facts.push({ kind: 'netns', name, ...(id === undefined ? {} : { id }) });
  out.refs.push({ kind: 'namespace', value: name.value, span: name.span, defines: true });
}

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const name = jsonText(object, 'name');
    if (name !== undefined) addNamespace(out, name, jsonNumber(object, 'id') ?? jsonNumber(object, 'nsid'));
  }
  return out;
}

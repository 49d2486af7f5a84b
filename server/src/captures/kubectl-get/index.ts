import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import { positionals } from '../command';
import { acceptsJson } from '../json';
import { ipRef } from '../words';
import type { Collected } from '../lines';
import { parseRows, type Rows } from '../rows';
import { readCells } from './semantics';

/** Objects of Kubernetes whose wide listing says who has an address, by the names that kubectl takes. */
const NOUNS: Readonly<Record<string, string>> = {
  po: 'pods',
  pod: 'pods',
  pods: 'pods',
  svc: 'services',
  service: 'services',
  services: 'services',
  no: 'nodes',
  node: 'nodes',
  nodes: 'nodes',
};
const WHAT: Readonly<Record<string, string>> = { pods: 'pod', services: 'service', nodes: 'node' };
/** The column that holds the address. */
const ADDRESS_COLUMNS = ['IP', 'POD-IP', 'CLUSTER-IP', 'INTERNAL-IP', 'EXTERNAL-IP'];

const TITLE = /^\s*(?:NAMESPACE\s+)?NAME\s+(?:READY\s+STATUS|STATUS\s+ROLES|TYPE\s+CLUSTER-IP|CLUSTER-IP)\b/;
const ROW = /^\s*[a-z0-9][\w.-]*\s{2,}\S/;

const rows: Rows = {
  grammar: grammars.KubectlTable,
  what: 'row of kubectl',
  ruleFor: (text) => (TITLE.test(text) ? 'titleLine' : 'rowLine'),
  starts: (text) => TITLE.test(text) || ROW.test(text),
};

/** `kubectl get pods -o wide`, `get svc`, `get nodes -o wide`: who has an address (Kubernetes). */
export const kubectlGet: CaptureKind = {
  kinds: ['kubectl-get-pods', 'kubectl-get-services', 'kubectl-get-nodes'],
  recognise(argv) {
    if (argv[0] !== 'kubectl' && argv[0] !== 'oc') return undefined;
    const words = positionals(argv, ['-n', '--namespace', '-o', '--output', '-l', '--selector', '--context', '--kubeconfig']);
    const noun = words[0] === 'get' ? NOUNS[words[1]?.split('/')[0] ?? ''] : undefined;
    const at = argv.findIndex((word) => word === '-n' || word === '--namespace');
    const namespace = at < 0 ? argv.find((word) => word.startsWith('--namespace='))?.slice(12) : argv[at + 1];
    if (noun === undefined || argv.some((word) => /^(?:-o|--output=)?(?:yaml|json|name|jsonpath.*)$/.test(word)))
      return undefined;
    return { kind: `kubectl-get-${noun}`, ...(namespace === undefined ? {} : { options: { namespace } }) };
  },
  sniff(text) {
    if (!TITLE.test(text)) return undefined;
    if (/\sREADY\s+STATUS/.test(text)) return /\sIP\s+NODE\b/.test(text) ? { kind: 'kubectl-get-pods' } : undefined;
    if (/\sROLES\b/.test(text)) return /\sINTERNAL-IP\b/.test(text) ? { kind: 'kubectl-get-nodes' } : undefined;
    return /\sCLUSTER-IP\b/.test(text) ? { kind: 'kubectl-get-services' } : undefined;
  },
  accepts: (text) => (rows.starts(text) && !acceptsJson(text)) || /^No resources found/.test(text),
  parse(input) {
    let columns: readonly Val<string>[] = [];
    return parseRows({ ...input, lines: input.lines }, rows, (rule, result, source, out) => {
      const cells = readCells(result, source);
      if (rule === 'titleLine') {
        columns = cells;
        return 'header';
      }
      addOwner(out, columns, input.kind === 'kubectl-get-nodes' ? cells : cells.flatMap(apart), input);
      return 'record';
    });
  },
};

function addOwner(out: Collected, columns: readonly Val<string>[], cells: readonly Val<string>[], input: ParseInput): void {
  const of = (name: string): Val<string> | undefined => {
    const at = columns.findIndex((column) => column.value === name);
    return at < 0 ? undefined : cells[at];
  };
  // A row of grep has no title; only the address itself tells its column, and the name is the first cell but for a namespace.
  const guessed = columns.length === 0 ? cells.find((cell) => isAddress(cell.value)) : undefined;
  const ips = guessed !== undefined ? [guessed] : ADDRESS_COLUMNS.flatMap((name) => addressesIn(of(name)));
  const name = of('NAME') ?? (cells[1] !== undefined && /^\d+\/\d+$/.test(cells[1].value) ? cells[0] : cells[1]);
  const node = of('NODE') ?? (guessed === undefined ? undefined : cells[cells.indexOf(guessed) + 1]);
  for (const ip of ips) {
    ipRef(out, ip);
    if (name === undefined) continue;
    const namespace = of('NAMESPACE');
    out.facts.push({
      kind: 'address-owner',
      what: WHAT[input.kind.replace('kubectl-get-', '')] ?? 'pod',
      name,
      ip,
      ...(node === undefined || node.value.startsWith('<') ? {} : { node }),
      ...(namespace === undefined ? {} : { of: namespace }),
    });
  }
}

/** Values that somebody pushed together: of pods and services only `1 (5d ago)` has a blank in it. */
function apart({ value, span }: Val<string>): Val<string>[] {
  return [...value.matchAll(/\S+(?: \([^)]*\))?/g)].map((found) => {
    const start = span.start + found.index;
    return val(found[0], { start, end: start + found[0].length });
  });
}

function isAddress(text: string): boolean {
  return /^(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f]*:[\da-f]*:)[\da-f:]+)$/i.test(text);
}

function addressesIn(cell: Val<string> | undefined): Val<string>[] {
  return cell !== undefined && isAddress(cell.value) ? [cell] : [];
}

import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { addOwner } from '../address-owner';
import type { CaptureKind } from '../capture';
import { positionals } from '../command';
import { acceptsJson } from '../json';
import { ipRef, partOf } from '../words';
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
  ep: 'endpoints',
  endpoint: 'endpoints',
  endpoints: 'endpoints',
  endpointslice: 'endpoints',
  endpointslices: 'endpoints',
};
const WHAT: Readonly<Record<string, string>> = { pods: 'pod', services: 'service', nodes: 'node', endpoints: 'endpoint' };
/** The column that holds the address. */
const ADDRESS_COLUMNS = ['IP', 'POD-IP', 'CLUSTER-IP', 'INTERNAL-IP', 'EXTERNAL-IP', 'ENDPOINTS'];

const TITLE =
  /^\s*(?:NAMESPACE\s+)?NAME\s+(?:READY\s+STATUS|STATUS\s+ROLES|TYPE\s+CLUSTER-IP|CLUSTER-IP|ENDPOINTS\s+AGE|ADDRESSTYPE\s+PORTS\s+ENDPOINTS)\b/;
/** The title of any other table, of `kubectl get all` or an older version. */
const OTHER_TITLE = /^\s*(?:NAMESPACE\s+)?NAME\s+(?:[A-Z][A-Z()/-]+(?:\s+|$)){1,14}$/;
/** `pod/web`, `svc/web`: several kinds in one output. */
const ROW = /^\s*(?:[a-z][\w.-]*\/)?[a-z0-9][\w.-]*\s{2,}\S/;
/** Rows whose columns somebody pushed together. */
const TIGHT_ROW =
  /^\s*(?:[a-z0-9][\w.-]*\s+)?(?:[a-z]+\/)?[a-z0-9][\w.-]*\s+(?:\d+\/\d+\s+[A-Z]\w+\s+\d|(?:ClusterIP|NodePort|LoadBalancer|ExternalName)\s+[\d<N])/;

const rows: Rows = {
  grammar: grammars.KubectlTable,
  what: 'row of kubectl',
  ruleFor: (text) => (TITLE.test(text) || OTHER_TITLE.test(text) ? 'titleLine' : 'rowLine'),
  starts: (text) => TITLE.test(text) || OTHER_TITLE.test(text) || ROW.test(text) || TIGHT_ROW.test(text),
};

/** `kubectl get pods -o wide`, `get svc`, `get nodes -o wide`, `get endpoints`: who has an address (Kubernetes). */
export const kubectlGet: CaptureKind = {
  kinds: ['kubectl-get-pods', 'kubectl-get-services', 'kubectl-get-nodes', 'kubectl-get-endpoints'],
  recognise(argv) {
    if (argv[0] !== 'kubectl' && argv[0] !== 'oc') return undefined;
    const words = positionals(argv, ['-n', '--namespace', '-o', '--output', '-l', '--selector', '--context', '--kubeconfig']);
    const nouns = words[0] === 'get' ? (words[1]?.split('/')[0] ?? '').split(',') : [];
    // Of several kinds every row says its own.
    const noun = nouns.map((word) => (word === 'all' ? 'pods' : NOUNS[word])).find((known) => known !== undefined);
    const at = argv.findIndex((word) => word === '-n' || word === '--namespace');
    const namespace = at < 0 ? argv.find((word) => word.startsWith('--namespace='))?.slice(12) : argv[at + 1];
    if (
      noun === undefined ||
      argv.some((word) => /^(?:-o=?|--output=)?(?:yaml|json|name|(?:jsonpath|go-template|custom-columns).*)$/.test(word))
    )
      return undefined;
    return { kind: `kubectl-get-${noun}`, ...(namespace === undefined ? {} : { options: { namespace } }) };
  },
  sniff(text) {
    if (!TITLE.test(text)) return undefined;
    if (/\sREADY\s+STATUS/.test(text)) return /\sIP\s+NODE\b/.test(text) ? { kind: 'kubectl-get-pods' } : undefined;
    if (/\sROLES\b/.test(text)) return /\sINTERNAL-IP\b/.test(text) ? { kind: 'kubectl-get-nodes' } : undefined;
    if (/\sENDPOINTS\b/.test(text)) return { kind: 'kubectl-get-endpoints' };
    return /\sCLUSTER-IP\b/.test(text) ? { kind: 'kubectl-get-services' } : undefined;
  },
  accepts: (text) => (rows.starts(text) && !acceptsJson(text)) || /^No resources found/.test(text),
  parse(input) {
    let columns: readonly Val<string>[] = [];
    let what = WHAT[input.kind.replace('kubectl-get-', '')] ?? 'pod';
    return parseRows({ ...input, lines: input.lines }, rows, (rule, result, source, out) => {
      const cells = readCells(result, source);
      if (rule === 'titleLine') {
        columns = cells.length > 1 ? cells : cells.flatMap(titlesApart);
        what = objectsUnder(columns) ?? what;
        return 'header';
      }
      // Of nodes the name of the system has blanks in it.
      const parts = columns.some(({ value }) => value === 'OS-IMAGE') && cells.length > 1 ? cells : cells.flatMap(apart);
      addOwners(out, columns, parts, what);
      return 'record';
    });
  },
};

/** What the rows under a title are, where it shows their addresses. */
function objectsUnder(columns: readonly Val<string>[]): string | undefined {
  const has = (name: string): boolean => columns.some(({ value }) => value === name);
  if (has('CLUSTER-IP')) return 'service';
  if (has('INTERNAL-IP')) return 'node';
  if (has('ENDPOINTS')) return 'endpoint';
  return has('IP') && has('READY') ? 'pod' : undefined;
}

/** `pod/web`: the kind and the name. */
function withoutKind(name: Val<string>): { readonly name: Val<string>; readonly what: string | undefined } {
  const slash = name.value.indexOf('/');
  if (slash < 0) return { name, what: undefined };
  return { name: partOf(name, slash + 1, name.value.length), what: WHAT[NOUNS[name.value.slice(0, slash)] ?? ''] };
}

function addOwners(out: Collected, columns: readonly Val<string>[], cells: readonly Val<string>[], what: string): void {
  const of = (name: string): Val<string> | undefined => {
    const at = columns.findIndex((column) => column.value === name);
    return at < 0 ? undefined : cells[at];
  };
  // A row of grep has no title; only the address itself tells its column, and the name is the first cell but for a namespace.
  const guessed = columns.length === 0 ? cells.find((cell) => isAddress(cell.value)) : undefined;
  const ips = guessed !== undefined ? [guessed] : ADDRESS_COLUMNS.flatMap((name) => addressesIn(of(name)));
  const named = of('NAME') ?? (cells[1] !== undefined && /^\d+\/\d+$/.test(cells[1].value) ? cells[0] : cells[1]);
  const node = of('NODE') ?? (guessed === undefined ? undefined : cells[cells.indexOf(guessed) + 1]);
  const own = named === undefined ? undefined : withoutKind(named);
  for (const ip of ips) {
    if (own === undefined) ipRef(out, ip);
    else {
      const on = node === undefined || node.value.startsWith('<') ? undefined : node;
      addOwner(out, { what: own.what ?? what, name: own.name, ip, node: on, of: of('NAMESPACE') });
    }
  }
}

/** Values that somebody pushed together: of pods and services only `1 (5d ago)` has a blank in it. */
function apart({ value, span }: Val<string>): Val<string>[] {
  return [...value.matchAll(/\S+(?: \([^)]*\))?/g)].map((found) => {
    const start = span.start + found.index;
    return val(found[0], { start, end: start + found[0].length });
  });
}

function titlesApart({ value, span }: Val<string>): Val<string>[] {
  return [...value.matchAll(/NOMINATED NODE|READINESS GATES|\S+/g)].map((found) => {
    const start = span.start + found.index;
    return val(found[0], { start, end: start + found[0].length });
  });
}

function isAddress(text: string): boolean {
  return /^(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f]*:[\da-f]*:)[\da-f:]+)$/i.test(text);
}

/** The addresses in a cell: one, or endpoints with their ports (`10.0.0.1:53,[fd00::1]:53 + 1 more...`). */
function addressesIn(cell: Val<string> | undefined): Val<string>[] {
  if (cell === undefined) return [];
  return [...cell.value.matchAll(/[^,\s]+/g)].flatMap((found) => {
    const [, open = '', text = ''] = /^(\[?)(.*?)\]?(?::\d+)?$/.exec(found[0]) ?? [];
    const [at, ip] = isAddress(found[0]) ? [found.index, found[0]] : [found.index + open.length, text];
    return isAddress(ip) ? [partOf(cell, at, at + ip.length)] : [];
  });
}

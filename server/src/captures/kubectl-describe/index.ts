import { val, type Val } from '../../base/span';
import { indentOf, type Line } from '../../base/lines';
import { addOwner } from '../address-owner';
import type { CaptureKind } from '../capture';
import { positionals } from '../command';
import { offsetIn, part } from '../line-parts';
import { collect, record, type Collected } from '../lines';
import { partOf, reportErrorOutput } from '../words';

const NAME = /^\s*Name:\s+\S+$/;
/** `IP:  10.0.0.5`, `IPs:`, `QoS Class:  BestEffort`: what is said of an object itself stands at the margin. */
const FIELD = /^([A-Z][A-Za-z() /-]*):(?:\s+(\S.*))?$/;
/** The same one level below it. */
const INNER = /^\s+([A-Z]\w*):\s+(\S.*)$/;

/** What one object says of itself, by the titles of its fields. */
interface Described {
  readonly fields: ReadonlyMap<string, Val<string>>;
  /** Addresses that stand below a title: those of `IPs` and `Addresses`. */
  readonly inner: readonly Val<string>[];
}

/** `kubectl describe pod|service|node|endpoints`: who has an address, among much else (Kubernetes). */
export const kubectlDescribe: CaptureKind = {
  kinds: ['kubectl-describe'],
  recognise(argv) {
    if (argv[0] !== 'kubectl' && argv[0] !== 'oc') return undefined;
    const [verb] = positionals(argv, ['-n', '--namespace', '-l', '--selector', '--context', '--kubeconfig', '-f']);
    return verb === 'describe' ? { kind: 'kubectl-describe' } : undefined;
  },
  sniff(text, following) {
    if (!NAME.test(text) || !/^\s*Namespace:\s+\S+$/.test(following(0) ?? '')) return undefined;
    return /^\s*(?:Priority|Labels|Annotations|Service Account|Node|Selector):/.test(following(1) ?? '')
      ? { kind: 'kubectl-describe' }
      : undefined;
  },
  accepts: (text) => FIELD.test(text) || /^\s+\S/.test(text),
  parse({ lines }) {
    const out = collect();
    let open: { fields: Map<string, Val<string>>; inner: Val<string>[] } | undefined;
    let title = '';
    // A block of code, or a list, moves all of it to the right.
    const margin = lines.reduce((least, { text }) => (text.trim() === '' ? least : Math.min(least, indentOf(text))), Infinity);
    for (const whole of lines) {
      if (reportErrorOutput(out, whole)) continue;
      record(out, whole);
      const line = margin === 0 ? whole : part(whole, Math.min(margin, whole.text.length));
      const field = FIELD.exec(line.text);
      if (field) {
        title = field[1] ?? '';
        if (title === 'Name') {
          if (open) addObject(out, open);
          open = { fields: new Map(), inner: [] };
        }
        const value = field[2];
        if (value !== undefined && open && !open.fields.has(title)) open.fields.set(title, placed(line, value));
        continue;
      }
      const [, name = '', value = ''] = INNER.exec(line.text) ?? [];
      const isAddress =
        (title === 'IPs' && name === 'IP') ||
        (title === 'Addresses' && /^(?:Internal|External)IP$/.test(name)) ||
        (title === 'Subsets' && name === 'Addresses');
      if (isAddress) open?.inner.push(placed(line, value));
    }
    if (open) addObject(out, open);
    return out;
  },
};

/** The end of a line as a value. */
function placed(line: Line, text: string): Val<string> {
  const from = line.text.length - text.length;
  return val(text.trimEnd(), { start: offsetIn(line, from), end: offsetIn(line, from + text.trimEnd().length - 1) + 1 });
}

function addObject(out: Collected, { fields, inner }: Described): void {
  const get = (title: string): Val<string>[] => addressesIn(fields.get(title));
  const [name, of] = [fields.get('Name'), fields.get('Namespace')];
  if (name === undefined) return;
  const below = inner.flatMap(addressesIn);
  if (of === undefined) {
    for (const ip of below) addOwner(out, { what: 'node', name, ip });
    return;
  }
  if (fields.has('Type') && fields.has('Selector')) {
    const own = [...get('IP'), ...get('IPs'), ...get('External IPs'), ...get('LoadBalancer Ingress')];
    for (const ip of once(own)) addOwner(out, { what: 'service', name, ip, of });
    for (const ip of get('Endpoints')) addOwner(out, { what: 'endpoint', name, ip, of });
    return;
  }
  const node = fields.get('Node');
  if (node === undefined) {
    for (const ip of below) addOwner(out, { what: 'endpoint', name, ip, of });
    return;
  }
  // node-1/192.168.1.20: with the node's own address
  const slash = node.value.indexOf('/');
  const on = slash < 0 ? node : partOf(node, 0, slash);
  for (const ip of once([...get('IP'), ...below]))
    addOwner(out, { what: 'pod', name, ip, of, node: on.value === '<none>' ? undefined : on });
}

function once(all: readonly Val<string>[]): Val<string>[] {
  return all.filter(({ value }, n) => all.findIndex((other) => other.value === value) === n);
}

/** The addresses in a list such as `10.0.0.1:80,[fd00::1]:80` or `10.0.0.1,fd00::1`. */
function addressesIn(list: Val<string> | undefined): Val<string>[] {
  if (list === undefined) return [];
  return [...list.value.matchAll(/\[([\da-f:]+)\]|(\d{1,3}(?:\.\d{1,3}){3})|(?<![\w:.])((?=[\da-f]*:[\da-f]*:)[\da-f:]+)/gi)].map(
    (found) => {
      const text = found[1] ?? found[2] ?? found[3] ?? '';
      const at = found.index + found[0].indexOf(text);
      return partOf(list, at, at + text.length);
    },
  );
}

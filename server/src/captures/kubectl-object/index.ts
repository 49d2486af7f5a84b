import type { Val } from '../../base/span';
import { addOwner } from '../address-owner';
import type { CaptureKind, ParseInput } from '../capture';
import { positionals } from '../command';
import { isJson, jsonObjects, jsonText, readJson, readJsonObjects, type Json } from '../json';
import { collect, record, type Collected } from '../lines';
import { impliedVal, partOf } from '../words';
import { readYaml } from '../yaml';

const IN_JSON = /^(?:-ojson|-o=json|--output=json)$/;
const IN_YAML = /^(?:-oyaml|-o=yaml|--output=yaml)$/;

/** `kubectl get … -o yaml|json`: whole objects of Kubernetes, of which those with addresses say who has them. */
export const kubectlObject: CaptureKind = {
  kinds: ['kubectl-get-objects'],
  recognise(argv) {
    if (argv[0] !== 'kubectl' && argv[0] !== 'oc') return undefined;
    const valued = ['-n', '--namespace', '-o', '--output', '-l', '--selector', '--context', '--kubeconfig'];
    const [verb, noun = '', name] = positionals(argv, valued);
    if (verb !== 'get') return undefined;
    const asks = (format: string, joined: RegExp) =>
      argv.some((word, n) => joined.test(word) || (word === format && /^(?:-o|--output)$/.test(argv[n - 1] ?? '')));
    const format = asks('json', IN_JSON) ? 'json' : asks('yaml', IN_YAML) ? 'yaml' : undefined;
    const target = name ?? noun.split('/')[1];
    if (format === undefined) return undefined;
    return { kind: 'kubectl-get-objects', options: { format }, ...(target === undefined ? {} : { target }) };
  },
  sniff: () => undefined,
  accepts: (text, _kind, options) =>
    /^\s+\S/.test(text) ||
    (options?.['format'] === 'json' ? /^[[\]{}]/.test(text) : /^(?:- )?[a-z]\w*:(?:\s|$)|^(?:-{3}|\.{3})$|^- /.test(text)),
  parse(input) {
    const out = collect();
    const objects = input.options['format'] === 'json' ? objectsOfJson(input, out) : objectsOfYaml(input, out);
    const [first] = input.lines;
    // Of one object that somebody shortened the command has the name.
    const asked = objects.length === 1 && first && input.target !== undefined ? impliedVal(input.target, first) : undefined;
    for (const object of objects) addObject(out, object, asked);
    return out;
  },
};

type Fields = ReadonlyMap<string, Json>;

function objectsOfJson(input: ParseInput, out: Collected): Fields[] {
  if (isJson(input)) return readJsonObjects(input, out, true);
  const value = readJson(input, out, 'object', true);
  return value?.is === 'object' ? [value.fields] : [];
}

function objectsOfYaml({ lines }: ParseInput, out: Collected): Fields[] {
  const [first] = lines;
  if (first !== undefined) record(out, first, lines.at(-1) ?? first);
  return readYaml(lines).flatMap((thing) =>
    thing.is === 'object' ? [thing.fields] : thing.is === 'list' ? thing.items.map(fieldsOf) : [],
  );
}

const fieldsOf = (json: Json | undefined): Fields => (json?.is === 'object' ? json.fields : new Map());

/** An object, or a list of them (`kind: List`). */
function addObject(out: Collected, object: Fields, asked?: Val<string>): void {
  for (const item of jsonObjects(object, 'items')) addObject(out, item);
  const meta = fieldsOf(object.get('metadata'));
  const [spec, status] = [fieldsOf(object.get('spec')), fieldsOf(object.get('status'))];
  const [name, of] = [jsonText(meta, 'name') ?? asked, jsonText(meta, 'namespace')];
  const node = jsonText(spec, 'nodeName');
  const given = givenByKubeOvn(fieldsOf(meta.get('annotations')));
  for (const { ip, mac } of given) addOwner(out, { what: 'pod', name, ip, of, mac, node });
  const pods = addresses(status, 'podIP', ...jsonObjects(status, 'podIPs').map((each) => jsonText(each, 'ip')));
  for (const ip of pods)
    if (!given.some((other) => other.ip.value === ip.value)) addOwner(out, { what: 'pod', name, ip, of, node });
  const ingress = jsonObjects(fieldsOf(status.get('loadBalancer')), 'ingress').map((each) => jsonText(each, 'ip'));
  const services = addresses(spec, 'clusterIP', ...textsOf(spec, 'clusterIPs'), ...textsOf(spec, 'externalIPs'), ...ingress);
  for (const ip of services) addOwner(out, { what: 'service', name, ip, of });
  for (const each of jsonObjects(status, 'addresses'))
    if (/IP$/.test(jsonText(each, 'type')?.value ?? '')) addOwner(out, { what: 'node', name, ip: jsonText(each, 'address') });
  // Endpoints name the pod that each address is of; where they do not, it is only known whose endpoint it is.
  const endpoints = [
    ...jsonObjects(object, 'subsets').flatMap((subset) =>
      jsonObjects(subset, 'addresses').map((each) => ({ each, ips: addresses(each, 'ip') })),
    ),
    ...jsonObjects(object, 'endpoints').map((each) => ({ each, ips: textsOf(each, 'addresses') })),
  ];
  for (const { each, ips } of endpoints) {
    const target = fieldsOf(each.get('targetRef'));
    const pod = jsonText(target, 'kind')?.value === 'Pod' ? jsonText(target, 'name') : undefined;
    for (const ip of ips) {
      const more = { of: jsonText(target, 'namespace') ?? of, node: jsonText(each, 'nodeName') };
      addOwner(out, { what: pod ? 'pod' : 'endpoint', name: pod ?? name, ip, ...more });
    }
  }
}

/** The addresses that Kube-OVN gave to a pod, in each of its networks, with their MAC: `PROVIDER.kubernetes.io/ip_address`. */
function givenByKubeOvn(annotations: Fields): { readonly ip: Val<string>; readonly mac: Val<string> | undefined }[] {
  return [...annotations.keys()].flatMap((key) => {
    const provider = /^(.+)\/ip_address$/.exec(key)?.[1];
    const text = provider === undefined ? undefined : jsonText(annotations, key);
    if (provider === undefined || text === undefined) return [];
    const mac = jsonText(annotations, `${provider}/mac_address`);
    return [...text.value.matchAll(/[^,\s]+/g)].map((found) => ({
      ip: partOf(text, found.index, found.index + found[0].length),
      mac,
    }));
  });
}

/** Each address once: that of the older field stands again in the list of the newer one. */
function addresses(fields: Fields, key: string, ...more: readonly (Val<string> | undefined)[]): Val<string>[] {
  const all = [jsonText(fields, key), ...more].filter((text) => text !== undefined);
  return all.filter(({ value }, n) => all.findIndex((other) => other.value === value) === n);
}

function textsOf(fields: Fields, key: string): Val<string>[] {
  const list = fields.get(key);
  return list?.is === 'list'
    ? list.items.flatMap((item) => (item.is === 'text' ? [{ value: item.value, span: item.span }] : []))
    : [];
}

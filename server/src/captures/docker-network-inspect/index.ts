import { val, type Val } from '../../base/span';
import { addOwner } from '../address-owner';
import type { CaptureKind, ParseInput } from '../capture';
import { positionals } from '../command';
import { isJson, isJsonFragment, jsonObjects, jsonText, readJson, readJsonFragment, readJsonObjects, type Json } from '../json';
import { deviceRef, errorOn, impliedVal } from '../words';
import { collect, record, type Collected } from '../lines';
import { offsetIn } from '../line-parts';

/** `docker network inspect`: the containers of a network with their addresses (Docker); podman prints much the same. */
export const dockerNetworkInspect: CaptureKind = {
  kinds: ['docker-network-inspect', 'docker-inspect', 'crictl-inspectp'],
  recognise(argv) {
    const [program] = argv;
    const given = positionals(argv, ['-f', '--format', '-o', '--output']);
    const words = given[0] === 'container' ? given.slice(1) : given;
    const shown = addressFormat(argv);
    if (shown !== undefined && /^(?:docker|podman|nerdctl)$/.test(program ?? '') && words[0] === 'inspect') {
      const { target } = targetOf(words.slice(1));
      return shown === 'address' && target === undefined
        ? undefined
        : { kind: 'docker-inspect', options: { shows: shown }, ...(target === undefined ? {} : { target }) };
    }
    if (argv.some((word, n) => /^(?:-f|--format)/.test(word) && !IN_JSON.test(word.includes('=') ? word : (argv[n + 1] ?? ''))))
      return undefined;
    if (/^(?:docker|podman|nerdctl)$/.test(program ?? '')) {
      if (words[0] === 'network' && words[1] === 'inspect')
        return { kind: 'docker-network-inspect', ...targetOf(words.slice(2)) };
      return words[0] === 'inspect' ? { kind: 'docker-inspect', ...targetOf(words.slice(1)) } : undefined;
    }
    return program === 'crictl' && words[0] === 'inspectp' ? { kind: 'crictl-inspectp', ...targetOf(words.slice(1)) } : undefined;
  },
  sniff(text, following) {
    if (!/^\s*\[\s*$/.test(text) || following(0)?.trim() !== '{') return undefined;
    const [first = '', second = ''] = [following(1), following(2)];
    if (/^\s*"Name": "[^"]*",$/.test(first) && /^\s*"Id": "[\da-z]{25,64}",$/.test(second))
      return { kind: 'docker-network-inspect' };
    return /^\s*"Id": "[\da-f]{64}",$/.test(first) && /^\s*"Created": "/.test(second) ? { kind: 'docker-inspect' } : undefined;
  },
  // Keys of Docker's may hold dots, slashes and digits, and their values may be of any kind.
  accepts: (text, kind, options) =>
    (options?.['shows'] !== undefined && (options['shows'] === 'address' ? ADDRESS_ALONE : NAMED_ADDRESS).test(text)) ||
    (kind === 'crictl-inspectp' && TABLE_ROW.test(text)) ||
    /^\s*(?:\.{3}\s*(?="))?(?:[[\]{}][[\]{},\s]*$|[\]},[{\s]*"[^"]*"\s*(?::|,?$)|(?:true|false|null|-?\d[\d.]*),?$)/.test(text),
  parse(input) {
    const out = collect();
    if (input.options['shows'] !== undefined) {
      readFormatted(input, out);
      return out;
    }
    if (isTable(input)) {
      readTable(input, out);
      return out;
    }
    if (isJsonFragment(input)) {
      readFragment(input, out);
      return out;
    }
    const objects = isJson(input) ? readJsonObjects(input, out, true) : readOne(input, out);
    const [line] = input.lines;
    const network = input.kind === 'docker-network-inspect' && line && input.target ? impliedVal(input.target, line) : undefined;
    for (const object of objects) readObject(out, object, network);
    return out;
  },
};

/** `{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}`, `{{.NetworkSettings.IPAddress}}`. */
const ADDRESS =
  '(?:\\{\\{ *range *\\.NetworkSettings\\.Networks *\\}\\} *)?\\{\\{ *(?:\\.NetworkSettings(?:\\.Networks\\.[\\w-]+)?)?\\.IPAddress *\\}\\}(?: *\\{\\{ *end *\\}\\})?';
const ONLY_ADDRESS = new RegExp(`^${ADDRESS}$`);
const NAME_AND_ADDRESS = new RegExp(`^\\{\\{ *\\.Name *\\}\\}[^{}\\w]{1,8}${ADDRESS}$`);
const ADDRESS_ALONE = /^\s*'?(?<ip>\d{1,3}(?:\.\d{1,3}){3})'?\s*$/;
const NAMED_ADDRESS = /^\s*'?(?<name>\/?[\w.-]+)[^\w/]{1,8}(?<ip>\d{1,3}(?:\.\d{1,3}){3})?'?\s*$/;

/** What `docker inspect -f` prints of each container: its address, or its name and its address; undefined for other formats. */
function addressFormat(argv: readonly string[]): 'address' | 'name and address' | undefined {
  const at = argv.findIndex((word) => /^(?:-f|--format)/.test(word));
  const word = argv[at] ?? '';
  const format = (/^(?:-f|--format=)(.+)/.exec(word)?.[1] ?? (at < 0 ? '' : (argv[at + 1] ?? ''))).trim();
  return ONLY_ADDRESS.test(format) ? 'address' : NAME_AND_ADDRESS.test(format) ? 'name and address' : undefined;
}

function readFormatted(input: ParseInput, out: Collected): void {
  const isNamed = input.options['shows'] !== 'address';
  for (const [n, line] of input.lines.entries()) {
    const found = (isNamed ? NAMED_ADDRESS : ADDRESS_ALONE).exec(line.text)?.groups;
    // One container was asked for; nothing tells whose a second address is.
    if (!found || (!isNamed && n > 0)) {
      out.errors.push(errorOn(line, 'not-understood', 'No container is known that has this address.'));
      continue;
    }
    const part = (text: string): Val<string> => {
      const from = line.text.indexOf(text);
      return val(text, { start: offsetIn(line, from), end: offsetIn(line, from + text.length - 1) + 1 });
    };
    const { name, ip } = found;
    const of = isNamed ? name && part(name) : input.target && impliedVal(input.target, line);
    if (ip !== undefined && of) addOwner(out, { what: 'container', name: of, ip: part(ip) });
    record(out, line);
  }
}

/** `crictl inspectp -o table`. */
const TABLE_ROW =
  /^\s*(?:(?:ID|Name|UID|Namespace|Attempt|Status|Created|Network namespace|IP Address(?:es)?|Labels|Annotations|Info):|[\w./-]+ -> )/;

function isTable(input: ParseInput): boolean {
  return input.kind === 'crictl-inspectp' && input.lines.some(({ text }) => TABLE_ROW.test(text));
}

function readTable(input: ParseInput, out: Collected): void {
  const found = new Map<string, Val<string>>();
  for (const line of input.lines) {
    if (!TABLE_ROW.test(line.text)) continue;
    const [whole = '', name = ''] = /^\s*([\w ]+): */.exec(line.text) ?? [];
    const value = line.text.slice(whole.length).trimEnd();
    if (value !== '')
      found.set(
        name,
        val(value, { start: offsetIn(line, whole.length), end: offsetIn(line, whole.length + value.length - 1) + 1 }),
      );
    record(out, line);
  }
  const addresses = found.get('IP Addresses') ?? found.get('IP Address');
  for (const each of (addresses?.value ?? '').matchAll(/[^,\s]+/g)) {
    const start = (addresses?.span.start ?? 0) + each.index;
    const ip = val(each[0], { start, end: start + each[0].length });
    addOwner(out, { what: 'pod', name: found.get('Name'), ip, of: found.get('Namespace') });
  }
}

/** A format that prints an object of the usual output, or all of it. */
const IN_JSON = /\{\{\s*json\s+\.(?:Containers|NetworkSettings(?:\.Networks)?)?\s*\}\}/;

/** What the command names, where that is one thing. */
function targetOf(names: readonly string[]): { readonly target?: string } {
  const [name] = names;
  return name === undefined || names.length > 1 ? {} : { target: name };
}

/** `docker inspect web | grep IPAddress`, or what somebody left of an output: the command names the container. */
function readFragment(input: ParseInput, out: Collected): void {
  const fields = readJsonFragment(input, out);
  const [line] = input.lines;
  const named = fields.has('Name') || fields.has('NetworkSettings');
  const networks = fieldsOf(fields.get('Networks'));
  if (!named && input.kind === 'docker-inspect' && input.target !== undefined && line) {
    const name = impliedVal(input.target, line);
    for (const each of [...networks.values()].map(fieldsOf)) {
      for (const key of ['IPAddress', 'GlobalIPv6Address'])
        addOwner(out, { what: 'container', name, ip: jsonText(each, key), mac: jsonText(each, 'MacAddress') });
    }
    const mac = jsonText(fields, 'MacAddress');
    for (const key of ['IPAddress', 'GlobalIPv6Address'])
      addOwner(out, { what: 'container', name, ip: jsonText(fields, key), mac });
  }
  const network = input.kind === 'docker-network-inspect' && line && input.target ? impliedVal(input.target, line) : undefined;
  readObject(out, fields, network);
}

/** One object that stands in no list: `crictl inspectp`, a part of what Docker says. */
function readOne(input: ParseInput, out: Collected): ReadonlyMap<string, Json>[] {
  const value = readJson(input, out, 'object', true);
  if (value?.is !== 'object') return [];
  // docker network inspect -f '{{json .Containers}}'
  const { fields } = value;
  if (input.kind === 'docker-network-inspect' && isContainers(fields)) return [new Map([['Containers', value]])];
  return input.kind === 'docker-inspect' && fields.has('Networks') ? [new Map([['NetworkSettings', value]])] : [fields];
}

function fieldsOf(json: Json | undefined): ReadonlyMap<string, Json> {
  return json?.is === 'object' ? json.fields : new Map();
}

function readObject(out: Collected, object: ReadonlyMap<string, Json>, ofNetwork?: Val<string>): void {
  const network = jsonText(object, 'Name') ?? jsonText(object, 'name') ?? ofNetwork;
  const bridge =
    jsonText(fieldsOf(object.get('Options')), 'com.docker.network.bridge.name') ?? jsonText(object, 'network_interface');
  if (bridge !== undefined) deviceRef(out, bridge);
  // docker network inspect: Containers by id.
  readContainers(out, fieldsOf(object.get('Containers')), network);
  readPodmanContainers(out, fieldsOf(object.get('containers')), network);
  // docker inspect CONTAINER: its networks by name.
  const settings = fieldsOf(object.get('NetworkSettings'));
  const networks = [...fieldsOf(settings.get('Networks')).values()].map(fieldsOf);
  // Before Docker 1.9 a container had one network, and no names for it.
  for (const fields of networks.length > 0 ? networks : [settings]) {
    for (const key of ['IPAddress', 'GlobalIPv6Address'])
      addOwner(out, { what: 'container', name: network, ip: jsonText(fields, key), mac: jsonText(fields, 'MacAddress') });
  }
  // crictl inspectp: the pod's sandbox.
  const status = fieldsOf(object.get('status'));
  const sandbox = fieldsOf(status.get('network'));
  const meta = fieldsOf(status.get('metadata'));
  for (const fields of [sandbox, ...jsonObjects(sandbox, 'additionalIps')])
    addOwner(out, { what: 'pod', name: jsonText(meta, 'name'), ip: jsonText(fields, 'ip'), of: jsonText(meta, 'namespace') });
}

function readContainers(out: Collected, containers: ReadonlyMap<string, Json>, network: Val<string> | undefined): void {
  for (const [id, container] of containers) {
    const fields = fieldsOf(container);
    const mac = jsonText(fields, 'MacAddress');
    // Before Docker 1.10 there were no names; the identifier's start is what everything else of Docker's prints.
    const named = jsonText(fields, 'Name');
    const name = named ?? (mac === undefined ? undefined : val(id.slice(0, 12), { start: mac.span.start, end: mac.span.start }));
    for (const key of ['IPv4Address', 'IPv6Address'])
      addOwner(out, { what: 'container', name, ip: jsonText(fields, key), mac, of: network });
  }
}

/** podman-network-inspect(1) since 5.0: each container's devices, each with the subnets that it has an address of. */
function readPodmanContainers(out: Collected, containers: ReadonlyMap<string, Json>, network: Val<string> | undefined): void {
  for (const container of containers.values()) {
    const fields = fieldsOf(container);
    for (const device of fieldsOf(fields.get('interfaces')).values()) {
      const mac = jsonText(fieldsOf(device), 'mac_address');
      for (const subnet of jsonObjects(fieldsOf(device), 'subnets'))
        addOwner(out, { what: 'container', name: jsonText(fields, 'name'), ip: jsonText(subnet, 'ipnet'), mac, of: network });
    }
  }
}

/** Whether an object is what a network's `Containers` are, alone: by identifiers, each with its place in the network. */
function isContainers(object: ReadonlyMap<string, Json>): boolean {
  return object.size > 0 && [...object].every(([id, { is }]) => /^[\da-f]{64}$/.test(id) && is === 'object');
}

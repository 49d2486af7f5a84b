import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import { positionals } from '../command';
import { isJson, isJsonFragment, jsonText, readJson, readJsonFragment, readJsonObjects, type Json } from '../json';
import { deviceRef, impliedVal, ipRef, lower, macRef } from '../words';
import { collect, type Collected } from '../lines';

/** `docker network inspect`: the containers of a network with their addresses (Docker); podman prints much the same. */
export const dockerNetworkInspect: CaptureKind = {
  kinds: ['docker-network-inspect', 'docker-inspect', 'crictl-inspectp'],
  recognise(argv) {
    const [program] = argv;
    const words = positionals(argv, ['-f', '--format', '-o', '--output']);
    if (argv.some((word) => /^(?:-f|--format)/.test(word))) return undefined;
    if (/^(?:docker|podman|nerdctl)$/.test(program ?? '')) {
      if (words[0] === 'network' && words[1] === 'inspect') return { kind: 'docker-network-inspect', ...targetOf(words[2]) };
      return words[0] === 'inspect' ? { kind: 'docker-inspect', ...targetOf(words[1]) } : undefined;
    }
    return program === 'crictl' && words[0] === 'inspectp' ? { kind: 'crictl-inspectp', ...targetOf(words[1]) } : undefined;
  },
  sniff: () => undefined,
  // Keys of Docker's may hold dots, slashes and digits, and their values may be of any kind.
  accepts: (text) => /^\s*(?:[[\]{}][[\]{},\s]*$|[\]},[{\s]*"[^"]*"\s*(?::|,?$)|(?:true|false|null|-?\d[\d.]*),?$)/.test(text),
  parse(input) {
    const out = collect();
    if (isJsonFragment(input)) {
      readFragment(input, out);
      return out;
    }
    const objects = isJson(input) ? readJsonObjects(input, out, true) : readOne(input, out);
    for (const object of objects) readObject(out, object);
    return out;
  },
};

function targetOf(name: string | undefined): { readonly target?: string } {
  return name === undefined ? {} : { target: name };
}

/** `docker inspect web | grep IPAddress`, or what somebody left of an output: the command names the container. */
function readFragment(input: ParseInput, out: Collected): void {
  const fields = readJsonFragment(input, out);
  const [line] = input.lines;
  const named = fields.has('Name') || fields.has('NetworkSettings');
  if (!named && input.kind === 'docker-inspect' && input.target !== undefined && line) {
    const mac = jsonText(fields, 'MacAddress');
    for (const key of ['IPAddress', 'GlobalIPv6Address'])
      addOwner(out, 'container', impliedVal(input.target, line), jsonText(fields, key), mac, undefined);
  }
  readObject(out, fields);
}

/** One object that stands in no list (`crictl inspectp`). */
function readOne(input: ParseInput, out: Collected): ReadonlyMap<string, Json>[] {
  const value = readJson(input, out, 'object', true);
  return value?.is === 'object' ? [value.fields] : [];
}

function fieldsOf(json: Json | undefined): ReadonlyMap<string, Json> {
  return json?.is === 'object' ? json.fields : new Map();
}

function readObject(out: Collected, object: ReadonlyMap<string, Json>): void {
  const network = jsonText(object, 'Name');
  const bridge = jsonText(fieldsOf(object.get('Options')), 'com.docker.network.bridge.name');
  if (bridge !== undefined) deviceRef(out, bridge);
  // docker network inspect: Containers by id.
  for (const [id, container] of fieldsOf(object.get('Containers'))) {
    const fields = fieldsOf(container);
    const mac = jsonText(fields, 'MacAddress');
    // Before Docker 1.10 there were no names; the identifier's start is what everything else of Docker's prints.
    const named = jsonText(fields, 'Name');
    const name = named ?? (mac === undefined ? undefined : val(id.slice(0, 12), { start: mac.span.start, end: mac.span.start }));
    for (const key of ['IPv4Address', 'IPv6Address']) addOwner(out, 'container', name, jsonText(fields, key), mac, network);
  }
  // docker inspect CONTAINER: its networks by name.
  const settings = fieldsOf(object.get('NetworkSettings'));
  for (const joined of fieldsOf(settings.get('Networks')).values()) {
    const fields = fieldsOf(joined);
    for (const key of ['IPAddress', 'GlobalIPv6Address'])
      addOwner(out, 'container', network, jsonText(fields, key), jsonText(fields, 'MacAddress'), undefined);
  }
  // crictl inspectp: the pod's sandbox.
  const status = fieldsOf(object.get('status'));
  const ip = jsonText(fieldsOf(status.get('network')), 'ip');
  const meta = fieldsOf(status.get('metadata'));
  addOwner(out, 'pod', jsonText(meta, 'name'), ip, undefined, jsonText(meta, 'namespace'));
}

/** Docker calls a container `/web`, and writes addresses with the length of the network's prefix. */
function addOwner(
  out: Collected,
  what: string,
  name: Val<string> | undefined,
  address: Val<string> | undefined,
  mac: Val<string> | undefined,
  of: Val<string> | undefined,
): void {
  const length = address?.value.split('/')[0]?.length ?? 0;
  if (address === undefined || length === 0 || name === undefined) return;
  const ip = lower(val(address.value.slice(0, length), { start: address.span.start, end: address.span.start + length }));
  const isMac = mac !== undefined && /^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(mac.value);
  ipRef(out, ip);
  if (isMac) macRef(out, mac);
  const slash = name.value.startsWith('/') ? 1 : 0;
  out.facts.push({
    kind: 'address-owner',
    what,
    name: val(name.value.slice(slash), { start: name.span.start + slash, end: name.span.end }),
    ip,
    ...(isMac ? { mac: lower(mac) } : {}),
    ...(of === undefined ? {} : { of }),
  });
}

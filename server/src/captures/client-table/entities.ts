import { defined } from '../../base/defined';
import { val, type Span, type Val } from '../../base/span';
import type { RefKind } from '../capture';
import type { Fact } from '../facts';
import type { Collected } from '../lines';
import { spanIn, type SourceText } from '../ohm';
import type { Subject } from './command';
import { canonicalIp, findAll, ipsIn, isUuid, macsIn, slice, textVal, uuidsIn } from './source';
import type { Entity, Field } from './table';

/** What the command asked, for the things that its output leaves out. */
export interface Asked {
  readonly subject: Subject;
  readonly kind: string;
  readonly target: string | undefined;
  readonly filter: string | undefined;
  /** Where the output begins: a value that only the command gives stands nowhere in it. */
  readonly at: number;
}

/** Reads one thing: its facts, and what of its text may be asked about. */
export function takeEntity(entity: Entity, asked: Asked, out: Collected): void {
  const seen = new Set<string>();
  const refer = (kind: RefKind, found: Val<string> | undefined, defines = false): void => {
    if (found === undefined || found.value === '') return;
    const key = `${kind} ${found.span.start} ${found.span.end}`;
    if (seen.has(key)) return;
    seen.add(key);
    out.refs.push({ kind, value: found.value, span: found.span, ...(defines ? { defines } : {}) });
  };
  for (const field of entity.fields) refsOfField(field, entity, asked.subject, refer);
  out.facts.push(...factsOf(entity, asked));
}

/** Whether a cell says that there is nothing. */
function isNothing(text: string): boolean {
  return text === '' || text === '-' || text === 'None' || text === 'null' || text === 'N/A' || text === '[]' || text === '{}';
}

function cell(entity: Entity, ...keys: readonly string[]): SourceText | undefined {
  for (const key of keys) {
    const found = entity.fields.find((field) => field.key === key && !isNothing(field.value.text));
    if (found !== undefined) return found.value;
  }
  return undefined;
}

function text(entity: Entity, ...keys: readonly string[]): Val<string> | undefined {
  const found = cell(entity, ...keys);
  return found === undefined ? undefined : textVal(found);
}

function number(entity: Entity, ...keys: readonly string[]): Val<number> | undefined {
  const found = text(entity, ...keys);
  return found !== undefined && /^\d+$/.test(found.value) ? val(Number(found.value), found.span) : undefined;
}

// Quotes are doubled in csv and escaped in shell format.
const EMBEDDED =
  /(ip_address|subnet_id|network_id|port_id|router_id|enable_snat)(?:""|\\?['"])?\s*[:=]\s*(?:u?(""(?=\w)|\\?['"])(.*?)\2|([\w.:-]+))/g;

/** Keys and values inside a cell: JSON, Python's notation, `ip_address='…', subnet_id='…'` or yaml. */
function embedded(source: SourceText): { readonly key: string; readonly value: Val<string> }[] {
  const found: { key: string; value: Val<string> }[] = [];
  for (const m of source.text.matchAll(EMBEDDED)) {
    const raw = m[3] ?? m[4] ?? '';
    const end = m.index + m[0].length - (m[2]?.length ?? 0);
    // Where a terminal wrapped the value, blanks got into it.
    const value = raw.replace(/\s+/g, '');
    if (raw !== '' && !isNothing(value))
      found.push({ key: m[1] ?? '', value: val(value, spanIn(source, end - raw.length, end)) });
  }
  return found;
}

interface FixedIp {
  readonly subnet?: Val<string>;
  readonly ip: Val<string>;
  readonly port?: Val<string>;
}

/** Addresses with their subnets, in whatever order a release prints the two. */
function fixedIpsIn(source: SourceText): FixedIp[] {
  const groups: Map<string, Val<string>>[] = [];
  for (const { key, value } of embedded(source)) {
    if (key !== 'ip_address' && key !== 'subnet_id' && key !== 'port_id') continue;
    let group = groups.at(-1);
    if (group === undefined || group.has(key)) groups.push((group = new Map()));
    group.set(key, value);
  }
  const ips: FixedIp[] = [];
  for (const group of groups) {
    const ip = group.get('ip_address');
    if (ip !== undefined)
      ips.push({
        ip: val(canonicalIp(ip.value) ?? ip.value, ip.span),
        ...defined({ subnet: group.get('subnet_id'), port: group.get('port_id') }),
      });
  }
  return ips;
}

/** `net1=172.19.1.3, 172.24.4.3; net2=…` and the JSON form of it. */
function addressesIn(source: SourceText): { network: Val<string>; ips: Val<string>[] }[] {
  const networks: { network: Val<string>; ips: Val<string>[] }[] = [];
  const names = [...findAll(source, /(?:^|[;,{]|\s)\s*['"]?([^\s=;,'"{}[\]]+)['"]?(?==|:\s*[[-])/g)];
  for (const network of names) networks.push({ network, ips: [] });
  for (const ip of ipsIn(source)) {
    const owner = networks.findLast(({ network }) => network.span.end <= ip.span.start);
    owner?.ips.push(ip);
  }
  return networks.filter(({ ips }) => ips.length > 0);
}

/** `net1 network | 172.19.1.3`: the way in which nova shows addresses. */
function novaNetwork(field: Field): { network: Val<string>; ips: Val<string>[] } | undefined {
  const found = field.name === undefined ? undefined : /^(.+?)\s+network$/.exec(field.name.text);
  if (found?.[1] === undefined || field.name === undefined) return undefined;
  const ips = ipsIn(field.value);
  return ips.length === 0 ? undefined : { network: textVal(slice(field.name, 0, found[1].length)), ips };
}

const ADDRESS_KEYS = new Set(['addresses', 'networks']);

function addressesOf(entity: Entity): { network: Val<string>; ips: Val<string>[] }[] {
  return entity.fields.flatMap((field) => {
    const nova = novaNetwork(field);
    if (nova !== undefined) return [nova];
    return ADDRESS_KEYS.has(field.key) ? addressesIn(field.value) : [];
  });
}

const REF_KEYS: Readonly<Record<string, RefKind>> = {
  portid: 'neutron-port',
  port: 'neutron-port',
  vipportid: 'neutron-port',
  networkid: 'network',
  netid: 'network',
  network: 'network',
  floatingnetworkid: 'network',
  floatingnetwork: 'network',
  vipnetworkid: 'network',
  subnetid: 'subnet',
  subnets: 'subnet',
  vipsubnetid: 'subnet',
  routerid: 'router',
  router: 'router',
  serverid: 'instance',
  server: 'instance',
  instanceuuid: 'instance',
};

const HOST_KEYS = new Set([
  'host',
  'hypervisorhostname',
  'osextsrvattrhost',
  'osextsrvattrhypervisorhostname',
  'bindinghostid',
  'computehost',
]);
const LIBVIRT_KEYS = ['osextsrvattrinstancename', 'instancename'];
const EMBEDDED_REFS: Readonly<Record<string, RefKind>> = {
  subnet_id: 'subnet',
  network_id: 'network',
  port_id: 'neutron-port',
  router_id: 'router',
};
const NOUN_REFS = new Set(['instance', 'neutron-port', 'network', 'router', 'subnet']);

function refsOfField(
  field: Field,
  entity: Entity,
  subject: Subject,
  refer: (kind: RefKind, found: Val<string> | undefined, defines?: boolean) => void,
): void {
  const { key, value } = field;
  const own = NOUN_REFS.has(subject.noun) ? (subject.noun as RefKind) : undefined;
  const whole = isNothing(value.text) ? undefined : textVal(value);
  const nova = novaNetwork(field);
  if (nova !== undefined) refer('network', nova.network);
  if (ADDRESS_KEYS.has(key)) for (const { network } of addressesIn(value)) refer('network', network);
  if (own !== undefined && (key === 'id' || key === 'name'))
    refer(own, key === 'id' ? (uuidsIn(value)[0] ?? whole) : whole, true);
  if (HOST_KEYS.has(key)) refer('host', whole);
  if (LIBVIRT_KEYS.includes(key)) refer('instance', whole);
  if (key === 'providersegmentationid' || key === 'segmentationid') {
    // A VLAN's number and a tunnel's are numbers of different things.
    const type = text(entity, 'providernetworktype', 'networktype')?.value;
    if (whole !== undefined && /^\d+$/.test(whole.value)) refer(type === 'vlan' ? 'vlan' : 'tun-id', whole);
  }
  if (key === 'deviceid' && whole !== undefined) {
    const owner = text(entity, 'deviceowner')?.value ?? '';
    if (owner.startsWith('network:router') || owner.startsWith('network:ha_router')) refer('router', whole);
    else if (owner.startsWith('compute:')) refer('instance', whole);
  }
  const of = Object.hasOwn(REF_KEYS, key) ? REF_KEYS[key] : undefined;
  if (of !== undefined) for (const uuid of uuidsIn(value)) refer(of, uuid);
  for (const inside of embedded(value)) {
    const kind = Object.hasOwn(EMBEDDED_REFS, inside.key) ? EMBEDDED_REFS[inside.key] : undefined;
    if (kind !== undefined) refer(kind, inside.value);
    else if (inside.key === 'ip_address') {
      const ip = canonicalIp(inside.value.value);
      if (ip !== undefined) refer('ip', val(ip, inside.value.span));
    }
  }
  for (const mac of macsIn(value)) refer('mac', mac, key === 'macaddress' || key === 'macaddr');
  // A floating IP's name is its address as a rule.
  for (const ip of ipsIn(value)) refer('ip', ip);
}

function factsOf(entity: Entity, asked: Asked): Fact[] {
  const nowhere: Span = { start: asked.at, end: asked.at };
  const target = asked.target === undefined || asked.subject.shape !== 'one' ? undefined : val(asked.target, nowhere);
  const targetId = target !== undefined && isUuid(target.value) ? target : undefined;
  const targetName = target !== undefined && targetId === undefined ? target : undefined;
  const givenId = text(entity, 'id', 'portid');
  const id = givenId === undefined ? targetId : val(givenId.value.toLowerCase(), givenId.span);
  const name = text(entity, 'name') ?? targetName;
  switch (asked.subject.noun) {
    case 'instance':
      return instance(entity, id, name);
    case 'neutron-port':
      return id === undefined ? [] : [port(entity, id, text(entity, 'name'), asked)];
    case 'network':
      return network(entity, id, name);
    case 'subnet':
      return id === undefined ? [] : [subnet(entity, id, name)];
    case 'router':
      return router(entity, id, name);
    case 'floating-ip':
      return floatingIp(entity);
    default:
      return [];
  }
}

function instance(entity: Entity, id: Val<string> | undefined, name: Val<string> | undefined): Fact[] {
  if (id === undefined && name === undefined) return [];
  const optional = defined({
    id,
    name,
    hypervisor: text(entity, 'osextsrvattrhypervisorhostname', 'hypervisorhostname', 'osextsrvattrhost', 'host'),
    libvirtName: text(entity, ...LIBVIRT_KEYS),
    status: text(entity, 'status'),
  });
  return [{ kind: 'instance', ...optional, addresses: addressesOf(entity) }];
}

function port(entity: Entity, id: Val<string>, name: Val<string> | undefined, asked: Asked): Fact {
  const fixed = cell(entity, 'fixedips', 'fixedipaddresses');
  const plain = cell(entity, 'ipaddresses');
  const fixedIps = fixed === undefined ? [] : fixedIpsIn(fixed).map(({ ip, subnet: of }) => ({ ip, ...defined({ subnet: of }) }));
  if (fixed === undefined && plain !== undefined) fixedIps.push(...ipsIn(plain).map((ip) => ({ ip })));
  const mac = cell(entity, 'macaddress', 'macaddr');
  const optional = defined({
    name,
    mac: mac === undefined ? undefined : macsIn(mac)[0],
    network: text(entity, 'networkid', 'netid', 'network'),
    status: text(entity, 'status', 'portstate'),
    deviceOwner: text(entity, 'deviceowner'),
    deviceId: text(entity, 'deviceid'),
    ofRouter: asked.kind === 'neutron-router-port-list' || asked.filter === 'router' ? asked.target : undefined,
    ofInstance: asked.kind === 'nova-interface-list' || asked.filter === 'server' ? asked.target : undefined,
  });
  return { kind: 'neutron-port', id, ...optional, fixedIps };
}

function network(entity: Entity, id: Val<string> | undefined, name: Val<string> | undefined): Fact[] {
  if (id === undefined && name === undefined) return [];
  const subnets = cell(entity, 'subnets');
  const external = text(entity, 'routerexternal', 'external', 'routertype');
  const optional = defined({
    id,
    name,
    type: text(entity, 'providernetworktype', 'networktype'),
    physicalNetwork: text(entity, 'providerphysicalnetwork'),
    segmentationId: number(entity, 'providersegmentationid', 'segmentationid'),
    mtu: number(entity, 'mtu'),
    external: external === undefined ? undefined : val(/^(?:true|external)$/i.test(external.value), external.span),
  });
  return [{ kind: 'neutron-network', ...optional, subnets: subnets === undefined ? [] : uuidsIn(subnets) }];
}

function subnet(entity: Entity, id: Val<string>, name: Val<string> | undefined): Fact {
  const optional = defined({
    name,
    cidr: text(entity, 'cidr', 'subnet'),
    gateway: text(entity, 'gatewayip', 'gateway'),
    network: text(entity, 'networkid', 'network'),
  });
  return { kind: 'neutron-subnet', id, ...optional };
}

function router(entity: Entity, id: Val<string> | undefined, name: Val<string> | undefined): Fact[] {
  if (id === undefined) return [];
  const gateway = cell(entity, 'externalgatewayinfo');
  const inside = gateway === undefined ? [] : embedded(gateway);
  const snat = inside.find(({ key }) => key === 'enable_snat')?.value;
  const optional = defined({
    name,
    externalNetwork: inside.find(({ key }) => key === 'network_id')?.value,
    enableSnat: snat === undefined ? undefined : val(/^true$/i.test(snat.value), snat.span),
  });
  const externalIps = gateway === undefined ? [] : fixedIpsIn(gateway).map(({ ip }) => ip);
  const facts: Fact[] = [{ kind: 'neutron-router', id, ...optional, externalIps }];
  const interfaces = cell(entity, 'interfacesinfo');
  for (const { port: of, ip, subnet: on } of interfaces === undefined ? [] : fixedIpsIn(interfaces)) {
    if (of !== undefined)
      facts.push({ kind: 'neutron-port', id: of, fixedIps: [{ ip, ...defined({ subnet: on }) }], ofRouter: id.value });
  }
  return facts;
}

function floatingIp(entity: Entity): Fact[] {
  const address = cell(entity, 'floatingipaddress', 'ip');
  const ip = address === undefined ? undefined : ipsIn(address)[0];
  if (ip === undefined) return [];
  const fixed = cell(entity, 'fixedipaddress', 'fixedip');
  return [
    {
      kind: 'floating-ip',
      ip,
      ...defined({ fixedIp: fixed === undefined ? undefined : ipsIn(fixed)[0], port: text(entity, 'portid', 'port') }),
    },
  ];
}

import type { Capture } from '../captures/capture';
import type { CaptureDocument } from '../captures/document';
import { captureKey, type CaptureHost } from '../model/network';

/** Which host every capture belongs to, and which names mean the same host. */
export interface HostAssignment {
  readonly captures: ReadonlyMap<string, CaptureHost>;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly reasons: ReadonlyMap<string, readonly string[]>;
}

interface Item {
  readonly key: string;
  readonly document: CaptureDocument;
  readonly index: number;
  readonly capture: Capture;
  /** Names that can exist on one host only. */
  readonly names: ReadonlySet<string>;
  host: string | undefined;
  reason: string | undefined;
}

/** Kinds whose output is about a cloud rather than the host that the command ran on. */
const CLOUD = /^(?:nova|neutron|openstack|ovn-nbctl|ovn-sbctl|ovn-trace)(?:-|$)/;
/** Names that every host of a kind has. */
const COMMON =
  /^(?:br-[a-z]+\d*|patch-(?:int|tun)|int-br-.*|phy-br-.*|lo|eth\d+|ens?\d+\w*|bond\d+|ovs-(?:netdev|system)|genev_sys_\d+|vxlan_sys_\d+|gre_sys|gre0|gretap0|erspan0|virbr\d+.*|docker\d+|tap|LOCAL|\d+|all|default|brq.*|tun\d+|vnet\d+|s\d+|s\d+-eth\d+|h\d+-eth\d+|ovn0|veth\d{1,2}|int-.*|ha-.*)$/;

export function isCloudKind(kind: string): boolean {
  return CLOUD.test(kind);
}

/** A name that tells one host from another: a Neutron device's, a veth's, a tunnel port's, a router's namespace. */
function distinctive(name: string): boolean {
  return !COMMON.test(name) && name.length > 4;
}

function namesOf(capture: Capture): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined) => {
    if (name !== undefined && distinctive(name)) names.add(name);
  };
  for (const fact of capture.facts) {
    switch (fact.kind) {
      case 'ovs-port':
      case 'ovs-interface':
      case 'of-port':
      case 'link':
      case 'linux-bridge':
      case 'linux-bridge-port':
        add(fact.name.value);
        if (fact.kind === 'ovs-interface' && fact.options?.['local_ip']) names.add(`local_ip ${fact.options['local_ip'].value}`);
        break;
      case 'netns':
        add(`netns ${fact.name.value}`);
        break;
      case 'domain-interface':
        add(fact.target?.value);
        break;
      case 'bridge-fdb':
      case 'neighbour':
        add(fact.dev.value);
        break;
      case 'route':
        add(fact.dev?.value);
        break;
      default:
        break;
    }
  }
  if (capture.namespace !== undefined) names.add(`netns ${capture.namespace}`);
  return names;
}

/** A Neutron port's devices on its host share its id's first characters: only qvb, qvo and qbr are certain to be one host's. */
function hybridPort(name: string): string | undefined {
  return /^q(?:vb|vo|br)([0-9a-f]{8}-[0-9a-f]{2})$/.exec(name)?.[1];
}

function systemUuid(capture: Capture): string | undefined {
  for (const fact of capture.facts) if (fact.kind === 'ovs-system') return fact.uuid?.value;
  return undefined;
}

/** Devices that keep their address as long as the machine is the same; others may be made anew. */
const CARD = /^(?:eth\d+|en[opsxP]\w+|em\d+|p\d+p\d+|wl\w+)$/;

/** The machine's cards with their MAC addresses, as a listing of the machine's own namespace shows them. */
function cardsOf({ capture }: Item): ReadonlyMap<string, string> {
  const cards = new Map<string, string>();
  if (capture.namespace !== undefined) return cards;
  for (const fact of capture.facts)
    if (fact.kind === 'link' && fact.mac !== undefined && CARD.test(fact.name.value)) cards.set(fact.name.value, fact.mac.value);
  return cards;
}

/** What stands before the command on its line; undefined for a command without a prompt, and for none. */
function promptOf({ capture, document }: Item): string | undefined {
  if (capture.commandSpan === undefined) return undefined;
  const { start } = capture.commandSpan;
  const prompt = document.text.slice(document.lines.startOf(document.lines.lineAt(start)) ?? start, start).trim();
  return prompt === '' ? undefined : prompt;
}

/** A machine that no name tells: what is known of it, so that another one's captures in the same text are not taken for its own. */
interface Machine {
  readonly label: string;
  uuid: string | undefined;
  readonly cards: Map<string, string>;
  readonly prompts: Set<string>;
}

function differs(machine: Machine, uuid: string | undefined, cards: ReadonlyMap<string, string>): boolean {
  if (uuid !== undefined && machine.uuid !== undefined && uuid !== machine.uuid) return true;
  return [...cards].some(([name, mac]) => (machine.cards.get(name) ?? mac) !== mac);
}

function sharesWith(machine: Machine, uuid: string | undefined, cards: ReadonlyMap<string, string>): boolean {
  return (uuid !== undefined && machine.uuid === uuid) || [...cards].some(([name, mac]) => machine.cards.get(name) === mac);
}

/** Decides for every capture whose it is. Explicit names stand; the rest follows from what the captures share. */
export function assignHosts(documents: readonly CaptureDocument[]): HostAssignment {
  const items: Item[] = [];
  const folderNames = hostnameFiles(documents);
  for (const document of documents) {
    document.captures.forEach((capture, index) => {
      const host =
        capture.hostBy === 'folder' && capture.host !== undefined
          ? (folderNames.get(capture.host) ?? capture.host)
          : capture.host;
      items.push({
        key: captureKey(document.uri, index),
        document,
        index,
        capture,
        names: namesOf(capture),
        host,
        reason: undefined,
      });
    });
  }
  const bound = items.filter((item) => !isCloudKind(item.capture.kind));
  const reasons = new Map<string, string[]>();
  const say = (host: string, reason: string) => {
    const list = reasons.get(host) ?? [];
    if (!list.includes(reason)) list.push(reason);
    reasons.set(host, list);
  };
  const canonical = joinAliases(bound, say);
  for (const item of items) if (item.host !== undefined) item.host = canonical.get(item.host) ?? item.host;
  adoptByNames(bound, say);
  const guests = guestsOf(items);
  const anonymous = adoptByDocument(bound, new Set(guests.map(({ name }) => name)));
  nameAfterHypervisor(bound, anonymous, guests, say);
  const aliases = new Map<string, string[]>();
  for (const [alias, host] of canonical) if (alias !== host) aliases.set(host, [...(aliases.get(host) ?? []), alias]);
  const captures = new Map<string, CaptureHost>();
  for (const item of items) {
    captures.set(item.key, {
      uri: item.document.uri,
      index: item.index,
      host: item.host,
      bridge: undefined,
      reason: item.reason,
    });
  }
  return { captures, aliases, reasons };
}

/** A sosreport keeps its host's name in a file `hostname`. */
function hostnameFiles(documents: readonly CaptureDocument[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const document of documents) {
    const segments = document.path.split('/');
    if (segments.at(-1) !== 'hostname') continue;
    const name = document.text.slice(0).trim();
    const folder = segments.at(-2);
    if (folder && /^[\w.-]+$/.test(name)) names.set(folder, name);
  }
  return names;
}

/** Prompts may call one machine by several names; devices that can exist on one host only prove it. */
function joinAliases(items: readonly Item[], say: (host: string, reason: string) => void): Map<string, string> {
  const byPort = new Map<string, Map<string, string>>();
  const weight = new Map<string, number>();
  const uuids = new Map<string, Set<string>>();
  for (const item of items) {
    if (item.host === undefined) continue;
    weight.set(item.host, (weight.get(item.host) ?? 0) + 1);
    const uuid = systemUuid(item.capture);
    if (uuid !== undefined) uuids.set(item.host, (uuids.get(item.host) ?? new Set()).add(uuid));
    for (const name of item.names) {
      const port = hybridPort(name);
      if (port === undefined) continue;
      const hosts = byPort.get(port) ?? new Map<string, string>();
      if (!hosts.has(item.host)) hosts.set(item.host, name);
      byPort.set(port, hosts);
    }
  }
  const canonical = new Map<string, string>();
  const root = (host: string): string => {
    const up = canonical.get(host);
    return up === undefined || up === host ? host : root(up);
  };
  for (const host of weight.keys()) canonical.set(host, host);
  const join = (first: string, other: string, why: string): void => {
    const [a, b] = [root(first), root(other)];
    const different = [...(uuids.get(a) ?? [])].some((uuid) => (uuids.get(b)?.size ?? 0) > 0 && !uuids.get(b)?.has(uuid));
    if (a === b || different) return;
    const [keep, drop] = (weight.get(a) ?? 0) >= (weight.get(b) ?? 0) ? [a, b] : [b, a];
    canonical.set(drop, keep);
    say(keep, `${drop} and ${keep} are one machine: ${why}.`);
  };
  const spellings = new Map<string, string>();
  for (const host of weight.keys()) {
    const spelling = spellings.get(host.toLowerCase());
    if (spelling === undefined) spellings.set(host.toLowerCase(), host);
    else join(spelling, host, 'names of hosts that differ by their case alone are one name (RFC 4343)');
  }
  for (const [port, hosts] of byPort) {
    const [first, ...rest] = [...hosts.keys()];
    if (first === undefined) continue;
    for (const other of rest)
      join(
        first,
        other,
        `${hosts.get(first) ?? ''} and ${hosts.get(other) ?? ''} belong to the same Neutron port (${port}), whose devices exist on one host only`,
      );
  }
  for (const host of weight.keys()) canonical.set(host, root(host));
  return canonical;
}

/** Captures without a name go to the host that shows the same devices, namespaces or tunnel addresses. */
function adoptByNames(items: readonly Item[], say: (host: string, reason: string) => void): void {
  for (let round = 0; round < 4; round++) {
    const owners = new Map<string, Set<string>>();
    for (const item of items) {
      if (item.host === undefined) continue;
      for (const name of item.names) owners.set(name, (owners.get(name) ?? new Set()).add(item.host));
    }
    let changed = false;
    for (const item of items) {
      if (item.host !== undefined) continue;
      const votes = new Map<string, string[]>();
      for (const name of item.names) {
        const hosts = owners.get(name);
        if (hosts?.size !== 1) continue;
        const [host] = hosts;
        if (host !== undefined) votes.set(host, [...(votes.get(host) ?? []), name]);
      }
      const ranked = [...votes].sort((a, b) => b[1].length - a[1].length);
      const [best, second] = ranked;
      if (!best || (second && second[1].length * 3 > best[1].length)) continue;
      item.host = best[0];
      const shown = best[1]
        .slice(0, 3)
        .map((name) => name.replace(/^netns /, 'namespace ').replace(/^local_ip /, 'tunnel endpoint '));
      item.reason = `taken as ${best[0]}'s: it has ${shown.join(', ')}${best[1].length > 3 ? ' …' : ''} as ${best[0]}'s other captures do`;
      say(best[0], `${item.capture.command ?? item.capture.kind} without a host's name is ${item.reason}.`);
      changed = true;
    }
    if (!changed) return;
  }
}

/** An instance as the cloud's tables show it: its name, the host that runs it, the beginnings of its ports' ids. */
interface Guest {
  readonly name: string;
  readonly hypervisor: string | undefined;
  readonly ports: readonly string[];
}

function guestsOf(items: readonly Item[]): Guest[] {
  // One by one: of other kinds there may be a hundred thousand.
  const facts = items.flatMap(({ capture }) =>
    capture.facts.filter(({ kind }) => kind === 'instance' || kind === 'neutron-port'),
  );
  const hypervisors = new Map<string, string | undefined>();
  for (const fact of facts) {
    if (fact.kind !== 'instance' || !fact.name) continue;
    hypervisors.set(fact.name.value, hypervisors.get(fact.name.value) ?? fact.hypervisor?.value);
  }
  return [...hypervisors].map(([name, hypervisor]) => ({
    name,
    hypervisor,
    ports: facts.flatMap((fact) =>
      fact.kind === 'neutron-port' && fact.ofInstance === name ? [fact.id.value.slice(0, 11)] : [],
    ),
  }));
}

/** A machine that nothing names is the one that the cloud says runs an instance whose tap it has. */
function nameAfterHypervisor(
  items: readonly Item[],
  anonymous: ReadonlySet<string>,
  guests: readonly Guest[],
  say: (host: string, reason: string) => void,
): void {
  for (const label of anonymous) {
    const own = items.filter((item) => item.host === label);
    const names = new Set(own.flatMap((item) => [...item.names]));
    const guest = guests.find(
      ({ hypervisor, ports }) =>
        hypervisor !== undefined && ports.some((port) => ['tap', 'qvo', 'qvb', 'qbr'].some((prefix) => names.has(prefix + port))),
    );
    const hypervisor = guest?.hypervisor;
    if (guest === undefined || hypervisor === undefined || items.some((item) => item.host === hypervisor)) continue;
    const reason = `taken as ${hypervisor}'s: instance ${guest.name} runs there, and its devices are here`;
    for (const item of own) {
      item.host = hypervisor;
      item.reason = reason;
    }
    say(hypervisor, `Captures without a host's name are ${reason}.`);
  }
}

/** Whether the file's name is the command, and so says nothing of a host. */
function isNamedByFile({ capture }: Item): boolean {
  return capture.command !== undefined && capture.commandSpan === undefined;
}

/** The folder that a document lies in, whatever it is called: what lies together there without a host's name is one host's. */
function lastFolder(document: CaptureDocument | undefined): string | undefined {
  const of = (path: string | undefined): string | undefined => {
    const folder = path?.split('/').at(-2);
    return folder === '' || folder === '.' || folder === '..' ? undefined : folder;
  };
  const ofUri = of(document?.uri);
  return of(document?.path) ?? (ofUri === undefined ? undefined : decodeURIComponent(ofUri));
}

function newMachine(label: string): Machine {
  return { label, uuid: undefined, cards: new Map(), prompts: new Set() };
}

function learn(machine: Machine | undefined, item: Item): void {
  if (machine === undefined) return;
  machine.uuid = systemUuid(item.capture) ?? machine.uuid;
  for (const [name, mac] of cardsOf(item)) machine.cards.set(name, mac);
  const prompt = promptOf(item);
  if (prompt !== undefined) machine.prompts.add(prompt);
}

/**
 * Whose a capture is that no name tells: the machine's that was looked at last, unless it shows another database or other cards, or a
 * prompt that only one of the others has. One that is none of the known ones is made.
 */
function machineOf(item: Item, machines: Machine[], current: Machine | undefined, make: () => Machine): Machine | undefined {
  const [uuid, cards, prompt] = [systemUuid(item.capture), cardsOf(item), promptOf(item)];
  const same = machines.find((machine) => sharesWith(machine, uuid, cards) && !differs(machine, uuid, cards));
  if (same) return same;
  if (current && differs(current, uuid, cards)) {
    const machine = make();
    machines.push(machine);
    return machine;
  }
  const typedAt = prompt === undefined ? [] : machines.filter(({ prompts }) => prompts.has(prompt));
  const [other] = typedAt;
  // A machine whose own prompt was not seen yet may have the same one.
  const another = current !== undefined && current.prompts.size > 0 && !current.prompts.has(prompt ?? '');
  return other !== undefined && typedAt.length === 1 && another ? other : current;
}

/**
 * What is left belongs to the one host of its document, or to a host that is named after the file; gives those names. A prompt
 * inside an instance names no host of the cloud.
 */
function adoptByDocument(items: readonly Item[], guests: ReadonlySet<string>): ReadonlySet<string> {
  const anonymousNames = new Set<string>();
  const byDocument = new Map<string, Item[]>();
  for (const item of items) byDocument.set(item.document.uri, [...(byDocument.get(item.document.uri) ?? []), item]);
  for (const group of byDocument.values()) {
    const open = group.filter((item) => item.host === undefined);
    if (open.length === 0) continue;
    const named = new Set(group.map((item) => item.host).filter((host) => host !== undefined && !guests.has(host)));
    const [only] = named;
    const document = group[0]?.document;
    const base = (document?.path.split('/').at(-1) ?? 'capture').replace(/\.\w+$/, '');
    const fallback = document?.folder ?? (open.every(isNamedByFile) ? lastFolder(document) : undefined) ?? base;
    const first = named.size === 1 && only !== undefined ? only : fallback;
    const machines: Machine[] = [newMachine(first)];
    // What the one host that is named shows of itself counts as well.
    for (const item of group) if (item.host !== undefined && item.host === first) learn(machines[0], item);
    let current = machines[0];
    for (const item of open) {
      current = machineOf(item, machines, current, () => newMachine(`${fallback}#${machines.length + 1}`));
      learn(current, item);
      const label = current?.label ?? first;
      item.host = label;
      item.reason =
        named.size === 1 && label === only
          ? `taken as ${label}'s: no other host is named in ${base}`
          : `no prompt or folder names its host; called ${label} after the ${fallback === base ? 'file' : 'folder'}`;
      if (label !== only) anonymousNames.add(label);
    }
  }
  return anonymousNames;
}

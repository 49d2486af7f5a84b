import { LOCAL_PORT } from '../packet/fields';
import type { Val } from '../base/span';
import type { FdbRow, OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Known, Source } from '../model/source';
import { completeness, sourceAt, type LinkedCapture } from './facts';
import { mergeFlows } from './flows';

interface PortDraft {
  name: string;
  ofport?: number;
  tag?: number;
  trunks?: readonly number[];
  vlanMode?: string;
  protected?: boolean;
  type?: string;
  options: Record<string, string>;
  mac?: string;
  attachedMac?: string;
  ifaceId?: string;
  error?: string;
  mtu?: number;
  bfdUp?: boolean;
  cfmUp?: boolean;
  says: Record<string, Source>;
  sources: Source[];
}

interface BridgeDraft {
  name: string;
  ports: Map<string, PortDraft>;
  failMode?: string;
  datapathType?: string;
  sources: Source[];
  flowCaptures: LinkedCapture[];
  fdbCaptures: LinkedCapture[];
}

const FLOW_KINDS = new Set(['ovs-ofctl-dump-flows', 'ovs-appctl-bridge-dump-flows']);

/** Other captures that are about one bridge. */
const PLACED_KINDS = new Set([
  'ovs-appctl-fdb-show',
  'ovs-appctl-mdb-show',
  'ovs-ofctl-dump-groups',
  'ovs-ofctl-dump-meters',
  'ovs-ofctl-dump-tlv-map',
]);

/** Joins what `ovs-vsctl`, `ovs-ofctl` and `ovs-appctl` said of one host's bridges: names, numbers, tags, flows, MAC tables. */
export function* linkBridges(
  host: string,
  captures: readonly LinkedCapture[],
  bridgeOf: Map<string, string>,
  before?: ReadonlyMap<string, OvsBridge>,
): Generator<void, Map<string, OvsBridge>> {
  const drafts = new Map<string, BridgeDraft>();
  const bridge = (name: string): BridgeDraft => {
    let draft = drafts.get(name);
    if (!draft) drafts.set(name, (draft = { name, ports: new Map(), sources: [], flowCaptures: [], fdbCaptures: [] }));
    return draft;
  };
  const port = (of: BridgeDraft, name: string): PortDraft => {
    let draft = of.ports.get(name);
    if (!draft) of.ports.set(name, (draft = { name, options: {}, says: {}, sources: [] }));
    return draft;
  };
  for (const linked of captures) fromShow(linked, bridge, port);
  yield;
  for (const linked of captures) fromNumbers(linked, drafts, bridge, port, bridgeOf);
  for (const linked of captures) {
    const { kind } = linked.capture;
    if (!FLOW_KINDS.has(kind) && !PLACED_KINDS.has(kind)) continue;
    const name =
      linked.capture.target ?? bridgeOfFile(drafts, linked.uri) ?? onlyBridge(drafts) ?? bridgeWithNumbers(drafts, linked);
    if (name === undefined) continue;
    bridgeOf.set(linked.key, name);
    const draft = bridge(name);
    if (FLOW_KINDS.has(kind)) draft.flowCaptures.push(linked);
    else if (kind === 'ovs-appctl-fdb-show') draft.fdbCaptures.push(linked);
    if (linked.capture.commandSpan) draft.sources.push(sourceAt(linked, linked.capture.commandSpan));
  }
  for (const linked of captures) {
    yield;
    fromLists(linked, drafts);
    fromWatch(linked, drafts);
  }
  for (const linked of captures) {
    yield;
    fromDatapath(linked, bridge, port);
  }
  joinVethPatches(drafts);
  const bridges = new Map<string, OvsBridge>();
  for (const [name, draft] of drafts) bridges.set(name, yield* finish(host, draft, before?.get(name)));
  return bridges;
}

/**
 * Before patch ports, Neutron joined its bridges by veth pairs whose ends `ovs-vsctl show` prints without a type: `int-br-eth1` and
 * `phy-br-eth1`. Nothing but their names says that they are a pair, so `says` names no peer.
 */
function joinVethPatches(drafts: ReadonlyMap<string, BridgeDraft>): void {
  for (const draft of drafts.values()) {
    for (const port of draft.ports.values()) {
      const twin = /^int-/.test(port.name)
        ? port.name.replace(/^int-/, 'phy-')
        : /^phy-/.test(port.name)
          ? port.name.replace(/^phy-/, 'int-')
          : undefined;
      if (
        twin === undefined ||
        port.options['peer'] !== undefined ||
        (port.type !== undefined && !/^(?:patch|system|veth)$/.test(port.type))
      )
        continue;
      const elsewhere = [...drafts.values()].some((other) => other !== draft && other.ports.has(twin));
      if (elsewhere) port.options['peer'] = twin;
    }
  }
}

/** A file that is named after a bridge (`br-int.flows.txt`) is about it. */
function bridgeOfFile(drafts: ReadonlyMap<string, BridgeDraft>, uri: string): string | undefined {
  const file = decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1));
  const named = [...drafts.keys()].filter((name) => file.startsWith(`${name}.`) || file.startsWith(`${name}_`));
  return named.length === 1 ? named[0] : undefined;
}

/** A fragment that names no bridge can only be placed where there is no choice. */
function onlyBridge(drafts: Map<string, BridgeDraft>): string | undefined {
  const [only, second] = drafts.keys();
  return second === undefined ? only : undefined;
}

/** A fragment that names no bridge, but two ports or more of one alone, by their numbers. */
function bridgeWithNumbers(drafts: ReadonlyMap<string, BridgeDraft>, linked: LinkedCapture): string | undefined {
  const numbers = new Set<number>();
  for (const fact of linked.capture.facts)
    if (fact.kind === 'fdb-entry' && typeof fact.port.value === 'number') numbers.add(fact.port.value);
  const names = new Set<string>();
  for (const value of linked.capture.flows.named('ofport')) {
    if (/^\d+$/.test(value)) numbers.add(Number(value));
    else if (!/^[A-Z_]+$/.test(value)) names.add(value);
  }
  numbers.delete(LOCAL_PORT);
  if (names.size > 1) {
    const having = [...drafts.values()].filter((draft) => [...names].every((name) => draft.ports.has(name)));
    if (having.length === 1) return having[0]?.name;
  }
  if (numbers.size < 2) return undefined;
  const fitting = [...drafts.values()].filter((draft) => {
    const own = new Set([...draft.ports.values()].map(({ ofport }) => ofport));
    return [...numbers].every((number) => own.has(number));
  });
  return fitting.length === 1 ? fitting[0]?.name : undefined;
}

function note(draft: PortDraft, what: string, source: Source): void {
  draft.says[what] ??= source;
  draft.sources.push(source);
}

function fromShow(
  linked: LinkedCapture,
  bridge: (name: string) => BridgeDraft,
  port: (of: BridgeDraft, name: string) => PortDraft,
): void {
  const { kind, facts, elided } = linked.capture;
  if (kind !== 'ovs-vsctl-show') return;
  // The tag stands above the interface: where lines were left out and a port has none, it may have been among them.
  const unfinished = new Set(
    facts.flatMap((fact) =>
      elided && fact.kind === 'ovs-interface' && fact.port?.span.start === fact.name.span.start ? [fact.name.span.start] : [],
    ),
  );
  const named = (draft: PortDraft, { span }: Val<string>): void => {
    if (unfinished.has(span.start)) draft.sources.push(sourceAt(linked, span));
    else note(draft, 'name', sourceAt(linked, span));
  };
  for (const fact of facts) {
    if (fact.kind === 'ovs-bridge') {
      const draft = bridge(fact.name.value);
      draft.sources.push(sourceAt(linked, fact.name.span));
      if (fact.failMode) draft.failMode = fact.failMode.value;
      if (fact.datapathType) draft.datapathType = fact.datapathType.value;
    } else if (fact.kind === 'ovs-port' && fact.bridge) {
      const draft = port(bridge(fact.bridge.value), fact.name.value);
      named(draft, fact.name);
      if (fact.tag) {
        draft.tag = fact.tag.value;
        note(draft, 'tag', sourceAt(linked, fact.tag.span));
      }
      if (fact.trunks) draft.trunks = fact.trunks.value;
      if (fact.vlanMode) draft.vlanMode = fact.vlanMode.value;
    } else if (fact.kind === 'ovs-interface' && fact.bridge) {
      const draft = port(bridge(fact.bridge.value), fact.name.value);
      named(draft, fact.name);
      if (fact.type) {
        draft.type = fact.type.value;
        note(draft, 'type', sourceAt(linked, fact.type.span));
      }
      if (fact.error) draft.error = fact.error.value;
      watch(draft, 'bfd', fact.bfdUp, linked);
      for (const [key, value] of Object.entries(fact.options ?? {})) {
        draft.options[key] = value.value;
        note(draft, key, sourceAt(linked, value.span));
      }
    }
  }
}

/** Port numbers from `ovs-ofctl show`; a fragment without its command is placed by the LOCAL port or by its ports' names. */
function fromNumbers(
  linked: LinkedCapture,
  drafts: Map<string, BridgeDraft>,
  bridge: (name: string) => BridgeDraft,
  port: (of: BridgeDraft, name: string) => PortDraft,
  bridgeOf: Map<string, string>,
): void {
  const facts = linked.capture.facts.filter((fact) => fact.kind === 'of-port');
  if (facts.length === 0) return;
  const local = facts.find((fact) => fact.ofport.value === LOCAL_PORT)?.name.value;
  const name =
    linked.capture.target ??
    local ??
    bridgeWithPorts(
      drafts,
      facts.map((fact) => fact.name),
    ) ??
    onlyBridge(drafts);
  if (name === undefined) return;
  bridgeOf.set(linked.key, name);
  const draft = bridge(name);
  if (linked.capture.commandSpan) draft.sources.push(sourceAt(linked, linked.capture.commandSpan));
  for (const fact of facts) {
    const of = port(draft, wholeName(draft, fact.name.value));
    of.ofport = fact.ofport.value;
    note(of, 'ofport', { uri: linked.uri, span: { start: fact.ofport.span.start, end: fact.name.span.end } });
    if (fact.mac && fact.mac.value !== '00:00:00:00:00:00') {
      of.mac = fact.mac.value;
      note(of, 'mac', sourceAt(linked, fact.mac.span));
    }
  }
}

/** OpenFlow 1.0 to 1.5 carry 15 characters of a port's name. */
const NAME_LENGTH = 15;

/** The port whose name was cut off in an OpenFlow message. */
function wholeName(draft: BridgeDraft, name: string): string {
  if (name.length < NAME_LENGTH || draft.ports.has(name)) return name;
  const whole = [...draft.ports.keys()].filter((known) => known.startsWith(name));
  return whole.length === 1 ? (whole[0] ?? name) : name;
}

/** Ports and their numbers from `ovs-appctl dpif/show`, for those that nothing else tells. */
function fromDatapath(
  linked: LinkedCapture,
  bridge: (name: string) => BridgeDraft,
  port: (of: BridgeDraft, name: string) => PortDraft,
): void {
  for (const fact of linked.capture.facts) {
    if (fact.kind !== 'datapath-port' || !fact.bridge || !fact.ofport) continue;
    const draft = bridge(fact.bridge.value);
    rename(draft, fact.name.value, fact.ofport.value);
    const known = draft.ports.has(fact.name.value);
    const of = port(draft, fact.name.value);
    if (!known) note(of, 'name', sourceAt(linked, fact.name.span));
    if (of.ofport === undefined) {
      of.ofport = fact.ofport.value;
      note(of, 'ofport', sourceAt(linked, fact.ofport.span));
    }
    if (of.type === undefined && fact.type && !/^dummy|^system$/.test(fact.type.value)) {
      of.type = fact.type.value;
      note(of, 'type', sourceAt(linked, fact.type.span));
    }
    for (const [key, value] of Object.entries(fact.options)) {
      if (of.options[key] !== undefined) continue;
      of.options[key] = value.value;
      note(of, key, sourceAt(linked, value.span));
    }
  }
}

/** A port that was known by the beginning of its name, and by its number, gets its whole name. */
function rename(draft: BridgeDraft, name: string, ofport: number): void {
  const cut = draft.ports.get(name.slice(0, NAME_LENGTH));
  if (!cut || cut.name === name || cut.ofport !== ofport || draft.ports.has(name)) return;
  draft.ports.delete(cut.name);
  cut.name = name;
  draft.ports.set(name, cut);
}

function bridgeWithPorts(drafts: Map<string, BridgeDraft>, names: readonly Val<string>[]): string | undefined {
  const scored = [...drafts.values()]
    .map((draft) => ({ name: draft.name, score: names.filter((name) => draft.ports.has(name.value)).length }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  return scored[0] && scored[0].score !== scored[1]?.score ? scored[0].name : undefined;
}

/** `ovs-vsctl list` names no bridge: its settings go to the ports of that name. */
function fromLists(linked: LinkedCapture, drafts: Map<string, BridgeDraft>): void {
  if (linked.capture.kind !== 'ovs-vsctl-list') return;
  const named = (name: string) => [...drafts.values()].flatMap((draft) => draft.ports.get(name) ?? []);
  for (const fact of linked.capture.facts) {
    if (fact.kind === 'ovs-bridge') {
      const draft = drafts.get(fact.name.value);
      if (draft && fact.failMode) draft.failMode ??= fact.failMode.value;
      if (draft && fact.datapathType) draft.datapathType ??= fact.datapathType.value;
    } else if (fact.kind === 'ovs-port') {
      for (const draft of named(fact.name.value)) {
        if (fact.tag) {
          draft.tag ??= fact.tag.value;
          note(draft, 'tag', sourceAt(linked, fact.tag.span));
        }
        if (fact.trunks) draft.trunks ??= fact.trunks.value;
        if (fact.vlanMode) draft.vlanMode ??= fact.vlanMode.value;
        if (fact.protected) draft.protected ??= fact.protected.value;
      }
    } else if (fact.kind === 'ovs-interface') {
      for (const draft of named(fact.name.value)) {
        if (fact.ofport && fact.ofport.value > 0) {
          draft.ofport ??= fact.ofport.value;
          note(draft, 'ofport', sourceAt(linked, fact.ofport.span));
        }
        if (fact.type) draft.type ??= fact.type.value;
        if (fact.attachedMac) {
          draft.attachedMac ??= fact.attachedMac.value;
          note(draft, 'attachedMac', sourceAt(linked, fact.attachedMac.span));
        }
        if (fact.ifaceId) {
          draft.ifaceId ??= fact.ifaceId.value;
          note(draft, 'ifaceId', sourceAt(linked, fact.ifaceId.span));
        }
        if (fact.macInUse) draft.mac ??= fact.macInUse.value;
        if (fact.mtu) {
          draft.mtu ??= fact.mtu.value;
          note(draft, 'mtu', sourceAt(linked, fact.mtu.span));
        }
        watch(draft, 'bfd', fact.bfdUp, linked);
        watch(draft, 'cfm', fact.cfmUp, linked);
        for (const [key, value] of Object.entries(fact.options ?? {})) {
          draft.options[key] ??= value.value;
          note(draft, key, sourceAt(linked, value.span));
        }
      }
    }
  }
}

/** `bfd/show` and `cfm/show` name ports, and no bridge. */
function fromWatch(linked: LinkedCapture, drafts: Map<string, BridgeDraft>): void {
  for (const fact of linked.capture.facts) {
    if (fact.kind !== 'port-watch') continue;
    for (const { ports } of drafts.values()) {
      const draft = ports.get(fact.name.value);
      if (draft) watch(draft, fact.by, fact.up, linked);
    }
  }
}

/** What BFD or CFM found of a port; of several captures the first one counts. */
function watch(draft: PortDraft, by: 'bfd' | 'cfm', up: Val<boolean> | undefined, linked: LinkedCapture): void {
  if (!up) return;
  if (by === 'bfd') draft.bfdUp ??= up.value;
  else draft.cfmUp ??= up.value;
  note(draft, by, sourceAt(linked, up.span));
}

function* finish(host: string, draft: BridgeDraft, before: OvsBridge | undefined): Generator<void, OvsBridge> {
  const ports: OvsPort[] = [...draft.ports.values()].map((port) => ({
    host,
    bridge: draft.name,
    name: port.name,
    ofport: port.ofport ?? (port.name === draft.name ? LOCAL_PORT : undefined),
    tag: port.tag,
    trunks: port.trunks,
    vlanMode: port.vlanMode,
    ...(port.protected === undefined ? {} : { protected: port.protected }),
    type: port.type,
    options: port.options,
    mac: port.mac,
    attachedMac: port.attachedMac,
    ifaceId: port.ifaceId,
    error: port.error,
    ...(port.mtu === undefined ? {} : { mtu: port.mtu }),
    ...(port.bfdUp === undefined ? {} : { bfdUp: port.bfdUp }),
    ...(port.cfmUp === undefined ? {} : { cfmUp: port.cfmUp }),
    says: port.says,
    sources: port.sources,
  }));
  const numbers = new Map(ports.filter((port) => port.ofport !== undefined).map((port) => [port.name, port.ofport ?? 0]));
  const flows = mergeFlows(draft.flowCaptures, numbers, before?.flows);
  const fdb = yield* mergeFdb(draft.fdbCaptures, numbers);
  return {
    host,
    name: draft.name,
    ports,
    flows: flows.flows,
    flowsKnown: flows.known,
    flowsMissing: flows.why,
    dumps: draft.flowCaptures.flatMap((linked) =>
      linked.capture.commandSpan ? [sourceAt(linked, linked.capture.commandSpan)] : [],
    ),
    fdb: fdb.rows,
    fdbKnown: fdb.known,
    failMode: draft.failMode,
    ...(draft.datapathType === undefined ? {} : { datapathType: draft.datapathType }),
    sources: draft.sources,
  };
}

/** So many entries are looked at between two pauses. */
const STEP = 2000;

function* mergeFdb(
  captures: readonly LinkedCapture[],
  numbers: ReadonlyMap<string, number>,
): Generator<void, { rows: FdbRow[]; known: Known }> {
  const names = new Map([...numbers].map(([name, number]) => [number, name]));
  const rows = new Map<string, FdbRow>();
  let known: Known = 'absent';
  for (const linked of captures) {
    const { known: own } = completeness(linked.capture);
    if (known !== 'whole') known = own;
    for (const [n, fact] of linked.capture.facts.entries()) {
      if (n % STEP === STEP - 1) yield;
      if (fact.kind !== 'fdb-entry') continue;
      const port = fact.port.value;
      const ofport = typeof port === 'number' ? port : numbers.get(port);
      const row: FdbRow = {
        ofport,
        portName: typeof port === 'string' ? port : names.get(port),
        vlan: fact.vlan.value,
        mac: fact.mac.value,
        source: { uri: linked.uri, span: { start: fact.port.span.start, end: fact.mac.span.end } },
      };
      // The same table pasted twice says the same twice; of two that differ, the later paste is kept.
      const key = `${row.vlan} ${row.mac}`;
      const other = rows.get(key);
      if (other?.ofport !== row.ofport || other === undefined) rows.set(key, row);
    }
  }
  return { rows: [...rows.values()], known };
}

import type { ConnectionEntry } from '../model/connections';
import type { Namespace } from '../model/namespace';
import type { ConnectedSocket, Listener } from '../model/sockets';
import type { Known } from '../model/source';
import { completeness, sourceAt, type LinkedCapture } from './facts';

/** The connections that a namespace (or its datapath) tracked, each once. */
export function* linkConnections(captures: readonly LinkedCapture[]): Generator<
  void,
  {
    readonly connections: readonly ConnectionEntry[];
    readonly known: Known;
  }
> {
  const connections: ConnectionEntry[] = [];
  const seen = new Set<string>();
  let known: Known = 'absent';
  for (const linked of captures) {
    const { kind } = linked.capture;
    if (kind !== 'conntrack-list' && kind !== 'ovs-dpctl-dump-conntrack') continue;
    const datapath = kind === 'ovs-dpctl-dump-conntrack';
    const own = completeness(linked.capture).known;
    if (known !== 'whole' && (!datapath || known === 'absent')) known = own;
    for (const [n, entry] of linked.capture.facts.entries()) {
      if (n % STEP === STEP - 1) yield;
      if (entry.kind !== 'conntrack-entry') continue;
      const own = [datapath, entry.protocol.value, entry.zone?.value ?? 0];
      const key = [...own, ...side(entry.original), ...side(entry.reply)].join(' ');
      if (seen.has(key)) continue;
      seen.add(key);
      connections.push({ entry, datapath, source: sourceAt(linked, entry.text.span) });
    }
  }
  return { connections, known };
}

/** The connections that are expected to begin, each once. */
export function linkExpectations(captures: readonly LinkedCapture[]): Namespace['expectations'] {
  return captures.flatMap((linked) =>
    linked.capture.facts.flatMap((expectation) =>
      expectation.kind === 'conntrack-expectation' ? [{ expectation, source: sourceAt(linked, expectation.text.span) }] : [],
    ),
  );
}

/** So many entries are looked at between two pauses. */
const STEP = 1000;

function side(tuple: ConnectionEntry['entry']['original']): unknown[] {
  return [tuple.src.value, tuple.dst.value, tuple.sport?.value, tuple.dport?.value, tuple.icmpId?.value];
}

/** The sockets that wait for packets, and for which protocols the captures show all of them. */
export function* linkListeners(captures: readonly LinkedCapture[]): Generator<
  void,
  {
    readonly listeners: readonly Listener[];
    readonly known: Readonly<Record<'tcp' | 'udp', Known>>;
  }
> {
  const listeners: Listener[] = [];
  const seen = new Set<string>();
  const known: Record<'tcp' | 'udp', Known> = { tcp: 'absent', udp: 'absent' };
  for (const linked of captures) {
    const { kind, options } = linked.capture;
    if (kind !== 'ss' && kind !== 'netstat') continue;
    const own = completeness(linked.capture).known;
    for (const protocol of ['tcp', 'udp'] as const) {
      if (known[protocol] === 'whole') continue;
      // A listing without -l or -a shows connections only.
      if ((options['shows'] ?? '').split(' ').includes(protocol)) known[protocol] = own;
      else if (linked.capture.facts.some((fact) => fact.kind === 'listener' && fact.protocol.value === protocol))
        known[protocol] = 'partial';
    }
    for (const [n, fact] of linked.capture.facts.entries()) {
      if (n % STEP === STEP - 1) yield;
      if (fact.kind !== 'listener') continue;
      const key = [fact.protocol.value, fact.ip.value, fact.port?.value, fact.dev?.value].join(' ');
      if (seen.has(key)) continue;
      seen.add(key);
      listeners.push({
        protocol: fact.protocol.value,
        ip: fact.ip.value,
        port: fact.port?.value,
        dev: fact.dev?.value,
        process: fact.process?.value,
        uid: fact.uid,
        source: { uri: linked.uri, span: { start: fact.ip.span.start, end: (fact.port ?? fact.ip).span.end } },
      });
    }
  }
  return { listeners, known };
}

/** The sockets that are connected, and for which protocols the captures show all of them. */
export function* linkConnectedSockets(captures: readonly LinkedCapture[]): Generator<
  void,
  {
    readonly sockets: readonly ConnectedSocket[];
    readonly known: Readonly<Record<'tcp' | 'udp', Known>>;
  }
> {
  const sockets: ConnectedSocket[] = [];
  const known: Record<'tcp' | 'udp', Known> = { tcp: 'absent', udp: 'absent' };
  for (const linked of captures) {
    const { kind, options, facts } = linked.capture;
    if (kind !== 'ss' && kind !== 'netstat') continue;
    const own = completeness(linked.capture).known;
    for (const protocol of ['tcp', 'udp'] as const)
      if (known[protocol] !== 'whole' && (options['connected'] ?? '').split(' ').includes(protocol)) known[protocol] = own;
    for (const [n, fact] of facts.entries()) {
      if (n % STEP === STEP - 1) yield;
      if (fact.kind !== 'connected-socket') continue;
      sockets.push({
        protocol: fact.protocol.value,
        ip: fact.ip.value,
        port: fact.port.value,
        peerIp: fact.peerIp.value,
        peerPort: fact.peerPort.value,
        source: { uri: linked.uri, span: { start: fact.ip.span.start, end: fact.peerPort.span.end } },
      });
    }
  }
  return { sockets, known };
}

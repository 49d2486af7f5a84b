import type { CaptureDocument } from '../../captures/document';
import type { Fact } from '../../captures/facts';
import { captureKey, type Network } from '../../model/network';
import { type OvsBridge } from '../../model/ovs-bridge';
import { completeness, type LinkedCapture } from '../facts';
import { indexRows, type DbRow, type Rows } from './rows';

/** What all captures of one host say, as the parts of its switch take it. */
export interface Captured {
  readonly host: string;
  readonly bridges: ReadonlyMap<string, OvsBridge>;
  readonly captures: readonly LinkedCapture[];
  /** Which bridge a capture is about, by its key. */
  readonly bridgeOf: ReadonlyMap<string, string>;
  readonly documents: ReadonlyMap<string, CaptureDocument>;
  readonly rows: Rows;
  /** Sentences about what no capture tells and what was taken instead. */
  readonly notes: string[];
}

/** Collects one host's captures; undefined for a host that the network does not know. */
export function collectCaptured(
  network: Network,
  documents: ReadonlyMap<string, CaptureDocument>,
  host: string,
): Captured | undefined {
  const known = network.hosts.get(host);
  if (!known) return undefined;
  const captures: LinkedCapture[] = [];
  const bridgeOf = new Map<string, string>();
  for (const document of documents.values()) {
    for (const [index, capture] of document.captures.entries()) {
      const key = captureKey(document.uri, index);
      const assigned = network.captureHosts.get(key);
      if (assigned?.host !== host) continue;
      if (assigned.bridge !== undefined) bridgeOf.set(key, assigned.bridge);
      captures.push({ key, uri: document.uri, capture, host, reason: assigned.reason });
    }
  }
  const rows: DbRow[] = [];
  for (const { capture } of captures) for (const fact of capture.facts) if (fact.kind === 'ovsdb-row') rows.push(fact);
  return { host, bridges: known.bridges, captures, bridgeOf, documents, rows: indexRows(rows), notes: [] };
}

/** The facts of a kind, whatever bridge they are about. */
export function factsOf<K extends Fact['kind']>(captured: Captured, kind: K): Extract<Fact, { readonly kind: K }>[] {
  return captured.captures.flatMap(({ capture }) =>
    capture.facts.filter((fact): fact is Extract<Fact, { readonly kind: K }> => fact.kind === kind),
  );
}

/** The captures of a kind that are about a bridge: those that name it, or name none where there is only one. */
export function aboutBridge(captured: Captured, bridge: string, kinds: ReadonlySet<string>): LinkedCapture[] {
  return captured.captures.filter(({ key, capture }) => {
    if (!kinds.has(capture.kind)) return false;
    const placed = captured.bridgeOf.get(key);
    if (placed !== undefined) return placed === bridge;
    const target = capture.target?.replace(/^.*[/@]/, '').replace(/\.mgmt$/, '');
    return target === undefined ? captured.bridges.size === 1 : target === bridge;
  });
}

/** Whether what such a capture does not show does not exist. */
export function isWhole(linked: LinkedCapture): boolean {
  return completeness(linked.capture).known === 'whole';
}

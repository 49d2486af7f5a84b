import type { CaptureDocument } from '../captures/document';
import { isUnread } from '../captures/registry';
import { captureKey } from '../model/network';
import type { CaptureItem, HostItem, InventoryResult } from '../protocol';
import { rangeOf } from './locate';
import type { World } from './world';

/** What was recognised, for the Captures view. */
export function inventory(world: World): InventoryResult {
  const captures: CaptureItem[] = [];
  for (const document of world.documents.values()) {
    document.captures.forEach((capture, index) => {
      captures.push({
        uri: document.uri,
        range: rangeOf(document, capture.span.start, capture.span.end),
        kind: capture.kind,
        command: capture.command ?? null,
        host: hostOfCapture(world, document, index) ?? null,
        namespace: capture.namespace ?? null,
        records: capture.records,
        errors: capture.errors.length,
        elided: capture.elided || capture.filter !== undefined,
        unread: isUnread(capture.kind),
        reading: world.previews?.has(document.uri) ?? false,
        streamed: world.streamed?.has(document.uri) ?? false,
      });
    });
  }
  return { captures, hosts: hostItems(world) };
}

export function hostOfCapture(world: World, document: CaptureDocument, index: number): string | undefined {
  return world.network.captureHosts.get(captureKey(document.uri, index))?.host;
}

/** Every machine that captures were taken on, with the names that turned out to be its; first those of which a network is known. */
export function hostItems(world: World): HostItem[] {
  const { hosts, captureHosts } = world.network;
  const linked = [...hosts.values()].map((host) => ({
    name: host.name,
    aliases: host.aliases,
    bridges: [...host.bridges.keys()],
    reasons: host.reasons,
  }));
  const known = new Set(linked.flatMap(({ name, aliases }) => [name, ...aliases]));
  const others = new Set([...captureHosts.values()].flatMap(({ host }) => (host === undefined || known.has(host) ? [] : [host])));
  return [...linked, ...[...others].map((name) => ({ name, aliases: [], bridges: [], reasons: [] }))];
}

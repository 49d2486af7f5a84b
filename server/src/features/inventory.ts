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
      });
    });
  }
  return { captures, hosts: hostItems(world) };
}

export function hostOfCapture(world: World, document: CaptureDocument, index: number): string | undefined {
  return world.network.captureHosts.get(captureKey(document.uri, index))?.host;
}

/** The hosts that captures were taken on, with the names that turned out to be theirs. */
export function hostItems(world: World): HostItem[] {
  return [...world.network.hosts.values()].map((host) => ({
    name: host.name,
    aliases: host.aliases,
    bridges: [...host.bridges.keys()],
    reasons: host.reasons,
  }));
}

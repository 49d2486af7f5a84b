import type { Span } from '../base/span';
import type { Capture } from '../captures/capture';
import type { CaptureDocument } from '../captures/document';
import { captureKey } from '../model/network';
import { type Known, type Source } from '../model/source';
import type { HostAssignment } from './hosts';

/** A capture with its place and its host, as the joins take it. */
export interface LinkedCapture {
  readonly key: string;
  readonly uri: string;
  readonly capture: Capture;
  readonly host: string | undefined;
  readonly reason: string | undefined;
}

export function linkedCaptures(documents: readonly CaptureDocument[], hosts: HostAssignment): LinkedCapture[] {
  return documents.flatMap((document) =>
    document.captures.map((capture, index) => {
      const key = captureKey(document.uri, index);
      const assigned = hosts.captures.get(key);
      return { key, uri: document.uri, capture, host: assigned?.host, reason: assigned?.reason };
    }),
  );
}

export function sourceAt(linked: LinkedCapture, span: Span): Source {
  return { uri: linked.uri, span };
}

/** Whether what is missing in a capture is missing in the table, and if not, why. */
export function completeness(capture: Capture): { readonly known: Known; readonly why: string | undefined } {
  if (capture.elided) return { known: 'partial', why: 'lines were left out by hand' };
  if (capture.filter !== undefined) return { known: 'partial', why: `the output went through "${capture.filter}"` };
  if (capture.options['filter'] !== undefined)
    return { known: 'partial', why: `only what matches "${capture.options['filter']}" was asked for` };
  if (capture.errors.length > 0) return { known: 'partial', why: 'some of its lines could not be read' };
  if (capture.commandSpan === undefined && capture.command === undefined)
    return { known: 'partial', why: 'it is a fragment without its command' };
  return { known: 'whole', why: undefined };
}

export function groupBy<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const k = key(item);
    const group = groups.get(k);
    if (group) group.push(item);
    else groups.set(k, [item]);
  }
  return groups;
}

/** So many facts are looked at between two pauses: some milliseconds' work. */
const STEP = 4000;

/** Goes through the facts of captures, with pauses between. */
export function* eachFact(
  captures: readonly LinkedCapture[],
  take: (fact: LinkedCapture['capture']['facts'][number], linked: LinkedCapture) => void,
): Generator<void, void> {
  for (const linked of captures) {
    const { facts } = linked.capture;
    for (let n = 0; n < facts.length; n++) {
      if (n % STEP === STEP - 1) yield;
      const fact = facts[n];
      if (fact) take(fact, linked);
    }
  }
}

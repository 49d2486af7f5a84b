import type { CaptureDocument } from '../captures/document';
import { runChecks } from '../checks/registry';
import { captureKey } from '../model/network';
import type { World } from './world';

/** One trouble, as the editor's Problems and the command line show it. */
export interface Finding {
  readonly uri: string;
  readonly start: number;
  readonly end: number;
  readonly severity: 'error' | 'warning' | 'info' | 'hint';
  readonly code: string;
  readonly message: string;
}

/** More than this many problems in one document help nobody; the last one says how many were left out. */
export const DIAGNOSTIC_CAP = 200;

/** What could not be read in a document, and what the checks find in it. A document without captures has none. */
export function diagnostics(world: World, uri: string): Finding[] {
  const document = world.documents.get(uri);
  if (!document) return [];
  // A capture's errors are in order: those that can't be among the first are only counted.
  const beyond = document.captures.reduce((sum, { errors }) => sum + Math.max(0, errors.length - DIAGNOSTIC_CAP), 0);
  const found: Finding[] = document.captures.flatMap((capture) =>
    capture.errors.slice(0, DIAGNOSTIC_CAP).map((error) => ({
      uri,
      start: error.span.start,
      end: Math.max(error.span.end, error.span.start),
      severity: error.code === 'not-understood' || error.code === 'error-output' ? ('info' as const) : ('warning' as const),
      code: error.code,
      message: error.message,
    })),
  );
  found.push(...unplaced(world, document));
  for (const finding of runChecks(world.network)) {
    if (finding.source.uri !== uri) continue;
    found.push({
      uri,
      start: finding.source.span.start,
      end: finding.source.span.end,
      severity: finding.severity,
      code: finding.code,
      message: finding.message,
    });
  }
  found.sort((a, b) => a.start - b.start);
  if (found.length + beyond <= DIAGNOSTIC_CAP) return found;
  const last = found[DIAGNOSTIC_CAP - 1];
  return [
    ...found.slice(0, DIAGNOSTIC_CAP - 1),
    {
      uri,
      start: last?.start ?? 0,
      end: last?.end ?? 0,
      severity: 'info',
      code: 'capped',
      message: `${found.length + beyond - DIAGNOSTIC_CAP + 1} more problems in this file are not shown.`,
    },
  ];
}

/** Flows and MAC tables that nobody can place: without their bridge they take part in no walk, which should not go unsaid. */
function unplaced(world: World, document: CaptureDocument): Finding[] {
  return document.captures.flatMap((capture, index): Finding[] => {
    const needsBridge =
      capture.flows.count > 0 || capture.facts.some((fact) => fact.kind === 'fdb-entry' || fact.kind === 'of-port');
    if (!needsBridge || world.network.captureHosts.get(captureKey(document.uri, index))?.bridge !== undefined) return [];
    const end = Math.min(capture.span.end, document.lines.startOf(capture.firstLine + 1) ?? capture.span.end);
    return [
      {
        uri: document.uri,
        start: capture.span.start,
        end,
        severity: 'info',
        code: 'bridge-unknown',
        message:
          'Which bridge this is about is not known, so no walk uses it. Put its command above it, such as "ovs-ofctl dump-flows br-int".',
      },
    ];
  });
}

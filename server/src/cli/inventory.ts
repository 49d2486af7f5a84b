import { positionAt } from '../base/lines';
import type { CaptureDocument } from '../captures/document';
import { isUnread } from '../captures/registry';
import { hostItems, hostOfCapture } from '../features/inventory';
import type { World } from '../features/world';
import { captureKey } from '../model/network';
import type { Output } from './output';

/** `packet-walk inventory`: what was recognised, as JSON for scripts or as lines for people. */
export function inventoryCommand(
  world: World,
  files: readonly { readonly uri: string; readonly path: string; readonly lines: number }[],
  json: boolean,
  out: Output,
): number {
  const documents = files.map(({ uri, path, lines }) => ({ document: world.documents.get(uri), path, lines }));
  if (json) {
    out.line(JSON.stringify(asJson(world, documents), null, 1));
    return 0;
  }
  for (const { document, path } of documents) {
    if (!document) continue;
    out.line(out.bold(path));
    document.captures.forEach((capture, index) => {
      const from = capture.firstLine + 1;
      const marks = [
        hostOfCapture(world, document, index) ?? '',
        capture.namespace ?? '',
        `${capture.records} record${capture.records === 1 ? '' : 's'}`,
        capture.elided ? 'elided' : '',
        capture.filter ?? '',
        isUnread(capture.kind) ? 'recognised, not read' : '',
        capture.errors.length > 0 ? `${capture.errors.length} not understood` : '',
      ].filter((mark) => mark !== '');
      out.line(`  ${`${from}-${capture.lastLine + 1}`.padEnd(12)}${capture.kind.padEnd(28)} ${marks.join(', ')}`);
    });
  }
  const hosts = hostItems(world);
  if (hosts.length > 0) out.line(out.bold('Hosts'));
  for (const host of hosts) {
    out.line(
      `  ${host.name}${host.aliases.length > 0 ? ` (also ${host.aliases.join(', ')})` : ''}${host.bridges.length > 0 ? `: ${host.bridges.join(', ')}` : ''}`,
    );
    for (const reason of host.reasons) out.line(`    ${out.dim(reason)}`);
  }
  const total = documents.reduce((sum, { document }) => sum + (document?.captures.length ?? 0), 0);
  if (total === 0) out.line('No captures were recognised.');
  return 0;
}

function asJson(
  world: World,
  documents: readonly { readonly document: CaptureDocument | undefined; readonly path: string; readonly lines: number }[],
) {
  return {
    documents: documents.map(({ document, path, lines }) => ({
      path,
      lines,
      captures:
        document?.captures.map((capture, index) => {
          const assigned = world.network.captureHosts.get(captureKey(document.uri, index));
          return {
            kind: capture.kind,
            command: capture.command ?? null,
            host: assigned?.host ?? null,
            hostBy: capture.hostBy ?? (assigned?.host === undefined ? null : 'inferred'),
            hostReason: assigned?.reason ?? null,
            namespace: capture.namespace ?? null,
            bridge: assigned?.bridge ?? null,
            startLine: capture.firstLine + 1,
            endLine: capture.lastLine + 1,
            elided: capture.elided,
            filter: capture.filter ?? null,
            read: !isUnread(capture.kind),
            records: capture.records,
            errors: capture.errors.length,
          };
        }) ?? [],
      unclassifiedLines: document?.unclassified.map((line) => line + 1) ?? [],
    })),
    hosts: hostItems(world),
    errors: documents.flatMap(
      ({ document, path }) =>
        document?.captures.flatMap((capture) =>
          capture.errors.map((error) => {
            const at = positionAt(document.lines, error.span.start);
            return { path, line: at.line + 1, column: at.character + 1, code: error.code, message: error.message };
          }),
        ) ?? [],
    ),
  };
}

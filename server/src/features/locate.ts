import { positionAt } from '../base/lines';
import type { CaptureDocument } from '../captures/document';
import type { Source } from '../model/source';
import type { EvidenceLink, ProtocolRange } from '../protocol';
import type { World } from './world';

/** A span of a document as lines and characters. */
export function rangeOf(document: CaptureDocument, start: number, end: number): ProtocolRange {
  return { start: positionAt(document.lines, start), end: positionAt(document.lines, end) };
}

/** The text of one line, trimmed. */
export function lineText(document: CaptureDocument, line: number): string {
  const start = document.lines.startOf(line) ?? 0;
  return document.text.slice(start, document.lines.startOf(line + 1) ?? document.text.length).trim();
}

/** Sources as links that a person can follow, each line once. */
export function evidenceLinks(world: World, sources: readonly Source[]): EvidenceLink[] {
  const links: EvidenceLink[] = [];
  const seen = new Set<string>();
  for (const { uri, span } of sources) {
    const document = world.documents.get(uri);
    if (!document) continue;
    const range = rangeOf(document, span.start, span.end);
    const key = `${uri}:${range.start.line}`;
    if (seen.has(key)) continue;
    seen.add(key);
    links.push({ uri, range, text: lineText(document, range.start.line) });
  }
  return links;
}

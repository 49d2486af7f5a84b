import { positionAt } from '../base/lines';
import { documentSymbols, type SymbolItem } from './symbols';
import type { World } from './world';

/** Lines that can be folded into their first one; 0-based, inclusive. */
export interface Fold {
  readonly startLine: number;
  readonly endLine: number;
}

/** A fold per capture, and per bridge, table or chain in it. */
export function foldingRanges(world: World, uri: string): Fold[] {
  const document = world.documents.get(uri);
  if (!document) return [];
  const found = new Map<string, Fold>();
  const add = (startLine: number, endLine: number) => {
    if (endLine > startLine) found.set(`${startLine} ${endLine}`, { startLine, endLine });
  };
  const visit = (item: SymbolItem) => {
    if (item.children.length > 0)
      add(positionAt(document.lines, item.selectionStart).line, positionAt(document.lines, item.end).line);
    item.children.forEach(visit);
  };
  for (const capture of document.captures) add(capture.firstLine, capture.lastLine);
  for (const item of documentSymbols(world, uri)) item.children.forEach(visit);
  return [...found.values()].sort((a, b) => a.startLine - b.startLine || b.endLine - a.endLine);
}

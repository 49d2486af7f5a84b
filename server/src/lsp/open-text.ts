import { TextDocument } from 'vscode-languageserver-textdocument';
import type { TextDocumentContentChangeEvent, TextDocumentsConfiguration } from 'vscode-languageserver';
import { editedWhole, type Edit, type Position } from '../base/lines';
import type { CutText, Service } from '../service';

/**
 * A text that the editor holds. Once a long one has been read, its segments are all that is kept of it, and an edit costs what it
 * changes; before that, and of short ones, the whole text. Of one that comes in pieces, only its start is there until all of them are;
 * what changes meanwhile is kept for then.
 */
export interface OpenText {
  readonly uri: string;
  version: number;
  held:
    | { readonly kind: 'whole'; readonly document: TextDocument; readonly before: CutText | undefined }
    | ComingText
    | { readonly kind: 'cut'; readonly cut: CutText };
}

export interface ComingText {
  readonly kind: 'coming';
  readonly head: string;
  /** The version that comes. */
  readonly version: number;
  /** How many characters it has. */
  readonly length: number;
  readonly changes: TextDocumentContentChangeEvent[];
}

/** Texts up to so many characters are read at once: it takes less than a slice. */
export const SHORT = 256 * 1024;

type Edits = Pick<Service, 'edit'>;

/** How open texts follow what the editor says of them. `lengthOf` tells how long a text is that comes in pieces. */
export function openTexts(service: Edits, lengthOf: (uri: string) => number | undefined): TextDocumentsConfiguration<OpenText> {
  return {
    create(uri, _language, version, text) {
      const length = lengthOf(uri);
      const coming = length !== undefined && length > text.length;
      return {
        uri,
        version,
        held: coming ? { kind: 'coming', head: text, version, length, changes: [] } : whole({ uri, version }, text, undefined),
      };
    },
    update(open, changes, version) {
      open.version = version;
      change(service, open, changes);
      return open;
    },
  };
}

/** Takes a text that came in pieces and was cut, with what changed since. */
export function completed(service: Edits, open: OpenText, cut: CutText): void {
  const { held } = open;
  open.held = { kind: 'cut', cut };
  if (held.kind === 'coming') change(service, open, held.changes);
}

function whole({ uri, version }: Pick<OpenText, 'uri' | 'version'>, text: string, before: CutText | undefined): OpenText['held'] {
  return { kind: 'whole', document: TextDocument.create(uri, '', version, text), before };
}

function change(service: Edits, open: OpenText, changes: readonly TextDocumentContentChangeEvent[]): void {
  for (let n = 0; n < changes.length;) {
    const change = changes[n];
    if (!change) break;
    const { held } = open;
    if (held.kind === 'whole') {
      TextDocument.update(held.document, [change], open.version);
      n++;
      continue;
    }
    if (!('range' in change)) {
      open.held = whole(open, change.text, held.kind === 'cut' ? held.cut : undefined);
      n++;
      continue;
    }
    if (held.kind === 'coming') {
      held.changes.push(change);
      n++;
      continue;
    }
    const { cut } = held;
    const edits = editsFrom(cut, changes.slice(n));
    const length = edits.reduce((sum, { from, to, put }) => sum + put.length - (to - from), cut.length);
    const edited = length > SHORT ? service.edit(cut, edits) : undefined;
    open.held = edited ? { kind: 'cut', cut: edited } : whole(open, editedWhole(cut, edits), cut);
    n += edits.length;
  }
}

/**
 * The first changes of a list as edits of one text. Each change counts from what the ones before it left; editors list them from the
 * text's end to its start, where that makes no difference.
 */
function editsFrom(cut: CutText, changes: readonly TextDocumentContentChangeEvent[]): readonly Edit[] {
  const edits: Edit[] = [];
  for (const change of changes) {
    if (!('range' in change)) break;
    const from = offsetOf(cut, change.range.start);
    const to = Math.max(from, offsetOf(cut, change.range.end));
    // Where they meet, the change before it may have moved the end of the line, or of the text, that this one counts to.
    if (to >= (edits.at(-1)?.from ?? Infinity)) break;
    edits.push({ from, to, put: change.text });
  }
  return edits.reverse();
}

/** The offset of a position; what is behind a line's end is its end, before its break. */
function offsetOf(cut: CutText, { line, character }: Position): number {
  const start = cut.lines.startOf(line);
  if (start === undefined) return line < 0 ? 0 : cut.length;
  const next = cut.lines.startOf(line + 1) ?? cut.length;
  const tail = cut.slice(Math.max(start, next - 2), next);
  return start + Math.max(0, Math.min(character, next - start - (/[\r\n]*$/.exec(tail)?.[0].length ?? 0)));
}

/** Whether a text has more than so many lines; looks at no more of it than that. */
export function hasMoreLines({ held }: OpenText, lines: number): boolean {
  if (held.kind === 'cut') return held.cut.lines.count > lines;
  // Only what is long comes in pieces.
  if (held.kind === 'coming') return true;
  const text = held.document.getText();
  let count = 1;
  for (const breaks = /\r\n|\n|\r/g; breaks.test(text);) if (++count > lines) return true;
  return false;
}

import { indexLines, splitLines, type Line, type LineIndex } from '../base/lines';
import type { Capture, CaptureError } from './capture';
import { commandOfFile, hostFolder } from './file-name';
import { noFlows } from './flow/store';
import { recogniseCommand } from './registry';
import { isErrorOutput, splitDocument, type Block } from './split';

/** A document with everything that was recognised in it. Immutable; made anew when the text changes. */
export interface CaptureDocument {
  readonly uri: string;
  /** With `/`, as shown to people. */
  readonly path: string;
  readonly text: string;
  readonly lines: LineIndex;
  readonly captures: readonly Capture[];
  /** The folder that a host may be named after, where the file's own name carries a command or the folder is a sosreport's. */
  readonly folder: string | undefined;
  /** 0-based numbers of lines inside captures that nobody understood. */
  readonly unclassified: readonly number[];
}

/** Reads a document. Never throws: what a kind of capture can't read becomes errors of that capture. */
export function readDocument(uri: string, path: string, text: string): CaptureDocument {
  const index = indexLines(text);
  const lines = splitLines(text, index);
  const named = commandOfFile(path, (argv) => recogniseCommand(argv)?.recognised);
  const captures = splitDocument(lines, named).map((block) => readBlock(block));
  const unclassified = captures.flatMap((capture) =>
    capture.errors
      .filter((error) => error.code === 'not-understood' || error.code === 'syntax')
      .map((error) => lineOf(lines, error.span.start)),
  );
  return {
    uri,
    path,
    text,
    lines: index,
    captures,
    folder: hostFolder(path.split('/').filter((segment) => segment !== '')),
    unclassified: [...new Set(unclassified)].sort((a, b) => a - b),
  };
}

function lineOf(lines: readonly Line[], offset: number): number {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lines[middle]?.start ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function readBlock(block: Block): Capture {
  const { syntax, recognised } = block.found;
  const errors: CaptureError[] = block.strange.map((line) => notUnderstood(line, recognised.kind));
  const base = {
    kind: recognised.kind,
    command: block.command?.text,
    target: recognised.target,
    options: recognised.options ?? {},
    host: block.host,
    hostBy: block.hostBy,
    namespace: block.namespace,
    commandSpan: block.commandSpan,
    elided: block.elided,
    filter: block.command?.filter,
  };
  const first = block.lines[0];
  const last = block.lines.at(-1);
  const start = block.commandSpan?.start ?? first?.start ?? 0;
  const end = Math.max(last ? last.start + last.text.length : 0, block.commandSpan?.end ?? 0);
  const place = {
    span: { start, end },
    firstLine: block.commandLine ?? first?.number ?? 0,
    lastLine: Math.max(last?.number ?? 0, block.commandLine ?? 0),
  };
  try {
    const parsed = syntax.parse({
      kind: recognised.kind,
      target: recognised.target,
      options: recognised.options ?? {},
      argv: block.command?.argv ?? [],
      lines: block.lines,
    });
    const covered = new Set<number>();
    for (const record of parsed.records) for (let n = record.firstLine; n <= record.lastLine; n++) covered.add(n);
    const found = [...parsed.errors];
    for (const error of parsed.errors) covered.add(numberAt(block.lines, error.span.start));
    for (const line of block.lines) {
      if (line.text.trim() !== '' && !covered.has(line.number)) found.push(notUnderstood(line, recognised.kind));
    }
    return {
      ...base,
      ...place,
      records: parsed.records.filter((record) => record.what === 'record').length,
      facts: parsed.facts,
      flows: parsed.flows ?? noFlows,
      refs: parsed.refs,
      lines: parsed.records,
      errors: [...errors, ...found].sort((a, b) => a.span.start - b.span.start),
    };
  } catch (error) {
    // A defect in one kind must not cost the neighbours anything; the capture says so itself.
    const message = error instanceof Error ? error.message : String(error);
    return {
      ...base,
      ...place,
      records: 0,
      facts: [],
      flows: noFlows,
      refs: [],
      lines: [],
      errors: [
        {
          span: place.span,
          code: 'not-understood',
          message: `Reading this ${recognised.kind} failed inside Packet Walk (${message}); nothing of it is used. Please report it with these lines.`,
        },
      ],
    };
  }
}

function numberAt(lines: readonly Line[], offset: number): number {
  return lines[lineOf(lines, offset)]?.number ?? -1;
}

function notUnderstood(line: Line, kind: string): CaptureError {
  const start = line.start + (line.text.length - line.text.trimStart().length);
  if (isErrorOutput(line.text)) {
    return {
      span: { start, end: line.start + line.text.length },
      code: 'error-output',
      message: `The command failed here instead of printing all of its output (${kind}): what it would show is not known. Run it again.`,
    };
  }
  return {
    span: { start, end: line.start + line.text.length },
    code: 'not-understood',
    message: `This line is not understood as part of ${kind}; it is left out. If it belongs there, check that it was pasted whole.`,
  };
}

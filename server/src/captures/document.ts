import { indentOf, linesOf, type Line, type LineIndex, type Lines, type Text } from '../base/lines';
import { drained } from '../base/steps';
import type { Block } from './block';
import type { Capture, CaptureError, CaptureKind, ParseInput, Parsed } from './capture';
import { commandOfFile, hostFolder, namespaceOfPath } from './file-name';
import { KEPT } from './flow/loose-flows';
import { prepareSegment } from './flow/summary';
import { createSegmentReader, type SegmentReader } from './flow/segment';
import { loadShapes } from './flow/saved-shapes';
import { createShapeBook, makeSavedShapes, shapeOf, type ShapeBook } from './flow/shapes';
import { sampleFlows } from './flow/samples';
import { noFlows } from './flow/store';
import { usualShapes } from '../generated/usual-shapes';
import { mayBeCutFlow, mayBeFlow } from './flow-lines';
import { isErrorOutput } from './error-output';
import { collect } from './lines';
import { isVariable } from './loops';
import { recogniseCommand } from './registry';
import { emptyAt, flowOn, runAt, segmentsOf, type SegmentedText } from './segmented';
import { splitDocument } from './split';
import { offsetIn } from './line-parts';

/** A document with everything that was recognised in it. Immutable; made anew when the text changes. */
export interface CaptureDocument {
  readonly uri: string;
  /** With `/`, as shown to people. */
  readonly path: string;
  readonly text: Text;
  readonly lines: LineIndex;
  /** The lines again, with what is known of flows among them. */
  readonly segmented: SegmentedText;
  readonly captures: readonly Capture[];
  /** The folder that a host may be named after, where the file's own name carries a command or the folder is a sosreport's. */
  readonly folder: string | undefined;
  /** 0-based numbers of lines inside captures that nobody understood. */
  readonly unclassified: readonly number[];
}

/** What readers of documents share: the shapes of flows that were met, and buffers. */
export interface Reading {
  readonly book: ShapeBook;
  readonly segments: SegmentReader;
}

/** `usual`: that knows the shapes of `sampleFlows` from when the extension was built; else none. */
export function createReading(usual = true): Reading {
  const book = usual ? loadShapes(usualShapes, sampleFlows, mayBeFlow) : createShapeBook(mayBeFlow);
  return { book, segments: createSegmentReader(book, mayBeCutFlow) };
}

/** So often the usual flows are read: code that has run for a while is compiled to faster code. */
const ROUNDS = 5;
/** So many characters are more than a reader's window holds: code that has never met the end of one is thrown away there. */
const MORE_THAN_WINDOW = 320 * 1024;
/** What the usual flows have none of, for the same reason: shapes that can't be learned, and other forms of values. */
const UNUSUAL: readonly string[] = [
  ...[4, 300].map(
    (bytes) =>
      ` cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1 actions=controller(userdata=${Array(bytes).fill('00').join('.')})`,
  ),
  // Values of a known shape that its mask has no bits for, and values of classes that were not met before.
  ...['112.0.0.0', '127.0.0.0'].map(
    (source) => ` cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1,ip,nw_src=${source}/4 actions=drop`,
  ),
  ...['0x0001', '0x0012', '0x0123'].map(
    (tag) => ` cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1,vlan_tci=${tag}/0x0fff actions=drop`,
  ),
  ' cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1,ip,nw_src=10.1.2.3,zork=7 actions=drop',
  ' cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1,ipv6,ipv6_src=::,ipv6_dst=1:2:3:4:5:6:7:8 actions=drop',
  ' cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1,ipv6,ipv6_src=fd00::,ipv6_dst=fe80::ff:fe00:1 actions=drop',
  ' cookie=0x1, duration=1.5s, table=1, n_packets=0, n_bytes=0, priority=1,in_port="tap12-3",dl_src=00:00:00:00:00:00 actions=output:"tap4"',
];

/**
 * Gets a process ready for its first dump, in steps of a millisecond or so: makes the shapes that `reading` knows from when the extension was
 * built, and has the usual flows read by readers that know none of them, and by ones that know all.
 */
export function* prepareReading(reading: Reading = sharedReading()): Generator<void, void> {
  yield* makeSavedShapes(reading.book);
  const usual = [...sampleFlows, ...UNUSUAL].join('\n');
  const long = [...sampleFlows]
    .sort((a, b) => b.length - a.length)
    .slice(0, 40)
    .join('\n');
  const filled = (text: string) =>
    Array<string>(Math.ceil(MORE_THAN_WINDOW / text.length))
      .fill(text)
      .join('\n');
  const text = `${filled(usual)}\n${filled(long)}\n`;
  for (let n = 0; n < ROUNDS; n++) {
    const steps = readInSteps('', 'dump.txt', text, undefined, createReading(n % 2 === 1));
    while (!steps.next().done) yield;
  }
}

let shared: Reading | undefined;

/** The reading of this process: the shapes of one dump are most often those of the next. */
export function sharedReading(): Reading {
  return (shared ??= createReading());
}

/**
 * Reads a document. Never throws: what a kind of capture can't read becomes errors of that capture. Of a text that was read before and
 * changed, what did not change is taken over from `before`.
 */
export function readDocument(
  uri: string,
  path: string,
  text: string,
  before?: CaptureDocument,
  reading: Reading = sharedReading(),
): CaptureDocument {
  return drained(readInSteps(uri, path, text, before, reading));
}

/** `readDocument` with pauses, a few milliseconds apart; each tells how much of the work is done, from 0 to 1. */
export function* readInSteps(
  uri: string,
  path: string,
  text: string,
  before?: CaptureDocument,
  reading: Reading = sharedReading(),
): Generator<number, CaptureDocument> {
  const segments = segmentsOf(reading.segments, text, before?.segmented);
  for (;;) {
    const step = segments.next();
    if (step.done) return yield* documentInSteps(uri, path, step.value, reading);
    yield (0.9 * step.value) / text.length;
  }
}

/** A document of a text whose lines were read already. */
export function* documentInSteps(
  uri: string,
  path: string,
  segmented: SegmentedText,
  { book }: Reading,
): Generator<number, CaptureDocument> {
  const { lines: index } = segmented;
  const lines = linesOf(segmented, index);
  const segments = path.split('/').filter((segment) => segment !== '');
  const named = commandOfFile(path, (argv) => recogniseCommand(argv)?.recognised);
  const runs = {
    runAt: (line: number) => runAt(segmented, line),
    emptyAt: (line: number) => emptyAt(segmented, line),
    indentOf(line: number) {
      const flow = flowOn(segmented, line);
      return flow === 'odd' ? indentOf(lines.at(line)?.text ?? '') : (shapeOf(book, flow ?? 0)?.indent ?? 0);
    },
  };
  const split = splitDocument(lines, named, runs);
  let step = split.next();
  for (; !step.done; step = split.next()) yield 0.9;
  const captures: Capture[] = [];
  const known: Known = { path, namespace: namespaceOfPath(segments), book, text: segmented, lines };
  for (const block of step.value) captures.push(yield* readBlock(block, known));
  const unclassified = new Set<number>();
  for (const { errors } of captures) {
    for (const [n, { code, span }] of errors.entries()) {
      if (n % MANY === MANY - 1) yield 0.97;
      if (isStrange(code)) unclassified.add(index.lineAt(span.start));
    }
  }
  return {
    uri,
    path,
    text: segmented,
    lines: index,
    segmented,
    captures,
    folder: hostFolder(segments),
    unclassified: [...unclassified].sort((a, b) => a - b),
  };
}

/** Finds out of a document's flows what answers ask for all of them, in steps of a millisecond or less: the first answer is quick then. */
export function* prepareDocument({ segmented }: CaptureDocument, { book }: Reading): Generator<number, void> {
  for (const segment of segmented.segments) {
    if (segment.lines.length === 0) continue;
    prepareSegment(book, segment);
    yield 0.97;
  }
}

/** So many lines or errors are looked at between two pauses: a millisecond's work or two. */
const MANY = 2000;

interface Known {
  /** The document's, as shown to people. */
  readonly path: string;
  /** That the document's path names. */
  readonly namespace: string | undefined;
  readonly book: ShapeBook;
  readonly text: SegmentedText;
  readonly lines: Lines;
}

/** A name that is a shell's variable may mean another thing in every command: it is one of its own, by the place where it stands. */
function ownName(name: string | undefined, path: string, { commandLine, reach }: Block): string | undefined {
  if (name === undefined || !isVariable(name)) return name;
  return `${name} (${path}:${(reach?.first ?? commandLine ?? 0) + 1})`;
}

function isStrange(code: CaptureError['code']): boolean {
  return code === 'not-understood' || code === 'syntax';
}

/** A line whose end was left out by hand. */
const CUT_SHORT = /\s(?:\.{3,}|\[\.{3}\]|…)\s*$/;

/** So many lines, by the grammar a fraction of a millisecond each, are read between two pauses. */
const PART = 16;

/** Reads an output in one go, or in parts where its kind can tell where one may start. */
function* parseInParts(syntax: CaptureKind, input: ParseInput): Generator<void, Parsed> {
  const { lines } = input;
  if (!syntax.startsRecord || lines.length <= PART) return syntax.parse(input);
  const all = collect();
  for (let from = 0; from < lines.length;) {
    let to = from + PART;
    while (to < lines.length && !syntax.startsRecord(lines[to]?.text ?? '')) to++;
    // One by one: a part may be as long as the output, where that has no other line to start at.
    const { facts, refs, records, errors } = syntax.parse({ ...input, lines: lines.slice(from, to) });
    for (const fact of facts) all.facts.push(fact);
    for (const ref of refs) all.refs.push(ref);
    for (const record of records) all.records.push(record);
    for (const error of errors) all.errors.push(error);
    from = to;
    yield;
  }
  return all;
}

function* readBlock(block: Block, text: Known): Generator<number, Capture> {
  const { syntax, recognised } = block.found;
  const errors: CaptureError[] = [];
  for (const [n, line] of block.strange.entries()) {
    if (n % MANY === MANY - 1) yield 0.92;
    errors.push(notUnderstood(line, recognised.kind));
  }
  const base = {
    kind: recognised.kind,
    command: block.command?.text,
    target: recognised.target,
    options: recognised.options ?? {},
    host: ownName(block.host, text.path, block),
    hostBy: block.hostBy,
    // A machine that is named in the text is not the one that the folders name, and neither is its namespace.
    namespace: ownName(block.namespace, text.path, block) ?? (block.host === undefined ? text.namespace : undefined),
    enter: block.enter,
    commandSpan: block.commandSpan,
    elided: block.elided || block.command?.reshaped === true || block.lines.some(({ text: line }) => CUT_SHORT.test(line)),
    filter: block.command?.filter,
  };
  const { reach } = block;
  const first = reach && lineAt(block, text, reach.first, 0);
  const last = reach && lineAt(block, text, reach.last, -1);
  const start = block.commandSpan?.start ?? first?.start ?? 0;
  const end = Math.max(last ? offsetIn(last, last.text.length) : 0, block.commandSpan?.end ?? 0);
  const place = {
    span: { start, end },
    firstLine: block.commandLine ?? first?.number ?? 0,
    lastLine: Math.max(last?.until ?? last?.number ?? 0, block.commandLine ?? 0),
  };
  try {
    const input: ParseInput = {
      kind: recognised.kind,
      target: recognised.target,
      options: recognised.options ?? {},
      argv: block.command?.argv ?? [],
      lines: block.lines,
      ...(reach && (block.flows > 0 || block.lines.length > KEPT)
        ? { known: { ...text, firstLine: reach.first, lastLine: reach.last } }
        : {}),
    };
    const steps = syntax.parseInSteps?.(input) ?? parseInParts(syntax, input);
    let step = steps.next();
    for (; !step.done; step = steps.next()) yield 0.95;
    const parsed = step.value;
    const covered = new Set<number>();
    for (let k = 0; block.lines.length > 0 && k < parsed.records.length; k++) {
      if (k % MANY === MANY - 1) yield 0.96;
      const record = parsed.records[k];
      for (let n = record?.firstLine ?? 0; record && n <= record.lastLine; n++) covered.add(n);
    }
    for (let n = 0; n < parsed.errors.length; n++) {
      if (n % MANY === MANY - 1) yield 0.96;
      const error = parsed.errors[n];
      if (!error) continue;
      if (block.lines.length > 0) covered.add(text.text.lines.lineAt(error.span.start));
      errors.push(error);
    }
    for (const [n, line] of block.lines.entries()) {
      if (n % MANY === MANY - 1) yield 0.96;
      if (line.text.trim() !== '' && !covered.has(line.number) && parsed.flows?.at(line.number) === undefined)
        errors.push(notUnderstood(line, recognised.kind));
    }
    return {
      ...base,
      ...place,
      records: parsed.records.filter((record) => record.what === 'record').length + (parsed.flows?.count ?? 0),
      facts: parsed.facts,
      flows: parsed.flows ?? noFlows,
      refs: parsed.refs,
      lines: parsed.records,
      errors: inOrder(block.command?.reshaped === true ? errors.filter(({ code }) => !isStrange(code)) : errors),
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

/** Errors by their places; as a rule they are in order. */
function inOrder(errors: CaptureError[]): CaptureError[] {
  const isInOrder = errors.every(({ span }, n) => span.start >= (errors[n - 1]?.span.start ?? 0));
  return isInOrder ? errors : errors.sort((a, b) => a.span.start - b.span.start);
}

/** A block's line by its number: as the block has it where it is its first (0) or last (-1) one, which may be unquoted. */
function lineAt(block: Block, { lines }: Known, number: number, place: 0 | -1): Line | undefined {
  const own = block.lines.at(place);
  return own?.number === number ? own : lines.at(number);
}

function notUnderstood(line: Line, kind: string): CaptureError {
  const start = offsetIn(line, line.text.length - line.text.trimStart().length);
  const end = offsetIn(line, line.text.length);
  if (isErrorOutput(line.text)) {
    return {
      span: { start, end },
      code: 'error-output',
      message: `The command failed here instead of printing all of its output (${kind}): what it would show is not known. Run it again.`,
    };
  }
  return {
    span: { start, end },
    code: 'not-understood',
    message: `This line is not understood as part of ${kind}; it is left out. If it belongs there, check that it was pasted whole.`,
  };
}

/** The capture that a line (0-based) belongs to, as its place in the document; -1 for none. Outputs of several machines may lie between each other. */
export function captureIndexAt({ captures }: CaptureDocument, line: number): number {
  const around = captures.flatMap(({ firstLine, lastLine }, n) => (line >= firstLine && line <= lastLine ? [n] : []));
  const own = around.find((n) => captures[n]?.lines.some((record) => line >= record.firstLine && line <= record.lastLine));
  return (around.length > 1 ? own : undefined) ?? around[0] ?? -1;
}

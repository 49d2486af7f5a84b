import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import type { CaptureError, CaptureKind, ParseInput, Parsed } from '../capture';
import { storeOfColumns } from '../flow/columns';
import { looseFlow, type LooseFlow } from '../flow/loose-flows';
import { moved, shared } from '../flow/odd-flows';
import { readFlowOn, storeOf, type FlowOnLines } from '../flow/store';
import { drained } from '../../base/steps';
import { flowOn, segmentOfLine } from '../segmented';
import { collect, record } from '../lines';

const START =
  /^\s*(?:\*+\s*)?(?:cookie=0x[0-9a-f]+,|duration=[\d.]+s,|table_id=\d+,|table=\d+(?!\s*\()[, ]|table=[a-z]\w*,? (?:n_packets|priority)=|priority=\d+[, ]|in_port=)/i;
const FLOW = /(?:^|[\s,])actions?\s*=\s*\S/;
/** What the grammar's `replyHeader` takes for certain: a dump of OVN's flows has one in every few hundred lines. */
const PLAIN_REPLY = /^[ \t]*(?:NXST|OFPST)_/;
const REPLY = /^\s*(?:NXST|OFPST)_(?:FLOW|AGGREGATE)\b/;

/** Flows as `ovs-ofctl dump-flows` prints them in any version, and `ovs-appctl bridge/dump-flows`. */
export const ovsOfctlDumpFlows: CaptureKind = {
  kinds: ['ovs-ofctl-dump-flows', 'ovs-appctl-bridge-dump-flows'],
  recognise(argv) {
    const words = argv
      .slice(1)
      .filter(
        (word, n, all) => !word.startsWith('-') && !(n > 0 && /^(?:-O|--protocols|-t|-T|--timeout)$/.test(all[n - 1] ?? '')),
      );
    if (argv[0] === 'ovs-ofctl' && (words[0] === 'dump-flows' || words[0] === 'dump-aggregate')) {
      const bridge = words[1]?.replace(/^.*\/([^/]+)\.mgmt$/, '$1');
      const filter = words.slice(2).join(' ');
      return {
        kind: 'ovs-ofctl-dump-flows',
        ...(bridge === undefined ? {} : { target: bridge }),
        // dump-flows BRIDGE MATCH shows only some flows.
        ...(filter === '' ? {} : { options: { filter } }),
      };
    }
    if (argv[0] === 'ovs-appctl' && words[0] === 'bridge/dump-flows') {
      return { kind: 'ovs-appctl-bridge-dump-flows', ...(words[1] === undefined ? {} : { target: words[1] }) };
    }
    return undefined;
  },
  sniff(text, following) {
    if (REPLY.test(text) && !/AGGREGATE/.test(text)) return { kind: 'ovs-ofctl-dump-flows' };
    if (!START.test(text) || !(FLOW.test(text) || isWrapped(text, following))) return undefined;
    const hidden = /^\s*(?:table_id=\d+, )?duration=/.test(text);
    return { kind: hidden ? 'ovs-appctl-bridge-dump-flows' : 'ovs-ofctl-dump-flows' };
  },
  accepts(text) {
    return FLOW.test(text) || REPLY.test(text) || START.test(text);
  },
  continues(previous, text) {
    // A flow that a terminal or a hand wrapped: it has begun, and has no actions yet, or ends in the middle of something.
    if (startsAnew(previous, text) || /^\s*[•*#-]/.test(text)) return false;
    if (!START.test(previous))
      return /,$/.test(previous) ? REST.test(text) : MIDDLE.test(previous) && /^\s*actions=\S/.test(text);
    const open = previous.split('(').length > previous.split(')').length;
    return !FLOW.test(previous) || open || /[,:]$/.test(previous);
  },
  takesFlows: true,
  parse: (input: ParseInput): Parsed => drained(parseInSteps(input)),
  parseInSteps,
};

/** Whether a flow with counters has its actions on one of the next lines. */
function isWrapped(text: string, following: (n: number) => string | undefined): boolean {
  if (!/cookie=0x[\da-f]+,? .*n_packets=\d/.test(text)) return false;
  for (let n = 0; n < 4; n++) {
    const next = following(n);
    if (next === undefined || next.trim() === '' || START.test(next)) return false;
    if (FLOW.test(next)) return true;
  }
  return false;
}

/** Pieces of a flow without a blank between them but after commas: what a hand put on a line of its own. */
const REST = /^\s*[^\s,]+(?:,\s?[^\s,]+)*,?(?:\s+actions=\S+)?$/;
const MIDDLE = /^\s*(?:[\w-]+=[^\s,]+(?:,\s?|$))+$/;

/** Whether a line starts a flow of its own; `in_port=…` and `priority=…` only where the one above is not in need of them. */
function startsAnew(above: string, text: string): boolean {
  if (!START.test(text)) return false;
  return (
    !/^\s*(?:priority|in_port)=/.test(text) ||
    !/,$/.test(above) ||
    FLOW.test(above) ||
    !/(?:^|[\s,])(?:cookie|n_bytes|n_packets)=/.test(above)
  );
}

/** So many lines are read for themselves between two pauses; what is wrong in a line takes the grammar milliseconds to tell. */
const STEP = 20;

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  const out = collect();
  const flows: FlowOnLines[] = [];
  const loose: LooseFlow[] = [];
  for (let n = 0; n < input.lines.length; n++) {
    if (n % STEP === STEP - 1) yield;
    const line = input.lines[n];
    if (!line || line.text.trim() === '') continue;
    if (REPLY.test(line.text)) {
      if (PLAIN_REPLY.test(line.text) || grammars.Flow.match(line.text, 'replyHeader').succeeded())
        record(out, line, line, 'header');
      continue;
    }
    if (/^\s*#/.test(line.text)) {
      record(out, line, line, 'note');
      continue;
    }
    const lines: Line[] = [line];
    for (let next = input.lines[n + 1]; next && isRest(input, lines, next); next = input.lines[n + 1]) {
      lines.push(next);
      n++;
    }
    const read = readFlowOn(lines);
    if (read.errors.length > 0) yield;
    for (const error of read.errors) out.errors.push(shared(error));
    const usable = 'flow' in read ? read : read.broken;
    if (!usable) continue;
    if (input.known) loose.push(looseFlow(lines, usable, loose.length, input.known.lines));
    else flows.push({ lines, read: usable });
  }
  if (input.known) yield* errorsOfSegments(input.known, out.errors);
  return { ...out, flows: input.known ? yield* storeOfColumns({ ...input.known, loose }) : storeOf(flows) };
}

/** What is wrong with the flows that were read with their segments. */
function* errorsOfSegments(
  { text, firstLine, lastLine }: NonNullable<ParseInput['known']>,
  into: CaptureError[],
): Generator<void, void> {
  const from = text.lines.startOf(firstLine) ?? 0;
  const to = text.lines.startOf(lastLine + 1) ?? text.length;
  for (let n = Math.max(0, segmentOfLine(text, firstLine)); n < text.segments.length; n++) {
    const start = text.offsets[n] ?? 0;
    if (start >= to) return;
    const errors = text.segments[n]?.odd.errors ?? [];
    for (const error of errors) {
      const own = error.span.start + start;
      if (own >= from && own < to) into.push(moved(error, start));
    }
    if (errors.length > 0) yield;
  }
}

/**
 * Whether a line is a flow of its own, which needs nothing of the lines before it or behind it: what the splitter and `parse` would
 * take for one record, whatever the flow's values are.
 */
export function isWholeFlow(text: string): boolean {
  return startsFlow(text) && FLOW.test(text) && text.split('(').length === text.split(')').length && !/[,:\\]$/.test(text);
}

/** Whether a line starts a flow, whatever stands above it. */
export function startsFlow(text: string): boolean {
  // Some may be the rest of a flow that a hand broke on the line above.
  return START.test(text) && !REPLY.test(text) && !/^\s*(?:[#*]|in_port=|priority=)/.test(text);
}

/** Whether flows that were read already stand between two lines. */
function knownBetween({ known }: ParseInput, first: number, last: number): boolean {
  for (let line = first + 1; known && line < last; line++) if (flowOn(known.text, line) !== undefined) return true;
  return false;
}

function isRest(input: ParseInput, lines: readonly Line[], next: Line): boolean {
  if (knownBetween(input, lines.at(-1)?.number ?? next.number, next.number)) return false;
  const previous = lines.map((line) => line.text).join('');
  return next.text.trim() !== '' && (ovsOfctlDumpFlows.continues?.(previous, next.text) ?? false);
}

import fs from 'node:fs';
import { ofprotoTrace, type OfprotoAnswer, type OfprotoQuestion } from '../features/ofproto-trace';
import type { World } from '../features/world';
import { formatDpActions } from '../datapath/format';
import { formatFlow } from '../openflow/format-match';
import type { TraceNode } from '../ofproto/trace-node';
import { createService } from '../service';
import { readPaths } from './files';

/** Where answers and complaints go. */
export interface TraceConsole {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** `packet-walk ofproto-trace`: prints what the real command would; 0, or 2 where the question can't be answered. */
export function ofprotoTraceCommand(world: World, question: OfprotoQuestion, json: boolean, io: TraceConsole): number {
  const result = ofprotoTrace(world, question);
  if (result.kind === 'error') {
    io.err(`${result.message}\n`);
    if (json) io.out(`${JSON.stringify({ error: result.message }, null, 1)}\n`);
    return 2;
  }
  for (const note of result.answer.notes) io.err(`packet-walk: ${note}.\n`);
  io.out(json ? `${JSON.stringify(treeOf(result), null, 1)}\n` : ended(result.answer.text));
  return 0;
}

const ended = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);

function treeOf({ host, bridge, answer }: Extract<OfprotoAnswer, { kind: 'answer' }>) {
  const node = ({ kind, text, nodes, ...more }: TraceNode): Record<string, unknown> => ({
    kind,
    text,
    ...('bridge' in more ? { bridge: more.bridge } : {}),
    ...('table' in more
      ? {
          table: more.table,
          priority: more.rule?.priority ?? null,
          cookie: more.rule === undefined ? null : `0x${more.rule.cookie.toString(16)}`,
        }
      : {}),
    nodes: nodes.map(node),
  });
  return {
    host,
    bridge,
    text: ended(answer.text),
    parts: answer.parts.map(({ recirc, translation }) => ({
      recirc: recirc ?? null,
      flow: formatFlow(translation.initialFlow),
      nodes: translation.nodes.map(node),
      finalFlow: formatFlow(translation.finalFlow),
      datapathActions: formatDpActions(translation.actions),
      error: translation.error ?? null,
    })),
    notes: answer.notes,
  };
}

/** One line of `--batch`. Unknown members are left alone. */
interface BatchLine {
  readonly paths: readonly string[];
  readonly question: OfprotoQuestion;
}

function readLine(text: string): BatchLine | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `this line is not JSON (${error instanceof Error ? error.message : String(error)})`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'a line must be an object such as {"paths":["…"],"bridge":"br0","flow":"…"}';
  const given = value as Readonly<Record<string, unknown>>;
  const { paths, flow } = given;
  if (!Array.isArray(paths) || paths.some((path) => typeof path !== 'string') || paths.length === 0)
    return '"paths" must be a list of files and folders';
  if (typeof flow !== 'string') return '"flow" must be a text';
  const optional = (name: string): string | null => {
    const found = given[name];
    return typeof found === 'string' ? found : null;
  };
  const ctNext = given['ctNext'];
  return {
    paths: paths as string[],
    question: {
      bridge: optional('bridge'),
      flow,
      packet: optional('packet'),
      ctNext: Array.isArray(ctNext) ? ctNext.map(String) : [],
      names: given['names'] === true,
      generate: given['generate'] === true,
      l7: optional('l7'),
      l7Length: typeof given['l7Length'] === 'number' ? String(given['l7Length']) : optional('l7Length'),
      host: optional('host'),
    },
  };
}

/** `--batch FILE`: a question a line, an answer a line, in the same order. Captures that neighbours share are read once. */
export function ofprotoTraceBatch(file: string, io: TraceConsole): number {
  let text: string;
  try {
    text = fs.readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    io.err(`packet-walk: ${file} cannot be read (${error instanceof Error ? error.message : String(error)}).\n`);
    return 2;
  }
  let key: string | undefined;
  let world: World | string = 'nothing was read';
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const read = readLine(line);
    let answer: { readonly text: string; readonly notes?: readonly string[] } | { readonly error: string };
    if (typeof read === 'string') answer = { error: read };
    else {
      const own = JSON.stringify(read.paths);
      if (own !== key) {
        key = own;
        world = readWorld(read.paths, io);
      }
      answer = typeof world === 'string' ? { error: world } : answerOf(world, read.question);
    }
    io.out(`${JSON.stringify(answer)}\n`);
  }
  return 0;
}

function readWorld(paths: readonly string[], io: TraceConsole): World | string {
  const service = createService();
  const { files, troubles } = readPaths(service, paths);
  for (const trouble of troubles) io.err(`packet-walk: ${trouble.path} ${trouble.message}.\n`);
  return files.length === 0 ? `no readable file in ${paths.join(', ')}` : service.world();
}

function answerOf(world: World, question: OfprotoQuestion) {
  try {
    const result = ofprotoTrace(world, question);
    if (result.kind === 'error') return { error: result.message };
    const { text, notes } = result.answer;
    return notes.length > 0 ? { text: ended(text), notes } : { text: ended(text) };
  } catch (error) {
    // A defect costs one answer, not the batch.
    return { error: `packet-walk failed inside: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` };
  }
}

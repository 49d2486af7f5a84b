import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import { linkNetwork } from '../../server/src/link/network';
import type { Network } from '../../server/src/model/network';
import { get, vlanOf } from '../../server/src/packet/flow-key';
import { addresses, type Step } from '../../server/src/walk/step';
import { walk, type WalkAnswer, type WalkQuestion } from '../../server/src/walk/walk';

/** Files by their path, in order. */
export type Files = ReadonlyMap<string, string>;

/** Cuts a fixture at its `=== path` lines; a text without any is one file named `name`. */
export function filesOf(text: string, name = 'notes.txt'): Map<string, string> {
  const files = new Map<string, string>();
  const parts = text.split(/^=== (\S.*)\n/m);
  const [before = ''] = parts;
  if (before.trim() !== '') files.set(name, before);
  for (let n = 1; n < parts.length; n += 2) files.set(parts[n]?.trim() ?? name, parts[n + 1] ?? '');
  return files;
}

/** The project's folder: tests run bundled, from `dist`. */
export const root = ((): string => {
  for (let at = process.cwd(); ; at = path.dirname(at)) {
    if (fs.existsSync(path.join(at, 'grammars')) && fs.existsSync(path.join(at, 'test/fixtures'))) return at;
    if (at === path.dirname(at)) return process.cwd();
  }
})();

export function fixture(name: string): string {
  return fs.readFileSync(path.join(root, 'test/fixtures', name), 'utf8');
}

/** All files below a folder, named from it. */
export function folder(at: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (inner: string): void => {
    for (const entry of fs
      .readdirSync(path.join(at, inner), { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory()) visit(name);
      else files.set(name, fs.readFileSync(path.join(at, name), 'utf8'));
    }
  };
  visit('');
  return files;
}

export function documentsOf(files: Files): CaptureDocument[] {
  return [...files].map(([name, text]) => readDocument(`file:///${name}`, name, text));
}

export function networkOf(files: Files | string): Network {
  return linkNetwork(documentsOf(typeof files === 'string' ? filesOf(files) : files));
}

/** `c-private > 8.8.8.8 tcp 80 reply` as a question. */
export function question(text: string): WalkQuestion {
  const [from = '', , to = '', ...rest] = text.split(' ');
  const proto = rest.find((word) => /^(?:tcp|udp|icmp|arp)$/.test(word));
  const port = rest.find((word) => /^\d+$/.test(word));
  return {
    from,
    to,
    ...(proto === undefined ? {} : { proto: proto as 'tcp' | 'udp' | 'icmp' | 'arp' }),
    ...(port === undefined ? {} : { dport: Number(port) }),
    ...(rest.includes('reply') ? { reply: true } : {}),
  };
}

export interface Walked {
  readonly request: WalkAnswer;
  readonly reply: WalkAnswer | undefined;
}

/** Walks, and fails where the question has no place to start or go. */
export function trace(network: Network, text: string): Walked {
  const result = walk(network, question(text));
  if (result.kind === 'error') assert.fail(result.message);
  return result;
}

const marks = { captured: '', inferred: '~', assumed: '?' } as const;

/** One step in a line: what people compare. */
export function line(step: Step): string {
  const where = `${step.host ?? '-'}${step.namespace === null ? '' : `/${step.namespace.slice(0, 12)}`}`;
  const table = step.table === undefined ? '' : ` t${step.table}${step.priority === undefined ? '' : `/${step.priority}`}`;
  const vlan = vlanOf(step.packet);
  const tunnel = get(step.packet, 'tun_id');
  const tags = `${vlan === undefined ? '' : ` vlan=${vlan}`}${tunnel === 0n ? '' : ` vni=${tunnel}`}`;
  const moved = step.chain !== undefined || step.stage === 'instance' ? ` ${addresses(step.packet)}` : '';
  const chain =
    step.chain === undefined ? '' : ` ${step.chain}${step.rule === undefined || step.rule === null ? '' : `#${step.rule}`}`;
  const effect = step.effect === undefined ? '' : ` [${step.effect}]`;
  return `${marks[step.certainty]}${where} ${step.stage} ${step.device}${step.port === null ? '' : `:${step.port}`}${table}${chain}${tags}${moved}${effect}`;
}

/** A whole walk as text. */
export function outline(answer: WalkAnswer): string {
  const { ending, certainty, steps, gaps } = answer;
  return [
    `${ending.disposition} (${certainty}) at ${ending.at.host ?? '-'} ${ending.at.device}${ending.at.port === null ? '' : `:${ending.at.port}`}`,
    ...steps.map((step) => `  ${line(step)}`),
    ...gaps.map((gap) => `  needs ${gap.command}${gap.host === null ? '' : ` @ ${gap.host}`}`),
  ].join('\n');
}

/** Compares with a recorded text; `UPDATE_WALKS=1` records anew. */
export function recorded(name: string, actual: string): void {
  const at = path.join(root, 'test/fixtures/walks', name);
  if (process.env['UPDATE_WALKS'] === '1') fs.writeFileSync(at, `${actual}\n`);
  assert.equal(actual, fs.existsSync(at) ? fs.readFileSync(at, 'utf8').trimEnd() : `(not recorded: ${name})`);
}

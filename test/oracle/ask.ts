import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Answer, Case } from './folder';

/** A question as `packet-walk ofproto-trace --batch` reads it. */
export function batchLine({ folder, question }: Case): string {
  const { bridge, flow, packet, ctNext, names, generate } = question;
  return JSON.stringify({
    paths: [folder],
    bridge,
    flow,
    packet: packet ?? null,
    ctNext: ctNext ?? [],
    names: names ?? false,
    ...(generate === true ? { generate } : {}),
    host: null,
  });
}

/** An answer as it stands in a line of the batch's output. */
export function answerOf(line: string | undefined): Answer {
  if (line === undefined) return { kind: 'error', text: '(no answer)' };
  try {
    const { text, error } = JSON.parse(line) as { text?: string; error?: string };
    return text === undefined ? { kind: 'error', text: error ?? '(an answer without text)' } : { kind: 'text', text };
  } catch {
    return { kind: 'error', text: `(not JSON: ${line.slice(0, 200)})` };
  }
}

/** Asks our command line all of them with one start. */
export async function askOurs(cli: string, cases: readonly Case[]): Promise<{ answers: Answer[]; milliseconds: number }> {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-batch-')), 'batch.jsonl');
  fs.writeFileSync(file, cases.map((one) => `${batchLine(one)}\n`).join(''));
  const start = performance.now();
  const text = await new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'ofproto-trace', '--batch', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', () => resolve(out));
  });
  fs.rmSync(path.dirname(file), { recursive: true, force: true });
  const lines = text.split('\n').filter((line) => line !== '');
  return { answers: cases.map((_, n) => answerOf(lines[n])), milliseconds: performance.now() - start };
}

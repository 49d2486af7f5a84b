/** Copies the commands whose outputs would make a trace certain. */
import * as vscode from 'vscode';
import type { TraceGap } from '../../server/src/protocol';
import type { TraceStore } from './traceStore';

/** Copies one: that of a node of the tree, or one that is asked for. */
export async function copyGap(store: TraceStore, node: unknown): Promise<void> {
  const gap = gapOfNode(node) ?? (await pick(allGaps(store)));
  if (gap !== undefined) await vscode.env.clipboard.writeText(gap.command);
}

/** Copies all, host by host, ready to be pasted into terminals. */
export async function copyAllGaps(store: TraceStore): Promise<void> {
  await vscode.env.clipboard.writeText(gapsText(allGaps(store)));
}

function allGaps(store: TraceStore): readonly TraceGap[] {
  const trace = store.current?.trace;
  return trace === undefined ? [] : [...trace.request.gaps, ...(trace.reply?.gaps ?? [])];
}

/** One command a line, each once, under its host's name. */
export function gapsText(gaps: readonly TraceGap[]): string {
  const byHost = new Map<string, Set<string>>();
  for (const gap of gaps) {
    const host = gap.host ?? vscode.l10n.t('(unknown host)');
    byHost.set(host, (byHost.get(host) ?? new Set()).add(gap.command));
  }
  return [...byHost].map(([host, commands]) => `# ${host}\n${[...commands].join('\n')}\n`).join('\n');
}

function gapOfNode(node: unknown): TraceGap | undefined {
  return isGapNode(node) ? node.gap : undefined;
}

function isGapNode(node: unknown): node is { readonly kind: 'gap'; readonly gap: TraceGap } {
  return typeof node === 'object' && node !== null && 'kind' in node && node.kind === 'gap' && 'gap' in node;
}

async function pick(gaps: readonly TraceGap[]): Promise<TraceGap | undefined> {
  if (gaps.length <= 1) return gaps[0];
  const items = gaps.map((gap) => ({ label: gap.command, description: gap.host ?? undefined, detail: gap.why, gap }));
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Copy which command?') }))?.gap;
}

/** A trace as a Markdown text, to be kept or sent to someone. */
import * as vscode from 'vscode';
import type { TraceStep, Walk } from '../../server/src/protocol';
import { gapsText } from './gapCommands';
import { changesText } from './packetText';
import type { NumberedStep, NumberedTrace } from './steps';
import type { TraceStore } from './traceStore';
import { certaintyLabel } from './walkItems';
import { dispositionLabel } from './walkTree';

/** Not an untitled document: what it quotes would be read as captures itself. */
export const TRACE_SCHEME = 'packet-walk-trace';

/** Serves the trace on show as a read-only document. */
export function provideTraceDocument(context: vscode.ExtensionContext, store: TraceStore): void {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const shown = vscode.Uri.from({ scheme: TRACE_SCHEME, path: '/trace.md' });
  context.subscriptions.push(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(TRACE_SCHEME, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => (store.current === undefined ? '' : traceMarkdown(store.current)),
    }),
    store.onDidChange(() => changed.fire(shown)),
    vscode.commands.registerCommand('packetWalk.exportTrace', async () => {
      const document = await vscode.workspace.openTextDocument(shown);
      await vscode.window.showTextDocument(await vscode.languages.setTextDocumentLanguage(document, 'markdown'));
    }),
  );
}

/** The walk, step by step, with what each rests on. */
export function traceMarkdown({ trace, request, reply }: NumberedTrace): string {
  const { from, to, proto, dport, length, dontFragment } = trace.params;
  const size = length === undefined ? undefined : `${length} bytes${dontFragment === true ? ', DF' : ''}`;
  const kind = [proto?.toUpperCase(), dport, size].filter((part) => part !== undefined).join(' ');
  return [
    `# ${from} → ${to}${kind === '' ? '' : ` (${kind})`}`,
    ...walkMarkdown(vscode.l10n.t('Request'), trace.request, request),
    ...(trace.reply === null ? [] : walkMarkdown(vscode.l10n.t('Reply'), trace.reply, reply)),
    '',
  ].join('\n');
}

function walkMarkdown(title: string, walk: Walk, steps: readonly NumberedStep[]): readonly string[] {
  const { summary, certainty } = walk.outcome;
  return [
    '',
    `## ${title}: ${dispositionLabel(walk)} (${certaintyLabel(certainty)})`,
    '',
    summary,
    '',
    ...(walk.mtu === null ? [] : [walk.mtu.summary, '']),
    ...steps.flatMap((step) => stepMarkdown(step, '')),
    ...(walk.gaps.length === 0
      ? []
      : ['', vscode.l10n.t('To be certain, capture:'), '', '```sh', gapsText(walk.gaps).trimEnd(), '```']),
  ];
}

function stepMarkdown({ number, step, before, children }: NumberedStep, indent: string): readonly string[] {
  const changes = changesText(before, step.packet);
  const remarks = [
    step.certainty === 'captured' ? '' : certaintyLabel(step.certainty) + (step.reason === undefined ? '' : `: ${step.reason}`),
    changes,
  ].filter((remark) => remark !== '');
  return [
    `${indent}${number}. **${place(step)}** ${step.summary}${remarks.length === 0 ? '' : ` — ${remarks.join('; ')}`}`,
    ...step.evidence.map(
      (evidence) =>
        `${indent}   - ${vscode.workspace.asRelativePath(vscode.Uri.parse(evidence.uri))}:${evidence.range.start.line + 1} \`${evidence.text}\``,
    ),
    ...children.flatMap((child) => stepMarkdown(child, `${indent}   `)),
  ];
}

function place(step: TraceStep): string {
  return [step.host, step.namespace, step.device].filter((part) => part !== null && part !== '').join(' · ');
}

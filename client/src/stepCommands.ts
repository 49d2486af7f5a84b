/** Going through the steps of the trace on show. */
import * as vscode from 'vscode';
import { circled } from './packetText';
import { editorRange } from './range';
import type { NumberedStep } from './steps';
import type { TraceStore } from './traceStore';
import { certaintyLabel } from './walkItems';
import type { WalkView } from './walkView';

export interface StepCommands {
  /** Opens a step's evidence: a number and an index from a link, a node from the tree, nothing from the palette. */
  open(which: unknown, evidence: unknown): Promise<void>;
  /** Opens the evidence of the next or previous step that has any. */
  move(by: 1 | -1): Promise<void>;
}

export function createStepCommands(store: TraceStore, walkView: WalkView): StepCommands {
  const show = async (step: NumberedStep, index: number): Promise<void> => {
    store.position = step.number;
    const evidence = step.step.evidence[index] ?? step.step.evidence[0];
    if (evidence === undefined) return;
    await vscode.commands.executeCommand('vscode.open', vscode.Uri.parse(evidence.uri), {
      // Its start only: the editor would scroll to the far end of a long flow.
      selection: editorRange({ start: evidence.range.start, end: evidence.range.start }),
      preserveFocus: false,
    });
  };
  return {
    open: async (which, evidence) => {
      const step = typeof which === 'number' ? store.step(which) : (stepOfNode(which) ?? (await pick(store.current?.all ?? [])));
      if (step !== undefined) await show(step, typeof evidence === 'number' ? evidence : 0);
    },
    move: async (by) => {
      const all = store.current?.all ?? [];
      for (let number = store.position + by; number >= 1 && number <= all.length; number += by) {
        const step = store.step(number);
        if (step === undefined || step.step.evidence.length === 0) continue;
        await show(step, 0);
        if (walkView.view.visible) await walkView.revealStep(number);
        return;
      }
    },
  };
}

function stepOfNode(node: unknown): NumberedStep | undefined {
  return isStepNode(node) ? node.step : undefined;
}

function isStepNode(node: unknown): node is { readonly kind: 'step'; readonly step: NumberedStep } {
  return typeof node === 'object' && node !== null && 'kind' in node && node.kind === 'step' && 'step' in node;
}

async function pick(steps: readonly NumberedStep[]): Promise<NumberedStep | undefined> {
  const items = steps.map((step) => ({
    label: `${circled(step.number)} ${step.step.summary}`,
    description: [step.step.host, step.step.device].filter((part) => part !== null).join(' · '),
    detail: step.step.certainty === 'captured' ? undefined : certaintyLabel(step.step.certainty),
    step,
  }));
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t('Open which step?'),
    matchOnDescription: true,
  });
  return chosen?.step;
}

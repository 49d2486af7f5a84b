/** Opens a place that the server names: for code actions, whose commands carry plain data only. */
import * as vscode from 'vscode';
import { editorRange } from './range';

export async function openPlace(uri: unknown, range: unknown): Promise<void> {
  if (typeof uri !== 'string' || !isRange(range)) return;
  await vscode.commands.executeCommand('vscode.open', vscode.Uri.parse(uri), {
    // Its start only: the editor would scroll to the far end of a long flow.
    selection: editorRange({ start: range.start, end: range.start }),
  });
}

type Range = Parameters<typeof editorRange>[0];

function isRange(value: unknown): value is Range {
  return typeof value === 'object' && value !== null && 'start' in value && 'end' in value;
}

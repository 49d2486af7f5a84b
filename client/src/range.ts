/** Ranges of the protocol as the editor's. */
import * as vscode from 'vscode';
import type { ProtocolRange } from '../../server/src/protocol';

export function editorRange(range: ProtocolRange): vscode.Range {
  return new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character);
}

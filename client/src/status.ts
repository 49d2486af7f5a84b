/** What the server is doing, beside the language's name in the status bar. */
import * as vscode from 'vscode';
import type { Inventory } from './inventory';
import { LANGUAGE } from './language';
import type { Server } from './server';
import type { WorkspaceFiles } from './workspaceFiles';

/** Shown for documents whose language is the capture one. */
export function createStatus(
  context: vscode.ExtensionContext,
  server: Server,
  inventory: Inventory,
  files: WorkspaceFiles,
): void {
  const item = vscode.languages.createLanguageStatusItem('packetWalk.status', { language: LANGUAGE });
  item.name = 'Packet Walk';
  item.command = { command: 'packetWalk.showOutput', title: vscode.l10n.t('Show Output') };
  const refresh = (): void => {
    const { state } = server;
    item.busy = state.kind === 'starting';
    item.severity = vscode.LanguageStatusSeverity.Information;
    switch (state.kind) {
      case 'off':
      case 'starting':
        item.text = vscode.l10n.t('Reading captures');
        item.detail = undefined;
        break;
      case 'failed':
        item.severity = vscode.LanguageStatusSeverity.Error;
        item.text = vscode.l10n.t('Packet Walk stopped');
        item.detail = state.message;
        break;
      case 'running': {
        const { captures, hosts } = inventory.current;
        item.text = vscode.l10n.t('{0} captures of {1} hosts', captures.length, hosts.length);
        item.detail = limits(files);
        if (item.detail !== undefined) item.severity = vscode.LanguageStatusSeverity.Warning;
        break;
      }
    }
  };
  context.subscriptions.push(item, server.onDidChangeState(refresh), inventory.onDidChange(refresh));
  refresh();
}

function limits({ leftOut }: WorkspaceFiles): string | undefined {
  const parts = [
    leftOut.many ? vscode.l10n.t('too many files, some are not read') : '',
    leftOut.large > 0 ? vscode.l10n.t('{0} files over 50 MB are not read', leftOut.large) : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join('; ');
}

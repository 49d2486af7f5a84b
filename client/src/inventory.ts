/** What the server has recognised, kept for the views, the status and the menus. */
import * as vscode from 'vscode';
import type { InventoryResult } from '../../server/src/protocol';
import { LANGUAGE } from './language';
import type { Server } from './server';

/** Changes come in bursts while someone types. */
const SETTLE = 150;
const nothing: InventoryResult = { captures: [], hosts: [] };

export interface Inventory {
  readonly current: InventoryResult;
  readonly onDidChange: vscode.Event<InventoryResult>;
  /** Asks the server now. */
  refresh(): Promise<InventoryResult>;
}

/** Asks again whenever captures were read anew. */
export function createInventory(context: vscode.ExtensionContext, server: Server, output: vscode.LogOutputChannel): Inventory {
  const changed = new vscode.EventEmitter<InventoryResult>();
  let current = nothing;
  let timer: NodeJS.Timeout | undefined;

  const setContexts = (): void => {
    const active = vscode.window.activeTextEditor?.document;
    const uri = active?.uri.toString();
    const here =
      active !== undefined && (active.languageId === LANGUAGE || current.captures.some((capture) => capture.uri === uri));
    void vscode.commands.executeCommand('setContext', 'packetWalk.hasCaptures', here);
    void vscode.commands.executeCommand('setContext', 'packetWalk.anyCaptures', current.captures.length > 0);
  };
  const refresh = async (): Promise<InventoryResult> => {
    current = await server.inventory();
    setContexts();
    changed.fire(current);
    return current;
  };
  const refreshSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void refresh().catch((error: unknown) => output.error(String(error))), SETTLE);
  };

  context.subscriptions.push(
    changed,
    server.onDidReadCaptures(refreshSoon),
    server.onDidChangeState((state) => {
      if (state.kind === 'running') refreshSoon();
    }),
    vscode.window.onDidChangeActiveTextEditor(setContexts),
    { dispose: () => clearTimeout(timer) },
  );
  setContexts();
  return {
    get current() {
      return current;
    },
    onDidChange: changed.event,
    refresh,
  };
}

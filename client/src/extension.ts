/** Wires the parts to each other and to the editor. */
import * as vscode from 'vscode';
import type { PacketWalkApi, TreeLine } from './api';
import { createCapturesView } from './capturesView';
import { createDecorations } from './decorations';
import { provideTraceDocument } from './exportTrace';
import { copyAllGaps, copyGap } from './gapCommands';
import { createInventory } from './inventory';
import { LANGUAGE, watchLanguages } from './language';
import { createServer, type Server } from './server';
import { createStatus } from './status';
import { createStepCommands } from './stepCommands';
import { createTracer } from './traceCommand';
import { openPlace } from './openPlace';
import { createTraceStore } from './traceStore';
import { walkItem } from './walkItems';
import type { WalkNode } from './walkTree';
import { createWalkView } from './walkView';
import { createWorkspaceFiles } from './workspaceFiles';

let server: Server | undefined;

/** Called by the editor after its start: costs a look at the open documents, and nothing more before a capture is there. */
export function activate(context: vscode.ExtensionContext): PacketWalkApi {
  const output = vscode.window.createOutputChannel('Packet Walk', { log: true });
  const current = createServer(context, output);
  server = current;
  const files = createWorkspaceFiles(context, output, (params) => current.tellFiles(params));
  const inventory = createInventory(context, current, output);
  const store = createTraceStore();
  const walkView = createWalkView(context, store);
  const decorations = createDecorations(context, store);

  /** Something needs captures: start the server and look into the workspace. */
  const use = async (): Promise<void> => {
    await current.start();
    await files.use();
  };
  const useQuietly = (): void => void use().catch((error: unknown) => output.error(String(error)));
  const tracer = createTracer(current, store, walkView, use);
  const steps = createStepCommands(store, walkView);
  createCapturesView(context, inventory, useQuietly);
  provideTraceDocument(context, store);
  createStatus(context, current, inventory, files);

  const command = (name: string, run: (...args: readonly unknown[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`packetWalk.${name}`, async (...args: readonly unknown[]) => {
      try {
        await run(...args);
      } catch (error) {
        output.error(String(error));
        void vscode.window.showErrorMessage(
          vscode.l10n.t('Packet Walk: {0}', error instanceof Error ? error.message : String(error)),
        );
      }
    });
  context.subscriptions.push(
    output,
    store,
    command('trace', (argument) => tracer.command(argument)),
    command('traceReply', () => store.current && tracer.command({ ...store.current.trace.params, reply: true })),
    command('clear', () => store.clear()),
    command('openStep', (which, evidence) => steps.open(which, evidence)),
    command('openPlace', (uri, range) => openPlace(uri, range)),
    store.onDidChange((trace) => void current.tellShown({ shown: trace !== undefined })),
    command('nextStep', () => steps.move(1)),
    command('previousStep', () => steps.move(-1)),
    command('copyGap', (node) => copyGap(store, node)),
    command('copyAllGaps', () => copyAllGaps(store)),
    command('readAsCapture', () => {
      const document = vscode.window.activeTextEditor?.document;
      return document && vscode.languages.setTextDocumentLanguage(document, LANGUAGE);
    }),
    command('showOutput', () => output.show()),
    inventory.onDidChange(() => void tracer.again().catch((error: unknown) => output.error(String(error)))),
    vscode.workspace.onDidOpenTextDocument((document) => {
      if (document.languageId === LANGUAGE) useQuietly();
    }),
    walkView.view.onDidChangeVisibility((event) => {
      if (event.visible) useQuietly();
    }),
  );
  if (showsCapture() || vscode.workspace.textDocuments.some((document) => document.languageId === LANGUAGE)) useQuietly();
  watchLanguages(context, useQuietly);

  return {
    trace: (params) => tracer.run(params),
    currentTrace: () => store.current?.trace,
    walkTree: () => walkView.roots().map(treeLine),
    decorations: () =>
      decorations.marks().map((mark) => ({
        uri: mark.uri,
        line: mark.line,
        number: mark.steps[0]?.number ?? 0,
        numbers: mark.steps.map((step) => step.number),
        text: mark.text,
        certainty: mark.certainty,
        dropped: mark.look === 'dropped',
      })),
    clear: () => store.clear(),
    inventory: async () => {
      await use();
      return inventory.refresh();
    },
  };
}

/** Called by the editor before it ends. */
export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** Whether a file is shown that its name calls a capture: the document of a large one comes seconds later, and the server is ready then. */
function showsCapture(): boolean {
  return vscode.window.tabGroups.all.some(({ activeTab }) => {
    const input: unknown = activeTab?.input;
    return input instanceof vscode.TabInputText && /\.(?:pktwalk|capture\.txt)$/.test(input.uri.path);
  });
}

function treeLine(node: WalkNode): TreeLine {
  const item = walkItem(node);
  return {
    kind: node.kind,
    label: typeof item.label === 'string' ? item.label : (item.label?.label ?? ''),
    description: typeof item.description === 'string' ? item.description : '',
    children: node.children.map(treeLine),
  };
}

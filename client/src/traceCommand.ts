/** The command that traces a packet: with pickers for people, with arguments for code lenses and tests. */
import * as vscode from 'vscode';
import type { EndpointsParams, TraceParams, TraceResult } from '../../server/src/protocol';
import { askTrace } from './askTrace';
import type { Server } from './server';
import type { TraceStore } from './traceStore';
import type { WalkView } from './walkView';

export interface Tracer {
  /** The command: asks for what the arguments leave open. */
  command(argument: unknown): Promise<void>;
  /** Traces and shows the result, whatever it is. */
  run(params: TraceParams): Promise<TraceResult>;
  /** Asks the question of the trace on show again, for captures that have changed; says nothing. */
  again(): Promise<void>;
}

/** `prepare` makes sure that the server has seen the documents that the question is about. */
export function createTracer(server: Server, store: TraceStore, walkView: WalkView, prepare: () => Promise<void>): Tracer {
  const run = async (params: TraceParams): Promise<TraceResult> => {
    await prepare();
    const result = await vscode.window.withProgress(
      { location: { viewId: 'packetWalk.walk' }, title: vscode.l10n.t('Tracing the packet') },
      () => server.trace(params),
    );
    if (result.kind === 'trace') {
      store.show(result);
      await walkView.revealOutcome();
    }
    return result;
  };
  return {
    run,
    command: async (argument) => {
      const given = paramsOf(argument);
      const params = complete(given) ? given : await question(server, given, prepare);
      if (params === undefined) return;
      const result = await run(params);
      if (result.kind === 'error') void vscode.window.showErrorMessage(result.message);
    },
    again: async () => {
      const shown = store.current;
      if (shown === undefined) return;
      const result = await server.trace(shown.trace.params);
      // Someone may have cleared it, or asked for another, in the meantime.
      if (store.current !== shown || JSON.stringify(result) === JSON.stringify(shown.trace)) return;
      if (result.kind === 'trace') store.show(result);
      else store.clear();
    },
  };
}

async function question(
  server: Server,
  given: Partial<TraceParams>,
  prepare: () => Promise<void>,
): Promise<TraceParams | undefined> {
  await prepare();
  const endpoints = await server.endpoints(cursor());
  if (endpoints.starts.length === 0 && given.from === undefined) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t('There is nothing to start from yet: open a capture that shows an instance, a port or an address.'),
    );
    return undefined;
  }
  return askTrace(endpoints, given);
}

function cursor(): EndpointsParams {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return {};
  const { line, character } = editor.selection.active;
  return { uri: editor.document.uri.toString(), position: { line, character } };
}

/** Whether nothing is left to ask: someone who gives both ends has said what they want. */
function complete(given: Partial<TraceParams>): given is TraceParams {
  return given.from !== undefined && given.to !== undefined;
}

/** What arguments say; menus pass a URI or a tree node, of which nothing is taken. */
function paramsOf(argument: unknown): Partial<TraceParams> {
  if (typeof argument !== 'object' || argument === null || argument instanceof vscode.Uri) return {};
  const value: Readonly<Record<string, unknown>> = { ...argument };
  const { from, to, proto, sport, dport, reply, length, dontFragment } = value;
  return {
    ...(typeof from === 'string' ? { from } : {}),
    ...(typeof to === 'string' ? { to } : {}),
    ...(proto === 'icmp' || proto === 'tcp' || proto === 'udp' || proto === 'arp' ? { proto } : {}),
    ...(typeof sport === 'number' ? { sport } : {}),
    ...(typeof dport === 'number' ? { dport } : {}),
    ...(typeof reply === 'boolean' ? { reply } : {}),
    ...(typeof length === 'number' ? { length } : {}),
    ...(typeof dontFragment === 'boolean' ? { dontFragment } : {}),
  };
}

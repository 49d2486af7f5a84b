import {
  CodeActionKind,
  DiagnosticSeverity,
  DidChangeConfigurationNotification,
  MessageType,
  RequestType,
  SemanticTokensBuilder,
  ShowMessageNotification,
  TextDocuments,
  TextDocumentSyncKind,
  type CodeAction,
  type Connection,
  type Diagnostic,
  type DidOpenTextDocumentParams,
  type InitializeParams,
  type InitializeResult,
  type Location,
  type LocationLink,
  type SemanticTokens,
  type SymbolInformation,
  type DocumentSymbol,
} from 'vscode-languageserver';
import { offsetAt, positionAt, type Position } from '../base/lines';
import { codeLenses } from '../features/codelens';
import { whyNotAt } from '../features/why-not';
import { definition } from '../features/definition';
import { diagnostics, type Finding } from '../features/diagnostics';
import { endpoints } from '../features/endpoints';
import { foldingRanges } from '../features/folding';
import { hoverInTrace } from '../features/hover';
import { inventory } from '../features/inventory';
import { rangeOf } from '../features/locate';
import { highlights, references } from '../features/references';
import { documentSymbols, workspaceSymbols, type SymbolItem } from '../features/symbols';
import { semanticTokens, tokenTypes } from '../features/tokens';
import { traceInSteps, type TraceVisits } from '../features/trace';
import type { Place, World } from '../features/world';
import {
  methods,
  type EndpointsParams,
  type FilesParams,
  type OpenedInPieces,
  type ShownParams,
  type TraceParams,
  type TraceResult,
} from '../protocol';
import { createService } from '../service';
import { guard } from './guard';
import { hasMoreLines, openTexts } from './open-text';
import { documentPath } from './paths';
import { backgroundReading } from './reading';
import { workspaceFiles } from './workspace';

/** How long typing must pause before the network is linked anew. */
const QUIET_MS = 150;
/** How long nothing may be asked of a server that has just started before it gets ready for the first dump. */
const IDLE_MS = 300;

/** A list of more references is no use to anybody, and takes long to hand over. */
const MOST_REFERENCES = 2000;
/** Longer documents are coloured where they are seen. */
const MOST_LINES_COLOURED = 3000;
/** The protocol allows null for a whole document that has no tokens to give; the library's types do not. */
const NO_TOKENS = null as unknown as SemanticTokens;

const severities: Readonly<Record<Finding['severity'], DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};

/** Registers everything that the server answers, and listens. */
export function startServer(connection: Connection): void {
  const service = createService();
  /** Of documents that are opened in pieces, how long they are. */
  const lengths = new Map<string, number>();
  const open = new TextDocuments(openTexts(service, (uri) => lengths.get(uri)));
  let folders: readonly string[] = [];
  const published = new Set<string>();
  /** Of the trace on show. */
  let visits: TraceVisits = [];
  const pathOf = (uri: string) => documentPath(uri, folders);
  const isOpen = (uri: string) => open.get(uri) !== undefined;

  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      void reading.linked().then(() => {
        publish();
        void connection.sendNotification(methods.changed);
      });
    }, QUIET_MS);
  };
  let canShowProgress = false;
  let tellsFolders = false;
  const reading = backgroundReading(connection, service, () => canShowProgress, changed);
  const files = workspaceFiles(connection, service, reading, isOpen, pathOf, changed);

  const publish = () => {
    const world = guard(connection, 'linking', undefined, () => service.world());
    if (!world) return;
    for (const document of open.all()) {
      const found = guard(connection, 'diagnostics', [], () => diagnostics(world, document.uri));
      if (found.length === 0 && !published.has(document.uri)) continue;
      published.add(document.uri);
      void connection.sendDiagnostics({ uri: document.uri, diagnostics: found.map((finding) => asDiagnostic(world, finding)) });
    }
  };

  connection.onInitialize((params: InitializeParams): InitializeResult => {
    folders = params.workspaceFolders?.map(({ uri }) => uri) ?? [];
    canShowProgress = params.capabilities.window?.workDoneProgress ?? false;
    tellsFolders = params.capabilities.workspace?.workspaceFolders ?? false;
    return {
      serverInfo: { name: 'Packet Walk' },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: false },
        hoverProvider: true,
        definitionProvider: true,
        referencesProvider: true,
        documentHighlightProvider: true,
        documentSymbolProvider: true,
        workspaceSymbolProvider: true,
        foldingRangeProvider: true,
        codeLensProvider: { resolveProvider: false },
        codeActionProvider: { resolveProvider: false },
        semanticTokensProvider: { legend: { tokenTypes: [...tokenTypes], tokenModifiers: [] }, range: true, full: true },
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  });
  connection.onInitialized(() => {
    // The document for which the server was started comes right behind this, and must not wait.
    setTimeout(() => void reading.meanwhile(service.prepare()), IDLE_MS).unref();
    void connection.client.register(DidChangeConfigurationNotification.type).then(undefined, () => undefined);
    // Asking an editor that knows no folders for changes of them is an error.
    if (!tellsFolders) return;
    connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      const gone = new Set(removed.map(({ uri }) => uri));
      folders = [...folders.filter((uri) => !gone.has(uri)), ...added.map(({ uri }) => uri)];
    });
  });

  open.onDidChangeContent(({ document }) => reading.take(document, pathOf(document.uri)));
  open.onDidClose(({ document }) => {
    if (published.delete(document.uri)) void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
    void files.reload(document.uri);
  });

  /** Runs a feature at a position; documents without captures give the fallback at once. */
  const at = async <T>(
    name: string,
    uri: string,
    position: Position,
    fallback: T,
    run: (world: World, offset: number) => T,
  ): Promise<T> => {
    await reading.ready(uri, position.line);
    await reading.linked();
    return guard(connection, name, fallback, () => {
      const world = service.world();
      const document = world.documents.get(uri);
      return document ? run(world, offsetAt(document.lines, position)) : fallback;
    });
  };
  /** Runs a feature for a document when it is read whole. */
  const whole = async <T>(name: string, uri: string, fallback: T, run: (world: World) => T): Promise<T> => {
    await reading.ready(uri, Number.MAX_SAFE_INTEGER);
    await reading.linked();
    return guard(connection, name, fallback, () => run(service.world()));
  };
  /** Runs a feature that needs all documents. */
  const everything = async <T>(name: string, fallback: T, run: (world: World) => T): Promise<T> => {
    await reading.idle();
    await reading.linked();
    return guard(connection, name, fallback, () => run(service.world()));
  };

  connection.onHover(({ textDocument, position }) =>
    at('hover', textDocument.uri, position, null, (world, offset) => {
      const found = hoverInTrace(world, visits, textDocument.uri, offset);
      const document = world.documents.get(textDocument.uri);
      if (!found || !document) return null;
      return { contents: { kind: 'markdown' as const, value: found.markdown }, range: rangeOf(document, found.start, found.end) };
    }),
  );
  connection.onDefinition(({ textDocument, position }) =>
    at('definition', textDocument.uri, position, null, (world, offset) => {
      const document = world.documents.get(textDocument.uri);
      if (!document) return null;
      return definition(world, textDocument.uri, offset).flatMap((place): LocationLink[] => {
        const origin = rangeOf(document, place.origin.start, place.origin.end);
        return asLocation(world, place).map(({ uri, range }) => ({
          originSelectionRange: origin,
          targetUri: uri,
          targetRange: range,
          targetSelectionRange: range,
        }));
      });
    }),
  );
  connection.onReferences(({ textDocument, position, context }) =>
    at('references', textDocument.uri, position, null, (world, offset) => {
      const found = references(world, textDocument.uri, offset, context.includeDeclaration, MOST_REFERENCES + 1);
      if (found.length > MOST_REFERENCES)
        void connection.sendNotification(ShowMessageNotification.type, {
          type: MessageType.Info,
          message: `Packet Walk: only the first ${MOST_REFERENCES} places that speak of this are listed; there are more.`,
        });
      return found.slice(0, MOST_REFERENCES).flatMap((place) => asLocation(world, place));
    }),
  );
  connection.onDocumentHighlight(({ textDocument, position }) =>
    at('highlight', textDocument.uri, position, null, (world, offset) =>
      highlights(world, textDocument.uri, offset).flatMap((place) => asLocation(world, place).map(({ range }) => ({ range }))),
    ),
  );
  connection.onDocumentSymbol(({ textDocument }) =>
    whole('document symbols', textDocument.uri, [], (world) => {
      const document = world.documents.get(textDocument.uri);
      const convert = (item: SymbolItem): DocumentSymbol[] => {
        if (!document) return [];
        const range = rangeOf(document, item.start, item.end);
        return [
          {
            name: item.name,
            detail: item.detail,
            kind: item.kind,
            range,
            selectionRange: rangeOf(document, item.selectionStart, item.selectionEnd),
            children: item.children.flatMap(convert),
          },
        ];
      };
      return documentSymbols(world, textDocument.uri).flatMap(convert);
    }),
  );
  connection.onWorkspaceSymbol(({ query }) =>
    everything('workspace symbols', [], (world) => {
      return workspaceSymbols(world, query).flatMap(({ name, kind, container, place }): SymbolInformation[] =>
        asLocation(world, place).map((location) => ({ name, kind, location, containerName: container })),
      );
    }),
  );
  connection.onFoldingRanges(({ textDocument }) =>
    whole('folding', textDocument.uri, [], (world) => foldingRanges(world, textDocument.uri)),
  );
  connection.onCodeAction(({ textDocument, range }) =>
    at('code actions', textDocument.uri, range.start, [], (world, offset): CodeAction[] => {
      const why = whyNotAt(world, visits, textDocument.uri, offset);
      if (!why) return [];
      const show = { title: 'Show why', command: 'editor.action.showHover' };
      const actions: CodeAction[] = [{ title: `Traced packet: ${why.title}`, kind: CodeActionKind.QuickFix, command: show }];
      if (!why.takenBy) return actions;
      const { uri, range: place } = why.takenBy;
      const there = { title: 'Open', command: 'packetWalk.openPlace', arguments: [uri, place] };
      return [
        ...actions,
        { title: 'Go to the flow that takes the traced packet', kind: CodeActionKind.QuickFix, command: there },
      ];
    }),
  );
  connection.onCodeLens(({ textDocument }) =>
    whole('code lenses', textDocument.uri, [], (world) =>
      codeLenses(world, textDocument.uri).map(({ line, title, command, args }) => ({
        range: { start: { line, character: 0 }, end: { line, character: 0 } },
        command: { title, command, arguments: [...args] },
      })),
    ),
  );
  const tokens = (world: World, uri: string, from: number, to: number) => {
    const document = world.documents.get(uri);
    const builder = new SemanticTokensBuilder();
    if (!document) return builder.build();
    for (const token of semanticTokens(world, uri, from, to)) {
      const { start, end } = rangeOf(document, token.start, token.end);
      if (start.line !== end.line) continue;
      builder.push(start.line, start.character, end.character - start.character, tokenTypes.indexOf(token.type), 0);
    }
    return builder.build();
  };
  // Of a long document only what is visible is coloured: without an answer for the whole of it the editor asks for ranges.
  connection.languages.semanticTokens.on(async ({ textDocument: { uri } }) => {
    const text = open.get(uri);
    if (text && hasMoreLines(text, MOST_LINES_COLOURED)) return NO_TOKENS;
    return whole('semantic tokens', uri, { data: [] as number[] }, (world) => tokens(world, uri, 0, MOST_LINES_COLOURED));
  });
  connection.languages.semanticTokens.onRange(async ({ textDocument: { uri }, range }) => {
    await reading.ready(uri, range.end.line);
    await reading.linked();
    return guard(connection, 'semantic tokens', { data: [] as number[] }, () =>
      tokens(service.world(), uri, range.start.line, range.end.line),
    );
  });

  let traces = 0;
  connection.onRequest(new RequestType<TraceParams, TraceResult, void>(methods.trace), async (params): Promise<TraceResult> => {
    await reading.idle();
    await reading.linked();
    const done = await reading.run(` trace ${traces++}`, 'the tables of the trace', traceInSteps(service.world(), params));
    if (!done)
      return { kind: 'error', message: 'Tracing was cancelled, or failed inside Packet Walk; the output channel says which.' };
    visits = done.value.visits;
    return done.value.result;
  });
  connection.onRequest(methods.endpoints, (params: EndpointsParams | null) =>
    everything('endpoints', { starts: [], destinations: [], preselected: null }, (world) => {
      const document = params?.uri === undefined ? undefined : world.documents.get(params.uri);
      const cursor =
        document && params?.position ? { uri: document.uri, offset: offsetAt(document.lines, params.position) } : undefined;
      return endpoints(world, cursor);
    }),
  );
  connection.onRequest(methods.inventory, async () => {
    await reading.linked();
    return guard(connection, 'inventory', { captures: [], hosts: [] }, () => inventory(service.world()));
  });
  connection.onNotification(methods.shown, ({ shown }: ShownParams) => {
    if (!shown) visits = [];
  });
  connection.onNotification(methods.files, (params: FilesParams) => void files.handle(params));

  open.listen({
    ...connection,
    onDidOpenTextDocument: (handler) =>
      connection.onDidOpenTextDocument((params: DidOpenTextDocumentParams & Partial<OpenedInPieces>) => {
        const { uri } = params.textDocument;
        if (params.length !== undefined) lengths.set(uri, params.length);
        handler(params);
        lengths.delete(uri);
      }),
  });
  connection.listen();
}

function asLocation(world: World, place: Place): Location[] {
  const document = world.documents.get(place.uri);
  return document ? [{ uri: place.uri, range: rangeOf(document, place.start, place.end) }] : [];
}

function asDiagnostic(world: World, finding: Finding): Diagnostic {
  const document = world.documents.get(finding.uri);
  const zero = { line: 0, character: 0 };
  const start = document ? positionAt(document.lines, finding.start) : zero;
  const end = document ? positionAt(document.lines, finding.end) : zero;
  return {
    range: { start, end },
    severity: severities[finding.severity],
    code: finding.code,
    source: 'Packet Walk',
    message: finding.message,
  };
}

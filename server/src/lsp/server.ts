import {
  CodeActionKind,
  DiagnosticSeverity,
  DidChangeConfigurationNotification,
  RequestType,
  SemanticTokensBuilder,
  TextDocuments,
  TextDocumentSyncKind,
  type CodeAction,
  type Connection,
  type Diagnostic,
  type InitializeParams,
  type InitializeResult,
  type Location,
  type LocationLink,
  type SymbolInformation,
  type DocumentSymbol,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
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
import { traceWithVisits } from '../features/trace';
import type { Place, World } from '../features/world';
import {
  methods,
  type EndpointsParams,
  type FilesParams,
  type ShownParams,
  type TraceParams,
  type TraceResult,
} from '../protocol';
import { createService } from '../service';
import type { HostVisit } from '../walk/context';
import { guard } from './guard';
import { documentPath } from './paths';
import { workspaceFiles } from './workspace';

/** How long typing must pause before the network is linked anew. */
const QUIET_MS = 150;

const severities: Readonly<Record<Finding['severity'], DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};

/** Registers everything that the server answers, and listens. */
export function startServer(connection: Connection): void {
  const service = createService();
  const open = new TextDocuments(TextDocument);
  let folders: readonly string[] = [];
  const published = new Set<string>();
  /** Of the trace on show. */
  let visits: readonly HostVisit[] = [];
  const pathOf = (uri: string) => documentPath(uri, folders);
  const isOpen = (uri: string) => open.get(uri) !== undefined;

  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      publish();
      void connection.sendNotification(methods.changed);
    }, QUIET_MS);
  };
  const files = workspaceFiles(connection, service, isOpen, pathOf, changed);

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
    void connection.client.register(DidChangeConfigurationNotification.type).then(undefined, () => undefined);
    connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      const gone = new Set(removed.map(({ uri }) => uri));
      folders = [...folders.filter((uri) => !gone.has(uri)), ...added.map(({ uri }) => uri)];
    });
  });

  open.onDidChangeContent(({ document }) => {
    const any = guard(connection, 'reading', false, () => service.set(document.uri, pathOf(document.uri), document.getText()));
    if (any) changed();
  });
  open.onDidClose(({ document }) => {
    if (published.delete(document.uri)) void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
    void files.reload(document.uri);
  });

  /** Runs a feature at a position; documents without captures give the fallback at once. */
  const at = <T>(name: string, uri: string, position: Position, fallback: T, run: (world: World, offset: number) => T): T =>
    guard(connection, name, fallback, () => {
      const world = service.world();
      const document = world.documents.get(uri);
      return document ? run(world, offsetAt(document.lines, position)) : fallback;
    });

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
    at('references', textDocument.uri, position, null, (world, offset) =>
      references(world, textDocument.uri, offset, context.includeDeclaration).flatMap((place) => asLocation(world, place)),
    ),
  );
  connection.onDocumentHighlight(({ textDocument, position }) =>
    at('highlight', textDocument.uri, position, null, (world, offset) =>
      highlights(world, textDocument.uri, offset).flatMap((place) => asLocation(world, place).map(({ range }) => ({ range }))),
    ),
  );
  connection.onDocumentSymbol(({ textDocument }) =>
    guard(connection, 'document symbols', [], () => {
      const world = service.world();
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
    guard(connection, 'workspace symbols', [], () => {
      const world = service.world();
      return workspaceSymbols(world, query).flatMap(({ name, kind, container, place }): SymbolInformation[] =>
        asLocation(world, place).map((location) => ({ name, kind, location, containerName: container })),
      );
    }),
  );
  connection.onFoldingRanges(({ textDocument }) =>
    guard(connection, 'folding', [], () => foldingRanges(service.world(), textDocument.uri)),
  );
  connection.onCodeAction(({ textDocument, range }) =>
    at('code actions', textDocument.uri, range.start, [], (world, offset): CodeAction[] => {
      const why = whyNotAt(world, visits, textDocument.uri, offset);
      if (!why) return [];
      const show = { title: 'Show why', command: 'editor.action.showHover' };
      const actions: CodeAction[] = [{ title: `Traced packet: ${why.title}`, kind: CodeActionKind.QuickFix, command: show }];
      if (!why.takenBy) return actions;
      const { uri, range: place } = why.takenBy;
      const open = { title: 'Open', command: 'packetWalk.openPlace', arguments: [uri, place] };
      return [...actions, { title: 'Go to the flow that takes the traced packet', kind: CodeActionKind.QuickFix, command: open }];
    }),
  );
  connection.onCodeLens(({ textDocument }) =>
    guard(connection, 'code lenses', [], () =>
      codeLenses(service.world(), textDocument.uri).map(({ line, title, command, args }) => ({
        range: { start: { line, character: 0 }, end: { line, character: 0 } },
        command: { title, command, arguments: [...args] },
      })),
    ),
  );
  const tokens = (uri: string, from: number, to: number) =>
    guard(connection, 'semantic tokens', { data: [] as number[] }, () => {
      const world = service.world();
      const document = world.documents.get(uri);
      const builder = new SemanticTokensBuilder();
      if (!document) return builder.build();
      for (const token of semanticTokens(world, uri, from, to)) {
        const { start, end } = rangeOf(document, token.start, token.end);
        if (start.line !== end.line) continue;
        builder.push(start.line, start.character, end.character - start.character, tokenTypes.indexOf(token.type), 0);
      }
      return builder.build();
    });
  connection.languages.semanticTokens.on(({ textDocument }) => tokens(textDocument.uri, 0, Number.MAX_SAFE_INTEGER));
  connection.languages.semanticTokens.onRange(({ textDocument, range }) =>
    tokens(textDocument.uri, range.start.line, range.end.line),
  );

  connection.onRequest(new RequestType<TraceParams, TraceResult, void>(methods.trace), (params) =>
    guard<TraceResult>(
      connection,
      'trace',
      { kind: 'error', message: 'Tracing failed inside Packet Walk; the output channel says where.' },
      () => {
        const { result, visits: passed } = traceWithVisits(service.world(), params);
        visits = passed;
        return result;
      },
    ),
  );
  connection.onRequest(methods.endpoints, (params: EndpointsParams | null) =>
    guard(connection, 'endpoints', { starts: [], destinations: [], preselected: null }, () => {
      const world = service.world();
      const document = params?.uri === undefined ? undefined : world.documents.get(params.uri);
      const cursor =
        document && params?.position ? { uri: document.uri, offset: offsetAt(document.lines, params.position) } : undefined;
      return endpoints(world, cursor);
    }),
  );
  connection.onRequest(methods.inventory, () =>
    guard(connection, 'inventory', { captures: [], hosts: [] }, () => inventory(service.world())),
  );
  connection.onNotification(methods.shown, ({ shown }: ShownParams) => {
    if (!shown) visits = [];
  });
  connection.onNotification(methods.files, (params: FilesParams) => void files.handle(params));

  open.listen(connection);
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

/** Finds workspace files that may hold captures and tells the server about them and their changes. */
import * as vscode from 'vscode';
import type { FilesParams } from '../../server/src/protocol';

const FILES_MAX = 2000;
/** A text that is longer does not fit into one string of the server's. Above 50 MB the editor hands no document to extensions, but files are read. */
const BYTES_MAX = 500 * 1024 * 1024;
/** So many files are asked for their size at a time: remote file systems are slow, but not endlessly patient. */
const STAT_BATCH = 50;
const SETTLE = 1000;

/** Never captures: dependencies, build output, version control, pictures, archives, programs, source code. */
const alwaysExcluded: readonly string[] = [
  '**/{node_modules,.git,.hg,.svn,dist,build,out,target,.venv,venv,__pycache__,.cache,.tox,vendor}/**',
  '**/*.{png,jpg,jpeg,gif,ico,svg,webp,bmp,pdf,woff,woff2,ttf,otf,eot,mp3,mp4,mov,avi}',
  '**/*.{zip,gz,tgz,xz,bz2,zst,tar,7z,rar,jar,whl,deb,rpm,vsix,iso,img,qcow2,pcap,pcapng}',
  '**/*.{exe,dll,so,a,o,obj,class,pyc,wasm,bin,db,sqlite,map,lock}',
  '**/*.{js,mjs,cjs,jsx,ts,mts,cts,tsx,css,scss,less,html,vue,py,rb,go,rs,c,h,cc,cpp,hpp,java,kt,cs,php,swift,lua,pl,ohm}',
];

export interface WorkspaceFiles {
  /** Looks for files and watches them from now on; once is enough. */
  use(): Promise<void>;
  /** Files left out because there are too many of them or they are too large. */
  readonly leftOut: { readonly many: boolean; readonly large: number };
}

/** `tell` gets every change; a file that changed is told as added again. */
export function createWorkspaceFiles(
  context: vscode.ExtensionContext,
  output: vscode.LogOutputChannel,
  tell: (files: FilesParams) => Promise<void>,
): WorkspaceFiles {
  let known: ReadonlySet<string> = new Set();
  let leftOut = { many: false, large: 0 };
  let using: Promise<void> | undefined;
  let largeTabs = false;
  let timer: NodeJS.Timeout | undefined;
  let watcher: vscode.FileSystemWatcher | undefined;
  const changed = new Set<string>();

  const scan = async (): Promise<void> => {
    const { uris, many } = await find();
    const shown = await tooLargeForEditor(uris);
    const { fitting, large } = await sizes([...uris, ...shown], output);
    if (many)
      output.warn(vscode.l10n.t('Only the first {0} files of the workspace are read; see packetWalk.files.include.', FILES_MAX));
    leftOut = { many, large };
    const now = new Set(fitting.map((uri) => uri.toString()));
    const added = [...now].filter((uri) => !known.has(uri) || changed.has(uri));
    const removed = [...known].filter((uri) => !now.has(uri));
    known = now;
    changed.clear();
    if (added.length > 0 || removed.length > 0) await tell({ added, removed });
  };
  const scanSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void scan().catch((error: unknown) => output.error(String(error))), SETTLE);
  };
  const watch = (): void => {
    watcher?.dispose();
    watcher = vscode.workspace.createFileSystemWatcher(setting('files.include', '**/*'));
    watcher.onDidCreate((uri) => {
      if (!/[\\/](?:node_modules|\.git)[\\/]/.test(uri.path)) scanSoon();
    });
    watcher.onDidChange((uri) => {
      if (!known.has(uri.toString())) return;
      changed.add(uri.toString());
      scanSoon();
    });
    watcher.onDidDelete((uri) => {
      // A folder that goes takes its files along without a word about each.
      const gone = uri.toString();
      if ([...known].some((file) => file === gone || file.startsWith(`${gone}/`))) scanSoon();
    });
  };

  context.subscriptions.push(
    // A file of more than 50 MB is shown in a tab, but is no document of the editor's.
    vscode.window.tabGroups.onDidChangeTabs(() => {
      void tooLargeForEditor([]).then((files) => {
        if (files.some((uri) => !known.has(uri.toString())) || (files.length === 0 && largeTabs)) scanSoon();
        largeTabs = files.length > 0;
      });
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(() => using && scanSoon()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (!using || !event.affectsConfiguration('packetWalk.files')) return;
      watch();
      scanSoon();
    }),
    { dispose: () => (clearTimeout(timer), watcher?.dispose()) },
  );

  return {
    use: async () => {
      if ((vscode.workspace.workspaceFolders ?? []).length === 0 && (await tooLargeForEditor([])).length === 0) return;
      if (!using) {
        watch();
        using = scan();
      }
      await using;
    },
    get leftOut() {
      return leftOut;
    },
  };
}

/** The editor hands no document above this to extensions. */
const EDITOR_MAX = 50 * 1024 * 1024;

/** Files that are shown in tabs without being documents of the editor's, for their size; but not those of `found`. */
async function tooLargeForEditor(found: readonly vscode.Uri[]): Promise<vscode.Uri[]> {
  const known = new Set([...found, ...vscode.workspace.textDocuments.map(({ uri }) => uri)].map((uri) => uri.toString()));
  const shown = vscode.window.tabGroups.all.flatMap(({ tabs }) =>
    tabs.flatMap(({ input }) =>
      input instanceof vscode.TabInputText && input.uri.scheme === 'file' && !known.has(input.uri.toString()) ? [input.uri] : [],
    ),
  );
  const stats = await Promise.all(shown.map((uri) => vscode.workspace.fs.stat(uri).then(undefined, () => undefined)));
  return shown.filter((_, n) => (stats[n]?.size ?? 0) > EDITOR_MAX);
}

async function find(): Promise<{ readonly uris: readonly vscode.Uri[]; readonly many: boolean }> {
  const excluded = [...alwaysExcluded, ...setting<readonly string[]>('files.exclude', [])];
  const found = await vscode.workspace.findFiles(setting('files.include', '**/*'), `{${excluded.join(',')}}`, FILES_MAX + 1);
  const sorted = [...found].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { uris: sorted.slice(0, FILES_MAX), many: sorted.length > FILES_MAX };
}

async function sizes(
  uris: readonly vscode.Uri[],
  output: vscode.LogOutputChannel,
): Promise<{ readonly fitting: readonly vscode.Uri[]; readonly large: number }> {
  const fitting: vscode.Uri[] = [];
  let large = 0;
  for (let start = 0; start < uris.length; start += STAT_BATCH) {
    const batch = uris.slice(start, start + STAT_BATCH);
    const stats = await Promise.all(batch.map((uri) => vscode.workspace.fs.stat(uri).then(undefined, () => undefined)));
    batch.forEach((uri, i) => {
      const size = stats[i]?.size;
      if (size === undefined) return;
      if (size <= BYTES_MAX) fitting.push(uri);
      else {
        large++;
        output.warn(vscode.l10n.t('{0} is not read: it is larger than 500 MB.', vscode.workspace.asRelativePath(uri)));
      }
    });
  }
  return { fitting, large };
}

function setting<T>(name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration('packetWalk').get<T>(name, otherwise);
}

/** Sets the language of plain text documents that hold captures, never against the user's own choice. */
import * as vscode from 'vscode';
import { DETECT_CHARACTERS, DETECT_LINES, isNamedCapture, looksLikeCaptures } from './detect';

export const LANGUAGE = 'packet-walk';

const DECLINED = 'packetWalk.declinedDocuments';
/** More than this many refusals are not remembered; the oldest go first. */
const DECLINED_MAX = 500;
/** A keystroke is no paste: shorter changes do not make an untitled document a capture. */
const PASTE_LENGTH = 40;

/** Languages that keep their own name and features, and may hold captures all the same: tickets, notes, logs. */
const hosts: ReadonlySet<string> = new Set(['markdown', 'log']);

/** Watches documents for as long as the extension runs; `found` is called for a capture in a document that stays what it is. */
export function watchLanguages(context: vscode.ExtensionContext, found: () => void): void {
  const memory = context.workspaceState;
  /** Documents whose language this session has set, by URI. */
  const setHere = new Set<string>();

  const declined = (): readonly string[] => memory.get<string[]>(DECLINED, []);
  const decline = (key: string): void => {
    if (!declined().includes(key)) void memory.update(DECLINED, [...declined(), key].slice(-DECLINED_MAX));
  };

  const consider = async (document: vscode.TextDocument): Promise<void> => {
    const mode = vscode.workspace.getConfiguration('packetWalk', document).get<string>('detectLanguage', 'set');
    const key = document.uri.toString();
    if (mode !== 'off' && hosts.has(document.languageId) && showsFiles(document.uri)) {
      if (holdsCaptures(document)) found();
      return;
    }
    if (mode === 'off' || !eligible(document) || declined().includes(key) || !holdsCaptures(document)) return;
    if (mode === 'offer' && !(await offer(document, () => decline(key)))) return;
    if (document.isClosed || document.languageId !== 'plaintext') return;
    setHere.add(key);
    await vscode.languages.setTextDocumentLanguage(document, LANGUAGE);
  };

  context.subscriptions.push(
    vscode.workspace.onDidOpenTextDocument((document) => {
      const key = document.uri.toString();
      if (document.languageId !== LANGUAGE && setHere.delete(key)) decline(key);
      else void consider(document);
    }),
    // The editor tells a change of language as a close and an open in one go, so a language that someone sets back finds its
    // document still in the set; a document that is really closed and opened later does not.
    vscode.workspace.onDidCloseTextDocument((document) => {
      if (document.languageId === LANGUAGE) setTimeout(() => setHere.delete(document.uri.toString()), 0);
    }),
    vscode.workspace.onDidChangeTextDocument((event) => {
      const pasted = event.contentChanges.some((change) => change.text.length >= PASTE_LENGTH);
      if (pasted && event.document.isUntitled) void consider(event.document);
    }),
  );
  for (const document of vscode.workspace.textDocuments) void consider(document);
}

function eligible(document: vscode.TextDocument): boolean {
  return document.languageId === 'plaintext' && showsFiles(document.uri) && !associated(document);
}

/** Where text comes from that nobody opened as a file: logs, old sides of diffs, comment boxes, this extension's own reports. */
const notFiles: ReadonlySet<string> = new Set([
  ...['output', 'debug', 'comment', 'search-editor', 'packet-walk-trace'],
  ...['git', 'git-index', 'gitfs', 'vscode-local-history', 'vscode-scm', 'vscode-interactive-input', 'vscode-chat-code-block'],
]);

/** Whether a URI is a document of the user's. */
export function showsFiles(uri: vscode.Uri): boolean {
  return !notFiles.has(uri.scheme);
}

/** The user's own choice for this kind of file, in files.associations. */
function associated(document: vscode.TextDocument): boolean {
  const associations = vscode.workspace.getConfiguration('files', document).get<Record<string, string>>('associations', {});
  return Object.keys(associations).some((glob) => {
    const pattern = glob.includes('/') ? glob : `**/${glob}`;
    return vscode.languages.match({ pattern }, document) > 0;
  });
}

function holdsCaptures(document: vscode.TextDocument): boolean {
  const text = beginning(document);
  return looksLikeCaptures(text) || isNamedCapture(document.uri.path, text);
}

function beginning(document: vscode.TextDocument): string {
  let text = '';
  const lines = Math.min(document.lineCount, DETECT_LINES);
  for (let line = 0; line < lines && text.length < DETECT_CHARACTERS; line++) text += `${document.lineAt(line).text}\n`;
  return text;
}

async function offer(document: vscode.TextDocument, refuse: () => void): Promise<boolean> {
  const name = vscode.workspace.asRelativePath(document.uri);
  const yes = vscode.l10n.t('Read as Captures');
  const no = vscode.l10n.t('Not This Document');
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t('{0} contains network captures.', name), yes, no);
  if (answer === no) refuse();
  return answer === yes;
}

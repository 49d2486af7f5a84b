/** What the editor tests have in common. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PacketWalkApi, TreeLine } from '../../client/src/api';

const POLL = 50;
const PATIENCE = 30_000;

/** The extension under test, activated. */
export async function extensionApi(): Promise<PacketWalkApi> {
  const extension = vscode.extensions.getExtension<PacketWalkApi>('packet-walk.packet-walk');
  assert.ok(extension, 'the extension is not installed in the host');
  return extension.activate();
}

/** Asks again and again until there is an answer other than undefined, null or false; fails after half a minute. */
export async function until<T>(what: string, probe: () => T | PromiseLike<T>): Promise<NonNullable<T>> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

/** A file of the folder that is open in the window. */
export function fixture(name: string): vscode.Uri {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder, 'no folder is open');
  return vscode.Uri.joinPath(folder.uri, name);
}

/** Opens a capture and waits until the extension has taken it as one. */
export async function openCapture(name: string): Promise<vscode.TextEditor> {
  const opened = await vscode.workspace.openTextDocument(fixture(name));
  await until(`${name} to become a capture`, () => languageOf(opened.uri) === 'packet-walk');
  return vscode.window.showTextDocument(opened);
}

/** The language of an open document. */
export function languageOf(uri: vscode.Uri): string | undefined {
  return vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString())?.languageId;
}

/** Where a text stands in a document: the position of `part` in the first line that holds `line`. */
export function position(document: vscode.TextDocument, line: string, part: string): vscode.Position {
  for (let number = 0; number < document.lineCount; number++) {
    const { text } = document.lineAt(number);
    if (!text.includes(line)) continue;
    const column = text.indexOf(part);
    assert.ok(column >= 0, `no ${part} in ${text}`);
    return new vscode.Position(number, column + 1);
  }
  throw new Error(`no line with ${line}`);
}

/** Every line of a tree, from the top. */
export function flat(lines: readonly TreeLine[]): readonly TreeLine[] {
  return lines.flatMap((line) => [line, ...flat(line.children)]);
}

/** The text of hovers. */
export function hoverText(hovers: readonly vscode.Hover[]): string {
  return hovers
    .flatMap((hover) => hover.contents)
    .map((content) => (typeof content === 'string' ? content : content.value))
    .join('\n');
}

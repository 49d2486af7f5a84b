/** Files piece by piece: from the disk where they are on one, else from the editor's file systems, which give whole files only. */
import * as fs from 'node:fs/promises';
import * as vscode from 'vscode';

export interface Piece {
  readonly bytes: Uint8Array;
  /** Of the whole file, in bytes, and when it was changed last, in milliseconds. */
  readonly size: number;
  readonly changed: number;
  /** Another one where another file has taken its name; undefined where the file system does not tell. */
  readonly identity?: string;
}

/** The file that was asked for last on a file system without pieces: the next piece of it is most often asked for next. */
let last: { readonly uri: string; readonly changed: number; readonly bytes: Uint8Array } | undefined;

/** Reads `length` bytes from `from` on, fewer at the end of the file. Fails where the file can't be read. */
export async function readPiece(uri: vscode.Uri, from: number, length: number): Promise<Piece> {
  if (uri.scheme === 'file') {
    const file = await fs.open(uri.fsPath, 'r');
    try {
      const { size, mtimeMs, dev, ino } = await file.stat();
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - from)));
      let read = 0;
      while (read < bytes.length) {
        const { bytesRead } = await file.read(bytes, read, bytes.length - read, from + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
      return { bytes: bytes.subarray(0, read), size, changed: mtimeMs, identity: `${dev} ${ino}` };
    } finally {
      await file.close();
    }
  }
  const { size, mtime } = await vscode.workspace.fs.stat(uri);
  const key = uri.toString();
  if (last?.uri !== key || last.changed !== mtime)
    last = { uri: key, changed: mtime, bytes: await vscode.workspace.fs.readFile(uri) };
  const { bytes } = last;
  if (from + length >= bytes.length) last = undefined;
  return { bytes: bytes.subarray(from, from + length), size: Math.max(size, bytes.length), changed: mtime };
}

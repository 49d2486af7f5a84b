import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import type { Case } from './folder';

/** Recorded cases of one family: every folder's files once, and the questions about them. */
export interface Store {
  readonly folders: readonly { readonly name: string; readonly files: Readonly<Record<string, string>> }[];
  readonly cases: readonly Case[];
}

/** Writes cases as fixtures, one compressed file per family. */
export function writeStore(at: string, cases: readonly Case[]): void {
  fs.mkdirSync(at, { recursive: true });
  for (const family of new Set(cases.map((one) => one.family))) {
    const own = cases.filter((one) => one.family === family);
    const names = [...new Set(own.map(({ folder }) => folder))];
    const folders = names.map((folder, n) => ({ name: `${n}`, files: filesBelow(folder) }));
    const store: Store = { folders, cases: own.map((one) => ({ ...one, folder: `${names.indexOf(one.folder)}` })) };
    fs.writeFileSync(path.join(at, `${family}.json.gz`), zlib.gzipSync(JSON.stringify(store), { level: 9 }));
  }
}

export function readStore(file: string): Store {
  return JSON.parse(zlib.gunzipSync(fs.readFileSync(file)).toString('utf8')) as Store;
}

function filesBelow(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const at = path.join(folder, name);
    if (fs.statSync(at).isFile()) files[name] = fs.readFileSync(at, 'utf8');
  }
  return files;
}

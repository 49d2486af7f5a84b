// The server's code for scripts: bundled anew from what is written, whatever was built before.
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const server = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../server/src');

/** What the lines of `contents` export, which are of a module in the server's folder; the bundle is written to `outfile`. */
export async function bundled(contents, outfile) {
  await esbuild.build({
    stdin: { contents: contents.join('\n'), resolveDir: server, loader: 'ts' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    logLevel: 'warning',
    outfile,
  });
  return createRequire(import.meta.url)(outfile);
}

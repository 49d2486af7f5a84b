// Builds everything: the grammars' bundle, the extension, the language server, the command line and the tests.
//   node scripts/build.mjs [--production] [--watch]
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');
const from = (...parts) => path.join(root, ...parts);
const sources = (folder, ending) =>
  fs.existsSync(from(folder)) ? fs.readdirSync(from(folder), { recursive: true }).filter((f) => f.endsWith(ending)) : [];

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: !production,
  minify: production,
  // Names of functions and classes appear in errors that people report.
  keepNames: production,
  logLevel: 'warning',
  // Ohm's package has no "require" for its ES module; the server's libraries have both and are the same either way.
  mainFields: ['module', 'main'],
};
const tests = (folder, ending) => ({
  ...common,
  minify: false,
  sourcemap: 'inline',
  entryPoints: sources(folder, ending).map((f) => `${folder}/${f}`),
  outdir: `dist/${folder}`,
  outbase: folder,
});
const builds = [
  { ...common, entryPoints: ['client/src/extension.ts'], outfile: 'client/dist/extension.js', external: ['vscode'] },
  { ...common, entryPoints: ['server/src/lsp/node.ts'], outfile: 'server/dist/server.js' },
  { ...common, entryPoints: ['server/src/cli/main.ts'], outfile: 'server/dist/cli.js', banner: { js: '#!/usr/bin/env node' } },
  tests('test/unit', '.test.ts'),
  { ...tests('test/editor', '.ts'), external: ['vscode', 'mocha'] },
  { ...tests('test/oracle', '.ts'), entryPoints: ['test/oracle/main.ts'] },
  { ...tests('test/oracle-linux', '.ts'), entryPoints: ['test/oracle-linux/main.ts'] },
  { ...tests('test/oracle-networks', '.ts'), entryPoints: ['test/oracle-networks/main.ts'] },
].filter(({ entryPoints }) => entryPoints.length > 0 && entryPoints.every((entry) => fs.existsSync(from(entry))));

for (const script of ['scripts/grammars.mjs', 'scripts/flow-reader.mjs', 'scripts/shapes.mjs'])
  execFileSync(process.execPath, [from(script)], { stdio: 'inherit' });
fs.rmSync(from('dist'), { recursive: true, force: true });
if (watch) {
  const contexts = await Promise.all(builds.map((options) => esbuild.context({ ...options, logLevel: 'info' })));
  await Promise.all(contexts.map((context) => context.watch()));
} else {
  await Promise.all(builds.map((options) => esbuild.build(options)));
  const cli = from('server/dist/cli.js');
  if (fs.existsSync(cli)) fs.chmodSync(cli, 0o755);
}

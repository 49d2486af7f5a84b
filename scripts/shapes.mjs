// Builds server/src/generated/usual-shapes.js: what reading the usual flows teaches, so that no process has to read them first.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const outfile = path.join(root, 'server/src/generated/learn.cjs');
await esbuild.build({
  stdin: {
    contents: [
      "export { saveShapes } from './captures/flow/saved-shapes';",
      "export { sampleFlows } from './captures/flow/samples';",
      "export { mayBeFlow } from './captures/flow-lines';",
    ].join('\n'),
    resolveDir: path.join(root, 'server/src'),
    loader: 'ts',
  },
  bundle: true,
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  logLevel: 'warning',
  outfile,
});
const { saveShapes, sampleFlows, mayBeFlow } = createRequire(import.meta.url)(outfile);
fs.rmSync(outfile);
const to = path.join(root, 'server/src/generated/usual-shapes');
fs.writeFileSync(`${to}.js`, `export default ${JSON.stringify(saveShapes(sampleFlows, mayBeFlow))};\n`);
fs.writeFileSync(`${to}.d.ts`, 'declare const saved: string;\nexport default saved;\n');

// Builds server/src/generated/usual-shapes.js: what reading the usual flows teaches, so that no process has to read them first.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundled } from './bundle.mjs';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../server/src/generated');
const outfile = path.join(folder, 'learn.cjs');
const { saveShapes, sampleFlows, mayBeFlow } = await bundled(
  [
    "export { saveShapes } from './captures/flow/saved-shapes';",
    "export { sampleFlows } from './captures/flow/samples';",
    "export { mayBeFlow } from './captures/flow-lines';",
  ],
  outfile,
);
fs.rmSync(outfile);
const to = path.join(folder, 'usual-shapes');
fs.writeFileSync(`${to}.js`, `export const usualShapes = ${JSON.stringify(saveShapes(sampleFlows, mayBeFlow), null, 1)};\n`);
fs.writeFileSync(
  `${to}.d.ts`,
  'export declare const usualShapes: { readonly book: string; readonly shapes: readonly string[]; readonly programs: string };\n',
);

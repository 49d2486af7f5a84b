// Builds server/src/generated/grammars.ohm-bundle.js and its types from grammars/*.ohm. Ohm's tool wants a grammar and
// what it inherits from in one file, so all of them are put together first, Common before the rest.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const from = path.join(root, 'grammars');
const to = path.join(root, 'server/src/generated');
const files = fs
  .readdirSync(from)
  .filter((f) => f.endsWith('.ohm'))
  .sort();
files.sort((a, b) => Number(b === 'Common.ohm') - Number(a === 'Common.ohm'));
fs.mkdirSync(to, { recursive: true });
const all = path.join(to, 'grammars.ohm');
fs.writeFileSync(all, files.map((f) => fs.readFileSync(path.join(from, f), 'utf8')).join('\n'));
execFileSync(
  process.execPath,
  [path.join(root, 'node_modules/@ohm-js/cli/index.js'), 'generateBundles', '--esm', '--withTypes', 'grammars.ohm'],
  { cwd: to, stdio: ['ignore', 'ignore', 'inherit'] },
);

// Each grammar is made when it is first used (`captures/lazy-grammar.ts`).
const bundle = path.join(to, 'grammars.ohm-bundle.js');
const [head, ...recipes] = fs.readFileSync(bundle, 'utf8').split(/(?<=;)(?=result\.\w+=makeRecipe\(\[)/);
const lazy = recipes.map((recipe) => {
  const end = recipe.lastIndexOf(']);') + 2;
  const made = recipe.slice(recipe.indexOf('=') + 1, end).replace(/("\w+"),(result\.\w+),/, '$1,realGrammar($2),');
  return `${recipe.slice(0, recipe.indexOf('=') + 1)}lazyGrammar(()=>${made})${recipe.slice(end)}`;
});
if (lazy.length !== files.length) throw new Error('Ohm writes its bundles another way now');
fs.writeFileSync(bundle, `import {lazyGrammar,realGrammar} from '../captures/lazy-grammar';${head}${lazy.join('')}`);

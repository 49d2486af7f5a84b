// Builds server/src/generated/flow-reader.js: the WebAssembly that reads the lines of long flow dumps, from server/flow-reader.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const server = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../server');
const generated = path.join(server, 'src/generated');
fs.mkdirSync(generated, { recursive: true });

/** Pages of 64 kB: what `layout.ts` places, and the shapes that the extension knows from when it was built. */
const PAGES = 64;
const { binary, stderr, error } = await compiled();
if (error || !binary) {
  process.stderr.write(String(stderr));
  throw error ?? new Error('the flow reader was not compiled');
}
const to = path.join(generated, 'flow-reader');
fs.writeFileSync(`${to}.js`, `export const flowReader = '${Buffer.from(binary).toString('base64')}';\n`);
fs.writeFileSync(
  `${to}.d.ts`,
  '/** The flow reader as a WebAssembly module, in base 64. */\nexport declare const flowReader: string;\n',
);

async function compiled() {
  let written;
  const result = await asc.main(
    [
      'main.ts',
      '-o',
      'flow-reader.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--use',
      'abort=',
      '--initialMemory',
      `${PAGES}`,
    ],
    {
      readFile: (name, base) => {
        const file = path.resolve(server, 'flow-reader', base === '.' ? '' : base, name);
        return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null;
      },
      writeFile: (_name, contents) => void (written = contents),
      listFiles: () => [],
    },
  );
  return { ...result, binary: written };
}

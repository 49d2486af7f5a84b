// The server's code as the bench uses it: bundled anew, so that what is measured is what is written.
import path from 'node:path';
import { createRequire } from 'node:module';
import * as esbuild from 'esbuild';
import { root } from '../../host.mjs';

const outfile = path.join(root, 'dist/bench/server.js');

/** Everything of the server that a topic asks for, by name. */
export async function server() {
  await esbuild.build({
    stdin: {
      contents: [
        "export { createReading, prepareReading, readDocument, readInSteps } from './captures/document';",
        "export { createService } from './service';",
        "export { hover } from './features/hover';",
        "export { definition } from './features/definition';",
        "export { references } from './features/references';",
        "export { semanticTokens } from './features/tokens';",
        "export { workspaceSymbols } from './features/symbols';",
        "export { trace } from './features/trace';",
        "export { netfilterTrace } from './features/netfilter-trace';",
        "export { readQuestion } from './features/netfilter-question';",
        "export { ofprotoTrace, switchOf } from './features/ofproto-trace';",
        "export { parseExactFlow } from './captures/flow/exact-flow';",
        "export { makeTables, withoutIndexing } from './ofproto/tables';",
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
  return createRequire(import.meta.url)(outfile);
}

// The server's code as the bench uses it: bundled anew, so that what is measured is what is written.
import path from 'node:path';
import { bundled } from '../../bundle.mjs';
import { root } from '../../host.mjs';

/** Everything of the server that a topic asks for, by name. */
export function server() {
  return bundled(
    [
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
    ],
    path.join(root, 'dist/bench/server.js'),
  );
}

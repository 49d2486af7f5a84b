import { positionAt } from '../base/lines';
import { diagnostics } from '../features/diagnostics';
import type { World } from '../features/world';
import type { Output } from './output';

const levels = { error: 'error', warning: 'warning', info: 'note', hint: 'none' } as const;

/** `packet-walk check`: the Problems of the editor; 1 where there are any. `sarif` prints SARIF 2.1.0. */
export function checkCommand(world: World, format: 'text' | 'json' | 'sarif', version: string, out: Output): number {
  const found = [...world.documents.values()].flatMap((document) =>
    diagnostics(world, document.uri).map((finding) => {
      const at = positionAt(document.lines, finding.start);
      return {
        path: document.path,
        line: at.line + 1,
        column: at.character + 1,
        severity: finding.severity,
        code: finding.code,
        message: finding.message,
      };
    }),
  );
  if (format === 'json') out.line(JSON.stringify({ diagnostics: found }, null, 1));
  else if (format === 'sarif') {
    out.line(
      JSON.stringify(
        {
          $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
          version: '2.1.0',
          runs: [
            {
              tool: {
                driver: {
                  name: 'packet-walk',
                  version,
                  rules: [...new Set(found.map(({ code }) => code))].map((id) => ({ id })),
                },
              },
              results: found.map((finding) => ({
                ruleId: finding.code,
                level: levels[finding.severity],
                message: { text: finding.message },
                locations: [
                  {
                    physicalLocation: {
                      artifactLocation: { uri: finding.path },
                      region: { startLine: finding.line, startColumn: finding.column },
                    },
                  },
                ],
              })),
            },
          ],
        },
        null,
        1,
      ),
    );
  } else {
    for (const finding of found)
      out.line(`${finding.path}:${finding.line}:${finding.column}: ${finding.severity}: ${finding.message} [${finding.code}]`);
    if (found.length === 0) out.line('No problems found.');
  }
  return found.some((finding) => finding.severity === 'error' || finding.severity === 'warning') ? 1 : 0;
}

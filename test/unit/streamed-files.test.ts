import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from 'vscode-languageserver';
import { inventory } from '../../server/src/features/inventory';
import { backgroundReading } from '../../server/src/lsp/reading';
import { workspaceFiles } from '../../server/src/lsp/workspace';
import type { ReadFileParams, ReadFileResult } from '../../server/src/protocol';
import { createService } from '../../server/src/service';

const flow = (n: number) =>
  ` cookie=0x1, duration=${n}.${n % 10}s, table=${n % 7}, n_packets=${n}, n_bytes=${n * 60}, priority=${n % 50},in_port=${n} actions=output:${(n % 9) + 1}`;
const dump = (count: number) =>
  `hv1# ovs-ofctl dump-flows br-int\n${Array.from({ length: count }, (_, n) => flow(n)).join('\n')}\n`;

const uri = 'file:///w/large.txt';

/** A server's files, and a client that has one: what it holds may change from one request to the next. */
function withFile(contentAt: (request: number) => Buffer) {
  let requests = 0;
  const said: string[] = [];
  const progress: (number | string)[] = [];
  const client = {
    sendRequest(_method: string, { from, length }: ReadFileParams): Promise<ReadFileResult> {
      const content = contentAt(requests++);
      return Promise.resolve({ base64: content.subarray(from, from + length).toString('base64'), size: content.length });
    },
    console: {
      info: (text: string) => said.push(text),
      warn: (text: string) => said.push(text),
      error: (text: string) => said.push(text),
    },
    window: {
      createWorkDoneProgress: () =>
        Promise.resolve({
          begin: (title: string) => progress.push(title),
          report: (percent: number) => progress.push(percent),
          done: () => progress.push('done'),
          token: { onCancellationRequested: () => undefined },
        }),
    },
  } as unknown as Connection;
  const service = createService();
  const reading = backgroundReading(
    client,
    service,
    () => true,
    () => undefined,
  );
  const files = workspaceFiles(
    client,
    service,
    reading,
    () => false,
    () => 'w/large.txt',
    () => undefined,
  );
  const flows = () => service.world().documents.get(uri)?.captures[0]?.flows.count;
  return { service, files, said, progress, flows, requests: () => requests };
}

describe('files that are read in pieces', () => {
  const text = dump(60_000);
  const whole = Buffer.from(text);

  it('say the same as at once, and that they were not open', async () => {
    assert.ok(whole.length > 3 * 2 * 1024 * 1024);
    const { service, files, flows, requests } = withFile(() => whole);
    await files.handle({ added: [uri], removed: [] });
    assert.ok(requests() > 3);
    assert.equal(flows(), 60_000);
    const atOnce = createService();
    atOnce.set(uri, 'w/large.txt', text);
    const one = service.world().documents.get(uri);
    const other = atOnce.world().documents.get(uri);
    assert.ok(one && other);
    assert.equal(one.text.slice(0), text);
    const [mine, theirs] = [one.captures[0]?.flows, other.captures[0]?.flows];
    assert.ok(mine && theirs);
    assert.ok(mine.sameFlows(theirs));
    assert.deepEqual(mine.flow(41_234), theirs.flow(41_234));
    assert.ok(JSON.stringify(inventory(service.world())) !== JSON.stringify(inventory(atOnce.world())));
    assert.deepEqual([...(service.world().streamed ?? [])], [uri]);
  });

  it('that grow meanwhile are read up to where they ended', async () => {
    const { files, flows, said } = withFile((n) =>
      n < 2 ? whole : Buffer.concat([whole, Buffer.from(`${flow(1)}\n`.repeat(9))]),
    );
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 60_000);
    assert.deepEqual(said, []);
  });

  it('that shrink meanwhile are begun anew', async () => {
    const short = Buffer.from(dump(30_000));
    const { files, flows, said } = withFile((n) => (n < 2 ? whole : short));
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 30_000);
    assert.deepEqual(said, []);
  });

  it('that shrink time and again are left as they were, and that is said', async () => {
    const { files, flows, said } = withFile((n) => whole.subarray(0, whole.length - n * 1000));
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), undefined);
    assert.match(said.join('\n'), /changed each time while it was read/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from 'vscode-languageserver';
import { inventory } from '../../server/src/features/inventory';
import { backgroundReading } from '../../server/src/lsp/reading';
import { workspaceFiles } from '../../server/src/lsp/workspace';
import type { ReadFileParams, ReadFileResult } from '../../server/src/protocol';
import { createService } from '../../server/src/service';

const flow = (n: number) =>
  ` cookie=0x1, duration=${n}.${n % 10}s, table=${n % 7}, n_packets=${n}, n_bytes=${n * 60}, priority=${n % 50},in_port=${n % 60_000} actions=output:${(n % 9) + 1}`;
const dump = (count: number) =>
  `hv1# ovs-ofctl dump-flows br-int\n${Array.from({ length: count }, (_, n) => flow(n)).join('\n')}\n`;

const uri = 'file:///w/large.txt';

/** What the client has under the file's name. */
interface Content {
  readonly bytes: Buffer;
  readonly changed?: number;
  readonly identity?: string;
}

/** A server's files, and a client that has one: what it holds may change from one request to the next, each of which takes a while. */
function withFile(contentAt: (request: number) => Content, delay = 0) {
  let requests = 0;
  const said: string[] = [];
  const progress: (number | string)[] = [];
  const client = {
    sendRequest(_method: string, { from, length }: ReadFileParams): Promise<ReadFileResult> {
      const { bytes, ...file } = contentAt(requests++);
      const answer = { base64: bytes.subarray(from, from + length).toString('base64'), size: bytes.length, ...file };
      return new Promise((resolve) => setTimeout(() => resolve(answer), delay));
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
    const { service, files, flows, requests } = withFile(() => ({ bytes: whole }));
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
    const longer = Buffer.concat([whole, Buffer.from(`${flow(1)}\n`.repeat(9))]);
    const { files, flows, said } = withFile((n) => (n < 2 ? { bytes: whole, changed: 1 } : { bytes: longer, changed: 2 }));
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 60_000);
    assert.deepEqual(said, []);
  });

  it('that shrink meanwhile are begun anew', async () => {
    const short = Buffer.from(dump(30_000));
    const { files, flows, said } = withFile((n) => ({ bytes: n < 2 ? whole : short }));
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 30_000);
    assert.deepEqual(said, []);
  });

  const other = (text: string) => Buffer.from(text.replaceAll('output:', 'output=').replaceAll('cookie=0x1', 'cookie=0x2'));

  it('that are written anew at the same length are begun anew', async () => {
    const { files, service, flows } = withFile((n) =>
      n < 2 ? { bytes: whole, changed: 1 } : { bytes: other(text), changed: 2 },
    );
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 60_000);
    assert.equal(service.world().documents.get(uri)?.captures[0]?.flows.flow(3).cookie?.value, '0x2');
  });

  it('that are written anew and longer are begun anew', async () => {
    const { files, service, flows } = withFile((n) =>
      n < 2 ? { bytes: whole, changed: 1 } : { bytes: other(dump(61_000)), changed: 2 },
    );
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 61_000);
    assert.equal(service.world().documents.get(uri)?.captures[0]?.flows.flow(3).cookie?.value, '0x2');
  });

  it('whose name another file takes are begun anew', async () => {
    const { files, service } = withFile((n) =>
      n < 2 ? { bytes: whole, changed: 1, identity: '7' } : { bytes: other(text), changed: 1, identity: '8' },
    );
    await files.handle({ added: [uri], removed: [] });
    assert.equal(service.world().documents.get(uri)?.captures[0]?.flows.flow(3).cookie?.value, '0x2');
  });

  it('that shrink time and again are left as they were, and that is said', async () => {
    const { files, flows, said } = withFile((n) => ({ bytes: whole.subarray(0, whole.length - n * 1000) }));
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), undefined);
    assert.match(said.join('\n'), /changed each time while it was read/);
  });

  it('show how far they are', async () => {
    const { files, flows, progress } = withFile(() => ({ bytes: whole }), 250);
    await files.handle({ added: [uri], removed: [] });
    assert.equal(flows(), 60_000);
    assert.equal(progress[0], 'Packet Walk reads large.txt');
    assert.equal(progress.at(-1), 'done');
    const percents = progress.filter((step) => typeof step === 'number');
    assert.ok(percents.length > 0 && percents.every((percent) => percent > 0 && percent <= 100), String(percents));
    assert.deepEqual(
      percents,
      [...percents].sort((a, b) => a - b),
    );
  });

  it('say above 50 MB what they say at once', async () => {
    const large = dump(440_000);
    const { service, files } = withFile(() => ({ bytes: Buffer.from(large) }));
    assert.ok(large.length > 50 * 1024 * 1024, String(large.length));
    await files.handle({ added: [uri], removed: [] });
    const atOnce = createService();
    atOnce.set(uri, 'w/large.txt', large);
    const [one, another] = [service, atOnce].map((own) => own.world().documents.get(uri)?.captures ?? []);
    assert.equal(one?.length, 1);
    assert.equal(another?.length, 1);
    assert.deepEqual({ ...one?.[0], flows: undefined }, { ...another?.[0], flows: undefined });
    const [mine, theirs] = [one?.[0]?.flows, another?.[0]?.flows];
    assert.ok(mine && theirs && mine.sameFlows(theirs));
    assert.equal(mine.count, 440_000);
    for (let n = 0; n < 440_000; n += 9973) assert.deepEqual(mine.flow(n), theirs.flow(n));
  });
});

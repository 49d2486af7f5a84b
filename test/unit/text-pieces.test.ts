import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from 'vscode-languageserver';
import { createLongTexts } from '../../client/src/longTexts';
import { openTexts } from '../../server/src/lsp/open-text';
import { backgroundReading } from '../../server/src/lsp/reading';
import type { OpenedInPieces, ReadTextParams } from '../../server/src/protocol';
import { createService } from '../../server/src/service';

const uri = 'file:///w/large.txt';
const flow = (n: number) =>
  ` cookie=0x1, duration=${n}.${n % 10}s, table=${n % 7}, n_packets=${n}, n_bytes=${n * 60}, priority=${n % 50},in_port=${n % 60_000} actions=output:${(n % 9) + 1}`;
const dump = (count: number, end = '\n') =>
  `hv1# ovs-ofctl dump-flows br-int${end}${Array.from({ length: count }, (_, n) => flow(n)).join(end)}${end}`;

/** A client that opens a text, and the server that it is opened in. `before` sees each request for a piece. */
function opened(text: string, before: (from: number) => void = () => undefined) {
  const texts = createLongTexts();
  const said: string[] = [];
  const asked: number[] = [];
  const connection = {
    sendRequest: (_method: string, params: ReadTextParams) => {
      asked.push(params.from);
      before(params.from);
      const answer = texts.read(params);
      return new Promise((resolve) => setTimeout(() => resolve(answer), 1));
    },
    console: { warn: (line: string) => said.push(line), error: (line: string) => said.push(line), info: () => undefined },
  } as unknown as Connection;
  const service = createService();
  const reading = backgroundReading(
    connection,
    service,
    () => false,
    () => undefined,
  );
  const sent = texts.outgoing('textDocument/didOpen', { textDocument: { uri, languageId: 'x', version: 3, text } }) as {
    textDocument: { text: string };
  } & Partial<OpenedInPieces>;
  const documents = openTexts(service, () => sent.length);
  let open = documents.create(uri, 'x', 3, sent.textDocument.text);
  reading.take(open, 'w/large.txt');
  return {
    service,
    reading,
    sent,
    said,
    asked,
    flows: () => service.world().documents.get(uri)?.captures[0]?.flows.count,
    text: () => service.world().documents.get(uri)?.text.slice(0),
    change(changes: Parameters<typeof documents.update>[1], version: number) {
      open = documents.update(open, changes, version);
      reading.take(open, 'w/large.txt');
    },
    close: () => texts.outgoing('textDocument/didClose', { textDocument: { uri } }),
  };
}

describe('long texts', () => {
  it('are handed over in pieces, and answered for from the first one on', async () => {
    const text = dump(30_000, '\r\n');
    const { sent, reading, service, asked, flows, text: known } = opened(text);
    assert.ok(sent.textDocument.text.length < 200_000);
    assert.equal(sent.length, text.length);
    await reading.ready(uri, 20);
    assert.ok(service.isInPreview(uri, 20) && (flows() ?? 0) < 2000);
    await reading.idle();
    assert.equal(flows(), 30_000);
    assert.equal(known(), text);
    assert.ok(asked.length > 5);
  });

  it('go at once where they are not long', () => {
    const short = dump(100);
    const { sent } = opened(short);
    assert.equal(sent.textDocument.text, short);
    assert.equal(sent.length, undefined);
  });

  it('are cut anywhere: in a line break, in a character of two units', async () => {
    const wide = '\u{1f600}';
    for (let shift = 0; shift < 3; shift++) {
      const text = `${'#'.repeat(shift)}${`${wide}\r\n`.repeat(500_000)}${dump(10)}`;
      const { reading, flows, text: known } = opened(text);
      await reading.idle();
      assert.equal(flows(), 10);
      assert.equal(known(), text);
    }
  });

  it('take what is changed while they come', async () => {
    const text = dump(30_000);
    const start = { line: 1, character: 0 };
    const typed = (line: number, put: string) => [{ range: { start: { ...start, line }, end: { ...start, line } }, text: put }];
    const added = ` cookie=0x2, table=0, priority=9,in_port=4 actions=drop\n`;
    let version = 3;
    const all = opened(text, (from) => {
      if (from > 1_000_000 && version < 6) all.change(typed(version * 5, added), ++version);
    });
    await all.reading.idle();
    assert.equal(all.flows(), 30_003);
    assert.equal(
      all
        .text()
        ?.split('\n')
        .filter((line) => line === added.trimEnd()).length,
      3,
    );
    assert.deepEqual(new Set(all.asked).size, all.asked.length);
  });

  it('are forgotten where another text takes their place, or they are closed', async () => {
    const replaced = opened(dump(30_000), (from) => {
      if (from > 2_000_000) replaced.change([{ text: dump(7) }], 4);
    });
    await replaced.reading.idle();
    assert.equal(replaced.flows(), 7);
    const closed = opened(dump(30_000), (from) => from > 2_000_000 && closed.close());
    await closed.reading.idle();
    assert.match(closed.said.join(), /did not come/);
  });

  it('come again after reading them was stopped', async () => {
    let stopped = false;
    const all = opened(dump(30_000), (from) => {
      if (from < 2_000_000 || stopped) return;
      stopped = true;
      all.reading.stop(uri);
    });
    await all.reading.idle();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((all.flows() ?? 0) < 2000);
    const at = { line: 3, character: 0 };
    all.change([{ range: { start: at, end: at }, text: '\n' }], 4);
    await all.reading.idle();
    assert.equal(all.flows(), 30_000);
  });
});

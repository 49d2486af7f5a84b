// What an editor waits for when it opens a large dump: a real language server in a process of its own, spoken to as the extension does.
//   node scripts/bench/flow-open.mjs [--quick]
import { captureOf, picker } from './lib/captures.mjs';
import { dump } from './lib/dumps.mjs';
import { EDITOR_MAX, pause, start } from './lib/language-server.mjs';
import { count, keep, median, quantile, table } from './lib/measure.mjs';

const quick = process.argv.includes('--quick');
const RUNS = quick ? 1 : 3;

const now = () => performance.now();
const timed = async (run) => {
  const from = now();
  const result = await run();
  return { ms: now() - from, result };
};

/** Opens a text; the times are from the message that hands it over. */
async function opened(text, path) {
  const uri = `file:///w/${path}`;
  const isOpen = Buffer.byteLength(text) <= EDITOR_MAX;
  const server = await start(isOpen ? new Map() : new Map([[uri, Buffer.from(text)]]));
  const lines = text.split('\n').length;
  const { cpu } = await server.delays();
  const f = {};
  const from = now();
  // The writer puts the message together at once, and only then sends it.
  if (isOpen) void server.tell('textDocument/didOpen', { textDocument: { uri, languageId: 'packet-walk', version: 1, text } });
  else void server.tell('packetWalk/files', { added: [uri], removed: [] });
  const hover = (line, character = 60) =>
    server.ask('textDocument/hover', { textDocument: { uri }, position: { line, character } });
  if (isOpen) {
    const colours = server.ask('textDocument/semanticTokens/range', {
      textDocument: { uri },
      range: { start: { line: 0, character: 0 }, end: { line: 50, character: 0 } },
    });
    const shown = hover(20);
    if (!(await shown)?.contents || (await colours).data.length === 0) throw new Error('the first answer is empty');
    f.first = now() - from;
    const till = await server.delays();
    f.handedOver = till.held[0]?.ms ?? 0;
    f.firstWork = till.cpu - cpu;
  }
  let inventory;
  for (;;) {
    inventory = await server.ask('packetWalk/inventory');
    const dumped = inventory.captures.find(({ kind }) => kind === 'ovs-ofctl-dump-flows');
    if (dumped && !dumped.reading) break;
    await pause(20);
  }
  f.whole = now() - from;
  f.firstHover = (await timed(() => hover(lines - 20))).ms;
  await pause(1500);
  f.progress = server.progress();
  const { held, memory } = await server.delays();
  f.slice = held[0]?.ms ?? 0;
  f.slices = held.slice(0, 5);
  f.memory = memory.rss / 1048576;
  const pick = picker();
  const p95 = async (times, run) => {
    const taken = [];
    for (let n = 0; n < times; n++) taken.push((await timed(run)).ms);
    return quantile(taken, 0.95);
  };
  const at = () => ({ textDocument: { uri }, position: { line: 20 + pick(lines - 40), character: 60 + pick(100) } });
  f.hover = await p95(200, () => server.ask('textDocument/hover', at()));
  f.definition = await p95(100, () => server.ask('textDocument/definition', at()));
  f.references = await p95(60, () => server.ask('textDocument/references', { ...at(), context: { includeDeclaration: true } }));
  f.symbols = await p95(10, () => server.ask('workspace/symbol', { query: 'tap' }));
  if (isOpen) {
    const edits = [];
    const middle = Math.floor(lines / 2);
    for (let n = 0; n < 7; n++) {
      const range = { start: { line: middle, character: 0 }, end: { line: middle, character: 0 } };
      const put = ` cookie=0x${n}, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=${n + 7},in_port=2 actions=drop\n`;
      edits.push(
        (
          await timed(async () => {
            void server.tell('textDocument/didChange', {
              textDocument: { uri, version: n + 2 },
              contentChanges: [{ range, text: put }],
            });
            if (!(await hover(middle))) throw new Error('no hover after an edit');
          })
        ).ms,
      );
      await pause(50);
    }
    f.edit = median(edits);
  }
  const later = await server.delays();
  f.laterSlice = later.held[0]?.ms ?? 0;
  await server.stop();
  return { lines, bytes: text.length, ...f };
}

const figures = [];
for (const [kind, size] of quick
  ? [['ovn', 100_000]]
  : [
      ['neutron', 100_000],
      ['ovn', 100_000],
      ['neutron', 240_000],
      ['ovn', 500_000],
    ]) {
  const text = captureOf(dump(kind, size));
  const runs = [];
  for (let run = 0; run < RUNS; run++) runs.push(await opened(text, `${kind}.capture.txt`));
  const middle = Object.fromEntries(
    Object.keys(runs[0])
      .filter((key) => key !== 'slices')
      .map((key) => [key, median(runs.map((run) => run[key]))]),
  );
  figures.push({
    name: `${kind} ${count(size)}`,
    ...middle,
    slices: runs.map(({ slices }) => slices.map(({ ms }) => Math.round(ms))),
  });
}
const ms = (n) => (n === undefined ? '-' : n < 10 ? n.toFixed(1) : n.toFixed(0));
console.log(`Milliseconds, from the message that hands the text over; median of ${RUNS}. Above 50 MB through the file system:\n`);
table([
  [
    'dump',
    'MB',
    'first answer',
    'work for it',
    'held up till then',
    'whole',
    'held up',
    'first hover',
    'hover p95',
    'definition',
    'references',
    'symbols',
    'edit',
    'held up later',
    'server MB',
    'progress',
  ],
  ...figures.map((f) => [
    f.name,
    (f.bytes / 1048576).toFixed(0),
    ...[
      f.first,
      f.firstWork,
      f.handedOver,
      f.whole,
      f.slice,
      f.firstHover,
      f.hover,
      f.definition,
      f.references,
      f.symbols,
      f.edit,
      f.laterSlice,
    ].map(ms),
    f.memory.toFixed(0),
    f.progress,
  ]),
]);
if (process.env.VERBOSE) for (const f of figures) console.log(f.name, JSON.stringify(f.slices));
keep('flow-open', figures);

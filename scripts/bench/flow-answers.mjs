// What people wait for in a large dump: the first answer after opening it, answers to hovers and look-ups, an edit, the same dump again.
//   node --expose-gc scripts/bench/flow-answers.mjs [--quick]
import { captureOf, DUMP_AT, flat, picker } from './lib/captures.mjs';
import { dump } from './lib/dumps.mjs';
import { count, keep, median, quantile, table, timed } from './lib/measure.mjs';
import { server } from './lib/server.mjs';

const quick = process.argv.includes('--quick');
const { createService, hover, definition, references, semanticTokens, workspaceSymbols } = await server();
const uri = 'file:///dump';
/** As many as the server lists. */
const MOST_REFERENCES = 2000;
const pick = picker();
const drain = (steps, each = () => undefined) => {
  for (;;) {
    const start = process.hrtime.bigint();
    const step = steps.next();
    each(Number(process.hrtime.bigint() - start) / 1e6);
    if (step.done) return step.value;
  }
};

const warm = createService();
warm.set(uri, 'dump.txt', captureOf(dump('neutron', 5000)));
drain(warm.prepare());
for (let n = 0; n < 300; n++) hover(warm.world(), uri, 2000 + pick(400_000));

const figures = [];
const rows = [
  [
    'dump',
    'first answer',
    'longest step',
    'hover then',
    'whole',
    'hover p95',
    'definition',
    'references',
    'symbols',
    'visible tokens',
    'edit',
    '1,000 lines pasted',
    'taken again',
  ],
];
for (const [kind, size] of quick
  ? [['ovn', 100_000]]
  : [
      ['neutron', 100_000],
      ['ovn', 100_000],
      ['neutron', 500_000],
      ['ovn', 500_000],
    ]) {
  const text = captureOf(dump(kind, size));
  globalThis.gc?.();
  const service = createService();
  const first = timed(() => {
    drain(service.preview(uri, 'dump.txt', text));
    const world = service.world();
    semanticTokens(world, uri, 0, 60);
    if (!hover(world, uri, DUMP_AT + 400)) throw new Error('no hover in the preview');
  });
  const steps = [];
  let cut;
  const note = (ms) => steps.push(ms);
  const whole = timed(() => {
    cut = drain(service.cut(text, undefined), note);
    drain(service.setCut(uri, 'dump.txt', cut), note);
    drain(service.link(), note);
  });
  const world = service.world();
  // What the first answer needs of all flows is made then.
  const firstHover = timed(() => hover(world, uri, text.indexOf('table=') + 6)).wall;
  const ask = (run, times = 200) => {
    const taken = [];
    for (let n = 0; n < times; n++) {
      const at = DUMP_AT + 60 + pick(text.length - DUMP_AT - 160);
      taken.push(timed(() => run(at)).wall);
    }
    return quantile(taken, 0.95);
  };
  const hovers = ask((at) => hover(world, uri, at));
  const definitions = ask((at) => definition(world, uri, at));
  const look = ask((at) => references(world, uri, at, true, MOST_REFERENCES), 60);
  const symbols = ask(() => workspaceSymbols(world, 'tap'), 10);
  const tokens = ask(() => {
    const line = 1000 + pick(50_000);
    semanticTokens(world, uri, line, line + 60);
  }, 40);
  const middle = text.indexOf('\n', Math.floor(text.length / 2)) + 1;
  const line = (n) =>
    ` cookie=0x${n}, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=${n + 7},in_port=2 actions=drop\n`;
  /** What an edit takes until a flow of the changed dump can be hovered. */
  const edited = (put) =>
    timed(() => {
      cut = service.edit(cut, [{ from: middle, to: middle, put }]);
      drain(service.setCut(uri, 'dump.txt', cut));
      if (!hover(service.world(), uri, middle + 60)) throw new Error('no hover after an edit');
    }).wall;
  const edits = Array.from({ length: 9 }, (_, n) => edited(line(n)));
  const pastes = Array.from({ length: 5 }, (_, n) =>
    edited(Array.from({ length: 1000 }, (_, k) => line(100 + n * 1000 + k)).join('')),
  );
  service.set(uri, 'dump.txt', text);
  const again = flat(text.replace(/n_packets=\d+/g, (was) => `n_packets=${Number(was.slice(10)) + 3}`));
  const refreshed = timed(() => (service.set(uri, 'dump.txt', again), service.world()));
  const f = {
    kind,
    flows: size,
    first: first.wall,
    step: Math.max(...steps),
    whole: whole.wall,
    hover: hovers,
    definition: definitions,
    references: look,
    symbols,
    tokens,
    edit: median(edits),
    paste: median(pastes),
    firstHover,
    again: refreshed.wall,
  };
  figures.push(f);
  const ms = (n) => (n < 10 ? n.toFixed(1) : n.toFixed(0));
  rows.push([
    `${kind} ${count(size)}`,
    ...[
      f.first,
      f.step,
      f.firstHover,
      f.whole,
      f.hover,
      f.definition,
      f.references,
      f.symbols,
      f.tokens,
      f.edit,
      f.paste,
      f.again,
    ].map(ms),
  ]);
}
console.log('Milliseconds; of hovers, definitions and references at random places the 95th percentile:\n');
table(rows);
keep('flow-answers', figures);

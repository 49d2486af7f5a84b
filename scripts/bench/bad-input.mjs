// What nobody should open, opened: how long a real language server takes for it, how long it is held up, what it takes of memory, and what
// it says.
//   node scripts/bench/bad-input.mjs [--quick]
import { EDITOR_MAX, pause, start } from './lib/language-server.mjs';
import { count, table } from './lib/measure.mjs';

const quick = process.argv.includes('--quick');
/** Flows of each dump. */
const FLOWS = quick ? 10_000 : 100_000;
const MB = quick ? 4e6 : 40e6;
const head = 'root@hv1:~# ovs-ofctl dump-flows br-int\n';
const flow = (n) =>
  ` cookie=0x${(n * 7).toString(16)}, duration=${n}.${n % 1000}s, table=${n % 60}, n_packets=${n}, n_bytes=${n * 60}, idle_age=3, ` +
  `priority=${n % 100},ip,reg14=0x${(n % 500).toString(16)},metadata=0x${((n % 40) + 1).toString(16)},nw_dst=10.${n % 200}.${n % 250}.${n % 254} ` +
  `actions=load:0x${((n % 77) + 1).toString(16)}->NXM_NX_REG15[],resubmit(,${(n % 60) + 1})`;
const flows = (change = (text) => text, end = '\n') =>
  head.replace('\n', end) + Array.from({ length: FLOWS }, (_, n) => `${change(flow(n), n)}${end}`).join('');
const binary = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, n) => (n * 7919 + (n >> 3)) & 255)).toString('utf8');

/** What is opened, and how many flows are in it. */
const inputs = [
  ['one line between two flows', () => `${head}${flow(1)}\n${'x'.repeat(MB)}\n${flow(2)}\n`, 2],
  ['one line between two flows, 2.5 times as long, a file', () => `${head}${flow(1)}\n${'x'.repeat(2.5 * MB)}\n${flow(2)}\n`, 2],
  ['one line and nothing else', () => 'a1 '.repeat(MB / 3), 0],
  ['a million empty lines between two flows', () => `${head}${flow(1)}${'\n'.repeat(1e6)}${flow(2)}\n`, 2],
  [
    'lines of a log between flows',
    () =>
      flows((text, n) =>
        n % 3 === 0 ? `${text}\n2026-05-01T10:00:${n % 60}.123Z|000${n}|connmgr|INFO|br-int<->unix#${n}: ${n} flow_mods` : text,
      ),
    FLOWS,
  ],
  [
    'no two flows alike',
    () =>
      flows(
        (_, n) =>
          ` cookie=0x1, table=5, n_packets=0, priority=9,ip,metadata=0x${(2 * n).toString(16)}/0x${((2 * n) | 1).toString(16)} actions=drop`,
      ),
    FLOWS,
  ],
  ['an error in each flow', () => flows((text) => text.replace('nw_dst=', 'nw_dsst=')), FLOWS],
  [
    'each flow cut off, a tenth as many',
    () => flows((text, n) => (n % 10 === 0 ? text.slice(0, 100 + (n % 60)) : '')),
    FLOWS / 10,
  ],
  ['binary between flows', () => flows((text, n) => (n === FLOWS / 2 ? `${text}\n${binary}` : text)), FLOWS],
  ['lines that end in CR LF', () => flows(undefined, '\r\n'), FLOWS],
];

const rows = [];
for (const [name, make, expected] of inputs) {
  const text = make();
  const uri = 'file:///w/bad.capture.txt';
  const isOpen = Buffer.byteLength(text) <= EDITOR_MAX;
  const server = await start(isOpen ? new Map() : new Map([[uri, Buffer.from(text)]]));
  await server.delays();
  const from = performance.now();
  if (isOpen) void server.tell('textDocument/didOpen', { textDocument: { uri, languageId: 'packet-walk', version: 1, text } });
  else void server.tell('packetWalk/files', { added: [uri], removed: [] });
  const last = { line: text.split(/\r\n|\n|\r/).length - 2, character: 60 };
  await server.ask('textDocument/hover', { textDocument: { uri }, position: last });
  const ask = async () => (await server.ask('packetWalk/inventory')).captures;
  let captures = await ask();
  while (captures.some(({ reading }) => reading) || (captures.length === 0 && expected > 0)) {
    await pause(20);
    captures = await ask();
  }
  const whole = performance.now() - from;
  await pause(500);
  const { held, memory } = await server.delays();
  const records = captures.reduce((sum, capture) => sum + capture.records, 0);
  if (records !== expected) throw new Error(`${name}: ${records} flows, where there are ${expected}`);
  const problems = captures.reduce((sum, { errors }) => sum + errors, 0);
  let edit = '-';
  if (isOpen) {
    const at = { line: 1, character: 0 };
    const began = performance.now();
    void server.tell('textDocument/didChange', {
      textDocument: { uri, version: 2 },
      contentChanges: [{ range: { start: at, end: at }, text: `${flow(99)}\n` }],
    });
    await server.ask('textDocument/hover', { textDocument: { uri }, position: { line: 1, character: 60 } });
    edit = count(performance.now() - began);
  }
  const later = await server.delays();
  const size = (text.length / 1e6).toFixed(1);
  const ms = ({ held: [longest] }) => (longest?.ms ?? 0).toFixed(0);
  rows.push([
    name,
    size,
    count(records),
    count(problems),
    count(whole),
    ms({ held }),
    edit,
    ms(later),
    (memory.rss / 1048576).toFixed(0),
  ]);
  await server.stop();
}
console.log('Milliseconds until all is read and answered for, and how long the server was held up at most:\n');
table([['what', 'MB', 'flows', 'errors', 'whole', 'held up', 'edit', 'held up', 'server MB'], ...rows]);

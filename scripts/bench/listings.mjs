// Long listings of other commands, opened: how long a real language server takes for each, and how long it is held up at most.
//   node scripts/bench/listings.mjs [--quick]
import { pause, start } from './lib/language-server.mjs';
import { count, table } from './lib/measure.mjs';

const quick = process.argv.includes('--quick');
/** Records of each listing. */
const RECORDS = quick ? 10_000 : 100_000;
const byte = (n, shift) => (n >> shift) & 255;
const hex = (n) => n.toString(16).padStart(2, '0');
const mac = (n) => `02:${[24, 16, 8, 0].map((shift) => hex(byte(n, shift))).join(':')}:${hex(n % 97)}`;
const ip = (n, first = 10) => `${first}.${byte(n, 16)}.${byte(n, 8)}.${byte(n, 0)}`;
const many = (command, line, head = '', tail = '') =>
  `root@hv1:~# ${command}\n${head}${Array.from({ length: RECORDS }, (_, n) => `${line(n)}\n`).join('')}${tail}`;
const chains = Array.from({ length: RECORDS / 20 }, (_, n) => `:chain-${n} - [0:0]\n`).join('');

const listings = [
  ['MAC addresses of Linux bridges', () => many('bridge fdb show', (n) => `${mac(n)} dev tap${n % 200} master br0`)],
  [
    'MAC addresses of a switch',
    () =>
      many(
        'ovs-appctl fdb/show br-int',
        (n) =>
          ` ${String((n % 200) + 1).padStart(4)}  ${String(n % 4000).padStart(4)}  ${mac(n)}  ${String(n % 300).padStart(3)}`,
        ' port  VLAN  MAC                Age\n',
      ),
  ],
  ['neighbours', () => many('ip neigh', (n) => `${ip(n)} dev eth${n % 8} lladdr ${mac(n)} REACHABLE`)],
  ['routes', () => many('ip route', (n) => `${ip(n * 4)}/30 via 192.168.${n % 8}.1 dev eth${n % 8} proto bgp metric 20`)],
  [
    'connections',
    () =>
      many('conntrack -L', (n) => {
        const port = 1024 + (n % 60_000);
        const there = `src=${ip(n)} dst=${ip(n, 172)} sport=${port} dport=443`;
        const back = `src=${ip(n, 172)} dst=${ip(n)} sport=443 dport=${port}`;
        return `tcp      6 ${n % 432_000} ESTABLISHED ${there} ${back} [ASSURED] mark=0 use=1`;
      }),
  ],
  [
    'sockets',
    () =>
      many(
        'ss -tan',
        (n) => `ESTAB    0      0      ${ip(n)}:${1024 + (n % 60_000)}  ${ip(n, 172)}:443`,
        'State    Recv-Q Send-Q Local Address:Port  Peer Address:Port\n',
      ),
  ],
  [
    'rules of iptables',
    () =>
      many(
        'iptables-save',
        (n) =>
          `-A chain-${Math.floor(n / 20)} -s ${ip(n)}/32 -p tcp -m tcp --dport ${(n % 60_000) + 1} -j ${n % 3 === 0 ? 'RETURN' : 'ACCEPT'}`,
        `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${chains}`,
        'COMMIT\n',
      ),
  ],
];

const ms = ({ held: [longest] }) => (longest?.ms ?? 0).toFixed(0);
const rows = [];
for (const [name, make] of listings) {
  const text = make();
  const uri = 'file:///w/listing.capture.txt';
  const server = await start();
  await server.delays();
  const from = performance.now();
  void server.tell('textDocument/didOpen', { textDocument: { uri, languageId: 'packet-walk', version: 1, text } });
  const last = { line: text.split('\n').length - 3, character: 4 };
  const hover = () => server.ask('textDocument/hover', { textDocument: { uri }, position: last });
  await hover();
  const ask = async () => (await server.ask('packetWalk/inventory')).captures;
  let captures = await ask();
  while (captures.length === 0 || captures.some(({ reading }) => reading)) {
    await pause(20);
    captures = await ask();
  }
  const whole = performance.now() - from;
  await pause(500);
  const read = await server.delays();
  const records = captures.reduce((sum, capture) => sum + capture.records, 0);
  const errors = captures.reduce((sum, capture) => sum + capture.errors, 0);
  if (records < RECORDS || errors > 0) throw new Error(`${name}: ${records} records and ${errors} errors`);
  const began = performance.now();
  await hover();
  const hovered = performance.now() - began;
  const later = await server.delays();
  rows.push([
    name,
    (text.length / 1e6).toFixed(1),
    count(records),
    count(whole),
    ms(read),
    hovered.toFixed(1),
    ms(later),
    (read.memory.rss / 1048576).toFixed(0),
  ]);
  await server.stop();
}
console.log('Milliseconds until all is read and joined, and how long the server was held up at most:\n');
table([['what', 'MB', 'records', 'whole', 'held up', 'hover then', 'held up', 'server MB'], ...rows]);

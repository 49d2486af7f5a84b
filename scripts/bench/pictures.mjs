// Draws what the other topics measured last (dist/bench/*.json) as the curves of docs/speed.md.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../host.mjs';

const WIDTH = 720;
const HEIGHT = 320;
const LEFT = 80;
const RIGHT = 180;
const TOP = 40;
const BOTTOM = 50;
const COLOURS = ['#0b62b0', '#0f766a', '#8a6100', '#b3261e', '#6b4fa0', '#555555'];

const file = path.join(root, 'dist/bench/flow-index.json');
if (!fs.existsSync(file)) {
  console.log('Nothing was measured yet: run "npm run bench -- flow-index" first.');
  process.exit(0);
}
const figures = JSON.parse(fs.readFileSync(file, 'utf8')).filter(({ name }) => !/real|alike/.test(name));
const kinds = [...new Set(figures.map(({ kind }) => kind))];
const short = (n) => (n >= 1e6 ? `${n / 1e6}M` : n >= 1000 ? `${Math.round(n / 1000)}k` : String(n));

/** A chart with logarithmic axes. Points without a number are left out. */
function chart(title, unit, series) {
  const points = series.flatMap(({ points: own }) => own.filter(([, y]) => Number.isFinite(y) && y > 0));
  const range = (n) => {
    const all = points.map((point) => Math.log10(point[n]));
    return [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
  };
  const [x0, x1] = range(0);
  const [y0, y1] = range(1);
  const x = (value) => LEFT + ((Math.log10(value) - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((Math.log10(value) - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="20" font-size="14" font-weight="bold">${title}</text>`,
  ];
  for (let e = x0; e <= x1; e++)
    out.push(
      `<line x1="${x(10 ** e)}" x2="${x(10 ** e)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#dddddd"/>`,
      `<text x="${x(10 ** e)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${short(10 ** e)}</text>`,
    );
  for (let e = y0; e <= y1; e++)
    out.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(10 ** e)}" y2="${y(10 ** e)}" stroke="#dddddd"/>`,
      `<text x="${LEFT - 8}" y="${y(10 ** e) + 4}" text-anchor="end">${short(10 ** e)}</text>`,
    );
  out.push(`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">flows in the dump</text>`);
  out.push(`<text x="16" y="${HEIGHT / 2}" transform="rotate(-90 16 ${HEIGHT / 2})" text-anchor="middle">${unit}</text>`);
  series.forEach(({ name, points: own, dashed }, n) => {
    const drawn = own.filter(([, value]) => Number.isFinite(value) && value > 0);
    const colour = COLOURS[n % COLOURS.length];
    if (drawn.length === 0) return;
    const line = drawn.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(' ');
    out.push(
      `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`,
    );
    for (const [a, b] of drawn) out.push(`<circle cx="${x(a).toFixed(1)}" cy="${y(b).toFixed(1)}" r="3" fill="${colour}"/>`);
    out.push(`<text x="${WIDTH - RIGHT + 14}" y="${TOP + 10 + n * 20}" fill="${colour}">${dashed ? '- - ' : '— '}${name}</text>`);
  });
  out.push('</svg>\n');
  return out.join('\n');
}

const of = (kind, key) => figures.filter((figure) => figure.kind === kind).map((figure) => [figure.flows, figure[key]]);
const images = path.join(root, 'docs/images');
fs.mkdirSync(images, { recursive: true });
const first = kinds.at(-1);
fs.writeFileSync(
  path.join(images, 'flow-rate.svg'),
  chart('Flows a second of processor time', 'flows a second', [
    ...kinds.map((kind) => ({ name: `Packet Walk, ${kind}`, points: of(kind, 'rate') })),
    ...kinds.map((kind) => ({ name: `shapes known, ${kind}`, points: of(kind, 'known'), dashed: true })),
    { name: 'ovs-ofctl', points: of(first, 'ofctl') },
    { name: 'ovs.flow (Python)', points: of(first, 'python') },
  ]),
);
fs.writeFileSync(
  path.join(images, 'flow-time.svg'),
  chart('Milliseconds of processor time to read a dump', 'milliseconds', [
    ...kinds.map((kind) => ({ name: `Packet Walk, ${kind}`, points: of(kind, 'cpu') })),
    { name: 'ovs-ofctl', points: of(first, 'ofctl').map(([flows, rate]) => [flows, (flows / rate) * 1000]) },
  ]),
);
console.log('docs/images/flow-rate.svg and flow-time.svg are drawn anew.');

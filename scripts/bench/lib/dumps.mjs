// Flow dumps of any size whose lines look like those of a real one: the shapes of its lines, how often each comes and which of their
// numbers and addresses vary are taken from the real dump (`data/*.json`, made by `npm run bench -- --learn FILE NAME`); the values are made up.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const data = path.join(path.dirname(fileURLToPath(import.meta.url)), '../data');

/** What varies in a line: addresses and numbers that are no part of a name, a mask or a range of bits. */
const VALUE =
  /(?<=userdata=)[0-9a-f.]+|(?<!\w)(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|(?:[0-9a-f]{1,4}:){1,7}:?(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4}|[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}::|0x[0-9a-f]+|\d+\.\d+\.\d+\.\d+)(?!\w)|(?<!\w)\d+(?=s,)|(?<!\w)\d+(?!\w)/g;

const kindOf = (text) =>
  text.startsWith('0x')
    ? 'hex'
    : /^..(?::..){5}$/.test(text)
      ? 'mac'
      : text.includes(':')
        ? 'ipv6'
        : text.includes('.')
          ? 'ip'
          : 'number';

/** Numbers that say where in a pipeline a flow is: only those that were seen. */
const PLACE = /(?:table=|priority=|resubmit\(,|userdata=|_type=|_code=|_proto=|_op=|conjunction\(\w+,|\/|\[|\.\.)$/;

/** A line's shape: its text with numbers and addresses taken out. */
export const shapeOf = (line) => line.replace(VALUE, (text) => `<${kindOf(text)}>`);

/** How many shapes some lines have, how much the ten most frequent ones hold, and how long lines are. */
export function statistics(lines) {
  const counts = new Map();
  let bytes = 0;
  for (const line of lines) {
    const shape = shapeOf(line);
    counts.set(shape, (counts.get(shape) ?? 0) + 1);
    bytes += line.length + 1;
  }
  const sorted = [...counts.values()].sort((a, b) => b - a);
  const top = sorted.slice(0, 10).reduce((sum, n) => sum + n, 0);
  return { lines: lines.length, shapes: counts.size, topTen: top / lines.length, bytesPerLine: bytes / lines.length };
}

/** Takes the shapes of a dump's lines apart, for `data/`. */
export function learn(lines) {
  const groups = new Map();
  for (const line of lines) {
    const shape = shapeOf(line);
    const values = [...line.matchAll(VALUE)].map(([text]) => text);
    const group = groups.get(shape);
    if (group) group.push({ line, values });
    else groups.set(shape, [{ line, values }]);
  }
  return {
    statistics: statistics(lines),
    shapes: [...groups.values()].map((group) => {
      const [{ line }] = group;
      const parts = [];
      let at = 0;
      let n = 0;
      for (const match of line.matchAll(VALUE)) {
        parts.push(line.slice(at, match.index));
        const seen = [...new Set(group.map((one) => one.values[n]))];
        const before = line.slice(0, match.index);
        // What was one value everywhere belongs to the shape.
        if (seen.length === 1 && !/(?:duration=|duration=\d+\.|n_packets=|n_bytes=|_age=)$/.test(before)) parts.push(match[0]);
        // A value under a mask has no bits that the mask lacks.
        else if (PLACE.test(before) || line[match.index + match[0].length] === '/')
          parts.push({ kind: 'one of', seen: seen.slice(0, 200) });
        else parts.push({ kind: kindOf(match[0]), most: Math.max(...seen.map(sizeOf)) });
        at = match.index + match[0].length;
        n++;
      }
      parts.push(line.slice(at));
      return { count: group.length, parts: joined(parts) };
    }),
  };
}

const sizeOf = (text) => (/^(?:0x[0-9a-f]+|\d+)$/.test(text) ? Number(text) : 0);

function joined(parts) {
  const all = [];
  for (const part of parts) {
    if (typeof part === 'string' && typeof all.at(-1) === 'string') all[all.length - 1] += part;
    else all.push(part);
  }
  return all;
}

export const kinds = ['neutron', 'ovn'];

export function realStatistics(kind) {
  return read(kind).statistics;
}

function read(kind) {
  return JSON.parse(fs.readFileSync(path.join(data, `${kind}.json`), 'utf8'));
}

/** Whether a part that varies is what a flow matches, rather than its statistics, its cookie, its place or what it does. */
function matches(parts, n) {
  const before = parts
    .slice(0, n)
    .filter((part) => typeof part === 'string')
    .join('');
  return (
    parts[n].kind !== 'one of' && !/actions=/.test(before) && !/(?:duration=|n_packets=|n_bytes=|_age=|cookie=|\.)$/.test(before)
  );
}

/** What in a flow's line says nothing of what it matches. */
const ASIDES = /(?:cookie|duration|n_packets|n_bytes|idle_age|hard_age|idle_timeout|hard_timeout)=[^,]*, ?/g;

/** A shape that gave so many lines one after the other that were there already has no more. */
const PATIENCE = 2000;

/** A dump of about `flows` flows as `ovs-ofctl dump-flows` prints it, always the same for the same numbers. */
export function dump(kind, flows) {
  const { shapes } = read(kind);
  // A shape that comes once or twice in a dump, or whose match never varies, comes as often in a larger one.
  const grows = ({ count, parts }) => count >= 4 && parts.some((part, n) => typeof part !== 'string' && matches(parts, n));
  const few = shapes.filter((shape) => !grows(shape));
  const many = shapes.filter(grows);
  const fixed = few.reduce((sum, { count }) => sum + count, 0);
  const rest = many.reduce((sum, { count }) => sum + count, 0);
  const scale = Math.max(0, flows - fixed) / rest;
  const lines = [];
  let random = 12345;
  const next = () => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0);
  // A larger dump has more ports, networks and addresses.
  const rangeOf = ({ most }) =>
    Math.max(1, Math.min(Math.floor(most * scale), most > 4094 ? most : most > 255 ? 4094 : 30_000)) + 1;
  // No table of a switch has two flows of one priority and match.
  const taken = new Set();
  const isNew = (line) => {
    const match = line.replace(ASIDES, '').replace(/ actions=.*/, '');
    return taken.size < taken.add(match).size;
  };
  const add = (parts, times) => {
    // What a line's values count together is the line's number: they differ somewhere, as a rule.
    const steps = new Map();
    let step = 1;
    parts.forEach((part, k) => {
      if (typeof part === 'string' || !matches(parts, k)) return;
      steps.set(k, step === 1 ? Infinity : step);
      step *= part.kind === 'number' || part.kind === 'hex' ? rangeOf(part) : 1 << 16;
    });
    const lineOf = (n) =>
      parts
        .map((part, k) => (typeof part === 'string' ? part : value(part, n + Math.floor(n / (steps.get(k) ?? Infinity)))))
        .join('');
    let made = 0;
    for (let n = 0, last = 0; made < times && n - last < PATIENCE; n++) {
      const line = lineOf(n);
      if (!isNew(line)) continue;
      lines.push(line);
      made++;
      last = n;
    }
    return made;
  };
  const hexes = (n, count) =>
    Array.from({ length: count }, (_, k) => ((n >>> (8 * (count - 1 - k))) & 0xff).toString(16).padStart(2, '0'));
  const value = (part, n) => {
    const { kind: of, most, seen } = part;
    const range = rangeOf(part) - 1;
    switch (of) {
      case 'one of':
        return seen[n % seen.length];
      case 'mac':
        return `fa:16:3e:${hexes(n, 3).join(':')}`;
      case 'ip':
        return `10.${(n >>> 16) & 0xff}.${(n >>> 8) & 0xff}.${n & 0xff}`;
      case 'ipv6':
        return `fd00::f816:3eff:fe${hexes(n, 3)[0]}:${(n & 0xffff).toString(16)}`;
      case 'hex':
        return most > 0xffffff ? `0x${(next() % 0xfffffff || 1).toString(16)}` : `0x${(1 + (n % range)).toString(16)}`;
      default:
        return String(most > 4094 ? next() % (most + 1) : n % (range + 1));
    }
  };
  for (const { count, parts } of few) add(parts, count);
  let owed = 0;
  for (const { count, parts } of many) {
    owed += count * scale;
    // What a shape has no more values for, the others make up for.
    owed -= add(parts, Math.floor(owed));
  }
  return `NXST_FLOW reply (xid=0x4):\n${lines.join('\n')}\n`;
}

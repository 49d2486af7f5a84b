import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { root } from './walk-fixture';

/** What the rooms of server/src may import, as ARCHITECTURE.md says; `facts` are the types of what captures say, `flow-reader` is beside src. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  generated: [],
  packet: ['base'],
  openflow: ['base', 'packet'],
  datapath: ['base', 'packet', 'openflow'],
  ofproto: ['base', 'packet', 'openflow', 'datapath'],
  captures: ['base', 'packet', 'openflow', 'generated', 'flow-reader'],
  model: ['base', 'packet', 'ofproto', 'facts'],
  link: ['base', 'packet', 'openflow', 'ofproto', 'model', 'captures'],
  kernel: ['base', 'packet', 'model', 'facts'],
  walk: ['base', 'packet', 'openflow', 'ofproto', 'model', 'kernel', 'facts'],
  checks: ['base', 'packet', 'model'],
  features: [
    'base',
    'packet',
    'openflow',
    'datapath',
    'ofproto',
    'captures',
    'model',
    'link',
    'kernel',
    'walk',
    'checks',
    'protocol',
  ],
  'protocol.ts': ['base'],
  'service.ts': [
    'base',
    'packet',
    'openflow',
    'datapath',
    'ofproto',
    'captures',
    'model',
    'link',
    'kernel',
    'walk',
    'checks',
    'features',
  ],
  lsp: ['base', 'features', 'service', 'protocol'],
  cli: ['base', 'openflow', 'datapath', 'ofproto', 'captures', 'model', 'features', 'service', 'protocol'],
};

function sources(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => path.join(folder, name));
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = fs.readFileSync(file, 'utf8');
  return [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)].map(([, type, to = '']) => ({
    from: file,
    to,
    typeOnly: type !== undefined,
  }));
}

describe('the rooms of the house', () => {
  const server = path.join(root, 'server/src');

  it('import only what their row of the table allows', () => {
    const wrong: string[] = [];
    for (const { from, to, typeOnly } of sources(server).flatMap(importsOf)) {
      if (!to.startsWith('.')) continue;
      const room = path.relative(server, from).split(path.sep)[0] ?? '';
      const target = path
        .relative(server, path.resolve(path.dirname(from), to))
        .split(path.sep)
        .join('/')
        .replace('../flow-reader/', 'flow-reader/');
      const other = target.split('/')[0] ?? '';
      const allowed = rooms[room];
      assert.ok(allowed, `a room without a row: ${room}`);
      if (other === room || `${other}.ts` === room || allowed.includes(other)) continue;
      if (/^captures\/(?:[a-z]+-)?facts$/.test(target) && typeOnly && allowed.includes('facts')) continue;
      wrong.push(`${path.relative(root, from)} imports ${target}`);
    }
    assert.deepEqual(wrong, []);
  });

  // Where readers of nested syntax and rules call each other, files may; nowhere else do two of them lead to each other.
  const knotted = ['captures', 'kernel', 'features', 'walk'];

  it('have no files that import each other in a circle', () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of sources(server).flatMap(importsOf)) {
      const target = path.resolve(path.dirname(from), to);
      const file = [`${target}.ts`, path.join(target, 'index.ts')].find((name) => to.startsWith('.') && fs.existsSync(name));
      if (file !== undefined) next.set(from, [...(next.get(from) ?? []), file]);
    }
    const leadsBack = (file: string): boolean => {
      const seen = new Set<string>();
      const open = [...(next.get(file) ?? [])];
      for (let at = open.pop(); at !== undefined; at = open.pop()) {
        if (at === file) return true;
        if (seen.has(at)) continue;
        seen.add(at);
        open.push(...(next.get(at) ?? []));
      }
      return false;
    };
    const circling = [...next.keys()].filter(leadsBack).map((file) => path.relative(server, file));
    assert.deepEqual(
      circling.filter((file) => !knotted.includes(file.split(path.sep)[0] ?? '')),
      [],
    );
    // Whatever has none any more is off the list.
    assert.deepEqual(
      knotted.filter((room) => !circling.some((file) => file.startsWith(room + path.sep))),
      [],
    );
  });

  it('leave the flow reader to itself', () => {
    const reader = path.join(root, 'server/flow-reader');
    const wrong = sources(reader)
      .flatMap(importsOf)
      .filter(({ from, to }) => path.dirname(path.resolve(path.dirname(from), to)) !== reader)
      .map(({ from, to }) => `${path.relative(root, from)} imports ${to}`);
    assert.deepEqual(wrong, []);
    // What the server shares with it is numbers.
    assert.deepEqual(importsOf(path.join(reader, 'layout.ts')), []);
    const shared = sources(server)
      .flatMap(importsOf)
      .filter(({ to }) => to.includes('/flow-reader/'));
    assert.deepEqual([...new Set(shared.map(({ to }) => path.basename(to)))], ['layout']);
  });

  it('keep the client to the protocol', () => {
    const client = path.join(root, 'client/src');
    const wrong = sources(client)
      .flatMap(importsOf)
      .filter(
        ({ from, to }) => to.startsWith('.') && path.relative(client, path.resolve(path.dirname(from), to)).startsWith('..'),
      )
      .filter(({ from, to }) => path.relative(server, path.resolve(path.dirname(from), to)) !== 'protocol')
      .map(({ from, to }) => `${path.relative(root, from)} imports ${to}`);
    assert.deepEqual(wrong, []);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeLenses } from '../../server/src/features/codelens';
import { definition } from '../../server/src/features/definition';
import { foldingRanges } from '../../server/src/features/folding';
import { highlights, references } from '../../server/src/features/references';
import { documentSymbols, workspaceSymbols, type SymbolItem } from '../../server/src/features/symbols';
import { semanticTokens } from '../../server/src/features/tokens';
import { cloud, cloudAt, fixture, placeText, type Fixture } from './fixture';

const places = (at: Fixture) => definition(at.world, at.uri, at.offset).map((place) => placeText(at.world, place));
const refs = (at: Fixture, declarations = true) =>
  references(at.world, at.uri, at.offset, declarations).map((place) => placeText(at.world, place));
/** Only which file and what text: lines move when the fixture grows. */
const short = (texts: readonly string[]) => texts.map((text) => text.replace(/:\d+ /, ' ').slice(0, 40));

test('definition: a port number leads to its rows in show', () => {
  assert.deepEqual(short(places(cloudAt('hv1.txt', 'in_port=9 actions', '9'))), ['hv1.txt qvoab12cd34-56', 'hv1.txt 9']);
});

test('definition: the origin is the text that asked', () => {
  const at = cloudAt('hv1.txt', 'dl_vlan=7', '7');
  const [found] = definition(at.world, at.uri, at.offset);
  assert.equal(at.document('hv1.txt').text.slice(found?.origin.start ?? 0, found?.origin.end), '7');
});

test('definition: tags, tables, chains, peers, tunnels', () => {
  assert.deepEqual(short(places(cloudAt('hv1.txt', 'dl_vlan=7', '7'))), ['hv1.txt 7']);
  assert.deepEqual(short(places(cloudAt('net1.txt', 'mod_vlan_vid:3', '3'))), ['net1.txt 3']);
  assert.match(places(cloudAt('hv1.txt', 'resubmit(,25)', '25'))[0] ?? '', /table=25, n_packets=11/);
  assert.match(places(cloudAt('hv1.txt', 'resubmit(,25)', 'resubmit'))[0] ?? '', /table=25, n_packets=11/);
  assert.deepEqual(short(places(cloudAt('net1.txt', 'neutron-l3', 'neutron'))), ['net1.txt neutron-l3-agent-PREROUTING']);
  assert.deepEqual(short(places(cloudAt('hv1.txt', 'peer=patch-int', 'patch'))), ['hv1.txt patch-int', 'hv1.txt 1']);
  assert.deepEqual(short(places(cloudAt('hv1.txt', 'remote_ip="192', '192'))), ['net1.txt vxlan-c0000201']);
  const vni = short(places(cloudAt('hv1.txt', 'load:0x1234', '0x')));
  assert.equal(vni[0], 'cloud.txt 4660');
  assert.equal(vni.length, 3);
});

test('definition: MAC, IP, namespace, instance', () => {
  assert.ok(short(places(cloudAt('hv1.txt', 'fa:16:3e:00:00:01', 'fa'))).includes('net1.txt fa:16:3e:00:00:01'));
  assert.ok(short(places(cloudAt('cloud.txt', '10.9.0.7, 203', '10.9'))).includes('cloud.txt 10.9.0.7'));
  assert.deepEqual(short(places(cloudAt('net1.txt', 'exec qrouter', 'qrouter'))), ['net1.txt qrouter-c0ffee00-0000-4000-8000']);
  assert.ok(short(places(cloudAt('cloud.txt', 'interface-list web1', 'web1'))).includes('cloud.txt web1'));
  assert.deepEqual(definition(fixture('prose $0only').world, 'file:///w/captures.txt', 3), []);
});

test('references: one device, whether by name or by number, and its Neutron port', () => {
  const byNumber = refs(cloudAt('hv1.txt', 'in_port=9 actions', '9'));
  assert.deepEqual(byNumber, refs(cloudAt('hv1.txt', 'Interface "qvo', 'qvo')));
  assert.equal(byNumber.filter((text) => text.startsWith('cloud.txt')).length, 1);
  assert.equal(byNumber.filter((text) => text.startsWith('net1.txt')).length, 0);
  assert.deepEqual(short(byNumber), [
    'cloud.txt ab12cd34-5678-4abc-9def-012345',
    'hv1.txt qvoab12cd34-56',
    'hv1.txt qvoab12cd34-56',
    'hv1.txt 9',
    'hv1.txt qvoab12cd34-56',
    'hv1.txt 9',
    'hv1.txt 9',
    'hv1.txt 9',
  ]);
  assert.ok(refs(cloudAt('cloud.txt', 'ab12cd34', 'ab12')).length === byNumber.length);
});

test('references: the same number on another bridge or host is another thing', () => {
  const patch = refs(cloudAt('hv1.txt', 'in_port=1 ', '1'));
  assert.ok(patch.every((text) => text.startsWith('hv1.txt')));
  assert.ok(!short(patch).includes('hv1.txt 3'));
  const vlan = refs(cloudAt('net1.txt', 'mod_vlan_vid:3', '3'));
  assert.ok(vlan.length === 2 && vlan.every((text) => text.startsWith('net1.txt')));
});

test('references: a tunnel id is one thing everywhere, in hex and in decimal', () => {
  assert.deepEqual(short(refs(cloudAt('net1.txt', 'tun_id=0x1234', '0x'))), [
    'cloud.txt 4660',
    'hv1.txt 0x1234',
    'net1.txt 0x1234',
  ]);
});

test('references: without declarations, and highlights of one document', () => {
  const at = cloudAt('hv1.txt', 'dl_vlan=7', '7');
  assert.equal(refs(at).length - refs(at, false).length, 1);
  assert.ok(highlights(at.world, at.uri, at.offset).every((place) => place.uri === at.uri));
  assert.deepEqual(highlights(at.world, at.uri, at.offset).length, refs(at).length);
});

test('document symbols are nested, ordered and hold their selection', () => {
  const { world } = fixture(cloud);
  const visit = (item: SymbolItem, within: { start: number; end: number }) => {
    assert.ok(item.start <= item.selectionStart && item.selectionEnd <= item.end, item.name);
    assert.ok(item.start >= within.start && item.end <= within.end, `${item.name} leaves its parent`);
    assert.notEqual(item.name, '');
    for (const child of item.children) visit(child, item);
  };
  for (const [uri, document] of world.documents) {
    const symbols = documentSymbols(world, uri);
    assert.equal(symbols.length, document.captures.length);
    for (const symbol of symbols) visit(symbol, { start: 0, end: document.text.length });
  }
  const [show] = documentSymbols(world, 'file:///w/hv1.txt');
  assert.equal(show?.name, 'ovs-vsctl show');
  assert.deepEqual(
    show.children.map(({ name, children }) => [name, children.length]),
    [
      ['br-int', 3],
      ['br-tun', 2],
    ],
  );
});

test('workspace symbols find names, ids and addresses', () => {
  const { world } = fixture(cloud);
  assert.deepEqual(
    workspaceSymbols(world, 'web').map(({ name }) => name),
    ['web1'],
  );
  assert.equal(workspaceSymbols(world, 'vxlan-c').length, 2);
  assert.equal(workspaceSymbols(world, '10.9.0.1')[0]?.container, 'IP address');
  assert.deepEqual(workspaceSymbols(world, 'no such thing'), []);
});

test('tokens are sorted, apart and inside the lines asked for', () => {
  const { world } = fixture(cloud);
  for (const [uri, document] of world.documents) {
    let end = -1;
    for (const token of semanticTokens(world, uri, 0, Number.MAX_SAFE_INTEGER)) {
      assert.ok(token.start >= end && token.end > token.start);
      assert.ok(!document.text.slice(token.start, token.end).includes('\n'));
      end = token.end;
    }
  }
  const hv1 = fixture(cloud).document('hv1.txt');
  const line = hv1.text.slice(0, hv1.text.slice(0).indexOf('table=25')).split('\n').length - 1;
  const shown = semanticTokens(world, hv1.uri, line, line).map(({ start, end, type }) => `${type} ${hv1.text.slice(start, end)}`);
  assert.deepEqual(shown, ['function 25', 'number 9', 'enumMember fa:16:3e:00:00:07', 'keyword NORMAL']);
});

test('code lenses offer a trace where an instance or its port is shown', () => {
  const { world } = fixture(cloud);
  const lenses = codeLenses(world, 'file:///w/cloud.txt');
  assert.deepEqual(
    lenses.map(({ line, title, command, args }) => [line, title, command, args]),
    [
      [0, 'Trace a packet from web1', 'packetWalk.trace', [{ from: 'web1' }]],
      [11, 'Trace a packet from web1', 'packetWalk.trace', [{ from: 'web1' }]],
    ],
  );
  assert.deepEqual(codeLenses(world, 'file:///w/hv1.txt'), []);
});

test('folding ranges lie inside each other', () => {
  const { world } = fixture(cloud);
  const folds = foldingRanges(world, 'file:///w/hv1.txt');
  assert.deepEqual(folds[0], { startLine: 0, endLine: 21 });
  const holds = (a: (typeof folds)[number], b: typeof a) => a.startLine <= b.startLine && b.endLine <= a.endLine;
  for (const a of folds)
    for (const b of folds)
      assert.ok(
        a.endLine < b.startLine || b.endLine < a.startLine || holds(a, b) || holds(b, a),
        `${a.startLine}-${a.endLine} and ${b.startLine}-${b.endLine}`,
      );
  assert.ok(folds.length >= 8);
});

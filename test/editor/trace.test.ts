import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PacketWalkApi } from '../../client/src/api';
import { extensionApi, flat, openCapture, position, until } from './helpers';

suite('tracing a packet', () => {
  let api: PacketWalkApi;
  suiteSetup(async () => {
    api = await extensionApi();
  });
  setup(async () => {
    await openCapture('one-bridge.txt');
    // Files that are not open are read too, in their own time.
    await until('both hosts', async () => (await api.inventory()).hosts.length >= 2);
  });
  teardown(async () => {
    api.clear();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const trace = (from: string, to: string): Thenable<unknown> =>
    vscode.commands.executeCommand('packetWalk.trace', { from, to, proto: 'icmp' });

  test('the walk fills the view, host by host and step by step', async () => {
    await trace('tap0a1b2c3d-01', '52:54:00:bb:00:02');
    const lines = flat(api.walkTree());
    assert.equal(lines[0]?.kind, 'outcome');
    assert.ok(lines.some((line) => line.kind === 'host' && line.label === 'node1'));
    assert.ok(lines.some((line) => line.kind === 'device' && line.label === 'br0'));
    assert.ok(lines.filter((line) => line.kind === 'step').length >= 3);
    assert.equal(api.currentTrace()?.request.outcome.disposition, 'exits');
  });

  test('the lines that say so are numbered in the order of the walk', async () => {
    const { document } = await openCapture('one-bridge.txt');
    await trace('tap0a1b2c3d-01', '52:54:00:bb:00:02');
    const marks = api.decorations().filter((mark) => mark.uri === document.uri.toString());
    const numberAt = (text: string): number | undefined =>
      marks.find((mark) => mark.line === position(document, text, text.trim()).line)?.number;
    const first = numberAt('priority=10,in_port=2');
    const second = numberAt('table=10');
    assert.ok(first !== undefined && second !== undefined, JSON.stringify(marks));
    assert.ok(first < second);
    assert.equal(numberAt('actions=drop'), undefined);
  });

  test('a step opens the line that it rests on', async () => {
    await trace('tap0a1b2c3d-01', '52:54:00:bb:00:02');
    const mark = api.decorations().find((each) => each.line > 0);
    assert.ok(mark);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.commands.executeCommand('packetWalk.openStep', mark.number);
    const editor = await until('the editor', () => vscode.window.activeTextEditor);
    const lines = api.decorations().filter((each) => each.numbers.includes(mark.number));
    assert.ok(lines.some((each) => each.uri === editor.document.uri.toString() && each.line === editor.selection.active.line));
  });

  test('clearing takes the walk away everywhere', async () => {
    await trace('tap0a1b2c3d-01', '52:54:00:bb:00:02');
    assert.ok(api.decorations().length > 0);
    await vscode.commands.executeCommand('packetWalk.clear');
    assert.deepEqual([api.currentTrace(), api.walkTree(), api.decorations()], [undefined, [], []]);
  });

  test('a missing MAC table is no drop, but a command to copy', async () => {
    await trace('tap9a9b9c9d-09', '52:54:00:99:00:02');
    assert.notEqual(api.currentTrace()?.request.outcome.disposition, 'dropped');
    const gap = api.currentTrace()?.request.gaps.find(({ command }) => command.includes('fdb/show br9'));
    assert.ok(gap, JSON.stringify(api.currentTrace()?.request.gaps));
    assert.ok(flat(api.walkTree()).some((line) => line.kind === 'gap' && line.label === gap.command));
    await vscode.commands.executeCommand('packetWalk.copyGap', { kind: 'gap', gap });
    assert.equal(await vscode.env.clipboard.readText(), gap.command);
    await vscode.commands.executeCommand('packetWalk.copyAllGaps');
    assert.ok((await vscode.env.clipboard.readText()).includes(gap.command));
  });

  test('the reply is walked in the same view', async () => {
    const result = await api.trace({ from: 'tap0a1b2c3d-01', to: '52:54:00:bb:00:02', proto: 'icmp', reply: true });
    assert.equal(result.kind, 'trace');
    assert.deepEqual(
      api.walkTree().map((line) => line.kind),
      ['direction', 'direction'],
    );
  });

  test('a question that cannot be asked leaves the view as it was', async () => {
    const result = await api.trace({ from: 'no-such-instance', to: '8.8.8.8' });
    assert.equal(result.kind, 'error');
    assert.equal(api.currentTrace(), undefined);
  });
});

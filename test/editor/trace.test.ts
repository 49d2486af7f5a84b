import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PacketWalkApi } from '../../client/src/api';
import { extensionApi, flat, hoverText, openCapture, position, until } from './helpers';

async function hoverAt(document: vscode.TextDocument, at: vscode.Position): Promise<string> {
  return hoverText(await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, at));
}

suite('tracing a packet', () => {
  let api: PacketWalkApi;
  suiteSetup(async () => {
    api = await extensionApi();
  });
  setup(async () => {
    await openCapture('two-hosts.txt');
    // Files that are not open are read too, in their own time.
    await until('every host', async () => (await api.inventory()).hosts.length >= 4);
  });
  teardown(async () => {
    api.clear();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const trace = (from: string, to: string): Thenable<unknown> =>
    vscode.commands.executeCommand('packetWalk.trace', { from, to, proto: 'icmp' });

  test('the walk fills the view, host by host and step by step', async () => {
    await trace('c-private', '8.8.8.8');
    const lines = flat(api.walkTree());
    assert.equal(lines[0]?.kind, 'outcome');
    const hosts = lines.filter((line) => line.kind === 'host').map((line) => line.label);
    assert.equal(hosts[0], 'compute01');
    assert.ok(hosts.includes('network-node'));
    for (const device of ['qbrf7eae624-34', 'br-int', 'br-tun', 'br-ex']) {
      assert.ok(
        lines.some((line) => line.kind === 'device' && line.label.includes(device)),
        device,
      );
    }
    assert.ok(lines.filter((line) => line.kind === 'step').length >= 30);
    assert.equal(api.currentTrace()?.request.outcome.disposition, 'exits');
    assert.deepEqual(api.currentTrace()?.request.outcome.at, { host: 'network-node', device: 'br-ex', port: 'LOCAL' });
  });

  test('the lines that say so are numbered in the order of the walk', async () => {
    const { document } = await openCapture('two-hosts.txt');
    await trace('c-private', '8.8.8.8');
    const marks = api.decorations().filter((mark) => mark.uri === document.uri.toString());
    const numberAt = (text: string): number | undefined =>
      marks.find((mark) => mark.line === position(document, text, text.trim()).line)?.number;
    const path = [
      'priority=9,in_port=2',
      'table=25,',
      'dl_dst=fa:16:3e:ca:72:d8 actions=load',
      'tun_id=0x5a actions=mod_vlan_vid:3',
      'default via 172.24.4.1',
    ];
    const numbers = path.map(numberAt);
    assert.ok(
      numbers.every((number, n) => number !== undefined && (n === 0 || number > (numbers[n - 1] ?? 0))),
      JSON.stringify(numbers),
    );
    assert.equal(numberAt('priority=2,in_port=1 actions=drop'), undefined);
    assert.ok(marks.some((mark) => mark.certainty === 'assumed'));
  });

  test('a flow says why it does not take the packet, and leads to the one that does', async () => {
    const { document } = await openCapture('two-hosts.txt');
    const at = position(document, 'priority=2,in_port=1 actions=drop', 'priority=2');
    assert.ok(!(await hoverAt(document, at)).includes('trace on show'));
    await trace('c-private', '8.8.8.8');
    assert.match(await hoverAt(document, at), /In the trace on show[\s\S]*Does not match/);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      new vscode.Range(at, at),
    );
    const go = actions.find((action) => action.title.startsWith('Go to the flow'));
    assert.ok(go?.command, actions.map((action) => action.title).join());
    await vscode.commands.executeCommand(go.command.command, ...(go.command.arguments ?? []));
    const line = vscode.window.activeTextEditor?.selection.active.line ?? -1;
    assert.match(document.lineAt(line).text, /table=0,.*priority=0 actions=NORMAL/);
    api.clear();
    await until('the answer to go away', async () => !(await hoverAt(document, at)).includes('trace on show'));
  });

  test('a step opens the line that it rests on', async () => {
    await trace('c-private', '8.8.8.8');
    const mark = api.decorations().find((each) => each.line > 0);
    assert.ok(mark);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.commands.executeCommand('packetWalk.openStep', mark.number);
    const editor = await until('the editor', () => vscode.window.activeTextEditor);
    const lines = api.decorations().filter((each) => each.numbers.includes(mark.number));
    assert.ok(lines.some((each) => each.uri === editor.document.uri.toString() && each.line === editor.selection.active.line));
  });

  test('clearing takes the walk away everywhere', async () => {
    await trace('c-private', '8.8.8.8');
    assert.ok(api.decorations().length > 0);
    await vscode.commands.executeCommand('packetWalk.clear');
    assert.deepEqual([api.currentTrace(), api.walkTree(), api.decorations()], [undefined, [], []]);
  });

  test('what is missing is no drop, but a command to copy', async () => {
    await trace('c-private', '8.8.8.8');
    const gap = api.currentTrace()?.request.gaps.find(({ command }) => command.endsWith('ip neigh'));
    assert.ok(gap, JSON.stringify(api.currentTrace()?.request.gaps));
    assert.equal(gap.host, 'network-node');
    assert.ok(flat(api.walkTree()).some((line) => line.kind === 'gap' && line.label === gap.command));
    await vscode.commands.executeCommand('packetWalk.copyGap', { kind: 'gap', gap });
    assert.equal(await vscode.env.clipboard.readText(), gap.command);
    await vscode.commands.executeCommand('packetWalk.copyAllGaps');
    assert.ok((await vscode.env.clipboard.readText()).includes(gap.command));
  });

  test('the reply is walked in the same view', async () => {
    const result = await api.trace({ from: 'c-private', to: '8.8.8.8', proto: 'icmp', reply: true });
    assert.equal(result.kind, 'trace');
    assert.deepEqual(
      api.walkTree().map((line) => line.kind),
      ['direction', 'direction'],
    );
    assert.equal(api.currentTrace()?.reply?.outcome.disposition, 'delivered');
  });

  test('a capture of an instance offers to trace from it', async () => {
    const { document } = await openCapture('two-hosts.txt');
    const lens = await until('a code lens', async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri);
      return lenses.find((each) => each.command?.title.includes('c-private'));
    });
    assert.equal(lens.command?.command, 'packetWalk.trace');
    assert.equal((lens.command.arguments?.[0] as { from?: string }).from, 'c-private');
  });

  test('a hover on a flow says where the packet goes next', async () => {
    const { document } = await openCapture('two-hosts.txt');
    const at = position(document, 'dl_dst=fa:16:3e:ca:72:d8 actions=load', 'output:2');
    const text = await until('a hover', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, at);
      return hoverText(hovers) || undefined;
    });
    for (const said of ['vxlan-c0a8010c', 'network-node', '90']) assert.ok(text.includes(said), text);
  });

  test('a question that cannot be asked leaves the view as it was', async () => {
    const result = await api.trace({ from: 'no-such-instance', to: '8.8.8.8' });
    assert.equal(result.kind, 'error');
    assert.equal(api.currentTrace(), undefined);
  });
});

import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { extensionApi, fixture, hoverText, openCapture, position, until } from './helpers';

suite('reading a capture', () => {
  let document: vscode.TextDocument;
  suiteSetup(async () => {
    await extensionApi();
    ({ document } = await openCapture('one-bridge.txt'));
  });
  suiteTeardown(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  test('a hover on a port number in a flow names the port', async () => {
    const at = position(document, 'priority=10,in_port=2', 'in_port=2').translate(0, 'in_port='.length - 1);
    const text = await until('a hover', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, at);
      return hoverText(hovers) || undefined;
    });
    assert.match(text, /tap0a1b2c3d-01/);
  });

  test('the definition of a port number in a flow is where the switch lists it', async () => {
    const at = position(document, 'priority=10,in_port=2', 'in_port=2').translate(0, 'in_port='.length - 1);
    const found = await until('a definition', async () => {
      const places = await vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[]>(
        'vscode.executeDefinitionProvider',
        document.uri,
        at,
      );
      return places.length > 0 ? places : undefined;
    });
    const lines = found.map((place) => document.lineAt(('range' in place ? place.range : place.targetRange).start.line).text);
    assert.ok(
      lines.some((line) => line.includes('2(tap0a1b2c3d-01)')),
      lines.join('\n'),
    );
  });

  test('the references of a MAC address are wherever it stands', async () => {
    const at = position(document, '<mac address', '52:54:00:aa:00:01');
    const found = await until('references', async () => {
      const places = await vscode.commands.executeCommand<vscode.Location[]>('vscode.executeReferenceProvider', document.uri, at);
      return places.length >= 3 ? places : undefined;
    });
    const lines = found
      .filter((place) => place.uri.toString() === document.uri.toString())
      .map((place) => place.range.start.line);
    assert.ok(lines.includes(position(document, 'dl_src=52:54:00:aa:00:01', 'dl_src').line));
    assert.ok(lines.includes(position(document, '    2     0  52:54:00:aa:00:01', '52').line));
  });

  test('the inventory holds the captures of every file of the folder', async () => {
    const api = await extensionApi();
    const inventory = await until('captures of both hosts', async () => {
      const now = await api.inventory();
      return ['node1', 'node2'].every((name) => now.hosts.some((host) => host.name === name)) ? now : undefined;
    });
    const here = inventory.captures.filter((capture) => capture.uri === document.uri.toString());
    assert.deepEqual(
      here.map((capture) => capture.kind),
      ['ovs-vsctl-show', 'ovs-ofctl-show', 'virsh-dumpxml', 'ovs-ofctl-dump-flows', 'ovs-appctl-fdb-show'],
    );
    assert.ok(inventory.captures.some((capture) => capture.uri === fixture('no-mac-table.txt').toString()));
    assert.ok(!inventory.captures.some((capture) => capture.uri === fixture('notes.txt').toString()));
  });
});

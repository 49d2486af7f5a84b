import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { extensionApi, fixture, hoverText, languageOf, openCapture, position, until } from './helpers';

suite('language', () => {
  suiteSetup(extensionApi);
  teardown(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  test('a text with captures becomes a capture', async () => {
    const editor = await openCapture('one-bridge.txt');
    assert.equal(editor.document.languageId, 'packet-walk');
  });

  test('a text that only its name tells becomes a capture', async () => {
    const editor = await openCapture('ip_netns.txt');
    assert.equal(editor.document.languageId, 'packet-walk');
  });

  test('captures pasted into an untitled document make it a capture', async () => {
    const capture = await vscode.workspace.fs.readFile(fixture('one-bridge.txt'));
    const document = await vscode.workspace.openTextDocument({ language: 'plaintext', content: '' });
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), Buffer.from(capture).toString('utf8')));
    await until('the language', () => languageOf(document.uri) === 'packet-walk');
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  test('a text without captures stays as it is and gets no problems', async () => {
    const notes = await vscode.workspace.openTextDocument(fixture('notes.txt'));
    await vscode.window.showTextDocument(notes);
    // The capture, opened later, has been dealt with when its language is set; so have the notes.
    await openCapture('one-bridge.txt');
    assert.equal(languageOf(notes.uri), 'plaintext');
    assert.deepEqual(vscode.languages.getDiagnostics(notes.uri), []);
  });

  test('a Markdown ticket stays Markdown, and its captures are read', async () => {
    const ticket = await vscode.workspace.openTextDocument(fixture('ticket.md'));
    await vscode.window.showTextDocument(ticket);
    const at = position(ticket, '52:54:00:aa:00:01', '52:54:00:aa:00:01');
    const text = await until('a hover', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', ticket.uri, at);
      return hoverText(hovers).includes('52:54:00:aa:00:01') ? hoverText(hovers) : undefined;
    });
    assert.match(text, /br0/);
    assert.equal(languageOf(ticket.uri), 'markdown');
  });

  test('a language that someone sets back stays', async () => {
    const { document } = await openCapture('no-mac-table.txt');
    await vscode.languages.setTextDocumentLanguage(document, 'plaintext');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const again = await vscode.workspace.openTextDocument(fixture('no-mac-table.txt'));
    await vscode.window.showTextDocument(again);
    await openCapture('one-bridge.txt');
    assert.equal(languageOf(again.uri), 'plaintext');
    await vscode.languages.setTextDocumentLanguage(again, 'packet-walk');
  });
});

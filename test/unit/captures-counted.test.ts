import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';

const first = (text: string) => {
  const [capture] = readDocument('file:///n', 'n.txt', text).captures;
  assert.ok(capture, text);
  return capture;
};
const errorsOf = (text: string) => first(text).errors.map(({ code }) => code);

describe('listings that say how much they hold', () => {
  const set = (count: number, members: readonly string[]) =>
    `# ipset list\nName: office\nType: hash:net\nRevision: 7\nHeader: family inet6 hashsize 1024 maxelem 65536\nSize in memory: 1\nReferences: 0\nNumber of entries: ${count}\nMembers:\n${members.map((member) => `${member}\n`).join('')}`;

  it('are cut off where a set lacks members', () => {
    assert.deepEqual(errorsOf(set(3, ['2001:db8::/64', '2001:db8:1::'])), ['cut-off']);
    assert.match(first(set(3, ['2001:db8::/64'])).errors[0]?.message ?? '', /set office has 3 entries, of which 1 are here/);
    assert.deepEqual(errorsOf(set(2, ['2001:db8::/64', '2001:db8:1:: timeout 3'])), []);
    assert.deepEqual(errorsOf(set(0, [])), []);
  });

  it('are whole where only headers were asked for', () => {
    assert.deepEqual(errorsOf(`# ipset list -t\n${set(9, []).replace(/^.*\n/, '').replace('Members:\n', '')}`), []);
  });

  it('are cut off where a chain of ebtables lacks rules', () => {
    const chains = (rules: string) =>
      `# ebtables -L\nBridge table: filter\n\nBridge chain: INPUT, entries: 0, policy: ACCEPT\n\nBridge chain: FORWARD, entries: 2, policy: DROP\n${rules}`;
    assert.deepEqual(errorsOf(chains('-p ARP -j ACCEPT\n')), ['cut-off']);
    assert.deepEqual(errorsOf(chains('-p ARP -j ACCEPT\n-i tap+ -j ACCEPT\n')), []);
  });

  it('hold sets of sets with remarks', () => {
    const text =
      '# ipset list\nName: all\nType: list:set\nRevision: 3\nHeader: size 8 comment\nSize in memory: 1\nReferences: 0\nNumber of entries: 1\nMembers:\noffice comment "of the office"\n';
    assert.deepEqual(errorsOf(text), []);
  });
});

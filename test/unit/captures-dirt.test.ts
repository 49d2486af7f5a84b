import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { plain } from './linux-captures.harness';
import { SAMPLES } from './reader-samples';

const lines = (text: string, change: (line: string, n: number) => string): string => text.split('\n').map(change).join('\n');

/** What becomes of captures on their way through mails, tickets, pages and editors. */
const DIRT: Readonly<Record<string, (text: string) => string>> = {
  'line breaks of Windows': (text) => text.replaceAll('\n', '\r\n'),
  'a quotation': (text) => lines(text, (line) => `> ${line}`),
  'the indentation of a block of code': (text) => lines(text, (line) => `    ${line}`),
  'numbers of cat -n': (text) => lines(text, (line, n) => `${String(n + 1).padStart(6)}\t${line}`),
  'empty lines between all lines': (text) => text.replaceAll('\n', '\n\n'),
  'the times of a log': (text) => lines(text, (line) => `2026-01-05T10:11:12.1234567Z ${line}`),
  'names of characters': (text) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
  'dashes for hyphens, and typographic quotation marks': (text) =>
    text.replace(/"([^"\n]*)"/g, '“$1”').replace(/(?<=\s)--(?=[a-z])/g, '–'),
};

/** What is known of a text, wherever it stands in it. */
function known(text: string): string[] {
  const { captures } = readDocument('file:///notes.txt', 'notes.txt', text);
  return captures.flatMap(({ kind, facts, errors }) => [
    ...facts.map((fact) => `${kind}: ${JSON.stringify(plain(fact))}`),
    ...errors.map(({ code }) => `${kind}: ${code}`),
  ]);
}

describe('a capture that went through other hands', () => {
  // What each command prints, one below the other as in somebody's notes; those that a log's times would be part of stay out.
  const notes = SAMPLES.filter(([command]) => !/tcpdump|ping|ofproto\/trace/.test(command))
    .map(([command, output]) => `[root@host ~]# ${command}\n${output.join('\n')}\n`)
    .join('');
  for (const [name, spoil] of Object.entries(DIRT)) {
    it(`says the same with ${name}`, () => {
      const clean = known(notes);
      assert.ok(clean.length > SAMPLES.length / 2);
      assert.deepEqual(known(spoil(notes)), clean);
    });
  }

  /** Their layout says which line is below which, or a line is only told from others by its blanks. */
  const BY_LAYOUT = /^(?:traceroute|ss -tin|ovs-appctl (?:dpif\/show|ofproto\/trace|stp\/show)|kubectl (?:get|describe))/;

  it('says the same without the blanks in front of its lines', () => {
    for (const [command, output] of SAMPLES) {
      if (BY_LAYOUT.test(command)) continue;
      const text = `[root@host ~]# ${command}\n${output.join('\n')}\n`;
      assert.deepEqual(known(lines(text, (line) => line.trim())), known(text), command);
    }
  });

  it('says the same where a terminal broke its lines', () => {
    const [first] = fs.readFileSync('test/fixtures/kernel/routers.jsonl', 'utf8').split('\n', 1);
    const { captures } = JSON.parse(first ?? '') as { readonly captures: Readonly<Record<string, string>> };
    const text = captures['save'] ?? '';
    for (const width of [80, 100]) {
      const broken = text.replace(new RegExp(`(.{${width}})(?=.)`, 'g'), '$1\n');
      assert.ok(broken.split('\n').length > text.split('\n').length + 5, `${width}`);
      assert.deepEqual(known(broken), known(text), `${width} columns`);
      const { captures: read } = readDocument('file:///notes.txt', 'notes.txt', broken);
      for (const { span, value } of read.flatMap(({ refs }) => refs)) {
        const shown = broken.slice(span.start, span.end);
        // What is a part of a word that was broken may end at the break.
        const word = shown.replaceAll('\n', '').toLowerCase();
        assert.ok(
          shown.includes('\n') ? value.toLowerCase().startsWith(word) : word === value.toLowerCase(),
          `${value}: ${shown}`,
        );
      }
    }
  });

  it('keeps rows apart that are of one width', () => {
    const row = (n: number) =>
      `${n}f6c2ba1-98b0-4d44-a4cb-4b46c0f5ec9a fa:16:3e:00:00:0${n} ip_address='10.0.0.${n}', subnet_id='8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a'`;
    const ports = `[root@host ~]# openstack port list -f value -c ID -c MAC -c 'Fixed IP Addresses'\n${[1, 2, 3, 4, 5, 6].map(row).join('\n')}\n`;
    assert.equal(known(ports).filter((fact) => fact.includes('"neutron-port"')).length, 6);
    const device = (n: number) =>
      `${n}: eth${n}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default qlen 1000\nlink/ether 02:00:00:00:00:0${n} brd ff:ff:ff:ff:ff:ff\n`;
    const devices = `[root@host ~]# ip link\n${[1, 2, 3, 4, 5].map(device).join('')}`;
    assert.equal(known(devices).filter((fact) => fact.includes('"mac":"02:00:00:00:00:0')).length, 5);
  });
});

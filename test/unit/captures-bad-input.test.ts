import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeText } from '../../server/src/base/decode';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import { fixture, networkOf, outline, trace } from './walk-fixture';

const SECONDS = 5;

/** Of this process, since `start`: what others on the machine do must not count. */
function seconds(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

/** Reads within the time that a person waits. */
function read(text: string, path = 'notes.txt'): CaptureDocument {
  const start = process.cpuUsage();
  const document = readDocument(`file:///${path}`, path, text);
  const took = seconds(start);
  assert.ok(took < SECONDS, `took ${took.toFixed(1)} s`);
  return document;
}

const kinds = (document: CaptureDocument): string[] => document.captures.map((capture) => capture.kind);

const FDB = `[root@a ~]# ovs-appctl fdb/show br-int
 port  VLAN  MAC                Age
    2     2  fa:16:3e:3b:53:26    0
`;

describe('bad input', () => {
  it('stays silent where nothing is captured', () => {
    for (const text of ['', '\n', '   \r\n\t\n', 'Dear diary,\nnothing today.\n', '\u0000\u0001\u0002\u0003', '\ufeff']) {
      const document = read(text);
      assert.deepEqual(kinds(document), [], JSON.stringify(text));
      assert.deepEqual(document.unclassified, []);
    }
  });

  it('reads a log of 50 MB without a capture, and says nothing of it', () => {
    const line =
      '2024-05-01T10:00:00.123Z INFO nova.compute.manager [req-7c1e8a70 admin] [instance: 6f] Took 1.23 seconds to spawn (port 80, cookie=none)\n';
    const text = line.repeat(Math.ceil((50 * 1024 * 1024) / line.length));
    const start = process.cpuUsage();
    const document = readDocument('file:///a.log', 'a.log', text);
    const took = seconds(start);
    console.log(`# 50 MB log: ${took.toFixed(2)} s`);
    assert.deepEqual(kinds(document), []);
    // Some 6 s of an idle machine; slow or busy ones take twice that.
    assert.ok(took < 20, `took ${took.toFixed(1)} s`);
  });

  it('survives hostile repetition', () => {
    const many = (text: string, times: number): string => text.repeat(times);
    const hostile: Record<string, string> = {
      'one line of 1 MB': many('x', 1 << 20),
      'one line of 1 MB of words': many('ab ', 350_000),
      'opening brackets': `# ovs-ofctl dump-flows br0\n cookie=0x0, table=0, priority=1 actions=${many('(', 100_000)}\n${FDB}`,
      'nested brackets': `# ovs-ofctl dump-flows br0\n priority=1 actions=${many('clone(', 20_000)}output:1${many(')', 20_000)}\n${FDB}`,
      'nested learn': `# ovs-ofctl dump-flows br0\n priority=1 actions=${many('learn(table=1,', 5_000)}${many(')', 5_000)}\n${FDB}`,
      commas: `# ovs-ofctl dump-flows br0\n priority=1${many(',', 100_000)} actions=drop\n${FDB}`,
      'many actions': `# ovs-ofctl dump-flows br0\n priority=1 actions=${many('output:1,', 20_000)}drop\n${FDB}`,
      pipes: `# openstack port list\n${many('|', 50_000)}\n${FDB}`,
      'a table of pluses': `# openstack port list\n${many('+-', 50_000)}+\n${FDB}`,
      quotes: `# ovs-vsctl show\n    Bridge ${many('"', 50_000)}\n${FDB}`,
      options: `# ovs-vsctl show\n    Bridge b\n        Port p\n            Interface p\n                options: {${many('a=b, ', 50_000)}}\n${FDB}`,
      prompts: many('[root@a ~]# ', 50_000),
      'prompts on lines': many('[root@a ~]# \n', 20_000),
      quotations: many('> ', 100_000),
      stars: many('*', 100_000),
      tags: `# virsh dumpxml a\n${many('<a>', 100_000)}\n${FDB}`,
      'a rule': `# iptables-save\n*filter\n-A INPUT ${many('-m comment ', 20_000)}-j DROP\n${FDB}`,
      'a list': `# iptables -L -n\nChain INPUT (policy ACCEPT)\ntarget prot opt source destination\nACCEPT all -- 0.0.0.0/0 0.0.0.0/0 ${many('/* a ', 30_000)}\n${FDB}`,
      addresses: `# ip a\n1: ${many('a', 200_000)}: <UP> mtu 1500\n${FDB}`,
      json: `# ip -j a\n${many('[', 100_000)}\n${FDB}`,
      routes: `# ip r\n${many('10.0.0.0/8 dev a ', 10_000)}\n${FDB}`,
      blanks: `# ip r\n${many(' ', 300_000)}x\n${FDB}`,
    };
    // Lines of a length that no reader gives up on, too.
    const shorter = Object.entries(hostile).map(
      ([name, text]) =>
        [
          `${name}, shorter`,
          text
            .split('\n')
            .map((line) => line.slice(0, 60_000))
            .join('\n'),
        ] as const,
    );
    for (const [name, text] of [...Object.entries(hostile), ...shorter]) {
      const start = process.cpuUsage();
      const document = readDocument('file:///h.txt', 'h.txt', text);
      const took = seconds(start);
      if (took > 0.5) console.log(`# ${name}: ${took.toFixed(2)} s`);
      assert.ok(took < SECONDS, `${name}: ${took.toFixed(1)} s`);
      if (text.endsWith(FDB))
        assert.ok(
          kinds(document).includes('ovs-appctl-fdb-show'),
          `${name}: the neighbour is lost (${kinds(document).join(', ')})`,
        );
    }
  });

  it('keeps the neighbours of a capture that is cut in the middle of a line', () => {
    const text = `[root@a ~]# ovs-ofctl dump-flows br-int\n cookie=0x1, duration=1.2s, table=0, n_packets=3, n_bytes=4, priority=0 actions=NORMAL\n cookie=0x1, duration=1.2s, table=0, n_pac\n${FDB}`;
    const document = read(text);
    assert.deepEqual(kinds(document), ['ovs-ofctl-dump-flows', 'ovs-appctl-fdb-show']);
    const [dump] = document.captures;
    assert.deepEqual(
      dump?.errors.map((error) => error.code),
      ['cut-off'],
    );
    assert.equal(dump?.flows.count, 2);
    const network = networkOf(text);
    assert.equal(network.hosts.get('a')?.bridges.get('br-int')?.flowsKnown, 'partial');
  });

  it('reports an unknown field and an unknown action once each, and keeps the flows', () => {
    const document = read(
      '# ovs-ofctl dump-flows br0\n table=0, priority=5,frobnicate=7 actions=drop\n table=0, priority=4,tcp actions=frobnicate(7),NORMAL\n table=0, priority=1 actions=NORMAL\n',
    );
    const [dump] = document.captures;
    assert.equal(dump?.flows.count, 3);
    assert.deepEqual(dump?.errors.map((error) => error.code).sort(), ['unknown-action', 'unknown-field']);
  });

  it('reads CRLF, a byte order mark and UTF-16 as the same capture', () => {
    const text = fixture('walks/provider-vlan.txt');
    const expected = outline(trace(networkOf(text), 'web1 > 8.8.8.8').request);
    const crlf = text.replaceAll('\n', '\r\n');
    assert.equal(outline(trace(networkOf(crlf), 'web1 > 8.8.8.8').request), expected);
    const utf16 = new Uint8Array(2 + 2 * text.length);
    utf16.set([0xff, 0xfe]);
    for (let n = 0; n < text.length; n++) utf16.set([text.charCodeAt(n) & 0xff, text.charCodeAt(n) >> 8], 2 + 2 * n);
    const big = new Uint8Array(utf16.length).map((_, n) => utf16[n ^ 1] ?? 0);
    const marked = new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode(crlf)]);
    for (const bytes of [utf16, big, marked]) {
      const decoded = decodeText(bytes);
      assert.equal(decoded.kind, 'text');
      if (decoded.kind === 'text') assert.equal(outline(trace(networkOf(decoded.text), 'web1 > 8.8.8.8').request), expected);
    }
  });

  it('calls a binary binary and takes lone surrogates as they are', () => {
    assert.equal(decodeText(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 2, 3])).kind, 'binary');
    const document = read(`\ud800 \udc00\n${FDB.replace('br-int', 'br-\ud800')}`);
    assert.deepEqual(kinds(document), ['ovs-appctl-fdb-show']);
  });
});

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '../../server/src/cli/run';

const example = 'examples/two-hosts-walk.txt';
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-cli-'));

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function cli(...args: string[]): Ran {
  let out = '';
  let err = '';
  const status = run(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    colours: false,
  });
  return { status, out, err };
}

function file(name: string, content: string | Buffer): string {
  const at = path.join(dir, name);
  fs.mkdirSync(path.dirname(at), { recursive: true });
  fs.writeFileSync(at, content);
  return at;
}

interface TraceJson {
  request: {
    outcome: {
      disposition: string;
      certainty: string;
      at: { host: string; device: string; port: string | null };
      summary: string;
    };
    steps: {
      host: string | null;
      namespace: string | null;
      stage: string;
      device: string;
      port: string | null;
      summary: string;
      certainty: string;
      packet: Record<string, unknown>;
      evidence: { path: string; line: number }[];
      steps: unknown[];
      table?: number;
      priority?: number;
    }[];
    gaps: { host: string | null; command: string; why: string }[];
  };
  reply: TraceJson['request'] | null;
}

describe('the command line', () => {
  before(() => fs.mkdirSync(dir, { recursive: true }));
  after(() => fs.rmSync(dir, { recursive: true, force: true }));

  it('takes the length of a packet, and tells the path MTU', () => {
    const question = ['trace', example, '--from', 'c-private', '--to', '8.8.8.8'];
    const { status, out } = cli(...question, '--length', '1500', '--df', '--json');
    assert.equal(status, 1);
    const json = JSON.parse(out) as {
      request: { mtu: { bytes: number; summary: string; at: { evidence: unknown[] }; unknown: { host: string; mtu: null }[] } };
    };
    assert.equal(json.request.mtu.bytes, 1450);
    assert.equal(json.request.mtu.at.evidence.length, 1);
    assert.ok(json.request.mtu.unknown.some(({ host, mtu }) => host === 'compute01' && mtu === null));
    assert.match(cli(...question).out, /^ {2}Path MTU 1450: /m);
    for (const [wrong, message] of [
      [['--length', 'long'], /--length takes a number of bytes, not "long"/],
      [['--df'], /give its length/],
      [['--length', '20'], /from 28 to 65535 bytes/],
    ] as const) {
      const refused = cli(...question, ...wrong);
      assert.equal(refused.status, 2);
      assert.match(refused.err, message);
    }
  });

  it('prints one JSON document with the contract’s fields', () => {
    const { status, out, err } = cli('trace', example, '--from', 'c-private', '--to', '8.8.8.8', '--json');
    assert.equal(status, 0);
    assert.equal(err, '');
    const json = JSON.parse(out) as TraceJson;
    assert.equal(json.reply, null);
    assert.equal(json.request.outcome.disposition, 'exits');
    assert.deepEqual(json.request.outcome.at, { host: 'network-node', device: 'br-ex', port: 'LOCAL' });
    const lines = fs.readFileSync(example, 'utf8').split('\n');
    for (const step of json.request.steps) {
      assert.ok(step.summary.length > 0 && ['captured', 'inferred', 'assumed'].includes(step.certainty));
      for (const { path: at, line } of step.evidence) {
        assert.equal(at, example);
        assert.ok((lines[line - 1] ?? '').trim() !== '', `line ${line} proves "${step.summary}" and is blank`);
      }
    }
    const tables = json.request.steps
      .filter((step) => step.stage === 'ovs-table')
      .map((step) => [step.device, step.table, step.priority]);
    assert.deepEqual(tables.slice(0, 5), [
      ['br-int', 0, 9],
      ['br-int', 25, 2],
      ['br-tun', 0, 1],
      ['br-tun', 2, 0],
      ['br-tun', 20, 1],
    ]);
    const tunnel = json.request.steps.find((step) => step.stage === 'tunnel');
    assert.equal(tunnel?.packet['tun_id'], '0x5a');
    assert.equal(tunnel?.packet['dl_vlan'], undefined);
    assert.ok(json.request.gaps.some((gap) => gap.command.endsWith('ip neigh') && gap.host === 'network-node'));
  });

  it('walks the answer back with --reply', () => {
    const json = JSON.parse(
      cli('trace', example, '--from', 'c-private', '--to', '8.8.8.8', '--reply', '--json').out,
    ) as TraceJson;
    assert.equal(json.reply?.outcome.disposition, 'delivered');
    assert.equal(json.reply?.outcome.at.device, 'c-private');
    assert.equal(json.reply?.outcome.certainty, 'assumed');
  });

  it('says in an inventory what it recognised, with 1-based lines', () => {
    const json = JSON.parse(cli('inventory', example, '--json').out) as {
      documents: {
        path: string;
        lines: number;
        captures: { kind: string; startLine: number; endLine: number; host: string | null }[];
      }[];
      hosts: { name: string; aliases: string[]; bridges: string[] }[];
      errors: unknown[];
    };
    const [document] = json.documents;
    assert.equal(document?.lines, fs.readFileSync(example, 'utf8').trimEnd().split('\n').length);
    const kinds = new Set(document?.captures.map(({ kind }) => kind));
    for (const kind of [
      'nova-show', 'nova-interface-list', 'virsh-dumpxml', 'brctl-show', 'ovs-vsctl-show', 'neutron-net-show', 'neutron-port-list',
      'ping', 'ovs-appctl-fdb-show', 'ovs-ofctl-show', 'ovs-ofctl-dump-flows', 'neutron-router-list', 'ip-netns-list',
      'neutron-router-port-list', 'ip-address', 'ip-route', 'iptables-list',
    ]) assert.ok(kinds.has(kind), kind); // prettier-ignore
    assert.deepEqual(json.hosts.map(({ name }) => name).sort(), ['c-private', 'compute01', 'controller', 'network-node']);
    assert.deepEqual(json.hosts.find(({ name }) => name === 'compute01')?.aliases, ['compute-node']);
    assert.deepEqual(json.errors, []);
  });

  it('reports what it cannot read and goes on with the rest', () => {
    const good = file(
      'mixed/compute01/ovs-vsctl_show.txt',
      'aaaa1111-0000-4000-8000-000000000001\n    Bridge br0\n        Port eth0\n            Interface eth0\n',
    );
    file('mixed/blob.bin', Buffer.from([0, 1, 2, 3, 0, 255]));
    const missing = path.join(dir, 'not-there');
    const { status, out, err } = cli('inventory', path.join(dir, 'mixed'), missing, '--json');
    assert.equal(status, 0);
    assert.match(err, /not-there cannot be read \(no such file or folder\)/);
    const json = JSON.parse(out) as { documents: { path: string; captures: { kind: string; host: string; hostBy: string }[] }[] };
    const document = json.documents.find(({ path: at }) => at === good);
    assert.deepEqual(
      document?.captures.map(({ kind, host, hostBy }) => [kind, host, hostBy]),
      [['ovs-vsctl-show', 'compute01', 'folder']],
    );
  });

  it('ends with 2 for bad usage and unreadable input, with a sentence', () => {
    for (const args of [
      [],
      ['walk', example],
      ['trace', example],
      ['trace', example, '--from', 'c-private', '--to', '8.8.8.8', '--proto', 'ipx'],
      ['trace', example, '--from', 'c-private', '--to', '8.8.8.8', '--dport', '99999'],
      ['trace', example, '--from', 'nobody', '--to', '8.8.8.8'],
      ['inventory', path.join(dir, 'not-there')],
      ['inventory', file('binary.txt', Buffer.from([0, 0, 0, 7]))],
      ['inventory', example, '--frobnicate'],
    ]) {
      const { status, err, out } = cli(...args);
      assert.equal(status, 2, args.join(' '));
      assert.ok(err.length > 0 || out.startsWith('Usage'), args.join(' '));
    }
  });

  it('ends with 1 where the packet does not get through', () => {
    const router = file(
      'drop/notes.txt',
      [
        'r1# ip a',
        '2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP',
        '    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff',
        '    inet 10.9.0.1/24 brd 10.9.0.255 scope global eth0',
        'r1# ip r',
        '10.9.0.0/24 dev eth0 proto kernel scope link src 10.9.0.1',
        'unreachable 198.18.0.0/15',
        '',
      ].join('\n'),
    );
    const { status, out } = cli('trace', router, '--from', 'r1', '--to', '198.18.0.9');
    assert.match(out, /dropped \(captured\)/);
    assert.equal(status, 1);
  });

  it('tells of problems as JSON and as SARIF', () => {
    const broken = file(
      'broken/h1/ovs-ofctl_dump-flows_br0.txt',
      ' cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=1,flux=7 actions=output:1\n',
    );
    const json = JSON.parse(cli('check', broken, '--json').out) as {
      diagnostics: { line: number; column: number; code: string; message: string }[];
    };
    assert.deepEqual(
      json.diagnostics.map(({ line, code }) => [line, code]),
      [[1, 'unknown-field']],
    );
    assert.match(json.diagnostics[0]?.message ?? '', /no match field "flux"/);
    const sarif = JSON.parse(cli('check', broken, '--sarif').out) as {
      version: string;
      runs: { results: { ruleId: string }[] }[];
    };
    assert.equal(sarif.version, '2.1.0');
    assert.equal(sarif.runs[0]?.results[0]?.ruleId, 'unknown-field');
    assert.equal(cli('check', broken).status, 1);
  });

  it('reads UTF-16, CRLF and a byte order mark', () => {
    const text = fs.readFileSync(example, 'utf8');
    const outcome = (at: string) =>
      (JSON.parse(cli('trace', at, '--from', 'c-private', '--to', '8.8.8.8', '--json').out) as TraceJson).request.outcome.at;
    const expected = outcome(example);
    assert.deepEqual(
      outcome(file('utf16.txt', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]))),
      expected,
    );
    assert.deepEqual(outcome(file('bom.txt', `\ufeff${text}`)), expected);
    assert.deepEqual(outcome(file('crlf.txt', text.replaceAll('\n', '\r\n'))), expected);
  });
});

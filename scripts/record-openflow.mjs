// Asks a real Open vSwitch how it reads and prints flows, and rewrites the fixtures of the tests with its answers. To add a case,
// put its text into a line of the file and run this. Needs Debian's openvswitch-switch.
//   node scripts/record-openflow.mjs
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const fixture = (name) => path.join(root, 'test/fixtures/openflow', name);
const lines = (name) =>
  fs
    .readFileSync(fixture(name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const write = (name, rows) => fs.writeFileSync(fixture(name), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);

const { outputFiles } = await esbuild.build({
  absWorkingDir: root,
  entryPoints: ['test/oracle/switch.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { startSwitch } = await import(`data:text/javascript;base64,${code}`);

const protocols = ['OpenFlow10', 'OpenFlow11', 'OpenFlow12', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15'];
const lab = await startSwitch();
try {
  await lab.vsctl([
    ...['--', 'add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath-type=dummy', 'fail-mode=secure'],
    ...[`protocols=${protocols.join(',')}`, '--', 'add-port', 'br0', 'p1', '--', 'set', 'interface', 'p1', 'type=dummy'],
    ...[
      'ofport_request=1',
      '--',
      'add-port',
      'br0',
      'qvo2-a',
      '--',
      'set',
      'interface',
      'qvo2-a',
      'type=dummy',
      'ofport_request=2',
    ],
  ]);
  const options = [
    '{class=0xffff,type=0,len=4}->tun_metadata0',
    '{class=0xffff,type=1,len=16}->tun_metadata1',
    '{class=0xffff,type=5,len=8}->tun_metadata33',
  ];
  await lab.ofctl(['add-tlv-map', 'br0', options.join(',')]);
  const bridge = path.join(lab.folder, 'br0.mgmt');
  const said = ({ err }) =>
    err
      .replace(/^\d{4}-.*\n/gm, '')
      .replace(/^ovs-ofctl: /, '')
      .trim();
  const flowLine = (text) => text.split('\n').find((line) => line.includes('actions=')) ?? '';

  const packets = [];
  for (const { flow } of lines('packets.jsonl')) {
    const { out, err } = await lab.appctl(['ofproto/trace', 'br0', flow]);
    packets.push({ flow, answer: /^Flow: (.*)$/m.exec(out)?.[1] ?? err.trim() });
  }
  write('packets.jsonl', packets);

  const flows = [];
  for (const { flow } of lines('flows.jsonl')) {
    const row = { flow };
    const parsed = await lab.ofctl(['parse-flow', flow]);
    if (parsed.status === 0) row.parsed = flowLine(parsed.out).replace(/^.*: ADD ?/, '');
    else row.error = said(parsed);
    await lab.ofctl(['-O', 'OpenFlow15', 'del-flows', bridge]);
    for (const version of ['OpenFlow10', 'OpenFlow13', 'OpenFlow15']) {
      const added = await lab.ofctl(['-O', version, 'add-flow', bridge, flow]);
      if (added.status !== 0 || parsed.status !== 0) continue;
      row.by = version;
      row.stored = flowLine(
        (await lab.appctl(['bridge/dump-flows', 'br0'])).out
          .split('\n')
          .filter((line) => !line.startsWith('table_id=254'))
          .join('\n'),
      );
      for (const shown of ['OpenFlow10', 'OpenFlow11', 'OpenFlow13', 'OpenFlow15']) {
        const dump = await lab.ofctl(['-O', shown, '--no-stats', 'dump-flows', bridge]);
        row[shown] = flowLine(dump.out);
      }
      row.names = flowLine((await lab.ofctl(['-O', 'OpenFlow15', '--names', 'dump-flows', bridge])).out).replace(
        /duration=[\d.]+s/,
        'duration=1.5s',
      );
      break;
    }
    if (row.stored) row.stored = row.stored.replace(/duration=\d+s/, 'duration=1s');
    flows.push(row);
  }
  write('flows.jsonl', flows);
  console.log(`${packets.length} packets, ${flows.length} flows`);
} finally {
  await lab.stop();
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { folder, networkOf, root, trace, type Walked } from './walk-fixture';
import path from 'node:path';

const files = folder(path.join(root, 'test/fixtures/linux-hosts'));
const captures = new Map([...files].filter(([name]) => /^host\d\.txt$/.test(name)));
const network = networkOf(captures);

/** `FROM TO answered|lost`: real pings of the two machines that the captures are from. */
const pings = (files.get('pings.txt') ?? '')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

function answered({ request, reply }: Walked): string {
  const good = request.ending.disposition === 'delivered' && reply?.ending.disposition === 'delivered';
  const bad = [request, reply].some((answer) => answer?.ending.disposition === 'dropped');
  return good ? 'answered' : bad ? 'lost' : 'open';
}

describe('bridges, macvlan devices, a tunnel and containers of two machines', () => {
  it('answers as the real machines did', () => {
    const wrong: string[] = [];
    for (const [from = '', to = '', real = ''] of pings) {
      const start = /^host\d$/.test(from) ? from : startOf(from);
      const walked = answered(trace(network, `${start} > ${to} reply`));
      if (walked !== real) wrong.push(`${from} > ${to}: ${real}, walked ${walked}`);
    }
    assert.deepEqual(wrong, []);
  });
});

/** The address of a container, by which it is meant. */
function startOf(name: string): string {
  for (const host of network.hosts.values()) {
    for (const device of host.namespaces.get(name)?.devices.values() ?? [])
      for (const { ip } of device.addresses) if (device.name !== 'lo' && !ip.includes(':')) return `${host.name}:${ip}`;
  }
  throw new Error(`no address of ${name}`);
}

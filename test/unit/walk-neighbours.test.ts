import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { folder, networkOf, root, trace } from './walk-fixture';

const files = folder(path.join(root, 'test/fixtures/linux-neighbours'));
const network = networkOf(new Map([['host.txt', files.get('host.txt') ?? '']]));

/** `FROM ADDRESS answered|unanswered`: whether the real machine's neighbour table had the address after a ping (build.sh). */
const asks = (files.get('asks.txt') ?? '')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

function startOf(name: string, family: string): string {
  const namespace = network.hosts.get('host')?.namespaces.get(name === 'host' ? '' : name);
  for (const device of namespace?.devices.values() ?? [])
    for (const { ip } of device.addresses)
      if (device.name !== 'lo' && !ip.startsWith('fe80') && ip.includes(':') === (family === '6')) return `host:${ip}`;
  return 'host';
}

describe('asking for neighbours of a bridge whose hosts refuse to hear, to ask or to answer', () => {
  it('is answered where the real machine was answered', () => {
    const wrong: string[] = [];
    for (const [from = '', address = '', real = ''] of asks) {
      const { request, reply } = trace(network, `${startOf(from, address.includes(':') ? '6' : '4')} > ${address} arp reply`);
      const walked =
        request.ending.disposition === 'delivered' && reply?.ending.disposition === 'delivered' ? 'answered' : 'unanswered';
      if (walked !== real)
        wrong.push(
          `${from} > ${address}: ${real}, walked ${request.ending.disposition} ${request.ending.summary} ${reply?.ending.disposition} ${reply?.ending.summary}`,
        );
    }
    assert.deepEqual(wrong, []);
  });

  it('takes for an address of lo the MAC of the device that answers for it', () => {
    const { request } = trace(network, `${startOf('host', '4')} > 10.0.74.44`);
    assert.equal(request.ending.disposition, 'delivered');
    const { steps } = request;
    assert.ok(steps.some(({ reason }) => /answers for it by eth0/.test(reason ?? '')));
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import path from 'node:path';
import { folder, networkOf, root, trace, type Walked } from './walk-fixture';

const files = folder(path.join(root, 'test/fixtures/linux-neighbours'));
const network = networkOf(new Map([...files].filter(([name]) => name === 'host.txt')));

/** `FROM TO answered|unanswered`: who learned whose address on the machine that the captures are from. */
const asks = (files.get('asks.txt') ?? '')
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

function addressOf(name: string, six: boolean): string {
  const last = name === 'host' ? 1 : 'hijkl'.indexOf(name) + 2;
  return six ? `fd00:74::${last}` : `10.0.74.${last}`;
}

function ask(from: string, to: string): Walked {
  return trace(network, `host:${addressOf(from, to.includes(':'))} > ${to} arp reply`);
}

/** An answer that is made and heard. */
function answered({ request, reply }: Walked): string {
  if (request.ending.disposition !== 'delivered') return request.ending.disposition === 'dropped' ? 'unanswered' : 'open';
  return reply?.ending.disposition === 'delivered' ? 'answered' : reply?.ending.disposition === 'dropped' ? 'unanswered' : 'open';
}

describe('questions for neighbours', () => {
  it('are heard and answered as on the real machine, whatever ip6tables, ebtables and arp_ignore do with them', () => {
    assert.ok(asks.length > 70);
    const wrong: string[] = [];
    for (const [from = '', to = '', real = ''] of asks) {
      const walked = answered(ask(from, to));
      if (walked !== real) wrong.push(`${from} > ${to}: ${real}, walked ${walked}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('take for an address of lo the MAC of the device that answers for it', () => {
    const { request } = trace(network, 'host:10.0.74.1 > 10.0.74.44');
    assert.equal(request.ending.disposition, 'delivered');
    assert.ok(request.steps.some(({ reason }) => /answers for it by eth0/.test(reason ?? '')));
  });
});

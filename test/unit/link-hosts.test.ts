import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { createService } from '../../server/src/service';
import { walk } from '../../server/src/walk/walk';

const article = fs.readFileSync('test/fixtures/article-outputs.txt', 'utf8');

function network(text: string) {
  const service = createService();
  service.set('file:///t/notes.txt', 't/notes.txt', text);
  return service.world().network;
}

/** Devices in order, without the names of hosts. */
function devices(text: string): string[] {
  const result = walk(network(text), { from: 'c-private', to: '8.8.8.8' });
  assert.equal(result.kind, 'walk');
  return result.kind === 'walk' ? result.request.steps.map((step) => `${step.stage} ${step.device} ${step.port ?? ''}`) : [];
}

describe('captures that no prompt gives a host', () => {
  const bare = article.replace(/^( *)(?:compute01|compute-node|network-node ?|controller)# ?/gm, '$1$ ');

  it('are told apart, and walked as if their prompts were there', () => {
    assert.deepEqual(devices(bare), devices(article));
  });

  it('are named after the hypervisor that the cloud says runs the instance, never after the instance', () => {
    const { hosts } = network(bare);
    assert.ok(hosts.has('compute01'));
    assert.match(hosts.get('compute01')?.reasons.join(' ') ?? '', /c-private runs there/);
    assert.equal(hosts.get('c-private')?.bridges.size ?? 0, 0);
    assert.equal(hosts.size >= 2, true);
  });
});

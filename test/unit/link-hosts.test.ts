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

describe('files that are named after commands', () => {
  const show = 'Bridge br0\n    Port p1\n        Interface p1\n';
  const flows = ' cookie=0x0, duration=2.0s, table=0, n_packets=0, n_bytes=0, priority=1 actions=NORMAL\n';
  const hosts = (at: (name: string) => readonly [string, string]) => {
    const service = createService();
    for (const [name, text] of [
      ['ovs-vsctl_show.txt', show],
      ['ovs-ofctl_dump-flows_br0.txt', flows],
    ] as const)
      service.set(...at(name), text);
    return [...service.world().network.hosts.values()].map(({ name, bridges }) => [name, [...bridges.keys()]]);
  };

  it('are one host where they lie together, named after the folder', () => {
    assert.deepEqual(
      hosts((name) => [`file:///srv/node%207/${name}`, name]),
      [['node 7', ['br0']]],
    );
    assert.deepEqual(
      hosts((name) => [`file:///srv/captures/${name}`, `./${name}`]),
      [['captures', ['br0']]],
    );
    assert.deepEqual(
      hosts((name) => [`file:///srv/captures/${name}`, `captures/${name}`]),
      [['captures', ['br0']]],
    );
    assert.deepEqual(
      hosts((name) => [`file:///srv/node7/${name}`, `node7/${name}`]),
      [['node7', ['br0']]],
    );
  });
});

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

describe('machines that no name tells, in one text', () => {
  const addresses = (prompt: string, n: string) =>
    `${prompt} ip a\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether 52:54:00:00:00:${n} brd ff:ff:ff:ff:ff:ff\n    inet 10.0.0.${Number.parseInt(n, 16)}/24 brd 10.0.0.255 scope global eth0\n`;
  const routes = (prompt: string, n: string) =>
    `${prompt} ip r\n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.${Number.parseInt(n, 16)}\n`;

  it('are two where a card has two addresses', () => {
    const { hosts } = network(
      `node A:\n\n${addresses('$', '0a')}${routes('$', '0a')}\nnode B:\n\n${addresses('$', '0b')}${routes('$', '0b')}\nAgain on A:\n\n${addresses('$', '0a')}`,
    );
    assert.deepEqual([...hosts.keys()], ['t', 't#2']);
    const [first, second] = [...hosts.values()].map((host) => host.namespaces.get(''));
    assert.deepEqual(
      [first?.routes.map(({ route }) => route.src?.value), second?.routes.map(({ route }) => route.src?.value)],
      [['10.0.0.10'], ['10.0.0.11']],
    );
  });

  it('are told by their prompts once their cards told them apart', () => {
    const { hosts } = network(
      `${addresses('$', '0a')}\nIn the container:\n\n${addresses('/ #', '0b')}${routes('/ #', '0b')}\n${routes('$', '0a')}`,
    );
    const [first, second] = [...hosts.values()].map((host) => host.namespaces.get(''));
    assert.deepEqual(
      [first?.routes.map(({ route }) => route.src?.value), second?.routes.map(({ route }) => route.src?.value)],
      [['10.0.0.10'], ['10.0.0.11']],
    );
  });

  it('are one where nothing contradicts', () => {
    assert.equal(network(`${addresses('$', '0a')}${routes('#', '0a')}${addresses('#', '0a')}`).hosts.size, 1);
  });
});

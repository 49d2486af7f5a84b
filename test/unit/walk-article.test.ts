import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { get, vlanOf } from '../../server/src/packet/flow-key';
import type { Step } from '../../server/src/walk/step';
import type { WalkAnswer } from '../../server/src/walk/walk';
import { documentsOf, filesOf, fixture, line, networkOf, outline, recorded, root, trace, type Files } from './walk-fixture';

const text = fixture('article-outputs.txt');
const network = networkOf(filesOf(text, 'article-outputs.txt'));
const QROUTER = 'qrouter-bfc87e1e-6b93-446f-a305-6dc6153c1198';

const outside = trace(network, 'c-private > 8.8.8.8 reply');
const inbound = trace(network, '172.24.4.1 > 172.24.4.3 reply');

function flat(steps: readonly Step[]): Step[] {
  return steps.flatMap((step) => [step, ...flat(step.steps)]);
}

function the(answer: WalkAnswer, test: (step: Step) => boolean): Step {
  const found = answer.steps.find(test);
  if (!found) assert.fail(outline(answer));
  return found;
}

/** The way without what was learned on it: to compare two texts that say the same. */
function way(answer: WalkAnswer | undefined): string {
  return answer
    ? [answer.ending.disposition, ...answer.steps.map(line)]
        .join('\n')
        .replaceAll(/\b(?:network-node|compute01|compute-node)\b/g, 'host')
    : '(none)';
}

describe("the article's walks", () => {
  for (const [name, asked] of [
    ['outside', 'c-private > 8.8.8.8 reply'],
    ['gateway', 'c-private > 172.19.1.1 reply'],
    ['dhcp', 'c-private > 172.19.1.2 reply'],
    ['inbound', '172.24.4.1 > 172.24.4.3 reply'],
  ] as const) {
    it(`${name}: every step`, () => {
      const { request, reply } = trace(network, asked);
      recorded(`article.${name}.expected`, `${asked}\n${outline(request)}\nreply\n${reply ? outline(reply) : '(not walked)'}`);
    });
  }

  it('takes the counters of flows behind a bridge whose rules nobody captured as a sign that frames pass', () => {
    const bridge = outside.request.steps.find(({ device }) => device === 'qbrf7eae624-34');
    assert.match(bridge?.reason ?? '', /counters of the flows behind it show that frames do get through/);
  });

  it('visits the devices and ports that the article names, in its order', () => {
    const places = outside.request.steps
      .filter(
        ({ stage }) =>
          stage !== 'ovs-table' &&
          stage !== 'ovs-normal' &&
          stage !== 'netfilter' &&
          stage !== 'route' &&
          stage !== 'neighbour' &&
          stage !== 'instance',
      )
      .map((step) => (step.port === null ? step.device : `${step.device}:${step.port}`));
    assert.deepEqual(places, [
      'tapf7eae624-34', 'qbrf7eae624-34', 'qvbf7eae624-34', 'br-int:qvof7eae624-34', 'br-int:patch-tun', 'br-tun:patch-int', 'br-tun:vxlan-c0a8010c',
      'br-tun:vxlan-c0a8010d', 'br-tun:patch-int', 'br-int:patch-tun', 'br-int:qr-2c628d36-76', 'qr-2c628d36-76',
      'br-int:qg-a1b3323f-35', 'br-int:int-br-ex', 'br-ex:phy-br-ex', 'br-ex:LOCAL',
    ]); // prettier-ignore
    const tables = outside.request.steps
      .filter(({ stage }) => stage === 'ovs-table')
      .map((step) => `${step.device} ${step.table ?? ''}/${step.priority ?? ''}`);
    assert.deepEqual(tables, [
      'br-int 0/9',
      'br-int 25/2',
      'br-tun 0/1',
      'br-tun 2/0',
      'br-tun 20/1',
      'br-tun 0/1',
      'br-tun 4/1',
      'br-tun 10/1',
      'br-int 0/0',
      'br-int 0/0',
      'br-ex 0/0',
    ]);
    const tunnel = the(outside.request, ({ stage }) => stage === 'tunnel');
    assert.equal(get(tunnel.packet, 'tun_id'), 90n);
    assert.equal(vlanOf(tunnel.packet), undefined);
    assert.equal(vlanOf(the(outside.request, ({ table }) => table === 4).packet), 3);
    assert.equal(outside.request.ending.disposition, 'exits');
    assert.deepEqual(outside.request.ending.at, { host: 'network-node', device: 'br-ex', port: 'LOCAL' });
  });

  it('knows two prompts of one machine, and whose the listing without a prompt is', () => {
    const compute = [...network.hosts.values()].find(({ bridges }) =>
      bridges.get('br-int')?.ports.some(({ name }) => name === 'qvof7eae624-34'),
    );
    assert.equal(compute?.name, 'compute01');
    assert.deepEqual(compute.aliases, ['compute-node']);
    assert.ok(compute.reasons.some((reason) => reason.includes('one machine')));
    const node = network.hosts.get('network-node');
    assert.ok(node?.bridges.get('br-tun')?.ports.some(({ name }) => name === 'vxlan-c0a8010d'));
    assert.ok(node?.reasons.some((reason) => reason.includes('ovs-vsctl')));
  });

  it('does not take a rule with hidden interfaces literally', () => {
    const nat = the(outside.request, ({ chain }) => chain === 'nat/POSTROUTING');
    assert.match(nat.summary, /^SNAT 172\.19\.1\.3 → 8\.8\.8\.8 becomes 172\.24\.4\.3 → 8\.8\.8\.8$/);
    assert.equal(nat.certainty, 'inferred');
    assert.match(nat.reason ?? '', /hides interfaces/);
    const accept = nat.steps.find(({ chain }) => chain === 'nat/neutron-l3-agent-POSTROUTING');
    assert.match(accept?.summary ?? '', /may match, taken not to/);
    assert.ok(outside.request.gaps.some(({ command }) => command === `ip netns exec ${QROUTER} iptables -t nat -S`));
  });

  it('takes the floating address before the shared one: order decides', () => {
    const nat = the(outside.request, ({ chain }) => chain === 'nat/POSTROUTING');
    assert.ok(flat([nat]).some(({ chain }) => chain === 'nat/neutron-l3-agent-float-snat'));
    assert.ok(!flat([nat]).some(({ summary }) => summary.includes('to:172.24.4.12')));
  });

  it('finds the only candidate for the MAC address of 172.24.4.1', () => {
    const neighbour = the(outside.request, ({ stage }) => stage === 'neighbour');
    assert.equal(neighbour.certainty, 'inferred');
    assert.match(neighbour.summary, /ae:05:ca:a5:1e:4d/);
    assert.ok(outside.request.gaps.some(({ command }) => command === `ip netns exec ${QROUTER} ip neigh`));
  });

  it('says that a flow which strips the tag is missing', () => {
    const normal = the(outside.request, (step) => step.stage === 'ovs-normal' && step.device === 'br-ex');
    assert.equal(normal.certainty, 'assumed');
    assert.match(normal.reason ?? '', /strip_vlan/);
    assert.equal(vlanOf(normal.packet), undefined);
    assert.ok(
      outside.request.gaps.some(({ command, host }) => command === 'ovs-ofctl dump-flows br-ex' && host === 'network-node'),
    );
  });

  it('goes on by the layout of a tunnel bridge where its dump is elided, and says so', () => {
    assert.ok(outside.reply);
    const assumed = outside.reply.steps.filter((step) => step.device === 'br-tun' && step.certainty === 'assumed');
    assert.ok(assumed.some(({ summary }) => summary.includes('learn()')));
    assert.equal(outside.reply.certainty, 'assumed');
    assert.equal(outside.reply.ending.disposition, 'delivered');
    assert.ok(
      outside.reply.gaps.some(({ command, host }) => command === 'ovs-ofctl dump-flows br-tun' && host === 'network-node'),
    );
    assert.ok(outside.reply.gaps.some(({ command, host }) => command === 'ovs-ofctl dump-flows br-tun' && host === 'compute01'));
    const inboundAssumed = inbound.request.steps.find(
      (step) => step.device === 'br-tun' && /is the only one/.test(step.reason ?? ''),
    );
    assert.equal(inboundAssumed?.certainty, 'assumed');
  });

  it('floods to the DHCP port, and says who owns the address', () => {
    const { request } = trace(network, 'c-private > 172.19.1.2');
    const flood = request.steps.find(
      (step) => step.stage === 'ovs-normal' && /flooded/.test(step.summary) && step.host === 'network-node',
    );
    assert.equal(flood?.certainty, 'inferred');
    assert.match(flood.reason ?? '', /Neutron port list/);
    assert.equal(request.ending.disposition, 'delivered');
  });

  it('reads the router whose id is wrapped over two lines', () => {
    assert.deepEqual(
      network.routers.map(({ name }) => name),
      ['r2', 'router1', 'r1'],
    );
    for (const { id } of network.routers) assert.match(id, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it('translates both ways', () => {
    assert.match(
      the(inbound.request, ({ chain }) => chain === 'nat/PREROUTING').summary,
      /^DNAT 172\.24\.4\.1 → 172\.24\.4\.3 becomes 172\.24\.4\.1 → 172\.19\.1\.3$/,
    );
    assert.ok(inbound.reply);
    assert.match(
      the(inbound.reply, ({ chain }) => chain === 'conntrack/POSTROUTING').summary,
      /172\.19\.1\.3 becomes 172\.24\.4\.3/,
    );
    assert.equal(inbound.reply.ending.disposition, 'exits');
  });

  it('walks the same through the same captures, one per file in folders of hosts', () => {
    const files = new Map<string, string>();
    for (const document of documentsOf(filesOf(text, 'article-outputs.txt'))) {
      document.captures.forEach((capture, n) => {
        const host = network.captureHosts.get(`${document.uri}#${n}`)?.host ?? 'controller';
        files.set(
          `${host}/${String(n).padStart(2, '0')}.txt`,
          `${document.text.slice(capture.span.start, capture.span.end)}${capture.elided ? '\n...' : ''}\n`,
        );
      });
    }
    // Each file starts with its command: the prompt stood before the span.
    const prompted: Files = new Map(
      [...files].map(([name, body]) => [name, /^(?:ip|ovs|nova|neutron|virsh|brctl|ping)/.test(body) ? `# ${body}` : body]),
    );
    const same = trace(networkOf(prompted), 'c-private > 8.8.8.8 reply');
    assert.equal(way(same.request), way(outside.request));
    assert.equal(way(same.reply), way(outside.reply));
  });

  const article = path.resolve(root, '../shared/seed/packet-walk-article.txt');
  it('walks the same through the article itself', { skip: !fs.existsSync(article) }, () => {
    const own = trace(
      networkOf(filesOf(fs.readFileSync(article, 'utf8'), 'packet-walk-article.txt')),
      'c-private > 8.8.8.8 reply',
    );
    assert.equal(way(own.request), way(outside.request));
    assert.equal(way(own.reply), way(outside.reply));
  });
});

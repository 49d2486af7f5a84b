import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Network } from '../../server/src/model/network';
import type { Step } from '../../server/src/walk/step';
import { walk } from '../../server/src/walk/walk';
import { fixture, folder, networkOf, root } from './walk-fixture';

/** Everything that a step claims without saying why. */
function unfounded(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => [
    ...(step.certainty === 'captured' && step.evidence.length === 0 ? [`captured, by no line: ${step.summary}`] : []),
    ...(step.certainty !== 'captured' && step.reason === undefined ? [`${step.certainty}, for no reason: ${step.summary}`] : []),
    ...unfounded(step.steps),
  ]);
}

describe('no step is a guess shown as a fact', () => {
  const lab = path.join(root, 'test/fixtures/lab');
  const captures = new Map([...folder(lab)].filter(([name]) => !/(?:^|\/)real\//.test(name)));
  const cases: readonly (readonly [string, Network, readonly string[]])[] = [
    [
      'the article',
      networkOf(fixture('article-outputs.txt')),
      ['c-private', '172.19.1.1', '172.19.1.2', '172.24.4.1', '172.24.4.3', '8.8.8.8'],
    ],
    [
      'the lab',
      networkOf(captures),
      ['c-private', 'b-private', 'd-private', 'e-private', 'outside', '172.24.4.3', '203.0.113.10'],
    ],
    ...['provider-vlan', 'gre-old', 'kvm', 'linux-bridge'].map((name) => {
      const network = networkOf(fixture(`walks/${name}.txt`));
      const names = network.instances.map((instance) => instance.name);
      const addresses = network.neutronPorts.flatMap((port) => port.ips.map(({ ip }) => ip));
      // The oldest one has neither names nor a port list.
      return [name, network, [...names, ...addresses, '192.0.2.11', '192.0.2.12', '8.8.8.8']] as const;
    }),
  ];
  for (const [name, network, ends] of cases) {
    it(`${name}: what is captured names its line, the rest its reason`, () => {
      let steps = 0;
      for (const from of ends) {
        for (const to of ends.filter((end) => end !== from)) {
          const result = walk(network, { from, to, reply: true });
          if (result.kind !== 'walk') continue;
          for (const answer of [result.request, result.reply]) {
            steps += answer?.steps.length ?? 0;
            assert.deepEqual(unfounded(answer?.steps ?? []), [], `${from} to ${to}`);
          }
        }
      }
      assert.ok(steps > 10, `only ${steps} steps were walked`);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ofprotoTrace } from '../../server/src/features/ofproto-trace';
import { linkNetwork } from '../../server/src/link/network';
import { documentsOf, filesOf } from './walk-fixture';

function ask(name: string) {
  const text = `h1# ovs-vsctl show
f0000000-0000-0000-0000-000000000000
    Bridge br0
        fail_mode: secure
        Port patch-br0-to-ln-public
            Interface patch-br0-to-ln-public
        Port eth1
            Interface eth1
h1# ovs-appctl dpif/show
system@ovs-system: hit:0 missed:0
  br0:
    br0 65534/1: (internal)
    patch-br0-to-ln-public 10/2: (system)
    eth1 1/3: (system)
h1# ovs-ofctl --names dump-flows br0
 cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=100,in_port="${name}" actions=output:eth1
 cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=0 actions=drop
`;
  const documents = documentsOf(filesOf(text, 'h1.txt'));
  const world = { documents: new Map(documents.map((each) => [each.uri, each])), network: linkNetwork(documents) };
  const question = { bridge: 'br0', packet: null, ctNext: [], names: false, generate: false, host: null };
  const result = ofprotoTrace(world, { ...question, flow: 'in_port=10' });
  if (result.kind === 'error') assert.fail(result.message);
  return result.answer;
}

describe("ports' names in a dump's conditions", () => {
  it('finds a port by the 15 characters that OpenFlow has room for', () => {
    const { text, notes } = ask('patch-br0-to-ln');
    assert.match(text, /^ 0\. in_port=10, priority 100$/m);
    assert.match(text, /Datapath actions: 3$/m);
    assert.ok(!notes.some((note) => note.includes('patch')), notes.join('\n'));
  });

  it('takes a port that no capture numbers for none of the known, and says so', () => {
    const { text, notes } = ask('tap-elsewhere');
    assert.match(text, /^ 0\. priority 0$/m);
    assert.ok(
      notes.some((note) => /table 0: the number of port tap-elsewhere is not captured/.test(note)),
      notes.join('\n'),
    );
  });
});

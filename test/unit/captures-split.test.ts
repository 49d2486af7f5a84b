import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { diagnostics } from '../../server/src/features/diagnostics';
import { createService } from '../../server/src/service';

const flow = ' cookie=0x0, duration=3.2s, table=0, n_packets=7, n_bytes=610, priority=0 actions=NORMAL';

function captures(text: string, path = 'ticket/notes.txt') {
  return readDocument('file:///n', path, text).captures.map(({ kind, target, host, namespace, elided, filter, errors }) => ({
    kind,
    target,
    host,
    namespace,
    elided,
    filter,
    errors: errors.length,
  }));
}

describe('where captures begin and end', () => {
  it('takes the bridge of bare flows from the heading above them', () => {
    const [capture] = captures(`  * the flow table of br-ex, as of today\n\n${flow}\n`);
    assert.equal(capture?.kind, 'ovs-ofctl-dump-flows');
    assert.equal(capture.target, 'br-ex');
    assert.equal(captures(`  * br-int and br-ex\n\n${flow}\n`)[0]?.target, undefined);
  });

  it('says of flows that no bridge can be told for that they take part in nothing', () => {
    const service = createService();
    service.set(
      'file:///n',
      'ticket/notes.txt',
      `some flows\n\n${flow}\n\nh1# ovs-vsctl show\n    Bridge br0\n        Port p1\n    Bridge br1\n        Port p2\n`,
    );
    assert.deepEqual(
      diagnostics(service.world(), 'file:///n').map(({ code }) => code),
      ['bridge-unknown'],
    );
  });

  it('reads prompts, wrappers and pipes', () => {
    for (const [line, expected] of [
      ['[root@net1 ~(admin)]# ip netns exec qrouter-1 ip r', { kind: 'ip-route', host: 'net1', namespace: 'qrouter-1' }],
      ['root@net1:~# sudo ip -n blue route', { kind: 'ip-route', host: 'net1', namespace: 'blue' }],
      ['$ ssh -i key admin@net1 "ip route"', { kind: 'ip-route', host: 'net1', namespace: undefined }],
      ['net1# docker exec -it openvswitch_db ovs-vsctl show', { kind: 'ovs-vsctl-show', host: 'net1', namespace: undefined }],
      ['# ip r | grep default', { kind: 'ip-route', host: undefined, namespace: undefined }],
    ] as const) {
      const [capture] = captures(`${line}\ndefault via 192.0.2.1 dev eth0\n`);
      assert.ok(capture, line);
      const { kind, host, namespace } = capture;
      assert.deepEqual({ kind, host, namespace }, expected, line);
      assert.equal(capture.filter, line.includes('grep') ? '| grep default' : undefined);
    }
  });

  it('knows what OVN shows without its command, and where it ends', () => {
    const id = '0c2ae3b4-9f77-4b1c-9d0e-8f1e2a3b4c5d';
    for (const [shown, kind] of [
      [
        `switch ${id} (blue)\n    port lp1\n        addresses: ["0a:00:00:00:00:01 10.1.0.5"]\nrouter ${id} (r1) (aka up)\n`,
        'ovn-nbctl-show',
      ],
      [`    lswitch ${id} (old)\n        lport lp1\n            addresses: unknown\n`, 'ovn-nbctl-show'],
      ['Chassis hv1\n    hostname: node1\n    Encap geneve\n        ip: "192.168.1.5"\n    Port_Binding lp1\n', 'ovn-sbctl-show'],
    ] as const) {
      const [shows, ...more] = captures(`As OVN sees it:\n${shown}Routes of the host:\ndefault via 192.0.2.1 dev eth0\n`);
      assert.deepEqual([shows?.kind, shows?.errors, more.map((capture) => capture.kind)], [kind, 0, ['ip-route']], shown);
    }
    assert.deepEqual(captures(`switch ${id} is the one\nChassis one\nwas replaced\n`), []);
  });

  it('knows dots of every form for what was left out', () => {
    for (const dots of ['...', '·', '⋮', ':', '<snip>']) {
      const [capture, ...more] = captures(`h1# ovs-ofctl dump-flows br0\n${flow}\n${dots}\n${flow}\n`);
      assert.deepEqual([capture?.elided, capture?.errors, more], [true, 0, []], dots);
    }
  });

  it('marks elisions, ends at prose and stays silent in it', () => {
    const [capture, ...more] = captures(
      `h1# ovs-ofctl dump-flows br0\n...\n${flow}\n...\n\nAs we can see there, everything is forwarded by the switch.\n`,
    );
    assert.equal(more.length, 0);
    assert.equal(capture?.elided, true);
    assert.equal(capture.errors, 0);
    assert.deepEqual(
      captures(
        'Dear all,\n\nthe bridge br-int drops packets since Monday; see the table of ports below.\n\n| name | port |\n|---|---|\n| a | 1 |\n',
      ),
      [],
    );
  });

  it('reads the command from a file’s name, in the spellings of people and bundles', () => {
    for (const [path, kind, host, target, namespace] of [
      ['compute01/ovs-ofctl_dump-flows_br-int.txt', 'ovs-ofctl-dump-flows', 'compute01', 'br-int', undefined],
      ['compute01/ovs-ofctl_-O_OpenFlow13_dump-flows_br-int', 'ovs-ofctl-dump-flows', 'compute01', 'br-int', undefined],
      ['compute01/ovs-ofctl-dump-flows-br-int.log', 'ovs-ofctl-dump-flows', 'compute01', 'br-int', undefined],
      ['logs/compute01_ovs-ofctl_dump-flows_br-int.txt', 'ovs-ofctl-dump-flows', 'compute01', 'br-int', undefined],
      ['net/ip_netns_exec_qrouter-1_ip_route.txt', 'ip-route', 'net', undefined, 'qrouter-1'],
      [
        'sosreport-x/sos_commands/openvswitch/ovs-ofctl_dump-flows_br-ex',
        'ovs-ofctl-dump-flows',
        'sosreport-x',
        'br-ex',
        undefined,
      ],
    ] as const) {
      const [capture] = captures(kind === 'ip-route' ? 'default via 192.0.2.1 dev eth0\n' : `${flow}\n`, path);
      assert.ok(capture, path);
      assert.deepEqual([capture.kind, capture.host, capture.target, capture.namespace], [kind, host, target, namespace], path);
    }
  });

  it('keeps what a failed command said in place of its output', () => {
    const failure = 'ovs-ofctl: br-ex: failed to connect to socket (Broken pipe)';
    for (const [path, text] of [
      ['h1/ovs-ofctl_show_br-ex', `${failure}\n`],
      ['t/notes.txt', `h1# ovs-ofctl show br-ex\n${failure}\n`],
    ] as const) {
      const document = readDocument('file:///n', path, text);
      assert.deepEqual(
        document.captures.map(({ kind, host, errors }) => [kind, host, errors.map(({ code }) => code)]),
        [['ovs-ofctl-show', 'h1', ['error-output']]],
        path,
      );
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

describe('what stands between a command and its output', () => {
  const routes = 'default via 10.0.0.1 dev eth0\n';
  const seen = (text: string) =>
    read(text).captures.map((capture) => [
      capture.kind,
      capture.namespace,
      capture.records,
      capture.errors.length,
      capture.elided,
    ]);

  it('may be a word of sudo, ssh, kubectl or a log', () => {
    for (const aside of [
      '[sudo] password for user: ',
      'sudo: unable to resolve host foo: Name or service not known',
      'Defaulted container "a" out of: a, b',
      "Defaulting container name to a.\nUse 'kubectl describe pod/pod1 -n default' to see all of the containers in this pod.",
      'Unable to use a TTY - input is not a terminal or the right kind of file',
      "Warning: Permanently added 'node3,10.0.0.3' (ECDSA) to the list of known hosts.",
      'kubectl exec [POD] [COMMAND] is DEPRECATED and will be removed in a future version. Use kubectl exec [POD] -- [COMMAND] instead.',
      'time="2023-01-01T00:00:00Z" level=warning msg="foo"',
      'Removing debug pod ...',
      'Listing assignments using role list is deprecated. Use role assignment list instead.',
      'W0823 21:33:18.112821 2457963 warnings.go:70] v1 ComponentStatus is deprecated',
      '2020-07-30T13:49:12Z|00001|dpif_netlink|INFO|The kernel module does not support meters.',
    ])
      assert.deepEqual(seen(`$ kubectl exec -it pod1 -- ip r\n${aside}\n${routes}`), [['ip-route', 'pod1', 1, 0, false]], aside);
  });

  it('may be something else, of which it is said that it is not understood', () => {
    assert.deepEqual(seen(`$ kubectl exec -it pod1 -- ip r\nNote: this is new.\n${routes}`), [['ip-route', 'pod1', 1, 1, false]]);
    assert.deepEqual(seen(`$ ip netns exec blue ip r\nwas empty, then on the host:\n\n${routes}`), [
      ['ip-route', 'blue', 0, 0, true],
      ['ip-route', undefined, 1, 0, false],
    ]);
  });
});

describe('commands that run elsewhere', () => {
  it('name the machine or the container', () => {
    const where = (command: string) => {
      const [capture] = read(`$ ${command}\ndefault via 10.0.0.1 dev eth0\n`).captures;
      return [capture?.host, capture?.namespace];
    };
    const expected: readonly (readonly [string, string | undefined, string | undefined])[] = [
      ['vagrant ssh node1 -c "ip r"', 'node1', undefined],
      ['multipass exec vm1 -- ip r', 'vm1', undefined],
      ['minikube ssh -- ip r', 'minikube', undefined],
      ['minikube ssh -n m02 ip r', 'm02', undefined],
      ['docker-machine ssh node4 ip r', 'node4', undefined],
      ['kubectl debug node/n1 -it --image=busybox -- ip r', 'n1', undefined],
      ['oc debug node/n1 -- chroot /host ip r', 'n1', undefined],
      ['kubectl node-shell n1 -- ip r', 'n1', undefined],
      ['juju ssh nova/0 sudo ip r', 'nova/0', undefined],
      ['docker run --rm -it alpine ip r', undefined, 'alpine'],
      ['docker run --rm --network=container:web nicolaka/netshoot ip r', undefined, 'web'],
      ['docker run --rm --name one -e A=b alpine sh -c "ip r"', undefined, 'one'],
      ['docker run --rm --net host alpine ip r', undefined, undefined],
      ['pct exec 100 -- ip r', undefined, '100'],
      ['k exec web -- ip r', undefined, 'web'],
      ['ip vrf exec mgmt ip r', undefined, undefined],
    ];
    for (const [command, ...place] of expected) assert.deepEqual(where(command), place, command);
  });

  it('on many machines say which, above each output', () => {
    assert.deepEqual(
      read(
        '$ ansible all -m shell -a "ip r"\nnode1 | CHANGED | rc=0 >>\ndefault via 10.0.0.1 dev eth0\nnode2 | CHANGED | rc=0 >>\ndefault via 10.0.0.2 dev eth0\n',
      ).captures.map(({ host, records, errors }) => [host, records, errors.length]),
      [
        ['node1', 1, 0],
        ['node2', 1, 0],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { plain } from './linux-captures.harness';

/** What one program printed of the same things, in several forms (ipset 7.17, conntrack 1.4.7, iproute2 6.1). */
const recorded = (name: string): string => readFileSync(path.join('test/fixtures/linux-forms', `${name}.txt`), 'utf8');

function read(command: string, output: string) {
  const text = `root@h:~# ${command}\n${output}`;
  const { captures } = readDocument('file:///t', 't.txt', text);
  const [capture, ...more] = captures;
  assert.ok(capture !== undefined && more.length === 0, `${command} is one capture`);
  for (const { kind, value, span } of capture.refs)
    assert.equal(text.slice(span.start, span.end).toLowerCase(), value.toLowerCase(), `a reference to a ${kind}`);
  const facts = capture.facts.map((fact) => plain({ ...fact, text: undefined }));
  return { text, capture, facts, messages: capture.errors.map(({ message }) => message) };
}

/** Two forms of one output must say the same. */
function same(first: readonly [string, string], second: readonly [string, string], atLeast: number): void {
  const [a, b] = [read(first[0], recorded(first[1])), read(second[0], recorded(second[1]))];
  assert.deepEqual(a.messages, []);
  assert.deepEqual(b.messages, []);
  assert.ok(a.facts.length >= atLeast, `${a.facts.length} facts`);
  assert.deepEqual(b.facts, a.facts);
  assert.equal(b.capture.kind, a.capture.kind);
}

describe('forms for machines', () => {
  it('of ipset say what its plain listing says', () => {
    same(['ipset list', 'ipset-list'], ['ipset list -o xml', 'ipset-list-xml'], 15);
    // Neither the places of flags nor those of texts are lost.
    const { text, capture } = read('ipset list -o xml', recorded('ipset-list-xml'));
    const [set] = capture.facts;
    assert.ok(set?.kind === 'ipset');
    const counters = set.options['counters'];
    assert.equal(text.slice(counters?.span.start, counters?.span.end), 'counters');
  });

  it('of ipset without members leave open what is in the sets', () => {
    const { facts } = read('ipset list -t -o xml', recorded('ipset-terse-xml'));
    assert.equal(facts.length, 7);
    for (const fact of facts) assert.equal((fact as { membersShown?: boolean }).membersShown, false);
  });

  it('of conntrack say what its lines say', () => {
    same(['conntrack -L -o id', 'conntrack'], ['conntrack -L -o xml,id', 'conntrack-xml'], 3);
  });

  it('of expected connections say what its lines say', () => {
    same(['conntrack -L expect', 'conntrack-expect'], ['conntrack -L expect -o xml', 'conntrack-expect-xml'], 3);
    const [first, second] = read('conntrack -L expect', recorded('conntrack-expect')).facts;
    assert.deepEqual(first, {
      kind: 'conntrack-expectation',
      family: 'ip',
      protocol: 6,
      expected: { src: '10.1.1.1', dst: '10.2.2.2', sport: 0, dport: 41411 },
      mask: { src: '255.255.255.255', dst: '255.255.255.255', sport: 0, dport: 65535 },
      master: { src: '10.1.1.1', dst: '10.2.2.2', sport: 36390, dport: 21 },
      helper: 'ftp',
      flags: [],
      text: undefined,
    });
    assert.deepEqual((second as { flags: unknown }).flags, ['PERMANENT', 'INACTIVE']);
  });

  it('of expected connections in /proc name the helper alone', () => {
    const { facts, messages } = read(
      'cat /proc/net/nf_conntrack_expect',
      '297 l3proto = 2 proto=6 src=10.1.1.1 dst=10.2.2.2 sport=0 dport=41411 ftp\n- l3proto = 2 proto=17 src=0.0.0.0 dst=10.1.1.1 sport=0 dport=5060 PERMANENT sip/1\n',
    );
    assert.deepEqual(messages, []);
    assert.deepEqual(
      facts.map((fact) => [(fact as { helper?: string }).helper, (fact as { flags: readonly string[] }).flags]),
      [
        ['ftp', []],
        ['sip/1', ['PERMANENT']],
      ],
    );
  });

  it('of ip rule say what its text says', () => {
    same(['ip rule', 'ip-rule'], ['ip -j rule', 'ip-rule-json'], 13);
    same(['ip -6 rule', 'ip6-rule'], ['ip -6 -j -p rule', 'ip6-rule-json'], 3);
    // With -N tables and protocols are numbers.
    const numeric = read('ip -N -j rule', recorded('ip-rule-numeric-json')).facts as { table?: string; ipproto?: string }[];
    assert.deepEqual([numeric[0]?.table, numeric[2]?.ipproto], ['255', '6']);
  });

  it('of bridge fdb and bridge link say what their text says', () => {
    same(['bridge -d -s fdb show', 'bridge-fdb'], ['bridge -d -s -j -p fdb show', 'bridge-fdb-json'], 12);
    same(['bridge -d -s link', 'bridge-link'], ['bridge -d -s -j link', 'bridge-link-json'], 2);
  });

  it('of bridge vlan are read with their statistics, and where the kernel refuses them', () => {
    const { facts } = read(
      'bridge -d -s -j vlan show',
      '[{"ifname":"v0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"],"state":"forwarding","mcast_router":1,"rx_bytes":10,"rx_packets":1,"tx_bytes":0,"tx_packets":0},{"vlan":20,"vlanEnd":30,"flags":[]}]}]\n',
    );
    assert.deepEqual(facts, [
      { kind: 'bridge-vlan', dev: 'v0', vlan: [1, 1], pvid: true, untagged: true, state: 'forwarding', text: undefined },
      { kind: 'bridge-vlan', dev: 'v0', vlan: [20, 30], pvid: false, untagged: false, text: undefined },
    ]);
    const refused = read('bridge -j vlan show', 'RTNETLINK answers: Operation not supported\n[]\n');
    assert.match(refused.messages.join(' '), /^The command failed here/);
  });

  it('that are cut off say so, and keep what came before', () => {
    const whole = recorded('ipset-list-xml');
    const { facts, messages } = read('ipset list -o xml', whole.slice(0, whole.indexOf('<member><elem>10.0.0.128/25')));
    assert.deepEqual(messages, ['The XML ends too early: what follows is missing. Capture it whole.']);
    assert.equal(facts.filter((fact) => (fact as { kind: string }).kind === 'ipset-entry').length, 2);
    const flows = recorded('conntrack-xml').split('\n');
    const broken = read(
      'conntrack -L -o xml',
      [...flows.slice(0, 3), flows[3]?.replace('<src>', '<src'), ...flows.slice(4)].join('\n'),
    );
    assert.equal(broken.messages.length, 1);
    assert.match(broken.messages[0] ?? '', /line of XML does not parse at column \d+/);
    assert.equal(broken.facts.length, 2);
  });

  it('are known without a command', () => {
    const kinds = (name: string) => readDocument('file:///t', 't.txt', recorded(name)).captures.map(({ kind }) => kind);
    assert.deepEqual(kinds('ipset-list-xml'), ['ipset-list']);
    assert.deepEqual(kinds('conntrack-xml'), ['conntrack-list']);
    assert.deepEqual(kinds('conntrack-expect'), ['conntrack-expect']);
    assert.deepEqual(kinds('conntrack-expect-xml'), ['conntrack-expect']);
  });
});

describe('crictl', () => {
  const PODS = `POD ID              CREATED             STATE               NAME                      NAMESPACE           ATTEMPT             RUNTIME
158d7b6665ff3       10 minutes ago      Ready               busybox-sandbox           default             1                   (default)
919630b8f81f1       About an hour ago   NotReady            coredns-5d78c9869d-x7j8s  kube-system         0                   (default)
`;
  const CONTAINERS = `CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD
3e3c4a3f1a3b2       busybox             8 minutes ago       Running             busybox             0                   158d7b6665ff3       busybox-sandbox
`;

  it('lists pods and containers', () => {
    const pods = read('crictl pods', PODS);
    assert.deepEqual(pods.messages, []);
    assert.deepEqual(
      pods.facts.map((fact) => Object.values(fact as object).slice(1, 6)),
      [
        ['pod', '158d7b6665ff3', 'busybox-sandbox', 'Ready', 'default'],
        ['pod', '919630b8f81f1', 'coredns-5d78c9869d-x7j8s', 'NotReady', 'kube-system'],
      ],
    );
    const containers = read('crictl ps', CONTAINERS);
    assert.deepEqual(
      containers.facts.map((fact) => Object.values(fact as object).slice(1, 6)),
      [['container', '3e3c4a3f1a3b2', 'busybox', 'Running', '158d7b6665ff3']],
    );
  });

  it('is known by its titles, and read without them', () => {
    assert.deepEqual(
      readDocument('file:///t', 't.txt', `${PODS}\n${CONTAINERS}`).captures.map(({ kind }) => kind),
      ['crictl-pods', 'crictl-ps'],
    );
    const grepped = read('crictl pods | grep busybox', PODS.split('\n')[1] ?? '');
    assert.equal(grepped.facts.length, 1);
    assert.deepEqual((grepped.facts[0] as { namespace?: string }).namespace, 'default');
  });

  it('is not read in forms that are no table', () => {
    assert.equal(
      readDocument('file:///t', 't.txt', 'root@h:~# crictl ps -q\n3e3c4a3f1a3b2\n').captures.filter(
        ({ kind }) => kind === 'crictl-ps',
      ).length,
      0,
    );
  });
});

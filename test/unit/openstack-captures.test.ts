import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { indexLines, splitLines } from '../../server/src/base/lines';
import type { CaptureKind, Parsed } from '../../server/src/captures/capture';
import { clientTable } from '../../server/src/captures/client-table';
import type { Fact } from '../../server/src/captures/facts';
import { ovsVsctlList } from '../../server/src/captures/ovs-vsctl-list';
import { ping } from '../../server/src/captures/ping';
import { virshDomiflist } from '../../server/src/captures/virsh-domiflist';
import { virshDumpxml } from '../../server/src/captures/virsh-dumpxml';
import { virshList } from '../../server/src/captures/virsh-list';

const BEFORE = 'some text before\n\n';

/** Parses what a command printed, as it stands in a document behind other text, and holds every span to its text. */
function parse(kind: CaptureKind, command: string, output: string): Parsed {
  const argv = command.split(' ').filter((word) => word !== '');
  const recognised = kind.recognise(argv);
  assert.ok(recognised, `${command} is not recognised`);
  const text = BEFORE + output;
  const lines = splitLines(text, indexLines(text)).slice(2);
  const parsed = kind.parse({ kind: recognised.kind, target: recognised.target, options: recognised.options ?? {}, argv, lines });
  const covered = new Set<number>();
  for (const record of parsed.records) for (let n = record.firstLine; n <= record.lastLine; n++) covered.add(n);
  for (const line of lines) {
    if (line.text.trim() === '') continue;
    const isError = parsed.errors.some(({ span }) => span.start >= line.start && span.start <= line.start + line.text.length);
    assert.ok(covered.has(line.number) || isError, `line ${line.number} is neither record nor error: ${line.text}`);
  }
  for (const ref of parsed.refs) holds(text, ref.value, ref.span);
  return parsed;
}

/** A span must be its value's text; in a wrapped cell it begins and ends as the value does. */
function holds(text: string, value: string, span: { readonly start: number; readonly end: number }): void {
  const slice = text.slice(span.start, span.end).toLowerCase();
  const wanted = value.toLowerCase();
  if (!slice.includes('\n')) {
    assert.equal(slice, wanted);
    return;
  }
  const pieces = slice.split('\n').flatMap((line) => line.split('|').map((cell) => cell.trim()));
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  assert.ok(first !== '' && wanted.startsWith(first), `${first} does not begin ${wanted}`);
  assert.ok(last !== '' && wanted.endsWith(last), `${last} does not end ${wanted}`);
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('span' in value && 'value' in value) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function facts(parsed: Parsed): unknown[] {
  return parsed.facts.map(plain);
}

function refs(parsed: Parsed): string[] {
  return parsed.refs.map((ref) => `${ref.kind} ${ref.value}`);
}

function only<K extends Fact['kind']>(parsed: Parsed, kind: K): Extract<Fact, { kind: K }>[] {
  return parsed.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);
}

function sniff(kind: CaptureKind, text: string) {
  const lines = text.split('\n');
  return kind.sniff(lines[0] ?? '', (n) => lines[n + 1]);
}

describe('commands of the OpenStack clients', () => {
  const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['nova show c-private', 'nova-show', 'c-private'],
    ['nova --os-cloud lab show c-private', 'nova-show', 'c-private'],
    ['nova interface-list c-private', 'nova-interface-list', 'c-private'],
    ['neutron router-port-list r1', 'neutron-router-port-list', 'r1'],
    ['quantum net-show net1', 'neutron-net-show', 'net1'],
    ['openstack --os-cloud x server list -f json', 'openstack-server-list', undefined],
    ['openstack server show --insecure web -c id', 'openstack-server-show', 'web'],
    ['openstack port list --server web --long', 'openstack-port-list', 'web'],
    ['openstack floating ip list', 'openstack-floating-ip-list', undefined],
    ['openstack network show -f yaml net1', 'openstack-network-show', 'net1'],
    ['openstack --version', undefined, undefined],
    ['nova', undefined, undefined],
    ['virsh list', undefined, undefined],
  ];
  for (const [command, kind, target] of cases) {
    it(command, () => {
      const recognised = clientTable.recognise(command.split(' '));
      assert.equal(recognised?.kind, kind);
      assert.equal(recognised?.target, target);
    });
  }

  it('tells the format and the filter', () => {
    assert.deepEqual(clientTable.recognise('openstack port list --router=r1 -f json'.split(' '))?.options, {
      format: 'json',
      filter: 'router',
    });
  });
});

describe('tables of the OpenStack clients', () => {
  it('reads a grepped nova show', () => {
    const parsed = parse(
      clientTable,
      'nova show c-private',
      `      | OS-EXT-SRV-ATTR:hostname             | c-private          |
      | OS-EXT-SRV-ATTR:hypervisor_hostname  | compute01          |
      | OS-EXT-SRV-ATTR:instance_name        | instance-00000003  |
      | OS-EXT-SRV-ATTR:root_device_name     | /dev/vda           |
      | name                                 | c-private          |
`,
    );
    assert.deepEqual(facts(parsed), [
      { kind: 'instance', name: 'c-private', hypervisor: 'compute01', libvirtName: 'instance-00000003', addresses: [] },
    ]);
    assert.deepEqual(refs(parsed), ['host compute01', 'instance instance-00000003', 'instance c-private']);
  });

  it('takes the name from the command where grep left no row for it', () => {
    const parsed = parse(clientTable, 'nova show c-private', '| net1 network      | 172.19.1.3, 172.24.4.3     |\n');
    assert.deepEqual(facts(parsed), [
      { kind: 'instance', name: 'c-private', addresses: [{ network: 'net1', ips: ['172.19.1.3', '172.24.4.3'] }] },
    ]);
    assert.deepEqual(refs(parsed), ['network net1', 'ip 172.19.1.3', 'ip 172.24.4.3']);
  });

  it('takes a property for no column title', () => {
    for (const output of ['| name | web |\n', '+------+-----+\n| name | web |\n| id   | 7   |\n+------+-----+\n']) {
      assert.equal(only(parse(clientTable, 'nova show x', output), 'instance')[0]?.name?.value, 'web');
    }
  });

  it('joins rows that a narrow terminal wrapped', () => {
    const output = '| OS-EXT-SRV-ATTR:host | comp\nute01   |\n| name                 | web\n       |\n';
    const parsed = parse(clientTable, 'nova show web', output);
    assert.equal(only(parsed, 'instance')[0]?.hypervisor?.value, 'compute01');
    assert.equal(only(parsed, 'instance')[0]?.name?.value, 'web');
    assert.equal(clientTable.continues?.('| OS-EXT-SRV-ATTR:host | comp', 'ute01   |'), true);
    assert.equal(clientTable.continues?.('| a | b |', 'Then more text.'), false);
  });

  it('finds addresses in the nested values of csv and shell', () => {
    const csv = `"ID","Fixed IP Addresses"\n"420abb60-2a5a-4e80-90a3-3ff47742dc53","[{""subnet_id"": ""s1"", ""ip_address"": ""10.9.0.7""}]"\n`;
    assert.equal(
      only(parse(clientTable, 'openstack port list -f csv', csv), 'neutron-port')[0]?.fixedIps[0]?.ip.value,
      '10.9.0.7',
    );
    const shell =
      'fixed_ips="[{\\"subnet_id\\": \\"s1\\", \\"ip_address\\": \\"10.9.0.7\\"}]"\nid="420abb60-2a5a-4e80-90a3-3ff47742dc53"\n';
    assert.equal(
      only(parse(clientTable, 'openstack port show p -f shell', shell), 'neutron-port')[0]?.fixedIps[0]?.subnet?.value,
      's1',
    );
  });

  it('reads an interface list', () => {
    const table = `+------------+--------------------------------------+--------------------------------------+--------------+-------------------+
| Port State | Port ID                              | Net ID                               | IP addresses | MAC Addr          |
+------------+--------------------------------------+--------------------------------------+--------------+-------------------+
| ACTIVE     | f7eae624-3488-4ccb-962a-d94f9b86aeb7 | 1763ddbb-7689-4266-919d-e250e7577749 | 172.19.1.3   | FA:16:3e:3b:53:26 |
+------------+--------------------------------------+--------------------------------------+--------------+-------------------+
`;
    const parsed = parse(clientTable, 'nova interface-list c-private', table);
    assert.deepEqual(facts(parsed), [
      {
        kind: 'neutron-port',
        id: 'f7eae624-3488-4ccb-962a-d94f9b86aeb7',
        mac: 'fa:16:3e:3b:53:26',
        network: '1763ddbb-7689-4266-919d-e250e7577749',
        status: 'ACTIVE',
        ofInstance: 'c-private',
        fixedIps: [{ ip: '172.19.1.3' }],
      },
    ]);
    assert.equal(sniff(clientTable, table)?.kind, 'nova-interface-list');
  });

  it('reads rows of a port list without header', () => {
    const rows = `| 2c628d36-765c-420b-b008-b6311a0ed17a |      | 0283565b977d4bdaaa57fa8bdf2e0159 | fa:16:3e:ca:72:d8 | {"subnet_id": "0685edba-9a91-4bc8-badc-5427e716693a", "ip_address": "172.19.1.1"}  |
| f7eae624-3488-4ccb-962a-d94f9b86aeb7 | vm   | 0283565b977d4bdaaa57fa8bdf2e0159 | fa:16:3e:3b:53:26 | {"subnet_id": "0685edba-9a91-4bc8-badc-5427e716693a", "ip_address": "172.19.1.3"}  |
`;
    const parsed = parse(clientTable, 'neutron port-list', rows);
    assert.deepEqual(facts(parsed), [
      {
        kind: 'neutron-port',
        id: '2c628d36-765c-420b-b008-b6311a0ed17a',
        mac: 'fa:16:3e:ca:72:d8',
        fixedIps: [{ ip: '172.19.1.1', subnet: '0685edba-9a91-4bc8-badc-5427e716693a' }],
      },
      {
        kind: 'neutron-port',
        id: 'f7eae624-3488-4ccb-962a-d94f9b86aeb7',
        name: 'vm',
        mac: 'fa:16:3e:3b:53:26',
        fixedIps: [{ ip: '172.19.1.3', subnet: '0685edba-9a91-4bc8-badc-5427e716693a' }],
      },
    ]);
    assert.equal(sniff(clientTable, rows)?.kind, 'neutron-port-list');
  });

  it('puts the wrapped cells of a router list together', () => {
    const parsed = parse(
      clientTable,
      'neutron router-list',
      `+------------------------+---------+------------------------+-------------------------+-------------+-------+
| id                     | name    | tenant_id              | external_gateway_info   | distributed | ha    |
+------------------------+---------+------------------------+-------------------------+-------------+-------+
| 0b0cb65f-3739-4ca8     | r2      | 0283565b977d4bdaaa57fa | {"network_id": "d478a8b | False       | False |
| -a68b-271545681aa7     |         | 8bdf2e0159             | 8-96fa-4996-a472-938215 |             |       |
|                        |         |                        | b0d1e2", "enable_snat": |             |       |
|                        |         |                        | false,                  |             |       |
|                        |         |                        | "external_fixed_ips":   |             |       |
|                        |         |                        | [{"subnet_id":          |             |       |
|                        |         |                        | "b193dc42-77ac-44cb-862 |             |       |
|                        |         |                        | 2-f15331cf6319",        |             |       |
|                        |         |                        | "ip_address":           |             |       |
|                        |         |                        | "172.24.4.2"}]}         |             |       |
| bfc87e1e-6b93-446f-a30 | r1      | 0283565b977d4bdaaa57fa |                         | False       | False |
| 5-6dc6153c1198         |         | 8bdf2e0159             |                         |             |       |
+------------------------+---------+------------------------+-------------------------+-------------+-------+
`,
    );
    assert.deepEqual(facts(parsed), [
      {
        kind: 'neutron-router',
        id: '0b0cb65f-3739-4ca8-a68b-271545681aa7',
        name: 'r2',
        externalNetwork: 'd478a8b8-96fa-4996-a472-938215b0d1e2',
        enableSnat: false,
        externalIps: ['172.24.4.2'],
      },
      { kind: 'neutron-router', id: 'bfc87e1e-6b93-446f-a305-6dc6153c1198', name: 'r1', externalIps: [] },
    ]);
    assert.ok(refs(parsed).includes('subnet b193dc42-77ac-44cb-8622-f15331cf6319'));
    assert.deepEqual(
      parsed.records.filter((record) => record.what === 'record').map(({ firstLine, lastLine }) => [firstLine, lastLine]),
      [
        [5, 14],
        [15, 16],
      ],
    );
  });

  it('puts ids together that were wrapped at a hyphen', () => {
    const parsed = parse(
      clientTable,
      'neutron router-port-list bfc87e1e-6b93-446f-a305-6dc6153c1198',
      `+--------------------------+------+-------------------+--------------------------+
| id                       | name | mac_address       | fixed_ips                |
+--------------------------+------+-------------------+--------------------------+
| 2c628d36-765c-           |      | fa:16:3e:ca:72:d8 | {"subnet_id": "0685edba- |
| 420b-b008-b6311a0ed17a   |      |                   | 9a91-4bc8-badc-          |
|                          |      |                   | 5427e716693a",           |
|                          |      |                   | "ip_address":            |
|                          |      |                   | "172.19.1.1"}            |
| a1b3323f-35c5-44b8-9e6d- |      | fa:16:3e:94:5d:70 | {"subnet_id": "b193dc42  |
| be1b06fc6892             |      |                   | -77ac-                   |
|                          |      |                   | 44cb-8622-f15331cf6319", |
|                          |      |                   | "ip_address":            |
|                          |      |                   | "172.24.4.12"}           |
+--------------------------+------+-------------------+--------------------------+
`,
    );
    const ports = only(parsed, 'neutron-port');
    assert.deepEqual(
      ports.map((port) => [port.id.value, port.fixedIps[0]?.subnet?.value, port.fixedIps[0]?.ip.value, port.ofRouter]),
      [
        [
          '2c628d36-765c-420b-b008-b6311a0ed17a',
          '0685edba-9a91-4bc8-badc-5427e716693a',
          '172.19.1.1',
          'bfc87e1e-6b93-446f-a305-6dc6153c1198',
        ],
        [
          'a1b3323f-35c5-44b8-9e6d-be1b06fc6892',
          'b193dc42-77ac-44cb-8622-f15331cf6319',
          '172.24.4.12',
          'bfc87e1e-6b93-446f-a305-6dc6153c1198',
        ],
      ],
    );
  });

  it('reads a network and sniffs it', () => {
    const table = `+---------------------------+--------------------------------------+
| Field                     | Value                                |
+---------------------------+--------------------------------------+
| id                        | 1763ddbb-7689-4266-919d-e250e7577749 |
| mtu                       | 1450                                 |
| name                      | net1                                 |
| provider:network_type     | vxlan                                |
| provider:physical_network |                                      |
| provider:segmentation_id  | 90                                   |   <-- 0x5a
| router:external           | False                                |
| subnets                   | 0685edba-9a91-4bc8-badc-5427e716693a |
+---------------------------+--------------------------------------+
`;
    const parsed = parse(clientTable, 'neutron net-show net1', table);
    assert.deepEqual(facts(parsed), [
      {
        kind: 'neutron-network',
        id: '1763ddbb-7689-4266-919d-e250e7577749',
        name: 'net1',
        type: 'vxlan',
        segmentationId: 90,
        mtu: 1450,
        external: false,
        subnets: ['0685edba-9a91-4bc8-badc-5427e716693a'],
      },
    ]);
    assert.ok(refs(parsed).includes('tun-id 90'));
    assert.equal(sniff(clientTable, table)?.kind, 'neutron-net-show');
  });

  it('reads floating IPs of both clients without titles', () => {
    const id = 'd0d7222b-39ca-4d7d-8351-f166fe5cb558';
    const port = 'f7eae624-3488-4ccb-962a-d94f9b86aeb7';
    const old = parse(clientTable, 'neutron floatingip-list', `| ${id} | 172.19.1.3 | 172.24.4.3 | ${port} |\n`);
    const recent = parse(clientTable, 'openstack floating ip list', `| ${id} | 172.24.4.3 | 172.19.1.3 | ${port} |\n`);
    const expected = [{ kind: 'floating-ip', ip: '172.24.4.3', fixedIp: '172.19.1.3', port }];
    assert.deepEqual(facts(old), expected);
    assert.deepEqual(facts(recent), expected);
  });

  it('joins fixed addresses that stand on lines of their own', () => {
    const parsed = parse(
      clientTable,
      'openstack port list --server web',
      `| 420abb60-2a5a-4e80-90a3-3ff47742dc53 |      | fa:16:3e:2d:5c:4e | ip_address='10.9.0.7', subnet_id='0d9c4261-4046-462f-9d92-64fb89bc3ae6'   | ACTIVE |
|                                      |      |                   | ip_address='fd00:9::1', subnet_id='9e90b059-da97-45b8-8cb8-f9370217e181' |        |
`,
    );
    const [port] = only(parsed, 'neutron-port');
    assert.equal(port?.ofInstance, 'web');
    assert.deepEqual(
      port?.fixedIps.map(({ ip }) => ip.value),
      ['10.9.0.7', 'fd00:9::1'],
    );
  });

  it('reads json, yaml, shell, csv and plain values', () => {
    const id = '634aea7d-39b2-4519-b2c9-22330e2ad94b';
    const expected = [
      { kind: 'instance', id, name: 'web', status: 'ACTIVE', addresses: [{ network: 'net1', ips: ['10.9.0.7'] }] },
    ];
    const list = 'openstack server list -f';
    const json = `[\n  {\n    "ID": "${id}",\n    "Name": "web",\n    "Status": "ACTIVE",\n    "Networks": {\n      "net1": [\n        "10.9.0.7"\n      ]\n    }\n  }\n]\n`;
    assert.deepEqual(facts(parse(clientTable, `${list} json`, json)), expected);
    const yaml = `- ID: ${id}\n  Name: web\n  Networks:\n    net1:\n    - 10.9.0.7\n  Status: ACTIVE\n`;
    assert.deepEqual(facts(parse(clientTable, `${list} yaml`, yaml)), expected);
    const csv = `"ID","Name","Status","Networks"\n"${id}","web","ACTIVE","net1=10.9.0.7"\n`;
    assert.deepEqual(facts(parse(clientTable, `${list} csv`, csv)), expected);
    const value = `${id} web ACTIVE net1=10.9.0.7\n`;
    assert.deepEqual(facts(parse(clientTable, `${list} value`, value)), expected);
    const shell = `addresses="net1=10.9.0.7"\nid="${id}"\nname="web"\nstatus="ACTIVE"\n`;
    assert.deepEqual(facts(parse(clientTable, 'openstack server show web -f shell', shell)), expected);
    for (const line of [json, yaml, csv, value, shell].join('').split('\n')) {
      assert.ok(clientTable.accepts(line, 'openstack-server-list') || line === '', line);
    }
  });

  it('reports what the client could not do', () => {
    const parsed = parse(
      clientTable,
      'openstack server show webb',
      "neutron CLI is deprecated and will be removed in the future. Use openstack CLI instead.\nNo server with a name or ID of 'webb' exists.\n",
    );
    assert.deepEqual(
      parsed.errors.map((error) => error.code),
      ['error-output'],
    );
    assert.deepEqual(
      parsed.records.map((record) => record.what),
      ['note'],
    );
  });

  it('reports a row that was cut off', () => {
    const parsed = parse(clientTable, 'nova show web', '| name | web |\n| id | 634aea7d-39b2\n');
    assert.deepEqual(
      parsed.errors.map((error) => error.code),
      ['cut-off'],
    );
  });

  it('does not take other tables and prose for its own', () => {
    const foreign = [
      '| ID | Name | Status | Networks |\n|----|------|--------|----------|\n| 1 | a | b | c |',
      '| ID | Name | Status | Networks |\n| --- | --- | --- | --- |\n| 1 | a | b | c |',
      '+----+------+\n| id | name |\n+----+------+\n| 634aea7d-39b2-4519-b2c9-22330e2ad94b | web |\n+----+------+\n1 row in set (0.00 sec)',
      '+-----+-----+\n|rsv|port|\n+-----+-----+',
      '   +---------+\n   |   VM    |\n   +----+----+',
    ];
    for (const text of foreign) assert.equal(sniff(clientTable, text), undefined, text);
    for (const text of [
      'Then we look at the ports of the server.',
      'Note: the bridge is up.',
      'root@c1:~# nova list',
      'compute01# ip a',
      'Summary',
    ]) {
      assert.equal(clientTable.accepts(text, 'nova-list'), false, text);
    }
  });
});

describe('virsh', () => {
  it('reads the two lines that egrep left of an XML', () => {
    const fragment = "            <mac address='fa:16:3e:3b:53:26'/>\n            <target dev='tapf7eae624-34'/>\n";
    const parsed = parse(virshDumpxml, 'virsh dumpxml instance-00000003', fragment);
    assert.deepEqual(facts(parsed), [
      { kind: 'domain-interface', domain: 'instance-00000003', mac: 'fa:16:3e:3b:53:26', target: 'tapf7eae624-34' },
    ]);
    assert.deepEqual(
      parsed.refs.map((ref) => [ref.kind, ref.value, ref.defines === true]),
      [
        ['mac', 'fa:16:3e:3b:53:26', true],
        ['device', 'tapf7eae624-34', true],
      ],
    );
    assert.equal(sniff(virshDumpxml, fragment)?.kind, 'virsh-dumpxml');
  });

  it('reads a domain, and no disk for a device', () => {
    const parsed = parse(
      virshDumpxml,
      'virsh -c qemu:///system dumpxml 7',
      `<domain type='kvm' id='7'>
  <name>instance-00000009</name>
  <uuid>0F3D2C1B-1111-4222-8333-444455556666</uuid>
  <!-- a remark
       over two lines -->
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:name>web &amp; db</nova:name>
      <nova:owner><nova:user uuid="1">admin</nova:user></nova:owner>
    </nova:instance>
  </metadata>
  <devices>
    <disk type='file' device='disk'>
      <source file='/var/lib/nova/disk'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <source bridge="br-int"/>
      <mac address="FA:16:3E:00:00:01"/>
      <virtualport type='openvswitch'>
        <parameters interfaceid='f7eae624-3488-4ccb-962a-d94f9b86aeb7'/>
      </virtualport>
      <target dev="tap0"/>
    </interface>
    <interface type='bridge'>
      <mac address='fa:16:3e:00:00:02'/>
      <target dev='tap1'/>
    </interface>
  </devices>
</domain>
`.replace('web &amp; db', 'web'),
    );
    assert.deepEqual(facts(parsed), [
      { kind: 'domain', name: 'instance-00000009', uuid: '0f3d2c1b-1111-4222-8333-444455556666', instanceName: 'web' },
      { kind: 'domain-interface', domain: 'instance-00000009', mac: 'fa:16:3e:00:00:01', source: 'br-int', target: 'tap0' },
      { kind: 'domain-interface', domain: 'instance-00000009', mac: 'fa:16:3e:00:00:02', target: 'tap1' },
    ]);
    assert.deepEqual(parsed.errors, []);
    assert.ok(refs(parsed).includes('neutron-port f7eae624-3488-4ccb-962a-d94f9b86aeb7'));
  });

  it('reads interface and domain lists', () => {
    const interfaces = parse(
      virshDomiflist,
      'virsh domiflist vm1',
      ` Interface   Type     Source   Model    MAC
--------------------------------------------------------
 tap0        bridge   qbr0     virtio   52:54:00:00:00:01
 -           bridge   qbr1     virtio   52:54:00:00:00:02
`,
    );
    assert.deepEqual(facts(interfaces), [
      { kind: 'domain-interface', domain: 'vm1', mac: '52:54:00:00:00:01', target: 'tap0', source: 'qbr0' },
      { kind: 'domain-interface', domain: 'vm1', mac: '52:54:00:00:00:02', source: 'qbr1' },
    ]);
    const domains = parse(
      virshList,
      'virsh list --all',
      ' Id   Name    State\n-----------------------\n 3    vm1     running\n -    vm2     shut off\n',
    );
    assert.deepEqual(facts(domains), [
      { kind: 'domain', name: 'vm1' },
      { kind: 'domain', name: 'vm2' },
    ]);
  });

  it('reports an error of virsh', () => {
    const parsed = parse(virshDumpxml, 'virsh dumpxml vm9', "error: failed to get domain 'vm9'\n");
    assert.deepEqual(
      parsed.errors.map((error) => error.code),
      ['error-output'],
    );
  });
});

describe('ping', () => {
  it('reads the form of BusyBox', () => {
    const output = `PING 172.19.1.1 (172.19.1.1): 56 data bytes
64 bytes from 172.19.1.1: seq=0 ttl=64 time=1.254 ms
64 bytes from 172.19.1.1: seq=1 ttl=64 time=0.847 ms

--- 172.19.1.1 ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = 0.847/1.213/1.539 ms
`;
    const parsed = parse(ping, 'ping -c 2 172.19.1.1', output);
    assert.deepEqual(facts(parsed), [{ kind: 'ping', target: '172.19.1.1', replies: 2, lost: '0%' }]);
    assert.deepEqual(parsed.errors, []);
    assert.equal(sniff(ping, output)?.kind, 'ping');
  });

  it('reads the form of iputils, with losses', () => {
    const parsed = parse(
      ping,
      'ping -I eth0 gw.example',
      `PING gw.example (10.0.0.1) from 10.0.0.5 eth0: 56(84) bytes of data.
64 bytes from gw.example (10.0.0.1): icmp_seq=1 ttl=64 time=0.4 ms
From 10.0.0.5 icmp_seq=2 Destination Host Unreachable
^C
--- gw.example ping statistics ---
3 packets transmitted, 1 received, +1 errors, 66.6667% packet loss, time 2003ms
rtt min/avg/max/mdev = 0.400/0.400/0.400/0.000 ms, pipe 3
`,
    );
    assert.deepEqual(facts(parsed), [{ kind: 'ping', target: '10.0.0.1', replies: 1, lost: '66.6667%' }]);
    assert.deepEqual(parsed.errors, []);
  });

  it('counts replies where the statistics are missing, and reports failures', () => {
    const parsed = parse(
      ping,
      'ping 10.0.0.1',
      'PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.\n64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=1 ms\n',
    );
    assert.deepEqual(facts(parsed), [{ kind: 'ping', target: '10.0.0.1', replies: 1 }]);
    const failed = parse(ping, 'ping nowhere', 'ping: nowhere: Name or service not known\n');
    assert.equal(failed.errors[0]?.code, 'error-output');
    assert.equal(ping.accepts('The ping works.', 'ping'), false);
    assert.equal(sniff(ping, 'PING is a program'), undefined);
  });
});

describe('ovs-vsctl list', () => {
  it('reads interfaces', () => {
    const parsed = parse(
      ovsVsctlList,
      'ovs-vsctl --timeout=10 list Interface',
      `_uuid               : 69f336c2-9ce5-4bc7-b918-049d51aee5ef
error               : "could not open network device qvo1 (No such device)"
external_ids        : {attached-mac="FA:16:3e:3b:53:26", iface-id=f7eae624-3488-4ccb-962a-d94f9b86aeb7, iface-status=active}
mac_in_use          : []
name                : "qvo1"
ofport              : -1
options             : {}
type                : ""

_uuid               : 497aa336-873e-4d58-b19b-c2b079373e45
external_ids        : {}
mac_in_use          : "ce:9e:68:43:30:b2"
name                : vxlan-c0a8010e
ofport              : 3
options             : {in_key=flow, local_ip="192.168.1.13", out_key="90", remote_ip="192.168.1.14"}
type                : vxlan
`,
    );
    assert.deepEqual(facts(parsed), [
      {
        kind: 'ovs-interface',
        bridge: undefined,
        port: undefined,
        name: 'qvo1',
        error: 'could not open network device qvo1 (No such device)',
        ofport: -1,
        attachedMac: 'fa:16:3e:3b:53:26',
        ifaceId: 'f7eae624-3488-4ccb-962a-d94f9b86aeb7',
      },
      {
        kind: 'ovs-interface',
        bridge: undefined,
        port: undefined,
        name: 'vxlan-c0a8010e',
        type: 'vxlan',
        options: { in_key: 'flow', local_ip: '192.168.1.13', out_key: '90', remote_ip: '192.168.1.14' },
        ofport: 3,
        macInUse: 'ce:9e:68:43:30:b2',
      },
    ]);
    assert.deepEqual(parsed.errors, []);
  });

  it('reads ports and bridges', () => {
    const ports = parse(
      ovsVsctlList,
      'ovs-vsctl list port',
      'name                : qvo1\ntag                 : 2\ntrunks              : [10, 20]\nvlan_mode           : []\n',
    );
    assert.deepEqual(facts(ports), [{ kind: 'ovs-port', bridge: undefined, name: 'qvo1', tag: 2, trunks: [10, 20] }]);
    const bridges = parse(
      ovsVsctlList,
      'ovs-vsctl list br br-int',
      'fail_mode           : secure\nname                : br-int\n',
    );
    assert.deepEqual(facts(bridges), [{ kind: 'ovs-bridge', name: 'br-int', failMode: 'secure' }]);
  });

  it('parts rows after grep', () => {
    const parsed = parse(
      ovsVsctlList,
      'ovs-vsctl list interface',
      'name : eth1\nofport : 1\nname : tap0\nexternal_ids : {attached-mac="fa:16:3e:00:00:01"}\nname : tap1\n',
    );
    assert.deepEqual(
      only(parsed, 'ovs-interface').map((fact) => [fact.name.value, fact.attachedMac?.value]),
      [
        ['eth1', undefined],
        ['tap0', undefined],
        ['tap1', 'fa:16:3e:00:00:01'],
      ],
    );
  });

  it('reads JSON', () => {
    const output =
      '{"data":[["vxlan0",3,"vxlan",["map",[["remote_ip","10.0.0.2"]]],["set",[]]],["eth1",1,"",["map",[]],"ce:9e:68:43:30:b2"]],"headings":["name","ofport","type","options","mac_in_use"]}\n';
    const parsed = parse(ovsVsctlList, 'ovs-vsctl --format=json list interface', output);
    assert.deepEqual(
      only(parsed, 'ovs-interface').map((fact) => [
        fact.name.value,
        fact.ofport?.value,
        fact.options?.['remote_ip']?.value,
        fact.macInUse?.value,
      ]),
      [
        ['vxlan0', 3, '10.0.0.2', undefined],
        ['eth1', 1, undefined, 'ce:9e:68:43:30:b2'],
      ],
    );
    assert.equal(sniff(ovsVsctlList, output)?.kind, 'ovs-vsctl-list');
  });

  it('recognises list and find only', () => {
    assert.equal(ovsVsctlList.recognise(['ovs-vsctl', '-t', '5', 'find', 'port', 'tag=2'])?.target, 'port');
    assert.equal(ovsVsctlList.recognise(['ovs-vsctl', 'list-br']), undefined);
    assert.equal(ovsVsctlList.accepts('Note : this is prose', 'ovs-vsctl-list'), false);
  });
});

describe('parsing never throws', () => {
  const broken = [
    '|',
    '| a',
    '+--',
    '{',
    '[{"a":',
    '"a',
    '<',
    "<mac address='",
    '<!--',
    'name : {',
    'name : [a',
    'PING',
    '- ',
    '\u0000',
    '---',
    'x: "',
  ];
  const commands: readonly (readonly [CaptureKind, string])[] = [
    ...[
      'nova show x',
      'neutron router-list',
      'openstack server list -f json',
      'openstack server show x -f yaml',
      'openstack port list -f csv',
    ].map((command) => [clientTable, command] as const),
    [clientTable, 'openstack server show x -f shell'],
    [clientTable, 'openstack port list -f value'],
    [virshDumpxml, 'virsh dumpxml x'],
    [virshDomiflist, 'virsh domiflist x'],
    [virshList, 'virsh list'],
    [ping, 'ping x'],
    [ovsVsctlList, 'ovs-vsctl list port'],
    [ovsVsctlList, 'ovs-vsctl --format=json list port'],
  ];
  for (const [kind, command] of commands) {
    it(command, () => {
      for (const text of broken) {
        parse(kind, command, `${text}\n`);
        parse(kind, command, `${text}\n${text}\n\n${text}${text}\n`);
      }
    });
  }
});

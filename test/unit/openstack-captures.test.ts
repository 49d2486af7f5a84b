import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CaptureKind } from '../../server/src/captures/capture';
import { clientTable } from '../../server/src/captures/client-table';
import { ovsVsctlList } from '../../server/src/captures/ovs-vsctl-list';
import { ping } from '../../server/src/captures/ping';
import { virshDomiflist } from '../../server/src/captures/virsh-domiflist';
import { virshDumpxml } from '../../server/src/captures/virsh-dumpxml';
import { virshList } from '../../server/src/captures/virsh-list';
import { parse, facts, refs, only, sniff } from './openstack-captures.harness';

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

  it('tells the columns of plain values and of rows without titles by their places, too', () => {
    const [id, port, network] = [1, 2, 3].map((n) => `634aea7d-39b2-4519-b2c9-22330e2ad94${n}`);
    const addresses = `${id} 203.0.113.5 10.9.0.7 ${port} ${network} p1\n${id} 203.0.113.6 None None ${network} p1\n`;
    const ips = (text: string, command: string) =>
      only(parse(clientTable, command, text), 'floating-ip').map(({ ip, fixedIp, port: of }) => [
        ip.value,
        fixedIp?.value,
        of?.value,
      ]);
    const expected = [
      ['203.0.113.5', '10.9.0.7', port],
      ['203.0.113.6', undefined, undefined],
    ];
    assert.deepEqual(ips(addresses, 'openstack floating ip list -f value'), expected);
    const rows = addresses.replaceAll(/^/gm, '| ').replaceAll(' ', ' | ').replaceAll('| | ', '| ').replaceAll('\n', ' |\n');
    assert.deepEqual(ips(rows.replace(/\n\| *\|?\n?$/, '\n'), 'openstack floating ip list | grep 203'), expected);
    const servers = `${id} web 1 ACTIVE {'net1': ['10.9.0.7', 'fd00::7'], 'ext': []} cirros m1.tiny\n${port} db ERROR {} N/A (booted from volume) m1.tiny\n`;
    assert.deepEqual(
      only(parse(clientTable, 'openstack server list -f value', servers), 'instance').map(({ name, status, addresses: on }) => [
        name?.value,
        status?.value,
        on.flatMap((one) => one.ips.map((ip) => ip.value)),
      ]),
      [
        ['web 1', 'ACTIVE', ['10.9.0.7', 'fd00::7']],
        ['db', 'ERROR', []],
      ],
    );
  });

  it('takes what a value holds in yaml, and any word as a value', () => {
    for (const line of ['  a: b', '- end: 10.9.0.254', '  net1:'])
      assert.ok(clientTable.accepts(line, 'openstack-subnet-show', { format: 'yaml' }));
    assert.ok(clientTable.accepts('vxlan', 'openstack-network-show', { format: 'value' }));
    assert.equal(clientTable.accepts('vxlan', 'openstack-network-show', {}), false);
  });

  it('takes rows of csv without quotes where the command asks for them, and no sentence', () => {
    const options = { format: 'csv' };
    for (const row of ['ID,Name,Status', 'f1,web,', '"a, b",c']) {
      assert.ok(clientTable.accepts(row, 'openstack-server-list', options), row);
    }
    for (const text of ['First, we look at it', 'nothing here'])
      assert.equal(clientTable.accepts(text, 'openstack-server-list', options), false, text);
    const parsed = parse(clientTable, 'openstack port list -f csv --quote none', 'ID,MAC Address\nf1,fa:16:3e:00:00:01\n');
    assert.equal(only(parsed, 'neutron-port')[0]?.mac?.value, 'fa:16:3e:00:00:01');
    const escaped = "f1,web,{'net1': ['10.9.0.7'\\, '10.9.0.8']}";
    assert.ok(clientTable.accepts(escaped, 'openstack-server-list', options));
    const listed = parse(clientTable, 'openstack server list -f csv --quote none', `ID,Name,Networks\n${escaped}\n`);
    assert.deepEqual(
      only(listed, 'instance')[0]?.addresses[0]?.ips.map((ip) => ip.value),
      ['10.9.0.7', '10.9.0.8'],
    );
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

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { ovsVsctlList } from '../../server/src/captures/ovs-vsctl-list';
import { ping } from '../../server/src/captures/ping';
import { virshDomiflist } from '../../server/src/captures/virsh-domiflist';
import { virshDumpxml } from '../../server/src/captures/virsh-dumpxml';
import { virshList } from '../../server/src/captures/virsh-list';
import { parse, facts, refs, only, sniff } from './openstack-captures.harness';

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
  it('reads tables in which one blank is all that stands behind an identifier or a name', () => {
    // What Open vSwitch 3.1.0 printed: a column is as wide as its widest cell.
    const table = (titles: string, ruler: string, ...rows: string[]) => {
      const text = `root@h:~# ovs-vsctl -f table list Interface\n${[titles, ruler, ...rows].join('\n')}\n`;
      const { captures } = readDocument('file:///t', 't.txt', text);
      assert.deepEqual(
        captures.flatMap(({ errors }) => errors),
        [],
      );
      return captures.flatMap(({ facts }) => facts.flatMap((fact) => (fact.kind === 'ovs-interface' ? [fact.name.value] : [])));
    };
    assert.deepEqual(
      table(
        '_uuid                                name',
        '------------------------------------ -----',
        '7bfa4fa9-3cfc-45e9-81f2-a79b4427efc8 vx',
        '27dc0986-4b9f-496c-b472-f80c9aef2965 veth0',
      ),
      ['vx', 'veth0'],
    );
    assert.deepEqual(
      table(
        'name  _uuid',
        '----- ------------------------------------',
        'vx    46eb1a45-d60a-48d9-8879-d1ae056b5ba9',
        'veth0 e95180fa-f901-4c6d-bee2-b7582762dddb',
      ),
      ['vx', 'veth0'],
    );
  });

  /** Rows are kept whole besides. */
  const settings = (parsed: Parameters<typeof facts>[0]) =>
    (facts(parsed) as { kind: string }[]).filter(({ kind }) => kind !== 'ovsdb-row');

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
    assert.deepEqual(settings(parsed), [
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
    assert.deepEqual(settings(ports), [{ kind: 'ovs-port', bridge: undefined, name: 'qvo1', tag: 2, trunks: [10, 20] }]);
    const bridges = parse(
      ovsVsctlList,
      'ovs-vsctl list br br-int',
      'fail_mode           : secure\nname                : br-int\n',
    );
    assert.deepEqual(settings(bridges), [{ kind: 'ovs-bridge', name: 'br-int', failMode: 'secure' }]);
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

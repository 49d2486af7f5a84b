import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { hover } from '../../server/src/features/hover';
import {
  hasRole,
  hybridTwin,
  inferredFrom,
  knownChain,
  knownDevice,
  knownNamespace,
  siblingOf,
} from '../../server/src/model/known-names';
import { createService } from '../../server/src/service';
import { networkOf } from './walk-fixture';
import { BETWEEN_NETWORKS } from './small-router';

describe('names that programs are known to give', () => {
  it('tell who gives them', () => {
    for (const [name, writer, role] of [
      ['tapf7eae624-34', 'Neutron', 'tap'],
      ['tap0', 'QEMU', 'tap'],
      ['vnet7', 'libvirt', 'vnet'],
      ['qbrf7eae624-34', 'Nova', 'hybrid-bridge'],
      ['qr-2c628d36-76', 'Neutron', 'router-inside'],
      ['qg-a1b3323f-35', 'Neutron', 'router-outside'],
      ['virbr0', 'libvirt', 'network-bridge'],
      ['docker0', 'Docker', 'container-bridge'],
      ['br-519277dba8fe', 'Docker', 'container-bridge'],
      ['br-int', 'Neutron', 'switch'],
      ['cali0ec6986a945', 'Calico', 'container'],
      ['genev_sys_6081', 'Open vSwitch', 'tunnel'],
    ] as const) {
      assert.equal(knownDevice(name)?.writer, writer, name);
      assert.ok(hasRole(name, role), name);
    }
    for (const name of ['eth0', 'bond0', 'br0', 'br-eth1', 'lo']) assert.equal(knownDevice(name), undefined, name);
    for (const [name, writer] of [
      ['neutron-openvswi-sg-fallback', 'Neutron'],
      ['neutron-openvswi-i3b90700f-1', 'Neutron'],
      ['neutron-linuxbri-s7a8c0a54-7', 'Neutron'],
      ['neutron-l3-agent-float-snat', 'Neutron'],
      ['DOCKER-USER', 'Docker'],
      ['KUBE-SVC-LOLE4ISW44XBNF3G', 'kube-proxy'],
      ['KUBE-SEP-5EAHT5FVQZPPPVM5', 'kube-proxy'],
      ['LIBVIRT_FWI', 'libvirt'],
      ['OVN-KUBE-EGRESS-SVC', 'OVN-Kubernetes'],
      ['cali-FORWARD', 'Calico'],
    ] as const)
      assert.equal(knownChain(name)?.writer, writer, name);
    for (const name of ['FORWARD', 'REJECT', 'own', 'neutron']) assert.equal(knownChain(name), undefined, name);
    assert.equal(knownNamespace('qdhcp-1')?.isDhcp, true);
    assert.equal(knownNamespace('blue'), undefined);
  });

  it('lead from one device of a port to the others', () => {
    assert.equal(siblingOf('tapf7eae624-34', 'outer'), 'qvof7eae624-34');
    assert.equal(hybridTwin('qvbf7eae624-34'), 'qvof7eae624-34');
    assert.equal(hybridTwin('qvof7eae624-34'), 'qvbf7eae624-34');
    assert.equal(hybridTwin('tapf7eae624-34'), undefined);
  });

  it('are told as inferences with their writer', () => {
    const known = knownChain('KUBE-MARK-MASQ');
    assert.ok(known);
    assert.equal(inferredFrom(known), 'inferred: kube-proxy gives such names; it marks packets with 0x4000 for source NAT');
    const text =
      '[root@h ~]# iptables -nvL FORWARD\nChain FORWARD (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n    0     0 DOCKER-USER  all  --  *      *       0.0.0.0/0            0.0.0.0/0\n';
    const service = createService();
    service.set('file:///n', 'n.txt', text);
    for (const place of [text.indexOf('DOCKER-USER') + 2, text.indexOf('all  --')]) {
      const said = hover(service.world(), 'file:///n', place)?.markdown ?? '';
      assert.match(said, /Inferred: Docker gives such names; it is left to the administrator/);
    }
  });
});

describe('chains that were not captured', () => {
  const RULES = `[root@h ~]# iptables-save
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -j KUBE-MARK-MASQ
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -p udp -j neutron-openvswi-sg-fallback
COMMIT
`;
  const ask = (words: string) => {
    const namespace = networkOf(BETWEEN_NETWORKS + RULES)
      .hosts.get('h')
      ?.namespaces.get('');
    assert.ok(namespace);
    const question = readQuestion(words.split(' '), namespace);
    if (typeof question === 'string') assert.fail(question);
    const [trace] = netfilterTrace(namespace, [question]);
    assert.ok(trace);
    return trace;
  };

  it('are not certain to do what their name tells', () => {
    const trace = ask('iif=eth0 src=10.0.0.5 dst=10.1.0.7 proto=udp dport=53');
    assert.equal(trace.verdict, 'insufficient-info');
    assert.match(
      JSON.stringify(trace, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
      /sg-fallback was not captured \(inferred: Neutron gives such names; it drops/,
    );
  });

  it('mark what they are known to mark, as an inference', () => {
    const trace = ask('iif=eth0 src=10.0.0.5 dst=10.1.0.7 proto=tcp dport=80');
    assert.notEqual(trace.certainty, 'captured');
    assert.match(
      JSON.stringify(trace, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
      /KUBE-MARK-MASQ was not captured \(inferred: kube-proxy/,
    );
  });
});

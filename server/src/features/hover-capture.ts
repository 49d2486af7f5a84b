import { isUnread } from '../captures/registry';
import type { Fact } from '../captures/facts';
import type { Locus } from './entity';
import { code, count, escape, few, section } from './markdown';
import { captureKey } from '../model/network';
import type { World } from './world';

/** Why lines of a capture may be missing, in words; empty where nothing says so. */
export function missingParts(locus: Locus): string[] {
  const { capture } = locus;
  return [
    capture.elided ? 'lines were left out by hand (…)' : '',
    capture.filter === undefined ? '' : `it went through ${code(capture.filter)}, so other lines may be missing`,
    capture.options['filter'] === undefined ? '' : `only what matches ${code(capture.options['filter'])} was asked for`,
  ].filter((part) => part !== '');
}

/** A capture: what printed it, whose it is and why, how much was understood, what is missing. */
export function describeCapture(world: World, locus: Locus): string {
  const { capture } = locus;
  const known = world.network.captureHosts.get(captureKey(locus.uri, locus.index));
  const missing = missingParts(locus);
  const host = locus.hostName === '' ? 'No host: it is about the cloud as a whole' : `Host **${escape(locus.hostName)}**`;
  const said = capture.host !== undefined && capture.host !== locus.hostName ? ` (here called ${escape(capture.host)})` : '';
  const { errors } = capture;
  return section(escape(capture.command === undefined ? kindTitle(capture.kind) : cut(capture.command)), [
    `${host}${said}${known?.reason === undefined ? '' : `; inferred: ${escape(known.reason)}`}`,
    locus.namespace === '' ? undefined : `Namespace ${code(locus.namespace)}`,
    locus.bridgeName === undefined ? undefined : `Bridge ${code(locus.bridgeName)}`,
    isUnread(capture.kind)
      ? 'Recognised, but its content is not read'
      : `${count(capture.records, 'record')}${factText(capture.facts)}${capture.flows.count === 0 ? '' : `: ${count(capture.flows.count, 'flow')}`}`,
    capture.facts.some((fact) => fact.kind === 'nf-rule' && fact.interfacesHidden)
      ? `⚠ Without ${code('-v')} the interfaces of rules are not shown: ${code('iptables -S')} tells`
      : undefined,
    missing.length === 0 ? undefined : `Incomplete: ${missing.join('; ')}`,
    errors.length === 0
      ? undefined
      : `${count(errors.length, 'problem')}: ${escape(
          few(
            errors.map(({ message }) => message),
            3,
          ),
        )}`,
  ]);
}

/** `ovs-ofctl-dump-flows` as the command that prints it. */
export function kindTitle(kind: string): string {
  return kind.replace(/^(ov[sn]-\w+|\w+)-/, '$1 ');
}

function cut(command: string): string {
  return command.length > 80 ? `${command.slice(0, 77)}…` : command;
}

const nouns: Partial<Record<Fact['kind'], string>> = {
  'ovs-bridge': 'bridge',
  'ovs-port': 'port',
  'of-port': 'port',
  'fdb-entry': 'learned MAC',
  link: 'device',
  address: 'address',
  route: 'route',
  'ip-rule': 'rule',
  neighbour: 'neighbour',
  netns: 'namespace',
  'linux-bridge': 'Linux bridge',
  'linux-bridge-port': 'bridge port',
  'nf-chain': 'chain',
  'nf-rule': 'rule',
  'eb-chain': 'chain',
  'eb-rule': 'rule',
  ipset: 'set',
  'ipset-entry': 'member',
  'conntrack-entry': 'connection',
  'conntrack-expectation': 'expected connection',
  'ipvs-service': 'virtual service',
  'ipvs-server': 'real server',
  'ipvs-connection': 'connection',
  'bridge-vlan': 'VLAN',
  'bridge-vlan-tunnel': 'VLAN in a tunnel',
  'bridge-fdb': 'MAC',
  'bridge-mac': 'MAC',
  'wireguard-peer': 'peer',
  listener: 'listening socket',
  'packet-seen': 'packet',
  'address-owner': 'owner of an address',
  'runtime-object': 'pod or container',
  instance: 'instance',
  'neutron-port': 'Neutron port',
  'neutron-network': 'network',
  'neutron-subnet': 'subnet',
  'neutron-router': 'router',
};

const plurals: Readonly<Record<string, string>> = {
  address: 'addresses',
  'owner of an address': 'owners of addresses',
  'pod or container': 'pods and containers',
};

function factText(facts: readonly Fact[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of facts) {
    const noun = nouns[kind];
    if (noun !== undefined) counts.set(noun, (counts.get(noun) ?? 0) + 1);
  }
  if (counts.size === 0) return '';
  return `: ${[...counts].map(([noun, n]) => count(n, noun, plurals[noun] ?? `${noun}s`)).join(', ')}`;
}

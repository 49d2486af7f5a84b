import type { Fact } from '../captures/facts';
import type { Locus } from './entity';
import { code, count, escape, inBrackets, section } from './markdown';
import type { World } from './world';

type FactOf<K extends Fact['kind']> = Extract<Fact, { readonly kind: K }>;

/** Records that are small enough to be said in a few lines each; undefined for kinds that have more to say elsewhere. */
export function describeRecord(world: World, locus: Locus, fact: Fact): string | undefined {
  const namespace = locus.host?.namespaces.get(locus.namespace);
  switch (fact.kind) {
    case 'bridge-vlan-tunnel': {
      const [[first, last], [id, end]] = [fact.vlan.value, fact.ids.value];
      return section(`${first === last ? `VLAN ${first}` : `VLANs ${first} to ${last}`} on ${escape(fact.dev.value)}`, [
        `Travels under ${id === end ? `number ${id}` : `the numbers ${id} to ${end}`} (VNI) in the tunnel`,
        'It counts only where the port maps VLANs to tunnels (`vlan_tunnel on` in `bridge -d link`)',
      ]);
    }
    case 'bridge-vlan': {
      const [first, last] = fact.vlan.value;
      const device = namespace?.devices.get(fact.dev.value);
      return section(`${first === last ? `VLAN ${first}` : `VLANs ${first} to ${last}`} on ${escape(fact.dev.value)}`, [
        device?.master === undefined
          ? undefined
          : `A port of bridge ${code(device.master)}${inBrackets(world, device.sources[0])}`,
        fact.pvid ? 'Frames that come in without a tag belong to it (PVID)' : 'Frames of it must come in with its tag',
        fact.untagged ? 'Frames of it leave without a tag' : 'Frames of it leave with their tag',
        'It counts only where the bridge filters by VLAN (`vlan_filtering 1` in `ip -d link`)',
      ]);
    }
    case 'bridge-fdb':
      return section('Forwarding entry', [
        `${code(fact.mac.value)}${fact.vlan === undefined ? '' : ` in VLAN ${fact.vlan.value}`} is ${fact.flags.includes('permanent') && fact.dst === undefined ? 'an address of' : 'behind'} ${code(fact.dev.value)}${fact.master ? ` of bridge ${code(fact.master.value)}` : ''}`,
        fact.dst
          ? `${/^(?:00:){5}00$/.test(fact.mac.value) ? 'Frames to no known address, broadcasts and multicasts are sent' : 'Frames to it are sent'} to tunnel endpoint ${code(fact.dst.value)}`
          : undefined,
        fact.flags.includes('self') && !fact.master ? "In the device's own table, not the bridge's" : undefined,
        fact.flags.includes('extern_learn')
          ? 'Put there by a program (a routing daemon, a switch driver), not learned from a frame'
          : undefined,
        fact.flags.includes('static') ? 'Set by hand: it does not age' : undefined,
        fact.flags.length === 0 ? 'Learned from a frame: it ages' : undefined,
        fact.flags.includes('offload') ? 'The card forwards it too' : undefined,
      ]);
    case 'bridge-mac': {
      const port = [...(namespace?.devices.values() ?? [])].find(({ master }) => master === fact.bridge.value);
      return section('Forwarding entry', [
        `${code(fact.mac.value)} is ${fact.local ? 'an address of' : 'behind'} port ${fact.portNumber.value} of bridge ${code(fact.bridge.value)}`,
        fact.age && !fact.local ? `Last seen ${fact.age.value} s ago` : undefined,
        port === undefined
          ? undefined
          : `Which device port ${fact.portNumber.value} is: ${code(`brctl showstp ${fact.bridge.value}`)}`,
      ]);
    }
    case 'listener': {
      const every = /^(?:0\.0\.0\.0|::|\*)$/.test(fact.ip.value);
      return section('Listening socket', [
        `${escape(fact.protocol.value.toUpperCase())} ${fact.port === undefined ? 'on every port' : `port ${fact.port.value}`} of ${every ? `every ${fact.ip.value === '0.0.0.0' ? 'IPv4 ' : ''}address of this machine` : code(fact.ip.value)}`,
        fact.ip.value === '::' ? 'IPv4 too, unless the program asked for IPv6 alone' : undefined,
        fact.dev ? `Only packets that come in by ${code(fact.dev.value)}` : undefined,
        /^(?:127\.|::1$)/.test(fact.ip.value) ? 'Only programs of this machine reach it' : undefined,
        fact.process ? `Served by ${code(fact.process.value)}` : undefined,
      ]);
    }
    case 'connected-socket':
      return section('Connected socket', [
        `${escape(fact.protocol.value.toUpperCase())} between ${code(fact.ip.value)} port ${fact.port.value} here and ${code(fact.peerIp.value)} port ${fact.peerPort.value}`,
        fact.state ? `State ${code(fact.state.value)}` : undefined,
        fact.process ? `Held by ${code(fact.process.value)}` : undefined,
      ]);
    case 'nf-queue':
      return section(`Queue ${fact.queue.value}`, ['A program takes the packets that NFQUEUE rules hand to it']);
    case 'ip-rule':
      return describeIpRule(fact);
    case 'route-answer':
      return section(`Where ${fact.dst.value} is routed`, [
        'What the kernel itself answered to this one question',
        fact.type === 'unicast' || fact.type === '' ? undefined : `Type ${escape(fact.type)}`,
        fact.via ? `Next hop ${code(fact.via.value)}` : fact.type === 'unicast' ? 'Directly on the link' : undefined,
        fact.dev ? `Out of ${code(fact.dev.value)}` : undefined,
        fact.src ? `Own packets get source ${code(fact.src.value)}` : undefined,
        fact.table ? `By table ${code(fact.table.value)}` : undefined,
      ]);
    case 'packet-seen':
      return describePacket(locus, fact);
    case 'packets-counted':
      return section('End of the recording', [
        `${count(fact.captured.value, 'packet')} in all${fact.dev ? ` at ${code(fact.dev.value)}` : ''}: what is not among them was not there`,
      ]);
    case 'traceroute':
      return section(`Way to ${escape(fact.target.value)}`, [
        `${count(fact.hops.length, 'hop')}${fact.reached ? ', the last of which is the target' : '; the target did not answer'}`,
        ...fact.hops
          .slice(0, 8)
          .map(
            (hop) =>
              `${hop.ttl.value}: ${hop.ips.length === 0 ? 'no answer' : hop.ips.map(({ value }) => code(value)).join(', ')}`,
          ),
      ]);
    case 'address-owner':
      return section(`${fact.what.charAt(0).toUpperCase()}${fact.what.slice(1)} ${escape(fact.name.value)}`, [
        `Has address ${code(fact.ip.value)}${fact.mac ? `, MAC ${code(fact.mac.value)}` : ''}`,
        fact.of ? `${fact.what === 'container' ? 'On network' : 'In namespace'} ${code(fact.of.value)}` : undefined,
        fact.node ? `Runs on ${code(fact.node.value)}` : undefined,
      ]);
    case 'runtime-object':
      return describeRuntimeObject(world, fact);
    default:
      return undefined;
  }
}

function describeIpRule(rule: FactOf<'ip-rule'>): string {
  const conditions = [
    rule.from && rule.from.value !== 'all' ? `from ${rule.from.value}` : undefined,
    rule.to && rule.to.value !== 'all' ? `to ${rule.to.value}` : undefined,
    rule.iif ? (rule.iif.value === 'lo' ? 'that this machine itself sends' : `that come in by ${rule.iif.value}`) : undefined,
    rule.oif ? `of sockets bound to ${rule.oif.value}` : undefined,
    rule.fwmark ? `with packet mark ${rule.fwmark.value}` : undefined,
    rule.tos ? `with type of service 0x${rule.tos.value.toString(16)}` : undefined,
    rule.ipproto ? `of ${rule.ipproto.value.toUpperCase()}` : undefined,
    rule.sport ? `with source port ${rule.sport.value.join('–')}` : undefined,
    rule.dport ? `with destination port ${rule.dport.value.join('–')}` : undefined,
    rule.uidrange ? `of users ${rule.uidrange.value.join('–')}` : undefined,
    rule.tunnel ? `of tunnel ${rule.tunnel.value}` : undefined,
  ].filter((words): words is string => words !== undefined);
  const does = rule.l3mdev
    ? 'Looks up the table of the VRF that the device belongs to'
    : rule.table
      ? `Looks up table ${code(rule.table.value)}; where it has no route, the next rule is asked`
      : rule.goto
        ? `Goes on with rule ${rule.goto.value}`
        : rule.action && `Action ${code(rule.action.value)}: ${ruleActions[rule.action.value] ?? 'see ip-rule(8)'}`;
  return section(`Routing rule ${rule.priority.value}`, [
    `${rule.not ? 'For every packet but those ' : 'For packets '}${conditions.length === 0 ? 'of every kind' : escape(conditions.join(', '))}`,
    does,
    rule.suppressPrefix === undefined
      ? undefined
      : rule.suppressPrefix.value === 0
        ? 'A default route does not count'
        : `Routes with a prefix of at most ${rule.suppressPrefix.value} do not count`,
    rule.suppressGroup && `Routes by devices of group ${code(rule.suppressGroup.value)} do not count`,
    rule.detached ? 'What it names does not exist: it takes no packet' : undefined,
  ]);
}

const ruleActions: Readonly<Record<string, string>> = {
  unreachable: 'the packet is refused, network unreachable',
  prohibit: 'the packet is refused, prohibited',
  blackhole: 'the packet is dropped in silence',
  nop: 'nothing is done',
};

function describePacket(locus: Locus, fact: FactOf<'packet-seen'>): string {
  // Where neither the line nor a banner names it, the command does.
  const asked = locus.capture.target === 'any' ? undefined : locus.capture.target;
  const dev = fact.dev?.value ?? asked;
  const end = (address: string | undefined, port: number | undefined) =>
    address === undefined
      ? 'somebody'
      : code(port === undefined ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
  const protocol = (fact.protocol ?? fact.ethertype ?? 'a').toUpperCase();
  const what = fact.what?.value;
  const flags = what === undefined ? '' : fact.protocol === 'tcp' ? `: ${tcpFlagWords(what)}` : `: ${escape(what)}`;
  return section('Packet seen', [
    `${protocol} packet from ${end(fact.src?.value, fact.sport?.value)} to ${end(fact.dst?.value, fact.dport?.value)}${flags}`,
    dev !== undefined
      ? `At ${code(dev)}${fact.direction === undefined ? '' : fact.direction === 'in' ? ', coming in' : ', going out'}`
      : undefined,
    fact.macSrc && fact.macDst ? `From MAC ${code(fact.macSrc.value)} to ${code(fact.macDst.value)}` : undefined,
    fact.vlan ? `Tagged with VLAN ${fact.vlan.value}` : undefined,
    fact.vni ? `Inside a tunnel, VNI ${fact.vni.value}` : undefined,
    'It proves that the packet was here, not how it came',
  ]);
}

/** tcpdump's letters: `S.` is SYN with ACK. */
function tcpFlagWords(flags: string): string {
  const names: Readonly<Record<string, string>> = {
    S: 'SYN',
    F: 'FIN',
    R: 'RST',
    P: 'PSH',
    U: 'URG',
    '.': 'ACK',
    E: 'ECE',
    W: 'CWR',
  };
  return [...flags].map((letter) => names[letter] ?? letter).join(', ');
}

function describeRuntimeObject(world: World, fact: FactOf<'runtime-object'>): string {
  // Identifiers are printed in part.
  const same = (a: string, b: string) => a.startsWith(b) || b.startsWith(a);
  const others = [...world.documents.values()].flatMap(({ captures }) =>
    captures.flatMap(({ facts }) => facts.filter((other): other is FactOf<'runtime-object'> => other.kind === 'runtime-object')),
  );
  const { pod } = fact;
  const owner = pod && others.find((other) => other.what === 'pod' && same(other.id.value, pod.value));
  const inside = fact.what === 'pod' ? others.filter((other) => other.pod && same(other.pod.value, fact.id.value)) : [];
  return section(`${fact.what === 'pod' ? 'Pod' : 'Container'} ${escape(fact.name.value)}`, [
    fact.state ? `State ${escape(fact.state.value)}` : undefined,
    fact.namespace ? `In namespace ${code(fact.namespace.value)}` : undefined,
    owner
      ? `Of pod ${code(owner.name.value)}${owner.namespace ? ` in namespace ${code(owner.namespace.value)}` : ''}`
      : undefined,
    inside.length === 0 ? undefined : `Containers: ${inside.map(({ name }) => code(name.value)).join(', ')}`,
    `Its addresses: ${code(`crictl inspectp ${pod?.value ?? fact.id.value}`)}`,
  ]);
}

import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { Source } from '../model/source';
import { bareNamespace, isPatch, isTunnel } from '../model/queries';
import type { FlowKey } from '../packet/flow-key';
import { addGap, inNamespace, type Context } from './context';
import { route } from './linux/routing';
import type { Overhead } from '../model/tunnel-overhead';
import { cut, deviceLimit, exceeds, noteLimits, portLimit, sizeText, type MtuLimit, type PacketSize } from './size';
import { destinationIp, isIpv6, sourceIp, type Ending, type Step } from './step';

/** A tunnel that a packet is about to enter, for the question whether it fits. */
export interface TunnelWay {
  readonly host: Host;
  readonly remote: string | undefined;
  readonly local: string | undefined;
  readonly far: Host | undefined;
  readonly overhead: Overhead | undefined;
  /** Whether the packet around it may be cut on its way: of the kernel's own kinds where its DF is not set. */
  readonly outerDf: 'set' | 'unset' | 'inherit' | 'unsaid';
  /** Frames come to it from a bridge or a switch, not from the IP stack. */
  readonly bridged: boolean;
  /** The kernel's own device, or a port of Open vSwitch: of its datapath in userspace, which tells nobody and cuts nothing. */
  readonly of: 'kernel' | 'switch' | 'userspace';
  readonly step: Pick<Step, 'host' | 'namespace' | 'device' | 'port'>;
  readonly evidence: readonly Source[];
}

/** The cards that the packet around it leaves and comes in by, each with what is left of its MTU. */
export function underlayLimits(way: TunnelWay): MtuLimit[] {
  const { overhead } = way;
  const around = (limit: MtuLimit): MtuLimit =>
    overhead ? { ...limit, overhead: overhead.bytes, by: overhead.name } : { ...limit, mtu: undefined };
  return [...cardsTowards(way.host, way.remote), ...(way.far ? cardsTowards(way.far, way.local) : [])].map(around);
}

function cardsTowards(host: Host, address: string | undefined): MtuLimit[] {
  const root: Namespace = host.namespaces.get('') ?? bareNamespace(host.name, '');
  const way = address === undefined ? undefined : route(root, address, {});
  if (way?.kind !== 'forward')
    return [
      {
        host: host.name,
        namespace: null,
        device: `the card towards ${address ?? 'the far end'}`,
        mtu: undefined,
        overhead: 0,
        evidence: [],
        command: 'ip address',
      },
    ];
  const own = deviceLimit(root, way.device);
  // A switch with the tunnel's own address is left by its cards.
  const bridge = host.bridges.get(way.device);
  const cards = bridge?.ports.filter(
    (port) => port.name !== bridge.name && port.type !== 'internal' && !isPatch(port) && !isTunnel(port),
  );
  return [own, ...(cards?.length === 1 ? cards.map((port) => portLimit(host, port)) : [])];
}

/**
 * Whether a packet fits a tunnel: where the packet around it would be too long for a card below and may not be cut, it is lost, and where it may,
 * it goes on in pieces that the far end puts together. Since 5.9 the kernel answers packets that may not be cut themselves, and come from a
 * bridge or a switch, in their receiver's name (skb_tunnel_check_pmtu). Gives what to show after the tunnel's own step, or how the way ends.
 */
export function throughTunnel(context: Context, way: TunnelWay, packet: FlowKey, steps: Step[]): Ending | Step | undefined {
  const limits = underlayLimits(way);
  noteLimits(context, limits);
  const { size } = context;
  const tight = size && limits.find((limit) => exceeds(size, limit, 0));
  if (!size || !tight || !way.overhead) return undefined;
  const six = isIpv6(packet);
  const fits = (tight.mtu ?? 0) - tight.overhead;
  const mayNot = six || size.dontFragment;
  const answers = way.of !== 'userspace' && mayNot && way.bridged && fits >= (six ? 1280 : 576) && size.length === size.whole;
  // Over IPv6 the kernel cuts no packet of a tunnel (ip6_fragment: only what a socket made).
  const isCut =
    way.of !== 'userspace' &&
    way.remote?.includes(':') !== true &&
    (way.outerDf === 'unset' || way.outerDf === 'unsaid' || (way.outerDf === 'inherit' && !size.dontFragment));
  if (isCut && !answers) return pieces(context, way, tight, size, packet);
  const evidence = [...tight.evidence, ...way.evidence];
  const outer = size.length + tight.overhead;
  const what = `${sizeText(size)} and ${tight.overhead} of ${way.overhead.name} are ${outer}, more than the MTU of ${tight.device}${tight.host === way.host.name ? '' : ` on ${tight.host}`} (${tight.mtu ?? '?'})`;
  const told = answers ? undefined : 'nobody is told';
  const summary = `Too long for the tunnel: ${what}; the packet is lost${told === undefined ? '' : `, and ${told}`}`;
  steps.push({
    ...way.step,
    stage: 'tunnel',
    summary,
    certainty: tight.host === way.host.name ? 'captured' : 'inferred',
    ...(tight.host === way.host.name ? {} : { reason: 'a card takes nothing longer than its MTU as a rule' }),
    packet,
    evidence,
    steps: answers ? [answer(way, fits, packet)] : [],
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: { host: way.host.name, device: way.step.device, port: way.step.port }, summary, packet };
}

function answer(way: TunnelWay, fits: number, packet: FlowKey): Step {
  const name = isIpv6(packet) ? 'packet too big' : 'fragmentation needed';
  return {
    ...way.step,
    stage: 'tunnel',
    summary: `An ICMP error (${name}, MTU ${fits}) goes back to ${sourceIp(packet)}, in the name of ${destinationIp(packet)}`,
    certainty: 'inferred',
    reason:
      way.of === 'switch'
        ? 'the kernel answers so since 5.9, where its own datapath has the tunnel; older ones and the userspace datapath tell nobody'
        : 'the kernel answers so since 5.9; older ones tell nobody',
    packet,
    evidence: [],
    steps: [],
  };
}

function pieces(context: Context, way: TunnelWay, tight: MtuLimit, size: PacketSize, packet: FlowKey): Step {
  const outer = size.length + tight.overhead;
  const first = cut({ length: outer, whole: outer, dontFragment: false }, tight.mtu ?? outer, 4);
  const unsaid = way.outerDf === 'unsaid';
  if (unsaid)
    addGap(context, {
      host: way.host.name,
      command: inNamespace(way.step.namespace ?? '', `ip -d link show ${way.step.device}`),
      why: `whether the packets around others may be cut (df)`,
    });
  return {
    ...way.step,
    stage: 'tunnel',
    summary: `With ${tight.overhead} bytes of ${way.overhead?.name ?? 'the tunnel'} the packet has ${outer}, more than the MTU of ${tight.device} (${tight.mtu ?? '?'}): the packet around it is cut into pieces of up to ${first.length} bytes, which the far end puts together`,
    certainty: unsaid ? 'assumed' : 'inferred',
    reason: unsaid
      ? 'whether the tunnel sets DF was not captured; without being told it does not'
      : 'the tunnel sets no DF bit, so the packets around others may be cut; each piece that is lost loses the whole',
    packet,
    evidence: tight.evidence,
    steps: isIpv6(packet) && !way.bridged ? [nextOne(way, (tight.mtu ?? 0) - tight.overhead, packet)] : [],
  };
}

/** Routing remembers of IPv6 that a tunnel had to cut: the first packet passes, no other one (skb_dst_update_pmtu_no_confirm, ip6_forward). */
function nextOne(way: TunnelWay, fits: number, packet: FlowKey): Step {
  return {
    ...way.step,
    stage: 'tunnel',
    summary: `The next such packet to ${destinationIp(packet)} is refused, and its sender told that ${fits} bytes fit`,
    certainty: 'inferred',
    reason: 'the kernel keeps the path MTU that it learned of IPv6 for some minutes',
    packet,
    evidence: [],
    steps: [],
  };
}

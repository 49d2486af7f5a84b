import { hex } from '../base/bits';
import { formatIpv4, formatIpv6, formatMac } from '../packet/address';
import { get, vlanOf, type FlowKey } from '../packet/flow-key';
import type { PacketView, TraceMtu, TraceMtuLimit, TraceParams, TraceResult, TraceStep, Walk } from '../protocol';
import type { HostVisit } from '../walk/context';
import { withoutIndexing } from '../ofproto/tables';
import { walk, type WalkAnswer } from '../walk/walk';
import type { PathMtu } from '../walk/path-mtu';
import type { MtuLimit } from '../walk/size';
import type { Step } from '../walk/step';
import { evidenceLinks } from './locate';
import type { World } from './world';

/** Walks a packet for people: the walk's steps with links to the lines that prove them. */
export function trace(world: World, params: TraceParams): TraceResult {
  return traceWithVisits(world, params).result;
}

/** Every lookup in a switch's tables that a trace came through, in order. */
export type TraceVisits = readonly HostVisit[];

/** The same, with every lookup in a switch's tables on the way. */
export function traceWithVisits(
  world: World,
  params: TraceParams,
): { readonly result: TraceResult; readonly visits: TraceVisits } {
  const answer = walk(world.network, params);
  if (answer.kind === 'error') return { result: answer, visits: [] };
  const { request, reply } = answer;
  return {
    result: { kind: 'trace', params, request: viewWalk(world, request), reply: reply ? viewWalk(world, reply) : null },
    visits: [...request.visits, ...(reply?.visits ?? [])],
  };
}

/** The same in steps: one that walks, and where it meets a table that is not indexed yet, those that index it, and another that walks. */
export function* traceInSteps(world: World, params: TraceParams): Generator<void, ReturnType<typeof traceWithVisits>> {
  for (;;) {
    const done = withoutIndexing(() => traceWithVisits(world, params));
    if ('value' in done) return done.value;
    yield* done.steps;
    yield;
  }
}

function viewWalk(world: World, answer: WalkAnswer): Walk {
  const { ending, certainty, steps, gaps, mtu } = answer;
  return {
    outcome: { disposition: ending.disposition, certainty, at: ending.at, summary: ending.summary },
    steps: steps.map((step) => viewStep(world, step)),
    gaps,
    mtu: mtu === undefined ? null : viewMtu(world, mtu),
  };
}

function viewMtu(world: World, { bytes, at, unknown, summary }: PathMtu): TraceMtu {
  return {
    bytes: bytes ?? null,
    summary,
    at: at === undefined ? null : { ...viewLimit(at), evidence: evidenceLinks(world, at.evidence) },
    unknown: unknown.map(viewLimit),
  };
}

function viewLimit({ host, namespace, device, mtu, overhead, by }: MtuLimit): TraceMtuLimit {
  return { host, namespace, device, mtu: mtu ?? null, overhead, by: by ?? null };
}

function viewStep(world: World, step: Step): TraceStep {
  const { packet, evidence, steps, ...rest } = step;
  return {
    ...rest,
    packet: viewPacket(packet),
    evidence: evidenceLinks(world, evidence),
    steps: steps.map((inner) => viewStep(world, inner)),
  };
}

/** The headers that a packet has, as people write them. */
export function viewPacket(packet: FlowKey): PacketView {
  const type = get(packet, 'dl_type');
  const v4 = type === 0x0800n || type === 0x0806n;
  const v6 = type === 0x86ddn;
  const proto = Number(get(packet, 'nw_proto'));
  const vlan = vlanOf(packet);
  const tunnel = get(packet, 'tun_id');
  const ports = proto === 6 || proto === 17 || proto === 132;
  return {
    ...(packet.has('dl_src') ? { dl_src: formatMac(get(packet, 'dl_src')) } : {}),
    ...(packet.has('dl_dst') ? { dl_dst: formatMac(get(packet, 'dl_dst')) } : {}),
    ...(type === 0n ? {} : { dl_type: hex(type) }),
    ...(vlan === undefined ? {} : { dl_vlan: vlan }),
    ...(tunnel === 0n ? {} : { tun_id: hex(tunnel) }),
    ...(v4 ? { nw_src: formatIpv4(get(packet, 'nw_src')), nw_dst: formatIpv4(get(packet, 'nw_dst')) } : {}),
    ...(v6 ? { nw_src: formatIpv6(get(packet, 'ipv6_src')), nw_dst: formatIpv6(get(packet, 'ipv6_dst')) } : {}),
    ...(v4 || v6 ? { nw_proto: proto, nw_ttl: Number(get(packet, 'nw_ttl')) } : {}),
    ...(ports ? { tp_src: Number(get(packet, 'tp_src')), tp_dst: Number(get(packet, 'tp_dst')) } : {}),
    ...(proto === 1 || proto === 58 ? { icmp_type: Number(get(packet, 'tp_src')) } : {}),
    ...(get(packet, 'nw_frag') === 1n ? { ip_frag: 'first' as const } : {}),
  };
}

import { bundleMember } from '../datapath/hash';
import { formatPort } from '../openflow/names';
import { OFPP, type OfpAct } from '../openflow/ofpact';
import { isAlive } from './bundles';
import { datapathCan, portOf, report, reportSubfield, type Ctx } from './context';
import { inFloodOrder } from './flood-order';
import { controllerAction } from './controller';
import { lookAtBits, readBits, writeBits } from './fields';
import { normal } from './normal';
import { composeOutput } from './output';
import { queuePriority } from './queues';
import { tableAction } from './table-action';
import { wordAt, W } from '../packet/flow-words';

/** How an output is to be done. */
export interface OutputOptions {
  readonly isLast: boolean;
  readonly truncate?: boolean;
  readonly groupBucket: boolean;
  readonly mayPacketIn?: boolean;
  readonly maxLen?: number;
}

/** The number of a port that an action names; undefined (and reported) for a name that the bridge lacks. */
export function portNumber(ctx: Ctx, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  for (const each of ctx.bridge.ports.values()) if (each.name === port) return each.ofport;
  report(ctx, 'warn', `bridge ${ctx.bridge.name} has no port ${port}`);
  ctx.session.follower?.output(ctx, port);
  return undefined;
}

/** FLOOD and ALL: every port but the one that the packet came by. */
function floodPorts(ctx: Ctx, all: boolean, isLast: boolean): void {
  const visited = inFloodOrder([...ctx.bridge.ports.values()]).filter(
    ({ port }) => port.ofport !== wordAt(ctx.flow, W.inPort) && (all || !port.noFlood),
  );
  if (visited.some(({ bucket }, n) => bucket === visited[n + 1]?.bucket))
    ctx.session.notes.add(
      `${ctx.bridge.name}: in which order ${all ? 'ALL' : 'FLOOD'} reaches ports that the switch keeps together depends on its past, which no capture tells; the lower number is taken to be first`,
    );
  visited.forEach(({ port }, i) => {
    composeOutput(ctx, port.ofport, { isLast: isLast && i === visited.length - 1, checkStp: !all });
  });
}

/** output:PORT with the reserved ports (ovs-actions(7), "Output Actions"). */
export function outputAction(ctx: Ctx, port: number, options: OutputOptions): void {
  const { isLast, truncate = false } = options;
  switch (port) {
    case OFPP.IN_PORT:
      composeOutput(ctx, wordAt(ctx.flow, W.inPort), { isLast, truncate });
      return;
    case OFPP.TABLE:
      tableAction(ctx, wordAt(ctx.flow, W.inPort), 0, options.mayPacketIn ?? false, false, false, ctx.run);
      return;
    case OFPP.NORMAL:
      normal(ctx);
      return;
    case OFPP.FLOOD:
      floodPorts(ctx, false, isLast);
      return;
    case OFPP.ALL:
      floodPorts(ctx, true, isLast);
      return;
    case OFPP.CONTROLLER:
      controllerAction(
        ctx,
        options.maxLen ?? 0,
        options.groupBucket ? 'group' : ctx.inActionSet ? 'action_set' : 'action',
        0,
        undefined,
      );
      return;
    case OFPP.NONE:
      return;
    default:
      if (port === wordAt(ctx.flow, W.inPort)) report(ctx, 'warn', 'skipping output to input port');
      else composeOutput(ctx, port, { isLast, truncate });
  }
}

/** output:FIELD[a..b]. */
export function outputRegAction(ctx: Ctx, act: OfpAct & { kind: 'output_reg' }, options: OutputOptions): void {
  const port = readBits(ctx.bridge, ctx.flow, act.src);
  if (port > 0xffffn) {
    report(ctx, 'warn', `output port ${port} is out of range`);
    return;
  }
  report(ctx, 'detail', `output port is ${port}`);
  lookAtBits(ctx.bridge, ctx.wc, act.src);
  outputAction(ctx, Number(port), { ...options, mayPacketIn: false, maxLen: act.maxLen });
}

const notTruncatable = new Set<number>([OFPP.TABLE, OFPP.NORMAL, OFPP.FLOOD, OFPP.ALL, OFPP.CONTROLLER, OFPP.NONE]);

/** output(port=…,max_len=…). */
export function outputTruncAction(ctx: Ctx, port: number, maxLen: number, options: OutputOptions): void {
  if (notTruncatable.has(port)) {
    report(ctx, 'warn', `output_trunc does not support port: ${formatPort(port)}`);
    return;
  }
  if (port === wordAt(ctx.flow, W.inPort)) {
    report(ctx, 'warn', 'skipping output to input port');
    return;
  }
  // IN_PORT is no port of the bridge, so that the switch does not truncate to it either.
  if (portOf(ctx, port)?.odpPort === undefined) {
    report(ctx, 'error', `output_trunc does not support patch port ${formatPort(port)}`);
    return;
  }
  ctx.dpActions.push({ kind: 'trunc', maxLen });
  outputAction(ctx, port, { ...options, mayPacketIn: false, truncate: true });
  if (!datapathCan(ctx, 'truncation')) ctx.slow.add('ACTION');
}

/** enqueue:PORT:QUEUE. A userspace datapath has no queues and sends the packet by the port; Linux sets the packet's priority. */
export function enqueueAction(ctx: Ctx, port: number, queue: number, options: OutputOptions): void {
  const priority = queuePriority(ctx, queue);
  if (priority === undefined) {
    outputAction(ctx, port, { ...options, mayPacketIn: false });
    return;
  }
  const inPort = wordAt(ctx.flow, W.inPort);
  if (port === inPort) return;
  const saved = wordAt(ctx.flow, W.skbPriority);
  ctx.flow[W.skbPriority] = priority;
  composeOutput(ctx, port === OFPP.IN_PORT ? inPort : port, { isLast: options.isLast });
  ctx.flow[W.skbPriority] = saved;
}

/** bundle(…) and bundle_load(…). */
export function bundleAction(ctx: Ctx, act: OfpAct & { kind: 'bundle' }, options: OutputOptions): void {
  const alwaysEnabled = new Set<number>([OFPP.IN_PORT, OFPP.TABLE, OFPP.NORMAL, OFPP.FLOOD, OFPP.ALL, OFPP.NONE]);
  const members = act.members.map((member) => portNumber(ctx, member) ?? OFPP.NONE);
  const place = bundleMember(act, ctx.flow, ctx.wc, (i) => {
    const port = members[i] ?? OFPP.NONE;
    return alwaysEnabled.has(port) || (port !== OFPP.CONTROLLER && isAlive(portOf(ctx, port)));
  });
  if (place === undefined) ctx.session.follower?.noneLive(ctx, 'The bundle', members);
  const port = place === undefined ? OFPP.NONE : (members[place] ?? OFPP.NONE);
  if (!act.dst) {
    outputAction(ctx, port, { ...options, mayPacketIn: false });
    return;
  }
  lookAtBits(ctx.bridge, ctx.wc, act.dst);
  writeBits(ctx.bridge, ctx.flow, act.dst, BigInt(port));
  reportSubfield(ctx, act.dst);
}

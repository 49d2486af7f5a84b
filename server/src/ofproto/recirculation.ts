import type { Ctx, FrozenState, Session } from './context';
import { wordAt, emptyFlow, type FlowWords, W } from '../packet/flow-words';
import { TUNNEL_END } from './headers';

/** Tunnel, metadata, registers and in_port: what a packet keeps while it recirculates. */
export function frozenMetadata(flow: FlowWords): FlowWords {
  const kept = emptyFlow();
  restoreMetadata(kept, flow);
  return kept;
}

/** Copies what `frozenMetadata` keeps. */
export function restoreMetadata(to: FlowWords, from: FlowWords): void {
  to.set(from.subarray(0, TUNNEL_END), 0);
  to.set(from.subarray(W.metadata, W.metadata + 2), W.metadata);
  to.set(from.subarray(W.reg, W.reg + 16), W.reg);
  to[W.inPort] = wordAt(from, W.inPort);
}

/** The number of a state; equal states share one, as in the switch. */
export function recircIdOf(ctx: Ctx, state: FrozenState): number {
  const key = JSON.stringify({ ...state, flow: [...state.flow], mirrors: [...state.mirrors].sort() }, (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  const { session } = ctx;
  let id = session.frozenIds.get(key);
  if (id === undefined) {
    id = session.nextRecircId++;
    session.frozenIds.set(key, id);
    session.frozen.set(id, state);
  }
  return id;
}

/**
 * Forgets the states that no packet waits in: the switch gives their numbers back when it has traced one part, and numbers an equal state
 * anew.
 */
export function releaseStates({ frozenIds, recircQueue }: Session): void {
  const waiting = new Set(recircQueue.map(({ id }) => id));
  for (const [key, id] of frozenIds) if (!waiting.has(id)) frozenIds.delete(key);
}

export function stateOf(ctx: Ctx, table: number, withActions: boolean): FrozenState {
  return {
    bridge: ctx.bridge.name,
    table,
    flow: frozenMetadata(ctx.flow),
    stack: [...ctx.stack],
    mirrors: new Set(ctx.mirrors),
    conntracked: ctx.conntracked,
    actions: withActions ? [...ctx.frozenActions] : [],
    actionSet: withActions ? [...ctx.actionSet] : [],
    receivedBy: withActions ? receivingPort(ctx) : undefined,
  };
}

/** The port that the packet came by; undefined for a patch port, by which no packet comes to a switch. */
function receivingPort({ session, upcallFlow }: Ctx): number | undefined {
  const port = session.sw.bridges.get(session.originalBridge)?.ports.get(wordAt(upcallFlow, W.inPort));
  return port?.patchPeer === undefined ? port?.ofport : undefined;
}

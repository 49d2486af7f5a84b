import type { Follower, Session } from './context';
import type { Switch } from './switch';
import { makeTables, type Tables } from './tables';

/** What one trace through a switch begins with. `tables`: where flows that learn() writes are kept, if longer than for this trace. */
export function newSession(
  sw: Switch,
  bridge: string,
  more: { readonly tables?: Tables; readonly follower?: Follower } = {},
): Session {
  return {
    sw,
    tables: more.tables ?? makeTables(),
    originalBridge: bridge,
    frozen: new Map(),
    frozenIds: new Map(),
    nextRecircId: 1,
    recircQueue: [],
    learnedMacs: new Map(),
    notes: new Set(sw.notes),
    ...(more.follower ? { follower: more.follower } : {}),
  };
}

import type { Known } from '../model/source';
import type { WireGuard, WireGuardPeer } from '../model/wireguard';
import { completeness, sourceAt, type LinkedCapture } from './facts';

interface Draft {
  key?: string;
  readonly peers: Map<string, WireGuardPeer>;
  known: Known;
}

/** The devices of WireGuard in a namespace with their peers (`wg show`); the first capture that names a peer says what is behind it. */
export function linkWireGuard(captures: readonly LinkedCapture[]): ReadonlyMap<string, WireGuard> {
  const drafts = new Map<string, Draft>();
  for (const linked of captures) {
    if (linked.capture.kind !== 'wg-show') continue;
    const { known } = completeness(linked.capture);
    for (const fact of linked.capture.facts) {
      const name =
        fact.kind === 'link'
          ? fact.name.value
          : fact.kind.startsWith('wireguard-') && 'dev' in fact
            ? fact.dev?.value
            : undefined;
      if (name === undefined) continue;
      const draft = drafts.get(name) ?? { peers: new Map<string, WireGuardPeer>(), known };
      drafts.set(name, draft);
      if (fact.kind === 'link' && draft.known !== 'whole') draft.known = known;
      if (fact.kind === 'wireguard-device') draft.key ??= fact.key.value;
      if (fact.kind !== 'wireguard-peer') continue;
      const allowed = fact.allowed.map(({ value }) => value);
      const { peer: called, key: publicKey, endpoint, reached } = fact;
      const peer = {
        name: called.value,
        key: publicKey?.value,
        endpoint: endpoint?.value.toLowerCase(),
        reached,
        allowed,
      };
      // Masked keys may all look the same.
      const key = fact.key?.value ?? `${fact.peer.value} ${allowed.join(' ')}`;
      if (!draft.peers.has(key)) draft.peers.set(key, { ...peer, source: sourceAt(linked, fact.peer.span) });
    }
  }
  return new Map([...drafts].map(([name, { key, peers, known }]) => [name, { key, peers: [...peers.values()], known }]));
}

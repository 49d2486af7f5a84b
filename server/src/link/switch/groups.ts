import type { SwitchFact } from '../../captures/switch-facts';
import { parseActions } from '../../captures/flow/ofpacts';
import { reservedPort, type NameMap } from '../../openflow/names';
import { parseFieldValue } from '../../openflow/parse-field';
import type { Group } from '../../ofproto/switch';
import { exactMask, mfFromName } from '../../packet/fields';
import { aboutBridge, type Captured } from './captured';

const GROUP_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-dump-groups']);
type GroupFact = Extract<SwitchFact, { kind: 'of-group' }>;

/** A bridge's groups by number, from the dump that tells most of them: only OpenFlow 1.5 shows how a select group chooses. */
export function groupsOf(captured: Captured, bridge: string, ports: NameMap): ReadonlyMap<number, Group> {
  const groups = new Map<number, GroupFact>();
  for (const { capture } of aboutBridge(captured, bridge, GROUP_KINDS)) {
    for (const fact of capture.facts) {
      if (fact.kind !== 'of-group') continue;
      const before = groups.get(fact.id.value);
      if (!before || tells(fact) > tells(before)) groups.set(fact.id.value, fact);
    }
  }
  return new Map([...groups].map(([id, fact]) => [id, groupOf(fact, ports, captured, bridge)]));
}

function tells(fact: GroupFact): number {
  return (fact.selectionMethod ? 2 : 0) + (fact.buckets[0]?.id ? 1 : 0);
}

function groupOf(fact: GroupFact, ports: NameMap, captured: Captured, bridge: string): Group {
  const type = fact.type.value;
  const method = fact.selectionMethod?.value;
  return {
    id: fact.id.value,
    type: type === 'select' || type === 'indirect' || type === 'all' ? type : 'ff',
    selectionMethod: method === 'hash' || method === 'dp_hash' ? method : undefined,
    selectionMethodParam: BigInt(fact.selectionMethodParam?.value ?? 0),
    fields: fact.fields.flatMap(({ name, mask }) => {
      const field = mfFromName(name.value);
      if (!field) return [];
      const parsed = mask === undefined ? undefined : parseFieldValue(field, mask, ports);
      return [{ name: field.mfName, mask: parsed?.kind === 'value' ? parsed.value : exactMask(field) }];
    }),
    buckets: fact.buckets.map((bucket, index) => {
      const parsed = parseActions(bucket.actions.value, { ports, instructions: false, printed: true });
      const trouble = parsed.troubles[0];
      if (trouble) captured.notes.push(`group ${fact.id.value} of ${bridge}: ${trouble.message}`);
      const watched = bucket.watchPort?.value;
      const watchPort = typeof watched === 'string' ? (reservedPort(watched) ?? ports.numberOf(watched)) : watched;
      if (watched !== undefined && watchPort === undefined)
        captured.notes.push(
          `group ${fact.id.value} of ${bridge}: which port ${watched} is, that a bucket watches, is not captured; the bucket is taken to be live (ovs-ofctl show ${bridge} tells)`,
        );
      return {
        id: bucket.id?.value ?? index,
        weight: bucket.weight?.value ?? 1,
        watchPort,
        watchGroup: bucket.watchGroup?.value,
        actions: parsed.acts,
      };
    }),
  };
}

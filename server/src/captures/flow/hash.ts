import type { Flow } from '../../packet/openflow';

/** The part of a flow's hash that a term adds; the order of terms does not matter. */
export function hashOfTerm(field: string, value: bigint, mask: bigint): number {
  let hash = hashOfText(field);
  for (let rest = mask; rest !== 0n; rest >>= 32n) hash = mix(hash, Number(rest & 0xffffffffn));
  for (let rest = value; rest !== 0n; rest >>= 32n) hash = mix(hash, Number(rest & 0xffffffffn));
  return hash;
}

export function hashOfText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return hash;
}

export function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x9e3779b1);
  h ^= h >>> 15;
  return Math.imul(h, 0x85ebca6b) ^ (h >>> 13);
}

/** The fields that hold port numbers, whose values one dump writes as names and another as numbers. */
const PORTS: ReadonlySet<string> = new Set(['in_port', 'in_phy_port', 'actset_output']);

/** Whether a field's value is left out of hashes. */
export function hashesValue(field: string): boolean {
  return !PORTS.has(field);
}

/** A flow's hash: equal for one table, priority and match however they are written; see `FlowStore.hashOf`. */
export function hashOfFlow(flow: Flow): number {
  let hash = hashOfPlace(flow.table.value, flow.priority.value);
  for (const { field, value, mask, unknown, text } of flow.match) {
    const own = unknown ? hashOfText(text) : hashOfTerm(field, hashesValue(field) ? value : 0n, mask);
    hash = (hash + own) | 0;
  }
  return hash;
}

/** The part of a flow's hash that its table and priority are. */
export function hashOfPlace(table: number | string, priority: number): number {
  return mix(typeof table === 'number' ? mix(1, table) : hashOfText(table), priority);
}

import { type FlowWords, W } from '../packet/flow-words';

/** One row of `ovs-ofctl dump-tlv-map`: which Geneve option is `tun_metadataN`. */
export interface TlvRow {
  readonly class: number;
  readonly type: number;
  /** Bytes, a multiple of 4. */
  readonly length: number;
  /** 0 to 63: `tun_metadata3`. */
  readonly index: number;
}

/** A switch's options with where flow words keep them. */
export interface TlvTable {
  readonly entries: ReadonlyMap<number, TlvEntry>;
}

export interface TlvEntry extends TlvRow {
  /** First word of `tun_md`, counted from it. */
  readonly word: number;
}

/** All the options of a switch share 256 bytes (ovs-fields(7), "tun_metadata"). */
const OPTION_WORDS = 64;

/** Gives every option its place; options that don't fit into the 256 bytes are left out, as a switch would refuse them. */
export function tlvTable(rows: readonly TlvRow[]): TlvTable {
  const entries = new Map<number, TlvEntry>();
  let word = 0;
  for (const row of [...rows].sort((a, b) => a.index - b.index)) {
    const words = Math.ceil(row.length / 4);
    if (row.index < 0 || row.index > 63 || words < 0 || word + words > OPTION_WORDS || entries.has(row.index)) continue;
    entries.set(row.index, { ...row, word });
    word += words;
  }
  return { entries };
}

export const noTlvs: TlvTable = { entries: new Map() };

/** The option of `tun_metadataN` by the field's name; undefined where it is no such name. */
export function optionIndex(name: string): number | undefined {
  return name.startsWith('tun_metadata') ? Number(name.slice('tun_metadata'.length)) : undefined;
}

/** Whether the packet carries the option (or, of a mask, whether its presence counts). */
export function hasOption(flow: FlowWords, index: number): boolean {
  return (((flow[W.tunMdPresent + (index >= 32 ? 0 : 1)] ?? 0) >>> (index & 31)) & 1) === 1;
}

export function readOption(flow: FlowWords, table: TlvTable, index: number): bigint {
  const entry = table.entries.get(index);
  if (!entry) return 0n;
  let value = 0n;
  for (let n = 0; n < entry.length / 4; n++) value = (value << 32n) | BigInt(flow[W.tunMd + entry.word + n] ?? 0);
  return value;
}

/** Writes an option and marks it as present; nothing happens where the switch does not know it. */
export function writeOption(flow: FlowWords, table: TlvTable, index: number, value: bigint): void {
  const entry = table.entries.get(index);
  if (!entry) return;
  let rest = value;
  for (let n = entry.length / 4 - 1; n >= 0; n--) {
    flow[W.tunMd + entry.word + n] = Number(BigInt.asUintN(32, rest));
    rest >>= 32n;
  }
  const present = W.tunMdPresent + (index >= 32 ? 0 : 1);
  flow[present] = ((flow[present] ?? 0) | (1 << (index & 31))) >>> 0;
}

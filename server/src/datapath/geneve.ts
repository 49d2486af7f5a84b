import type { FlowWords } from '../packet/flow-words';
import { W } from '../packet/flow-words';
import { word } from './words';

/** Where an option of the TLV map is kept among a packet's words. */
export interface GenevePlace {
  /** 0 to 63: `tun_metadata3`. */
  readonly index: number;
  readonly class: number;
  readonly type: number;
  /** Bytes, a multiple of 4. */
  readonly length: number;
  /** The first of its words. */
  readonly at: number;
}

/** A row of the TLV map (`ovs-ofctl dump-tlv-map`). */
interface TlvRow {
  readonly class: number;
  readonly type: number;
  readonly length: number;
  readonly index: number;
}

/**
 * Gives every mapped option its words, in the order of the map. Options that find no room (the map holds 256 bytes in all) get none, as
 * the switch would refuse them.
 */
export function genevePlaces(map: readonly TlvRow[]): readonly GenevePlace[] {
  const places: GenevePlace[] = [];
  let next = W.tunMd;
  for (const row of [...map].sort((a, b) => a.index - b.index)) {
    const words = Math.ceil(row.length / 4);
    if (next + words > W.tunMd + 64) continue;
    places.push({ index: row.index, class: row.class, type: row.type, length: 4 * words, at: next });
    next += words;
  }
  return places;
}

/** One Geneve option with its bytes. */
export interface GeneveOption {
  readonly class: number;
  readonly type: number;
  readonly data: readonly number[];
}

function presentBit(index: number): { readonly word: number; readonly bit: number } {
  return index < 32 ? { word: W.tunMdPresent + 1, bit: 1 << index } : { word: W.tunMdPresent, bit: 1 << (index - 32) };
}

export function isOptionPresent(flow: FlowWords, index: number): boolean {
  const { word: at, bit } = presentBit(index);
  return (word(flow, at) & bit) !== 0;
}

/** Notes that the packet carries the option. */
export function setOptionPresent(flow: FlowWords, index: number): void {
  const { word: at, bit } = presentBit(index);
  flow[at] = (word(flow, at) | bit) >>> 0;
}

/** The options that a packet carries, in the order of their numbers. */
export function geneveOptions(flow: FlowWords, places: readonly GenevePlace[]): readonly GeneveOption[] {
  const options: GeneveOption[] = [];
  for (const place of places) {
    if (!isOptionPresent(flow, place.index)) continue;
    const data: number[] = [];
    for (let i = 0; i < place.length; i++) data.push((word(flow, place.at + (i >> 2)) >>> (24 - 8 * (i & 3))) & 0xff);
    options.push({ class: place.class, type: place.type, data });
  }
  return options;
}

/** Puts an option's bytes where `place` keeps them. */
export function writeGeneveOption(flow: FlowWords, place: GenevePlace, data: readonly number[]): void {
  for (let i = 0; i < place.length; i += 4) {
    const value = ((data[i] ?? 0) << 24) | ((data[i + 1] ?? 0) << 16) | ((data[i + 2] ?? 0) << 8) | (data[i + 3] ?? 0);
    flow[place.at + (i >> 2)] = value >>> 0;
  }
  setOptionPresent(flow, place.index);
}

import { hasOption, type TlvTable } from '../openflow/tlv';
import { W, wordAt, type FlowWords } from '../packet/flow-words';

/** One Geneve option with its bytes. */
export interface GeneveOption {
  readonly class: number;
  readonly type: number;
  readonly data: readonly number[];
}

/** The options that a packet carries, in the order of their numbers. */
export function geneveOptions(flow: FlowWords, tlv: TlvTable): readonly GeneveOption[] {
  const options: GeneveOption[] = [];
  for (const entry of tlv.entries.values()) {
    if (!hasOption(flow, entry.index)) continue;
    const data: number[] = [];
    for (let i = 0; i < entry.length; i++)
      data.push((wordAt(flow, W.tunMd + entry.word + (i >> 2)) >>> (24 - 8 * (i & 3))) & 0xff);
    options.push({ class: entry.class, type: entry.type, data });
  }
  return options;
}

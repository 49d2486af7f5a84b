import type { FieldSlice } from './flow-words';
import { wordLayout } from './flow-words';

/** How a field's value is written (ovs-fields(7)). */
export type FieldFormat =
  'number' | 'hex' | 'mac' | 'ipv4' | 'ipv6' | 'port' | 'ct-state' | 'tcp-flags' | 'frag' | 'packet-type' | 'tun-flags';

/** What a packet must be for the field to exist (ovs-fields(7), "Prerequisites"). */
export type Prerequisite =
  | 'none' | 'ethernet' | 'vlan' | 'arp' | 'ipv4' | 'ipv6' | 'ip-any' | 'mpls' | 'ct' | 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmp6'
  | 'nd' | 'nd-solicit' | 'nd-advert' | 'nsh'; // prettier-ignore

/** Where a field's bits are kept. Several names may share bits: `dl_vlan` is part of `vlan_tci`, `tcp_src` is `tp_src`. */
export interface FieldStorage {
  readonly key: string;
  readonly shift: number;
}

export interface Field {
  /** As flows are printed: `dl_src`, `nw_src`. */
  readonly name: string;
  /** As `set_field` prints it: `eth_src`, `ip_src`. Equal for all spellings of one field. */
  readonly mfName: string;
  /** As `move`, `load` and `push` print it: `NXM_OF_ETH_SRC`; `mfName` where OpenFlow has no header for it. */
  readonly header: string;
  readonly bits: number;
  /** Bytes of a value on the wire: masks are "exact" where all bits of all bytes are 1. */
  readonly bytes: number;
  readonly format: FieldFormat;
  readonly storage: readonly FieldStorage[];
  /**
   * The bits in flow words. Empty for `tun_metadataN`, whose place the switch's TLV map decides. Fields whose value is not simply
   * these bits (`dl_vlan`, OpenFlow 1.1 ports …) go through `field-access.ts`.
   */
  readonly slices: readonly FieldSlice[];
  readonly prereq: Prerequisite;
  readonly writable: boolean;
  readonly maskable: boolean;
  readonly says: string;
  readonly aliases: readonly string[];
}

interface More {
  /** Names beside `name` and `mf`; names in capitals are NXM and OXM headers, the first being the one that is printed. */
  readonly aliases?: string;
  readonly mf?: string;
  readonly key?: string;
  readonly shift?: number;
  readonly needs?: Prerequisite;
  readonly exact?: boolean;
  readonly readOnly?: boolean;
  readonly bytes?: number;
  /** Where it is kept, where that is not in a header of its own name; `word` counts from the header's first. */
  readonly at?: string;
  readonly word?: number;
  readonly kept?: number;
}

function wireBytes(bits: number): number {
  if (bits <= 16) return bits <= 8 ? 1 : 2;
  return bits <= 32 ? 4 : bits / 8;
}

function slicesOf(name: string, bits: number, shift: number, word: number): FieldSlice[] {
  const at = (wordLayout[name]?.at ?? Number.NaN) + word;
  if (Number.isNaN(at)) return [];
  if (bits <= 32) return [{ word: at, shift, bits }];
  const count = Math.ceil(bits / 32);
  return Array.from({ length: count }, (_, n) => ({ word: at + n, shift: 0, bits: n === 0 ? bits - 32 * (count - 1) : 32 }));
}

/** A field of the table; its place in flow words is that of its own name where `more` says no other. */
export function field(name: string, bits: number, format: FieldFormat, says: string, more: More = {}): Field {
  const aliases = more.aliases?.split(' ') ?? [];
  const mfName = more.mf ?? name;
  return {
    name,
    mfName,
    header: aliases.find((alias) => /^[A-Z]/.test(alias)) ?? mfName,
    bits,
    bytes: more.bytes ?? wireBytes(bits),
    format,
    says,
    storage: [{ key: more.key ?? name, shift: more.shift ?? 0 }],
    slices: slicesOf(more.at ?? name, more.kept ?? bits, more.at === undefined ? 0 : (more.shift ?? 0), more.word ?? 0),
    prereq: more.needs ?? 'none',
    writable: !(more.readOnly ?? false),
    maskable: !(more.exact ?? false),
    aliases: more.mf === undefined ? aliases : [more.mf, ...aliases],
  };
}

/** Registers, and Geneve's options, come in rows. */
export function registers(count: number, width: 1 | 2 | 4, name: string, header: string): Field[] {
  return Array.from({ length: count }, (_, n) => {
    const says = {
      1: `register ${n}, kept for the pipeline's own use`,
      2: `registers ${2 * n} and ${2 * n + 1} as one`,
      4: `registers ${4 * n} to ${4 * n + 3} as one`,
    }[width];
    return {
      ...field(`${name}${n}`, 32 * width, 'hex', says, { aliases: `${header}${n}`, at: 'reg', word: n * width }),
      storage: Array.from({ length: width }, (_unused, part) => ({
        key: `reg${n * width + part}`,
        shift: 32 * (width - 1 - part),
      })),
    };
  });
}

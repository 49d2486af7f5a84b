import { val, type Val } from '../../base/span';
import type { NfIpsetChange, NfTargetOptions } from '../netfilter-facts';
import { lower } from '../words';
import { markValue } from './netfilter';
import type { RawOption } from './options';

const MARK_OPS = {
  '--set-xmark': 'xset',
  '--set-mark': 'set',
  '--and-mark': 'and',
  '--or-mark': 'or',
  '--xor-mark': 'xor',
} as const;

const TOS_OPS = { '--set-tos': 'set', '--and-tos': 'and', '--or-tos': 'or', '--xor-tos': 'xor' } as const;

/** What an option behind `-j` tells the target (iptables-extensions(8)); undefined for one that changes nothing that is modelled. */
export function targetOptionsOf(target: string, option: RawOption, before: NfTargetOptions): NfTargetOptions | undefined {
  const { name } = option;
  const [first] = option.args;
  switch (name) {
    case '--random':
    case '--random-fully':
    case '--persistent':
      return { natFlags: [...(before.natFlags ?? []), name.slice(2)] };
    case '--notrack':
      return { notrack: true };
    case '--clamp-mss-to-pmtu':
      return { mss: val('clamp', option.whole().span) };
    case '--map-mark':
      return { mapSet: 'mark' };
    case '--exist':
      return target === 'SET' ? { ipsets: (before.ipsets ?? []).map((change) => ({ ...change, exist: true })) } : undefined;
    case '--ecn-tcp-remove':
      return { ecnRemove: true };
    case '--queue-bypass':
      return { queueBypass: true };
    case '--save-mark':
    case '--restore-mark':
      return {
        mark: val(
          { op: name === '--save-mark' ? 'save' : 'restore', value: 0, mask: 0xffffffff, ctmask: 0xffffffff },
          option.whole().span,
        ),
      };
    default:
      return first === undefined ? undefined : optionWithArgument(target, option, first, before);
  }
}

function optionWithArgument(
  target: string,
  option: RawOption,
  first: Val<string>,
  before: NfTargetOptions,
): NfTargetOptions | undefined {
  const { name } = option;
  const number = (value: number | undefined): Val<number> | undefined =>
    value === undefined || !Number.isInteger(value) ? undefined : val(value, first.span);
  switch (name) {
    case '--to-source':
    case '--to-destination':
    case '--to':
      return target === 'STRING' ? undefined : { to: lower(first) };
    case '--to-ports':
    case '--to-port':
      return { ports: first };
    case '--set-xmark':
    case '--set-mark':
    case '--and-mark':
    case '--or-mark':
    case '--xor-mark': {
      const mark = markValue(first.value);
      return mark === undefined ? undefined : { mark: val({ op: MARK_OPS[name], ...mark }, first.span) };
    }
    case '--mask':
    case '--nfmask':
    case '--ctmask': {
      const mask = markValue(first.value)?.value;
      const { mark } = before;
      if (mask === undefined || mark === undefined) return undefined;
      const both = name === '--mask';
      return {
        mark: val(
          {
            ...mark.value,
            mask: both || name === '--nfmask' ? mask : mark.value.mask,
            ctmask: both || name === '--ctmask' ? mask : (mark.value.ctmask ?? 0xffffffff),
          },
          { start: mark.span.start, end: first.span.end },
        ),
      };
    }
    case '--zone':
    case '--zone-orig':
    case '--zone-reply': {
      const zone = number(Number(first.value));
      const byMark = first.value === 'mark';
      if (zone === undefined && !byMark) return undefined;
      return {
        ...(byMark ? { zoneByMark: 'later' as const } : { zone }),
        ...(name === '--zone' ? {} : { zoneDirection: name === '--zone-orig' ? ('orig' as const) : ('reply' as const) }),
      };
    }
    case '--reject-with':
      return { rejectWith: first };
    case '--ttl-set':
    case '--ttl-inc':
    case '--ttl-dec':
    case '--hl-set':
    case '--hl-inc':
    case '--hl-dec': {
      const value = Number(first.value);
      const op = name.slice(-3) as 'set' | 'inc' | 'dec';
      return Number.isInteger(value) ? { ttl: val({ op, value }, first.span) } : undefined;
    }
    case '--set-dscp':
    case '--set-dscp-class': {
      const dscp = number(dscpValue(first.value));
      return dscp === undefined ? undefined : { dscp };
    }
    case '--set-tos':
    case '--and-tos':
    case '--or-tos':
    case '--xor-tos': {
      const tos = tosSet(first.value);
      return tos === undefined ? undefined : { tos: val({ op: TOS_OPS[name], ...tos }, first.span) };
    }
    case '--set-mss': {
      const mss = number(Number(first.value));
      return mss === undefined ? undefined : { mss };
    }
    case '--on-port': {
      const onPort = number(Number(first.value));
      return onPort === undefined ? undefined : { onPort };
    }
    case '--on-ip':
      return { onIp: lower(first) };
    case '--tproxy-mark': {
      const mark = markValue(first.value);
      return mark === undefined ? undefined : { mark: val({ op: 'xset', ...mark }, first.span) };
    }
    case '--queue-num':
    case '--queue-balance':
      return { queue: first };
    case '--add-set':
    case '--del-set': {
      const change: NfIpsetChange = {
        op: name === '--add-set' ? 'add' : 'delete',
        set: first,
        directions: (option.args[1]?.value ?? '').split(','),
        exist: false,
      };
      return { set: before.set ?? first, ipsets: inOrder([...(before.ipsets ?? []), change]) };
    }
    case '--timeout': {
      const timeout = Number(first.value);
      return target === 'SET' && Number.isInteger(timeout)
        ? { ipsets: (before.ipsets ?? []).map((change) => ({ ...change, timeout })) }
        : undefined;
    }
    case '--map-set':
      return { mapSet: 'other', mapped: { set: first, directions: (option.args[1]?.value ?? '').split(',') } };
    default:
      return undefined;
  }
}

/** The kernel puts in before it takes out, in whatever order the options stand (set_target). */
export function inOrder(changes: readonly NfIpsetChange[]): NfIpsetChange[] {
  return [...changes].sort((a, b) => Number(a.op === 'delete') - Number(b.op === 'delete'));
}

/** `--set-tos` without a mask replaces all eight bits; a name the six that it is about. */
function tosSet(text: string): { readonly value: number; readonly mask: number } | undefined {
  const mark = markValue(text);
  return mark === undefined || mark.value > 255 ? undefined : { value: mark.value, mask: mark.mask & 0xff };
}

const DSCP_CLASSES: Readonly<Record<string, number>> = { EF: 46, BE: 0, 'VOICE-ADMIT': 44 };

/** A DSCP by number or class (RFC 2474, RFC 2597); undefined for anything else. */
export function dscpValue(text: string): number | undefined {
  if (/^(?:0x[\da-f]{1,2}|\d{1,2})$/i.test(text)) return Number(text) <= 63 ? Number(text) : undefined;
  const upper = text.toUpperCase();
  const selector = /^CS([0-7])$/.exec(upper);
  if (selector) return Number(selector[1]) * 8;
  const assured = /^AF([1-4])([1-3])$/.exec(upper);
  if (assured) return Number(assured[1]) * 8 + Number(assured[2]) * 2;
  return DSCP_CLASSES[upper];
}

/** `100`, `100:200`, `:200`, `100:`; undefined for anything else. */
export function numberRange(text: string, max: number): readonly [number, number] | undefined {
  const found = /^(\d*)(:(\d*))?$/.exec(text);
  if (!found || text === '') return undefined;
  const from = found[1] === '' ? 0 : Number(found[1]);
  const to = found[2] === undefined ? from : found[3] === '' ? max : Number(found[3]);
  return from <= to ? [from, to] : undefined;
}

import { val, type Val } from '../../base/span';
import type { NfNumber, NfStatement, NfTargetOptions } from '../netfilter-facts';
import { formatIpv4, formatIpv6, parsePrefix } from '../../packet/address';
import { dscp, ECN, nameOf, plainNumber } from './names';
import { numberIn, valueIn } from './numbers';
import type { NftExpression, NftItem } from './semantics';

/** A statement as a target of iptables; `ends` where no later piece of the rule, and no later rule, is looked at. */
export interface Statement extends NfStatement {
  readonly ends: boolean;
}

/** What a statement does, in the words of iptables-extensions(8); undefined for one that changes nothing. */
export function statementOf(item: NftItem): Statement | undefined {
  switch (item.is) {
    case 'set':
      return assignment(item.selector, item.expression, item.text);
    case 'nat':
      return natStatement(item);
    case 'redirect': {
      const target = val(item.which === 'masquerade' ? 'MASQUERADE' : 'REDIRECT', item.text.span);
      if (item.map !== undefined) return notModelled(item.text, true);
      return {
        target,
        options: {
          ...(item.ports === undefined ? {} : { ports: item.ports }),
          ...(item.flags.length === 0 ? {} : { natFlags: item.flags }),
        },
        ends: true,
      };
    }
    case 'reject':
      return {
        target: val('REJECT', item.text.span),
        options: item.with === undefined ? {} : { rejectWith: rejectWith(item.with) },
        ends: true,
      };
    case 'other':
      return otherStatement(item);
    default:
      return undefined;
  }
}

/** Stands for the target of a rule that `nft list` shows without one: it is iptables', and nft could not print it. */
export const UNPRINTED_TARGET = 'a target that nft could not print';

/** A statement that the walk can't do: it stays visible under its own words. */
export function notModelled(text: Val<string>, ends: boolean): Statement {
  return { target: text, options: text.value === UNPRINTED_TARGET ? { unprinted: true } : {}, ends };
}

function natStatement(item: Extract<NftItem, { is: 'nat' }>): Statement {
  if (item.to !== undefined && item.form === 'prefix') return netmap(item.to, item.flags, item.text);
  if (item.to === undefined || (item.form !== undefined && !/addr/.test(item.form))) return notModelled(item.text, true);
  return natTo(item.which, item.to, item.flags, item.text);
}

/** `prefix to 10.0.0.0/24` replaces the network's part of the address, as NETMAP does. */
export function netmap(to: Val<string>, flags: readonly string[], text: Val<string>): Statement {
  if (!/^[\da-f.:]+\/\d+$/i.test(to.value)) return notModelled(text, true);
  return {
    target: val('NETMAP', text.span),
    options: { to: val(to.value.toLowerCase(), to.span), ...(flags.length === 0 ? {} : { natFlags: flags }) },
    ends: true,
  };
}

/** `10.0.0.1`, `10.0.0.1:80`, `10.0.0.1-10.0.0.9`, `[fd00::1]:80`, `10.0.0.1 . 80`. */
export function natTo(which: 'snat' | 'dnat', to: Val<string>, flags: readonly string[], text: Val<string>): Statement {
  const written = range(to.value.replace(/\s+\.\s+/, ':'));
  const isAddress = /^(?:\[?[\da-f:.]+\]?(?:-\[?[\da-f:.]+\]?)?)?(?::\d+(?:-\d+)?)?$/i.test(written);
  if (!isAddress) return notModelled(text, true);
  return {
    target: val(which.toUpperCase(), text.span),
    options: { to: val(written.toLowerCase(), to.span), ...(flags.length === 0 ? {} : { natFlags: flags }) },
    ends: true,
  };
}

/** A range that is a network's is printed as that: `10.0.0.2/31`. */
function range(text: string): string {
  const [, address = '', rest = ''] = /^(\[?[\da-f.:]+\/\d+\]?)(.*)$/i.exec(text) ?? [];
  const prefix = address === '' ? undefined : parsePrefix(address.replace(/[[\]]/g, ''));
  if (prefix === undefined) return text;
  const all = prefix.family === 4 ? 0xffffffffn : (1n << 128n) - 1n;
  const [from, to] = [prefix.value, prefix.value | (all & ~prefix.mask)].map(prefix.family === 4 ? formatIpv4 : formatIpv6);
  return address.startsWith('[') ? `[${from ?? ''}]-[${to ?? ''}]${rest}` : `${from ?? ''}-${to ?? ''}${rest}`;
}

/** `icmp type port-unreachable` as iptables calls it. */
function rejectWith(text: Val<string>): Val<string> {
  const words = text.value.split(/\s+/);
  if (words[0] === 'tcp') return val('tcp-reset', text.span);
  const kind = words[0] === 'icmpx' || words[0] === 'icmpv6' ? words[0] : 'icmp';
  const code = nameOf(words[words.length - 1] ?? '', kind);
  return val(`${words[0] === 'icmpv6' ? 'icmp6' : 'icmp'}-${code}`, text.span);
}

function otherStatement(item: Extract<NftItem, { is: 'other' }>): Statement | undefined {
  const { name, text } = item;
  switch (name) {
    case 'log':
      return { target: val('LOG', text.span), options: {}, ends: false };
    case 'notrack':
      return { target: val('CT', text.span), options: { notrack: true }, ends: false };
    case 'masq':
      return { target: val('MASQUERADE', text.span), options: {}, ends: true };
    case 'queue': {
      const [, hashed] = /\sto\s+((?:numgen|jhash|symhash)\s.*)$/.exec(text.value) ?? [];
      const number = hashed === undefined ? /(?:num|to)\s+(\S+)/.exec(text.value)?.[1] : queuesOf(hashed);
      return {
        target: val('NFQUEUE', text.span),
        options: {
          ...(number === undefined ? {} : { queue: val(number, text.span) }),
          ...(/\bbypass\b/.test(text.value) ? { queueBypass: true } : {}),
        },
        ends: true,
      };
    }
    case 'tproxy': {
      const [, ip, port] = /to\s+(\[?[\da-f:.]*?\]?)(?::(\d+))?$/i.exec(text.value) ?? [];
      return {
        target: val('TPROXY', text.span),
        options: {
          ...(ip === undefined || ip === '' ? {} : { onIp: val(ip.replace(/[[\]]/g, ''), text.span) }),
          ...(port === undefined ? {} : { onPort: val(Number(port), text.span) }),
        },
        ends: false,
      };
    }
    // Sets and flow tables are learned from the packet; the packet itself goes on unchanged.
    case 'update':
    case 'flow':
    case 'dup':
      return undefined;
    // Of the options of TCP only the segment size counts here.
    case 'reset':
      return /\s(?:maxseg|2)$/.test(text.value) ? notModelled(text, false) : undefined;
    default:
      return notModelled(text, name === 'fwd' || name === 'synproxy');
  }
}

/** `numgen inc mod 3 offset 1`: one of the queues 1 to 3. */
function queuesOf(hashed: string): string {
  const modulus = Number(/\bmod (\d+)/.exec(hashed)?.[1] ?? 1);
  const offset = Number(/\boffset (\d+)/.exec(hashed)?.[1] ?? 0);
  return `${offset}-${offset + modulus - 1}`;
}

function assignment(selector: Val<string>, expression: NftExpression, text: Val<string>): Statement {
  const made = (target: string, options: NfTargetOptions): Statement => ({
    target: val(target, text.span),
    options,
    ends: false,
  });
  const [first] = expression.terms;
  const alone = expression.terms.length === 1 && first?.is === 'value' ? first.value : undefined;
  const number = alone === undefined ? undefined : plainNumber(alone.value);
  switch (selector.value) {
    case 'meta mark':
    case 'mark': {
      const mark = markChange(expression, ['meta mark', 'mark'], ['ct mark'], 'restore');
      return mark === undefined
        ? numberAssigned(selector, expression, text)
        : made(mark.op === 'restore' ? 'CONNMARK' : 'MARK', { mark: val(mark, text.span) });
    }
    case 'ct mark': {
      const mark = markChange(expression, ['ct mark'], ['meta mark', 'mark'], 'save');
      return mark === undefined ? numberAssigned(selector, expression, text) : made('CONNMARK', { mark: val(mark, text.span) });
    }
    case 'ct original zone':
    case 'ct reply zone':
      return number === undefined || alone === undefined
        ? notModelled(text, false)
        : made('CT', { zone: val(number, alone.span), zoneDirection: selector.value === 'ct reply zone' ? 'reply' : 'orig' });
    case 'ct zone':
      if (first?.is === 'selector' && /^(?:meta )?mark$/.test(first.name) && expression.terms.length === 1)
        return made('CT', { zoneByMark: 'now' });
      return number === undefined || alone === undefined
        ? notModelled(text, false)
        : made('CT', { zone: val(number, alone.span) });
    case 'ip ecn':
    case 'ip6 ecn': {
      const field = alone === undefined ? undefined : (ECN[alone.value] ?? number);
      return field === undefined || alone === undefined
        ? notModelled(text, false)
        : made('TOS', { tos: val({ op: 'set', value: field, mask: 3 }, alone.span) });
    }
    case 'ip ttl':
    case 'ip6 hoplimit':
      return number === undefined || alone === undefined
        ? numberAssigned(selector, expression, text)
        : made(selector.value === 'ip ttl' ? 'TTL' : 'HL', { ttl: val({ op: 'set', value: number }, alone.span) });
    case 'ip dscp':
    case 'ip6 dscp': {
      const bits = alone === undefined ? undefined : dscp(alone.value);
      return bits === undefined || alone === undefined ? notModelled(text, false) : made('DSCP', { dscp: val(bits, alone.span) });
    }
    case 'tcp option maxseg size': {
      const mtu = first?.is === 'selector' && first.name.startsWith('rt mtu');
      if (mtu || alone?.value === 'rt') return made('TCPMSS', { mss: val('clamp', text.span) });
      return number === undefined || alone === undefined
        ? notModelled(text, false)
        : made('TCPMSS', { mss: val(number, alone.span) });
    }
    case 'meta nftrace':
    case 'nftrace':
      return made('TRACE', {});
    // These change nothing that is looked at again on the way.
    case 'meta priority':
    case 'ct helper':
    case 'ct label':
    case 'ct timeout':
    case 'ct event':
    case 'ct expectation':
    case 'ct secmark':
    case 'meta secmark':
    case 'ip id':
    case 'ip6 flowlabel':
    case 'tcp window':
    case 'tcp option timestamp tsval':
    case 'tcp option timestamp tsecr':
    case 'udp checksum':
      return made(`${selector.value} set`, {});
    default:
      return numberAssigned(selector, expression, text);
  }
}

/** A number put in place of another, by any operations; not modelled where one of them is not known. */
function numberAssigned(selector: Val<string>, { terms, operators }: NftExpression, text: Val<string>): Statement {
  const to = numberIn(selector.value)?.of ?? selector.value;
  const value = assignedValue(to, terms, operators);
  return value === undefined ? notModelled(text, false) : { target: text, options: { assign: { to, value } }, ends: false };
}

/** What a statement puts in; undefined where it is not known what that means. */
export function assignedValue(
  to: string,
  terms: NftExpression['terms'],
  operators: readonly string[],
): NfNumber | bigint | undefined {
  const [first, ...rest] = terms;
  if (first?.is === 'value') return rest.length === 0 ? valueIn(to, first.value.value) : undefined;
  if (first?.is !== 'selector') return undefined;
  const words = [first.name];
  for (const [n, term] of rest.entries()) {
    if (term.is !== 'value') return undefined;
    words.push(operators[n] ?? '', term.value.value);
  }
  return numberIn(words.join(' '));
}

type MarkChange = NonNullable<NfTargetOptions['mark']>['value'];

/**
 * A mark's new value as iptables' MARK and CONNMARK would say it: `meta mark & ~M | V` replaces the bits of M, the other mark
 * instead of a number copies it. Shifts and maps are not modelled.
 */
function markChange(
  expression: NftExpression,
  own: readonly string[],
  other: readonly string[],
  copy: 'save' | 'restore',
): MarkChange | undefined {
  const [first, ...rest] = expression.terms;
  if (first === undefined) return undefined;
  if (first.is === 'value') {
    const value = plainNumber(first.value.value);
    return value === undefined || rest.length > 0 ? undefined : { op: 'set', value, mask: 0xffffffff };
  }
  if (first.is !== 'selector') return undefined;
  // Each step keeps some bits and turns others: new = (old & keep) ^ turn, or sets them.
  let keep = 0xffffffff;
  let turn = 0;
  for (const [n, term] of rest.entries()) {
    const number = term.is === 'value' ? plainNumber(term.value.value) : undefined;
    if (number === undefined) return undefined;
    switch (expression.operators[n]) {
      case '&':
      case 'and':
        keep = (keep & number) >>> 0;
        turn = (turn & number) >>> 0;
        break;
      case '|':
      case 'or':
        keep = (keep & ~number) >>> 0;
        turn = (turn | number) >>> 0;
        break;
      case '^':
      case 'xor':
        turn = (turn ^ number) >>> 0;
        break;
      default:
        return undefined;
    }
  }
  if (own.includes(first.name)) return { op: 'xset', value: turn, mask: ~keep >>> 0 };
  if (!other.includes(first.name) || turn !== 0) return undefined;
  // The whole mark is replaced by the bits of the other one.
  return copy === 'restore'
    ? { op: 'restore', value: 0, mask: 0xffffffff, ctmask: keep }
    : { op: 'save', value: 0, mask: keep, ctmask: 0xffffffff };
}

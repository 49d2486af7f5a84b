import { TCP } from './packet';

/** States of a tracked TCP connection (nf_conntrack's `SYN_SENT2` is a simultaneous open). */
export type TcpState =
  'NONE' | 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT' | 'LAST_ACK' | 'TIME_WAIT' | 'CLOSE' | 'SYN_SENT2';

const columns: readonly TcpState[] = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
];

const codes: Readonly<Record<string, TcpState | 'invalid' | 'ignore'>> = {
  no: 'NONE',
  ss: 'SYN_SENT',
  sr: 'SYN_RECV',
  es: 'ESTABLISHED',
  fw: 'FIN_WAIT',
  cw: 'CLOSE_WAIT',
  la: 'LAST_ACK',
  tw: 'TIME_WAIT',
  cl: 'CLOSE',
  s2: 'SYN_SENT2',
  iv: 'invalid',
  ig: 'ignore',
};

/** What a kind of segment does to a connection, by the state that it meets (columns as above), for each direction. */
const original = {
  syn: 'ss ss ig ig ig ig ig ss ss s2',
  synack: 'iv iv sr iv iv iv iv iv iv sr',
  fin: 'iv iv fw fw la la la tw cl iv',
  ack: 'es iv es es cw cw tw tw cl iv',
  rst: 'iv cl cl cl cl cl cl cl cl cl',
};
const reply = {
  syn: 'iv s2 iv iv iv iv iv ss iv s2',
  synack: 'iv sr ig ig ig ig ig ig ig sr',
  fin: 'iv iv fw fw la la la tw cl iv',
  ack: 'iv ig sr es cw cw tw tw cl ig',
  rst: 'iv cl cl cl cl cl cl cl cl cl',
};

type Index = keyof typeof original;

function indexOf(flags: number): Index | undefined {
  if ((flags & TCP.RST) !== 0) return 'rst';
  if ((flags & TCP.SYN) !== 0) return (flags & TCP.ACK) !== 0 ? 'synack' : 'syn';
  return (flags & TCP.FIN) !== 0 ? 'fin' : (flags & TCP.ACK) !== 0 ? 'ack' : undefined;
}

/** What conntrack remembers of a connection's segments; numbers are taken to be in order. */
export interface TcpSegments {
  /** The sequence numbers of the side that answers are known: a SYN does not tell them, and what is let by unseen neither. */
  readonly answererKnown: boolean;
  /** A side has asked to end it (FIN). */
  readonly closing: boolean;
  /** A segment was confirmed, so that the connection outlives a shortage (`ASSURED`). */
  readonly assured: boolean;
  /** The last segment that was not invalid; those before a capture are not known. */
  readonly last: { readonly index: string; readonly reply: boolean; readonly ignored: boolean } | undefined;
  /** A RST came of which a segment before the capture decides whether its numbers tell the answerer's. */
  readonly unsure?: true;
}

export const NO_SEGMENTS: TcpSegments = { answererKnown: true, closing: false, assured: false, last: undefined };

/** What a segment does: `invalid` changes nothing, `ignored` is let by, `reopened` begins a connection anew in place of this one. */
export type TcpStep =
  | { readonly kind: 'invalid' }
  | { readonly kind: 'reopened' }
  /** `open`: whether it was in order depends on a segment before the capture. */
  | { readonly kind: 'taken'; readonly tcp: TcpState; readonly segments: TcpSegments; readonly open?: true }
  | { readonly kind: 'ignored'; readonly tcp: TcpState; readonly segments: TcpSegments };

/** The first segment of a connection; `loose` takes up those that have begun already (sysctl nf_conntrack_tcp_loose). */
export function firstTcpStep(flags: number, loose: boolean): TcpStep & { kind: 'invalid' | 'taken' } {
  const index = indexOf(flags);
  const tcp = stateAfter('NONE', index, false);
  if (index === undefined || tcp === 'invalid' || tcp === 'ignore' || (tcp === 'ESTABLISHED' && !loose))
    return { kind: 'invalid' };
  return {
    kind: 'taken',
    tcp,
    segments: { ...NO_SEGMENTS, answererKnown: index !== 'syn', last: { index, reply: false, ignored: false } },
  };
}

/** A further segment of a connection (nf_conntrack_tcp_packet). */
export function nextTcpStep(
  { tcp, segments, seenReply }: { readonly tcp: TcpState; readonly segments: TcpSegments; readonly seenReply: boolean },
  flags: number,
  reply: boolean,
): TcpStep {
  const index = indexOf(flags);
  const next = stateAfter(tcp, index, reply);
  if (index === undefined || next === 'invalid') return { kind: 'invalid' };
  const last = { index, reply, ignored: false };
  const over = tcp === 'TIME_WAIT' || tcp === 'CLOSE';
  if (next === 'SYN_SENT' && over && (segments.closing || isLast(segments, 'rst', reply))) return { kind: 'reopened' };
  if (next === 'ignore' || (next === 'SYN_SENT' && over)) {
    // The answer to a SYN that was let by: both sides agree, and conntrack follows them.
    if (index === 'synack' && isLast(segments, 'syn', !reply) && segments.last?.ignored === true)
      return { kind: 'taken', tcp: 'SYN_RECV', segments: { ...segments, answererKnown: true, closing: false, last } };
    return { kind: 'ignored', tcp, segments: { ...segments, last: { ...last, ignored: true } } };
  }
  const unchecked = index === 'rst' && isRstUnchecked(tcp, segments, seenReply, reply);
  // Nothing but an ACK leaves a connection that was answered in SYN_SENT; a SYN may have been repeated after it.
  const unsure = index === 'rst' && !segments.answererKnown && !segments.assured && segments.last === undefined;
  const unknown = !unchecked && !reply && !segments.answererKnown && (flags & TCP.ACK) !== 0;
  const open = unknown && unsure && seenReply;
  if (unknown && !open) return { kind: 'invalid' };
  return {
    kind: 'taken',
    tcp: next,
    segments: {
      answererKnown: segments.answererKnown || (reply && !unchecked),
      closing: segments.closing || (next === 'FIN_WAIT' && tcp !== 'FIN_WAIT'),
      assured: segments.assured || (seenReply && next === 'ESTABLISHED' && (tcp === 'SYN_RECV' || tcp === 'ESTABLISHED')),
      last,
      ...((unsure && reply) || segments.unsure === true ? { unsure: true } : {}),
    },
    ...(open ? { open } : {}),
  };
}

function isLast({ last }: TcpSegments, index: string, reply: boolean): boolean {
  return last?.index === index && last.reply === reply;
}

/** A RST whose numbers are not looked at: of a connection that is ending, or against a segment of the other side that was let by. */
function isRstUnchecked(tcp: TcpState, segments: TcpSegments, seenReply: boolean, reply: boolean): boolean {
  if (['FIN_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT'].includes(tcp)) return true;
  const { assured, last } = segments;
  return (seenReply && isLast(segments, 'syn', !reply) && last?.ignored === true) || (!assured && last?.index === 'ack');
}

function stateAfter(state: TcpState, index: Index | undefined, isReply: boolean): TcpState | 'invalid' | 'ignore' {
  if (index === undefined) return 'invalid';
  const code = (isReply ? reply : original)[index].split(' ')[columns.indexOf(state)] ?? 'iv';
  return codes[code] ?? 'invalid';
}

/** Combinations of flags that a segment may carry, PSH aside; conntrack takes anything else for invalid. */
const VALID = new Set([
  TCP.SYN,
  TCP.SYN | TCP.URG,
  TCP.SYN | TCP.ACK,
  TCP.RST,
  TCP.RST | TCP.ACK,
  TCP.FIN | TCP.ACK,
  TCP.FIN | TCP.ACK | TCP.URG,
  TCP.ACK,
  TCP.ACK | TCP.URG,
]);

export function areValidTcpFlags(flags: number): boolean {
  return VALID.has(flags & ~TCP.PSH & 63);
}

/** A state as conntrack(8) prints it; `undefined` for any other word. */
export function tcpStateOf(text: string | undefined): TcpState | undefined {
  return columns.find((state) => state === text);
}

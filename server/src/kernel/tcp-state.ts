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
const original: Readonly<Record<string, string>> = {
  syn: 'ss ss ig ig ig ig ig ss ss s2',
  synack: 'iv iv sr iv iv iv iv iv iv sr',
  fin: 'iv iv fw fw la la la tw cl iv',
  ack: 'es iv es es cw cw tw tw cl iv',
  rst: 'iv cl cl cl cl cl cl cl cl cl',
};
const reply: Readonly<Record<string, string>> = {
  syn: 'iv s2 iv iv iv iv iv ss iv s2',
  synack: 'iv sr ig ig ig ig ig ig ig sr',
  fin: 'iv iv fw fw la la la tw cl iv',
  ack: 'iv ig sr es cw cw tw tw cl ig',
  rst: 'iv cl cl cl cl cl cl cl cl cl',
};

/** The state after a segment; `invalid` for one that no connection in this state can see, `ignore` for one that changes nothing. */
export function nextTcpState(state: TcpState, flags: number, isReply: boolean): TcpState | 'invalid' | 'ignore' {
  const kind =
    (flags & TCP.RST) !== 0
      ? 'rst'
      : (flags & TCP.SYN) !== 0
        ? (flags & TCP.ACK) !== 0
          ? 'synack'
          : 'syn'
        : (flags & TCP.FIN) !== 0
          ? 'fin'
          : (flags & TCP.ACK) !== 0
            ? 'ack'
            : undefined;
  if (kind === undefined) return 'invalid';
  const code = (isReply ? reply : original)[kind]?.split(' ')[columns.indexOf(state)] ?? 'iv';
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

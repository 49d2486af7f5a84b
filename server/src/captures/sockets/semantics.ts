import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Span, type Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';

export interface Endpoint {
  /** Without brackets; `*` stands for every address. */
  readonly ip: Val<string>;
  readonly dev: Val<string> | undefined;
  readonly port: Val<string>;
}

export interface SocketRow {
  /** `tcp`, `udp6` …; undefined where ss(8) leaves it out. */
  readonly protocol: Val<string> | undefined;
  readonly state: Val<string> | undefined;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly process: Val<string> | undefined;
  /** Whose it is: `ss -e` prints `uid:` for all but root. */
  readonly uid: number | undefined;
  /** Whether it takes packets of IPv6 alone, where `ss -e` says so. */
  readonly onlySix: boolean | undefined;
}

const semantics = grammars.Sockets.createSemantics();

semantics.addOperation<Endpoint>('endpoint(source)', {
  endpoint(address, device, _colon, port) {
    const source = this.args['source'] as SourceText;
    const name = device.children[0]?.children[1];
    return {
      ip: address['ip'](source) as Val<string>,
      dev:
        name === undefined
          ? undefined
          : val(source.text.slice(device.source.startIdx + 1, device.source.endIdx), {
              start: nodeSpan(source, device).start + 1,
              end: nodeSpan(source, device).end,
            }),
      port: textVal(port, source),
    };
  },
});

semantics.addOperation<Val<string>>('ip(source)', {
  address_bracketed(_open, text, _close) {
    const whole = textVal(this, this.args['source'] as SourceText);
    void text;
    return val(whole.value.slice(1, -1), { start: whole.span.start + 1, end: whole.span.end - 1 });
  },
  address_plain(text) {
    void text;
    return textVal(this, this.args['source'] as SourceText);
  },
});

semantics.addOperation<SocketRow | undefined>('read(source)', {
  ssTitle(_indent, _key, _sp, _rest) {
    return undefined;
  },
  ssOther(_indent, _key, _sp, _rest) {
    return undefined;
  },
  ssDetail(_indent, _rest) {
    return undefined;
  },
  netstatTitle(_indent, _key, _sp, _rest) {
    return undefined;
  },
  unixRow(_indent, _key, _sp, _rest) {
    return undefined;
  },
  ssRow(_indent, netid, _sp, state, _sp2, _receive, _sp3, _send, _sp4, local, _sp5, peer, rest) {
    const source = this.args['source'] as SourceText;
    return row(source, netid.children[0], state, local, peer.children[0], rest.children[0]);
  },
  ssStateless(_indent, _receive, _sp, _send, _sp2, local, _sp3, peer, rest) {
    return row(this.args['source'] as SourceText, undefined, undefined, local, peer, rest.children[0]);
  },
  netstatRow(_indent, protocol, _sp, _receive, _sp2, _send, _sp3, local, _sp4, peer, _sp5, state, rest) {
    const source = this.args['source'] as SourceText;
    return row(source, protocol, state.children[0], local, peer, rest.children[0]);
  },
});

function row(
  source: SourceText,
  protocol: Node | undefined,
  state: Node | undefined,
  local: Node,
  peer: Node | undefined,
  rest: Node | undefined,
): SocketRow {
  const more = rest?.sourceString ?? '';
  // users:(("sshd",pid=1,fd=3)) of ss, 1234/sshd of netstat; what a program calls itself may go on behind a colon ("sshd: /usr/sbin")
  const program = /users:\(\("([^"]+)"|\s(?:\d+|-)\/(\S+?)(?=:?(?:\s|$))/.exec(more);
  const name = program?.[1] ?? program?.[2];
  const at =
    program === null || name === undefined || rest === undefined
      ? 0
      : rest.source.startIdx + program.index + program[0].lastIndexOf(name);
  const span = { start: nodeSpan(source, local).start, end: nodeSpan(source, local).start };
  const [, user = '0'] = /\suid:(\d+)/.exec(more) ?? [];
  const onlySix = /\sv6only:([01])\b/.exec(more)?.[1];
  return {
    onlySix: onlySix === undefined ? undefined : onlySix === '1',
    uid: /\sino:\d/.test(more) ? Number(user) : undefined,
    protocol: protocol === undefined ? undefined : textVal(protocol, source),
    state: state === undefined ? undefined : textVal(state, source),
    local: local['endpoint'](source) as Endpoint,
    peer: peer === undefined ? anyPeer(span) : (peer['endpoint'](source) as Endpoint),
    process:
      name === undefined
        ? undefined
        : val(name, source.parts.length > 1 ? span : { start: offsetOf(source, at), end: offsetOf(source, at) + name.length }),
  };
}

/** Who waits for packets has no peer yet. */
function anyPeer(span: Span): Endpoint {
  return { ip: val('*', span), dev: undefined, port: val('*', span) };
}

function offsetOf(source: SourceText, at: number): number {
  return (source.parts[0]?.offset ?? 0) + at;
}

/** The socket that a matched line is about; undefined for titles, details and sockets of other families. */
export function readSocketRow(result: MatchResult, source: SourceText): SocketRow | undefined {
  return semantics(result)['read'](source) as SocketRow | undefined;
}

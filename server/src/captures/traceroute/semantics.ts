import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { lower, numberVal, textVal } from '../words';
import type { SourceText } from '../ohm';

/** What a line of traceroute(8), tracepath(8) or mtr(8) says. */
export type TraceLine =
  | { readonly is: 'title'; readonly target: Val<string> }
  | { readonly is: 'hop'; readonly ttl: Val<number> | undefined; readonly ips: readonly Val<string>[]; readonly reached: boolean }
  | { readonly is: 'extra' };

const semantics = grammars.Traceroute.createSemantics();

/** The addresses that a probe, or a hop, names. */
semantics.addOperation<readonly Val<string>[]>('ips(source)', {
  probes(first, _sp, rest) {
    return [first, ...rest.children].flatMap((probe) => probe['ips'](this.args['source']) as readonly Val<string>[]);
  },
  probe_none: none,
  probe_time: (_a, _b, _c, _d) => [],
  probe_mark: (_a, _b) => [],
  probe_as: (_a, _b, _c) => [],
  probe_mpls: (_a, _b, _c) => [],
  probe_note: (_a, _b, _c) => [],
  probe_named(_host, _sp, _open, address, _close) {
    return addresses(address, this.args['source'] as SourceText);
  },
  probe_ip(ip) {
    return addresses(ip, this.args['source'] as SourceText);
  },
  probe_host: none,
  pathHop_local: (_a, _b) => [],
  pathHop_none: (_a, _b) => [],
  pathHop_failed: (_a, _b) => [],
  pathHop_named(_host, _sp, _open, address, _close, _rest) {
    return addresses(address, this.args['source'] as SourceText);
  },
  pathHop_ip(ip, _rest) {
    return addresses(ip, this.args['source'] as SourceText);
  },
  pathHop_host: (_a, _b) => [],
  mtrHost_none: none,
  mtrHost_named(_host, _sp, _open, address, _close) {
    return addresses(address, this.args['source'] as SourceText);
  },
  mtrHost_ip(ip) {
    return addresses(ip, this.args['source'] as SourceText);
  },
  mtrHost_host: none,
});

function none(_node: Node): readonly Val<string>[] {
  return [];
}

function addresses(node: Node, source: SourceText): readonly Val<string>[] {
  const text = lower(textVal(node, source));
  return /^(?:\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)$/.test(text.value) ? [text] : [];
}

semantics.addOperation<TraceLine>('read(source)', {
  titleLine(_indent, _name, _six, _sp, _to, _sp2, _host, _sp3, _open, address, _close, _rest) {
    return { is: 'title', target: lower(textVal(address, this.args['source'] as SourceText)) };
  },
  hopLine(_indent, ttl, _sp, probes, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'hop',
      ttl: numberVal(textVal(ttl, source)),
      ips: unique(probes['ips'](source) as readonly Val<string>[]),
      reached: false,
    };
  },
  moreLine(_sp, probes, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'hop', ttl: undefined, ips: unique(probes['ips'](source) as readonly Val<string>[]), reached: false };
  },
  pathLine(_indent, ttl, _guess, _colon, _sp, hop, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'hop',
      ttl: numberVal(textVal(ttl, source)),
      ips: hop['ips'](source) as readonly Val<string>[],
      reached: /\breached\b/.test(hop.sourceString),
    };
  },
  leftOutLine(_indent, _ttl, _sp, _dots, _rest) {
    return { is: 'extra' };
  },
  resumeLine(_indent, _word, _rest) {
    return { is: 'extra' };
  },
  mtrTitle(_indent, _word, _rest) {
    return { is: 'extra' };
  },
  mtrTarget(_indent, _from, _sp, _open, _own, _close, _sp2, _arrow, _sp3, host, _sp4, _open2, address, _close2, _sp5, _rest) {
    return { is: 'title', target: lower(textVal(address.children[0] ?? host, this.args['source'] as SourceText)) };
  },
  mtrLine(_indent, ttl, _mark, _sp, _system, host, _rest) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'hop',
      ttl: numberVal(textVal(ttl, source)),
      ips: host['ips'](source) as readonly Val<string>[],
      reached: false,
    };
  },
  mtrMore_host(_indent, _bar, _sp, _mark, _sp2, _system, host, _rest) {
    return alsoAt(host, this.args['source'] as SourceText);
  },
  mtrMore_other(_indent, _bar, _mark, _rest) {
    return { is: 'extra' };
  },
  mtrAlso(_indent, _system, host, _end) {
    return alsoAt(host, this.args['source'] as SourceText);
  },
});

/** A further router that answered for the hop above. */
function alsoAt(host: Node, source: SourceText): TraceLine {
  return { is: 'hop', ttl: undefined, ips: host['ips'](source) as readonly Val<string>[], reached: false };
}

function unique(values: readonly Val<string>[]): readonly Val<string>[] {
  return values.filter((value, n) => values.findIndex((other) => other.value === value.value) === n);
}

/** What a matched line says. */
export function readTraceLine(result: MatchResult, source: SourceText): TraceLine {
  return semantics(result)['read'](source) as TraceLine;
}

import type { MatchResult, Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { nodeSpan, type SourceText } from '../ohm';

/** What a line of `ping` says; `names` are the hosts and addresses in it. */
export interface PingLine {
  readonly what: 'start' | 'reply' | 'trouble' | 'title' | 'counts' | 'other';
  /** As given, and the address behind it where one stands in brackets. */
  readonly host?: Val<string>;
  readonly address?: Val<string>;
  readonly received?: number;
  readonly loss?: Val<string>;
}

const semantics = grammars.Ping.createSemantics().addOperation<PingLine>('read(source)', {
  pingLine(_indent, _stamp, _interrupt, line) {
    return line['read'](this.args['source']) as PingLine;
  },
  line(line) {
    return line['read'](this.args['source']) as PingLine;
  },
  start_address(_ping, host, _blank, _open, address, _close, _rest) {
    const source = this.args['source'] as SourceText;
    const name = host.children[0];
    return { what: 'start', ...(name === undefined ? {} : { host: textOf(source, name) }), address: textOf(source, address) };
  },
  start_reverse(_ping, host, _open, _name, _blank, _open2, address, _close, _close2, _rest) {
    const source = this.args['source'] as SourceText;
    return { what: 'start', host: textOf(source, host), address: textOf(source, address) };
  },
  start_host(_ping, host, _rest) {
    return { what: 'start', host: textOf(this.args['source'] as SourceText, host) };
  },
  reply(_bytes, _blank, _unit, _blank2, _from, _blank3, host, _osp, named, _osp2, _colon, _sp, _seq, _rest) {
    return { what: 'reply', ...hostOf(this.args['source'] as SourceText, host, named) };
  },
  trouble(_from, host, named, _colon, _sp, _text) {
    return { what: 'trouble', ...hostOf(this.args['source'] as SourceText, host, named) };
  },
  noAnswer(_what, _text) {
    return { what: 'trouble' };
  },
  title_english(_dashes, host, named, _text, _end) {
    const name = host.children[0];
    return { what: 'title', ...(name === undefined ? {} : hostOf(this.args['source'] as SourceText, name, named)) };
  },
  title_other(_dashes, _text, _dashes2, _end) {
    return { what: 'title' };
  },
  counts(counts) {
    return counts['read'](this.args['source']) as PingLine;
  },
  englishCounts(_sent, _transmitted, received, _packets, _received, _extra, _comma, loss, _lost, _rest) {
    return countsOf(this.args['source'] as SourceText, received, loss);
  },
  otherCounts(_sent, _words, _comma, received, _words2, _comma2, _extra, loss, _rest) {
    return countsOf(this.args['source'] as SourceText, received, loss);
  },
  other_times(_what, _text) {
    return { what: 'other' };
  },
  other_pattern(_what, _digits, _end) {
    return { what: 'other' };
  },
  other_empty(_end) {
    return { what: 'other' };
  },
});

function textOf(source: SourceText, node: Node): Val<string> {
  return val(node.sourceString, nodeSpan(source, node));
}

function countsOf(source: SourceText, received: Node, loss: Node): PingLine {
  const text = loss.sourceString.replace(' ', '').replace(',', '.');
  return { what: 'counts', received: Number(received.sourceString), loss: val(text, nodeSpan(source, loss)) };
}

function hostOf(source: SourceText, host: Node, named: Node): Pick<PingLine, 'host' | 'address'> {
  const address = named.children[0]?.children[2];
  return { host: textOf(source, host), ...(address === undefined ? {} : { address: textOf(source, address) }) };
}

/** What a matched line of `ping` says. */
export function readPingLine(result: MatchResult, source: SourceText): PingLine {
  return semantics(result)['read'](source) as PingLine;
}

import type { Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { canonicalIp } from '../client-table/source';
import { collect, record } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { readPingLine } from './semantics';

const WITH_VALUE = new Set('-c -i -I -s -w -W -t -p -Q -M -S -T -l -m -F -N -e -h -g -G -b'.split(' '));
const START = /^\s*PING \S+ ?\(?[\w.:%]+\)?.*\b\d+(?:\(\d+\))?(?: data)? bytes/;
const START_LINE =
  /^\s*PING [\w.:%-]* ?\((?:[\w.:%-]+ \([\w.:%-]+\)|[\w.:%-]+)\)(?: from [^:]*(?::[^:]+)*)?(?:: \d+ data bytes|:? \d+\(\d+\) bytes of data\.|:? \d+ data bytes)$/;
const REPLY =
  /^\s*(?:\d+ bytes from (?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:%\w]*:[\da-f:%\w]*|[\w.-]+ \([\d.a-f:]+\)): (?:icmp_)?seq=\d+ ttl=\d+ time=|--- \S+ ping statistics ---$)/;
const STAMP = /^\s*(?:\[\d+\.\d+\] ?)?(?:\^C)?/;
const LINE =
  /^(?:PING \S+|\d+ bytes from \S+|\d+ \p{L}+ (?:von|de|da|desde|van|от|od|z) \S+ ?(?:\(\S+\) ?)?: (?:icmp_)?seq=|(?:Von|De|Da|Desde) \S+ (?:\(\S+\) )?icmp_seq=|From \S+.* (?:icmp_seq=\d+|[Uu]nreachable|exceeded|Redirect)|Request timeout for |no answer yet for |--- \S*.* ?ping statistics ---|---.*[Pp]ing.*---$|\d+ packets transmitted, |\d+ \p{L}[^,]*, \d+ \p{L}[^,]*,.* \d+(?:[.,]\d+)? ?%|rtt min\/|round-trip min\/|pipe \d+$|PATTERN: 0x[\da-f]+$|$)/u;
const FAILURE = /^\s*(?:ping6?|connect): |^\s*(?:-?bash|sh): .*ping.*: |^Error response from daemon/;

/** `ping`: proof that packets went to an address and came back, or did not. */
export const ping: CaptureKind = {
  kinds: ['ping'],
  recognise(argv) {
    if (argv[0] !== 'ping' && argv[0] !== 'ping6') return undefined;
    let target: string | undefined;
    let names = 0;
    for (let n = 1; n < argv.length; n++) {
      const word = argv[n] ?? '';
      // VyOS has `vrf NAME` behind the address.
      if (WITH_VALUE.has(word) || (word === 'vrf' && target !== undefined)) n++;
      else if (word !== '' && !word.startsWith('-')) {
        target = word;
        names += /[.:]|^\d+$/.test(word) ? -10 : 1;
      }
    }
    // "ping the router from here": a heading.
    if (names > 2) return undefined;
    return { kind: 'ping', ...(target === undefined ? {} : { target }) };
  },
  sniff(text, following) {
    // What came before may be cut off.
    return START_LINE.test(text) ||
      REPLY.test(text) ||
      (/^\s*PATTERN: 0x[\da-f]+$/.test(text) && START_LINE.test(following(0) ?? ''))
      ? { kind: 'ping' }
      : undefined;
  },
  accepts(text) {
    return LINE.test(text.replace(STAMP, '')) || START.test(text) || FAILURE.test(text);
  },
  parse(input) {
    const out = collect();
    let started: Val<string> | undefined;
    let answered: Val<string> | undefined;
    let replies = 0;
    let received: number | undefined;
    let lost: Val<string> | undefined;
    const finish = (): void => {
      const target = started ?? answered;
      if (target !== undefined)
        out.facts.push({ kind: 'ping', target, replies: received ?? replies, ...(lost === undefined ? {} : { lost }) });
      started = answered = received = lost = undefined;
      replies = 0;
    };
    for (const line of input.lines) {
      if (line.text.trim() === '') continue;
      if (FAILURE.test(line.text) && !/^\s*ping: send(?:msg|to): /.test(line.text)) {
        const from = line.text.length - line.text.trimStart().length;
        out.errors.push({
          span: { start: line.start + from, end: line.start + line.text.length },
          code: 'error-output',
          message: `ping could not send: "${line.text.trim()}".`,
        });
        continue;
      }
      const source = sourceOf(line);
      const result = grammars.Ping.match(source.text, 'pingLine');
      if (result.failed()) {
        out.errors.push(syntaxError(source, result, 'line of ping'));
        continue;
      }
      const read = readPingLine(result, source);
      record(out, line, line, read.what === 'other' || read.what === 'title' ? 'header' : 'record');
      // Two runs under one prompt (a loop in the shell) are two pieces of evidence.
      if (read.what === 'start') {
        finish();
        started = read.address ?? read.host;
      }
      if (read.what === 'title') started ??= read.address ?? read.host;
      if (read.what === 'reply') {
        replies++;
        answered ??= read.address ?? read.host;
      }
      if (read.what === 'counts') {
        received = read.received;
        lost = read.loss;
      }
      for (const name of [read.host, read.address]) {
        const ip = name === undefined ? undefined : canonicalIp(name.value);
        if (name !== undefined && ip !== undefined) out.refs.push({ kind: 'ip', value: ip, span: name.span });
      }
    }
    finish();
    return out;
  },
};

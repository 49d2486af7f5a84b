import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { portRanges } from '../iptables-rules/netfilter';
import { numberVal, textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';

/** `10.0.0.1.80`, `10.0.0.1.http`: an address and a port, as far as they are numbers or services that are known. */
export interface Endpoint {
  readonly ip: Val<string> | undefined;
  readonly port: Val<number> | undefined;
}

export type PacketBody =
  | {
      readonly is: 'arp';
      readonly what: Val<string>;
      readonly src: Val<string> | undefined;
      readonly dst: Val<string> | undefined;
    }
  | {
      readonly is: 'ip';
      readonly src: Endpoint;
      readonly dst: Endpoint;
      /** `proto TCP (6)` of -v. */
      readonly protocol: string | undefined;
      /** What follows the addresses. */
      readonly rest: Val<string>;
    }
  | { readonly is: 'other' };

export interface PacketLine {
  readonly time: Val<string> | undefined;
  readonly dev: Val<string> | undefined;
  readonly direction: 'in' | 'out' | undefined;
  readonly macSrc: Val<string> | undefined;
  readonly macDst: Val<string> | undefined;
  readonly vlan: Val<number> | undefined;
  readonly ethertype: string | undefined;
  readonly body: PacketBody;
  readonly text: Val<string>;
}

const semantics = grammars.Tcpdump.createSemantics();

semantics.addOperation<Val<string> | undefined>('mac(source)', {
  macName_mac(mac, _oui) {
    const text = textVal(mac, this.args['source'] as SourceText);
    return val(text.value.toLowerCase(), text.span);
  },
  macName_broadcast(word) {
    return val('ff:ff:ff:ff:ff:ff', nodeSpan(this.args['source'] as SourceText, word));
  },
});

semantics.addOperation<Pick<PacketLine, 'macSrc' | 'macDst'>>('macs(source)', {
  macs_both(from, _sp, _arrow, _sp2, to, _comma, _sp3) {
    const source = this.args['source'] as SourceText;
    return { macSrc: from['mac'](source) as Val<string> | undefined, macDst: to['mac'](source) as Val<string> | undefined };
  },
  macs_one(_ifindex, _sp, _number, _sp2, from, _comma, _sp3) {
    return { macSrc: from['mac'](this.args['source']) as Val<string> | undefined, macDst: undefined };
  },
});

semantics.addOperation<Val<string>>('rest(source)', {
  tail_said(_sp, _colon, rest) {
    return textVal(rest, this.args['source'] as SourceText);
  },
  tail_cut(_sp, end) {
    return textVal(end, this.args['source'] as SourceText);
  },
});

semantics.addOperation<PacketBody>('body(source)', {
  body(one) {
    return one['body'](this.args['source']) as PacketBody;
  },
  arp_named(_name, _comma, _sp, _format, what) {
    return what['body'](this.args['source']) as PacketBody;
  },
  arp_bare(_format, what) {
    return what['body'](this.args['source']) as PacketBody;
  },
  arpWhat_request(_request, _sp, who, _sp2, ip, _mac, _sp3, _tell, _sp4, from, _rest) {
    const source = this.args['source'] as SourceText;
    return { is: 'arp', what: val('request', nodeSpan(source, who)), src: addressOf(from, source).ip, dst: textVal(ip, source) };
  },
  arpWhat_announcement(what, _sp, ip, _rest) {
    const source = this.args['source'] as SourceText;
    const own = textVal(ip, source);
    return { is: 'arp', what: val('request', nodeSpan(source, what)), src: own, dst: own };
  },
  arpWhat_reply(what, _sp, ip, _sp2, _isAt, _sp3, _mac, _rest) {
    const source = this.args['source'] as SourceText;
    return { is: 'arp', what: val('reply', nodeSpan(source, what)), src: textVal(ip, source), dst: undefined };
  },
  packet(_name, _sp, options, _truncated, from, _sp2, _arrow, _sp3, to, tail) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'ip',
      src: addressOf(from, source),
      dst: addressOf(to, source),
      protocol: /\b(?:proto |next-header:? (?=TCP|UDP|ICMPv6|SCTP|GRE|ESP))([\w-]+)/
        .exec(options.sourceString)?.[1]
        ?.toLowerCase(),
      rest: tail['rest'](source) as Val<string>,
    };
  },
  other(_text) {
    return { is: 'other' };
  },
});

/** A name that was looked up is no address. */
function addressOf(node: Node, source: SourceText): Endpoint {
  const text = textVal(node, source);
  const found =
    /^(\d{1,3}(?:\.\d{1,3}){3})(?:\.(\d+|[a-z][\w-]*))?$/.exec(text.value) ??
    /^((?=[\da-f]*:)[\da-f:]+(?:\d+\.\d+\.\d+\.\d+)?)(?:\.(\d+|[a-z][\w-]*))?$/i.exec(text.value);
  if (found === null) return { ip: undefined, port: undefined };
  const [, ip = '', port] = found;
  const number = port === undefined ? undefined : portRanges(port)?.[0]?.[0];
  const { start, end } = text.span;
  return {
    ip: val(ip.toLowerCase(), { start, end: start + ip.length }),
    port: number === undefined ? undefined : val(number, { start: end - (port ?? '').length, end }),
  };
}

semantics.addOperation<PacketLine>('read(source)', {
  packetLine(_indent, stamp, place, frame) {
    const source = this.args['source'] as SourceText;
    const where = place.children[0];
    const form = where?.children[0];
    const clock = stamp.children[0]?.children[2];
    const shape = frame.children[0];
    const ethernet = shape?.ctorName === 'frame_ethernet';
    const [macs, type] = ethernet ? shape.children : [];
    const vlans = ethernet ? (shape.children[9]?.children ?? []) : [];
    const body = shape?.children[shape.children.length - 1];
    const inner = [...vlans].reverse().find((vlan) => (vlan.children[8]?.children.length ?? 0) > 0);
    const first = stamp.children[0] ?? where ?? frame;
    const direction = place.sourceString.trim().split(/\s+/).at(-1);
    return {
      time: clock === undefined ? undefined : textVal(clock, source),
      dev: form?.ctorName === 'place_device' ? textVal(form.children[0] ?? form, source) : undefined,
      direction: direction === 'Out' ? 'out' : direction === 'In' || direction === 'B' || direction === 'M' ? 'in' : undefined,
      ...(macs === undefined
        ? { macSrc: undefined, macDst: undefined }
        : (macs['macs'](source) as Pick<PacketLine, 'macSrc' | 'macDst'>)),
      vlan: vlanOf(vlans[0], source),
      ethertype: etherName(inner?.children[8]?.sourceString ?? type?.sourceString),
      body: body === undefined ? { is: 'other' } : (body['body'](source) as PacketBody),
      text: {
        value: source.text.slice(first.source.startIdx),
        span: { start: nodeSpan(source, first).start, end: nodeSpan(source, frame).end },
      },
    };
  },
});

function vlanOf(node: Node | undefined, source: SourceText): Val<number> | undefined {
  const number = node?.children[2];
  return number === undefined ? undefined : numberVal(textVal(number, source));
}

function etherName(text: string | undefined): string | undefined {
  const quiet = /^(?:IPv[46]|ARP)$/.exec(text ?? '')?.[0];
  const [, name = quiet, hex] = /^(?:ethertype\s+)([^\s,]+)(?:\s+\((0x[\da-f]+)\))?/i.exec(text ?? '') ?? [];
  if (name === undefined) return undefined;
  return { IPv4: 'ip', IP: 'ip', IPv6: 'ip6', ARP: 'arp' }[name] ?? hex ?? name.toLowerCase();
}

/** What a matched line of a packet says. */
export function readPacketLine(result: MatchResult, source: SourceText): PacketLine {
  return semantics(result)['read'](source) as PacketLine;
}

const notes = grammars.Tcpdump.createSemantics().addOperation<{
  readonly dev?: Val<string>;
  readonly captured?: Val<number>;
}>('note(source)', {
  listenLine(_indent, _program, _words, dev, _comma, _rest) {
    return { dev: textVal(dev, this.args['source'] as SourceText) };
  },
  countLine(_indent, _interrupt, _sp, count, _sp2, _packets, _sp3, _captured, _rest) {
    return { captured: numberVal(textVal(count, this.args['source'] as SourceText)) };
  },
  noteLine(_indent, _rest) {
    return {};
  },
  hexLine(_indent, _zero, _digits, _colon, _rest) {
    return {};
  },
});

/** What a matched line of tcpdump's own says: the device it listens on, how many packets there were. */
export function readNote(result: MatchResult, source: SourceText) {
  return notes(result)['note'](source) as { readonly dev?: Val<string>; readonly captured?: Val<number> };
}

import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { defined } from '../../base/defined';
import { val, type Val } from '../../base/span';
import { formatIpv4, formatIpv6, parseIpv6 } from '../../packet/address';
import type { IpvsConnectionFact, IpvsEnd, IpvsForward, IpvsScheduling } from '../ipvs-facts';
import { servicePort } from '../iptables-rules/services';
import { nodeSpan, type SourceText } from '../ohm';
import { numberVal, textVal } from '../words';

/** What names a service. */
export type ServiceName =
  | { readonly kind: 'mark'; readonly mark: Val<number>; readonly family: 4 | 6 }
  | { readonly kind: 'address'; readonly protocol: Val<string>; readonly end: IpvsEnd };

/** The line of a service, of a list or of `ipvsadm -S`. */
export interface ServiceLine extends IpvsScheduling {
  readonly kind: 'service';
  readonly name: ServiceName;
  readonly text: Val<string>;
}

export interface ServerLine {
  readonly kind: 'server';
  /** Of `ipvsadm -S`, whose lines name their service. */
  readonly of?: ServiceName;
  readonly end: IpvsEnd;
  readonly forward?: Val<IpvsForward>;
  readonly weight?: Val<number>;
  /** Numbers of a list that does not say how packets are forwarded. */
  readonly numbers: readonly Val<string>[];
  readonly text: Val<string>;
}

export type IpvsLine = ServiceLine | ServerLine | IpvsConnectionFact;

const FORWARDS: Readonly<Record<string, IpvsForward>> = { Masq: 'Masq', Route: 'Route', Tunnel: 'Tunnel', Local: 'Local' };

interface Settings {
  scheduler?: Val<string>;
  persistent?: Val<number>;
  mask?: Val<string>;
  engine?: Val<string>;
  flags: string[];
  onePacket: boolean;
  server?: IpvsEnd;
  weight?: Val<number>;
  forward?: Val<IpvsForward>;
}

/** The whole line's text, without what surrounds it. */
function lineText(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

function lastOf(...nodes: readonly Node[]): Node {
  const [first] = nodes;
  const found = nodes.findLast((node) => node.source.endIdx > node.source.startIdx) ?? first;
  if (!found) throw new Error('a line has parts');
  return found;
}

/** A port by its number or its name; undefined where the name is none of the usual ones. */
function portOf(text: Val<string>): Val<number> | undefined {
  const number = /^\d+$/.test(text.value) ? Number(text.value) : servicePort(text.value);
  return number === undefined || number > 65535 ? undefined : val(number, text.span);
}

/** ipvsadm cuts names of IPv4 so that the columns stay (print_service_entry): what fills its column may have lost its end. */
const COLUMN = 28;

const hexEnd = (address: Val<string>, port: Val<string>): IpvsEnd => ({
  ip: val(hexAddress(address.value), address.span),
  port: val(parseInt(port.value, 16), port.span),
  shown: address.value,
});

function hexAddress(text: string): string {
  if (/^[\da-f]{8}$/i.test(text)) return formatIpv4(BigInt(`0x${text}`));
  const six = parseIpv6(text);
  return six === undefined ? text.toLowerCase() : formatIpv6(six);
}

/** As /proc prints an address of IPv6: all of its digits. Its port is hexadecimal then. */
const PROC_SIX = /^(?:[\da-f]{4}:){7}[\da-f]{4}$/i;

const semantics = grammars.Ipvsadm.createSemantics();

semantics.addOperation<IpvsEnd>('end(source)', {
  endpoint_six(_open, address, _close, _colon, port) {
    const source = this.args['source'] as SourceText;
    const ip = textVal(address, source);
    const number = port.children[0];
    if (PROC_SIX.test(ip.value) && number?.sourceString.length === 4) return hexEnd(ip, textVal(number, source));
    const six = parseIpv6(ip.value);
    const own = number === undefined ? undefined : portOf(textVal(number, source));
    return {
      ...(six === undefined ? {} : { ip: val(formatIpv6(six), ip.span) }),
      ...(own === undefined ? {} : { port: own }),
      shown: ip.value,
    };
  },
  endpoint_four(address, _colon, port) {
    const source = this.args['source'] as SourceText;
    const own = portOf(textVal(port, source));
    return { ip: textVal(address, source), ...(own === undefined ? {} : { port: own }), shown: address.sourceString };
  },
  endpoint_proc(address, _colon, port) {
    const source = this.args['source'] as SourceText;
    return hexEnd(textVal(address, source), textVal(port, source));
  },
  endpoint_named(name, _colon, port, _end) {
    const source = this.args['source'] as SourceText;
    const number = port.children[0];
    const isCut = this.sourceString.length >= COLUMN;
    const own = number === undefined || isCut ? undefined : portOf(textVal(number, source));
    return { ...(own === undefined ? {} : { port: own }), shown: name.sourceString };
  },
  procEnd(address, _sp, port) {
    const source = this.args['source'] as SourceText;
    return hexEnd(textVal(address, source), textVal(port, source));
  },
});

semantics.addOperation<ServiceName>('service(source, hex)', {
  fwmark(_word, _sp, number, six) {
    const source = this.args['source'] as SourceText;
    const text = textVal(number, source);
    // /proc prints eight hexadecimal digits, which the servers below it tell where they are figures alone.
    const isHex = /^[\dA-F]{8}$/.test(text.value) && (this.args['hex'] === true || /^0|[A-F]/.test(text.value));
    const mark = isHex ? parseInt(text.value, 16) : Number(text.value);
    return { kind: 'mark', mark: val(mark, text.span), family: six.children.length > 0 ? 6 : 4 };
  },
  served(protocol, _sp, endpoint) {
    const source = this.args['source'] as SourceText;
    return { kind: 'address', protocol: textVal(protocol, source), end: endpoint['end'](source) as IpvsEnd };
  },
  saveService_tcp(_sp, option, _sp2, endpoint) {
    return saved('TCP', option, endpoint, this.args['source'] as SourceText);
  },
  saveService_udp(_sp, option, _sp2, endpoint) {
    return saved('UDP', option, endpoint, this.args['source'] as SourceText);
  },
  saveService_sctp(_sp, option, _sp2, endpoint) {
    return saved('SCTP', option, endpoint, this.args['source'] as SourceText);
  },
  saveService_fwmark(_sp, _option, _sp2, number, _sp3, six) {
    const mark = numberVal(textVal(number, this.args['source'] as SourceText));
    return { kind: 'mark', mark, family: six.children.length > 0 ? 6 : 4 };
  },
});

function saved(protocol: string, option: Node, endpoint: Node, source: SourceText): ServiceName {
  return { kind: 'address', protocol: val(protocol, nodeSpan(source, option)), end: endpoint['end'](source) as IpvsEnd };
}

semantics.addOperation<void>('put(into, source)', {
  setting_flags(_sp, _open, first, _comma, rest, _close) {
    (this.args['into'] as Settings).flags.push(first.sourceString, ...rest.children.map(({ sourceString }) => sourceString));
  },
  setting_persistent(_sp, _word, _sp2, seconds, _sp3, mask) {
    const into = this.args['into'] as Settings;
    const source = this.args['source'] as SourceText;
    into.persistent = numberVal(textVal(seconds, source));
    const hex = mask.children[0];
    if (hex !== undefined) into.mask = val(formatIpv4(BigInt(`0x${hex.sourceString}`)), nodeSpan(source, hex));
  },
  setting_mask(_sp, _word, _sp2, mask) {
    (this.args['into'] as Settings).mask = textVal(mask, this.args['source'] as SourceText);
  },
  setting_engine(_sp, _word, _sp2, name) {
    (this.args['into'] as Settings).engine = textVal(name, this.args['source'] as SourceText);
  },
  setting_ops(_sp, _word) {
    (this.args['into'] as Settings).onePacket = true;
  },
  setting_other(_sp, word) {
    (this.args['into'] as Settings).flags.push(word.sourceString);
  },
  saveOption_scheduler(_option, _sp, name) {
    (this.args['into'] as Settings).scheduler = textVal(name, this.args['source'] as SourceText);
  },
  saveOption_persistent(_option, _sp, seconds) {
    (this.args['into'] as Settings).persistent = numberVal(textVal(seconds, this.args['source'] as SourceText));
  },
  saveOption_mask(_option, _sp, mask) {
    (this.args['into'] as Settings).mask = textVal(mask, this.args['source'] as SourceText);
  },
  saveOption_engine(_option, _sp, name) {
    (this.args['into'] as Settings).engine = textVal(name, this.args['source'] as SourceText);
  },
  saveOption_flags(_option, _sp, first, _comma, rest) {
    (this.args['into'] as Settings).flags.push(first.sourceString, ...rest.children.map(({ sourceString }) => sourceString));
  },
  saveOption_ops(_option) {
    (this.args['into'] as Settings).onePacket = true;
  },
  saveOption_server(_option, _sp, endpoint) {
    (this.args['into'] as Settings).server = endpoint['end'](this.args['source']) as IpvsEnd;
  },
  saveOption_weight(_option, _sp, weight) {
    (this.args['into'] as Settings).weight = numberVal(textVal(weight, this.args['source'] as SourceText));
  },
  saveOption_masq(option) {
    (this.args['into'] as Settings).forward = val('Masq', nodeSpan(this.args['source'] as SourceText, option));
  },
  saveOption_route(option) {
    (this.args['into'] as Settings).forward = val('Route', nodeSpan(this.args['source'] as SourceText, option));
  },
  saveOption_tunnel(option) {
    (this.args['into'] as Settings).forward = val('Tunnel', nodeSpan(this.args['source'] as SourceText, option));
  },
  saveOption_other(_name, _sp, _value) {
    // What makes no difference for a packet's way.
  },
});

function settingsOf(items: readonly Node[], source: SourceText): Settings {
  const into: Settings = { flags: [], onePacket: false };
  for (const item of items) item['put'](into, source);
  return into;
}

function serviceOf(name: ServiceName, scheduler: Val<string> | undefined, own: Settings, text: Val<string>): ServiceLine {
  return {
    kind: 'service',
    name,
    ...defined({ scheduler, persistent: own.persistent, mask: own.mask, engine: own.engine }),
    flags: own.flags,
    onePacket: own.onePacket,
    text,
  };
}

semantics.addOperation<readonly Node[]>('parts', {
  settings(_sp, scheduler, items) {
    return [scheduler, ...items.children];
  },
  numbers(_sp, amounts) {
    return amounts.children;
  },
  forwarding(_sp, forward, _sp2, _family, _sp3, weight, _sp4, numbers, _sp5, _flag) {
    return [forward, weight, ...numbers.children];
  },
});

interface ConnectionNodes {
  readonly protocol: Node;
  readonly state: Node;
  readonly client: Node;
  readonly virtual: Node;
  readonly server: Node;
  /** What the line ends with. */
  readonly last: Node;
}

function connection(nodes: ConnectionNodes, source: SourceText): IpvsConnectionFact {
  return {
    kind: 'ipvs-connection',
    protocol: textVal(nodes.protocol, source),
    state: textVal(nodes.state, source),
    client: nodes.client['end'](source) as IpvsEnd,
    virtual: nodes.virtual['end'](source) as IpvsEnd,
    server: nodes.server['end'](source) as IpvsEnd,
    text: lineText(nodes.protocol, nodes.last, source),
  };
}

semantics.addOperation<IpvsLine>('read(source, hex)', {
  serviceLine(_indent, service, details, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const found = details.children[0];
    const [scheduler, ...items] = found?.ctorName === 'settings' ? (found['parts']() as readonly Node[]) : [];
    const name = service['service'](source, this.args['hex']) as ServiceName;
    const text = lineText(service, lastOf(service, details), source);
    return serviceOf(name, scheduler && textVal(scheduler, source), settingsOf(items, source), text);
  },
  serverLine(_indent, arrow, _sp, endpoint, details, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const text = lineText(arrow, lastOf(endpoint, details), source);
    const end = endpoint['end'](source) as IpvsEnd;
    const found = details.children[0];
    const parts = found === undefined ? [] : (found['parts']() as readonly Node[]);
    if (found?.ctorName !== 'forwarding')
      return { kind: 'server', end, numbers: parts.map((node) => textVal(node, source)), text };
    const [forward, weight] = parts;
    const how = forward === undefined ? undefined : textVal(forward, source);
    return {
      kind: 'server',
      end,
      ...(how === undefined ? {} : { forward: val(FORWARDS[how.value] ?? 'other', how.span) }),
      ...(weight === undefined ? {} : { weight: numberVal(textVal(weight, source)) }),
      numbers: [],
      text,
    };
  },
  saveLine(_indent, verb, service, _sp, options, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const own = settingsOf(options.children, source);
    const name = service['service'](source, this.args['hex']) as ServiceName;
    const text = lineText(verb, lastOf(service, ...options.children), source);
    const isServer = /^(?:-a|--add-server)$/.test(verb.sourceString);
    if (!isServer || own.server === undefined) return serviceOf(name, own.scheduler, own, text);
    return {
      kind: 'server',
      of: name,
      end: own.server,
      // Without one of these options packets are routed (ipvsadm(8)).
      forward: own.forward ?? val('Route', nodeSpan(source, verb)),
      ...(own.weight === undefined ? {} : { weight: own.weight }),
      numbers: [],
      text,
    };
  },
  connectionLine(
    _indent,
    protocol,
    _sp,
    _expires,
    _sp2,
    state,
    _sp3,
    client,
    _sp4,
    virtual,
    _sp5,
    server,
    _sp6,
    _words,
    _remark,
    _end,
  ) {
    const source = this.args['source'] as SourceText;
    return connection({ protocol, state, client, virtual, server, last: server }, source);
  },
  procConnectionLine(
    _indent,
    protocol,
    _sp,
    client,
    _sp2,
    virtual,
    _sp3,
    server,
    _sp4,
    state,
    _sp5,
    _origin,
    _sp6,
    expires,
    _sp7,
    _words,
    _remark,
    _end,
  ) {
    const source = this.args['source'] as SourceText;
    return connection({ protocol, state, client, virtual, server, last: expires }, source);
  },
});

/** What a matched line of ipvsadm(8) says, or where `hex` of its files in /proc. */
export function readIpvsLine(result: MatchResult, source: SourceText, hex: boolean): IpvsLine {
  return semantics(result)['read'](source, hex) as IpvsLine;
}

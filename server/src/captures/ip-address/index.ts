import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import type { Fact } from '../facts';
import { collect, record, type Collected } from '../lines';
import { joinLines, sliceSource, syntaxError, type SourceText } from '../ohm';
import { listCommand, selection } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonObjects, jsonText, jsonTexts, readJsonObjects, type Json } from '../json';
import { readAddressLine, type AddressLine, type AddressText, type PeerName } from './semantics';
import { deviceRef, ipRef, macRef, numberVal, reportErrorOutput, splitPrefix } from '../words';

type LinkFact = Extract<Fact, { kind: 'link' }>;
/** A link whose lines are still being read. */
type OpenLink = { -readonly [K in keyof LinkFact]: LinkFact[K] };

const HEADER = /^\s*(?:\d+: )?[^\s<>]+: <(?:[A-Z0-9_,-]*|\.{2,3}|…)>(?=\s|\\|$)|^\s*\d+: [^\s<>]+:\s{1,2}mtu \d+ /;
const SHORT_ADDRESS = /^\s*\d+: \S+\s+inet6? [\da-f:.]+/;
const BRIEF =
  /^\s*[\w.@:+-]{1,40}\s+(?:UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|NOTPRESENT|TESTING)(?:\s+[\da-f]+[:.][\da-f:./]+.*)?$/;
const LINK_TYPE =
  'vlan|vxlan|veth|bridge|bridge_slave|bond|bond_slave|tun|openvswitch|openvswitch_slave|geneve|gretap|ip6gretap|gre|ip6gre|ipip|ip6tnl|sit|dummy|macvlan|macvtap|ipvlan|vrf|vrf_slave|vti6?|ifb|team|team_slave|wireguard|nlmon|erspan|netkit|macsec|xfrm';
/** What follows a type in `ip -d`; words of prose do not. */
const LINK_SETTING =
  'id|external|protocol|mode|forward_delay|state|type|addrgenmode|numtxqueues|remote|local|table|key|ip6ip6|ipip6|any|miimon|perm_hwaddr|if_id|port|slave|priority|udp\\w*|promiscuity';
/** What stands below a device's first line; a page or a chat may have taken the blanks from what nothing else prints. */
const DETAIL = new RegExp(
  '^\\s+(?:link\\/|inet6? [\\da-f:.]|valid_lft |preferred_lft |altname \\S+$|alias |promiscuity \\d|vf \\d|prog\\/xdp\\w* |[RT]X(?: errors)?: |\\d+(?:\\s+\\d+){2,}(?:\\s+[<#(←].*)?$|' +
    `(?:${LINK_TYPE})(?:$|\\s+(?:${LINK_SETTING})\\b))|` +
    '^(?:link\\/\\w+\\b|inet6? [\\da-f:.]+(?:\\/\\d+)? (?:peer|brd|scope|metric)\\b|valid_lft \\S+ preferred_lft\\b|altname \\S+$|promiscuity \\d|' +
    `(?:veth|openvswitch|dummy)$|(?:${LINK_TYPE}) (?:${LINK_SETTING})\\b)`,
);
/** The settings of a header's line, each with its value behind it. */
const KEY = '(?:mtu|qdisc|master|state|mode|group|qlen)';
const KEY_ALONE = new RegExp(`\\s${KEY}$`);
/** What follows where a mail program breaks that line between two words: `ip -o` goes on behind a backslash. */
const REST_OF_HEADER = new RegExp(`^\\s*(?=${KEY}\\s)(?:${KEY}\\s+\\S+\\s*)*(?:${KEY}\\s*)?(?:\\\\.*)?$`);
const VALUE_AND_REST = new RegExp(`^\\s*[\\w.@:+-]+(?:\\s+(?=${KEY}\\s|\\\\).*|\\\\.*)?$`);
const ADDRESS_BROKEN = /\\\s*(?:link\/\w+)?$/;
const REST_OF_ADDRESS = /^\s*(?:link\/\w+\s+)?[\da-f]{2}(?::[\da-f]{2}){5}(?:\s+brd\s.*)?$/i;

/** Whether a line is the rest of the device's first line, of which `above` is what stands before it. */
function isRestOfHeader(above: string, text: string): boolean {
  if (!HEADER.test(above) || HEADER.test(text)) return false;
  if (ADDRESS_BROKEN.test(above)) return REST_OF_ADDRESS.test(text);
  if (!KEY_ALONE.test(above)) return REST_OF_HEADER.test(text);
  const rest = VALUE_AND_REST.exec(text) ? text.trim().replace(/^[\w.@:+-]+\s*/, '') : undefined;
  return rest !== undefined && (rest === '' || rest.startsWith('\\') || REST_OF_HEADER.test(rest));
}

/** The rest of a line of `ip -d` that a terminal cut, somewhere in a word. */
const DETAIL_REST = /^\w*(?:queues|gso_\w+|gro_\w+|tso_\w+|_size|_segs|addrgenmode) \S+/;

/** What follows when a page breaks such a line between two words. */
const DETAIL_MORE =
  /^\s+(?:vlan_(?:filtering|protocol|stats_\w+|default_pvid)|bridge_id|designated_root|root_(?:port|path_cost)|topology_change\w*|(?:hello|tcn|gc|topology_change)_timer|group_(?:fwd_mask|address)|mcast_\w+|nf_call_\w+|fdb_\w+|addrgenmode|num[rt]xqueues|g[sr]o_\w+) \S/;

/** `ip address`, `ip link` in all their forms: the devices of a namespace and their addresses (ip-address(8), ip-link(8)). */
export const ipAddress: CaptureKind = {
  kinds: ['ip-address', 'ip-link'],
  recognise(argv) {
    const command = listCommand(argv);
    if (command?.object === 'address') {
      const filter = selection(command.words, [], ['up']);
      return { kind: 'ip-address', ...(filter === undefined ? {} : { options: { filter } }) };
    }
    return command?.object === 'link' ? { kind: 'ip-link' } : undefined;
  },
  sniff(text, following) {
    if (SHORT_ADDRESS.test(text) && /\bscope \w+/.test(text)) return { kind: 'ip-address' };
    if (!HEADER.test(text) || !/(?:>|^\s*\d+: \S+:)\s{1,2}mtu \d+ /.test(`${text} `)) return undefined;
    if (!text.includes('>') && !/ mtu \d+ qdisc /.test(text)) return undefined;
    // bridge-link prints the same start; only it says which state the port has without a queue.
    if (/ master \S+ state (?:forwarding|learning|listening|blocking|disabled)\b/.test(text)) return undefined;
    for (let n = 0; n < 4; n++) {
      const next = following(n);
      if (next === undefined || HEADER.test(next)) break;
      if (/^\s*inet6? /.test(next)) return { kind: 'ip-address' };
    }
    return { kind: 'ip-link' };
  },
  accepts(text) {
    return HEADER.test(text) || SHORT_ADDRESS.test(text) || BRIEF.test(text) || DETAIL.test(text) || acceptsJson(text);
  },
  continues(previous, text) {
    return isRestOfHeader(previous, text) || (DETAIL.test(previous) && (DETAIL_REST.test(text) || DETAIL_MORE.test(text)));
  },
  parse(input) {
    return isJson(input) ? parseJson(input) : parseText(input);
  },
};

function parseText(input: ParseInput) {
  const out = collect();
  let open: OpenLink | undefined;
  for (let n = 0; n < input.lines.length; n++) {
    const line = input.lines[n];
    if (line === undefined || line.text.trim() === '' || reportErrorOutput(out, line)) continue;
    const parts = [line];
    let above = line.text;
    for (let next = input.lines[n + 1]; next !== undefined && isRestOfHeader(above, next.text); next = input.lines[n + 1]) {
      parts.push(next);
      above += ` ${next.text.trim()}`;
      n++;
    }
    let glue = ' ';
    for (let next = input.lines[n + 1]; next !== undefined && isDetailRest(line, next); next = input.lines[n + 1]) {
      parts.push(next);
      glue = DETAIL_MORE.test(next.text) ? ' ' : '';
      n++;
    }
    const last = parts[parts.length - 1] ?? line;
    const errorsBefore = out.errors.length;
    // `ip -o` prints a backslash where the other forms break the line.
    for (const piece of pieces(joinLines(parts, glue))) {
      const result = grammars.IpAddress.match(piece.text, ruleFor(piece.text));
      if (result.failed()) {
        out.errors.push(syntaxError(piece, result, 'line about a network device'));
        break;
      }
      open = take(out, readAddressLine(result, piece), open, line);
    }
    if (out.errors.length === errorsBefore) record(out, line, last);
  }
  closeLink(out, open);
  return out;
}

function isDetailRest(line: Line, next: Line): boolean {
  return DETAIL.test(line.text) && (DETAIL_REST.test(next.text) || DETAIL_MORE.test(next.text));
}

/** The rule that reads a line: its start tells, so that an error names what was expected there. */
function ruleFor(text: string): string {
  if (/^\s*link\//.test(text)) return 'hardwareLine';
  if (/^\s*inet6? /.test(text)) return 'addressLine';
  if (/^\s*(?:valid_lft|preferred_lft)\s/.test(text)) return 'lifetimeLine';
  if (/^\s*[RT]X\b/.test(text)) return 'countersTitle';
  if (/^\s*\d+(?:\s+\d+)+\s*(?:\s[<#(←].*)?$/.test(text)) return 'countersLine';
  if (SHORT_ADDRESS.test(text)) return 'shortAddressLine';
  if (/^\s*\d+:/.test(text) || HEADER.test(text)) return 'headerLine';
  if (BRIEF.test(text)) return 'briefLine';
  return /^\s*(?:altname|alias|vf|prog\/xdp\w*|promiscuity|port|q_disc|queue|bridge_id|addrgenmode|numtxqueues)\s/.test(text)
    ? 'extraLine'
    : 'detailLine';
}

function pieces(source: SourceText): SourceText[] {
  const found: SourceText[] = [];
  let start = 0;
  for (let at = 0; at <= source.text.length; at++) {
    if (at < source.text.length && source.text[at] !== '\\') continue;
    const piece = sliceSource(source, start, at);
    if (piece.text.trim() !== '') found.push(piece);
    start = at + 1;
  }
  return found;
}

/** Adds what a line says; gives the link that following lines belong to. */
function take(out: Collected, found: AddressLine, open: OpenLink | undefined, line: Line): OpenLink | undefined {
  switch (found.is) {
    case 'header': {
      closeLink(out, open);
      const { pairs } = found.words;
      const [mtu, state, master, group] = [pairs.get('mtu'), pairs.get('state'), pairs.get('master'), pairs.get('group')];
      deviceRef(out, found.name, true);
      if (master !== undefined) deviceRef(out, master);
      return {
        kind: 'link',
        ...(found.index === undefined ? {} : { index: found.index }),
        name: found.name,
        ...peerFields(out, found.peer),
        flags: found.flags,
        ...(mtu === undefined || !/^\d+$/.test(mtu.value) ? {} : { mtu: numberVal(mtu) }),
        ...defined({ state, group, master }),
      };
    }
    case 'hardware': {
      const netns = found.words.pairs.get('link-netns');
      if (netns !== undefined) out.refs.push({ kind: 'namespace', value: netns.value, span: netns.span });
      if (found.mac !== undefined) macRef(out, found.mac, true);
      if (open === undefined) return undefined;
      if (found.mac !== undefined) open.mac = val(found.mac.value.toLowerCase(), found.mac.span);
      if (netns !== undefined) open.linkNetns = netns;
      const number = found.words.pairs.get('link-netnsid');
      if (number !== undefined && /^\d+$/.test(number.value)) open.linkNetnsId = numberVal(number);
      return open;
    }
    case 'address': {
      // A line of `| grep inet` stands alone; then only what it is called tells the device.
      const name = open?.name ?? deviceOfLabel(found.address.label);
      if (name === undefined) ipRef(out, splitPrefix(found.address.cidr).ip, true);
      else addAddress(out, name, found.address);
      if (open === undefined && name !== undefined) deviceRef(out, name);
      return open;
    }
    case 'short-address': {
      closeLink(out, open);
      const known = out.facts.some((fact) => fact.kind === 'link' && fact.name.value === found.name.value);
      deviceRef(out, found.name, !known);
      addAddress(out, found.name, found.address);
      return undefined;
    }
    case 'brief': {
      closeLink(out, open);
      deviceRef(out, found.name, true);
      const mac = found.mac === undefined ? undefined : val(found.mac.value.toLowerCase(), found.mac.span);
      if (mac !== undefined) macRef(out, mac, true);
      out.facts.push({
        kind: 'link',
        name: found.name,
        ...peerFields(out, found.peer),
        flags: found.flags,
        state: found.state,
        ...(mac === undefined ? {} : { mac }),
      });
      for (const address of found.addresses) {
        // ip(8) always prints a prefix; what jq(1) or somebody made of it may have none, and then nobody knows it.
        if (address.cidr.value.includes('/') || address.peer !== undefined) addAddress(out, found.name, address);
        else ipRef(out, address.cidr, true);
      }
      return undefined;
    }
    case 'detail': {
      if (open === undefined) return open;
      const isNews = Object.keys(found.settings).length > 0;
      if (found.type.value.endsWith('_slave')) {
        // `bridge_slave state forwarding …`: what the bridge knows of its port.
        if (isNews) open.portSettings = { ...open.portSettings, ...found.settings };
        return open;
      }
      open.type = found.type;
      if (isNews) open.settings = { ...open.settings, ...found.settings };
      if (found.id !== undefined && found.type.value === 'vlan') open.vlanId = found.id;
      // `external` devices take the id of each packet; the one that ip prints (0) means nothing.
      if (found.id !== undefined && !found.external && /^(?:vxlan|geneve)$/.test(found.type.value)) open.vni = found.id;
      return open;
    }
    case 'extra':
      return open;
    default:
      return unreachable(found, line);
  }
}

function unreachable(found: never, line: Line): never {
  throw new Error(`line ${line.number}: ${JSON.stringify(found)}`);
}

function closeLink(out: Collected, open: OpenLink | undefined): void {
  if (open === undefined) return;
  // The link comes before its addresses, as in the text.
  const at = out.facts.findIndex((fact) => fact.kind === 'address' && fact.dev === open.name);
  if (at < 0) out.facts.push(open);
  else out.facts.splice(at, 0, open);
}

function peerFields(out: Collected, peer: PeerName | undefined): Pick<LinkFact, 'peer' | 'peerIndex'> {
  if (peer?.name !== undefined) {
    deviceRef(out, peer.name);
    return { peer: peer.name };
  }
  return peer?.index === undefined ? {} : { peerIndex: peer.index };
}

/** `eth0:1` is an address of eth0. */
function deviceOfLabel(label: Val<string> | undefined): Val<string> | undefined {
  const name = label?.value.split(':')[0] ?? '';
  return label === undefined || name === ''
    ? undefined
    : val(name, { start: label.span.start, end: label.span.start + name.length });
}

function addAddress(out: Collected, dev: Val<string>, address: AddressText): void {
  const { ip, prefix: ownPrefix } = splitPrefix(address.cidr);
  ipRef(out, ip, true);
  const far = address.peer === undefined ? undefined : splitPrefix(address.peer);
  if (far !== undefined) ipRef(out, far.ip);
  out.facts.push({
    kind: 'address',
    dev,
    ip,
    // With a peer, the prefix that ip prints belongs to the peer's side: that is what the kernel routes to the device.
    prefix: far !== undefined && !address.cidr.value.includes('/') ? far.prefix : ownPrefix,
    ...(address.scope === undefined ? {} : { scope: address.scope }),
    ...(far === undefined ? {} : { peer: far.ip }),
    ...(address.broadcast === undefined ? {} : { broadcast: address.broadcast }),
    ...(address.noPrefixRoute ? { noPrefixRoute: true } : {}),
    ...(address.unverified === undefined ? {} : { unverified: address.unverified }),
  });
}

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const name = jsonText(object, 'ifname');
    // `ip -4 -j` prints an empty object for each device that has no such address.
    if (name === undefined) continue;
    deviceRef(out, name, true);
    out.facts.push(jsonLink(object, name, out));
    for (const entry of jsonObjects(object, 'addr_info')) {
      const [ip, prefix, scope, peer, broadcast] = [
        jsonText(entry, 'local'),
        jsonNumber(entry, 'prefixlen'),
        jsonText(entry, 'scope'),
        jsonText(entry, 'address'),
        jsonText(entry, 'broadcast'),
      ];
      if (ip === undefined || prefix === undefined) continue;
      const unrouted = entry.get('noprefixroute');
      ipRef(out, ip, true);
      out.facts.push({
        kind: 'address',
        dev: name,
        ip,
        prefix,
        ...defined({ scope, peer, broadcast }),
        ...(unrouted?.is === 'word' && unrouted.value === true ? { noPrefixRoute: true } : {}),
        ...jsonUnverified(entry),
      });
    }
  }
  return out;
}

function jsonUnverified(entry: ReadonlyMap<string, Json>): { readonly unverified?: Val<string> } {
  const flag = (name: string) => {
    const field = entry.get(name);
    return field?.is === 'word' && field.value === true
      ? val(name, { start: field.span.start, end: field.span.start })
      : undefined;
  };
  const unverified = flag('optimistic') ? undefined : (flag('dadfailed') ?? flag('tentative'));
  return unverified === undefined ? {} : { unverified };
}

function jsonLink(object: ReadonlyMap<string, Json>, name: Val<string>, out: Collected): LinkFact {
  const index = jsonNumber(object, 'ifindex');
  const peer = jsonText(object, 'link');
  const peerIndex = jsonNumber(object, 'link_index');
  const mtu = jsonNumber(object, 'mtu');
  const group = jsonText(object, 'group');
  const state = jsonText(object, 'operstate');
  const mac = jsonText(object, 'address');
  const master = jsonText(object, 'master');
  const linkNetns = jsonText(object, 'link_netns');
  const [info] = [object.get('linkinfo')].flatMap((field) => (field?.is === 'object' ? [field.fields] : []));
  const data = info?.get('info_data');
  const type = info === undefined ? undefined : jsonText(info, 'info_kind');
  const id = data?.is === 'object' ? jsonNumber(data.fields, 'id') : undefined;
  const number = jsonNumber(object, 'link_netnsid');
  const slave = info?.get('info_slave_data');
  const settings = data?.is === 'object' ? jsonSettings(data.fields) : {};
  const portSettings = slave?.is === 'object' ? jsonSettings(slave.fields) : {};
  const external = data?.is === 'object' && data.fields.has('external');
  const isMac = mac !== undefined && /^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(mac.value);
  if (isMac) macRef(out, mac, true);
  if (peer !== undefined) deviceRef(out, peer);
  if (master !== undefined) deviceRef(out, master);
  return {
    kind: 'link',
    ...(index === undefined ? {} : { index }),
    name,
    ...(peer === undefined ? {} : { peer }),
    ...(peerIndex === undefined ? {} : { peerIndex }),
    flags: jsonTexts(object, 'flags'),
    ...defined({ mtu, state, group }),
    ...(isMac ? { mac: val(mac.value.toLowerCase(), mac.span) } : {}),
    ...defined({ master, linkNetns, linkNetnsId: number }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(Object.keys(portSettings).length === 0 ? {} : { portSettings }),
    ...(type === undefined ? {} : { type }),
    ...(id !== undefined && type?.value === 'vlan' ? { vlanId: id } : {}),
    ...(id !== undefined && !external && /^(?:vxlan|geneve)$/.test(type?.value ?? '') ? { vni: id } : {}),
  };
}

/** JSON's members by the words of the other form: `remote`, `port`, `vlan_filtering`, `hairpin` … */
const JSON_NAMES: Readonly<Record<string, string>> = { port: 'dstport', link: 'dev', no: 'port_no' };

function jsonSettings(fields: ReadonlyMap<string, Json>): Readonly<Record<string, Val<string>>> {
  const settings: Record<string, Val<string>> = {};
  for (const [name, value] of fields) {
    const key = JSON_NAMES[name] ?? name;
    if (value.is === 'text') settings[key] = val(value.value, value.span);
    else if (value.is === 'number') settings[key] = val(`${value.value}`, value.span);
    else if (value.is === 'word' && value.value !== undefined) settings[key] = val(value.value ? 'on' : 'off', value.span);
  }
  return settings;
}

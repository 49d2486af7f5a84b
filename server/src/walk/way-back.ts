import type { Namespace } from '../model/namespace';
import { inPrefix, parseIp, parsePrefix, type IpPrefix } from '../packet/address';
import { get, type FlowKey } from '../packet/flow-key';
import { route } from './linux/routing';
import { destinationIp, sourceIp } from './step';

const prefixes = (texts: readonly string[]): IpPrefix[] => texts.flatMap((text) => parsePrefix(text) ?? []);

/** Networks that only their owners have routes to (RFC 1918, RFC 6598, RFC 4193). */
const PRIVATE = prefixes(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']);

/** Neither private nor reached across the Internet: this host, the link, groups (RFC 6890). */
const SPECIAL = prefixes(['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/8', 'fe80::/10', 'ff00::/8']);

function isIn(ip: string, networks: readonly IpPrefix[]): boolean {
  const address = parseIp(ip);
  return address !== undefined && networks.some((network) => inPrefix(address, network));
}

/**
 * What to say of a packet that leaves a machine for a public address with a private source that is of another device's network: it was not
 * translated, so answers come back only if somebody beyond knows the way. Empty where that is not so.
 */
export function privateSourceText(namespace: Namespace, device: string, packet: FlowKey): string {
  const [source, destination] = [sourceIp(packet), destinationIp(packet)];
  if (!isIn(source, PRIVATE) || isIn(destination, PRIVATE) || isIn(destination, SPECIAL)) return '';
  const back = route(namespace, source, {});
  if (back.kind !== 'forward' || back.device === device) return '';
  return `; it leaves with the private source ${source}, which nothing here translates: it is answered only if a machine beyond translates it or has a route to it`;
}

/**
 * What to say of a packet that goes back where it came from with another destination, and its source as it was: the receiver has the sender
 * beside it and answers straight, from an address that was not asked (hairpin NAT). Empty where that is not so.
 */
export function straightAnswerText(
  came: { readonly device: string; readonly packet: FlowKey } | undefined,
  device: string,
  nextHop: string,
  packet: FlowKey,
): string {
  const [asked, receiver] = [came && destinationIp(came.packet), destinationIp(packet)];
  if (came?.device !== device || asked === receiver || nextHop !== receiver) return '';
  if (sourceIp(came.packet) !== sourceIp(packet)) return '';
  return `; its source is not translated as well, so ${receiver} may answer ${sourceIp(packet)} straight, and not as ${asked ?? ''}`;
}

/** What to say of an answer that arrived from another address than the one that was asked. Empty where it is the same. */
export function strangerText(request: FlowKey, answer: FlowKey): string {
  const [asked, from] = [destinationIp(request), sourceIp(answer)];
  const proto = get(answer, 'nw_proto');
  if (asked === from || destinationIp(answer) !== sourceIp(request)) return '';
  const effect = proto === TCP ? 'TCP takes it for no answer, and resets it' : 'most programs take it for no answer';
  return `, but from ${from}, and ${asked} was asked: ${effect}`;
}

const TCP = 6n;

import type { Recognised } from '../capture';
import { keyOf } from './table';

const BORDER = /^\s*\+(?:[-=]+\+)+\s*$/;
const ROW = /^\s*\|(?: .*)? \|\s*$/;

/** Whether a line is drawn as a table of the clients is. */
export function isTableLine(text: string): boolean {
  return BORDER.test(text) || ROW.test(text);
}

function cellsOf(text: string | undefined): string[] {
  if (text === undefined || !ROW.test(text)) return [];
  return text
    .trim()
    .slice(1, -1)
    .split(/\|(?= )/)
    .map((cell) => cell.trim());
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// Which fields or columns only this kind has, in their short form (`keyOf`).
const FIELD_SIGNS: readonly (readonly [RegExp, string])[] = [
  [/^osextsrvattr|^osextsts|^hostid$/, 'server'],
  [/^providernetworktype$|^providersegmentationid$|^ipv4addressscope$/, 'network'],
  [/^externalgatewayinfo$/, 'router'],
  [/^allocationpools$|^gatewayip$/, 'subnet'],
  [/^floatingipaddress$/, 'floating-ip'],
  [/^macaddress$|^bindingvniftype$|^bindinghostid$/, 'port'],
];

/** Recognises a client's table without its command. Prose, drawings and other programs' tables must not pass. */
export function sniffTable(text: string, following: (n: number) => string | undefined): Recognised | undefined {
  return isTableLine(text) && !isForeign(following) ? recogniseTable(text, following) : undefined;
}

/** Markdown draws dashes between bars below its titles; MySQL says after its table how many rows it had. */
function isForeign(following: (n: number) => string | undefined): boolean {
  for (let n = 0; n < 400; n++) {
    const line = following(n);
    if (line === undefined) return false;
    if (n < 2 && /^\s*\|[\s:|-]*--[\s:|-]*\|\s*$/.test(line)) return true;
    if (!isTableLine(line)) return /^\s*\d+ rows? in set\b/.test(line);
  }
  return false;
}

function recogniseTable(text: string, following: (n: number) => string | undefined): Recognised | undefined {
  if (BORDER.test(text)) {
    const titles = cellsOf(following(0));
    if (titles.length === 0 || following(1) === undefined) return undefined;
    return titled(titles, (n) => following(n + 1));
  }
  const cells = cellsOf(text);
  return bareRow(cells) ?? titled(cells, following);
}

function titled(titles: readonly string[], following: (n: number) => string | undefined): Recognised | undefined {
  const keys = titles.map(keyOf);
  if (keys.length === 2 && keys[1] === 'value' && (keys[0] === 'field' || keys[0] === 'property'))
    return fieldTable(keys[0], following);
  const has = (...names: readonly string[]): boolean => names.every((name) => keys.includes(name));
  // The old clients name columns as the API does, the new one as people do.
  const isNew = titles.includes('ID');
  if (has('portstate', 'portid', 'netid')) return { kind: 'nova-interface-list' };
  if (has('id', 'name', 'status', 'taskstate', 'networks') && !has('image')) return { kind: 'nova-list' };
  if (has('id', 'name', 'status', 'networks')) return { kind: 'openstack-server-list' };
  if (has('id', 'macaddress', 'fixedips')) return { kind: 'neutron-port-list' };
  if (has('id', 'macaddress', 'fixedipaddresses')) return { kind: 'openstack-port-list' };
  if (has('id', 'externalgatewayinfo')) return { kind: 'neutron-router-list' };
  if (has('id', 'name', 'status', 'state') && (has('distributed') || has('project'))) return { kind: 'openstack-router-list' };
  if (has('id', 'name', 'subnets')) return { kind: isNew ? 'openstack-network-list' : 'neutron-net-list' };
  if (has('id', 'name', 'network', 'subnet')) return { kind: 'openstack-subnet-list' };
  if (has('id', 'name', 'cidr', 'allocationpools')) return { kind: 'neutron-subnet-list' };
  if (has('id', 'floatingipaddress', 'fixedipaddress'))
    return { kind: isNew ? 'openstack-floating-ip-list' : 'neutron-floatingip-list' };
  // Any other listing: titles, a border, and a row that a uuid begins.
  if (titles[0] !== 'ID' || !BORDER.test(following(0) ?? '')) return undefined;
  const first = cellsOf(following(1));
  return first.length === keys.length && UUID.test(first[0] ?? '') ? { kind: 'openstack-list' } : undefined;
}

function fieldTable(title: string, following: (n: number) => string | undefined): Recognised | undefined {
  const fields = new Map<string, string>();
  let hasNova = false;
  for (let n = 0; n < 80; n++) {
    const line = following(n);
    if (line === undefined || !isTableLine(line)) break;
    const [name, value] = cellsOf(line);
    if (name === undefined || value === undefined) continue;
    hasNova ||= / network$/.test(name);
    fields.set(keyOf(name), value);
  }
  const signs = FIELD_SIGNS.find(([sign]) => [...fields.keys()].some((key) => sign.test(key)));
  if (title === 'property') return signs?.[1] === 'server' || hasNova ? { kind: 'nova-show' } : undefined;
  if (signs === undefined) return UUID.test(fields.get('id') ?? '') ? { kind: 'openstack-show' } : undefined;
  const noun = signs[1];
  if (noun === 'server') return { kind: 'openstack-server-show' };
  // The new client says UP and None where the old one said True and nothing.
  const isNew = fields.get('adminstateup') === 'UP' || [...fields.values()].includes('None');
  if (isNew) return { kind: `openstack-${noun}-show` };
  return { kind: `neutron-${noun === 'network' ? 'net' : noun === 'floating-ip' ? 'floatingip' : noun}-show` };
}

/** A row that grep left: a port's (uuid, MAC and address), or a property that nothing else has. */
function bareRow(cells: readonly string[]): Recognised | undefined {
  if (cells.length === 2 && /^OS-EXT-SRV-ATTR:\w+$/.test(cells[0] ?? '')) return { kind: 'nova-show' };
  if (cells.length === 2 && /^provider:(?:network_type|segmentation_id|physical_network)$/.test(cells[0] ?? ''))
    return { kind: 'neutron-net-show' };
  if (!UUID.test(cells[0] ?? '') || !cells.some((cell) => /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(cell))) return undefined;
  if (cells.some((cell) => /^ip_address='/.test(cell))) return { kind: 'openstack-port-list' };
  return cells.some((cell) => /"ip_address": ?"/.test(cell)) ? { kind: 'neutron-port-list' } : undefined;
}

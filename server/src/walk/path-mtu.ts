import { addGap, inNamespace, type Context } from './context';
import { isInDoubt, type MtuLimit } from './size';
import type { Certainty } from './step';

/** The longest packet that gets through whole, as far as the walk went. */
export interface PathMtu {
  /** In bytes, IP header included; undefined where no MTU on the way was captured. */
  readonly bytes: number | undefined;
  /** Where no longer one passes; of several that are equal the first. */
  readonly at: MtuLimit | undefined;
  /** Devices of the way whose MTU nobody captured: it may be less there. */
  readonly unknown: readonly MtuLimit[];
  /** In words. */
  readonly summary: string;
}

const left = (limit: MtuLimit): number => (limit.mtu ?? Infinity) - limit.overhead;

/** The smallest MTU that a walk met, with what tunnels need of it; undefined where it met no device that has one. */
export function pathMtuOf({ limits }: Context): PathMtu | undefined {
  if (limits.length === 0) return undefined;
  const unknown = limits.filter(({ mtu }) => mtu === undefined);
  const at = limits
    .filter(({ mtu }) => mtu !== undefined)
    .reduce<MtuLimit | undefined>((tight, limit) => (tight && left(tight) <= left(limit) ? tight : limit), undefined);
  const open = unknownText(unknown);
  if (!at) return { bytes: undefined, at, unknown, summary: `Path MTU not known; ${open}` };
  const bytes = left(at);
  return { bytes, at, unknown, summary: `Path MTU ${bytes}: ${whereText(at)}${open === '' ? '' : `; ${open}`}` };
}

function whereText(limit: MtuLimit): string {
  const name = `no longer packet fits ${limit.device} on ${limit.host}`;
  return limit.overhead === 0
    ? name
    : `${name} (MTU ${limit.mtu ?? '?'}) with ${limit.overhead} bytes of ${limit.by ?? 'a tunnel'} around it`;
}

const SHOWN = 6;

function unknownText(unknown: readonly MtuLimit[]): string {
  if (unknown.length === 0) return '';
  const hosts = new Map<string, Set<string>>();
  for (const { host, device } of unknown.slice(0, SHOWN)) hosts.set(host, (hosts.get(host) ?? new Set()).add(device));
  const text = [...hosts].map(([host, devices]) => `${[...devices].join(', ')} on ${host}`).join('; ');
  const more = unknown.length > SHOWN ? ` and ${unknown.length - SHOWN} more` : '';
  return `not captured: the MTU of ${text}${more}`;
}

/**
 * How sure it is that a packet of the asked length got so far: where its length may matter and a device's MTU was not captured, the walk took it
 * to be enough. Names the captures that would tell.
 */
export function sizeCertainty(context: Context, family: 4 | 6): Certainty {
  const { size, limits } = context;
  if (!size) return 'captured';
  // Whoever cut it on the way, it was whole before.
  const whole = { ...size, length: size.whole };
  const doubted = limits.filter((limit) => isInDoubt(whole, limit, family));
  const asks = new Map<string, MtuLimit[]>();
  for (const limit of doubted) {
    const key = `${limit.host}|${inNamespace(limit.namespace ?? '', limit.command ?? 'ip link')}`;
    asks.set(key, [...(asks.get(key) ?? []), limit]);
  }
  for (const [key, asked] of asks) {
    const names = asked.map(({ device }) => device).join(', ');
    const [host = '', command = ''] = key.split('|');
    addGap(context, { host, command, why: `the MTU of ${names}: taken to be enough for ${size.whole} bytes` });
  }
  return doubted.length === 0 ? 'captured' : 'assumed';
}

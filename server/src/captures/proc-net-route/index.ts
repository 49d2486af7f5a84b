import grammars from '../../generated/grammars.ohm-bundle';
import { val } from '../../base/span';
import type { CaptureError, CaptureKind } from '../capture';
import type { Fact } from '../facts';
import { parseRows, type Rows } from '../rows';
import { maskLength } from '../route';
import { deviceRef } from '../words';
import { readProcRoute, type ProcRoute } from './semantics';

const FILE = /^\/proc\/(?:self\/|thread-self\/)?net\/route$/;
const TITLE = /^\s*Iface\s+Destination\s+Gateway\s+Flags\s+RefCnt\s+Use\s+Metric\s+Mask\b/;
const ROW = /^\s*\S+\s+[\dA-F]{8}\s+[\dA-F]{8}\s+[\dA-F]{4}\s+\d+\s+-?\d+\s+-?\d+\s+[\dA-F]{8}(?:\s+-?\d+){0,3}\s*$/;

/** linux/route.h */
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;

const rows: Rows = {
  grammar: grammars.ProcNetRoute,
  what: 'row of /proc/net/route',
  ruleFor: (text) => (TITLE.test(text) ? 'titleLine' : 'routeLine'),
  starts: (text) => TITLE.test(text) || ROW.test(text),
};

/**
 * `cat /proc/net/route`: the kernel's main routing table of IPv4 in hexadecimal, what route(8) makes its own of (`fib_route_seq_show` in
 * the kernel's net/ipv4/fib_trie.c). Of a route with several next hops it has the first only.
 */
export const procNetRoute: CaptureKind = {
  kinds: ['proc-net-route'],
  recognise(argv) {
    return argv[0] === 'cat' && argv.length === 2 && FILE.test(argv[1] ?? '') ? { kind: 'proc-net-route' } : undefined;
  },
  sniff(text, following) {
    const rowsBelow = ROW.test(text) && ROW.test(following(0) ?? '');
    return TITLE.test(text) || rowsBelow ? { kind: 'proc-net-route' } : undefined;
  },
  accepts: (text) => rows.starts(text),
  parse(input) {
    const found: ProcRoute[] = [];
    const parsed = parseRows(input, rows, (rule, result, source, out) => {
      if (rule === 'titleLine') return 'header';
      const route = readProcRoute(result, source);
      if (route.device.value !== '*') deviceRef(out, route.device);
      found.push(route);
      return 'record';
    });
    const bigEndian = isBigEndian(found);
    const read = found.map((route) => factOf(route, bigEndian));
    return {
      ...parsed,
      facts: read.flatMap((fact) => ('kind' in fact ? [fact] : [])),
      errors: [...parsed.errors, ...read.flatMap((fact) => ('kind' in fact ? [] : [fact]))],
    };
  },
};

function factOf(route: ProcRoute, bigEndian: boolean): Extract<Fact, { kind: 'route' }> | CaptureError {
  const address = ({ value }: { readonly value: string }) => dotted(value, bigEndian);
  const prefix = maskLength(address(route.mask));
  if (prefix === undefined) {
    const message = `The mask of this route ("${route.mask.value}") is none in either order of its bytes; it is left out.`;
    return { span: route.mask.span, code: 'inconsistent', message };
  }
  const dst = { ip: address(route.destination), prefix };
  const via = (route.flags & RTF_GATEWAY) === 0 ? undefined : val(address(route.gateway), route.gateway.span);
  // A blackhole has no device, but is up; whether a route that refuses is unreachable or prohibited is not told.
  const named = route.device.value !== '*';
  const where = [via === undefined ? '' : ` via ${via.value}`, named ? ` dev ${route.device.value}` : ''].join('');
  return {
    kind: 'route',
    type: (route.flags & RTF_REJECT) !== 0 ? 'unreachable' : named ? 'unicast' : 'blackhole',
    dst: val(dst, route.destination.span),
    ...(via === undefined ? {} : { via }),
    ...(named ? { dev: route.device } : {}),
    ...(route.metric.value === 0 ? {} : { metric: route.metric }),
    flags: [],
    text: val(`${prefix === 0 ? 'default' : `${dst.ip}/${prefix}`}${where}`, route.row.span),
  };
}

/**
 * Whether the machine keeps the first byte of an address in front: only then its masks are masks when read as they stand. Most machines
 * (x86, ARM) keep it behind, and one whose masks tell neither is taken for one of them.
 */
function isBigEndian(routes: readonly ProcRoute[]): boolean {
  const isMask = (bigEndian: boolean) => (route: ProcRoute) => maskLength(dotted(route.mask.value, bigEndian)) !== undefined;
  return !routes.every(isMask(false)) && routes.every(isMask(true));
}

/** `0101A8C0` → 192.168.1.1. */
function dotted(digits: string, bigEndian: boolean): string {
  const octets = (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return (bigEndian ? octets : octets.reverse()).join('.');
}

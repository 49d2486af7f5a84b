import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';

/** A row of route(8) or `netstat -r`, as printed. */
export interface RouteRow {
  readonly destination: Val<string>;
  readonly gateway: Val<string>;
  /** IPv4 only. */
  readonly mask: Val<string> | undefined;
  readonly flags: Val<string>;
  /** The fifth column: the metric, unless the title says otherwise. */
  readonly fifth: Val<string>;
  readonly device: Val<string>;
  readonly text: Val<string>;
}

const semantics = grammars.Route.createSemantics().addOperation<RouteRow>('read(source)', {
  routeLine(_indent, destination, _sp, gateway, _sp2, mask, _sp3, flags, _sp4, columns, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const [fifth, , , , , , device] = columns.children;
    return row(source, [destination, gateway, mask, flags, fifth ?? flags, device ?? flags], destination.source.startIdx);
  },
  route6Line(_indent, destination, _sp, gateway, _sp2, flags, _sp3, metric, _sp4, _ref, _sp5, _use, _sp6, device, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return row(source, [destination, gateway, undefined, flags, metric, device], destination.source.startIdx);
  },
});

type Part = Parameters<typeof nodeSpan>[1];

function row(source: SourceText, parts: readonly [Part, Part, Part | undefined, Part, Part, Part], start: number): RouteRow {
  const [destination, gateway, mask, flags, fifth, device] = parts;
  return {
    destination: textVal(destination, source),
    gateway: textVal(gateway, source),
    mask: mask === undefined ? undefined : textVal(mask, source),
    flags: textVal(flags, source),
    fifth: textVal(fifth, source),
    device: textVal(device, source),
    text: {
      value: source.text.slice(start, device.source.endIdx),
      span: { start: nodeSpan(source, destination).start, end: nodeSpan(source, device).end },
    },
  };
}

/** What a matched row says. */
export function readRouteRow(result: MatchResult, source: SourceText): RouteRow {
  return semantics(result)['read'](source) as RouteRow;
}

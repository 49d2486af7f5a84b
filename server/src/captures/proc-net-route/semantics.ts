import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';
import { numberVal, textVal } from '../words';

/** A row of /proc/net/route: the addresses as eight digits, in the order in which the machine's memory has their bytes. */
export interface ProcRoute {
  readonly device: Val<string>;
  readonly destination: Val<string>;
  readonly gateway: Val<string>;
  /** RTF_UP and its kin (linux/route.h). */
  readonly flags: number;
  readonly metric: Val<number>;
  readonly mask: Val<string>;
  /** The row without its numbers behind the mask. */
  readonly row: Val<string>;
}

const semantics = grammars.ProcNetRoute.createSemantics().addOperation<ProcRoute>('read(source)', {
  routeLine(_in, device, _1, destination, _2, gateway, _3, flags, _4, _references, _5, _use, _6, metric, _7, mask, _more, _end) {
    const source = this.args['source'] as SourceText;
    const from = device.source.startIdx;
    const span = { start: nodeSpan(source, device).start, end: nodeSpan(source, mask).end };
    return {
      device: textVal(device, source),
      destination: textVal(destination, source),
      gateway: textVal(gateway, source),
      flags: Number.parseInt(flags.sourceString, 16),
      metric: numberVal(textVal(metric, source)),
      mask: textVal(mask, source),
      row: val(source.text.slice(from, mask.source.endIdx), span),
    };
  },
});

/** What a matched row says. */
export function readProcRoute(result: MatchResult, source: SourceText): ProcRoute {
  return semantics(result)['read'](source) as ProcRoute;
}

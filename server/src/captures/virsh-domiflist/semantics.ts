import type { MatchResult } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { nodeSpan, type SourceText } from '../ohm';

/** One line of a `virsh` table, each cell with its place; undefined for titles and rulers. */
export type VirshRow = { readonly what: 'header' } | { readonly what: 'row'; readonly cells: readonly Val<string>[] };

const semantics = grammars.VirshTable.createSemantics().addOperation<VirshRow>('read(source)', {
  domiflistLine_header(_i, _1, _2, _3, _4, _5, _6, _7, _8, _9, _end) {
    return { what: 'header' };
  },
  domiflistLine_ruler(_ruler) {
    return { what: 'header' };
  },
  domiflistLine_row(_i, name, _1, type, _2, source, _3, model, _4, mac, _end) {
    return row(this.args['source'] as SourceText, [name, type, source, model, mac]);
  },
  listLine_header(_i, _1, _2, _3, _4, _5, _6, _7, _end) {
    return { what: 'header' };
  },
  listLine_ruler(_ruler) {
    return { what: 'header' };
  },
  listLine_row(_i, id, _1, name, _2, state, _end) {
    return row(this.args['source'] as SourceText, [id, name, state]);
  },
  listLine_foreign(_i, id, _1, name, _gap, _state, _rest) {
    return row(this.args['source'] as SourceText, [id, name]);
  },
  listLine_name(_i, name, _end) {
    return row(this.args['source'] as SourceText, [name]);
  },
  listLine_both(_i, uuid, _1, name, _end) {
    return row(this.args['source'] as SourceText, [uuid, name]);
  },
  domifaddrLine_ruler(_ruler) {
    return { what: 'header' };
  },
  domifaddrLine_header(_i, _letter, _rest) {
    return { what: 'header' };
  },
  domifaddrLine_row(_i, name, _1, mac, _2, family, _3, address, _end) {
    return row(this.args['source'] as SourceText, [name, mac, family, address]);
  },
  leaseLine_ruler(_ruler) {
    return { what: 'header' };
  },
  leaseLine_header(_i, _letter, _rest) {
    return { what: 'header' };
  },
  leaseLine_row(_i, _year, _1, _month, _2, _day, _3, _time, _4, mac, _5, family, _6, address, _7, hostname, _rest) {
    return row(this.args['source'] as SourceText, [hostname, mac, family, address]);
  },
});

function row(source: SourceText, nodes: readonly Parameters<typeof nodeSpan>[1][]): VirshRow {
  return { what: 'row', cells: nodes.map((node) => val(node.sourceString, nodeSpan(source, node))) };
}

/** What a matched line of one of `virsh`'s tables says. */
export function readVirshRow(result: MatchResult, source: SourceText): VirshRow {
  return semantics(result)['read'](source) as VirshRow;
}

import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Span, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';

/** What one line of `ovs-vsctl show` says. Names and values come without their quotes, with the span inside the quotes. */
export type ShowLine =
  | { readonly kind: 'system'; readonly uuid: Val<string> }
  | { readonly kind: 'object'; readonly object: string; readonly name: Val<string> }
  | {
      readonly kind: 'setting';
      readonly key: string;
      readonly value: Val<string>;
      readonly pairs: Readonly<Record<string, Val<string>>>;
      readonly elements: readonly Val<string>[];
    };

function bare(node: Node, source: SourceText): Val<string> {
  const text = node.sourceString;
  const span: Span = nodeSpan(source, node);
  if (!text.startsWith('"')) return val(text.trim(), { start: span.start, end: span.start + text.trim().length });
  return val(text.slice(1, -1).replaceAll('\\"', '"'), { start: span.start + 1, end: span.end - 1 });
}

function collectNodes(node: Node, rule: string, into: Node[]): Node[] {
  if (node.ctorName === rule) into.push(node);
  else for (const child of node.children) collectNodes(child, rule, into);
  return into;
}

const semantics = grammars.OvsVsctlShow.createSemantics().addOperation<ShowLine>('read(source)', {
  line(_indent, content, _remark) {
    return content['read'](this.args['source']) as ShowLine;
  },
  system(uuid) {
    return { kind: 'system', uuid: bare(uuid, this.args['source'] as SourceText) };
  },
  object(kind, _blank, name) {
    return { kind: 'object', object: kind.sourceString, name: bare(name, this.args['source'] as SourceText) };
  },
  setting(key, _colon, _blank, value) {
    const source = this.args['source'] as SourceText;
    const pairs: Record<string, Val<string>> = {};
    for (const pair of collectNodes(value, 'pair', [])) {
      const [pairKey, , pairValue] = pair.children;
      if (pairKey && pairValue) pairs[bare(pairKey, source).value] = bare(pairValue, source);
    }
    const elements = collectNodes(value, 'element', []).map((element) => bare(element, source));
    return { kind: 'setting', key: key.sourceString, value: bare(value, source), pairs, elements };
  },
});

/** Reads a line that matched. */
export function readShowLine(result: MatchResult, source: SourceText): ShowLine {
  return semantics(result)['read'](source) as ShowLine;
}

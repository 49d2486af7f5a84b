import { val } from '../../base/span';
import type { NetfilterFact, NfMatch } from '../netfilter-facts';
import { ipRef, macRef } from '../words';
import { isBuiltInTarget } from '../../packet/netfilter-targets';
import type { Collected } from '../lines';

/** Notes references to what a rule's conditions and target name; a rule that a map made several of has them once. */
export function ruleRefs(out: Collected, facts: readonly Extract<NetfilterFact, { kind: 'nf-rule' }>[]): void {
  const seen = new Set<number>();
  const once = (start: number): boolean => {
    if (seen.has(start)) return false;
    seen.add(start);
    return true;
  };
  const visit = (match: NfMatch): void => {
    switch (match.kind) {
      case 'any-of':
      case 'all-of':
        for (const inner of match.matches) visit(inner);
        break;
      case 'in-interface':
      case 'out-interface':
        if (!match.value.value.endsWith('+') && once(match.value.span.start))
          out.refs.push({ kind: 'device', value: match.value.value, span: match.value.span });
        break;
      case 'mac-source':
        if (once(match.value.span.start)) macRef(out, match.value);
        break;
      case 'source':
      case 'destination': {
        const { value, span } = match.value;
        const address = value.replace(/\/(?:32|128)$/, '');
        // What stands for a family of addresses is written otherwise.
        if (address.includes('/') || span.end - span.start !== value.length || !once(span.start)) break;
        ipRef(out, val(address, { start: span.start, end: span.start + address.length }));
        break;
      }
      default:
        break;
    }
  };
  for (const fact of facts) {
    for (const match of fact.matches) visit(match);
    const { target } = fact;
    const isChain = target !== undefined && /^[\w.:+-]+$/.test(target.value) && !isBuiltInTarget(target.value);
    // The chain of `jump {` has no name of its own.
    if (isChain && target.span.end - target.span.start === target.value.length && once(target.span.start)) {
      out.refs.push({ kind: 'chain', value: target.value, span: target.span, scope: fact.table });
    }
    const { to } = fact.targetOptions;
    if (
      to !== undefined &&
      /^\d+(?:\.\d+){3}(?::\d+)?$/.test(to.value) &&
      to.span.end - to.span.start === to.value.length &&
      once(to.span.start)
    ) {
      const [address = ''] = to.value.split(':');
      ipRef(out, val(address, { start: to.span.start, end: to.span.start + address.length }));
    }
  }
}

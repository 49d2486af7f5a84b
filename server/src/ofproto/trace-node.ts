import type { Rule } from './switch';
import type { FlowWords } from '../packet/flow-words';

/** What a translation reports, as a tree. The kinds are those of Open vSwitch's own trace. */
export type TraceNode = {
  readonly text: string;
  readonly nodes: TraceNode[];
} & (
  | { readonly kind: 'bridge'; readonly bridge: string }
  /** One flow that was hit; `rule` undefined: a table without a match. `also`: flows of the same priority that match too. */
  | {
      readonly kind: 'table';
      readonly bridge: string;
      readonly table: number;
      readonly rule: Rule | undefined;
      readonly also: readonly number[];
      /** The packet as it was looked up. */
      readonly packet: FlowWords;
      /** The packet as the flow's own actions leave it, before it goes on to another table. */
      after?: FlowWords;
    }
  | { readonly kind: 'action-set' | 'bucket' | 'thaw' | 'action' | 'detail' | 'warn' | 'error' }
);

function isTerminal(node: TraceNode): boolean {
  return (
    node.kind === 'bucket' || node.kind === 'action' || node.kind === 'detail' || node.kind === 'warn' || node.kind === 'error'
  );
}

/** The tree as `ovs-appctl ofproto/trace` prints it. */
export function printNodes(nodes: readonly TraceNode[], level = 0): string {
  let text = '';
  nodes.forEach((node, i) => {
    if (node.kind === 'bridge') text += '\n';
    // The last of its list stands where its parent stands, so that chains of tables do not wander to the right.
    const more = i < nodes.length - 1 || isTerminal(node) ? 1 : 0;
    const indent = ' '.repeat((level + more) * 4);
    switch (node.kind) {
      case 'detail':
        text += `${indent} -> ${node.text}\n`;
        break;
      case 'warn':
        text += `${indent} >> ${node.text}\n`;
        break;
      case 'error':
        text += `${indent} >>>> ${node.text} <<<<\n`;
        break;
      case 'bridge':
        text += `${indent}${node.text}\n${indent}${'-'.repeat(node.text.length)}\n`;
        break;
      default:
        text += `${indent}${node.text}\n`;
    }
    text += printNodes(node.nodes, level + more + more);
  });
  return text;
}

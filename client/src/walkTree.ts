/** The tree of the Walk view as plain data: host → device → step, then what is still to be captured. Knows no widgets. */
import * as vscode from 'vscode';
import type { TraceGap, TraceMtu, Walk } from '../../server/src/protocol';
import type { Direction, NumberedStep, NumberedTrace } from './steps';

export type WalkNode =
  | { readonly kind: 'direction'; readonly id: string; readonly direction: Direction; readonly children: readonly WalkNode[] }
  | { readonly kind: 'outcome'; readonly id: string; readonly walk: Walk; readonly children: readonly WalkNode[] }
  | { readonly kind: 'mtu'; readonly id: string; readonly mtu: TraceMtu; readonly children: readonly WalkNode[] }
  | { readonly kind: 'host'; readonly id: string; readonly host: string | null; readonly children: readonly WalkNode[] }
  | {
      readonly kind: 'device';
      readonly id: string;
      readonly device: string;
      readonly namespace: string | null;
      readonly children: readonly WalkNode[];
    }
  | { readonly kind: 'step'; readonly id: string; readonly step: NumberedStep; readonly children: readonly WalkNode[] }
  | { readonly kind: 'gaps'; readonly id: string; readonly gaps: readonly TraceGap[]; readonly children: readonly WalkNode[] }
  | { readonly kind: 'gap'; readonly id: string; readonly gap: TraceGap; readonly children: readonly WalkNode[] };

/** The nodes at the top. Request and reply get a node each where both were walked. */
export function walkTree(trace: NumberedTrace): readonly WalkNode[] {
  const request = directionNodes(trace.trace.request, trace.request, 'request');
  if (trace.trace.reply === null) return request;
  return [
    { kind: 'direction', id: 'request', direction: 'request', children: request },
    { kind: 'direction', id: 'reply', direction: 'reply', children: directionNodes(trace.trace.reply, trace.reply, 'reply') },
  ];
}

function directionNodes(walk: Walk, steps: readonly NumberedStep[], direction: Direction): readonly WalkNode[] {
  const gaps = walk.gaps.map((gap, i): WalkNode => ({ kind: 'gap', id: `${direction}/gap${i}`, gap, children: [] }));
  return [
    { kind: 'outcome', id: `${direction}/outcome`, walk, children: [] },
    ...(walk.mtu === null ? [] : [{ kind: 'mtu' as const, id: `${direction}/mtu`, mtu: walk.mtu, children: [] }]),
    ...hostNodes(steps, direction),
    ...(gaps.length > 0 ? [{ kind: 'gaps' as const, id: `${direction}/gaps`, gaps: walk.gaps, children: gaps }] : []),
  ];
}

/** Steps in a row, each with those of its inner steps that happen on the same device; the others stand on their own. */
interface Row {
  readonly step: NumberedStep;
  readonly inner: readonly NumberedStep[];
}

function rows(steps: readonly NumberedStep[]): readonly Row[] {
  return steps.flatMap((step) => {
    const inner = step.children.filter((child) => samePlace(step, child));
    const elsewhere = step.children.filter((child) => !samePlace(step, child));
    return [{ step, inner }, ...rows(elsewhere)];
  });
}

/** A step and everything inside it are on one device. */
function samePlace(parent: NumberedStep, child: NumberedStep): boolean {
  const [a, b] = [parent.step, child.step];
  const here = a.host === b.host && a.namespace === b.namespace && a.device === b.device;
  return here && child.children.every((grandchild) => samePlace(child, grandchild));
}

function hostNodes(steps: readonly NumberedStep[], direction: Direction): readonly WalkNode[] {
  return runs(rows(steps), ({ step }) => step.step.host ?? '').map((hostRun): WalkNode => {
    const first = hostRun[0].step;
    return {
      kind: 'host',
      id: `${direction}/host${first.number}`,
      host: first.step.host,
      children: runs(hostRun, ({ step }) => `${step.step.device} ${step.step.namespace ?? ''}`).map((deviceRun): WalkNode => ({
        kind: 'device',
        id: `${direction}/device${deviceRun[0].step.number}`,
        device: deviceRun[0].step.step.device,
        namespace: deviceRun[0].step.step.namespace,
        children: deviceRun.map(({ step, inner }) => stepNode(step, inner)),
      })),
    };
  });
}

function stepNode(step: NumberedStep, inner: readonly NumberedStep[]): WalkNode {
  return { kind: 'step', id: `step${step.number}`, step, children: inner.map((child) => stepNode(child, child.children)) };
}

/** Neighbours with the same key, together. */
function runs<T>(items: readonly T[], key: (item: T) => string): readonly (readonly [T, ...T[]])[] {
  const found: [T, ...T[]][] = [];
  let last: string | undefined;
  for (const item of items) {
    const own = key(item);
    const run = found.at(-1);
    if (run !== undefined && own === last) run.push(item);
    else found.push([item]);
    last = own;
  }
  return found;
}

/** What a node is called. */
export function nodeLabel(node: WalkNode): string {
  switch (node.kind) {
    case 'direction':
      return node.direction === 'request' ? vscode.l10n.t('Request') : vscode.l10n.t('Reply');
    case 'outcome':
      return dispositionLabel(node.walk);
    case 'mtu':
      return node.mtu.bytes === null ? vscode.l10n.t('Path MTU not captured') : vscode.l10n.t('Path MTU {0}', node.mtu.bytes);
    case 'host':
      return node.host ?? vscode.l10n.t('(unknown host)');
    case 'device':
      return node.device;
    case 'step':
      return `${node.step.number}  ${node.step.step.summary}`;
    case 'gaps':
      return vscode.l10n.t('To be certain, capture:');
    case 'gap':
      return node.gap.command;
  }
}

/** The end of a walk in a word or two. */
export function dispositionLabel(walk: Walk): string {
  const { device, port } = walk.outcome.at;
  const where = port === null ? device : `${device} ${port}`;
  switch (walk.outcome.disposition) {
    case 'delivered':
      return vscode.l10n.t('Delivered to {0}', where);
    case 'exits':
      return vscode.l10n.t('Leaves at {0}', where);
    case 'dropped':
      return vscode.l10n.t('Dropped at {0}', where);
    case 'insufficient-info':
      return vscode.l10n.t('Not known beyond {0}', where);
    case 'loop':
      return vscode.l10n.t('Loops at {0}', where);
  }
}

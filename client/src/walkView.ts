/** The Walk view: the trace on show as a tree. */
import * as vscode from 'vscode';
import type { TraceParams } from '../../server/src/protocol';
import type { TraceStore } from './traceStore';
import { walkItem } from './walkItems';
import { walkTree, type WalkNode } from './walkTree';

export interface WalkView {
  readonly view: vscode.TreeView<WalkNode>;
  /** What the view shows, whether it is visible or not. */
  roots(): readonly WalkNode[];
  /** Brings the view to the front without taking the keyboard. */
  revealOutcome(): Promise<void>;
  revealStep(number: number): Promise<void>;
}

/** Shows what the store holds from now on. */
export function createWalkView(context: vscode.ExtensionContext, store: TraceStore): WalkView {
  let roots: readonly WalkNode[] = [];
  let parents: ReadonlyMap<WalkNode, WalkNode> = new Map();
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.TreeDataProvider<WalkNode> = {
    onDidChangeTreeData: changed.event,
    getChildren: (node) => [...(node === undefined ? roots : node.children)],
    getParent: (node) => parents.get(node),
    getTreeItem: walkItem,
  };
  const view = vscode.window.createTreeView('packetWalk.walk', { treeDataProvider: provider, showCollapseAll: true });

  const refresh = (): void => {
    const trace = store.current;
    roots = trace === undefined ? [] : walkTree(trace);
    parents = parentsOf(roots);
    view.description = trace === undefined ? undefined : questionText(trace.trace.params);
    changed.fire();
  };
  context.subscriptions.push(view, changed, store.onDidChange(refresh));

  const reveal = async (wanted: (node: WalkNode) => boolean, select: boolean): Promise<void> => {
    const node = find(roots, wanted);
    if (node !== undefined) await view.reveal(node, { select, focus: false, expand: true });
  };
  return {
    view,
    roots: () => roots,
    revealOutcome: () => reveal((node) => node.kind === 'outcome', false),
    revealStep: (number) => reveal((node) => node.kind === 'step' && node.step.number === number, true),
  };
}

/** What was asked, in few words: `web → 10.0.0.5 · 1500 bytes, DF`. */
function questionText({ from, to, length, dontFragment }: TraceParams): string {
  if (length === undefined) return `${from} → ${to}`;
  const size = dontFragment === true ? vscode.l10n.t('{0} bytes, DF', length) : vscode.l10n.t('{0} bytes', length);
  return `${from} → ${to} · ${size}`;
}

function parentsOf(roots: readonly WalkNode[]): ReadonlyMap<WalkNode, WalkNode> {
  const parents = new Map<WalkNode, WalkNode>();
  const visit = (node: WalkNode): void => {
    for (const child of node.children) {
      parents.set(child, node);
      visit(child);
    }
  };
  roots.forEach(visit);
  return parents;
}

function find(nodes: readonly WalkNode[], wanted: (node: WalkNode) => boolean): WalkNode | undefined {
  for (const node of nodes) {
    const found = wanted(node) ? node : find(node.children, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

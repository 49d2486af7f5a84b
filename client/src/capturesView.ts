/** The Captures view: hosts and what was captured on each. */
import * as vscode from 'vscode';
import type { CaptureItem, HostItem, InventoryResult } from '../../server/src/protocol';
import type { Inventory } from './inventory';
import { editorRange } from './range';

export type CaptureNode =
  | { readonly kind: 'host'; readonly host: HostItem | undefined; readonly captures: readonly CaptureItem[] }
  | { readonly kind: 'capture'; readonly capture: CaptureItem };

/** Shows what the inventory holds; `used` is called when someone looks. */
export function createCapturesView(
  context: vscode.ExtensionContext,
  inventory: Inventory,
  used: () => void,
): vscode.TreeView<CaptureNode> {
  const changed = new vscode.EventEmitter<void>();
  const view = vscode.window.createTreeView<CaptureNode>('packetWalk.captures', {
    showCollapseAll: true,
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: (node) => {
        if (node === undefined) return [...captureTree(inventory.current)];
        return node.kind === 'host' ? node.captures.map((capture) => ({ kind: 'capture', capture })) : [];
      },
      getTreeItem: captureItem,
    },
  });
  context.subscriptions.push(
    view,
    changed,
    inventory.onDidChange((now) => {
      view.description = now.captures.length === 0 ? undefined : String(now.captures.length);
      changed.fire();
    }),
    view.onDidChangeVisibility((event) => {
      if (event.visible) used();
    }),
  );
  if (view.visible) used();
  return view;
}

/** Hosts in the server's order, machines of which only the name is known, then captures that name no machine. */
export function captureTree(inventory: InventoryResult): readonly CaptureNode[] {
  const left = new Set(inventory.captures);
  const hosts = inventory.hosts.map((host): CaptureNode => {
    const names = new Set([host.name, ...host.aliases]);
    const captures = inventory.captures.filter((capture) => capture.host !== null && names.has(capture.host));
    for (const capture of captures) left.delete(capture);
    return { kind: 'host', host, captures };
  });
  // Where a client of a cloud ran says nothing of a network, but people look for its captures there.
  const others = new Map<string | null, CaptureItem[]>();
  for (const capture of left) others.set(capture.host, [...(others.get(capture.host) ?? []), capture]);
  const named = [...others].sort(([a], [b]) => Number(a === null) - Number(b === null));
  return [
    ...hosts,
    ...named.map(([name, captures]): CaptureNode => ({
      kind: 'host',
      host: name === null ? undefined : { name, aliases: [], bridges: [], reasons: [] },
      captures,
    })),
  ];
}

function captureItem(node: CaptureNode): vscode.TreeItem {
  return node.kind === 'host' ? hostItem(node.host, node.captures.length) : singleCaptureItem(node.capture);
}

function hostItem(host: HostItem | undefined, captures: number): vscode.TreeItem {
  const label = host?.name ?? vscode.l10n.t('(no host named)');
  const item = new vscode.TreeItem(
    label,
    captures === 0 ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.id = `host ${host?.name ?? ''}`;
  item.contextValue = 'host';
  item.iconPath = new vscode.ThemeIcon(host === undefined ? 'question' : 'server');
  item.description = host === undefined ? undefined : [...host.aliases, ...host.bridges].join(', ');
  item.tooltip = host === undefined ? undefined : hostTooltip(host);
  item.accessibilityInformation = { label: vscode.l10n.t('{0}, {1} captures', label, captures) };
  return item;
}

function hostTooltip(host: HostItem): string {
  return [
    host.name,
    ...(host.aliases.length > 0 ? [vscode.l10n.t('also called {0}', host.aliases.join(', '))] : []),
    ...(host.bridges.length > 0 ? [vscode.l10n.t('bridges {0}', host.bridges.join(', '))] : []),
    ...host.reasons,
  ].join('\n');
}

function singleCaptureItem(capture: CaptureItem): vscode.TreeItem {
  const uri = vscode.Uri.parse(capture.uri);
  const name = capture.command ?? capture.kind;
  const item = new vscode.TreeItem(name);
  const place = `${vscode.workspace.asRelativePath(uri)}:${capture.range.start.line + 1}`;
  const remarks = [
    capture.namespace === null ? '' : vscode.l10n.t('namespace {0}', capture.namespace),
    capture.unread ? vscode.l10n.t('recognised, not read') : vscode.l10n.t('{0} records', capture.records),
    capture.reading ? vscode.l10n.t('still being read') : '',
    capture.streamed ? vscode.l10n.t('read through the file system') : '',
    capture.elided ? vscode.l10n.t('cut') : '',
    capture.errors > 0 ? vscode.l10n.t('{0} not understood', capture.errors) : '',
  ].filter((remark) => remark !== '');
  item.contextValue = 'capture';
  item.description = remarks.slice(capture.namespace === null ? 0 : 1).join(' · ');
  item.tooltip = [name, place, ...remarks].join('\n');
  item.iconPath =
    capture.errors > 0 ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground')) : kindIcon(capture);
  item.command = {
    command: 'vscode.open',
    title: vscode.l10n.t('Open Capture'),
    arguments: [uri, { selection: editorRange({ start: capture.range.start, end: capture.range.start }) }],
  };
  item.accessibilityInformation = { label: [name, place, ...remarks].join(', ') };
  return item;
}

function kindIcon(capture: CaptureItem): vscode.ThemeIcon {
  if (capture.unread) return new vscode.ThemeIcon('circle-slash');
  const icons: readonly (readonly [RegExp, string])[] = [
    [/flow/, 'table'],
    [/fdb|macs|neigh|^arp/, 'list-flat'],
    [/tables|nft|ebtables|ipset/, 'filter'],
    [/route|rule/, 'git-merge'],
    [/^ip-|ifconfig|ethtool|link/, 'circuit-board'],
    [/^(?:nova|neutron|openstack|virsh)/, 'vm'],
    [/show|brctl/, 'type-hierarchy'],
  ];
  return new vscode.ThemeIcon(icons.find(([kind]) => kind.test(capture.kind))?.[1] ?? 'terminal');
}

/** How the nodes of the Walk view look. */
import * as vscode from 'vscode';
import type { Certainty, Disposition, Stage, TraceStep } from '../../server/src/protocol';
import { changesText, changeText, packetChanges, packetHeaders } from './packetText';
import type { NumberedStep } from './steps';
import { nodeLabel, type WalkNode } from './walkTree';

const stageIcons: Readonly<Record<Stage, string>> = {
  instance: 'vm',
  tap: 'plug',
  'linux-bridge': 'type-hierarchy',
  veth: 'arrow-swap',
  'ovs-port': 'symbol-interface',
  'ovs-table': 'table',
  'ovs-normal': 'list-tree',
  patch: 'link',
  tunnel: 'remote',
  namespace: 'symbol-namespace',
  route: 'git-merge',
  neighbour: 'symbol-reference',
  netfilter: 'filter',
  nic: 'circuit-board',
};

const dispositionIcons: Readonly<Record<Disposition, readonly [icon: string, colour: string | undefined]>> = {
  delivered: ['pass-filled', 'testing.iconPassed'],
  exits: ['sign-out', 'testing.iconPassed'],
  dropped: ['error', 'packetWalk.dropped'],
  'insufficient-info': ['question', 'packetWalk.assumed'],
  loop: ['sync', 'packetWalk.dropped'],
};

/** The widget for a node. */
export function walkItem(node: WalkNode): vscode.TreeItem {
  const item = new vscode.TreeItem(nodeLabel(node));
  item.id = node.id;
  item.contextValue = node.kind;
  item.collapsibleState =
    node.children.length === 0 ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Expanded;
  switch (node.kind) {
    case 'direction':
      item.iconPath = new vscode.ThemeIcon(node.direction === 'request' ? 'arrow-right' : 'arrow-left');
      break;
    case 'outcome': {
      const { disposition, certainty, at, summary } = node.walk.outcome;
      const [icon, colour] = dispositionIcons[disposition];
      item.iconPath = themeIcon(icon, colour);
      item.description = [at.host, certaintyLabel(certainty)].filter((part) => part !== null).join(' · ');
      item.tooltip = summary;
      item.accessibilityInformation = { label: `${nodeLabel(node)}. ${summary}. ${certaintyLabel(certainty)}` };
      break;
    }
    case 'mtu': {
      const { at, unknown, summary } = node.mtu;
      item.iconPath = themeIcon('symbol-ruler', unknown.length > 0 ? 'packetWalk.assumed' : undefined);
      item.description = [
        at === null ? '' : vscode.l10n.t('{0} on {1}', at.device, at.host),
        at === null || at.overhead === 0 ? '' : vscode.l10n.t('{0} less {1} of {2}', at.mtu ?? 0, at.overhead, at.by ?? '?'),
        unknown.length === 0 ? '' : vscode.l10n.t('{0} MTUs on the way not captured', unknown.length),
      ]
        .filter((part) => part !== '')
        .join(' · ');
      item.tooltip = summary;
      item.accessibilityInformation = { label: summary };
      const [evidence] = at?.evidence ?? [];
      if (evidence !== undefined)
        item.command = {
          command: 'packetWalk.openPlace',
          title: vscode.l10n.t('Open the Line That Says So'),
          arguments: [evidence.uri, evidence.range],
        };
      break;
    }
    case 'host':
      item.iconPath = new vscode.ThemeIcon('server');
      break;
    case 'device':
      item.iconPath = new vscode.ThemeIcon('layers');
      item.description = node.namespace === null ? undefined : vscode.l10n.t('namespace {0}', node.namespace);
      break;
    case 'step':
      dressStep(item, node.step);
      break;
    case 'gaps':
      item.iconPath = themeIcon('lightbulb', 'packetWalk.assumed');
      item.accessibilityInformation = { label: vscode.l10n.t('To be certain, capture {0} more outputs', node.gaps.length) };
      break;
    case 'gap':
      item.iconPath = new vscode.ThemeIcon('terminal');
      item.description = node.gap.host ?? undefined;
      item.tooltip = node.gap.why;
      item.accessibilityInformation = {
        label: vscode.l10n.t('Run {0} on {1}: {2}', node.gap.command, node.gap.host ?? '?', node.gap.why),
      };
      break;
  }
  return item;
}

function dressStep(item: vscode.TreeItem, numbered: NumberedStep): void {
  const { step, before, number } = numbered;
  const changes = changesText(before, step.packet);
  // What a capture states needs no word; the rest does.
  const certainty = step.certainty === 'captured' ? '' : certaintyLabel(step.certainty);
  item.description = [certainty, changes].filter((part) => part !== '').join(' · ');
  item.iconPath = themeIcon(stageIcons[step.stage], stepColour(step));
  item.tooltip = stepTooltip(numbered);
  item.command = { command: 'packetWalk.openStep', title: vscode.l10n.t('Open Step'), arguments: [number] };
  item.accessibilityInformation = {
    label: [
      vscode.l10n.t('Step {0}: {1}', number, step.summary),
      certaintyLabel(step.certainty),
      step.effect === 'dropped' ? vscode.l10n.t('dropped here') : '',
      changes,
    ]
      .filter((part) => part !== '')
      .join('. '),
  };
}

function stepColour(step: TraceStep): string | undefined {
  if (step.effect === 'dropped') return 'packetWalk.dropped';
  if (step.certainty === 'assumed' || step.effect === 'unknown') return 'packetWalk.assumed';
  return step.certainty === 'inferred' ? 'packetWalk.inferred' : 'packetWalk.captured';
}

function themeIcon(name: string, colour: string | undefined): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name, colour === undefined ? undefined : new vscode.ThemeColor(colour));
}

/** How sure a step is, in a word. */
export function certaintyLabel(certainty: Certainty): string {
  switch (certainty) {
    case 'captured':
      return vscode.l10n.t('captured');
    case 'inferred':
      return vscode.l10n.t('inferred');
    case 'assumed':
      return vscode.l10n.t('assumed');
  }
}

/** The packet before and after, why the step is believed, and the lines that say so. */
export function stepTooltip({ number, step, before }: NumberedStep): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.isTrusted = { enabledCommands: ['packetWalk.openStep'] };
  text.appendMarkdown(`**${number}** `);
  text.appendText(step.summary);
  text.appendMarkdown(`\n\n*${certaintyLabel(step.certainty)}*`);
  if (step.reason !== undefined) text.appendMarkdown(': ').appendText(step.reason);
  text.appendMarkdown('\n\n');

  const changes = packetChanges(before, step.packet);
  const changed = new Set(changes.map((change) => change.name));
  const now = packetHeaders(step.packet).map(([name, value]) => `${changed.has(name) ? '*' : ' '} ${name.padEnd(10)} ${value}`);
  if (changes.length > 0) {
    text.appendMarkdown(vscode.l10n.t('The step changes the packet:'));
    text.appendCodeblock(changes.map(changeText).join('\n'), 'text');
  }
  text.appendMarkdown(vscode.l10n.t('The packet as it leaves:'));
  text.appendCodeblock(now.join('\n'), 'text');

  step.evidence.forEach((evidence, index) => {
    const uri = vscode.Uri.parse(evidence.uri);
    const place = `${vscode.workspace.asRelativePath(uri)}:${evidence.range.start.line + 1}`;
    const args = encodeURIComponent(JSON.stringify([number, index]));
    text.appendMarkdown(`[${escapeLink(place)}](command:packetWalk.openStep?${args})  \n`);
    text.appendCodeblock(evidence.text.slice(0, 300), 'packet-walk');
  });
  return text;
}

function escapeLink(text: string): string {
  return text.replace(/[\\[\]*_`<>]/g, '\\$&');
}

/** Shows a trace in the editors: a number in the gutter, a mark in the ruler, the packet behind the line. */
import * as vscode from 'vscode';
import { gutterIcon, svgDataUri } from './gutterIcon';
import { gutterLabel, traceMarks, type Mark, type MarkLook } from './marks';
import type { TraceStore } from './traceStore';
import { stepTooltip } from './walkItems';

/** Few windows show more of a line than this beside a tree. */
const LONG_LINE = 110;

export interface Decorations {
  /** Every mark of the trace on show, in visible editors or not. */
  marks(): readonly Mark[];
}

/** Keeps what the editors show in step with the store. */
export function createDecorations(context: vscode.ExtensionContext, store: TraceStore): Decorations {
  let marks: readonly Mark[] = [];
  // A gutter picture belongs to a decoration type, so marks that look alike share one.
  const types = new Map<string, vscode.TextEditorDecorationType>();
  const typeOf = (mark: Mark): vscode.TextEditorDecorationType => {
    const key = styleKey(mark);
    const type = types.get(key) ?? vscode.window.createTextEditorDecorationType(style(gutterLabel(mark), mark.look));
    types.set(key, type);
    return type;
  };
  // A type of a whole line would put its texts before the indentation and behind the blanks at the end.
  const texts = vscode.window.createTextEditorDecorationType({ rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed });
  const disposeTypes = (): void => {
    for (const type of types.values()) type.dispose();
    types.clear();
  };

  const apply = (editors: readonly vscode.TextEditor[]): void => {
    for (const editor of editors) {
      const uri = editor.document.uri.toString();
      const here = marks.filter((mark) => mark.uri === uri && mark.line < editor.document.lineCount);
      const ranges = new Map<vscode.TextEditorDecorationType, vscode.DecorationOptions[]>();
      for (const mark of here) {
        const type = typeOf(mark);
        const lines = ranges.get(type) ?? [];
        ranges.set(type, lines);
        lines.push({ range: textRange(editor.document, mark.line), hoverMessage: mark.steps.map(stepTooltip) });
      }
      for (const type of types.values()) editor.setDecorations(type, ranges.get(type) ?? []);
      editor.setDecorations(texts, enabled('inlineText') ? here.map((mark) => inlineText(editor.document, mark)) : []);
    }
  };
  const rebuild = (): void => {
    disposeTypes();
    marks = store.current === undefined ? [] : traceMarks(store.current);
    apply(vscode.window.visibleTextEditors);
  };

  context.subscriptions.push(
    store.onDidChange(rebuild),
    vscode.window.onDidChangeVisibleTextEditors(apply),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('packetWalk.decorations')) rebuild();
    }),
    texts,
    { dispose: disposeTypes },
  );
  return { marks: () => marks };
}

function styleKey(mark: Mark): string {
  return `${mark.look} ${gutterLabel(mark)}`;
}

function style(label: string, look: MarkLook): vscode.DecorationRenderOptions {
  const colour = new vscode.ThemeColor(`packetWalk.${look}`);
  const icon = (theme: 'light' | 'dark'): vscode.ThemableDecorationRenderOptions => ({
    gutterIconPath: vscode.Uri.parse(svgDataUri(gutterIcon(label, look, theme))),
    gutterIconSize: 'contain',
  });
  const background = look === 'dropped' ? 'droppedBackground' : look === 'assumed' ? 'assumedBackground' : 'stepBackground';
  return {
    isWholeLine: true,
    backgroundColor: enabled('background') ? new vscode.ThemeColor(`packetWalk.${background}`) : undefined,
    overviewRulerColor: colour,
    overviewRulerLane: vscode.OverviewRulerLane.Left,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    light: icon('light'),
    dark: icon('dark'),
    ...(look === 'assumed' && enabled('background')
      ? { borderColor: colour, borderStyle: 'dashed', borderWidth: '0 0 1px 0' }
      : {}),
  };
}

/** The text of a line that people see: captures pasted from terminals end in a hundred blanks. */
function textRange(document: vscode.TextDocument, number: number): vscode.Range {
  const line = document.lineAt(number);
  const end = line.text.trimEnd().length;
  return new vscode.Range(number, Math.min(line.firstNonWhitespaceCharacterIndex, end), number, end);
}

/** What the packet looks like: behind the line, or in front of one that is so long that its end is out of sight, as flows are. */
function inlineText(document: vscode.TextDocument, mark: Mark): vscode.DecorationOptions {
  const range = textRange(document, mark.line);
  const look = {
    contentText: mark.text,
    color: new vscode.ThemeColor(`packetWalk.${mark.look}`),
    fontStyle: mark.look === 'assumed' ? 'italic' : 'normal',
  };
  const renderOptions =
    range.end.character > LONG_LINE
      ? { before: { ...look, margin: '0 1.5em 0 0' } }
      : { after: { ...look, margin: '0 0 0 2em' } };
  return { range, renderOptions };
}

function enabled(what: 'inlineText' | 'background'): boolean {
  return vscode.workspace.getConfiguration('packetWalk.decorations').get<boolean>(what, true);
}

/** The trace on show, at most one, and the step that someone looks at. */
import * as vscode from 'vscode';
import { numberTrace, type NumberedStep, type NumberedTrace, type Trace } from './steps';

export interface TraceStore extends vscode.Disposable {
  readonly current: NumberedTrace | undefined;
  readonly onDidChange: vscode.Event<NumberedTrace | undefined>;
  /** The number of the step opened last; 0 before the first. */
  position: number;
  show(trace: Trace): NumberedTrace;
  clear(): void;
  step(number: number): NumberedStep | undefined;
}

/** Keeps the context keys that menus depend on as well. */
export function createTraceStore(): TraceStore {
  const changed = new vscode.EventEmitter<NumberedTrace | undefined>();
  let current: NumberedTrace | undefined;
  const become = (next: NumberedTrace | undefined): void => {
    current = next;
    const gaps = next === undefined ? 0 : next.trace.request.gaps.length + (next.trace.reply?.gaps.length ?? 0);
    void vscode.commands.executeCommand('setContext', 'packetWalk.hasTrace', next !== undefined);
    void vscode.commands.executeCommand('setContext', 'packetWalk.hasGaps', gaps > 0);
    changed.fire(next);
  };
  const store: TraceStore = {
    get current() {
      return current;
    },
    onDidChange: changed.event,
    position: 0,
    show: (trace) => {
      const numbered = numberTrace(trace);
      store.position = 0;
      become(numbered);
      return numbered;
    },
    clear: () => {
      store.position = 0;
      become(undefined);
    },
    step: (number) => current?.all[number - 1],
    dispose: () => changed.dispose(),
  };
  return store;
}

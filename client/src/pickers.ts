/** Questions one after the other, with a way back. */
import * as vscode from 'vscode';

export interface Choice<T> extends vscode.QuickPickItem {
  readonly value?: T;
}
export type Answer<T> =
  { readonly kind: 'answer'; readonly value: T } | { readonly kind: 'back' } | { readonly kind: 'cancelled' };

export interface Question<T> {
  readonly title: string;
  readonly step: number;
  readonly steps: number;
  readonly placeholder: string;
  readonly choices: readonly Choice<T>[];
  readonly active?: Choice<T>;
  /** What a typed text that is none of the choices means, offered as a choice of its own. */
  readonly typed?: (text: string) => Choice<T> | undefined;
}

/** Asks one question. */
export function ask<T>(question: Question<T>): Promise<Answer<T>> {
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<Choice<T>>();
    const settle = (answer: Answer<T>): void => {
      resolve(answer);
      pick.hide();
    };
    pick.title = question.title;
    pick.step = question.step;
    pick.totalSteps = question.steps;
    pick.placeholder = question.placeholder;
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    pick.items = question.choices;
    if (question.active !== undefined) pick.activeItems = [question.active];
    if (question.step > 1) pick.buttons = [vscode.QuickInputButtons.Back];
    pick.onDidTriggerButton(() => settle({ kind: 'back' }));
    pick.onDidChangeValue((text) => {
      const typed = question.typed?.(text.trim());
      pick.items = typed === undefined ? question.choices : [...question.choices, { ...typed, alwaysShow: true }];
    });
    pick.onDidAccept(() => {
      const [chosen] = pick.selectedItems;
      if (chosen?.value !== undefined) settle({ kind: 'answer', value: chosen.value });
    });
    pick.onDidHide(() => {
      resolve({ kind: 'cancelled' });
      pick.dispose();
    });
    pick.show();
  });
}

import type { NfRule } from '../model/netfilter';

/** Yes, no, or nobody can tell from the captures. */
export type Tri = 'yes' | 'no' | 'maybe';

export function not(answer: Tri): Tri {
  return answer === 'yes' ? 'no' : answer === 'no' ? 'yes' : 'maybe';
}

export function and(answers: Iterable<Tri>): Tri {
  let all: Tri = 'yes';
  for (const answer of answers) {
    if (answer === 'no') return 'no';
    if (answer === 'maybe') all = 'maybe';
  }
  return all;
}

export function or(answers: Iterable<Tri>): Tri {
  let all: Tri = 'no';
  for (const answer of answers) {
    if (answer === 'yes') return 'yes';
    if (answer === 'maybe') all = 'maybe';
  }
  return all;
}

export function tri(holds: boolean): Tri {
  return holds ? 'yes' : 'no';
}

/** Something that the captures leave open, with the answer that is taken for it. */
export interface Doubt {
  /** Two questions with the same key get the same answer. */
  readonly key: string;
  readonly rule: NfRule | undefined;
  /** The answer that is more likely. */
  readonly likely: boolean;
  /** How sure the likely answer is. */
  readonly certainty: 'inferred' | 'assumed';
  /**
   * `hidden`: a capture would tell; `chance`: time, rate or chance decides in the kernel too; `unmodelled`: the condition is read
   * but its answer can't be worked out.
   */
  readonly nature: 'hidden' | 'chance' | 'unmodelled';
  readonly reason: string;
  /** The command whose output would settle it. */
  readonly command: string | undefined;
}

/** Answers what is left open. */
export type Choose = (doubt: Doubt) => boolean;

/** Who asks: how it is answered, and the packet and place that its keys begin with, so that the same question there gets the same answer. */
export interface Asker {
  readonly choose: Choose;
  readonly key: string;
}

type Question = Pick<Doubt, 'key' | 'likely' | 'reason'>;

/** Whether something is so that no capture tells; the likely answer is assumed, if nothing else is said. */
export function askHidden(
  { choose, key }: Asker,
  question: Question & Pick<Doubt, 'command'> & Partial<Pick<Doubt, 'certainty'>>,
): boolean {
  return choose({ rule: undefined, certainty: 'assumed', nature: 'hidden', ...question, key: `${key}|${question.key}` });
}

/** Whether something is so that time, rate or chance decides in the kernel too, and no capture would tell. */
export function askChance({ choose, key }: Asker, question: Question): boolean {
  return choose({
    ...question,
    key: `${key}|${question.key}`,
    rule: undefined,
    certainty: 'assumed',
    nature: 'chance',
    command: undefined,
  });
}

/** Takes the likely answer to everything. */
export const takeLikely: Choose = ({ likely }) => likely;

/** What only chance decides is taken as likely: for questions whose answer does not depend on it. */
export function unlessChance(choose: Choose): Choose {
  return (doubt) => (doubt.nature === 'chance' ? doubt.likely : choose(doubt));
}

/** One way that a packet may take: the answers that lead there, and what comes of them. */
export interface Branch<T> {
  readonly result: T;
  readonly doubts: readonly (Doubt & { readonly answer: boolean })[];
}

/**
 * Runs something that asks questions with every combination of answers that makes a difference, the likely ones first.
 * `enough` ends the search early; past `budget` runs `complete` is false.
 */
export function explore<T>(
  run: (choose: Choose) => T,
  budget: number,
  enough: (branches: readonly Branch<T>[]) => boolean,
): { readonly branches: readonly Branch<T>[]; readonly complete: boolean } {
  const branches: Branch<T>[] = [];
  const open: (ReadonlyMap<string, boolean> & Map<string, boolean>)[] = [new Map()];
  for (let runs = 0; open.length > 0; runs++) {
    if (runs >= budget) return { branches, complete: false };
    const fixed = open.shift() ?? new Map<string, boolean>();
    const asked: (Doubt & { answer: boolean })[] = [];
    const answers = new Map(fixed);
    const result = run((doubt) => {
      const known = answers.get(doubt.key);
      if (known !== undefined) {
        if (!asked.some(({ key }) => key === doubt.key)) asked.push({ ...doubt, answer: known });
        return known;
      }
      answers.set(doubt.key, doubt.likely);
      asked.push({ ...doubt, answer: doubt.likely });
      return doubt.likely;
    });
    branches.push({ result, doubts: asked });
    if (enough(branches)) return { branches, complete: open.length === 0 };
    const prefix = new Map(fixed);
    for (const doubt of asked) {
      if (fixed.has(doubt.key)) continue;
      open.push(new Map(prefix).set(doubt.key, !doubt.answer));
      prefix.set(doubt.key, doubt.answer);
    }
  }
  return { branches, complete: true };
}

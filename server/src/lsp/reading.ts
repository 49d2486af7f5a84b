import type { Connection, WorkDoneProgressServerReporter } from 'vscode-languageserver';
import { methods, type ReadTextParams, type ReadTextResult } from '../protocol';
import type { Service } from '../service';
import { completed, SHORT, type ComingText, type OpenText } from './open-text';

/** Reads documents in slices, so that the server goes on answering meanwhile. */
export interface BackgroundReading {
  /** Takes an open document's text. A later text of the document replaces it. */
  take(open: OpenText, path: string): void;
  /** Works through steps in slices, waits where they yield a promise, and gives what they end in; undefined where they failed or someone cancelled. */
  run<T>(uri: string, path: string, steps: Generator<unknown, T>): Promise<{ readonly value: T } | undefined>;
  /** Works through steps in slices as long as there is nothing else to do, and leaves the rest of them when there is. */
  meanwhile(steps: Generator<unknown, unknown>): Promise<void>;
  /** Stops reading a document. */
  stop(uri: string): void;
  /** Resolves when the document can be asked about a line: soon where only later lines are still being read. */
  ready(uri: string, line: number): Promise<void>;
  /** Resolves when all that was read is joined in the snapshot, and can be asked for. */
  linked(): Promise<void>;
  /** Resolves when nothing is being read. */
  idle(): Promise<void>;
}

/** How long the server works before it looks for requests, in milliseconds. */
const SLICE_MS = 12;
/** A piece of a text that the client hands over in pieces, in characters. */
const PIECE = 512 * 1024;
/** Progress is shown for what takes longer. */
const PATIENCE_MS = 700;

interface Job {
  stopped: boolean;
  /** Resolves when the document's first lines are known, or nothing more will be. */
  readonly shown: Promise<unknown>;
  readonly done: Promise<unknown>;
}

export function backgroundReading(
  connection: Connection,
  service: Service,
  canShowProgress: () => boolean,
  changed: () => void,
): BackgroundReading {
  const jobs = new Map<string, Job>();
  let busy = false;

  /** Resolves when requests that came meanwhile are answered; of several that wait, one at a time, so that slices do not add up. */
  let last: Promise<void> = Promise.resolve();
  const turn = (): Promise<void> => (last = last.then(() => new Promise((resolve) => setImmediate(resolve))));

  async function work<T>(
    job: { stopped: boolean },
    path: string,
    steps: Generator<unknown, T>,
  ): Promise<{ value: T } | undefined> {
    const started = performance.now();
    let progress: WorkDoneProgressServerReporter | undefined;
    let asked = false;
    try {
      for (;;) {
        await turn();
        if (job.stopped) return undefined;
        const until = performance.now() + SLICE_MS;
        let part: number | undefined;
        do {
          const step = steps.next();
          if (step.done) return { value: step.value };
          if (typeof step.value === 'number') part = step.value;
          else if (step.value instanceof Promise) {
            await step.value;
            break;
          }
        } while (performance.now() < until);
        if (part !== undefined) progress?.report(Math.round(part * 100));
        if (!asked && canShowProgress() && performance.now() - started > PATIENCE_MS) {
          asked = true;
          void connection.window.createWorkDoneProgress().then(
            (shown) => {
              if (job.stopped) return shown.done();
              progress = shown;
              shown.begin(`Packet Walk reads ${path.split('/').at(-1) ?? path}`, 0, undefined, true);
              shown.token.onCancellationRequested(() => {
                job.stopped = true;
                connection.console.info(`Reading ${path} was cancelled; only what was read of it before is known.`);
              });
            },
            () => undefined,
          );
        }
      }
    } catch (error) {
      connection.console.error(
        `reading ${path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      return undefined;
    } finally {
      job.stopped = true;
      progress?.done();
    }
  }

  function start<T>(
    uri: string,
    path: string,
    steps: Generator<unknown, T>,
    shown?: Promise<unknown>,
  ): Promise<{ value: T } | undefined> {
    stop(uri);
    busy = true;
    const state = { stopped: false };
    const done = work(state, path, steps);
    const job: Job = Object.assign(state, { done, shown: shown ? Promise.race([shown, done]) : done });
    jobs.set(uri, job);
    const forget = () => {
      if (jobs.get(uri) === job) jobs.delete(uri);
    };
    void done.then(forget, forget);
    return done;
  }
  const run = <T>(uri: string, path: string, steps: Generator<unknown, T>) => start(uri, path, steps);
  function stop(uri: string): void {
    const job = jobs.get(uri);
    if (job) job.stopped = true;
    jobs.delete(uri);
  }

  /** Shows the first lines, cuts the text where that is still to be done, keeps the segments in its stead, and takes the document. */
  function* readOpen(open: OpenText, path: string, shown: () => void): Generator<unknown, boolean> {
    const { uri, held, version } = open;
    if (held.kind === 'coming') return yield* readComing(open, held, path, shown);
    if (held.kind === 'cut') return yield* service.setCut(uri, path, held.cut);
    const text = held.document.getText();
    if (text.length <= SHORT) return yield* service.setInSteps(uri, path, text);
    if (yield* service.preview(uri, path, text)) changed();
    shown();
    const cut = yield* service.cut(text, held.before);
    if (open.version === version) open.held = { kind: 'cut', cut };
    return yield* service.setCut(uri, path, cut);
  }

  /** Reads the start of a text, asks for the rest, and reads each piece while the next one is on its way. */
  function* readComing(open: OpenText, held: ComingText, path: string, shown: () => void): Generator<unknown, boolean> {
    const { uri } = open;
    const { head, version, length } = held;
    const ask = (from: number) => pieceOf({ uri, version, from, length: Math.min(PIECE, length - from) });
    let from = head.length;
    let next = ask(from);
    if (yield* service.preview(uri, path, head)) changed();
    shown();
    const text = service.growing(uri);
    for (const steps = text.add(head); !steps.next().done;) yield (0.9 * from) / length;
    while (from < length) {
      let piece: string | undefined;
      yield next.then((text) => (piece = text));
      if (!piece) {
        connection.console.warn(`The rest of ${path} did not come: only what was known of it before is known.`);
        return false;
      }
      from += piece.length;
      if (from < length) next = ask(from);
      for (const steps = text.add(piece); !steps.next().done;) yield (0.9 * from) / length;
    }
    const cut = yield* text.end();
    if (open.held !== held) return false;
    completed(service, open, cut);
    void ask(length);
    return yield* readOpen(open, path, shown);
  }

  /** A piece of a text; undefined where there is none, whyever. */
  const pieceOf = (params: ReadTextParams): Promise<string | undefined> =>
    connection.sendRequest<ReadTextResult>(methods.readText, params).then(
      ({ text }) => text,
      () => undefined,
    );

  /** Texts whose pieces are being asked for: what changes meanwhile does not begin anew. */
  const coming = new WeakSet<OpenText['held']>();
  let linking: Promise<unknown> | undefined;
  return {
    take(open, path) {
      const { held } = open;
      if (coming.has(held)) return;
      if (held.kind === 'coming') coming.add(held);
      let shown = () => undefined as void;
      const first = new Promise<void>((resolve) => (shown = resolve));
      void start(open.uri, path, readOpen(open, path, shown), first).then((end) => {
        coming.delete(held);
        if (end?.value) changed();
      });
    },
    run,
    async meanwhile(steps) {
      while (!busy) {
        const until = performance.now() + SLICE_MS;
        do if (steps.next().done) return;
        while (performance.now() < until);
        await turn();
      }
    },
    stop,
    async ready(uri, line) {
      for (let job = jobs.get(uri); job; job = jobs.get(uri)) {
        await job.shown;
        if (service.isInPreview(uri, line)) return;
        await job.done;
      }
    },
    async linked() {
      while (!service.isLinked()) {
        linking ??= run(NETWORK, 'the network', service.link());
        const end = await linking;
        linking = undefined;
        if (end === undefined) return;
      }
    },
    async idle() {
      while (jobs.size > 0) await Promise.all([...jobs.values()].map(({ done }) => done));
    },
  };
}

/** The key of the job that joins what was read; no document's. */
const NETWORK = ' network';

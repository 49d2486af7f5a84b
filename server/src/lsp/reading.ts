import type { Connection, WorkDoneProgressServerReporter } from 'vscode-languageserver';
import type { Service } from '../service';
import { SHORT, type OpenText } from './open-text';

/** Reads large documents in slices, so that the server goes on answering meanwhile. */
export interface BackgroundReading {
  /** Takes an open document's text: at once where it is short, in slices where not. A later text of the document replaces it. */
  take(open: OpenText, path: string): void;
  /** Works through steps in slices, and gives what they end in; undefined where they failed or someone cancelled. */
  run<T>(uri: string, path: string, steps: Generator<unknown, T>): Promise<{ readonly value: T } | undefined>;
  /** Stops reading a document. */
  stop(uri: string): void;
  /** Resolves when the document can be asked about a line: at once where only later lines are still being read. */
  ready(uri: string, line: number): Promise<void>;
  /** Resolves when nothing is being read. */
  idle(): Promise<void>;
}

/** How long the server works before it looks for requests, in milliseconds. */
const SLICE_MS = 12;
/** Progress is shown for what takes longer. */
const PATIENCE_MS = 700;

interface Job {
  stopped: boolean;
  readonly done: Promise<unknown>;
}

export function backgroundReading(
  connection: Connection,
  service: Service,
  canShowProgress: () => boolean,
  changed: () => void,
): BackgroundReading {
  const jobs = new Map<string, Job>();

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
        const until = performance.now() + SLICE_MS;
        while (performance.now() < until) {
          const step = steps.next();
          if (step.done) return job.stopped ? undefined : { value: step.value };
          if (progress && typeof step.value === 'number') progress.report(Math.round(step.value * 100));
        }
        if (!asked && canShowProgress() && performance.now() - started > PATIENCE_MS) {
          asked = true;
          void connection.window.createWorkDoneProgress().then((shown) => {
            if (job.stopped) return shown.done();
            progress = shown;
            shown.begin(`Packet Walk reads ${path.split('/').at(-1) ?? path}`, 0, undefined, true);
            shown.token.onCancellationRequested(() => {
              job.stopped = true;
              connection.console.info(`Reading ${path} was cancelled; only what was read of it before is known.`);
            });
          });
        }
        await new Promise((resolve) => setImmediate(resolve));
        if (job.stopped) return undefined;
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

  function run<T>(uri: string, path: string, steps: Generator<unknown, T>): Promise<{ value: T } | undefined> {
    stop(uri);
    const state = { stopped: false };
    const done = work(state, path, steps);
    const job: Job = Object.assign(state, { done });
    jobs.set(uri, job);
    const forget = () => {
      if (jobs.get(uri) === job) jobs.delete(uri);
    };
    void done.then(forget, forget);
    return done;
  }
  function stop(uri: string): void {
    const job = jobs.get(uri);
    if (job) job.stopped = true;
    jobs.delete(uri);
  }

  /** Cuts a text where that is still to be done, keeps the segments in its stead, and takes the document. */
  function* readOpen(open: OpenText, path: string, text: string): Generator<number, boolean> {
    const { held, version } = open;
    const cut = held.kind === 'cut' ? held.cut : yield* service.cut(text, held.before);
    if (open.version === version) open.held = { kind: 'cut', cut };
    return yield* service.setCut(open.uri, path, cut);
  }

  return {
    take(open, path) {
      const { uri, held } = open;
      stop(uri);
      const text = held.kind === 'whole' ? held.document.getText() : '';
      if (held.kind === 'whole' && text.length <= SHORT) {
        try {
          if (service.set(uri, path, text)) changed();
        } catch (error) {
          connection.console.error(`reading failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        }
        return;
      }
      if (held.kind === 'whole' && service.preview(uri, path, text)) changed();
      void run(uri, path, readOpen(open, path, text)).then((end) => {
        if (end?.value) changed();
      });
    },
    run,
    stop,
    async ready(uri, line) {
      for (let job = jobs.get(uri); job; job = jobs.get(uri)) {
        const world = service.world();
        const document = world.documents.get(uri);
        if (document && world.previews?.has(uri) && line < document.lines.count - 1) return;
        await job.done;
      }
    },
    async idle() {
      while (jobs.size > 0) await Promise.all([...jobs.values()].map(({ done }) => done));
    },
  };
}

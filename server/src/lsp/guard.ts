import type { Connection } from 'vscode-languageserver';

/** Runs a feature; a defect in it costs this answer only: it is logged, and `fallback` is given. */
export function guard<T>(connection: Connection, name: string, fallback: T, run: () => T): T {
  try {
    return run();
  } catch (error) {
    connection.console.error(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return fallback;
  }
}

import type { Network } from '../model/network';
import type { Source } from '../model/source';

/** What a check found wrong or suspicious; `code` is stable: scripts and suppressions rely on it. */
export interface CheckFinding {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info' | 'hint';
  readonly message: string;
  readonly source: Source;
}

export type Check = (network: Network) => readonly CheckFinding[];

/** The words of a walk, shared by those who walk, show and carry it. */

/** `captured`: a line says so; `inferred`: several captures together say so; `assumed`: nothing says so. */
export type Certainty = 'captured' | 'inferred' | 'assumed';

/** How a walk ends. `exits`: out of the captured network; `insufficient-info`: what happens next was not captured. */
export type Disposition = 'delivered' | 'exits' | 'dropped' | 'insufficient-info' | 'loop';

/** What kind of thing a step happens at. */
export type Stage =
  | 'instance'
  | 'tap'
  | 'linux-bridge'
  | 'veth'
  | 'ovs-port'
  | 'ovs-table'
  | 'ovs-normal'
  | 'patch'
  | 'tunnel'
  | 'namespace'
  | 'route'
  | 'neighbour'
  | 'netfilter'
  | 'nic';

/** What a step says, however its packet and its evidence are carried. */
export interface StepWords {
  readonly host: string | null;
  readonly namespace: string | null;
  readonly stage: Stage;
  readonly device: string;
  readonly port: string | null;
  readonly summary: string;
  readonly certainty: Certainty;
  /** Why a step that is not captured is believed. */
  readonly reason?: string;
  /** What the step did, for icons; absent where the packet simply goes on. */
  readonly effect?: 'dropped' | 'delivered' | 'exits' | 'unknown';
  readonly table?: number | string;
  readonly priority?: number;
  readonly cookie?: string;
  readonly chain?: string;
  readonly rule?: number | null;
}

/** What to capture to be certain. */
export interface Gap {
  readonly host: string | null;
  readonly command: string;
  readonly why: string;
}

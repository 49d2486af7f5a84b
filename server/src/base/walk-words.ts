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

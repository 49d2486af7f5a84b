import type { OvsBridge } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import type { FlowKey } from '../../packet/flow-key';
import type { Certainty, Step } from '../step';

/** What a step in a bridge's tables says; what is undefined is left out of it. */
export interface TableWords {
  readonly summary: string;
  readonly certainty: Certainty;
  readonly evidence: readonly Source[];
  readonly reason?: string | undefined;
  readonly table?: number | undefined;
  readonly priority?: number | undefined;
  readonly cookie?: string | undefined;
  readonly effect?: Step['effect'] | undefined;
}

/** A step in the pipeline of a bridge; `packet` is as it leaves the step. */
export function tableStep(bridge: OvsBridge, packet: FlowKey, words: TableWords): Step {
  const { summary, certainty, evidence, reason, table, priority, cookie, effect } = words;
  return {
    host: bridge.host,
    namespace: null,
    stage: 'ovs-table',
    device: bridge.name,
    port: null,
    packet,
    summary,
    certainty,
    evidence,
    steps: [],
    ...(reason === undefined ? {} : { reason }),
    ...(table === undefined ? {} : { table }),
    ...(priority === undefined ? {} : { priority }),
    ...(cookie === undefined ? {} : { cookie }),
    ...(effect === undefined ? {} : { effect }),
  };
}

import { isWholeFlow, startsFlow } from './ovs-ofctl-dump-flows';
import { isOnlyOutput } from './split';

/** Whether a line alone would be taken as a flow of a dump that has started, whatever its values are. */
export function mayBeFlow(text: string): boolean {
  return isWholeFlow(text) && isOnlyOutput(text);
}

/**
 * Whether a line would be taken as one flow of a dump that has started, although it has no end or its brackets do not close: the next line
 * that is not empty can't be the rest of it.
 */
export function mayBeCutFlow(text: string, next: string): boolean {
  return startsFlow(text) && startsFlow(next) && isOnlyOutput(text);
}

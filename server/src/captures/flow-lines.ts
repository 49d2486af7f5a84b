import { isWholeFlow } from './ovs-ofctl-dump-flows';
import { isOnlyOutput } from './split';

/** Whether a line alone would be taken as a flow of a dump that has started, whatever its values are. */
export function mayBeFlow(text: string): boolean {
  return isWholeFlow(text) && isOnlyOutput(text);
}

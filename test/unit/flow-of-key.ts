import assert from 'node:assert/strict';
import { keyToFlow } from '../../server/src/datapath/key';
import { parseKey } from '../../server/src/datapath/key-syntax';
import type { FlowWords } from '../../server/src/packet/flow-words';

/** The packet that a flow key of the datapath describes. */
export function packet(key: string): FlowWords {
  const syntax = parseKey(key, () => undefined);
  assert.ok(typeof syntax !== 'string', String(syntax));
  const read = keyToFlow(syntax, 2);
  assert.ok(typeof read !== 'string', String(read));
  return read.flow;
}

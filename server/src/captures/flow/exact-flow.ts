import { mfFromName, protocolWords } from '../../packet/fields';
import { emptyFlow, W, type FlowWords } from '../../packet/flow-words';
import { isFieldSet, setField } from '../../openflow/field-access';
import { keyValues } from '../../openflow/key-values';
import type { NameMap } from '../../openflow/names';
import { OFPP } from '../../openflow/ofpact';
import { parseExactValue } from '../../openflow/parse-field';
import { prerequisitesMet } from '../../openflow/prerequisites';
import { noTlvs, type TlvTable } from '../../openflow/tlv';

const noPorts: NameMap = { nameOf: () => undefined, numberOf: () => undefined };

/**
 * Reads the FLOW argument of `ovs-appctl ofproto/trace BRIDGE FLOW` (ovs-vswitchd(8)): one exact packet. `error` is the sentence that
 * the command gives after "Bad openflow flow syntax: ".
 */
export function parseExactFlow(
  text: string,
  ports: NameMap = noPorts,
  tlv: TlvTable = noTlvs,
): { readonly flow: FlowWords } | { readonly error: string } {
  const flow = emptyFlow();
  const wrong = (what: string) => ({ error: `${text}: ${what}` });
  for (const { key, value } of keyValues(text)) {
    const protocol = Object.hasOwn(protocolWords, key) && key !== 'nsh' ? protocolWords[key] : undefined;
    if (protocol) {
      if (flow[W.dlType] !== 0) return wrong('Ethernet type set multiple times');
      flow[W.dlType] = Number(protocol.dlType);
      if (protocol.nwProto !== undefined) {
        if (flow[W.nwProto] !== 0) return wrong('network protocol set multiple times');
        flow[W.nwProto] = Number(protocol.nwProto);
      }
      continue;
    }
    const field = mfFromName(key);
    if (!field) return wrong(`unknown field ${key}`);
    if (!prerequisitesMet(field, flow)) return wrong(`prerequisites not met for setting ${key}`);
    if (isFieldSet(field, flow, tlv)) return wrong(`field ${key} set multiple times`);
    const parsed = parseExactValue(field, value, ports);
    if (parsed.kind === 'error') return wrong(`bad value for ${key} (${parsed.message})`);
    if (parsed.kind === 'value') setField(field, parsed.value, flow, tlv);
  }
  if (flow[W.inPort] === 0) flow[W.inPort] = OFPP.NONE;
  return { flow };
}

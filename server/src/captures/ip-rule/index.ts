import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { CaptureKind } from '../capture';
import { listCommand } from '../ip-address/command';
import { deviceRef, ipRef, reportErrorOutput, splitPrefix } from '../ip-address/words';
import { collect, parseEachLine, type Collected } from '../lines';
import { readRuleLine } from './semantics';

const RULE = /^\s*\d+:\s*(?:not\s+)?(?:from|to|iif|oif|fwmark|lookup)\s+\S/;

/** `ip rule`: which routing table the kernel asks, in order of priority (ip-rule(8)). */
export const ipRule: CaptureKind = {
  kinds: ['ip-rule'],
  recognise(argv) {
    return listCommand(argv)?.object === 'rule' ? { kind: 'ip-rule' } : undefined;
  },
  sniff(text) {
    return RULE.test(text) && /\s(?:lookup|table|unreachable|prohibit|blackhole|goto)\b/.test(text)
      ? { kind: 'ip-rule' }
      : undefined;
  },
  accepts(text) {
    return RULE.test(text);
  },
  parse(input) {
    const failures = collect();
    const lines = input.lines.filter((line) => !reportErrorOutput(failures, line));
    const parsed = parseEachLine({ ...input, lines }, grammars.IpRule, 'ruleLine', 'routing rule', (result, source, out) => {
      const { priority, not, pairs, actions, text } = readRuleLine(result, source);
      const [from, to, oif, fwmark] = [pairs.get('from'), pairs.get('to'), pairs.get('oif'), pairs.get('fwmark')];
      const iif = pairs.get('iif') ?? pairs.get('dev');
      const table = pairs.get('lookup') ?? pairs.get('table');
      const action = actions.find((word) => !word.value.startsWith('['));
      hostRef(out, from);
      hostRef(out, to);
      if (iif !== undefined) deviceRef(out, iif);
      if (oif !== undefined) deviceRef(out, oif);
      out.facts.push({
        kind: 'ip-rule',
        priority,
        not,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(iif === undefined ? {} : { iif }),
        ...(oif === undefined ? {} : { oif }),
        ...(fwmark === undefined ? {} : { fwmark }),
        ...(table === undefined ? {} : { table }),
        ...(action === undefined ? {} : { action }),
        text,
      });
    });
    return { ...parsed, errors: [...failures.errors, ...parsed.errors] };
  },
};

/** DVR writes `from 10.10.10.1/24` for the address of a router's port: a host although it has a prefix. */
function hostRef(out: Collected, text: Val<string> | undefined): void {
  if (text === undefined || !/^[\da-f:.]+(?:\/\d+)?$/i.test(text.value)) return;
  const { ip, prefix } = splitPrefix(text);
  if (prefix.value === 32 || prefix.value === 128 || !/(?:\.0|::)$/.test(ip.value)) ipRef(out, ip);
}

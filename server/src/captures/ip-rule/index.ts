import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import { val } from '../../base/span';
import type { CaptureKind } from '../capture';
import { listCommand, selection } from '../iproute-command';
import { acceptsJson, isJson } from '../json';
import { deviceRef, numberVal, reportErrorOutput } from '../words';
import { collect, parseEachLine } from '../lines';
import { readRulesJson } from './json';
import { readRuleLine } from './semantics';
import { hostRef, tosOf } from './words';

const RULE = /^\s*\d+:\s*(?:not\s+)?(?:from|to|iif|oif|fwmark|lookup)\s+\S/;

/** `ip rule`: which routing table the kernel asks, in order of priority (ip-rule(8)). */
export const ipRule: CaptureKind = {
  kinds: ['ip-rule'],
  recognise(argv) {
    const command = listCommand(argv);
    if (command?.object !== 'rule') return undefined;
    // `all` selects nothing: rules of every network are shown.
    const filter = selection(command.words, [], ['all']);
    return {
      kind: 'ip-rule',
      options: {
        ...(filter === undefined ? {} : { filter }),
        ...(command.family === undefined ? {} : { family: command.family }),
      },
    };
  },
  sniff(text) {
    return RULE.test(text) && /\s(?:lookup|table|unreachable|prohibit|blackhole|goto)\b/.test(text)
      ? { kind: 'ip-rule' }
      : undefined;
  },
  accepts(text) {
    return RULE.test(text) || acceptsJson(text);
  },
  parse(input) {
    if (isJson(input)) return readRulesJson(input);
    const failures = collect();
    const lines = input.lines.filter((line) => !reportErrorOutput(failures, line));
    const parsed = parseEachLine({ ...input, lines }, grammars.IpRule, 'ruleLine', 'routing rule', (result, source, out) => {
      const { priority, not, pairs, actions, text } = readRuleLine(result, source);
      const [from, to, oif, fwmark] = [pairs.get('from'), pairs.get('to'), pairs.get('oif'), pairs.get('fwmark')];
      const iif = pairs.get('iif') ?? pairs.get('dev');
      const table = pairs.get('lookup') ?? pairs.get('table');
      const action = actions.find((word) => !/^(?:\[|lookup )/.test(word.value) && word.value !== 'l3mdev');
      const words = (pattern: RegExp) => actions.some((word) => pattern.test(word.value));
      const tos = pairs.get('tos') ?? pairs.get('dsfield');
      const tosValue = tos === undefined ? undefined : tosOf(tos.value);
      const range = (key: string) => {
        const found = pairs.get(key);
        const [low, high] = (found?.value ?? '').split('-').map(Number);
        if (found === undefined || low === undefined || Number.isNaN(low)) return undefined;
        return val([low, high ?? low] as const, found.span);
      };
      const [sport, dport, uidrange] = [range('sport'), range('dport'), range('uidrange')];
      const ipproto = pairs.get('ipproto');
      const suppress = pairs.get('suppress_prefixlength') ?? pairs.get('suppress_prefixlen');
      const suppressGroup = pairs.get('suppress_ifgroup');
      const [goto, tunnel] = [pairs.get('goto'), pairs.get('tun_id')];
      const six = input.options['family'] === 'ip6' || [from, to].some((text) => text?.value.includes(':'));
      hostRef(out, from);
      hostRef(out, to);
      if (iif !== undefined) deviceRef(out, iif);
      if (oif !== undefined) deviceRef(out, oif);
      out.facts.push({
        kind: 'ip-rule',
        priority,
        not,
        ...(six ? { family: 'ip6' as const } : {}),
        ...(tos === undefined || tosValue === undefined ? {} : { tos: val(tosValue, tos.span) }),
        ...defined({ ipproto, sport, dport, uidrange }),
        ...(tunnel === undefined || !/^\d+$/.test(tunnel.value) ? {} : { tunnel: numberVal(tunnel) }),
        ...(suppress === undefined ? {} : { suppressPrefix: numberVal(suppress) }),
        ...(suppressGroup === undefined ? {} : { suppressGroup }),
        ...(goto === undefined || !/^\d+$/.test(goto.value) ? {} : { goto: numberVal(goto) }),
        ...(words(/l3mdev/) ? { l3mdev: true } : {}),
        ...(words(/detached|unresolved/) ? { detached: true } : {}),
        ...defined({ from, to, iif, oif, fwmark, table, action }),
        text,
      });
    });
    return { ...parsed, errors: [...failures.errors, ...parsed.errors] };
  },
};

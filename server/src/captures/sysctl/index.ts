import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { reportErrorOutput } from '../words';
import { collect, parseEachLine, record } from '../lines';
import { readSetting } from './semantics';

const SETTING = /^\s*[a-z][\w-]*(?:[./][\w.:*@/-]+)+ ?= ?\S?/;

/** Settings that may not or can't be read, beside those that follow: nothing is said of them. */
const ONE_FAILED = /^\s*sysctl: (?:reading key "|permission denied on key ')/;

/** `sysctl net.ipv4.ip_forward`, `sysctl -a`: kernel settings (sysctl(8)). */
export const sysctl: CaptureKind = {
  kinds: ['sysctl'],
  recognise(argv) {
    if (argv[0] !== 'sysctl' || argv.length < 2) return undefined;
    // -n leaves out the names, -N the values: nothing to read from either.
    const partial = argv.slice(1).some((word) => /^-[a-zA-Z]*[nN]/.test(word) || word === '--values' || word === '--names');
    // A remark about sysctl's files is no command.
    const asks = argv.slice(1).every((word) => /^-|[./=]|^\w+$/.test(word)) && argv.slice(1).some((word) => /^-|[./]/.test(word));
    return partial || !asks ? undefined : { kind: 'sysctl' };
  },
  sniff(text) {
    return /^\s*(?:net|kernel|vm|fs)\.[\w.*/-]+ = \S.*$/.test(text) ? { kind: 'sysctl' } : undefined;
  },
  accepts(text) {
    return SETTING.test(text) || ONE_FAILED.test(text);
  },
  parse(input) {
    const failures = collect();
    const lines = input.lines.filter((line) => {
      if (!ONE_FAILED.test(line.text)) return !reportErrorOutput(failures, line);
      record(failures, line, line, 'header');
      return false;
    });
    const parsed = parseEachLine({ ...input, lines }, grammars.Sysctl, 'settingLine', 'kernel setting', (result, source, out) => {
      const { name, value } = readSetting(result, source);
      // sysctl takes and prints slashes for dots too; the dotted form is the name.
      out.facts.push({ kind: 'sysctl', name: { value: name.value.replaceAll('/', '.'), span: name.span }, value });
    });
    return { ...parsed, records: [...failures.records, ...parsed.records], errors: [...failures.errors, ...parsed.errors] };
  },
};

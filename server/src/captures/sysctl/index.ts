import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import type { CaptureKind, Recognised } from '../capture';
import { val } from '../../base/span';
import { impliedVal, reportErrorOutput, trimmedSpan } from '../words';
import { collect, parseEachLine, record } from '../lines';
import { readSetting } from './semantics';

/** What `cat /proc/sys/NAME` and `sysctl -n NAME` print: the value alone. */
const VALUE = /^\s*(-?\d+(?:\s+-?\d+)*|[a-z][\w-]*)(?:\s+(?:#|<-|←).*)?$/;
/** What `grep . /proc/sys/…` prints before each value. */
const FILE = /^\s*\/proc\/sys\/(?:net|kernel|vm|fs)\/[\w./-]+:\S?/;
/** What `head` and `tail` print before each of several files. */
const HEADING = /^\s*==> (\/proc\/sys\/(?:net|kernel|vm|fs)\/[\w./-]+) <==\s*$/;
const PATH = /^\/proc\/sys\/(?:net|kernel|vm|fs)\/[\w./{},*?[\]-]+$/;
const SETTING = /^\s*[a-z][\w-]*(?:[./][\w.:*@/-]+)+ ?= ?\S?/;

/** Settings that may not or can't be read, beside those that follow: nothing is said of them. */
const ONE_FAILED = /^\s*sysctl: (?:reading key "|permission denied on key ')/;

/** The setting of a path below /proc/sys; of a name it stays the name. */
const nameOf = (text: string): string => text.replace(/^\/proc\/sys\//, '').replaceAll('/', '.');

/** `sysctl net.ipv4.ip_forward`, `sysctl -a`, and the same from /proc/sys: kernel settings (sysctl(8)). */
export const sysctl: CaptureKind = {
  kinds: ['sysctl'],
  recognise(argv) {
    if (argv[0] === 'cat' && argv.length === 2 && /^\/proc\/sys\/(?:net|kernel|vm|fs)\/[\w./-]+$/.test(argv[1] ?? ''))
      return { kind: 'sysctl', options: { name: nameOf(argv[1] ?? '') } };
    const files = ofFiles(argv);
    if (files) return files;
    if (argv[0] !== 'sysctl' || argv.length < 2) return undefined;
    const names = argv.slice(1).filter((word) => !word.startsWith('-'));
    const [name = ''] = names;
    const one = names.length === 1 && /^[\w-]+(?:[./][\w-]+)+$/.test(name) ? { name: nameOf(name) } : undefined;
    if (one && argv.slice(1).every((word) => word === name || /^(?:-n|--values|-e|-q)$/.test(word)))
      return { kind: 'sysctl', options: one };
    // -n leaves out the names, -N the values: nothing to read from either.
    const partial = argv.slice(1).some((word) => /^-[a-zA-Z]*[nN]/.test(word) || word === '--values' || word === '--names');
    // A remark about sysctl's files is no command.
    const asks = argv.slice(1).every((word) => /^-|[./=]|^\w+$/.test(word)) && argv.slice(1).some((word) => /^-|[./]/.test(word));
    return partial || !asks ? undefined : { kind: 'sysctl' };
  },
  sniff(text) {
    if (HEADING.test(text)) return { kind: 'sysctl', options: { headings: 'yes' } };
    return FILE.test(text) || /^\s*(?:net|kernel|vm|fs)\.[\w.*/-]+ = \S.*$/.test(text) ? { kind: 'sysctl' } : undefined;
  },
  accepts(text, _kind, options) {
    return (
      SETTING.test(text) ||
      FILE.test(text) ||
      HEADING.test(text) ||
      ONE_FAILED.test(text) ||
      ((options?.['name'] !== undefined || options?.['headings'] !== undefined) && VALUE.test(text))
    );
  },
  parse(input) {
    const failures = collect();
    const asked = input.options['name'];
    const [first] = input.lines;
    const value = asked === undefined || first === undefined ? undefined : VALUE.exec(first.text)?.[1];
    if (asked !== undefined && first && value !== undefined) {
      const { start } = trimmedSpan(first);
      const span = { start, end: start + value.length };
      failures.facts.push({ kind: 'sysctl', name: impliedVal(asked, first), value: val(value, span) });
      record(failures, first);
    }
    let heading: { readonly name: string; readonly line: Line } | undefined;
    const lines = input.lines.filter((line) => {
      if (line === first && failures.facts.length > 0) return false;
      const path = HEADING.exec(line.text)?.[1];
      if (path !== undefined) {
        heading = { name: nameOf(path), line };
        record(failures, line, line, 'header');
        return false;
      }
      const below = heading === undefined ? undefined : VALUE.exec(line.text)?.[1];
      if (heading && below !== undefined) {
        const { start } = trimmedSpan(line);
        const span = { start, end: start + below.length };
        failures.facts.push({ kind: 'sysctl', name: impliedVal(heading.name, heading.line), value: val(below, span) });
        record(failures, line);
        heading = undefined;
        return false;
      }
      if (!ONE_FAILED.test(line.text)) return !reportErrorOutput(failures, line);
      record(failures, line, line, 'header');
      return false;
    });
    const parsed = parseEachLine({ ...input, lines }, grammars.Sysctl, 'settingLine', 'kernel setting', (result, source, out) => {
      const { name, value } = readSetting(result, source);
      // sysctl takes and prints slashes for dots too; the dotted form is the name.
      out.facts.push({ kind: 'sysctl', name: { value: nameOf(name.value), span: name.span }, value });
    });
    return {
      ...parsed,
      facts: [...failures.facts, ...parsed.facts],
      records: [...failures.records, ...parsed.records],
      errors: [...failures.errors, ...parsed.errors],
    };
  },
};

/** `grep . PATHS`, `head PATHS`, `tail -n +1 PATHS` below /proc/sys: of several files each value has its file's name before it. */
function ofFiles(argv: readonly string[]): Recognised | undefined {
  const [program = '', ...rest] = argv;
  if (!/^(?:[ef]?grep|head|tail|more)$/.test(program)) return undefined;
  const words = rest.filter((word, n) => !word.startsWith('-') && !(/^-[nc]$/.test(rest[n - 1] ?? '') && /^\+?\d+$/.test(word)));
  const paths = /grep$/.test(program) ? words.slice(1) : words;
  if (paths.length === 0 || !paths.every((word) => PATH.test(word))) return undefined;
  const [only = ''] = paths;
  const isOne = paths.length === 1 && !/[{}*?[\]]/.test(only) && !rest.some((word) => /^-[a-zA-Z]*[rRH]/.test(word));
  return { kind: 'sysctl', options: isOne ? { name: nameOf(only) } : { headings: 'yes' } };
}

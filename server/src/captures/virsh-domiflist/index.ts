import { defined } from '../../base/defined';
import type { Line } from '../../base/lines';
import { val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import type { Collected } from '../lines';
import { parseEachLine } from '../lines';
import { isVirshError, virshCommand } from '../virsh-dumpxml/command';
import { errorOutput } from '../virsh-dumpxml';
import { readVirshRow, type VirshRow } from './semantics';

/** In any tongue that libvirt speaks. */
const HEADER = /^\s*(?:\p{L}+\s+){4}MAC$/u;
const ROW = /^\s*\S+\s+\S+\s+\S+\s+\S+\s+(?:[0-9a-fx]{1,2}:){2,5}[0-9a-fx*.]*$/i;

const RULER = /^\s*[-─—]{4,}$/;
/** A row that no title stands above: the words between the device and the MAC are libvirt's own. */
const CERTAIN_ROW =
  /^\s*[\w.-]+\s+(?:bridge|network|direct|ethernet|vhostuser|hostdev|vdpa|user)\s+\S+\s+(?:virtio\S*|e1000e?|rtl8139|pcnet|ne2k_pci|vmxnet3|-)\s+(?:[\da-f]{2}:){5}[\da-f]{2}\s*$/i;

/** `virsh domiflist DOMAIN`: the domain's interfaces as a table. */
export const virshDomiflist: CaptureKind = {
  kinds: ['virsh-domiflist'],
  recognise(argv) {
    const command = virshCommand(argv);
    if (command?.name !== 'domiflist') return undefined;
    return { kind: 'virsh-domiflist', ...(command.target === undefined ? {} : { target: command.target }) };
  },
  sniff(text, following) {
    return /^\s*Interface\s+Type\s+Source\s+Model\s+MAC$/.test(text) ||
      (HEADER.test(text) && RULER.test(following(0) ?? '')) ||
      CERTAIN_ROW.test(text)
      ? { kind: 'virsh-domiflist' }
      : undefined;
  },
  accepts(text) {
    return HEADER.test(text) || ROW.test(text) || RULER.test(text) || isVirshError(text);
  },
  parse(input) {
    return parseVirshTable(input, 'domiflistLine', (cells, out) => {
      const [name, , source, , macCell] = cells;
      if (name === undefined || source === undefined || macCell === undefined) return;
      const isMac = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(macCell.value);
      const mac = isMac ? val(macCell.value.toLowerCase(), macCell.span) : undefined;
      // A domain that is shut off has no device for its interface yet.
      const target = name.value === '-' ? undefined : name;
      const bridge = source.value === '-' ? undefined : source;
      out.facts.push({
        kind: 'domain-interface',
        ...(input.target === undefined ? {} : { domain: input.target }),
        ...defined({ mac, target, source: bridge }),
      });
      if (target !== undefined) out.refs.push({ kind: 'device', value: target.value, span: target.span, defines: true });
      if (bridge !== undefined) out.refs.push({ kind: 'device', value: bridge.value, span: bridge.span });
      if (mac !== undefined) out.refs.push({ kind: 'mac', value: mac.value, span: mac.span, defines: true });
    });
  },
};

/** Reads a table of `virsh` line by line; its errors are taken out first. */
export function parseVirshTable(
  input: ParseInput,
  rule: 'domiflistLine' | 'listLine' | 'domifaddrLine' | 'leaseLine',
  take: (cells: (VirshRow & { readonly what: 'row' })['cells'], out: Collected, line: Line) => void,
): Parsed {
  const failures = input.lines.filter((line) => isVirshError(line.text));
  const rest = { ...input, lines: input.lines.filter((line) => !isVirshError(line.text)) };
  const parsed = parseEachLine(rest, grammars.VirshTable, rule, 'line of a virsh table', (result, source, out, line) => {
    const read = readVirshRow(result, source);
    if (read.what === 'header') return 'header';
    take(read.cells, out, line);
    return 'record';
  });
  const out: Collected = {
    facts: [...parsed.facts],
    refs: [...parsed.refs],
    records: [...parsed.records],
    errors: [...parsed.errors],
  };
  for (const line of failures) errorOutput(line, out);
  return out;
}

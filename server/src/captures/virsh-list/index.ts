import { defined } from '../../base/defined';
import type { CaptureKind } from '../capture';
import { parseVirshTable } from '../virsh-domiflist';
import { isVirshError, virshCommand } from '../virsh-dumpxml/command';

/** In any tongue that libvirt speaks. */
const HEADER = /^\s*I[Dd]\s+\p{L}+\s+\p{L}+(?:\s+\p{L}+)?$/u;
/** A state that libvirt translated. */
const FOREIGN_ROW = /^\s*(?:\d+|-)\s+\S+(?: \S+)* {2,}\p{L}/u;
const ROW =
  /^\s*(?:\d+|-)\s+\S+(?: \S+)*\s+(?:running|idle|paused|in shutdown|shut off|crashed|pmsuspended|dying|no state)(?:\s.*)?$/;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `virsh list`: the domains of a host. */
export const virshList: CaptureKind = {
  kinds: ['virsh-list'],
  recognise(argv) {
    return virshCommand(argv)?.name === 'list' ? { kind: 'virsh-list' } : undefined;
  },
  sniff(text, following) {
    return HEADER.test(text) && /^\s*[-─—]{8,}$/.test(following(0) ?? '') ? { kind: 'virsh-list' } : undefined;
  },
  accepts(text) {
    return (
      HEADER.test(text) ||
      ROW.test(text) ||
      FOREIGN_ROW.test(text) ||
      /^\s*[-─—]{4,}$/.test(text) ||
      /^[\w.-]+$/.test(text) ||
      UUID.test(text.split(' ')[0] ?? '') ||
      isVirshError(text)
    );
  },
  parse(input) {
    return parseVirshTable(input, 'listLine', (cells, out) => {
      // `--name` and `--uuid` print that alone, or both.
      const name = cells[1] ?? cells[0];
      if (name === undefined) return;
      const uuid = cells.find(({ value }) => UUID.test(value));
      out.facts.push({ kind: 'domain', ...defined({ uuid, name: name === uuid ? undefined : name }) });
      out.refs.push({ kind: 'instance', value: name.value, span: name.span, defines: true });
    });
  },
};

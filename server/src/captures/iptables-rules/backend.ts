import { val } from '../../base/span';
import type { Collected } from '../lines';
import { spanIn, type SourceText } from '../ohm';

const LEGACY_TABLES = /# Warning: (ip6?)tables-legacy tables present\b.*/;

/**
 * iptables-nft's warning: the kernel has tables of the old back end as well, whose rules see every packet too and which this program does
 * not print (iptables-nft(8)). Other lines are left alone.
 */
export function noteLegacyTables(out: Collected, source: SourceText): void {
  const found = LEGACY_TABLES.exec(source.text);
  if (!found) return;
  const span = spanIn(source, found.index, found.index + found[0].length);
  out.facts.push({ kind: 'nf-legacy-tables', family: found[1] === 'ip6' ? 'ip6' : 'ip', text: val(found[0], span) });
}

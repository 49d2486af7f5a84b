import { val, type Val } from '../../base/span';
import type { ParseInput, Parsed } from '../capture';
import { collect } from '../lines';
import { child, childText, readXml, type XmlElement } from '../xml';
import { addMember } from './members';

const FLAGS = ['nomatch', 'wildcard'];

/** `ipset list -o xml`, `ipset save -o xml` (ipset(8)): the same facts as from the plain listing. */
export function readIpsetXml(input: ParseInput): Parsed {
  const out = collect();
  readXml(input, out, 'ipset', (element) => {
    const name = element.attributes.get('name');
    const type = childText(element, 'type');
    // `-n` prints names alone: that there is such a set, not what it is.
    if (name === undefined || type === undefined) return;
    const options = optionsOf(child(element, 'header'));
    const members = child(element, 'members');
    out.facts.push({
      kind: 'ipset',
      name,
      type,
      options,
      family: options['family']?.value === 'inet6' ? 'inet6' : 'inet',
      membersShown: members !== undefined,
    });
    for (const member of members?.children ?? []) {
      // Old versions write the element as the text of the member itself.
      const written = childText(member, 'elem') ?? member.text;
      if (written !== undefined)
        addMember(
          out,
          name,
          written,
          FLAGS.filter((flag) => child(member, flag) !== undefined),
        );
    }
  });
  return out;
}

/** The settings in `<header>`; what the kernel counts is none of them. */
function optionsOf(header: XmlElement | undefined): Record<string, Val<string>> {
  const options: Record<string, Val<string>> = {};
  for (const { name, nameSpan, text } of header?.children ?? []) {
    if (!/^(?:memsize|references|numentries)$/.test(name)) options[name] = text ?? val(name, nameSpan);
  }
  return options;
}

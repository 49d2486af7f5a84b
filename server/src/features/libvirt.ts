import type { Fact } from '../captures/facts';
import { code, inBrackets } from './markdown';
import type { World } from './world';

type DomainInterface = Extract<Fact, { readonly kind: 'domain-interface' }>;

/** What libvirt says of the interfaces of its domains: which MAC is behind which device, in words. */
export function domainInterfaces(
  world: World,
  wanted: (fact: DomainInterface) => boolean,
): { readonly fact: DomainInterface; readonly text: string }[] {
  const found: { fact: DomainInterface; text: string }[] = [];
  for (const document of world.documents.values()) {
    for (const capture of document.captures) {
      if (!capture.kind.startsWith('virsh-')) continue;
      for (const fact of capture.facts) {
        if (fact.kind !== 'domain-interface' || !wanted(fact)) continue;
        const place = fact.target ?? fact.mac;
        const domain = fact.domain ?? capture.target;
        const of = domain === undefined ? '' : ` of domain ${code(domain)}`;
        const text = `libvirt: ${code(fact.target?.value ?? 'a device')} is the interface${of}${fact.mac ? ` with MAC ${code(fact.mac.value)}` : ''}${inBrackets(world, place && { uri: document.uri, span: place.span })}`;
        if (!found.some((known) => known.text === text)) found.push({ fact, text });
      }
    }
  }
  return found;
}

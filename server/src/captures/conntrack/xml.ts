import { val, type Val } from '../../base/span';
import { ipProtocolNumber } from '../../packet/ip-protocols';
import type { ParseInput, Parsed } from '../capture';
import { collect, type Collected } from '../lines';
import type { ConntrackTuple } from '../netfilter-facts';
import { ipRef, lower } from '../words';
import { child, childText, readXml, type XmlElement } from '../xml';
import { numbered } from './numbered';

/** `conntrack -L -o xml`, `conntrack -L expect -o xml`: the same facts as from the lines that conntrack(8) prints else. */
export function readConntrackXml(input: ParseInput, harmless: RegExp): Parsed {
  const out = collect();
  readXml(
    input,
    out,
    'flow',
    (flow) => {
      if (child(child(flow, 'layer3'), 'expected') === undefined) addFlow(out, flow);
      else addExpectation(out, flow);
    },
    harmless,
  );
  return out;
}

function addFlow(out: Collected, flow: XmlElement): void {
  const of = (direction: string) =>
    flow.children.find(({ name, attributes }) => name === 'meta' && attributes.get('direction')?.value === direction);
  const [forth, back, own] = [of('original'), of('reply'), of('independent')];
  const protocol = protocolOf(child(forth, 'layer4'));
  const original = tupleOf(out, child(forth, 'layer3'), child(forth, 'layer4'));
  const reply = tupleOf(out, child(back, 'layer3'), child(back, 'layer4'));
  // An event about a connection's end may lack its answers: then only its addresses are references.
  if (original === undefined || reply === undefined || protocol === undefined) return;
  const state = childText(own, 'state');
  const [zoneForth, zoneBack] = [childText(forth, 'zone'), childText(back, 'zone')];
  const zone = childText(own, 'zone') ?? zoneForth ?? zoneBack;
  const sided = childText(own, 'zone') === undefined && zone !== undefined;
  // In the order of the lines that conntrack(8) prints else.
  const flags = ['unreplied', 'assured', 'offload', 'hw_offload'].filter((name) => child(own, name) !== undefined);
  out.facts.push({
    kind: 'conntrack-entry',
    family: original.src.value.includes(':') ? 'ip6' : 'ip',
    protocol,
    ...(state === undefined ? {} : { state }),
    original,
    reply,
    ...numbered('zone', zone),
    ...(sided ? { zoneDirection: zoneForth === undefined ? ('reply' as const) : ('orig' as const) } : {}),
    ...numbered('mark', childText(own, 'mark')),
    flags: flags.map((name) => name.toUpperCase()),
    text: val(`${words(original)} ${words(reply)}`, flow.span),
  });
}

function addExpectation(out: Collected, flow: XmlElement): void {
  const [layer3, layer4, meta] = [child(flow, 'layer3'), child(flow, 'layer4'), child(flow, 'meta')];
  const protocol = protocolOf(layer4);
  const side = (name: string, refers: boolean) => tupleOf(refers ? out : undefined, child(layer3, name), child(layer4, name));
  const [expected, mask, master] = [side('expected', true), side('mask', false), side('master', true)];
  if (expected === undefined || protocol === undefined) return;
  const helper = childText(meta, 'helper-name');
  const flags = (meta?.children ?? []).filter(
    (one) => one.text === undefined && /^(?:permanent|inactive|userspace)$/.test(one.name),
  );
  out.facts.push({
    kind: 'conntrack-expectation',
    family: expected.src.value.includes(':') ? 'ip6' : 'ip',
    protocol,
    expected,
    ...(mask === undefined ? {} : { mask }),
    ...(master === undefined ? {} : { master }),
    ...numbered('zone', childText(meta, 'zone')),
    ...(helper === undefined ? {} : { helper }),
    flags: flags.map(({ name }) => name.toUpperCase()),
    text: val(words(expected), flow.span),
  });
}

function protocolOf(layer4: XmlElement | undefined): Val<number> | undefined {
  const number = layer4?.attributes.get('protonum');
  const found = number === undefined ? undefined : ipProtocolNumber(number.value);
  return number === undefined || found === undefined ? undefined : val(found, number.span);
}

function tupleOf(
  out: Collected | undefined,
  layer3: XmlElement | undefined,
  layer4: XmlElement | undefined,
): ConntrackTuple | undefined {
  const [src, dst] = [childText(layer3, 'src'), childText(layer3, 'dst')];
  if (src === undefined || dst === undefined) return undefined;
  if (out !== undefined) {
    ipRef(out, src);
    ipRef(out, dst);
  }
  return {
    src: lower(src),
    dst: lower(dst),
    ...numbered('sport', childText(layer4, 'sport')),
    ...numbered('dport', childText(layer4, 'dport')),
    ...numbered('icmpType', childText(layer4, 'type')),
    ...numbered('icmpCode', childText(layer4, 'code')),
    ...numbered('icmpId', childText(layer4, 'id')),
  };
}

function words({ src, dst, sport, dport }: ConntrackTuple): string {
  const ports = sport && dport ? ` sport=${sport.value} dport=${dport.value}` : '';
  return `src=${src.value} dst=${dst.value}${ports}`;
}

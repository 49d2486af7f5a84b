import type { Span } from '../base/span';
import type { Ref } from '../captures/capture';
import { LOCAL_PORT } from '../packet/fields';
import { entityOf, locusOf, relatedKeys, type Locus } from './entity';
import { allRefs, find, pieces } from './find';
import type { Place, World } from './world';

/** One reference in a document. */
export interface Mention {
  readonly locus: Locus;
  readonly ref: Ref;
}

type ByKey = ReadonlyMap<string, readonly Mention[]>;

/** Built once per world and document, when first asked for: hovers need none of it. */
const built = new WeakMap<World, Map<string, ByKey>>();

/** Every reference of a document by the key of what it names, but those of flows, which `inFlows` finds by what is asked. */
export function mentionsIn(world: World, uri: string): ByKey {
  let documents = built.get(world);
  if (!documents) built.set(world, (documents = new Map<string, ByKey>()));
  const known = documents.get(uri);
  if (known) return known;
  const byKey = new Map<string, Mention[]>();
  const document = world.documents.get(uri);
  document?.captures.forEach((_, index) => {
    const locus = locusOf(world, document, index);
    if (!locus) return;
    for (const ref of allRefs(document, locus)) {
      const { key } = entityOf(world, locus, ref);
      const list = byKey.get(key);
      if (list) list.push({ locus, ref });
      else byKey.set(key, [{ locus, ref }]);
    }
  });
  documents.set(uri, byKey);
  return byKey;
}

/** The first mention of a thing, in the order of documents; in each, what is not a flow first. */
export function firstMention(world: World, key: string): Mention | undefined {
  for (const uri of world.documents.keys()) {
    const [plain] = mentionsIn(world, uri).get(key) ?? [];
    if (plain) return plain;
    for (const mention of inFlows(world, uri, key)) return mention;
  }
  return undefined;
}

/** Where the flows of a document name a thing; those near an offset only, where it is given. */
function* inFlows(world: World, uri: string, key: string, near?: number): Generator<Mention> {
  const document = world.documents.get(uri);
  for (const [index, capture] of (document?.captures ?? []).entries()) {
    const locus = document && capture.flows.count > 0 ? locusOf(world, document, index) : undefined;
    if (!document || !locus) continue;
    const { flows } = capture;
    const line = near === undefined ? undefined : document.lines.lineAt(near);
    const from = line === undefined ? 0 : flows.from(line - NEAR);
    const to = line === undefined ? flows.count : flows.from(line + NEAR);
    for (const { kind, value } of spellings(world, locus, key))
      for (const { flow, ref } of flows.mentions(kind, value, from)) {
        if (flow >= to) break;
        yield { locus, ref };
      }
  }
}

/** What is highlighted in flows is so many lines away at most: nobody sees the others, and there may be a hundred thousand. */
const NEAR = 2000;

/** How flows of a capture name the thing of a key: its port numbers, its own name, its address. */
function spellings(world: World, locus: Locus, key: string): readonly Pick<Ref, 'kind' | 'value'>[] {
  const kind = key.slice(0, key.indexOf(' '));
  const name = key.slice(key.lastIndexOf(' ') + 1);
  const span = { start: 0, end: 0 };
  const own = (candidate: Pick<Ref, 'kind' | 'value'>) => entityOf(world, locus, { ...candidate, span }).key === key;
  switch (kind) {
    case 'vlan':
    case 'tun-id':
    case 'mac':
    case 'ip':
    case 'table':
    case 'ofport':
      return [{ kind, value: name } as const].filter(own);
    case 'device': {
      const numbers = (locus.bridge?.ports ?? []).flatMap((port) =>
        port.name === name && port.ofport !== undefined ? [port.ofport] : [],
      );
      const values = new Set([name, String(LOCAL_PORT), ...numbers.map(String)]);
      return [...values].map((value) => ({ kind: 'ofport', value }) as const).filter(own);
    }
    default:
      return [];
  }
}

function keysAt(world: World, uri: string, offset: number): readonly string[] {
  const entity = find(world, uri, offset)?.ref?.entity;
  if (!entity) return [];
  const all =
    entity.kind === 'neutron-port' ? new Set([...world.documents.keys()].flatMap((of) => [...mentionsIn(world, of).keys()])) : [];
  return [entity.key, ...relatedKeys(world, entity, all)];
}

/** What some keys name in a document, `most` of it at most. */
function mentioned(
  world: World,
  uri: string,
  keys: readonly string[],
  declarations: boolean,
  most: number,
  near?: number,
): Mention[] {
  const byKey = mentionsIn(world, uri);
  const found: Mention[] = [];
  for (const key of new Set(keys)) {
    for (const mentions of [byKey.get(key) ?? [], inFlows(world, uri, key, near)]) {
      for (const mention of mentions) {
        if (found.length >= most) return found;
        if (declarations || mention.ref.defines !== true) found.push(mention);
      }
    }
  }
  return found;
}

/** Where else the thing at an offset is spoken of, in all documents, sorted; of each document `most` places at most. */
export function references(world: World, uri: string, offset: number, includeDeclaration: boolean, most = Infinity): Place[] {
  const keys = keysAt(world, uri, offset);
  if (keys.length === 0) return [];
  return [...world.documents.values()].flatMap((document) =>
    unique(
      mentioned(world, document.uri, keys, includeDeclaration, most).map(({ ref }) => pieces(document, ref.span)[0] ?? ref.span),
    ).map((span) => ({ uri: document.uri, start: span.start, end: span.end })),
  );
}

/** The same in one document, every piece of a wrapped value; of flows only what is near. */
export function highlights(world: World, uri: string, offset: number): Place[] {
  const document = world.documents.get(uri);
  const keys = document ? keysAt(world, uri, offset) : [];
  if (!document || keys.length === 0) return [];
  return unique(mentioned(world, uri, keys, true, Infinity, offset).flatMap(({ ref }) => pieces(document, ref.span))).map(
    ({ start, end }) => ({
      uri,
      start,
      end,
    }),
  );
}

/** Sorted, each once. */
function unique(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start || a.end - b.end);
  return sorted.filter(({ start, end }, n) => n === 0 || sorted[n - 1]?.start !== start || sorted[n - 1]?.end !== end);
}

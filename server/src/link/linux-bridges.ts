import type { LinuxBridge, Source } from '../model/network';
import { sourceAt, type LinkedCapture } from './facts';

/** `brctl show`, `bridge link`, `bridge fdb`, `ip link … master`: the host's Linux bridges. */
export function linkLinuxBridges(host: string, captures: readonly LinkedCapture[]): Map<string, LinuxBridge> {
  const drafts = new Map<string, { members: Map<string, Source>; fdb: LinuxBridge['fdb'][number][]; sources: Source[] }>();
  const draft = (name: string) => {
    let found = drafts.get(name);
    if (!found) drafts.set(name, (found = { members: new Map(), fdb: [], sources: [] }));
    return found;
  };
  const member = (bridge: string, name: string, source: Source) => {
    const { members } = draft(bridge);
    if (!members.has(name)) members.set(name, source);
  };
  const remotes: LinuxBridge['remotes'][number][] = [];
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'bridge-fdb' && fact.dst) {
        remotes.push({
          dev: fact.dev.value,
          mac: fact.mac.value,
          ip: fact.dst.value,
          source: { uri: linked.uri, span: { start: fact.mac.span.start, end: fact.dst.span.end } },
        });
      }
      if (fact.kind === 'linux-bridge') draft(fact.name.value).sources.push(sourceAt(linked, fact.name.span));
      else if (fact.kind === 'linux-bridge-port') member(fact.bridge.value, fact.name.value, sourceAt(linked, fact.name.span));
      else if (fact.kind === 'link' && fact.master && !/^ovs-system$/.test(fact.master.value)) {
        member(fact.master.value, fact.name.value, sourceAt(linked, fact.name.span));
      } else if (fact.kind === 'bridge-fdb' && fact.master) {
        draft(fact.master.value).fdb.push({
          mac: fact.mac.value,
          dev: fact.dev.value,
          permanent: fact.flags.includes('permanent'),
          source: { uri: linked.uri, span: { start: fact.mac.span.start, end: fact.dev.span.end } },
        });
      }
    }
  }
  return new Map(
    [...drafts]
      .filter(([, { members, sources }]) => members.size > 0 || sources.length > 0)
      .map(([name, { members, fdb, sources }]) => [
        name,
        {
          host,
          name,
          members: [...members].map(([of, source]) => ({ name: of, source })),
          fdb,
          remotes: remotes.filter(({ dev }) => members.has(dev)),
          sources,
        },
      ]),
  );
}

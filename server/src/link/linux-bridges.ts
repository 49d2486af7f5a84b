import type { LinuxBridge, Source } from '../model/network';
import { sourceAt, type LinkedCapture } from './facts';

/** `brctl show`, `brctl showmacs`, `bridge link`, `bridge fdb`, `bridge vlan`, `ip link … master`: the host's Linux bridges. */
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
  const vlans = linkVlans(captures);
  for (const { bridge, ...entry } of numberedEntries(captures)) draft(bridge).fdb.push(entry);
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
          vlans: new Map([...vlans].filter(([dev]) => dev === name || members.has(dev))),
          sources,
        },
      ]),
  );
}

type VlanRow = NonNullable<ReturnType<LinuxBridge['vlans']['get']>>[number];

/** `bridge vlan`, by port; the same row of two captures once. */
function linkVlans(captures: readonly LinkedCapture[]): Map<string, VlanRow[]> {
  const vlans = new Map<string, VlanRow[]>();
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'bridge-vlan') continue;
      const [first, last] = fact.vlan.value;
      const rows = vlans.get(fact.dev.value) ?? [];
      vlans.set(fact.dev.value, rows);
      if (rows.some((row) => row.first === first && row.last === last)) continue;
      rows.push({ first, last, pvid: fact.pvid, untagged: fact.untagged, source: sourceAt(linked, fact.vlan.span) });
    }
  }
  return vlans;
}

/**
 * `brctl showmacs` names ports by number. Their names follow from `brctl showstp`, from `port_no` of `ip -d link`, or from the
 * port's own MAC address, which the table holds as a local one.
 */
function numberedEntries(captures: readonly LinkedCapture[]): (LinuxBridge['fdb'][number] & { readonly bridge: string })[] {
  const names = new Map<string, string>();
  const macs = new Map<string, string[]>();
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'linux-bridge-port' && fact.portNumber)
        names.set(`${fact.bridge.value} ${fact.portNumber.value}`, fact.name.value);
      if (fact.kind !== 'link') continue;
      const number = Number(fact.portSettings?.['port_no']?.value ?? Number.NaN);
      if (fact.master && Number.isInteger(number)) names.set(`${fact.master.value} ${number}`, fact.name.value);
      // A bridge has the address of one of its ports.
      if (fact.mac && fact.type?.value !== 'bridge')
        macs.set(fact.mac.value, [...(macs.get(fact.mac.value) ?? []), fact.name.value]);
    }
  }
  const rows = captures.flatMap((linked) =>
    linked.capture.facts.flatMap((fact) => (fact.kind === 'bridge-mac' ? [{ linked, fact }] : [])),
  );
  for (const { fact } of rows) {
    const key = `${fact.bridge.value} ${fact.portNumber.value}`;
    const owners = (macs.get(fact.mac.value) ?? []).filter((name) => name !== fact.bridge.value);
    const [only] = owners;
    if (fact.local && only !== undefined && owners.length === 1 && !names.has(key)) names.set(key, only);
  }
  return rows.flatMap(({ linked, fact }) => {
    const dev = names.get(`${fact.bridge.value} ${fact.portNumber.value}`);
    return dev === undefined
      ? []
      : [{ bridge: fact.bridge.value, mac: fact.mac.value, dev, permanent: fact.local, source: sourceAt(linked, fact.mac.span) }];
  });
}

import type { BridgeFdbRow, BridgeMember, BridgeTunnel, BridgeVlan, LinuxBridge } from '../model/linux-bridge';
import type { Known, Source } from '../model/source';
import { bridgeKeyIn } from '../model/queries';
import type { Capture } from '../captures/capture';
import { completeness, groupBy, sourceAt, type LinkedCapture } from './facts';

type MemberDraft = { -readonly [K in keyof BridgeMember]: BridgeMember[K] };

interface Draft {
  readonly members: Map<string, MemberDraft>;
  readonly fdb: BridgeFdbRow[];
  readonly sources: Source[];
}

/** `brctl show`, `brctl showmacs`, `bridge link`, `bridge fdb`, `bridge vlan`, `ip link … master`: a host's Linux bridges, by `bridgeKeyIn`. */
export function* linkLinuxBridges(host: string, captures: readonly LinkedCapture[]): Generator<void, Map<string, LinuxBridge>> {
  const found = new Map<string, LinuxBridge>();
  for (const [namespace, own] of groupBy(captures, (linked) => linked.capture.namespace ?? ''))
    for (const bridge of yield* bridgesOf(host, namespace, own)) found.set(bridgeKeyIn(namespace, bridge.name), bridge);
  return found;
}

/** So many facts are looked at between two pauses. */
const STEP = 2000;

function* bridgesOf(host: string, namespace: string, captures: readonly LinkedCapture[]): Generator<void, LinuxBridge[]> {
  const drafts = new Map<string, Draft>();
  const draft = (name: string) => {
    let found = drafts.get(name);
    if (!found) drafts.set(name, (found = { members: new Map(), fdb: [], sources: [] }));
    return found;
  };
  const member = (bridge: string, name: string, source: Source): MemberDraft => {
    const { members } = draft(bridge);
    let found = members.get(name);
    if (!found) members.set(name, (found = { name, state: undefined, settings: {}, source, stateSource: undefined }));
    return found;
  };
  // A device below a bond, a team, a VRF or a switch is no port of a bridge.
  const others = otherMasters(captures);
  yield;
  const vlans = linkVlans(captures);
  yield;
  for (const { bridge, ...entry } of numberedEntries(captures)) draft(bridge).fdb.push(entry);
  for (const linked of captures) {
    for (const [n, fact] of linked.capture.facts.entries()) {
      if (n % STEP === STEP - 1) yield;
      if (fact.kind === 'linux-bridge') draft(fact.name.value).sources.push(sourceAt(linked, fact.name.span));
      else if (fact.kind === 'linux-bridge-port') {
        const port = member(fact.bridge.value, fact.name.value, sourceAt(linked, fact.name.span));
        if (fact.state) port.state ??= fact.state.value;
        port.settings = { ...values(fact.settings), ...port.settings };
        if (fact.state) port.stateSource ??= sourceAt(linked, fact.state.span);
      } else if (fact.kind === 'link' && fact.master && !others.has(fact.master.value)) {
        const port = member(fact.master.value, fact.name.value, sourceAt(linked, fact.name.span));
        const state = fact.portSettings?.['state'];
        port.settings = { ...port.settings, ...values(fact.portSettings) };
        if (state) port.state ??= state.value;
        if (state) port.stateSource ??= sourceAt(linked, state.span);
      } else if (fact.kind === 'bridge-fdb' && fact.master) {
        draft(fact.master.value).fdb.push({
          mac: fact.mac.value,
          dev: fact.dev.value,
          vlan: fact.vlan?.value,
          permanent: fact.flags.includes('permanent'),
          source: { uri: linked.uri, span: { start: fact.mac.span.start, end: fact.dev.span.end } },
        });
      }
    }
  }
  return [...drafts]
    .filter(([, { members, sources }]) => members.size > 0 || sources.length > 0)
    .map(([name, { members, fdb, sources }]) => ({
      host,
      namespace,
      name,
      members: [...members.values()],
      fdb,
      fdbKnown: fdbKnown(captures, name),
      vlansKnown: vlansKnown(captures),
      tunnels: linkTunnels(captures),
      tunnelsKnown: tunnelsKnown(captures),
      vlans: new Map([...vlans].filter(([dev]) => dev === name || members.has(dev))),
      sources,
    }));
}

function values(settings: Readonly<Record<string, { readonly value: string }>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(settings ?? {}).map(([key, { value }]) => [key, value]));
}

/** Masters that are no bridges: bonds, teams, VRFs, and Open vSwitch's datapath. */
function otherMasters(captures: readonly LinkedCapture[]): Set<string> {
  const others = new Set(['ovs-system']);
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'link') continue;
      if (fact.type && /^(?:bond|team|vrf|openvswitch)$/.test(fact.type.value)) others.add(fact.name.value);
      // A bond says so of itself and of its slaves without -d as well.
      if (fact.flags.includes('SLAVE') && fact.master) others.add(fact.master.value);
      if (fact.flags.includes('MASTER')) others.add(fact.name.value);
    }
  }
  return others;
}

/** How much of a bridge's forwarding table was captured. */
function fdbKnown(captures: readonly LinkedCapture[], bridge: string): Known {
  let known: Known = 'absent';
  for (const { capture } of captures) {
    if (capture.kind !== 'bridge-fdb' && capture.kind !== 'brctl-showmacs') continue;
    const command = capture.command ?? '';
    const asked = /\b(?:br|showmacs)\s+(\S+)/.exec(command)?.[1];
    if (asked !== undefined && asked !== bridge) continue;
    const narrow = /\b(?:dev|brport|vlan|dynamic|state|get)\b/.test(command);
    const own: Known = narrow ? 'partial' : completeness(capture).known;
    if (known !== 'whole') known = own;
  }
  return known;
}

/** How much of the ports' VLANs was captured: a whole `bridge vlan` lists every port that carries any. */
function vlansKnown(captures: readonly LinkedCapture[]): Known {
  let known: Known = 'absent';
  for (const { capture } of captures) {
    if (capture.kind !== 'bridge-vlan' || known === 'whole' || showsTunnels(capture)) continue;
    known = /\b(?:dev|vid)\b/.test(capture.command ?? '') ? 'partial' : completeness(capture).known;
  }
  return known;
}

/** `bridge vlan tunnelshow`, by port. */
function linkTunnels(captures: readonly LinkedCapture[]): Map<string, BridgeTunnel[]> {
  const tunnels = new Map<string, BridgeTunnel[]>();
  for (const linked of captures)
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'bridge-vlan-tunnel') continue;
      const [first, last] = fact.vlan.value;
      const rows = tunnels.get(fact.dev.value) ?? [];
      tunnels.set(fact.dev.value, rows);
      if (!rows.some((row) => row.first === first && row.last === last))
        rows.push({ first, last, id: fact.ids.value[0], source: sourceAt(linked, fact.vlan.span) });
    }
  return tunnels;
}

/** Whether a listing is of the numbers that VLANs travel under: it says nothing of the other VLANs. */
function showsTunnels(capture: Capture): boolean {
  return (
    capture.kind === 'bridge-vlan' &&
    (capture.options['shows'] === 'tunnels' || capture.facts.some(({ kind }) => kind === 'bridge-vlan-tunnel'))
  );
}

function tunnelsKnown(captures: readonly LinkedCapture[]): Known {
  let known: Known = 'absent';
  for (const { capture } of captures) {
    if (showsTunnels(capture) && known !== 'whole') known = completeness(capture).known;
  }
  return known;
}

/** `bridge vlan`, by port; the same row of two captures once. */
function linkVlans(captures: readonly LinkedCapture[]): Map<string, BridgeVlan[]> {
  const vlans = new Map<string, BridgeVlan[]>();
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'bridge-vlan') continue;
      const [first, last] = fact.vlan.value;
      const rows = vlans.get(fact.dev.value) ?? [];
      vlans.set(fact.dev.value, rows);
      const state = fact.state === undefined ? {} : { state: fact.state.value };
      const row = { first, last, pvid: fact.pvid, untagged: fact.untagged, ...state, source: sourceAt(linked, fact.vlan.span) };
      const same = rows.findIndex((known) => known.first === first && known.last === last);
      if (same < 0) rows.push(row);
      // The capture that tells states tells the rest as well.
      else if (rows[same]?.state === undefined && fact.state !== undefined) rows[same] = row;
    }
  }
  return vlans;
}

/**
 * `brctl showmacs` names ports by number. Their names follow from `brctl showstp`, from `port_no` of `ip -d link`, or from the
 * port's own MAC address, which the table holds as a local one.
 */
function numberedEntries(captures: readonly LinkedCapture[]): (BridgeFdbRow & { readonly bridge: string })[] {
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
      : [
          {
            bridge: fact.bridge.value,
            mac: fact.mac.value,
            dev,
            vlan: undefined,
            permanent: fact.local,
            source: sourceAt(linked, fact.mac.span),
          },
        ];
  });
}

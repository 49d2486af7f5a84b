import { LOCAL_PORT } from '../packet/fields';
import type { Span } from '../base/span';
import { explainActions } from '../model/explain';
import { deviceEntity, entityOf, type Entity, type EntityOf } from './entity';
import { find, isRecordLine, lineSpan, targetKind, type Found, type Said } from './find';
import { describeIp, describeMac } from './hover-address';
import { describeCapture } from './hover-capture';
import { describeAction, describeFlow, describeTerm, portNames } from './hover-flow';
import {
  describeConnection,
  describeEbChain,
  describeEbRule,
  describeExpectation,
  describeIpset,
  describeIpsetEntry,
} from './hover-filter';
import { describeChain, describeNamespace, describeRoute, describeRule } from './hover-linux';
import { describeIpvsConnection, describeIpvsServer, describeIpvsService } from './hover-ipvs';
import { describeInstance, describeNetwork, describeNeutronPort, describeRouter, describeSubnet } from './hover-openstack';
import { describeRecord } from './hover-records';
import { describeDevice, describeHost, describeTable, describeVlan, describeVni, isDevice } from './hover-switch';
import { domainInterfaces } from './libvirt';
import { code, escape, section } from './markdown';
import type { HostVisit } from '../walk/context';
import { whyNotAt } from './why-not';
import type { World } from './world';

/** What an editor shows beside the cursor. */
export interface Hover {
  readonly markdown: string;
  readonly start: number;
  readonly end: number;
}

/** With the lookups of a trace on show, a flow's hover also says why it did or did not take the packet. */
export function hoverInTrace(world: World, visits: readonly HostVisit[], uri: string, offset: number): Hover | undefined {
  const plain = hover(world, uri, offset);
  const why = plain && whyNotAt(world, visits, uri, offset);
  return why ? { ...plain, markdown: `${plain.markdown}\n\n---\n\n${why.markdown}` } : plain;
}

/** Says what stands at an offset: the reference there, and below it the flow or rule that it is part of. */
export function hover(world: World, uri: string, offset: number): Hover | undefined {
  const found = find(world, uri, offset);
  if (!found) return undefined;
  const { ref, fact, locus } = found;
  const parts: string[] = [];
  if (ref) parts.push(describe(world, found, ref.entity));
  if (found.onCommand) {
    parts.push(describeCapture(world, locus));
    return { markdown: parts.join('\n\n---\n\n'), ...(ref?.piece ?? locus.capture.commandSpan ?? locus.capture.span) };
  }
  const part = partOfFlow(found);
  const whole = fact && describeFact(world, found, fact.fact, ref !== undefined);
  if (whole !== undefined) parts.push(part === undefined ? whole : `${part.text}\n\n${whole}`);
  else if (parts.length === 0) return headerHover(world, found, offset);
  return { markdown: parts.join('\n\n---\n\n'), ...spanOf(ref?.piece ?? part?.span ?? lineOrFact(found, offset)) };
}

/** The fact's own lines, or the offset's line where a fact is told by another line. */
function lineOrFact(found: Found, offset: number): Span {
  const span = found.fact?.span ?? found.locus.capture.span;
  return offset >= span.start && offset <= span.end ? span : lineSpan(found.document, { start: offset, end: offset });
}

function spanOf({ start, end }: Span): Span {
  return { start, end };
}

function partOfFlow(found: Found): { readonly text: string; readonly span: Span } | undefined {
  if (found.term) return { text: describeTerm(found.term), span: found.term.span };
  if (found.action) return { text: describeAction(found.action, found.locus.bridge), span: found.action.span };
  return undefined;
}

/** A line of data that no fact came from is about the command's subject, or the capture. Titles and separators say nothing by themselves; the first line of a capture without a command stands for its command. */
function headerHover(world: World, found: Found, offset: number): Hover | undefined {
  const { document, locus } = found;
  if (isRecordLine(found, offset)) {
    const kind = targetKind(locus.capture.kind);
    const value = locus.capture.target;
    const span = lineSpan(document, { start: offset, end: offset });
    const entity = kind === undefined || value === undefined ? undefined : entityOf(world, locus, { kind, value, span });
    return { markdown: entity ? describe(world, found, entity) : describeCapture(world, locus), ...span };
  }
  const start = document.lines.startOf(locus.capture.firstLine) ?? 0;
  const next = document.lines.startOf(locus.capture.firstLine + 1) ?? document.text.length;
  if (locus.capture.commandSpan !== undefined || offset >= next) return undefined;
  return { markdown: describeCapture(world, locus), start, end: Math.max(start, next - 1) };
}

/** An entity in words. */
export function describe(world: World, found: Found, entity: Entity): string {
  if (isDevice(entity)) return describeDevice(world, entity, shownNumber(found, entity));
  switch (entity.kind) {
    case 'host':
      return describeHost(world, entity);
    case 'vlan':
      return describeVlan(world, entity);
    case 'tun-id':
      return describeVni(world, entity);
    case 'mac':
      return describeMac(world, entity);
    case 'ip':
      return describeIp(world, entity);
    case 'table':
      return describeTable(world, entity, (bridge, { flow }) =>
        escape(explainActions(flow.actions, portNames(bridge)).join('; ')),
      );
    case 'chain':
      return describeChain(world, found.locus, entity);
    case 'nat-table':
      return section(`${entity.name} table`, [
        `Netfilter table${entity.namespace === '' ? '' : ` of namespace ${code(entity.namespace)}`}`,
      ]);
    case 'namespace':
      return describeNamespace(world, entity);
    case 'instance':
      return describeInstance(world, entity);
    case 'network':
      return describeNetwork(world, entity);
    case 'router':
      return describeRouter(world, entity);
    case 'subnet':
      return describeSubnet(world, entity);
    case 'neutron-port':
      return describeNeutronPort(world, entity);
  }
}

/** The number that stands in the text, where a port is named by its number. */
function shownNumber(found: Found, entity: EntityOf<'device'> | EntityOf<'bridge'> | EntityOf<'ofport'>): number | undefined {
  const ref = found.ref?.ref;
  if (ref?.kind !== 'ofport' || found.ref?.entity !== entity) return undefined;
  return /^\d+$/.test(ref.value) ? Number(ref.value) : undefined;
}

/** What a line says. Where a reference was described already, only what adds to it. */
function describeFact(world: World, found: Found, fact: Said, described: boolean): string | undefined {
  const { locus } = found;
  const entity = (name: string) => describe(world, found, deviceEntity(world, locus.hostName, locus.namespace, name));
  switch (fact.kind) {
    case 'flow':
      return describeFlow(world, locus, fact.flow);
    case 'nf-rule':
      return describeRule(world, locus, fact);
    case 'route':
      return describeRoute(world, locus, fact);
    case 'eb-rule':
      return describeEbRule(world, locus, fact);
    case 'eb-chain':
      return describeEbChain(world, locus, fact);
    case 'ipset':
      return describeIpset(world, locus, fact.name.value);
    case 'ipset-entry':
      return describeIpsetEntry(world, locus, fact);
    case 'conntrack-entry':
      return describeConnection(fact);
    case 'conntrack-expectation':
      return describeExpectation(fact);
    case 'ipvs-service':
      return describeIpvsService(locus, fact);
    case 'ipvs-server':
      return describeIpvsServer(world, fact);
    case 'ipvs-connection':
      return describeIpvsConnection(fact);
    case 'fdb-entry': {
      const port = fact.port.value;
      const name = typeof port === 'number' ? portNames(locus.bridge)(port) : port;
      const shown = port === LOCAL_PORT ? 'LOCAL' : String(port);
      const vlan = fact.vlan.value === 0 ? 'untagged' : `in VLAN ${fact.vlan.value}`;
      return section(`Learned by ${escape(locus.bridgeName ?? 'a bridge')}`, [
        `${code(fact.mac.value)} was last seen ${vlan}, coming in by port ${shown}${name === undefined || name === shown ? '' : ` (${code(name)})`}`,
        fact.age ? `${fact.age.value} s ago: packets to it leave by that port` : undefined,
      ]);
    }
    default: {
      const record = describeRecord(world, locus, fact);
      if (record !== undefined) return record;
      break;
    }
  }
  if (described) return undefined;
  switch (fact.kind) {
    case 'nf-chain':
      return describe(
        world,
        found,
        entityOf(world, locus, { kind: 'chain', value: fact.name.value, scope: fact.table, span: fact.name.span }),
      );
    case 'of-port':
    case 'ovs-port':
    case 'ovs-interface':
    case 'ovs-bridge':
    case 'link':
    case 'linux-bridge':
    case 'linux-bridge-port':
      return entity(fact.name.value);
    case 'address':
      return describe(world, found, entityOf(world, locus, { kind: 'ip', value: fact.ip.value, span: fact.ip.span }));
    case 'neighbour':
      return section(`Neighbour ${fact.ip.value}`, [
        fact.mac ? `Has MAC ${code(fact.mac.value)}, by ${code(fact.dev.value)}` : `No answer to ARP by ${code(fact.dev.value)}`,
        fact.state && `State ${escape(fact.state.value)}`,
      ]);
    case 'sysctl':
      return section(escape(fact.name.value), [`Set to ${code(fact.value.value)}`]);
    case 'neutron-port':
    case 'neutron-router':
    case 'neutron-subnet': {
      const kind = fact.kind === 'neutron-port' ? 'neutron-port' : fact.kind === 'neutron-router' ? 'router' : 'subnet';
      return describe(world, found, entityOf(world, locus, { kind, value: fact.id.value, span: fact.id.span }));
    }
    case 'neutron-network':
    case 'instance': {
      const said = fact.id ?? fact.name;
      const kind = fact.kind === 'instance' ? 'instance' : 'network';
      return said && describe(world, found, entityOf(world, locus, { kind, value: said.value, span: said.span }));
    }
    case 'domain-interface': {
      const same = domainInterfaces(world, (other) => other === fact);
      return section(
        'Interface of a domain',
        same.map(({ text }) => text),
      );
    }
    case 'ping':
      return section(`Ping to ${fact.target.value}`, [
        `${fact.replies} of its packets came back${fact.lost ? `; ${escape(fact.lost.value)} lost` : ''}`,
        'It proves that packets went both ways, not which way they took',
      ]);
    default:
      return undefined;
  }
}

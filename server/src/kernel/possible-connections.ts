import { copyTable, isRemembered, type Connection, type ConnectionTable, type Opened, type Tuple } from './conntrack';
import type { Doubt } from './decide';
import { invert, newTable, tupleOf } from './conntrack';
import type { Expectation } from './expected';
import type { IpvsEntry } from './ipvs-connections';
import type { IpPacket } from './packet';
import { anyChanges, later, NO_CHANGES, type SetChanges } from './set-changes';

/** A doubt with the answer that was given. */
export type Answered = Doubt & { readonly answer: boolean };

/** What packets may have left behind, and the answers that differ from the likely ones where it is so. */
interface Left {
  readonly own: readonly Connection[];
  readonly opened: readonly Opened[];
  readonly ipvs: readonly IpvsEntry[];
  readonly because: readonly Answered[];
}

/** What else there may be is not kept: it is too much, or nobody knows. */
interface Unknown {
  /** A capture would tell; otherwise it is chance. */
  readonly hidden: boolean;
  readonly because: readonly Answered[];
}

/** Packets that met each other's connections. What they left behind together; the likely first. */
interface Group {
  readonly left: readonly [Left, ...Left[]];
  readonly unknown: Unknown | undefined;
  /** Protocols of those whose end is not known: NAT may have given them any addresses. */
  readonly lost: readonly number[];
  /** Between whom those are that are not kept. */
  readonly dropped: readonly Ends[];
}

/** Between whom a packet is. */
export type Ends = Pick<Tuple, 'proto' | 'src' | 'dst'>;

/**
 * The connections of a namespace between two packets, where what became of the packets before may be open. Packets between other
 * addresses have nothing to do with each other: what is open of one does not multiply with what is open of the next.
 */
export interface PossibleConnections {
  readonly captured: ReadonlyMap<string, Connection>;
  readonly expectations: readonly Expectation[];
  readonly setChanges: SetChanges;
  readonly groups: readonly Group[];
}

/** One of the states that a packet may meet. */
export interface PossibleTable {
  readonly table: ConnectionTable;
  readonly because: readonly Answered[];
}

/** The states that a packet may meet; the likely first. */
export interface Meets {
  readonly tables: readonly PossibleTable[];
  readonly unknown: Unknown | undefined;
  readonly met: readonly Group[];
  readonly others: readonly Group[];
}

/** More different pasts than these are not kept of packets that met each other. */
const MOST = 12;

export function capturedAlone(
  captured: ReadonlyMap<string, Connection>,
  expectations: readonly Expectation[],
): PossibleConnections {
  return { captured, expectations, setChanges: NO_CHANGES, groups: [] };
}

/** The ends of a packet, and those of an answer to the packet that it is about. */
export function endsOf(packet: IpPacket): Ends[] {
  return [tupleOf(packet), ...(packet.inner ? [invert(tupleOf(packet.inner))] : [])];
}

export function sameEnds(a: Ends, b: Ends): boolean {
  return a.proto === b.proto && ((a.src === b.src && a.dst === b.dst) || (a.src === b.dst && a.dst === b.src));
}

function isMet({ left, lost, dropped }: Group, all: readonly Ends[]): boolean {
  const among = (tuple: Ends) => all.some((ends) => sameEnds(ends, tuple));
  return (
    left.some(
      ({ own, opened, ipvs }) =>
        own.some(({ original, reply }) => among(original) || among(reply)) ||
        opened.some((tuple) => among(tuple) || among(invert(tuple))) ||
        ipvs.flatMap(endsOfEntry).some(among),
    ) ||
    dropped.some(among) ||
    lost.some((proto) => all.some((ends) => ends.proto === proto))
  );
}

/** Between whom a connection of IPVS is: its client and the service, or the server. */
function endsOfEntry({ proto, client, virtual, server }: IpvsEntry): Ends[] {
  return [
    { proto, src: client, dst: virtual },
    { proto, src: client, dst: server },
  ];
}

/** The states that a packet between these addresses may meet. */
export function tablesMet(possible: PossibleConnections, ends: readonly Ends[]): Meets {
  const met = possible.groups.filter((group) => isMet(group, ends));
  const others = possible.groups.filter((group) => !met.includes(group));
  const rest = others.map(({ left: [likely] }) => likely);
  let pasts: Left[] = [{ own: [], opened: [], ipvs: [], because: [] }];
  let unknown = met.map((group) => group.unknown).reduce(both, undefined);
  for (const { left } of met) {
    const all = pasts.flatMap((past) => left.map((one) => together([past, one])));
    if (all.length > MOST) unknown = both(unknown, unknownOf(all.slice(MOST)));
    pasts = all.slice(0, MOST);
  }
  const tables = pasts.map((past): PossibleTable => {
    const { own, opened, ipvs } = together([...rest, past]);
    const table = newTable(possible.captured, possible.expectations);
    return {
      table: copyTable({ ...table, setChanges: possible.setChanges, own: [...own], opened: [...opened], ipvs: [...ipvs] }),
      because: past.because,
    };
  });
  return { tables, unknown, met, others };
}

function both(a: Unknown | undefined, b: Unknown | undefined): Unknown | undefined {
  return a && b ? { hidden: a.hidden || b.hidden, because: [...a.because, ...b.because] } : (a ?? b);
}

function unknownOf(left: readonly { readonly because: readonly Answered[] }[]): Unknown {
  const because = left.flatMap((one) => one.because);
  return { hidden: because.some(({ nature }) => nature !== 'chance'), because };
}

function together(all: readonly Left[]): Left {
  return {
    own: all.flatMap(({ own }) => own),
    opened: all.flatMap(({ opened }) => opened),
    ipvs: all.flatMap(({ ipvs }) => ipvs),
    because: all.flatMap(({ because }) => because),
  };
}

/**
 * What there may be after a packet: the tables, the likely first. `open` tells why it may be something else; `lost` is the packet's protocol
 * where its end is not known.
 */
export function afterPacket(
  possible: PossibleConnections,
  meets: Meets,
  tables: readonly [PossibleTable, ...PossibleTable[]],
  open: readonly Answered[] | undefined,
  lost: number | undefined,
): PossibleConnections {
  const [likely, ...less] = tables;
  const owned = meets.others.reduce((sum, { left: [{ own }] }) => sum + own.length, 0);
  const opened = meets.others.reduce((sum, { left: [left] }) => sum + left.opened.length, 0);
  const served = meets.others.reduce((sum, { left: [left] }) => sum + left.ipvs.length, 0);
  const leftBy = ({ table, because }: PossibleTable): Left => ({
    own: table.own.slice(owned).filter(matters),
    opened: table.opened.slice(opened),
    ipvs: table.ipvs.slice(served),
    because,
  });
  const first = leftBy(likely);
  const seen = new Set([wordsOf(first)]);
  const different = less.map(leftBy).filter((left) => {
    const words = wordsOf(left);
    if (seen.has(words)) return false;
    seen.add(words);
    return true;
  });
  let at = 0;
  // What a packet changed of connections of others is changed.
  const others = meets.others.map((group): Group => {
    const { left } = group;
    const [{ own, ...rest }, ...more] = left;
    at += own.length;
    return { ...group, left: [{ ...rest, own: likely.table.own.slice(at - own.length, at) }, ...more] };
  });
  const kept = different.slice(0, MOST - 1);
  const cut = different.slice(MOST - 1);
  const reasons = [
    meets.unknown,
    ...(cut.length > 0 ? [unknownOf(cut)] : []),
    ...(open ? [{ hidden: lost !== undefined || open.some(({ nature }) => nature !== 'chance'), because: open }] : []),
  ];
  const group: Group = {
    left: [first, ...kept],
    unknown: reasons.reduce(both, undefined),
    dropped: [
      ...meets.met.flatMap((one) => one.dropped),
      ...(meets.unknown ? meets.met.flatMap((one) => one.left.flatMap(endsLeft)) : []),
      ...cut.flatMap(endsLeft),
    ],
    lost: [...meets.met.flatMap((one) => one.lost), ...(lost === undefined ? [] : [lost])],
  };
  const isEmpty = !group.unknown && group.left.every((left) => left.own.length + left.opened.length + left.ipvs.length === 0);
  const setChanges = later(
    anyChanges(
      tables.map(({ table, because }) => ({
        changes: table.setChanges,
        hidden: because.some(({ nature }) => nature !== 'chance'),
      })),
    ),
  );
  return { ...possible, expectations: likely.table.expectations, setChanges, groups: isEmpty ? others : [...others, group] };
}

/** Between whom the connections are, before and after NAT. */
function endsLeft({ own, opened, ipvs }: Left): Ends[] {
  return [...own.flatMap(({ original, reply }) => [original, reply]), ...opened, ...ipvs.flatMap(endsOfEntry)].map(
    ({ proto, src, dst }) => ({
      proto,
      src,
      dst,
    }),
  );
}

/** What no packet can find any more is forgotten, but for captured connections that ended: those stand for their rows. */
function matters(connection: Connection): boolean {
  const { confirmed, dead, captured } = connection;
  return captured === true || (confirmed && (!dead || isRemembered(connection)));
}

/** Two that say the same are the same for all that comes. */
function wordsOf({ own, opened, ipvs }: Left): string {
  return JSON.stringify([own.map((connection) => ({ ...connection, source: undefined })), opened, ipvs], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value instanceof Set ? [...value] : value,
  );
}

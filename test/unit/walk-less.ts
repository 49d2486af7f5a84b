import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import { linkNetwork } from '../../server/src/link/network';
import { get, vlansOf, type FlowKey } from '../../server/src/packet/flow-key';
import { addresses, type Step } from '../../server/src/walk/step';
import { walk, type WalkAnswer, type WalkQuestion } from '../../server/src/walk/walk';
import { outline, root } from './walk-fixture';

/** A packet that was really sent through a network, and every device that saw it, by the clock: `host [namespace] device a > b [vni N] [vlan N]`. */
export interface Experiment {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly proto: 'icmp' | 'tcp' | 'udp';
  readonly dport?: number;
  /** Of the IP packet; DF was set, or in IPv6 its sender did not cut it. */
  readonly length?: number;
  readonly dontFragment?: boolean;
  /** Who told the sender that it was too long, and the MTU that was named. */
  readonly told?: { readonly from: string; readonly mtu: number };
  /** The sender's own system refused to send it. */
  readonly refused?: boolean;
  /** Devices (`host device`) of which a hash takes one: the walk may name another one of them. */
  readonly oneOf?: readonly (readonly string[])[];
  /** Nobody waited for it there: TCP's answer was a reset. Not of every network. */
  readonly reset?: boolean;
  /** It came to the machine that it was for. */
  readonly arrives: boolean;
  /** An answer came back to the sender. */
  readonly answered: boolean;
  readonly request: readonly string[];
  readonly reply: readonly string[];
}

export interface RecordedNetwork {
  readonly files: Readonly<Record<string, string>>;
  readonly experiments: readonly Experiment[];
}

interface Passed {
  readonly host: string;
  readonly device: string;
  readonly pair: string;
  readonly vni: number | undefined;
  /** The tags outside in, as `10` or `100.10`; undefined where the frame had none. */
  readonly vlan: string | undefined;
}

function passed(text: string): Passed {
  const form = /^(\S+)(?: \S+)? (\S+) (\S+ > \S+?)(?: vni (\d+))?(?: vlan ([\d.]+))?$/;
  const [, host = '', device = '', pair = '', vni, vlan] = form.exec(text) ?? [];
  return { host, device, pair, vni: vni === undefined ? undefined : Number(vni), vlan };
}

function withoutRepeats<T>(items: readonly T[]): T[] {
  return items.filter((item, n) => n === 0 || item !== items[n - 1]);
}

/** A packet's tags from the outside in, as `100.10`. */
function tagsOf(packet: FlowKey): string {
  return vlansOf(packet).join('.');
}

function inOrder(shown: readonly string[], real: readonly string[], answer: WalkAnswer): void {
  let next = 0;
  for (const one of real) {
    const found = shown.indexOf(one, next);
    assert.ok(found >= 0, `the packet was ${one}\n${outline(answer)}`);
    next = found + 1;
  }
}

/** What a walk must show of where a packet was: the devices in order, the addresses in order, the networks of its tunnels. `copies`: those of floods were noted as well. */
export function comparePlaces(
  answer: WalkAnswer,
  seen: readonly string[],
  oneOf: Experiment['oneOf'] = [],
  copies = false,
): void {
  const inside = (step: Step): Step[] => step.steps.flatMap((inner) => [inner, ...inside(inner)]);
  const copied = copies ? answer.steps.flatMap(inside) : [];
  const isCopy = ({ host, device }: Passed): boolean =>
    copied.some((step) => step.host === host && (step.device === device || step.port === device)) ||
    copied.some((step) => step.stage === 'tunnel' && step.host !== host && step.summary.includes(` on ${host}`));
  const real = seen.map(passed);
  const likes = ({ host, device }: Passed): readonly string[] => {
    const group = oneOf.find((members) => members.includes(`${host} ${device}`));
    return group?.map((member) => member.slice(host.length + 1)) ?? [device];
  };
  const { steps } = answer;
  const words = steps.map((step) => [step.device, ...step.summary.split(/[^\w.@+-]+/)]);
  let at = 0;
  for (const place of real.filter(({ vni }) => vni === undefined)) {
    const found = steps.findIndex(
      (step, n) =>
        n >= at &&
        likes(place).some((device) => words[n]?.includes(device) === true) &&
        (step.host === place.host || step.summary.includes(` on ${place.host}`)),
    );
    if (found < 0 && isCopy(place)) continue;
    assert.ok(found >= 0, `${place.host} ${place.device} saw the packet\n${outline(answer)}`);
    at = found;
  }
  const pairs = withoutRepeats(steps.map((step) => addresses(step.packet).replace(' → ', ' > ')));
  inOrder(pairs, withoutRepeats(real.map((place) => place.pair)), answer);
  // Of networks whose recorder saw tags, the walk must show the same ones in the same order.
  if (real.some(({ vlan }) => vlan !== undefined))
    inOrder(
      withoutRepeats(steps.map(({ packet }) => tagsOf(packet))),
      withoutRepeats(real.filter(({ vni }) => vni === undefined).map(({ vlan = '' }) => vlan)).filter((tags) => tags !== ''),
      answer,
    );
  const vnis = withoutRepeats(real.flatMap(({ vni }) => (vni === undefined ? [] : [vni])));
  const tunnels = steps
    .filter(({ stage, effect }) => stage === 'tunnel' && effect !== 'dropped' && effect !== 'unknown')
    .map(({ packet }) => Number(get(packet, 'tun_id')));
  assert.deepEqual(withoutRepeats(tunnels), vnis, outline(answer));
  const devices = new Set(real.flatMap((place) => likes(place).map((device) => `${place.host} ${device}`)));
  for (const { stage, host, device, summary, effect } of steps) {
    const isPlace =
      stage === 'tap' || stage === 'nic' || (stage === 'neighbour' && !copies) || (stage === 'namespace' && / at /.test(summary));
    if (isPlace && device !== 'lo' && effect !== 'unknown' && effect !== 'dropped')
      assert.ok(devices.has(`${host ?? '-'} ${device}`), `nobody saw it there: ${summary}`);
  }
}

const folder = path.join(root, 'test/fixtures/networks');

/** The networks that were recorded, by name. */
export function recordedNetworks(): string[] {
  return fs
    .readdirSync(folder)
    .sort()
    .map((file) => file.replace('.json.gz', ''));
}

export function readRecorded(name: string): RecordedNetwork {
  return JSON.parse(gunzipSync(fs.readFileSync(path.join(folder, `${name}.json.gz`))).toString('utf8')) as RecordedNetwork;
}

type Listings = Readonly<Record<string, Readonly<Record<string, Readonly<Record<'filter' | 'nat', string>>>>>>;

let listings: Listings | undefined;

/** What `iptables -L -n` printed of the rules that `iptables-save` did, by its file. */
function listingsOf(name: string): Listings[string] {
  listings ??= JSON.parse(
    gunzipSync(fs.readFileSync(path.join(root, 'test/fixtures/network-listings.json.gz'))).toString('utf8'),
  ) as Listings;
  return listings[name] ?? {};
}

/** What a walk with everything says. */
export interface WholeAnswers {
  readonly experiment: Experiment;
  readonly answers: readonly WalkAnswer[];
}

export function documentsByName(files: Readonly<Record<string, string>>): Map<string, CaptureDocument> {
  return new Map(Object.entries(files).map(([name, text]) => [name, readDocument(`file:///${name}`, name, text)]));
}

/** What is asked of a walk of it. */
export function questionOf({ from, to, proto, dport, length, dontFragment }: Experiment): WalkQuestion {
  return {
    from,
    to,
    proto,
    reply: true,
    ...(dport === undefined ? {} : { dport }),
    ...(length === undefined ? {} : { length }),
    ...(dontFragment === undefined ? {} : { dontFragment }),
  };
}

export function answersTo(documents: Iterable<CaptureDocument>, experiments: readonly Experiment[]): WholeAnswers[] {
  const network = linkNetwork([...documents]);
  return experiments.map((experiment) => {
    const result = walk(network, questionOf(experiment));
    return {
      experiment,
      answers: result.kind === 'error' ? [] : [result.request, ...(result.reply ? [result.reply] : [])],
    };
  });
}

const hostOfFile = (name: string): string => name.split('/')[0] ?? name;

/** The machine, and the namespace of it, that a walk ends in. */
const place = ({ ending, steps }: WalkAnswer): string => `${ending.at.host ?? '-'} ${steps.at(-1)?.namespace ?? ''}`;

/** A guest without captures of its own is known by its name on its host. */
function isSameEnd(whole: WalkAnswer, less: WalkAnswer): boolean {
  if (whole.ending.disposition !== less.ending.disposition) return false;
  return place(whole) === place(less) || less.ending.at.device === whole.ending.at.host;
}

/** Dropped for its length. */
function isTooLong({ ending }: WalkAnswer): boolean {
  return ending.disposition === 'dropped' && /more than (?:the MTU|it lets through)/.test(ending.summary);
}

/**
 * What is wrong with an answer that had less to go by than the whole one; undefined where it is the same, or says less: it is open, or it is
 * another one that names a capture which is missing. `changed` are the files that were left out or cut.
 */
function wrongWithLess(whole: WalkAnswer, less: WalkAnswer, changed: Iterable<string>): string | undefined {
  const { disposition } = less.ending;
  if (isSameEnd(whole, less)) return undefined;
  // Whom nobody answers loses the packet wherever the question, or the packet in its stead, is lost.
  if (disposition === 'dropped' && /^Nobody answers /.test(whole.ending.summary)) return undefined;
  if (less.gaps.length === 0) return 'another end, and no capture is named';
  if (disposition === 'insufficient-info') return undefined;
  // What is too long for two devices is lost all the same where the first one's MTU is missing.
  if (isTooLong(whole) && isTooLong(less)) return undefined;
  if (disposition === 'dropped' || disposition === 'loop') return `called ${disposition}`;
  // To leave the captures is right wherever the next machine is not among them.
  if (disposition === 'exits' || less.certainty === 'assumed') return undefined;
  if (less.certainty === 'captured') return 'another end, and certain of it';
  const hosts = new Set([...changed].map(hostOfFile));
  const isNamed = less.gaps.some(({ host }) => host === null || hosts.has(host));
  return isNamed ? undefined : `another end, and nothing of ${[...hosts].join(', ')} is named`;
}

function describeWrong(experiment: Experiment, n: number, what: string, why: string, answer: WalkAnswer): string {
  return `${experiment.name}: ${experiment.from} > ${experiment.to} ${experiment.proto} ${experiment.dport ?? ''}${n === 1 ? ' (answer)' : ''} ${what}: ${why}\n${outline(answer)}`;
}

/** Files by name: text that takes the place of what was recorded, or undefined where the file is missing. */
export type Change = ReadonlyMap<string, string | undefined>;

export interface Variant {
  /** `without …` or `with …`, for people. */
  readonly what: string;
  readonly change: Change;
}

/** The namespace whose captures a file holds: of files it is the first word of the name, as in `qrouter-…_ip_a.txt`. */
function namespaceOfFile(name: string): string | undefined {
  const [, namespace] = /\/((?:qrouter|qdhcp|snat|fip)-[0-9a-f-]+)_/.exec(name) ?? [];
  return namespace === undefined ? undefined : `${hostOfFile(name)}/${namespace}`;
}

const missing = (names: readonly string[]): Change => new Map(names.map((name) => [name, undefined]));

function grouped(names: readonly string[], key: (name: string) => string | undefined): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const own = key(name);
    if (own !== undefined) groups.set(own, [...(groups.get(own) ?? []), name]);
  }
  return groups;
}

/** `ip -br a` of what `ip a` printed: a line for each device, without MAC addresses, masters and flags. */
function asBrief(name: string, text: string): Change {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const [, device, flags = ''] = /^\d+: (\S+): <(.*?)>/.exec(line) ?? [];
    const [, state = 'UNKNOWN'] = / state (\S+)/.exec(line) ?? [];
    const [, address] = /^\s+inet6? (\S+)/.exec(line) ?? [];
    if (device !== undefined) lines.push(`${device.padEnd(16)} ${(flags.includes('UP') ? state : 'DOWN').padEnd(14)} `);
    else if (address !== undefined) lines.push(`${lines.pop() ?? ''}${address} `);
  }
  return new Map([
    [name, undefined],
    [name.replace(/ip_a\.txt$/, 'ip_-br_a.txt'), `${lines.join('\n')}\n`],
  ]);
}

/** Ways to have less of a recorded network: what people leave out, cut, or take with other options. */
export function waysToHaveLess(network: string, files: Readonly<Record<string, string>>): Record<string, Variant[]> {
  const names = Object.keys(files);
  const filled = Object.entries(files).filter(([, text]) => text.trim() !== '');
  const without = (what: string, chosen: readonly string[]): Variant => ({ what: `without ${what}`, change: missing(chosen) });
  const kinds = grouped(names, (name) => name.replace(/^.*\/(?:(?:qrouter|qdhcp|snat|fip)-[0-9a-f-]+_)?/, ''));
  return {
    'one capture': names.map((name) => without(name, [name])),
    'one host': [...grouped(names, hostOfFile)].map(([host, own]) => without(`all of ${host}`, own)),
    'one namespace': [...grouped(names, namespaceOfFile)].map(([namespace, own]) => without(namespace, own)),
    'one command on every host': [...kinds].map(([kind, own]) => without(`every ${kind}`, own)),
    'the end of one capture': filled.flatMap(([name, text]) => {
      const lines = text.split('\n');
      if (lines.length < 3) return [];
      const half = lines.slice(0, Math.ceil(lines.length / 2));
      return [{ what: `with half of ${name}`, change: new Map([[name, [...half, '...', ''].join('\n')]]) }];
    }),
    'iptables -L -n': Object.entries(listingsOf(network)).flatMap(([name, { filter, nat }]) => {
      const named = (command: string) => name.replace(/iptables-save\.txt$/, `${command}.txt`);
      const change: Change = new Map([
        [name, undefined],
        [named('iptables_-L_-n'), filter],
      ]);
      return [
        { what: `with iptables -L -n instead of ${name}`, change },
        {
          what: `with iptables -L -n of both tables instead of ${name}`,
          change: new Map([...change, [named('iptables_-t_nat_-L_-n'), nat]]),
        },
      ];
    }),
    'ip -br a': filled.flatMap(([name, text]) =>
      name.endsWith('ip_a.txt') ? [{ what: `with ip -br a instead of ${name}`, change: asBrief(name, text) }] : [],
    ),
  };
}

/** Two ways at once. */
export function both(one: Variant, two: Variant): Variant {
  return { what: `${one.what}, ${two.what}`, change: new Map([...one.change, ...two.change]) };
}

/** The documents of a network as a variant has them. */
export function changed(documents: ReadonlyMap<string, CaptureDocument>, change: Change): CaptureDocument[] {
  const own = new Map(documents);
  for (const [name, text] of change) {
    if (text === undefined) own.delete(name);
    else own.set(name, readDocument(`file:///${name}`, name, text));
  }
  return [...own.values()];
}

/** What is wrong with the answers of a network that has less, as texts for people. */
export function troublesWith(
  whole: readonly WholeAnswers[],
  documents: ReadonlyMap<string, CaptureDocument>,
  variant: Variant,
): string[] {
  const less = answersTo(
    changed(documents, variant.change),
    whole.map(({ experiment }) => experiment),
  );
  return less.flatMap(({ experiment, answers }, n) => {
    const troubles: string[] = [];
    for (const [m, answer] of answers.entries()) {
      const before = whole[n]?.answers[m];
      if (!before) break;
      const why = wrongWithLess(before, answer, variant.change.keys());
      if (why !== undefined) troubles.push(describeWrong(experiment, m, variant.what, why, answer));
      // What answers another packet than before is no answer to compare.
      if (!isSameEnd(before, answer)) break;
    }
    return troubles;
  });
}

import type { Answer, Case } from './folder';

/** What is compared of an answer. */
interface Parts {
  /** The rules visited, in order: table, match and priority, with the bridges and recirculations between them. */
  readonly rules: readonly string[];
  readonly finals: readonly string[];
  readonly datapath: readonly string[];
  readonly megaflows: readonly string[];
  /** What was asked about, and what was recirculated. */
  readonly flows: readonly string[];
  /** Everything but the Megaflow lines. */
  readonly text: string;
}

export interface Comparison {
  /** What must be equal and is not: `rules`, `final`, `datapath`, `error`; of an exact case `megaflow` and `lines`, too. */
  readonly differs: readonly string[];
  readonly megaflow: boolean;
  readonly text: boolean;
}

/** What no capture tells of a case, and so cannot be compared. */
type Loose = Partial<Pick<Case, 'alike' | 'unordered' | 'cookiesHidden' | 'exact' | 'question'>>;

/** Compares the real answer with ours. */
export function compare(
  real: Answer,
  ours: Answer,
  { alike = [], unordered = false, cookiesHidden = false, exact = false, question }: Loose = {},
): Comparison {
  if (real.kind === 'error' || ours.kind === 'error') {
    const same = real.kind === ours.kind && sentence(real.text) === sentence(ours.text);
    return { differs: same ? [] : ['error'], megaflow: same, text: same };
  }
  const told = (text: string): string => (cookiesHidden ? withoutCookies(text) : text);
  const [a, b] = [partsOf(told(real.text), alike), partsOf(told(ours.text), alike)];
  const tpid = /\beth_type\(0x88a8\),vlan\(/.test(question?.flow ?? '') ? 0x88a8 : 0x8100;
  const flooded = unordered || /^\s*(?:->|>)? *(?:FLOOD|ALL)$|flooding|^\s*output:(?:FLOOD|ALL)|mirror/im.test(real.text);
  const differs: string[] = [];
  if (!same(a.rules, b.rules) && !(flooded && same(sorted(a.rules), sorted(b.rules)))) differs.push('rules');
  if (!same(a.finals, b.finals)) differs.push('final');
  if (
    !same(a.datapath, b.datapath) &&
    !(
      flooded &&
      same(
        a.datapath.map((actions, n) => outputsAsSet(actions, a.flows[n], tpid)),
        b.datapath.map((actions, n) => outputsAsSet(actions, b.flows[n], tpid)),
      )
    )
  )
    differs.push('datapath');
  const megaflow = same(a.megaflows, b.megaflows);
  if (exact) differs.push(...(megaflow ? [] : ['megaflow']), ...(sameLines(a.text, b.text, flooded) ? [] : ['lines']));
  return { differs, megaflow, text: a.text === b.text };
}

const same = (x: readonly string[], y: readonly string[]): boolean =>
  x.length === y.length && x.every((line, n) => line === y[n]);
const sorted = (lines: readonly string[]): string[] => [...lines].sort();

/** Whether all lines but those of the datapath's actions are the same: those of actions too, whose words only flows as they are kept tell. */
function sameLines(one: string, other: string, flooded: boolean): boolean {
  const others = (text: string): string[] => text.split('\n').filter((line) => !line.startsWith('Datapath actions: '));
  const [x, y] = [others(one), others(other)];
  // Where a line stands depends on whether it is the last of its list.
  const trimmed = (all: readonly string[]): string[] => sorted(all.map((line) => line.trimStart()));
  return same(x, y) || (flooded && same(trimmed(x), trimmed(y)));
}

/** An answer without the cookies of rules, which `bridge/dump-flows` does not print. */
export function withoutCookies(text: string): string {
  return text.replace(/\b(rule_cookie=)(?:0x)?[0-9a-f]+/g, '$10').replace(/, cookie 0x[0-9a-f]+$/gm, '');
}

const sentence = (text: string): string => text.trim().replace(/\s+/g, ' ');

/**
 * Recirculation ids, and the datapath's own numbers of meters, count up while the switch runs: here they count from 1 in each answer.
 * No capture tells them.
 */
export function normalise(text: string): string {
  const counted = (of: string, pattern: RegExp): string => {
    const ids = new Map<string, string>();
    return of.replace(pattern, (_, before: string, id: string) => {
      const key = BigInt(id).toString();
      if (!ids.has(key)) ids.set(key, `#${ids.size + 1}`);
      return `${before}${ids.get(key) ?? ''}`;
    });
  };
  return counted(counted(text, /\b(recirc\(|recirc_id[=(])(0x[0-9a-f]+|[1-9]\d*)/g), /\b(meter\()(\d+)/g);
}

export function partsOf(answer: string, alike: readonly (readonly string[])[] = []): Parts {
  const text = normalise(answer);
  const lines = text.split('\n').map((line) => line.trimEnd());
  const after = (start: string): string[] =>
    lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
  return {
    rules: lines
      .filter((line) => /^\s*(?:\d+|[\w-]+)\. (?:.*priority \d+|No match\.)|^\s*bridge\(|^recirc\(/.test(line))
      .map((line) => line.trim().replace(/, cookie 0x[0-9a-f]+$/, '')),
    finals: after('Final flow: '),
    datapath: after('Datapath actions: ').map((actions) => alike.reduce(standIn, actions)),
    megaflows: after('Megaflow: '),
    flows: after('Flow: '),
    text: lines
      .filter((line) => !line.startsWith('Megaflow: '))
      .join('\n')
      .trim(),
  };
}

/** Outputs to any of these ports as outputs to the first. */
function standIn(actions: string, ports: readonly string[]): string {
  return splitActions(actions)
    .map((action) => (ports.includes(action) ? (ports[0] ?? action) : action))
    .join(',');
}

/** Bits of a field that differ from the packet's before, as far as that is known. */
interface Change {
  readonly value: bigint;
  readonly mask: bigint;
}

/** Takes `VALUE` or `VALUE/MASK` into what has changed; a field that is as before has not. */
function change(changes: Map<string, Change>, key: string, text: string, before: string | undefined): void {
  const [value = '', mask] = text.split('/');
  const own = mask === undefined ? ALL_BITS : numberOf(mask);
  const old = changes.get(key) ?? { value: 0n, mask: 0n };
  const now = { value: (old.value & ~own) | (numberOf(value) & own), mask: old.mask | own };
  const base = before === undefined ? undefined : numberOf(before);
  const differs = base === undefined ? now.mask : now.mask & (now.value ^ base);
  if (differs === 0n) changes.delete(key);
  else changes.set(key, { value: now.value & differs, mask: differs });
}

const ALL_BITS = (1n << 128n) - 1n;

/** A MAC, an IPv4 or IPv6 address or a number; text that is none of them as the number of its characters. */
function numberOf(text: string): bigint {
  if (/^(?:0x[0-9a-f]+|\d+)$/.test(text)) return BigInt(text);
  if (/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text)) return BigInt(`0x${text.replaceAll(':', '')}`);
  if (/^\d+(?:\.\d+){3}$/.test(text)) return text.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  if (/^[0-9a-f:]*:[0-9a-f:]*$/.test(text)) {
    const [left = '', right] = text.split('::');
    const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
    const [first, last] = [groups(left), groups(right ?? '')];
    const zeros = right === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => '0');
    return [...first, ...zeros, ...last].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  }
  return [...text].reduce((sum, char) => (sum << 16n) | BigInt(char.charCodeAt(0)), 0n) & ALL_BITS;
}

/** Fields of a flow as datapath actions call them. */
const NAMES: Readonly<Record<string, string>> = {
  ...{ 'eth.src': 'dl_src', 'eth.dst': 'dl_dst', 'ipv4.src': 'nw_src', 'ipv4.dst': 'nw_dst', 'ipv4.ttl': 'nw_ttl' },
  ...{
    'ipv6.src': 'ipv6_src',
    'ipv6.dst': 'ipv6_dst',
    'ipv6.hlimit': 'nw_ttl',
    'skb_mark.': 'pkt_mark',
    'skb_priority.': 'skb_priority',
  },
  ...{ 'arp.sip': 'arp_spa', 'arp.tip': 'arp_tpa', 'arp.op': 'arp_op', 'arp.sha': 'arp_sha', 'arp.tha': 'arp_tha' },
};

/** What a flow does not name where it is 0. */
const UNSET = /^skb_(?:mark|priority)\.$/;

/** A packet on its way through datapath actions: what differs from before, its VLAN headers and new labels, the tunnel that was set. */
interface Seen {
  readonly changes: Map<string, Change>;
  readonly vlans: string[];
  readonly labels: string[];
  tunnel: string;
}

/**
 * The outputs of datapath actions, each with the changes that it sees, in sorted order: FLOOD and ALL visit the ports in the order of a
 * hash table, and changes are made when an output needs them. `flow` is the packet before: what is set back to it is no change. `tpid`
 * is the type of its outer VLAN header, which the flow does not tell.
 */
export function outputsAsSet(actions: string, flow = '', tpid = 0x8100): string {
  const before = new Map(splitActions(flow).map((field) => [field.split('=')[0] ?? '', field.split('=')[1] ?? '']));
  const vlans = ['1', ''].flatMap((n) => {
    const vid = before.get(`dl_vlan${n}`);
    const type = n === '' && tpid !== 0x8100 ? `tpid=0x${tpid.toString(16)},` : '';
    return vid === undefined ? [] : [`push_vlan(${type}vid=${vid},pcp=${before.get(`dl_vlan_pcp${n}`) ?? '0'})`];
  });
  return outputsOf(actions, { changes: new Map(), vlans, labels: [], tunnel: '' }, before).sort().join('\n');
}

function outputsOf(actions: string, seen: Seen, before: ReadonlyMap<string, string>): string[] {
  const { changes, vlans, labels } = seen;
  const outputs: string[] = [];
  const all = splitActions(actions);
  // What is set of a tunnel matters to tunnels only: to the ports that are seen to follow it.
  const tunnels = new Set(all.filter((_, n) => followsTunnel(all, n)));
  for (const action of all) {
    const name = /^[a-z_]+/.exec(action)?.[0] ?? '';
    const inner = /^(?:clone|check_pkt_len)\((.*)\)$/.exec(action)?.[1];
    if (action === 'pop_vlan') vlans.pop();
    else if (name === 'push_vlan') vlans.push(action);
    else if (name === 'push_mpls') labels.push(action);
    else if (name === 'pop_mpls' && labels.length > 0) labels.pop();
    else if (name === 'set') {
      for (const [key, value] of setsOf(action)) {
        if (key === 'tunnel') seen.tunnel = value;
        else change(changes, key, value, before.get(NAMES[key] ?? '') ?? (UNSET.test(key) ? '0' : undefined));
      }
    } else if (inner !== undefined) {
      const copy = (text: string): string[] =>
        outputsOf(text, { changes: new Map(changes), vlans: [...vlans], labels: [...labels], tunnel: seen.tunnel }, before);
      if (name === 'clone') outputs.push(...copy(inner));
      else {
        const [size = '', ...branches] = splitActions(inner);
        for (const branch of branches) {
          const [, which = '', text = ''] = /^(gt|le)\((.*)\)$/.exec(branch) ?? [];
          outputs.push(...copy(text).map((output) => `${size} ${which} ${output}`));
        }
      }
    } else {
      const sees = [...changes].map(([key, { value, mask }]) => `${key}=${value}/${mask}`).sort();
      outputs.push(`${sees.join()}|${tunnels.has(action) ? seen.tunnel : ''}|${vlans.join()}|${labels.join()}|${action}`);
    }
  }
  return outputs;
}

/** Whether the action at `n` comes right after a tunnel was set, but for what else changes the packet. */
function followsTunnel(all: readonly string[], n: number): boolean {
  for (let k = n - 1; k >= 0 && /^(?:set|push_vlan|pop_vlan)\b/.test(all[k] ?? ''); k--)
    if (all[k]?.startsWith('set(tunnel')) return true;
  return false;
}

function setsOf(action: string): [string, string][] {
  const inner = action.slice('set('.length, -1);
  const [, header = '', fields = ''] = /^(\w+)\((.*)\)$/.exec(inner) ?? [];
  if (header === 'tunnel' || fields === '') return [[header, fields]];
  if (!fields.includes('=')) return [[`${header}.`, fields]];
  return splitActions(fields).map((field) => {
    const [name = '', value = ''] = field.split('=');
    return [`${header}.${name}`, value];
  });
}

/** Splits at commas outside parentheses. */
export function splitActions(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let n = 0; n <= text.length; n++) {
    const char = text[n];
    if (char === '(' || char === '{') depth++;
    else if (char === ')' || char === '}') depth--;
    else if ((char === ',' && depth === 0) || char === undefined) {
      if (n > start) parts.push(text.slice(start, n));
      start = n + 1;
    }
  }
  return parts;
}

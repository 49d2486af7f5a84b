import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { get } from '../../server/src/packet/flow-key';
import { addresses, type Step } from '../../server/src/walk/step';
import type { WalkAnswer } from '../../server/src/walk/walk';
import { fixture, folder, networkOf, outline, root, trace, type Walked } from './walk-fixture';

/** A packet as tcpdump saw it at one place. */
interface Seen {
  readonly time: number;
  readonly place: string;
  /** The inner addresses. */
  readonly addresses: string;
  readonly vni: number | undefined;
  /** What stays the same through NAT and tunnels: the packet's kind and its numbers. */
  readonly key: string;
}

/** Reads a recording of the lab: `==== place` sections with the lines of `tcpdump -tt -nn -e -v`. */
function readRecording(text: string): Seen[] {
  const seen: Seen[] = [];
  for (const section of text.split(/^==== /m).slice(1)) {
    const place = section.slice(0, section.indexOf('\n')).trim();
    for (const record of section.split(/^(?=\d{9,}\.\d+ )/m).slice(1)) {
      const time = Number(/^\d+\.\d+/.exec(record)?.[0]);
      const hops = [...record.matchAll(/^ +(\d+\.\d+\.\d+\.\d+)(?:\.\d+)? > (\d+\.\d+\.\d+\.\d+)(?:\.\d+)?: (?!VXLAN)(.*)$/gm)];
      const inner = hops.at(-1);
      if (!inner) continue;
      const [, from = '', to = '', rest = ''] = inner;
      const echo = /ICMP echo (request|reply), id (\d+), seq (\d+)/.exec(rest);
      const tcp = /^Flags \[(S\.?)\], .*?\bseq (\d+)/.exec(rest);
      const key = echo
        ? `${echo[1] ?? ''} ${echo[3] ?? ''}`
        : tcp
          ? `${tcp[1] === 'S' ? 'request' : 'reply'} ${tcp[2] ?? ''}`
          : undefined;
      if (key === undefined) continue;
      const vni = /\bvni (\d+)/.exec(record)?.[1];
      seen.push({ time, place, addresses: `${from} → ${to}`, vni: vni === undefined ? undefined : Number(vni), key });
    }
  }
  return seen.sort((a, b) => a.time - b.time);
}

/** The places that the first packet of a direction passed, in the order of the clock; not its later copies. */
function passage(seen: readonly Seen[], direction: 'request' | 'reply'): Seen[] {
  const first = seen.find(({ key }) => key.startsWith(direction));
  if (!first) return [];
  return seen.filter(({ key, time }) => key === first.key && time < first.time + 0.5);
}

function withoutRepeats<T>(items: readonly T[], key: (item: T) => string): T[] {
  return items.filter((item, n) => {
    const before = items[n - 1];
    return before === undefined || key(before) !== key(item);
  });
}

/** The places that a step of the walk passes, as the recording names them. */
function placesOf(step: Step): { place: string; addresses: string; vni: number | undefined }[] {
  const inside = step.namespace === null ? '' : `netns ${step.namespace} `;
  const at = (host: string | null, device: string, vni?: number) => ({
    place: `${host ?? '-'} ${device}`,
    addresses: addresses(step.packet),
    vni,
  });
  switch (step.stage) {
    case 'tap':
    case 'nic':
      return [at(step.host, step.device)];
    case 'veth': {
      const [, from = '', to = ''] = /veth pair (\S+) → (\S+)/.exec(step.summary) ?? [];
      return [at(step.host, from), at(step.host, to)];
    }
    case 'tunnel': {
      const far = / on (\S+)$/.exec(step.summary)?.[1] ?? '?';
      const vni = Number(get(step.packet, 'tun_id'));
      return [at(step.host, 'eth1', vni), at(far, 'eth1', vni)];
    }
    case 'ovs-port':
      return step.port === 'LOCAL' ? [at(step.host, step.device)] : [];
    case 'namespace':
    case 'neighbour':
      return step.device === 'lo' ? [] : [at(step.host, inside + step.device)];
    default:
      return [];
  }
}

function compare(answer: WalkAnswer, seen: readonly Seen[], direction: 'request' | 'reply', watched: ReadonlySet<string>): void {
  const show = ({ place, addresses: who, vni }: { place: string; addresses: string; vni: number | undefined }) =>
    `${place} ${who}${vni === undefined ? '' : ` vni ${vni}`}`;
  const real = withoutRepeats(passage(seen, direction), show).map(show);
  // The step shows the packet as it leaves; a device is passed with what it was given.
  const walked = withoutRepeats(answer.steps.flatMap(placesOf), show)
    .filter(({ place }) => watched.has(place))
    .map(show);
  assert.ok(real.length > 0, 'the recording has the packet');
  assert.deepEqual(walked, real, outline(answer));
}

const experiments: readonly (readonly [file: string, question: string])[] = [
  ['ping_c-private_to_gateway', 'c-private > 172.19.1.1 reply'],
  ['ping_c-private_to_outside_fip', 'c-private > 203.0.113.10 reply'],
  ['ping_d-private_to_outside_snat', 'd-private > 203.0.113.10 reply'],
  ['ping_outside_to_fip', '203.0.113.10 > 172.24.4.3 reply'],
  ['ping_c_to_d_eastwest_l2', 'c-private > 172.19.1.4 reply'],
  ['ping_c_to_b_eastwest_l3_routed', 'c-private > 172.19.2.5 reply'],
  ['ping_d_to_e_samehost', 'd-private > 172.19.1.5 reply'],
  ['ping_d_to_c_via_floating_ip', 'd-private > 172.24.4.3 reply'],
  ['tcp_c_to_outside_80', 'c-private > 203.0.113.10 tcp 80 reply'],
  ['tcp_c_to_d_22_allowed', 'c-private > 172.19.1.4 tcp 22 reply'],
  ['tcp_c_to_d_80_conjunction', 'c-private > 172.19.1.4 tcp 80 reply'],
  ['tcp_c_to_d_81_denied', 'c-private > 172.19.1.4 tcp 81 reply'],
  ['tcp_outside_to_fip_22', 'outside > 172.24.4.3 tcp 22 reply'],
];

describe('the recorded lab: the walk is where tcpdump saw the packet', () => {
  const files = new Map([...folder(path.join(root, 'test/fixtures/lab'))].filter(([name]) => !name.startsWith('real/')));
  const network = networkOf(files);
  for (const [file, asked] of experiments) {
    it(file, () => {
      const text = fixture(`lab/real/${file}.txt`);
      const seen = readRecording(text);
      const watched = new Set([...text.matchAll(/^==== (.+)$/gm)].map((match) => match[1]?.trim() ?? ''));
      const walked: Walked = trace(network, asked);
      compare(walked.request, seen, 'request', watched);
      const denied = file.endsWith('denied');
      assert.equal(walked.request.ending.disposition, denied ? 'dropped' : 'delivered');
      if (denied) {
        assert.equal(walked.reply, undefined);
        assert.notEqual(walked.request.certainty, 'assumed');
        return;
      }
      assert.ok(walked.reply, 'the answer is walked');
      compare(walked.reply, seen, 'reply', watched);
      assert.equal(walked.reply.ending.disposition, 'delivered');
    });
  }
});

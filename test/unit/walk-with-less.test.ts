import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { trace, networkOf, outline } from './walk-fixture';
import { answersTo, both, documentsByName, readRecorded, recordedNetworks, troublesWith, waysToHaveLess } from './walk-less';

/** Of so many ways to have less one is tried, unless `FUZZ_TIMES` asks for more; as many try them all. */
const SHARE = 24;

function report(troubles: readonly string[]): void {
  const shown = troubles.slice(0, Number(process.env['SHOW'] ?? 3)).join('\n\n');
  assert.equal(troubles.length, 0, `${troubles.length} wrong answers, the first ones:\n\n${shown}`);
}

/** Some of a list: the same ones for the same seed. */
function sample<T>(items: readonly T[], count: number): T[] {
  if (count >= items.length) return [...items];
  return fc.sample(fc.shuffledSubarray([...items], { minLength: count, maxLength: count }), 1)[0] ?? [];
}

describe('recorded networks with less captured: the same answer, or one that says what is missing', () => {
  for (const name of recordedNetworks()) {
    it(name, () => {
      const { files, experiments } = readRecorded(name);
      const documents = documentsByName(files);
      const whole = answersTo(documents.values(), experiments);
      const ways = waysToHaveLess(name, files);
      const single = Object.values(ways).flatMap((variants) => sample(variants, runs(variants.length / SHARE)));
      const all = Object.values(ways).flat();
      const pairs = fc
        .sample(fc.tuple(fc.constantFrom(...all), fc.constantFrom(...all)), runs(2))
        .map(([one, two]) => both(one, two));
      report([...single, ...pairs].flatMap((variant) => troublesWith(whole, documents, variant)));
    });
  }
});

describe('what was not captured, and once was taken for what is not there', () => {
  const ask = (network: string, asked: string, left: RegExp) => {
    const files = Object.entries(readRecorded(network).files).filter(([name]) => !left.test(name));
    return trace(networkOf(new Map(files)), asked).request;
  };

  it('a packet may be for an address of a router whose addresses nobody captured', () => {
    const answer = ask('linux-bridges', 'upstream > 100.64.8.41 tcp 99', /qrouter-.*_ip_a\.txt/);
    assert.equal(answer.ending.disposition, 'insufficient-info', outline(answer));
    assert.ok(
      answer.gaps.some(({ command }) => /qrouter-\S+ ip address/.test(command)),
      outline(answer),
    );
  });

  it('an address that a bridge and its port have says nothing of who is behind that port', () => {
    const answer = ask('vlan-bridges', 'server > 10.0.10.1 tcp 80', /^pc-a\/ip_neigh/);
    assert.equal(answer.ending.at.host, 'pc-a', outline(answer));
  });

  it('a device whose kind is not known may share the card of its machine', () => {
    const shared = ask('shared-by-ip', '10.3.0.100 > 10.3.0.1 icmp', /^hv-l3s\/namespaces\/l3s-b\/ip_-d_link/);
    assert.equal(shared.ending.disposition, 'insufficient-info', outline(shared));
    assert.ok(
      shared.gaps.some(({ command }) => command === 'ip -d link'),
      outline(shared),
    );
  });

  it('a port below whose name a capture was cut may have a tag', () => {
    const { files } = readRecorded('vlan-office');
    const show = files['sw1/ovs-vsctl_show.txt'] ?? '';
    const cut = `${show.slice(0, show.indexOf('Port swp2') + 'Port swp2'.length)}\n...\n`;
    const network = networkOf(new Map(Object.entries({ ...files, 'sw1/ovs-vsctl_show.txt': cut })));
    const { request } = trace(network, 'pc-b > 198.51.100.80 udp 53');
    assert.notEqual(request.certainty, 'captured', outline(request));
    assert.ok(
      request.gaps.some(({ host, command }) => host === 'sw1' && command === 'ovs-vsctl show'),
      outline(request),
    );
  });

  it('a device that takes a VLAN may stand below where a list of devices was cut', () => {
    const { files } = readRecorded('bonds');
    const { 'sw/ip_-d_link.txt': _left, 'sw/ip_a.txt': devices = '', ...others } = files;
    const lines = devices.split('\n');
    const cut = [...lines.slice(0, Math.ceil(lines.length / 2)), '...', ''].join('\n');
    const { request } = trace(networkOf(new Map(Object.entries({ ...others, 'sw/ip_a.txt': cut }))), 'lacp > 10.8.0.254 udp 53');
    assert.equal(request.ending.disposition, 'insufficient-info', outline(request));
    assert.ok(
      request.gaps.some(({ host, command }) => host === 'sw' && command === 'ip -d addr'),
      outline(request),
    );
  });

  it('what a host sends to its own address may be translated by rules that nobody captured', () => {
    const answer = ask('docker', 'dock01 > 192.0.2.10 tcp 8080', /^dock01\/iptables/);
    assert.notEqual(answer.certainty, 'captured', outline(answer));
    assert.ok(
      answer.gaps.some(({ host, command }) => host === 'dock01' && command === 'iptables-save'),
      outline(answer),
    );
  });

  it('two guests are not on one wire as long as a port of a host may be either’s', () => {
    const answer = ask('linux-bridges', 'vm-red > 10.77.0.23 udp 514', /bridge_fdb/);
    assert.equal(answer.certainty, 'assumed', outline(answer));
    assert.ok(
      answer.gaps.some(({ command }) => command === 'bridge fdb show'),
      outline(answer),
    );
  });

  it('rules for what a bridge hands on are asked for', () => {
    const answer = ask('linux-bridges', 'vm-red > 10.77.0.22 tcp 6000', /^lb-compute-2\/iptables/);
    assert.ok(
      answer.gaps.some(({ host, command }) => host === 'lb-compute-2' && command === 'iptables-save'),
      outline(answer),
    );
    assert.notEqual(answer.certainty, 'captured', outline(answer));
  });

  it('a router that stands by has the address of hardware of the active one', () => {
    const answer = ask('two-routers', 'edge > 198.18.5.41', /^os-net-1\//);
    assert.notEqual(answer.ending.disposition, 'dropped', outline(answer));
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WalkAnswer } from '../../server/src/walk/walk';
import { networkOf, outline, trace } from './walk-fixture';
import { readRecorded, recordedNetworks } from './walk-less';
import { assertWalked } from './walk-recorded';

describe('recorded networks: the walk is where the packet was', () => {
  for (const name of recordedNetworks()) {
    const recorded = readRecorded(name);
    describe(name, () => {
      const network = networkOf(new Map(Object.entries(recorded.files)));
      for (const experiment of recorded.experiments) {
        it(experiment.name, () => {
          // Of random networks the recorder notes every copy.
          assertWalked(network, experiment, name.startsWith('random-'));
        });
      }
    });
  }
});

describe('the same networks as people break them, or with a capture missing', () => {
  /** The recorded files without those that `left` names, and with the lines that `changed` changes. */
  const ask = (
    network: string,
    asked: string,
    { left, changed }: { readonly left?: RegExp; readonly changed?: (text: string) => string },
  ): WalkAnswer => {
    const files = Object.entries(readRecorded(network).files)
      .filter(([name]) => left?.test(name) !== true)
      .map(([name, text]) => [name, changed?.(text) ?? text] as const);
    return trace(networkOf(new Map(files)), asked).request;
  };
  const lost = (answer: WalkAnswer, why: RegExp): void => {
    assert.equal(answer.ending.disposition, 'dropped', outline(answer));
    assert.match(answer.ending.summary, why);
  };
  const open = (answer: WalkAnswer, command: RegExp): void => {
    assert.notEqual(answer.ending.disposition, 'dropped', outline(answer));
    assert.ok(
      answer.gaps.some((gap) => command.test(gap.command)),
      outline(answer),
    );
  };

  it('a device that is down takes no frame', () => {
    const down = (text: string) => text.replace(/(qr-5b0e0001-77: <)(.*?),UP,LOWER_UP>/g, '$1$2>');
    lost(ask('two-routers', 'web > 10.50.0.1', { changed: down }), /qr-5b0e0001-77 is down/);
  });

  it('nothing crosses a patch port whose peer names another one', () => {
    const changed = (text: string) =>
      text.replace(/(Interface patch-int\n +type: patch\n +options: \{peer=)patch-tun\}/g, '$1patch-xxx}');
    lost(ask('two-routers', 'app > 10.50.0.12', { changed }), /patch-int, its peer, names patch-xxx/);
  });

  it('nothing passes a tunnel whose card is down', () => {
    const changed = (text: string) => text.replace(/(: eth1@\S+ <)(.*?),UP,LOWER_UP>/g, '$1$2>');
    lost(ask('two-routers', 'web > 10.50.0.12', { changed }), /eth1 is down on os-cmp-a/);
    lost(ask('linux-bridges', 'vm-red > 10.77.0.22', { changed }), /eth1 is down on lb-compute-1/);
  });

  it('a rule of ebtables is read in the words of nft', () => {
    const answer = (rule: string) => {
      const ruleset = `table bridge filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy accept;\n\t\t${rule}\n\t}\n}\n`;
      const files = new Map(Object.entries(readRecorded('two-routers').files));
      files.set('os-cmp-b/nft_list_ruleset.txt', ruleset);
      return trace(networkOf(files), 'web > 10.50.0.12').request;
    };
    const device = 'iifname "qvb6ae2fd70-05"';
    lost(answer(`${device} ether type ip ip saddr 10.50.0.11 counter packets 3 bytes 204 drop`), /nft bridge filter\/FORWARD/);
    lost(answer(`${device} ip saddr & 0.0.0.255 == 0.0.0.11 ip ttl & 0x40 == 0x40 drop`), /nft bridge filter\/FORWARD/);
    // Whether the frame has a tag there, and what the kernel numbers it by, nothing tells.
    for (const rule of ['vlan id 5 drop', 'ip id 7 drop', 'ether type 8021q drop']) {
      const { ending, steps } = answer(`${device} ${rule}`);
      assert.equal(ending.disposition, 'delivered', rule);
      const asked = steps.find(({ summary }) => summary.startsWith('nft bridge filter/FORWARD'));
      assert.equal(asked?.certainty, 'assumed', rule);
    }
    assert.equal(answer(`${device} ip saddr & 0.0.0.255 != 0.0.0.11 drop`).ending.disposition, 'delivered');
  });

  it('a tag that a flow gives is the one that the frame has', () => {
    const other = (text: string) => text.replaceAll('set_field:4401->vlan_vid', 'set_field:4402->vlan_vid');
    lost(ask('two-routers', 'pv > 1.1.1.1', { changed: other }), /VLAN 306/);
  });

  it('rules that were not captured may translate what has no route', () => {
    open(
      ask('distributed-router', 'isp > 203.0.113.101 tcp 22', { left: /^dvr-cmp1\/qrouter.*iptables-save/ }),
      /qrouter-\S+ iptables-save/,
    );
  });

  it('the other end of a pair has the address that every host gives it anew', () => {
    const answer = ask('distributed-router', 'isp > 203.0.113.102', { left: /^dvr-cmp2\/fip.*ip_neigh/ });
    assert.equal(answer.ending.disposition, 'delivered', outline(answer));
  });

  it('the tunnel of Flannel is known by its name', () => {
    const answer = ask('kubernetes', 'shell > 10.244.0.6 tcp 8080', { left: /ip_-d_link/ });
    assert.equal(answer.ending.disposition, 'delivered', outline(answer));
  });

  it('a frame for the bridge itself goes to its host, whether or not its addresses were captured', () => {
    open(ask('docker', 'app > 198.51.100.7 tcp 443', { left: /^dock01\/ip_a/ }), /./);
  });

  it('the number that a VLAN travels under is asked for', () => {
    const answer = ask('vlan-tunnels', '10.10.0.1 > 10.10.0.2 tcp 80', { left: /^vtep-a\/bridge_vlan_tunnelshow/ });
    assert.equal(answer.ending.disposition, 'insufficient-info', outline(answer));
    open(answer, /^bridge vlan tunnelshow$/);
  });

  it('a device of many networks says the number of each in its rows, once or twice', () => {
    const changed = (text: string) => text.replace(/ src_vni (\d+)/g, ' vni $1 src_vni $1');
    const answer = ask('vlan-tunnels', '10.10.0.1 > 10.10.0.2 tcp 80', { changed });
    assert.equal(outline(answer), outline(ask('vlan-tunnels', '10.10.0.1 > 10.10.0.2 tcp 80', {})));
    assert.equal(answer.ending.disposition, 'delivered');
  });

  it('a bridge answers for whom it knows behind a port that is spared of questions', () => {
    const who = (asked: string, left?: RegExp) =>
      ask('suppressed', `10.0.0.11 > ${asked} arp`, left === undefined ? {} : { left });
    assert.match(who('10.0.0.21').ending.summary, /^Answered by vtep-a, br0/);
    // Also for one that nobody has.
    assert.match(who('10.0.0.77').ending.summary, /^Answered by vtep-a, br0/);
    assert.match(who('10.0.0.22').ending.summary, /^Answered by g22/);
    open(who('10.0.0.21', /^vtep-a\/ip_neigh/), /^ip neigh$/);
  });

  it('the hairpin mode of a container is asked for', () => {
    open(ask('kubernetes', 'web-2 > 10.96.33.7 tcp 80', { left: /ip_-d_link/ }), /bridge -d link/);
  });
});

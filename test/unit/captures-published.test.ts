import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { decodeText } from '../../server/src/base/decode';
import { readDocument } from '../../server/src/captures/document';
import { root } from './walk-fixture';

const SHARED = path.join(root, '../shared/captures');
/** The kinds that the folders of published captures hold. */
const FOLDERS: Readonly<Record<string, RegExp>> = {
  arp: /^(?:arp|tcpdump)$/,
  'brctl-show': /^brctl-show$/,
  'bridge-fdb': /^bridge-fdb$/,
  'conntrack-L': /^conntrack-list$/,
  'dpctl-dump-conntrack': /^ovs-dpctl-dump-conntrack$/,
  ebtables: /^ebtables-(?:list|save)$/,
  ifconfig: /^ifconfig$/,
  'ip-addr': /^ip-(?:address|link)$/,
  'ip-link': /^ip-(?:address|link)$/,
  'ip-neigh': /^ip-neighbour$/,
  'ip-netns': /^ip-netns-list$/,
  'ip-route': /^ip-route(?:-get)?$/,
  'ip-rule': /^ip-rule$/,
  'ipset-list': /^ipset-(?:list|save)$/,
  'iptables-L': /^(?:ip6?|arp)tables-list$/,
  'iptables-S': /^ip6?tables-rules$/,
  'iptables-save': /^(?:ip6?tables-(?:save|rules|xml)|arptables-save)$/,
  'nft-list-ruleset': /^nft-list/,
  'openstack-cli': /^(?:nova|neutron|openstack)-/,
  'route-n': /^route$/,
  virsh: /^virsh-/,
};

describe('published captures', { skip: !fs.existsSync(SHARED) }, () => {
  for (const [folder, kind] of Object.entries(FOLDERS)) {
    it(`reads ${folder}: every file as what it is, all but one line in a hundred`, () => {
      let lines = 0;
      let lost = 0;
      for (const name of fs.readdirSync(path.join(SHARED, folder))) {
        const decoded = decodeText(fs.readFileSync(path.join(SHARED, folder, name)));
        assert.equal(decoded.kind, 'text');
        if (decoded.kind !== 'text') continue;
        const document = readDocument(`file:///${folder}/${name}`, name, decoded.text);
        // Some hold a command that prints nothing, or a picture made of letters.
        assert.ok(
          document.captures.length === 0 || document.captures.some((capture) => kind.test(capture.kind)),
          `${folder}/${name} is ${document.captures.map((capture) => capture.kind).join(', ')}`,
        );
        lines += decoded.text.split('\n').filter((line) => line.trim() !== '').length;
        lost += document.unclassified.length;
      }
      assert.ok(lost / lines < 0.01 || lost <= 3, `${lost} of ${lines} lines are not understood`);
    });
  }
});

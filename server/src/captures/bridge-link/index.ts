import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { listCommand } from '../ip-address/command';
import { deviceRef, numberVal, reportErrorOutput } from '../ip-address/words';
import { collect, record } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { readBridgePort } from './semantics';

const PORT = /^\s*\d+: [^\s<>]+(?: state \w+)? ?(?:@\S+)? ?:? ?<[A-Z0-9_,-]*> mtu \d+ (?:master|state)\b/;
const SETTINGS =
  /^\s+(?:hairpin|guard|root_block|fastleave|learning|flood|mcast_flood|mcast_to_unicast|neigh_suppress|vlan_tunnel|isolated|bcast_flood|locked|mab)\s/;

/** `bridge link`: the ports of Linux bridges and their spanning tree state (bridge(8)). */
export const bridgeLink: CaptureKind = {
  kinds: ['bridge-link'],
  recognise(argv) {
    const command = listCommand(argv, 'bridge');
    return command?.object === 'link' && !command.json ? { kind: 'bridge-link' } : undefined;
  },
  sniff(text) {
    return PORT.test(text) && / state (?:forwarding|learning|listening|blocking|disabled)\b/.test(text)
      ? { kind: 'bridge-link' }
      : undefined;
  },
  accepts(text) {
    return PORT.test(text) || SETTINGS.test(text);
  },
  parse(input) {
    const out = collect();
    for (const line of input.lines) {
      if (line.text.trim() === '' || reportErrorOutput(out, line)) continue;
      const source = sourceOf(line);
      const rule = /^\s*\d+:/.test(line.text) ? 'portLine' : 'settingsLine';
      const result = grammars.BridgeLink.match(source.text, rule);
      if (result.failed()) {
        out.errors.push(syntaxError(source, result, 'bridge port'));
        continue;
      }
      record(out, line);
      if (rule === 'settingsLine') continue;
      const { index, name, peer, peerIndex, flags, words } = readBridgePort(result, source);
      const [mtu, master, state] = [words.pairs.get('mtu'), words.pairs.get('master'), words.pairs.get('state')];
      deviceRef(out, name, true);
      if (peer !== undefined) deviceRef(out, peer);
      if (master !== undefined) deviceRef(out, master);
      out.facts.push({
        kind: 'link',
        index,
        name,
        ...(peer === undefined ? {} : { peer }),
        ...(peerIndex === undefined ? {} : { peerIndex }),
        flags,
        ...(mtu === undefined || !/^\d+$/.test(mtu.value) ? {} : { mtu: numberVal(mtu) }),
        ...(master === undefined ? {} : { master }),
      });
      // The state here is the spanning tree's, so it belongs to the port and not to the device.
      if (master !== undefined)
        out.facts.push({ kind: 'linux-bridge-port', bridge: master, name, ...(state === undefined ? {} : { state }) });
    }
    return out;
  },
};

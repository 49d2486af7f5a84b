import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { CaptureKind } from '../capture';
import { deviceRef, errorOn, reportErrorOutput } from '../words';
import { collect, record } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { readBridgeLine } from './semantics';

const TITLE = /^\s*bridge name\s+bridge id\s+STP\s+enabled/;
const BRIDGE = /^\s*\S+\s+[\da-f]{4}\.[\da-f]{10,12}\s+(?:yes|no)(?:\s|$)/;
/**
 * A port below its bridge stands far to the right; a word alone near the margin may be anything, but for names that devices have, where a
 * page or a chat took the blanks.
 */
const PORT =
  /^[\t ]*(?:tap|q[vb][bor]|q[gr]-|veth|vnet|vif|eth|en[ospx]|bond|vxlan|wlan|lxc|cali|macvtap|gretap)[\w.:@-]*\d[\w.:@+-]*$|^(?:\t{2}|[\t ]*\t {4}| {16})[\t ]*[\w.@:+-]{1,15}(?:\s+(?:#|<|-+>|=+>|\().*)?$/;

/** `brctl show`: Linux bridges and their ports (brctl(8)). */
export const brctlShow: CaptureKind = {
  kinds: ['brctl-show'],
  recognise(argv) {
    return argv[0] === 'brctl' && argv[1] === 'show'
      ? { kind: 'brctl-show', ...(argv[2] === undefined ? {} : { target: argv[2] }) }
      : undefined;
  },
  sniff(text) {
    return TITLE.test(text) || BRIDGE.test(text) ? { kind: 'brctl-show' } : undefined;
  },
  accepts(text) {
    return TITLE.test(text) || BRIDGE.test(text) || PORT.test(text);
  },
  parse(input) {
    const out = collect();
    let bridge: Val<string> | undefined;
    for (const line of input.lines) {
      if (line.text.trim() === '' || reportErrorOutput(out, line)) continue;
      const source = sourceOf(line);
      const rule = TITLE.test(line.text)
        ? 'titleLine'
        : /^\s*\S+\s+(?:[\da-f]{4}|\S*\d)\.[\da-f]/.test(line.text)
          ? 'bridgeLine'
          : 'portLine';
      const result = grammars.BrctlShow.match(source.text, rule);
      if (result.failed()) {
        out.errors.push(syntaxError(source, result, 'line of brctl show'));
        continue;
      }
      if (rule === 'titleLine') {
        record(out, line, line, 'header');
        continue;
      }
      const found = readBridgeLine(result, source);
      if (found.bridge !== undefined) {
        bridge = found.bridge.name;
        deviceRef(out, bridge, true);
        out.facts.push({ kind: 'linux-bridge', ...found.bridge });
      } else if (bridge === undefined) {
        out.errors.push(errorOn(line, 'not-understood', 'This names a port, but the line of its bridge is missing above.'));
        continue;
      }
      if (found.port !== undefined && bridge !== undefined) {
        deviceRef(out, found.port);
        out.facts.push({ kind: 'linux-bridge-port', bridge, name: found.port });
      }
      record(out, line);
    }
    return out;
  },
};

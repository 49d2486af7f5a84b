import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { readBrctlLine } from '../brctl-showmacs/semantics';
import type { CaptureKind } from '../capture';
import type { Fact } from '../facts';
import { deviceRef } from '../words';
import { parseRows, type Rows } from '../rows';

const PORT = /^\s*\S+ \(\d+\)$/;
const STATE = /^\s*port id\s+[\da-f]{4}\s+state\s+\w+/;
const SETTING =
  /^\s*(?:bridge id|designated (?:root|bridge|port|cost)|root port|path cost|max age|hello time(?:r)?|forward delay(?: timer)?|ageing time|gc timer|tcn timer|hello timer|topology change timer|message age timer|hold timer|conf)\s+\S/;
const FLAGS = /^\s*flags(?:\s|$)/;

const rows: Rows = {
  grammar: grammars.BrctlShowmacs,
  what: 'line of brctl showstp',
  ruleFor: (text) =>
    PORT.test(text)
      ? 'portLine'
      : STATE.test(text)
        ? 'stateLine'
        : SETTING.test(text) || FLAGS.test(text)
          ? 'settingLine'
          : 'bridgeLine',
  starts: (text) => PORT.test(text) || STATE.test(text) || SETTING.test(text) || FLAGS.test(text),
};

type PortFact = Extract<Fact, { kind: 'linux-bridge-port' }>;

/** `brctl showstp BRIDGE`: the ports of a bridge with their numbers and spanning tree states (brctl(8)). */
export const brctlShowstp: CaptureKind = {
  kinds: ['brctl-showstp'],
  recognise(argv) {
    return argv[0] === 'brctl' && argv[1] === 'showstp'
      ? { kind: 'brctl-showstp', ...(argv[2] === undefined ? {} : { target: argv[2] }) }
      : undefined;
  },
  sniff: (text, following) =>
    /^\s*[\w.-]+$/.test(text) && /^\s+bridge id\s+[\da-f]{4}\.[\da-f]{12}/.test(following(0) ?? '')
      ? { kind: 'brctl-showstp' }
      : undefined,
  accepts: (text) => rows.starts(text) || /^\s*[\w.-]{1,15}$/.test(text),
  parse(input) {
    let bridge: Val<string> | undefined;
    let open: { -readonly [K in keyof PortFact]: PortFact[K] } | undefined;
    return parseRows(input, rows, (_rule, result, source, out) => {
      const line = readBrctlLine(result, source);
      if (line.is === 'bridge') {
        bridge = line.name;
        deviceRef(out, bridge, true);
        out.facts.push({ kind: 'linux-bridge', name: bridge });
      } else if (line.is === 'port' && bridge !== undefined) {
        deviceRef(out, line.name);
        open = { kind: 'linux-bridge-port', bridge, name: line.name, portNumber: line.number };
        out.facts.push(open);
      } else if (line.is === 'state' && open !== undefined) open.state = line.state;
      return line.is === 'extra' ? 'header' : 'record';
    });
  },
};

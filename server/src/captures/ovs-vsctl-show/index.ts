import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput, Parsed, Ref } from '../capture';
import { positionals } from '../command';
import type { Fact } from '../facts';
import { eachLineInSteps } from '../lines';
import { readShowLine, type ShowLine } from './semantics';

const OBJECT = /^\s*(?:Bridge|Port|Interface) (?:"[^"]+"|[\w.@:+-]+)(?:\s*(?:[<#(←]|--).*|\s+(?:[|│]|\+-).*)?$/;
/** The same with a name that was cut off, or that nothing quotes so: what stands below is of none of the others. */
const NAMELESS = /^\s*(Bridge|Port|Interface) ["']\S*$/;
const SETTING =
  /^\s*(?:tag|trunks|type|options|fail_mode|is_connected|ovs_version|datapath_type|datapath_version|error|bfd_status|vlan_mode|other_config|target|role|statistics|status|cvlans|mac|ingress_policing_\w+|bond_mode|lacp):(?:\s|$)/;
const UUID = /^\s*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `ovs-vsctl show`: bridges, their ports with tags, their interfaces with types and options (ovs-vsctl(8)). */
export const ovsVsctlShow: CaptureKind = {
  kinds: ['ovs-vsctl-show'],
  recognise(argv) {
    if (argv[0] !== 'ovs-vsctl') return undefined;
    return positionals(argv, ['-t', '--timeout', '--db', '-p', '-c', '-C'])[0] === 'show'
      ? { kind: 'ovs-vsctl-show' }
      : undefined;
  },
  sniff(text, following) {
    if (UUID.test(text)) {
      for (let n = 0; n < 4; n++) {
        const next = following(n);
        if (next !== undefined && (/^\s+Manager "/.test(next) || (OBJECT.test(next) && /Bridge/.test(next))))
          return { kind: 'ovs-vsctl-show' };
      }
      return undefined;
    }
    // Settings of other programs may be called so too ("Port 22"); numbers are names of no port or interface but in quotes.
    if (!OBJECT.test(text) || /^\s*\w+ \d+$/.test(text)) return undefined;
    for (let n = 0; n < 6; n++) {
      const next = following(n);
      // A list of interfaces alone is one of some other program's.
      if (/^\s*Interface\b/.test(text) && next !== undefined && /^\s*Interface\b/.test(next)) continue;
      if (next !== undefined && (OBJECT.test(next) || SETTING.test(next) || /^\s+(?:Controller|Manager) "/.test(next)))
        return { kind: 'ovs-vsctl-show' };
    }
    return undefined;
  },
  accepts(text) {
    return (
      OBJECT.test(text) ||
      NAMELESS.test(text) ||
      SETTING.test(text) ||
      UUID.test(text) ||
      /^\s*(?:Manager|Controller) "/.test(text)
    );
  },
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

interface OpenPort {
  readonly name: Val<string>;
  tag?: Val<number>;
  trunks?: Val<readonly number[]>;
  vlanMode?: Val<string>;
  interfaces: number;
}

interface OpenInterface {
  readonly name: Val<string>;
  type?: Val<string>;
  options?: Readonly<Record<string, Val<string>>>;
  error?: Val<string>;
  bfdUp?: Val<boolean>;
}

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  const facts: Fact[] = [];
  let bridge: { name: Val<string>; failMode?: Val<string>; datapathType?: Val<string> } | undefined;
  let port: OpenPort | undefined;
  let iface: OpenInterface | undefined;
  let uuid: Val<string> | undefined;
  let version: Val<string> | undefined;

  const endInterface = () => {
    if (iface) facts.push({ kind: 'ovs-interface', bridge: bridge?.name, port: port?.name, ...iface });
    iface = undefined;
  };
  const endPort = () => {
    endInterface();
    if (port) {
      const { interfaces, ...rest } = port;
      facts.push({ kind: 'ovs-port', bridge: bridge?.name, ...rest });
      // `| grep -E "Bridge|Port|tag"` loses the interfaces: a port's own interface has its name.
      if (interfaces === 0) facts.push({ kind: 'ovs-interface', bridge: bridge?.name, port: port.name, name: port.name });
    }
    port = undefined;
  };
  const endBridge = () => {
    endPort();
    if (bridge) facts.push({ kind: 'ovs-bridge', ...bridge });
    bridge = undefined;
  };

  const object = (line: ShowLine & { kind: 'object' }, refs: Ref[]) => {
    const declare = (kind: 'bridge' | 'device', defines = true) =>
      refs.push({ kind, value: line.name.value, span: line.name.span, defines });
    if (line.object === 'Bridge') {
      endBridge();
      bridge = { name: line.name };
      declare('bridge');
    } else if (line.object === 'Port') {
      endPort();
      port = { name: line.name, interfaces: 0 };
      declare('device');
    } else if (line.object === 'Interface') {
      endInterface();
      iface = { name: line.name };
      if (port) port.interfaces++;
      declare('device', false);
    }
  };

  const setting = (line: ShowLine & { kind: 'setting' }, refs: Ref[]) => {
    const { key, value } = line;
    if (key === 'ovs_version') version = value;
    else if (key === 'fail_mode' && bridge) bridge.failMode = value;
    else if (key === 'datapath_type' && bridge) bridge.datapathType = value;
    else if (key === 'tag' && port) {
      port.tag = val(Number(value.value), value.span);
      refs.push({ kind: 'vlan', value: value.value, span: value.span, defines: true });
    } else if (key === 'trunks' && port) {
      const elements = line.elements.length > 0 ? line.elements : [value];
      port.trunks = val(
        elements.map((element) => Number(element.value)),
        value.span,
      );
      for (const element of elements) refs.push({ kind: 'vlan', value: element.value, span: element.span });
    } else if (key === 'vlan_mode' && port) port.vlanMode = value;
    else if (key === 'type' || key === 'options' || key === 'error' || key === 'bfd_status') {
      // After grep the interface's line may be gone: these belong to the port's own interface then.
      if (!iface && port) {
        iface = { name: port.name };
        port.interfaces++;
      }
      if (!iface) return;
      if (key === 'type') iface.type = value;
      else if (key === 'error') iface.error = value;
      else if (key === 'bfd_status') {
        const up = line.pairs['forwarding'];
        if (up) iface.bfdUp = val(up.value === 'true', up.span);
      } else {
        iface.options = line.pairs;
        for (const [name, option] of Object.entries(line.pairs)) {
          if (name === 'peer') refs.push({ kind: 'device', value: option.value, span: option.span });
          if ((name === 'remote_ip' || name === 'local_ip') && option.value !== 'flow')
            refs.push({ kind: 'ip', value: option.value, span: option.span });
          if (name === 'key' && /^\d+$/.test(option.value)) refs.push({ kind: 'tun-id', value: option.value, span: option.span });
        }
      }
    }
  };

  const nameless = input.lines.filter(({ text }) => NAMELESS.test(text) && !OBJECT.test(text));
  const parsed = yield* eachLineInSteps(
    input,
    grammars.OvsVsctlShow,
    'line',
    'line of ovs-vsctl show',
    (result, source, out, { number }) => {
      for (let next = nameless[0]; next !== undefined && next.number < number; next = nameless[0]) {
        const what = NAMELESS.exec(next.text)?.[1];
        (what === 'Bridge' ? endBridge : what === 'Port' ? endPort : endInterface)();
        nameless.shift();
      }
      const line = readShowLine(result, source);
      if (line.kind === 'system') uuid = line.uuid;
      else if (line.kind === 'object') object(line, out.refs as Ref[]);
      else setting(line, out.refs as Ref[]);
    },
  );
  endBridge();
  if (uuid || version) facts.push({ kind: 'ovs-system', ...(uuid ? { uuid } : {}), ...(version ? { version } : {}) });
  return { ...parsed, facts };
}

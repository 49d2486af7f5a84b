import type { CaptureKind, Recognised } from '../capture';
import { positionals } from '../command';
import { virshCommand } from '../virsh-dumpxml/command';

/** What libvirt says of networks and of interfaces besides what is read. */
const OF_VIRSH =
  /^(?:domifstat|domif-getlink|net-(?:list|info|port-list)|iface-(?:list|dumpxml)|nwfilter-(?:list|dumpxml|binding-list|binding-dumpxml))$/;

/** Programs whose sub-command names the kind: `ovs-appctl dpif/show` → `ovs-appctl-dpif-show`. */
function named(program: string, valued: readonly string[], limit = 1): (argv: readonly string[]) => string | undefined {
  return (argv) => {
    if (argv[0] !== program) return undefined;
    const found = positionals(argv, valued).slice(0, limit);
    return found.length === 0 ? undefined : [program, ...found].join('-').replaceAll(/[/.]/g, '-');
  };
}

const programs: readonly ((argv: readonly string[]) => string | undefined)[] = [
  (argv) =>
    argv[0] === 'ovs-appctl' && /^dpctl\/dump-flows$/.test(positionals(argv, ['-t'])[0] ?? '')
      ? 'ovs-dpctl-dump-flows'
      : undefined,
  named('ovs-appctl', ['-t', '--target', '-T', '--timeout']),
  named('ovs-ofctl', ['-O', '--protocols', '-T', '--timeout']),
  named('ovs-dpctl', ['-T', '--timeout']),
  named('ovs-vsctl', ['-t', '--timeout', '--db']),
  named('ovn-nbctl', ['--db', '-t', '--timeout']),
  (argv) => (argv[0] === 'ovn-sbctl' && positionals(argv)[0] === 'dump-flows' ? 'ovn-sbctl-lflow-list' : undefined),
  named('ovn-sbctl', ['--db', '-t', '--timeout']),
  (argv) => (argv[0] === 'ovn-trace' ? 'ovn-trace' : undefined),
  (argv) => ofDocker(argv),
  (argv) => ofWireGuard(argv),
  (argv) => (argv[0] === 'bridge' && positionals(argv)[0] === 'vni' ? 'bridge-vni' : undefined),
  (argv) => (argv[0] === 'bridge' && argv.includes('vlan') && argv.includes('global') ? 'bridge-vlan-global' : undefined),
  (argv) => (argv[0] === 'iptables-xml' ? 'iptables-xml' : undefined),
  (argv) => {
    const name = virshCommand(argv)?.name ?? '';
    return OF_VIRSH.test(name) ? `virsh-${name}` : undefined;
  },
];

/** What containers and networks there are, and which ports are published; who has which address is in `docker inspect`. */
function ofDocker(argv: readonly string[]): string | undefined {
  if (!/^(?:docker|podman|nerdctl)$/.test(argv[0] ?? '') || argv.some((word) => /^(?:-q|--quiet$|--format(?:=|$))/.test(word)))
    return undefined;
  const [first = '', second = ''] = positionals(argv, ['-H', '--host', '--context', '-n', '--namespace']);
  if (first === 'ps' || (first === 'container' && /^(?:ls|ps|list)$/.test(second))) return 'docker-ps';
  if (first === 'network' && /^(?:ls|list)$/.test(second)) return 'docker-network-ls';
  return first === 'port' ? 'docker-port' : undefined;
}

/** `wg showconf wg0`, `wg show wg0 dump`, `wg show interfaces`: what has another form than `wg show`. */
function ofWireGuard([program, verb = '', device = '', what = device]: readonly string[]): string | undefined {
  if (program !== 'wg') return undefined;
  return verb === 'showconf' ? 'wg-showconf' : verb === 'show' && what !== '' ? `wg-show-${what}` : undefined;
}

/** Actions that print nothing of interest, or nothing at all. */
const SILENT =
  /-(?:add|del|mod|set|remove|clear|replace|flush|create|destroy|emer|init|sync|wait|add-\w.*|del-\w.*|set-\w.*|\w+-(?:add|del|set|create|delete))(?:-|$)/;

const UUID = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}';
/** What `ovn-nbctl show` (before OVN 2.6 with `lswitch`) and `ovn-sbctl show` start the things with that they list, and what is printed of one. */
const OVN_SHOW: Readonly<Record<string, readonly [start: RegExp, below: RegExp]>> = {
  'ovn-nbctl-show': [
    new RegExp(`^\\s*l?(?:switch|router) ${UUID}(?: \\(.*\\))?\\s*$`),
    /^\s+(?:l?port |nat [\da-f]{8}-|(?:addresses|type|mac|networks):)/,
  ],
  'ovn-sbctl-show': [/^\s*Chassis "?[\w.:-]+"?\s*$/, /^\s+(?:hostname: |Encap \w+\s*$|Port_Binding )/],
};
/** The lines of what is known well enough that nothing else is taken for it. */
const ROWS: Readonly<Record<string, RegExp>> = {
  'docker-ps': /^\s*(?:CONTAINER ID\s|[\da-f]{12,64}\s{2,}\S)/,
  'docker-network-ls': /^\s*(?:NETWORK ID\s|[\da-f]{12,64}\s+\S+\s+\S+)/,
  'docker-port': /^\s*\d+\/(?:tcp|udp|sctp) -> /,
  'bridge-vni': /^\s*(?:dev\s+vni\b|[\w.@-]{1,15}\s+\d|\d+(?:-\d+)?(?:\s|$)|[RT]X: )/,
  'bridge-vlan-global': /^\s*(?:port\s+vlan-id|[\w.@-]{1,15}\s+\d+(?:-\d+)?\s*$|\d+(?:-\d+)?\s*$|mcast_\w+ |msti |vlan_)/,
};
const OVN_SHOWS = Object.entries(OVN_SHOW);

/**
 * Commands whose output is recognised for what it is, but not read: nothing is known of its content, and the walk must not
 * take it for absent. Their lines are kept as they are.
 */
export const recognisedOnly: CaptureKind = {
  kinds: [],
  recognise(argv): Recognised | undefined {
    for (const program of programs) {
      const kind = program(argv);
      if (kind !== undefined) return SILENT.test(kind) ? undefined : { kind };
    }
    return undefined;
  },
  sniff(text, following) {
    for (const [kind, [start, below]] of OVN_SHOWS) {
      // A switch without ports may stand above the next one.
      if (start.test(text) && [start, below].some((pattern) => pattern.test(following(0) ?? ''))) return { kind };
    }
    if (/^\s*CONTAINER ID\s+IMAGE\s+COMMAND\s+CREATED\s+STATUS\s+PORTS\s+NAMES/.test(text)) return { kind: 'docker-ps' };
    if (/^\s*NETWORK ID\s+NAME\s+(?:VERSION|DRIVER)\b/.test(text)) return { kind: 'docker-network-ls' };
    if (/^\s*port\s+vlan-id\s*$/.test(text)) return { kind: 'bridge-vlan-global' };
    if (/^\s*<iptables-rules version="/.test(text)) return { kind: 'iptables-xml' };
    if (/^\s*(?:tunnel\(|recirc_id\(|ufid:|flow-dump from )/.test(text)) return { kind: 'ovs-dpctl-dump-flows' };
    if (/^\S+@ovs-\S+:(?: hit:\d+|$)/.test(text.trim()))
      return { kind: /hit/.test(text) ? 'ovs-appctl-dpif-show' : 'ovs-appctl-dpctl-show' };
    if (/^Flow: .*in_port=/.test(text.trim())) return { kind: 'ovs-appctl-ofproto-trace' };
    if (
      /^\s*table=\d+\s*\(\s*(?:ls|lr)_(?:in|out)_\w+\s*\),/.test(text) ||
      /^Datapath: (?:\S+ \(|"[^"]+").*Pipeline: \w+/.test(text.trim())
    )
      return { kind: 'ovn-sbctl-lflow-list' };
    return undefined;
  },
  accepts(text, kind) {
    // Identifiers may be cut short by hand.
    const rows = ROWS[kind];
    if (rows !== undefined) return rows.test(text);
    if (OVN_SHOW[kind]) return /^\s+\S/.test(text) || /^(?:l?(?:switch|router)|Chassis) \S+(?: \(.*\))?\s*$/.test(text);
    return text.trim() !== '' && !/^\s*[•]/.test(text) && !/^\s*```/.test(text);
  },
  parse(input) {
    return {
      facts: [],
      refs: [],
      errors: [],
      records: input.lines
        .filter((line) => line.text.trim() !== '')
        .map((line) => ({ firstLine: line.number, lastLine: line.number, what: 'note' as const })),
    };
  },
};

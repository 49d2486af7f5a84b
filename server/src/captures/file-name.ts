import type { Recognised } from './capture';
import { parseCommand, type CommandLine } from './command';
import { isUnread } from './registry';

/** What a file's path says of its content: `compute01/ovs-ofctl_dump-flows_br-int.txt`. */
export interface NamedFile {
  readonly command: CommandLine;
  readonly recognised: Recognised;
  readonly host: string | undefined;
  readonly hostBy: 'folder' | 'file' | undefined;
  readonly namespace: string | undefined;
}

const PROGRAM =
  /(?:^|[_. -])((?:ovs-(?:vsctl|ofctl|appctl|dpctl)|ovn-(?:nbctl|sbctl|trace)|iptables-save|ip6tables-save|iptables|ip6tables|nft|ipset|ebtables-save|ebtables|conntrack|ipvsadm-save|ipvsadm|ip|brctl|bridge|virsh|nova|neutron|openstack|arp|route|ifconfig|ethtool|sysctl|ping|traceroute|tracepath|tcpdump|netstat|ss|docker|crictl|kubectl)(?=[_. -]|$))/;
/** Folders that group captures without being a host's. */
const NO_HOST =
  /^(?:captures?|logs?|output|outputs|commands?|sos_commands|examples?|fixtures?|notes?|tickets?|data|tmp|home|desktop|downloads|openvswitch|networking|network|ipvs|firewall_tables|libvirt|namespaces|seed|\.|)$/i;
const NAMESPACE =
  /^((?:qrouter|qdhcp|snat|fip|qlbaas|ovnmeta)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})[_. -]/;

/**
 * Reads the command from a file's name; undefined where the name carries none that `recognise` knows. `path` uses `/`; the last
 * folder is taken as the host's unless it groups captures of one.
 */
export function commandOfFile(
  path: string,
  recognise: (argv: readonly string[]) => Recognised | undefined,
): NamedFile | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  const base = (segments.at(-1) ?? '').replace(/\.(?:txt|out|log|cap|capture|pktwalk|json|md)$/i, '');
  const file = fileOfProc(segments, base);
  if (file) {
    const command = parseCommand(file.command);
    const recognised = command && recognise(command.argv);
    const { host } = file;
    if (command && recognised)
      return {
        command,
        recognised,
        host,
        hostBy: host === undefined ? undefined : 'folder',
        namespace: namespaceOfPath(segments),
      };
  }
  const rest = base.slice(NAMESPACE.exec(`${base}_`)?.[0].length ?? 0);
  const program = PROGRAM.exec(rest);
  if (!program) return undefined;
  const start = program.index + program[0].length - (program[1]?.length ?? 0);
  const prefix = rest.slice(0, start).replace(/[_. -]+$/, '');
  const read = spellings(rest.slice(start)).flatMap((text) => {
    const command = parseCommand(text);
    const recognised = command && recognise(command.argv);
    return command && recognised ? [{ command, recognised }] : [];
  });
  // "ovs-vsctl-list-interface" is a list of interfaces rather than a command "list-interface" that nobody reads.
  const best = read.find(({ recognised }) => !isUnread(recognised.kind)) ?? read[0];
  if (best) {
    const { command, recognised } = best;
    const namespace = command.namespace ?? namespaceOfPath(segments);
    const ofFolder = hostFolder(segments);
    const ofPrefix = /^[A-Za-z][\w.-]*$/.test(prefix) ? prefix : undefined;
    const host = ofPrefix ?? ofFolder;
    return {
      command,
      recognised,
      host,
      hostBy: ofPrefix !== undefined ? 'file' : host === undefined ? undefined : 'folder',
      namespace,
    };
  }
  return undefined;
}

/** Files of /proc whose names say what they are: in a folder as the machine has it, or as `cat` was told (`cat_proc_net_bonding_bond0.txt`). */
function fileOfProc(
  segments: readonly string[],
  base: string,
): { readonly command: string; readonly host: string | undefined } | undefined {
  const at = segments.lastIndexOf('proc');
  const own =
    at < 0
      ? undefined
      : /^net\/(arp|route|bonding\/[\w.-]+|ip_vs|ip_vs_conn|netfilter\/nfnetlink_queue|nf_conntrack|nf_conntrack_expect)$/.exec(
          segments.slice(at + 1).join('/'),
        )?.[1];
  if (own !== undefined) return { command: `cat /proc/net/${own}`, host: segments[at - 1] };
  const told = /^cat_+proc_net_bonding_([\w.-]+)$/.exec(base)?.[1];
  return told === undefined ? undefined : { command: `cat /proc/net/bonding/${told}`, host: hostFolder(segments) };
}

/** The host that a path's folders name: a sosreport's own folder, or the folder that holds the file. */
export function hostFolder(segments: readonly string[]): string | undefined {
  const sos = segments.indexOf('sos_commands');
  if (sos > 0) return segments[sos - 1];
  for (let n = segments.length - 2; n >= 0; n--) {
    const segment = segments[n] ?? '';
    // HOST/namespaces/NAME/…: as a sosreport has them.
    const isNamespace = segment === 'namespaces' || segments[n - 1] === 'namespaces';
    if (isNamespace || NAMESPACE.test(`${segment}_`)) continue;
    return NO_HOST.test(segment) ? undefined : segment;
  }
  return undefined;
}

/** The namespace that a path names: `namespaces/NAME/…`, as a sosreport has them, or the beginning of a file's name. */
export function namespaceOfPath(segments: readonly string[]): string | undefined {
  const named = NAMESPACE.exec(`${segments.at(-1) ?? ''}_`)?.[1];
  if (named !== undefined) return named;
  const at = segments.indexOf('namespaces');
  return at >= 0 && at < segments.length - 2 ? segments[at + 1] : undefined;
}

/** A file's name as command lines that it may stand for: bundles write blanks and slashes as `_`, `.` or `-`. */
function spellings(name: string): string[] {
  const blanks = name.replaceAll('_', ' ').trim();
  const all = [blanks];
  // fdb_show, bridge_dump-flows, dpctl.dump-flows → fdb/show …
  const slashed = blanks.replace(
    /\b(fdb|mdb|bridge|dpif|dpctl|ofproto|bond|lacp|cfm|bfd|stp|rstp|tnl|ovs|coverage|memory|upcall)[ .](?=[a-z])/,
    '$1/',
  );
  if (slashed !== blanks)
    all.unshift(slashed.replace(/\/(show|flush)[.](\S)/, '/$1 $2').replace(/(tnl|ovs)\/(\w+) (show)/, '$1/$2/$3'));
  // ovs-vsctl-show, ovs-ofctl-dump-flows-br-int, ip-route
  const hyphens =
    /^(ovs-(?:vsctl|ofctl|appctl|dpctl)|ovn-[ns]bctl|ip6?tables|ip|brctl|bridge|virsh|nova|neutron|openstack|nft|ipset|conntrack|ebtables|netstat|docker|kubectl)-(.+)$/.exec(
      name.split(/[_ ]/)[0] ?? '',
    );
  if (hyphens) {
    const [, program = '', tail = ''] = hyphens;
    const after = blanks.slice((hyphens[0] ?? '').length);
    all.push(`${program} ${tail}${after}`);
    const sub = /^(show|dump-[a-z]+(?:-[a-z]+)*?|list)-(br-.+|[a-z]+\d*)$/.exec(tail);
    if (sub) all.push(`${program} ${sub[1] ?? ''} ${sub[2] ?? ''}${after}`);
    all.push(`${program} ${tail.replaceAll('-', ' ')}${after}`);
    all.push(`${program} ${tail.replace('-', '/')}${after}`);
  }
  return all;
}

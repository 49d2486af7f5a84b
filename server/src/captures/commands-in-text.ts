import type { Line } from '../base/lines';
import type { Span } from '../base/span';
import { CERTAIN_PROMPT, ELISION, FENCE } from './between';
import { isRead, type OpenBlock } from './block';
import { parseCommand, parsePrompt, type CommandLine } from './command';
import { isHeading, looksLikeProse } from './prose';
import { recogniseCommand, type Found } from './registry';
import { sessionOf, type SeenPrompt } from './session';
import { offsetIn } from './line-parts';

/** Programs whose prompt line ends a capture although their output is of no interest. */
const KNOWN_PROGRAM =
  /^(?:ovs-|ovn-|ip$|iptables|ip6tables|nft$|ipset$|brctl$|bridge$|virsh$|nova$|neutron$|openstack$|ping$|cat$|ls$|cd$|echo$|grep$|egrep$|sudo$|ssh$|docker$|kubectl$|systemctl$|service$|tcpdump$|arp$|route$|ifconfig$|ethtool$|sysctl$|curl$|vim?$|tail$|head$|less$|more$|for$|while$|exit$|source$|export$|uname$|hostname$|date$|apt|yum$|dnf$|pip|mount$|ps$|(?:ba|a)?sh$|nsenter$|netstat$|ss$|traceroute6?$|tracepath6?$|mtr$|crictl$|nerdctl$|podman$|dig$|nslookup$|nc$|telnet$|python|modprobe$|lsmod$|lspci$|find$|man$|watch$|conntrack$|ebtables|ipvsadm|wg$|glance$|cinder$|keystone$)/;

export interface Prompted {
  readonly found: Found | undefined;
  readonly command: CommandLine;
  /** Undefined for a command that no prompt introduces. */
  readonly prompt: SeenPrompt | undefined;
  readonly span: Span;
}

/** What may stand before a command that no prompt introduces. */
const BARE = /^\s*(?:#{1,6}\s+|[*-]\s+|\d+[.)]\s+)?(?:\*\*|`{1,2}|=+>?\s*|"|-{2,}\s*|\+{2,}\s*)?(?=[\w/])/;

/** The command on a line, behind a prompt or alone; undefined where the line is no command. */
export function commandAt(
  line: Line,
  following: (n: number) => string | undefined,
  open: OpenBlock | undefined,
): Prompted | undefined {
  const prompt = parsePrompt(line.text);
  if (prompt) {
    const certain = CERTAIN_PROMPT.test(line.text);
    const prompted = asCommand(line, prompt.commandAt, certain);
    if (prompted) {
      const { found, command } = prompted;
      if (prompt.host === undefined && isHeading(line.text)) return undefined;
      // "# something" may be a remark, and "1# x" a row: only a known program makes it a command.
      const known =
        KNOWN_PROGRAM.test(command.argv[0] ?? '') &&
        (prompt.host !== undefined || /^\s*(?:[#$]|(?:~|\/[\w./-]*) ?[#$]\s)/.test(line.text));
      const seen = { text: line.text.slice(0, prompt.commandAt).trim(), host: prompt.host };
      if (
        found ||
        (certain && prompt.host !== undefined) ||
        sessionOf(command, seen) ||
        ((certain || known) && !looksLikeProse(line.text))
      ) {
        return { ...prompted, prompt: seen };
      }
    }
  }
  // Without a prompt: a heading, emphasised or alone on its line, followed by its output.
  const bare = BARE.exec(line.text);
  if (!bare || line.text.length > 300) return undefined;
  const text = line.text.replace(/(?:\*\*|`|:|\s=+|"|\s-{2,})+$/, '');
  const prompted = asCommand({ ...line, text }, bare[0].length);
  if (
    !prompted?.found ||
    /[.,:!?]$/.test(text) ||
    (open && isRead(open) && open.found.syntax.accepts(line.text, open.found.recognised.kind))
  )
    return undefined;
  for (let n = 0; n < 4; n++) {
    const next = following(n);
    if (next === undefined) return undefined;
    if (next.trim() === '' || FENCE.test(next) || ELISION.test(next) || /^[=*-]{4,}$/.test(next.trim())) continue;
    const { syntax, recognised } = prompted.found;
    const inRemark = /^\s*# ?(?=\s*\S)/.exec(next)?.[0].length;
    const below = (k: number) => following(n + 1 + k)?.replace(/^\s*# ?/, '');
    if (inRemark !== undefined && syntax.kinds.length > 0 && syntax.sniff(next.slice(inRemark), below) !== undefined)
      return { ...prompted, prompt: undefined };
    if (syntax.kinds.length === 0 || !syntax.accepts(next, recognised.kind, recognised.options)) return undefined;
    // A title in words, such as "Active Internet connections (only servers)", is no prose where the kind is sure of it.
    const isOutput = !looksLikeProse(next) || syntax.sniff(next, (k) => following(n + 1 + k)) !== undefined;
    return isOutput ? { ...prompted, prompt: undefined } : undefined;
  }
  return undefined;
}

/** Whether `commandAt` might take the line for a command because of what stands around it. */
export function mayBeCommand(line: Line): boolean {
  const bare = BARE.exec(line.text);
  return bare !== null && asCommand(line, bare[0].length)?.found !== undefined;
}

/** What may stand before a program: wrappers, assignments, a shell's words. Cheap to test, for every line of a log is. */
const WRAPPER =
  /^(?:\w+=|sudo$|time$|nohup$|env$|doas$|chroot$|then$|do$|exec$|watch$|timeout$|nsenter$|ansible$|salt(?:-ssh)?$|pdsh$|clush$|pssh$|parallel-ssh$|lxc|incus$|pct$|vagrant$|minikube$|multipass$|limactl$|docker-machine$|juju$|docker$|podman$|crictl$|nerdctl$|oc$|kubectl$|microk8s|k3s$|sh$|bash$|ssh$|busybox$|toybox$|[\w-]+\.(?:ovs|ovn)-)/;

/** The command that starts at `at`; undefined where its program is none that is known, unless it is `certain` to be a command. */
function asCommand(line: Line, at: number, certain = false): Omit<Prompted, 'prompt'> | undefined {
  const text = line.text.slice(at);
  const [, path = '', first = ''] = /^\s*(\S*\/)?([^\s/]+)/.exec(text) ?? [];
  // "github.com/someone/arp": a place on the web, no program.
  if (/^[\w-]+(?:\.[\w-]+)+\//.test(path)) return undefined;
  // "quantum/neutron", "iptables/nft": one or the other, unless it is a folder of programs.
  if (!certain && /^\w/.test(path) && !/(?:^|\/)(?:s?bin|utilities|build|src)\/$/.test(path)) return undefined;
  if (!certain && !KNOWN_PROGRAM.test(first) && !WRAPPER.test(first)) return undefined;
  const command = parseCommand(text);
  if (!command) return undefined;
  const from = offsetIn(line, at);
  return {
    found: command.toFile ? undefined : recogniseCommand(command.argv),
    command,
    span: { start: from, end: offsetIn(line, at + text.length - 1) + 1 },
  };
}

import {
  afterOptions,
  execCommand,
  isBoundToNamespace,
  lxcAttachCommand,
  nsenterCommand,
  procOfProcess,
  remoteCommand,
} from './container';
import { isVariable, loopOf } from './loops';
import { commandOnMany, type EachHost } from './many-hosts';

/** A command line as it stands after a prompt, taken out of its wrappers. */
export interface CommandLine {
  /** The program's bare name and its arguments, without wrappers, redirections and pipes. */
  readonly argv: readonly string[];
  /** As written, pipes included. */
  readonly text: string;
  /** What follows the first `|`, where it can leave lines out. */
  readonly filter: string | undefined;
  /** From `ip netns exec NS`, `ip -n NS`, or the container that the command ran in (`docker exec NAME`). */
  readonly namespace: string | undefined;
  /** From `ssh HOST …` and the like. */
  readonly host: string | undefined;
  /**
   * Whether it ran in every network namespace, whose names stand between its outputs (ip-netns(8)), on several machines, or in a
   * shell's loop over either.
   */
  readonly inEach: 'namespace' | 'loop' | EachHost | undefined;
  /** What a loop prints before each of its outputs, with the name of where it is from. */
  readonly title: RegExp | undefined;
  /** Whether `namespace` is that of a container, which shows prompts of its own. */
  readonly inContainer: boolean;
  /** What leads into that namespace: `docker exec web`. */
  readonly enter: string | undefined;
  /** What it prints goes into a file: nothing of it is to be seen here. */
  readonly toFile: boolean;
  /** What it prints goes through a program that makes other lines of it (`| wc -l`, `| awk …`). */
  readonly reshaped: boolean;
}

/** A prompt in front of a command. */
export interface Prompt {
  readonly host: string | undefined;
  /** Where the command starts in the line. */
  readonly commandAt: number;
}

const HOST = '[A-Za-z0-9][\\w.-]*';
/** Ordered from the most to the least telling. Group `host` is the host's name where the prompt has one. */
const prompts: readonly RegExp[] = [
  // (overcloud) [root@host dir(keystone_admin)]#, ()[root@host /]# (a container of Kolla's or TripleO's)
  new RegExp(`^\\s*(?:\\([\\w.-]*\\)\\s*)*\\[[\\w.-]+@(?<host>${HOST})[^\\]]*\\](?:\\s*[#$%>]\\s*|(?=[a-z]))`),
  // root@host:~# user@host:/path$ root@host ~ # user@host:folder$ user@host ~/src (main)> (fish)
  // root@leaf1:mgmt:~# (Cumulus Linux names the shell's VRF)
  new RegExp(
    `^\\s*(?:\\([\\w.-]+\\)\\s*)*[\\w.-]+@(?<host>${HOST})(?::[\\w.-]{1,40})?(?:[: ]\\s*[~/.][^\\s#$]*|:)?(?:\\s\\([\\w./-]+\\))?\\s{0,3}[#$%>❯]\\s*`,
  ),
  // user@host [~]$
  new RegExp(`^\\s*[\\w.-]+@(?<host>${HOST}) \\[[^\\]\\s]*\\]\\s?[#$]\\s*`),
  // host:~ user$ host:folder user$ (macOS)
  new RegExp(`^\\s*(?<host>${HOST}):[~/\\w][^\\s#$:]* [a-z_][\\w.-]*\\$ (?=\\S)`),
  // host:~# host:/etc# host ~#
  new RegExp(`^\\s*(?<host>${HOST})(?::\\s*|\\s+)[~/][^\\s#$]*\\s?[#$]\\s*`),
  // host ~ ➜ root@host /etc ✖ host ~ on cloud (region) ➜: the sign says how the command before went
  new RegExp(`^\\s*(?:[\\w.-]+@)?(?<host>${HOST}) [~/][\\w./-]*(?: on [^➜✖✗]{1,40})? [➜✖✗]\\s+(?=\\S)`),
  // PS C:\> C:\Users\me> (Windows, where ssh and kubectl are as well)
  /^\s*(?:PS )?[A-Z]:\\[^<>|]*>\s*(?=\S)/,
  // (none)# (none):~#: the machine has no name
  /^\s*\(none\)(?::\S*?)?\s?[#$]\s*/,
  // mininet> h1 ifconfig: the command runs on the host h1
  /^\s*mininet>\s+(?<host>(?!sh\b)[a-z]\w*)\s+(?=(?:ifconfig|ip|ping6?|route|arp|tcpdump|netstat|ss|traceroute|tracepath|iptables|ethtool|brctl|bridge|cat|sysctl|ovs-\w+)\s)/,
  /^\s*mininet>\s+(?<host>(?!sh\b)[a-z]\w*)\s+(?=(?:ifconfig|route|arp|netstat|ss)$)/,
  // virsh # domiflist vm1: what is typed there lacks the program's name, which stays with it
  /^\s*(?=virsh\s?[#>]\s+[a-z])/,
  // mininet> sh-5.1# bash-4.2$
  /^\s*(?:mininet|(?:sh|bash)-[\d.]+)\s?[>#$]\s*/,
  // (node2) $ (NODE1) #: not the name of a Python environment
  /^\s*\((?<host>(?:node|host|compute|controller|network|worker|master|server|client|gateway|router|vm)[\w-]*)\)\s?[#$]\s*(?=\S)/i,
  // compute01# network-node # c-private$
  new RegExp(`^\\s*(?<host>${HOST}) ?[#$]\\s*(?=\\S)`),
  // / # ~ $ /etc # (BusyBox), ~# ~$
  /^\s*(?:~|\/[\w./-]*) ?[#$]\s+(?=\S)/,
  // node1> ip route, user@node1: ip route: only known programs tell them from a quotation or a remark
  /^\s*(?:(?<host>[a-z][\w-]*\d)>\s*|[\w.-]+@(?<name>[A-Za-z\d][\w.-]*):\s+)(?=(?:sudo\s+)?(?:ip|iptables|ip6tables|ovs-\w+|brctl|bridge|nft|ss|netstat|conntrack|ebtables|ipvsadm|virsh)\s)/,
  // └─$ ip route: the second line of a prompt, whose first names the host
  /^\s*[└╰][─╼-]*>?\s?[#$❯]\s*(?=\S)/,
  // ~>>> ❯ ➜ $ # > # % #>, ➜  folder git:(main) ✗ (Oh My Zsh)
  /^\s*(?:~?>{3}|❯|➜(?:\s+\S+(?:\s+git:\([^()]*\)(?:\s+✗)?)?)?|> ?[#$]|[#$%]>?)\s*(?=\S)/,
  // + command (sh -x)
  /^\s*\+{1,2}\s+(?=\S)/,
];

/** Splits the prompt from a line; undefined where none is recognised. What follows it may still be no command. */
export function parsePrompt(text: string): Prompt | undefined {
  for (const prompt of prompts) {
    const match = prompt.exec(text);
    if (match) {
      const host = match.groups?.['host'] ?? match.groups?.['name'];
      return { host: host === undefined || /^(?:sudo|time|mininet)$/.test(host) ? undefined : host, commandAt: match[0].length };
    }
  }
  return undefined;
}

/** The first line of a prompt of two: `┌──(kali㉿kali)-[~]`, `╭─user@host ~`, `[node1] (local) root@10.0.0.8 ~`. */
const PROMPT_ABOVE = new RegExp(
  `^\\s*(?:[┌╭]─*\\s?[([]?[\\w.-]+[@㉿](?<host>${HOST})(?:[)\\]\\s:].*|)|\\[(?<node>${HOST})\\] \\(local\\) [\\w.-]+@[\\w.-]+ [~/]\\S*)$`,
);

/** The host in the first line of a prompt that takes two; undefined for other lines. */
export function hostOfPromptAbove(text: string): string | undefined {
  const groups = text.length > 200 ? undefined : PROMPT_ABOVE.exec(text)?.groups;
  return groups?.['host'] ?? groups?.['node'];
}

/** Words as a shell would split them; quotes are taken away; stops at an unquoted `;`, `&&` or `||`, and at a remark. */
function words(text: string): { words: string[]; pipe: string | undefined } {
  const all: string[] = [];
  let word = '';
  let open = false;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (quote) {
      if (c === quote) quote = '';
      else word += c;
    } else if (c === '"' || c === "'" || c === '`') {
      quote = c;
      open = true;
    } else if (/\s/.test(c)) {
      if (open) all.push(word);
      word = '';
      open = false;
    } else if (c === '|') {
      if (open) all.push(word);
      return {
        words: all,
        pipe: text
          .slice(i + 1)
          .replace(/\s#\s[^'"]*$/, '')
          .trim(),
      };
    } else if (c === '#' && !open && all.length > 0 && /^#+(?:\s|[^\s\d])/.test(text.slice(i))) {
      break;
    } else if (c === ';' || (c === '&' && text[i + 1] === '&')) {
      break;
    } else {
      word += c;
      open = true;
    }
  }
  if (open) all.push(word);
  return { words: all, pipe: undefined };
}

const REDIRECTION = /^(\d|&)?>{1,2}\|?(.*)$/;

/** Takes redirections out of a command's words, with the files that they name. */
function withoutRedirections(all: readonly string[]): { readonly argv: readonly string[]; readonly toFile: boolean } {
  const argv: string[] = [];
  let toFile = false;
  for (let n = 0; n < all.length; n++) {
    const word = all[n] ?? '';
    const [, from, behind] = REDIRECTION.exec(word) ?? [];
    if (behind === undefined) {
      argv.push(word);
      continue;
    }
    const target = behind === '' ? (all[++n] ?? '') : behind;
    // Where only errors go elsewhere, or the output to another stream of the terminal, it stands here.
    if (from !== '2' && target !== '' && !/^(?:&|\/dev\/(?:stdout|stderr|tty))/.test(target)) toFile = true;
  }
  return { argv, toFile };
}

/** Programs after `|` that show everything that comes in. */
const WHOLE =
  /^(?:(?:more|less|cat|tee|sort|nl|column|ccze|dshbak|sudo tee)\b|jq(?:\s+(?:-\S+|'?\.'?))*$|python3? -m json\.tool$)/;

/** Whether what stands behind a command's `|` shows everything that the command prints. */
function showsAll(pipe: string): boolean {
  return pipe.split('|').every((program) => WHOLE.test(program.trim()));
}

/** Programs after `|` whose lines are no longer those of the command. */
const RESHAPES =
  /(?:^|\|)\s*(?:sudo\s+)?(?:[gm]?awk|cut|wc|jq|yq|tr|xargs|tshark|tcpdump|perl|python3?|uniq|sed|paste|e?grep\s+(?:-\S+\s+)*-[a-zA-Z]*[oc][a-zA-Z]*)\b/;

/** Reads a command line, wrappers and all; undefined for an empty one. */
export function parseCommand(text: string): CommandLine | undefined {
  const loop = loopOf(text);
  const inner = loop && parseCommand(loop.body);
  if (loop && inner && (inner.namespace?.replace(/^pid /, '') === loop.variable || inner.host === loop.variable))
    return { ...inner, text: text.trim(), inEach: 'loop', title: loop.title };
  // "ping 10.0.0.2  (in web)": a remark behind the command, which no shell would take.
  const typed = text.replace(/^virsh\s?[#>]\s+(?=[a-z])/, 'virsh ');
  const { words: all, pipe } = words(typed.replace(/\s+\([\w .,:-]*\)\s*$/, ''));
  let argv: readonly string[] = all;
  let namespace: string | undefined;
  let container: string | undefined;
  let inContainer = false;
  let inEach: CommandLine['inEach'];
  let enter: string | undefined;
  let host: string | undefined;
  for (let guard = 0; guard < 12; guard++) {
    const first = argv[0];
    if (first === undefined) return undefined;
    // Many call kubectl k.
    if (first === 'k' && /^(?:get|exec|debug|run|attach|-n)$/.test(argv[1] ?? '')) argv = ['kubectl', ...argv.slice(1)];
    const program = programName(argv[0] ?? '');
    const many = commandOnMany(program, argv, pipe);
    const remote = remoteCommand(program, argv);
    const inside = remote
      ? undefined
      : (execCommand(program, argv) ??
        nsenterCommand(program, argv) ??
        lxcAttachCommand(program, argv) ??
        procOfProcess(program, argv));
    if (remote) {
      host = remote.host;
      argv = remote.argv.length === 1 ? words(remote.argv[0] ?? '').words : remote.argv;
    } else if (inside) {
      argv = inside.argv;
      // A process that is named inside a container is one of its own.
      if (program !== 'cat' || container === undefined) {
        container = inside.namespace ?? container;
        enter = inside.enter ?? enter;
        inContainer = program !== 'nsenter' && program !== 'cat';
      }
    } else if (program === 'chroot' && argv.length <= 2) break;
    else if (/^\w+=/.test(first)) argv = argv.slice(1);
    else if (/^(?:sudo|time|nohup|env|doas|chroot|then|do|exec)$/.test(program)) {
      argv = afterOptions(argv.slice(1), /^-(?:u|g|h|p|U)$/);
      if (program === 'chroot') argv = argv.slice(1);
    } else if (program === 'watch' || program === 'timeout') {
      argv = afterOptions(argv.slice(1), /^-n$/);
      if (program === 'timeout') argv = argv.slice(1);
      if (argv.length === 1 && argv[0]?.includes(' ')) argv = words(argv[0]).words;
    } else if (program === 'ssh') {
      argv = afterOptions(argv.slice(1), /^-(?:i|p|l|o|F|J)$/);
      host = argv[0]?.replace(/^.*@/, '');
      argv = argv.length === 2 && argv[1]?.includes(' ') ? words(argv[1]).words : argv.slice(1);
    } else if (program === 'ip' && argv.indexOf('netns') > 0 && argv[argv.indexOf('netns') + 1] === 'exec') {
      const at = argv.indexOf('netns');
      // `ip -all netns exec ip a` runs it in one after the other.
      inEach = argv.slice(1, at).some((word) => /^--?a(?:ll)?$/.test(word)) ? 'namespace' : undefined;
      namespace = inEach ? undefined : argv[at + 2];
      argv = argv.slice(inEach ? at + 2 : at + 3);
    } else if (many) {
      inEach = many.each;
      argv = many.words.length === 1 ? words(many.words[0] ?? '').words : many.words;
    } else if (program === 'ip' && argv[1] === 'vrf' && argv[2] === 'exec') {
      argv = argv.slice(4);
    } else if (program === 'ip' && /^-(?:n|netns)$/.test(argv[1] ?? '')) {
      namespace = argv[2];
      argv = ['ip', ...argv.slice(3)];
    } else if (program === 'kubectl' && argv[1] === 'ko') {
      const tool: Record<string, string> = {
        vsctl: 'ovs-vsctl',
        ofctl: 'ovs-ofctl',
        appctl: 'ovs-appctl',
        dpctl: 'ovs-dpctl',
        nbctl: 'ovn-nbctl',
        sbctl: 'ovn-sbctl',
        trace: 'ovn-trace',
      };
      const name = tool[argv[2] ?? ''];
      if (!name) break;
      const perNode = name.startsWith('ovs-');
      if (perNode) host = argv[3];
      argv = [name, ...argv.slice(perNode ? 4 : 3)];
    } else if (/^(?:sh|bash)$/.test(program) && argv[1] === '-c' && argv[2] !== undefined) {
      argv = words(argv[2]).words;
    } else if (/^(?:busybox|toybox)$/.test(program) && /^[a-z]/.test(argv[1] ?? '')) {
      argv = argv.slice(1);
    } else if (program === 'sh' && argv[1] !== undefined && !argv[1].startsWith('-')) {
      argv = argv.slice(1); // mininet> sh ovs-ofctl …
    } else break;
  }
  const [first, ...rest] = argv;
  if (first === undefined) return undefined;
  const clean = withoutRedirections(rest);
  return {
    argv: [programName(first), ...clean.argv],
    text: text.trim(),
    filter: pipe === undefined || showsAll(pipe) ? undefined : `| ${pipe}`,
    namespace: namespace ?? (isBoundToNamespace(programName(first)) ? container : undefined),
    host,
    inEach,
    title: undefined,
    inContainer: inContainer && namespace === undefined,
    enter: namespace === undefined ? enter : isVariable(namespace) ? `ip netns exec ${namespace}` : undefined,
    toFile: clean.toFile || (pipe !== undefined && withoutRedirections(words(pipe).words).toFile),
    reshaped: pipe !== undefined && !showsAll(pipe) && RESHAPES.test(pipe),
  };
}

/** `/usr/bin/ovs-vsctl`, `openstack-hypervisor.ovs-vsctl` → `ovs-vsctl`. */
function programName(word: string): string {
  const base = word.replace(/^.*\//, '');
  return /^[\w-]+\.(?:ovs|ovn)-/.test(base) ? base.replace(/^[\w-]+\./, '') : base;
}

/** Arguments that are neither options nor the values of those named in `valued`. */
export function positionals(argv: readonly string[], valued: readonly string[] = []): string[] {
  const found: string[] = [];
  for (let n = 1; n < argv.length; n++) {
    const word = argv[n] ?? '';
    if (valued.includes(word)) n++;
    else if (!word.startsWith('-')) found.push(word);
  }
  return found;
}

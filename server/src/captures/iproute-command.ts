/** A command line of ip(8) or bridge(8), its options told apart from its words. */
export interface IpCommand {
  /** The full name of the object: `address`, `link`, `route`, `rule`, `neighbour`, `fdb` …; `other` for the rest. */
  readonly object: string;
  /** Whether a verb was given. */
  readonly verb: boolean;
  /** The words after the object and after the verb that asks for a list, if there is one. */
  readonly words: readonly string[];
  readonly json: boolean;
  readonly brief: boolean;
  readonly oneLine: boolean;
  readonly family: 'ip' | 'ip6' | undefined;
}

/** In the order in which ip(8) tries them: `ip r` is `route`, `ip n` is `neighbour`. */
const IP_OBJECTS = [
  'address',
  'addrlabel',
  'maddress',
  'route',
  'rule',
  'neighbour',
  'neighbor',
  'ntable',
  'link',
  'l2tp',
  'netns',
  'monitor',
  'nexthop',
];
const BRIDGE_OBJECTS = ['link', 'fdb', 'mdb', 'vlan', 'vni', 'monitor'];
const OPTIONS_WITH_VALUE = new Set(['-f', '-family', '-n', '-netns', '-N', '-b', '-batch', '-rc', '-rcvbuf', '-l', '-loops']);
const LIST_VERBS = ['show', 'list', 'lst', 'ls'];

/**
 * Reads `ip -4 -o addr show dev eth0` and the like, abbreviations included (ip(8), bridge(8)). Undefined where the program is
 * another one, or where the verb does not ask for a list (`add`, `del`, `get`).
 */
export function listCommand(argv: readonly string[], program: 'ip' | 'bridge' = 'ip'): IpCommand | undefined {
  return readCommand(argv, program, LIST_VERBS);
}

/** The same for `bridge fdb get …`, which looks up one entry; its words are those behind `get`. */
export function getCommand(argv: readonly string[], program: 'ip' | 'bridge' = 'ip'): IpCommand | undefined {
  const command = readCommand(argv, program, ['get']);
  return command?.verb === true ? command : undefined;
}

/** The same for `ip route get 10.0.0.1`. */
export function routeGetCommand(argv: readonly string[]): IpCommand | undefined {
  const command = getCommand(argv);
  return command?.object === 'route' ? command : undefined;
}

function readCommand(argv: readonly string[], program: 'ip' | 'bridge', verbs: readonly string[]): IpCommand | undefined {
  if (argv[0] !== program) return undefined;
  const words: string[] = [];
  let json = false;
  let brief = false;
  let oneLine = false;
  let family: IpCommand['family'];
  for (let n = 1; n < argv.length; n++) {
    const word = argv[n] ?? '';
    // Past the object, a dash may belong to a name only; ip(8) itself takes options there no more.
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    const option = word.replace(/^--/, '-');
    // Labels of MPLS are no addresses: "17 via inet 10.0.3.2".
    if (option === '-M' || (/^-f(?:amily)?$/.test(option) && argv[n + 1] === 'mpls')) return undefined;
    if (option === '-6') family = 'ip6';
    else if (option === '-4') family = 'ip';
    else if (/^-j(?:s|so|son)?$/.test(option)) json = true;
    else if (/^-br(?:ief)?$/.test(option)) brief = true;
    else if (/^-o(?:neline)?$/.test(option)) oneLine = true;
    else if (option === '-f' || option === '-family') family = argv[n + 1] === 'inet6' ? 'ip6' : 'ip';
    if (OPTIONS_WITH_VALUE.has(option)) n++;
  }
  const [object, verb, ...rest] = words;
  if (object === undefined) return undefined;
  const known = (program === 'ip' ? IP_OBJECTS : BRIDGE_OBJECTS).find((name) => name.startsWith(object)) ?? 'other';
  if (verb !== undefined && !verbs.some((name) => name.startsWith(verb))) return undefined;
  return {
    object: known === 'neighbor' ? 'neighbour' : known,
    verb: verb !== undefined,
    words: rest,
    json,
    brief,
    oneLine,
    family,
  };
}

/** The words of a command but those that `known` pairs or single words take: what narrows the listing besides them. */
export function selection(
  words: readonly string[],
  pairs: readonly string[],
  single: readonly string[] = [],
): string | undefined {
  const left: string[] = [];
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? '';
    if (pairs.includes(word)) n++;
    else if (!single.includes(word)) left.push(word);
  }
  return left.length === 0 ? undefined : left.join(' ');
}

/** The word after `key`, as in `dev eth0`. */
export function wordAfter(words: readonly string[], key: string): string | undefined {
  const at = words.indexOf(key);
  return at < 0 ? undefined : words[at + 1];
}

/** Complaints that stand where an output should be: the kind of line that programs of iproute2, iptables and brctl print. */
export function isErrorOutput(text: string): boolean {
  return /^\s*(?:RTNETLINK answers: |Cannot (?:find|open|open network) |Error: |Device "[^"]*" does not exist|(?:Object|Option|Command) "[^"]*" is unknown|Dump (?:terminated|was interrupted)|(?:iptables|ip6tables|brctl|sysctl|arp|bridge|ip)[\w-]*(?: v[\d.]+ \([\w-]+\))?: |bash: |-bash: |sudo: |bridge \S+ does not exist|Another app is currently holding the xtables lock|Perhaps iptables or your kernel)/.test(
    text,
  );
}

/** A `virsh` command: its name and what it asks about. Options and the connection do not matter to what is printed. */
export interface VirshCommand {
  readonly name: string;
  readonly target: string | undefined;
}

const WITH_VALUE = new Set([
  '-c',
  '--connect',
  '-d',
  '--debug',
  '-l',
  '--log',
  '-k',
  '--keepalive-interval',
  '-K',
  '--keepalive-count',
  '--xpath',
  '--source',
  '--interface',
  '--mac',
]);
const WITH_TARGET = new Set(['--domain', '--network']);

/** Reads a `virsh` command line; undefined for other programs. */
export function virshCommand(argv: readonly string[]): VirshCommand | undefined {
  if (argv[0] !== 'virsh') return undefined;
  const words: string[] = [];
  let target: string | undefined;
  for (let n = 1; n < argv.length; n++) {
    const word = argv[n] ?? '';
    if (WITH_TARGET.has(word)) target = argv[++n];
    else if (/^--(?:domain|network)=/.test(word)) target = word.slice(word.indexOf('=') + 1);
    else if (WITH_VALUE.has(word)) n++;
    else if (word !== '' && !word.startsWith('-')) words.push(word);
  }
  const name = words[0];
  const asked = target ?? words[1];
  // What a variable of the shell stands for does not show.
  return name === undefined ? undefined : { name, target: asked?.startsWith('$') === true ? undefined : asked };
}

/** Whether `virsh` says that it failed: `error: failed to get domain 'x'`. */
export function isVirshError(text: string): boolean {
  return /^\s*(?:error: |(?:-?bash|sh): )|: command not found$/.test(text);
}

import { parsePrompt, type CommandLine } from './command';

/** A shell that somebody started inside a container or a network namespace, and that the next prompts may be of. */
export interface Session {
  readonly namespace: string;
  /** What leads there from the machine: `docker exec web`. */
  readonly enter: string | undefined;
  /** The host's name in the prompt that it was started at. */
  readonly outerHost: string | undefined;
  /** That prompt as it stands in the text. */
  readonly outerPrompt: string;
  /** The host that the session's own prompts name, where the prompt outside named none. */
  readonly innerHost?: string;
  /** A container shows a prompt of its own; the shell of a network namespace shows that of its machine. */
  readonly ownPrompt: boolean;
}

/** A prompt in a text: how it is written, and the host that it names. */
export interface SeenPrompt {
  readonly text: string;
  readonly host: string | undefined;
}

const SHELL = /^(?:ba|a|da|z|k)?sh$/;
/** Docker gives a container the first twelve digits of its id for a name. */
const CONTAINER_ID = /^[\da-f]{12}$/;
const LEAVES = /^(?:exit|logout)$/;

/** The session that a command starts: `docker exec -it web sh`, `ip netns exec blue bash`; undefined for other commands. */
export function sessionOf(command: CommandLine, prompt: SeenPrompt): Session | undefined {
  const [program = '', ...rest] = command.argv;
  if (command.namespace === undefined || !SHELL.test(program) || rest.some((word) => !/^--?[\w-]+$/.test(word))) return undefined;
  return {
    namespace: command.namespace,
    enter: command.enter,
    outerHost: prompt.host ?? command.host,
    outerPrompt: prompt.text,
    ownPrompt: command.inContainer,
  };
}

/**
 * Whether a prompt with its command is still typed in the session: it was not left, and the prompt is not that of another machine.
 * A prompt that names the container, or no host at all, is the container's.
 */
export function goesOn(session: Session, prompt: SeenPrompt, command: CommandLine): boolean {
  // Whoever enters another namespace has most often left this one without a word.
  if (LEAVES.test(command.argv[0] ?? '') || command.namespace !== undefined || command.host !== undefined) return false;
  if (!session.ownPrompt) {
    // A shell that starts may show more than the one before: "$ nsenter --net=… bash", and then "[root@node-3 ~]#".
    if (session.outerHost === undefined && prompt.text !== session.outerPrompt)
      return prompt.host !== undefined && (session.innerHost === undefined || session.innerHost === prompt.host);
    return prompt.host === session.outerHost && session.innerHost === undefined;
  }
  if (prompt.text === session.outerPrompt) return false;
  if (prompt.host === undefined) return true;
  return CONTAINER_ID.test(prompt.host) || prompt.host === session.namespace;
}

/** The session as it is known after a prompt that goes on with it. */
export function atPrompt(session: Session, prompt: SeenPrompt): Session {
  const isNew = !session.ownPrompt && session.outerHost === undefined && prompt.host !== undefined;
  return isNew ? { ...session, innerHost: prompt.host } : session;
}

/** Whether a line is what a shell says when it ends. */
export function leavesSession(text: string): boolean {
  return LEAVES.test(text.trim());
}

/** Whether something was typed at a prompt that prints nothing of its own: a variable that was set, a shell on another machine. */
export function opensNothing(text: string): boolean {
  const prompt = parsePrompt(text);
  if (prompt === undefined) return false;
  const typed = text.slice(prompt.commandAt);
  if (/^[A-Za-z_]\w*=\S*$/.test(typed)) return prompt.host !== undefined || /^\s*\$ /.test(text);
  return /^(?:sudo |ip netns exec \S+ |docker exec .*)*(?:ssh|telnet|su|sudo -[si])\b/.test(typed);
}

import type { Recognised } from './capture';
import { positionals } from './command';

const VALUED = ['-O', '--protocols', '-t', '--target', '-T', '--timeout'];

/** Recognises `ovs-appctl COMMAND [ARGUMENT]` by a table of commands and kinds; the argument, where there is one, is the target. */
export function appctl(commands: Readonly<Record<string, string>>): (argv: readonly string[]) => Recognised | undefined {
  return named('ovs-appctl', commands);
}

/** The same for `ovs-ofctl COMMAND BRIDGE`. */
export function ofctl(commands: Readonly<Record<string, string>>): (argv: readonly string[]) => Recognised | undefined {
  return named('ovs-ofctl', commands);
}

function named(program: string, commands: Readonly<Record<string, string>>): (argv: readonly string[]) => Recognised | undefined {
  return (argv) => {
    if (argv[0] !== program) return undefined;
    const [command = '', target] = positionals(argv, VALUED).filter((word) => !word.startsWith('-'));
    const kind = Object.hasOwn(commands, command) ? commands[command] : undefined;
    return kind === undefined ? undefined : { kind, ...(target === undefined ? {} : { target }) };
  };
}

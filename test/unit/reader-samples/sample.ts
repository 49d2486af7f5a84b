/** A command, and some lines of its output. */
export type Sample = readonly [string, readonly string[]];

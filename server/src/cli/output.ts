/** Where a command writes; colours only where a terminal reads. */
export interface Output {
  line(text: string): void;
  bold(text: string): string;
  dim(text: string): string;
  colour(name: 'red' | 'green' | 'yellow' | 'cyan', text: string): string;
}

const codes = { red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export function createOutput(write: (text: string) => void, colours: boolean): Output {
  const wrap = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    line: (text) => write(`${text}\n`),
    bold: (text) => wrap(1, text),
    dim: (text) => wrap(2, text),
    colour: (name, text) => wrap(codes[name], text),
  };
}

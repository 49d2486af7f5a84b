import type { Line } from '../base/lines';
import type { Span } from '../base/span';
import type { Fact } from './facts';
import type { FlowColumns } from './flow/columns';
import type { FlowStore } from './flow/store';

/** What a reference in the text names. The linker turns it, with its capture's host and bridge, into an entity. */
export type RefKind =
  | 'host'
  | 'bridge'
  | 'device'
  | 'ofport'
  | 'vlan'
  | 'tun-id'
  | 'mac'
  | 'ip'
  | 'table'
  | 'chain'
  | 'namespace'
  | 'instance'
  | 'network'
  | 'router'
  | 'subnet'
  | 'neutron-port'
  | 'nat-table';

/** A piece of text that means something: `value` is its canonical form (a MAC in lower case, a number in decimal). */
export interface Ref {
  readonly kind: RefKind;
  readonly value: string;
  readonly span: Span;
  /** True where the text declares the thing, rather than mentions it. */
  readonly defines?: boolean;
  /** Where a value has meaning only on a bridge or in a table other than the capture's own. */
  readonly scope?: string;
}

/** One trouble in a capture: where, what was expected, what to do. */
export interface CaptureError {
  readonly span: Span;
  readonly code:
    | 'not-understood'
    | 'syntax'
    | 'unknown-field'
    | 'unknown-action'
    | 'out-of-range'
    | 'inconsistent'
    | 'cut-off'
    | 'error-output';
  readonly message: string;
}

/** What a line, or a few of them, turned out to be. */
export interface LineRecord {
  /** 0-based, inclusive. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** `record`: data; `header`: column titles, separators, banners; `note`: a remark of the person who pasted it. */
  readonly what: 'record' | 'header' | 'note';
}

/** What a kind of capture made of its lines. A non-blank line in neither `records` nor `errors`, and no flow's, is reported as not understood. */
export interface Parsed {
  readonly facts: readonly Fact[];
  /** The flows of a dump; other kinds have none. Their references are asked of them, not in `refs`. */
  readonly flows?: FlowStore;
  readonly refs: readonly Ref[];
  readonly records: readonly LineRecord[];
  readonly errors: readonly CaptureError[];
}

/** A command line as a kind understood it. */
export interface Recognised {
  readonly kind: string;
  /** The bridge, instance, network, router … that the command asks about. */
  readonly target?: string;
  /** Further settings that change what the output means, such as the netfilter table. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface ParseInput {
  readonly kind: string;
  readonly target: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  /** The command without wrappers, or empty where the capture was recognised by its content. */
  readonly argv: readonly string[];
  /** Lines of the output, without the command, elisions and blank lines; and without the flows that `known` holds. */
  readonly lines: readonly Line[];
  /** Where flows of known shapes are among the output, what holds them. */
  readonly known?: Omit<FlowColumns, 'loose'>;
}

/** One syntax of captured output: how to recognise it, how far it reaches and what it says. */
export interface CaptureKind {
  /** The kinds (in kebab case) that this reads. */
  readonly kinds: readonly string[];
  /**
   * Whether a command prints this. `argv[0]` is the program's name without its folder; wrappers such as `sudo` and
   * `ip netns exec` are already gone, and so are redirections and pipes.
   */
  recognise(argv: readonly string[]): Recognised | undefined;
  /**
   * Whether a line that no prompt introduces starts such an output. Must be certain: prose and other kinds' lines must not
   * pass. `following` gives the lines after it (0 is the next one), undefined past the end.
   */
  sniff(text: string, following: (n: number) => string | undefined): Recognised | undefined;
  /** Cheap and lenient: whether a line can belong to an output that has started. */
  accepts(text: string, kind: string, options?: Readonly<Record<string, string>>): boolean;
  /** Whether `text`, which `accepts` refused, is the rest of the record on the line before, wrapped by a terminal or by hand. */
  continues?(previous: string, text: string): boolean;
  parse(input: ParseInput): Parsed;
  /** `parse` with pauses, for outputs that may take long; each step is a few milliseconds' work. */
  parseInSteps?(input: ParseInput): Generator<void, Parsed>;
  /**
   * Whether a line certainly starts a record, and needs nothing of the lines before it to be read: a long output is read in parts that
   * start at such lines. Where it is lacking, an output is read in one go.
   */
  startsRecord?(text: string): boolean;
  /** Its output is flows, which may be given in columns. */
  readonly takesFlows?: boolean;
}

/** One command's output inside a document. */
export interface Capture {
  readonly kind: string;
  /** The command as it stands in the text (or the file's name says), undefined where the content alone told. */
  readonly command: string | undefined;
  readonly target: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  /** As the prompt, the wrapper, the folder or the file says; the linker may find out more. */
  readonly host: string | undefined;
  readonly hostBy: 'prompt' | 'folder' | 'file' | undefined;
  readonly namespace: string | undefined;
  /** What one types before a command to run it in that namespace, where it is a container's: `docker exec web`. */
  readonly enter: string | undefined;
  readonly span: Span;
  readonly commandSpan: Span | undefined;
  /** 0-based, inclusive. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** Lines were left out by hand (`...`). */
  readonly elided: boolean;
  /** Why lines may be missing although nothing shows it (`| grep`, `| head`), as written. */
  readonly filter: string | undefined;
  readonly records: number;
  readonly facts: readonly Fact[];
  /** The flows of a dump, with their own references; empty for other kinds. */
  readonly flows: FlowStore;
  readonly refs: readonly Ref[];
  readonly lines: readonly LineRecord[];
  readonly errors: readonly CaptureError[];
}

/** A tree of bit prefixes up to 32 bits long: which lengths hold a prefix of a value, and how few bits tell that the others do not. */
export interface PrefixTrie {
  root: TrieNode | undefined;
}

interface TrieNode {
  /** Left-aligned. */
  prefix: number;
  bits: number;
  rules: number;
  edges: [TrieNode | undefined, TrieNode | undefined];
}

export interface TrieLookup {
  /** Bit `31 - (length - 1)` is set where a prefix of that length matches. */
  readonly lengths: number;
  /** How many leading bits had to be seen. */
  readonly bits: number;
}

function bitAt(value: number, offset: number): 0 | 1 {
  return ((value >>> (31 - offset)) & 1) as 0 | 1;
}

function piece(value: number, offset: number, length: number): number {
  if (length === 0 || offset >= 32) return 0;
  const shifted = (value << offset) >>> 0;
  return length >= 32 ? shifted : (shifted & (0xffffffff << (32 - length))) >>> 0;
}

function equalBits(prefix: number, bits: number, value: number, offset: number): number {
  const diff = (prefix ^ (offset >= 32 ? 0 : (value << offset) >>> 0)) >>> 0;
  return Math.min(Math.clz32(diff), bits);
}

function branch(prefix: number, offset: number, length: number): TrieNode {
  return { prefix: piece(prefix, offset, length - offset), bits: length - offset, rules: 1, edges: [undefined, undefined] };
}

/** Adds a prefix of 1 to 32 bits. */
export function insertPrefix(trie: PrefixTrie, prefix: number, length: number): void {
  let offset = 0;
  let node = trie.root;
  let attach = (created: TrieNode): void => {
    trie.root = created;
  };
  while (node) {
    const current = node;
    const eq = equalBits(current.prefix, Math.min(current.bits, length - offset), prefix, offset);
    offset += eq;
    if (eq < current.bits) {
      const old = bitAt(current.prefix, eq);
      const parent: TrieNode = {
        prefix: piece(prefix, offset - eq, eq),
        bits: eq,
        rules: offset === length ? 1 : 0,
        edges: [undefined, undefined],
      };
      current.prefix = eq >= 32 ? 0 : (current.prefix << eq) >>> 0;
      current.bits -= eq;
      parent.edges[old] = current;
      if (offset < length) parent.edges[old ? 0 : 1] = branch(prefix, offset, length);
      attach(parent);
      return;
    }
    if (offset === length) {
      current.rules++;
      return;
    }
    const edge = bitAt(prefix, offset);
    attach = (created) => {
      current.edges[edge] = created;
    };
    node = current.edges[edge];
  }
  attach(branch(prefix, offset, length));
}

/** Looks up a left-aligned value of `width` bits. */
export function lookupPrefixes(trie: PrefixTrie, value: number, width: number): TrieLookup {
  let lengths = 0;
  let matched = 0;
  let previous: TrieNode | undefined;
  let node = trie.root;
  while (node) {
    const eq = equalBits(node.prefix, node.bits, value, matched);
    matched += eq;
    if (eq < node.bits) return { lengths: lengths >>> 0, bits: matched + 1 };
    if (node.rules > 0 && matched > 0) lengths |= 1 << (32 - matched);
    if (matched >= width) return { lengths: lengths >>> 0, bits: width };
    previous = node;
    node = node.edges[bitAt(value, matched)];
  }
  const leaf = !previous || (!previous.edges[0] && !previous.edges[1]);
  return { lengths: lengths >>> 0, bits: leaf ? matched : matched + 1 };
}

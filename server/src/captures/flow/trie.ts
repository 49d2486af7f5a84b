import { KINDS } from './tokens';

/** Above all characters that shapes are made of: `VALUE` + kind is the symbol of a value. */
export const VALUE = 0x8000;
/** As many symbols as all shapes may have. */
const MOST_SYMBOLS = 1 << 22;

/**
 * Texts that shapes have in common, and how they go on after them. A shape's text is a sequence of symbols: code units, and `VALUE` + kind
 * for each value. All numbers stand in a few arrays, for that is what is compiled to fast code at once and stays so.
 */
export interface Trie {
  /** All symbols; a node's are those from its `FROM` to its `TO`. */
  symbols: Uint16Array;
  /** `NODE` numbers for each node: see `FROM` and what follows it. The root is at 0. */
  nodes: Int32Array;
  /** `EDGE` numbers for each edge: the symbol, the node that it leads to, the next edge of the same node. The first is none. */
  edges: Int32Array;
  usedSymbols: number;
  usedNodes: number;
  usedEdges: number;
}

export const NODE = 5;
export const FROM = 0;
export const TO = 1;
/** The number of what ends at the node; 0 where nothing does. */
export const END = 2;
/** A bit for each kind of value that may come next. */
export const KINDS_NEXT = 3;
const FIRST_EDGE = 4;
const EDGE = 3;

export function createTrie(): Trie {
  return {
    symbols: new Uint16Array(1 << 14),
    nodes: new Int32Array(1 << 12),
    edges: new Int32Array(1 << 12),
    usedSymbols: 0,
    usedNodes: NODE,
    usedEdges: EDGE,
  };
}

/** The node that a symbol leads to; 0 where none does. */
export function nextNode(nodes: Int32Array, edges: Int32Array, node: number, symbol: number): number {
  for (let edge = nodes[node + FIRST_EDGE] ?? 0; edge !== 0; edge = edges[edge + 2] ?? 0)
    if (edges[edge] === symbol) return edges[edge + 1] ?? 0;
  return 0;
}

/** Puts a text of `length` symbols into the trie, which ends in `end`. False where another one is the same, or there is no more room. */
export function insert(trie: Trie, symbols: Uint16Array, length: number, end: number): boolean {
  if (trie.usedSymbols + length > MOST_SYMBOLS) return false;
  const from = trie.usedSymbols;
  if (from + length > trie.symbols.length) {
    const bigger = new Uint16Array(Math.max(from + length, trie.symbols.length * 2));
    bigger.set(trie.symbols);
    trie.symbols = bigger;
  }
  trie.symbols.set(symbols.subarray(0, length), from);
  const node = place(trie, from, from + length);
  if (trie.nodes[node + END] !== 0) return false;
  trie.nodes[node + END] = end;
  trie.usedSymbols += length;
  return true;
}

/** The node where the symbols from `from` to `to` end; nodes are cut where texts part. */
function place(trie: Trie, from: number, to: number): number {
  const { symbols } = trie;
  let node = 0;
  for (let i = from; ; i++) {
    let k = trie.nodes[node + FROM] ?? 0;
    const end = trie.nodes[node + TO] ?? 0;
    while (k < end && i < to && symbols[k] === symbols[i]) {
      k++;
      i++;
    }
    if (k < end) {
      const rest = newNode(trie, k + 1, end);
      for (const property of [END, KINDS_NEXT, FIRST_EDGE]) {
        trie.nodes[rest + property] = trie.nodes[node + property] ?? 0;
        trie.nodes[node + property] = 0;
      }
      trie.nodes[node + TO] = k;
      link(trie, node, symbols[k] ?? 0, rest);
    }
    if (i === to) return node;
    const symbol = symbols[i] ?? 0;
    const next = nextNode(trie.nodes, trie.edges, node, symbol);
    if (next === 0) {
      const leaf = newNode(trie, i + 1, to);
      link(trie, node, symbol, leaf);
      return leaf;
    }
    node = next;
  }
}

function newNode(trie: Trie, from: number, to: number): number {
  const node = trie.usedNodes;
  trie.usedNodes += NODE;
  if (trie.usedNodes > trie.nodes.length) trie.nodes = doubled(trie.nodes);
  trie.nodes[node + FROM] = from;
  trie.nodes[node + TO] = to;
  return node;
}

function link(trie: Trie, node: number, symbol: number, next: number): void {
  const edge = trie.usedEdges;
  trie.usedEdges += EDGE;
  if (trie.usedEdges > trie.edges.length) trie.edges = doubled(trie.edges);
  const { nodes, edges } = trie;
  edges[edge] = symbol;
  edges[edge + 1] = next;
  edges[edge + 2] = nodes[node + FIRST_EDGE] ?? 0;
  nodes[node + FIRST_EDGE] = edge;
  if (symbol >= VALUE && symbol < VALUE + KINDS)
    nodes[node + KINDS_NEXT] = (nodes[node + KINDS_NEXT] ?? 0) | (1 << (symbol - VALUE));
}

function doubled(numbers: Int32Array): Int32Array {
  const bigger = new Int32Array(numbers.length * 2);
  bigger.set(numbers);
  return bigger;
}

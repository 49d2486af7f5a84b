import {
  EDGE,
  EDGES_AT,
  END,
  FIRST_EDGE,
  FROM,
  KINDS,
  KINDS_NEXT,
  NODE,
  NODES_AT,
  SYMBOLS_AT,
  TO,
  VALUE,
} from '../../../flow-reader/layout';
import { createRegion, makeRoom, type Engine, type Region } from './engine';

/** As many symbols as all shapes may have. */
const MOST_SYMBOLS = 1 << 22;

/**
 * Texts that shapes have in common, and how they go on after them, for the flow reader to follow a line along. A shape's text is a sequence
 * of symbols: code units, and `VALUE` + kind for each value. Nodes and edges go by where their first number stands among all.
 */
export interface Trie {
  readonly engine: Engine;
  /** All symbols, of two bytes; a node's are those from its `FROM` to its `TO`. */
  readonly symbols: Region;
  /** `NODE` numbers for each node: see `FROM` and what follows it. The root is at 0. */
  readonly nodes: Region;
  /** `EDGE` numbers for each edge: the symbol, the node that it leads to, the next edge of the same node. The first is none. */
  readonly edges: Region;
  usedSymbols: number;
  usedNodes: number;
  usedEdges: number;
}

export function createTrie(engine: Engine): Trie {
  return {
    engine,
    symbols: createRegion(engine, SYMBOLS_AT, 1 << 15),
    nodes: createRegion(engine, NODES_AT, 1 << 14),
    edges: createRegion(engine, EDGES_AT, 1 << 14),
    usedSymbols: 0,
    usedNodes: NODE,
    usedEdges: EDGE,
  };
}

/** What a trie is, as numbers of their own. */
export interface TrieNumbers {
  readonly symbols: Uint16Array;
  readonly nodes: Int32Array;
  readonly edges: Int32Array;
}

export function numbersOfTrie({ engine, symbols, nodes, edges, usedSymbols, usedNodes, usedEdges }: Trie): TrieNumbers {
  return {
    symbols: engine.u16.slice(symbols.at >> 1, (symbols.at >> 1) + usedSymbols),
    nodes: engine.i32.slice(nodes.at >> 2, (nodes.at >> 2) + usedNodes),
    edges: engine.i32.slice(edges.at >> 2, (edges.at >> 2) + usedEdges),
  };
}

/** Makes an empty trie what the numbers say. */
export function fillTrie(trie: Trie, numbers: { readonly [P in keyof TrieNumbers]: ArrayLike<number> }): void {
  const { engine, symbols, nodes, edges } = trie;
  makeRoom(engine, symbols, numbers.symbols.length * 2);
  makeRoom(engine, nodes, numbers.nodes.length * 4);
  makeRoom(engine, edges, numbers.edges.length * 4);
  engine.u16.set(numbers.symbols, symbols.at >> 1);
  engine.i32.set(numbers.nodes, nodes.at >> 2);
  engine.i32.set(numbers.edges, edges.at >> 2);
  trie.usedSymbols = numbers.symbols.length;
  trie.usedNodes = numbers.nodes.length;
  trie.usedEdges = numbers.edges.length;
}

/** Puts a text of `length` symbols into the trie, which ends in `end`. False where another one is the same, or there is no more room. */
export function insert(trie: Trie, symbols: Uint16Array, length: number, end: number): boolean {
  const { engine } = trie;
  if (trie.usedSymbols + length > MOST_SYMBOLS) return false;
  const from = trie.usedSymbols;
  makeRoom(engine, trie.symbols, (from + length) * 2);
  engine.u16.set(symbols.subarray(0, length), (trie.symbols.at >> 1) + from);
  const node = place(trie, from, from + length);
  if (get(trie, node, END) !== 0) return false;
  set(trie, node, END, end);
  trie.usedSymbols += length;
  return true;
}

function get({ engine, nodes }: Trie, node: number, property: number): number {
  return engine.i32[(nodes.at >> 2) + node + property] ?? 0;
}

function set({ engine, nodes }: Trie, node: number, property: number, value: number): void {
  engine.i32[(nodes.at >> 2) + node + property] = value;
}

function symbolAt({ engine, symbols }: Trie, at: number): number {
  return engine.u16[(symbols.at >> 1) + at] ?? 0;
}

/** The node where the symbols from `from` to `to` end; nodes are cut where texts part. */
function place(trie: Trie, from: number, to: number): number {
  let node = 0;
  for (let i = from; ; i++) {
    let k = get(trie, node, FROM);
    const end = get(trie, node, TO);
    while (k < end && i < to && symbolAt(trie, k) === symbolAt(trie, i)) {
      k++;
      i++;
    }
    if (k < end) {
      const rest = newNode(trie, k + 1, end);
      for (const property of [END, KINDS_NEXT, FIRST_EDGE]) {
        set(trie, rest, property, get(trie, node, property));
        set(trie, node, property, 0);
      }
      set(trie, node, TO, k);
      link(trie, node, symbolAt(trie, k), rest);
    }
    if (i === to) return node;
    const symbol = symbolAt(trie, i);
    const next = nextNode(trie, node, symbol);
    if (next === 0) {
      const leaf = newNode(trie, i + 1, to);
      link(trie, node, symbol, leaf);
      return leaf;
    }
    node = next;
  }
}

/** The node that a symbol leads to; 0 where none does. */
function nextNode(trie: Trie, node: number, symbol: number): number {
  const { i32 } = trie.engine;
  const edges = trie.edges.at >> 2;
  for (let edge = get(trie, node, FIRST_EDGE); edge !== 0; edge = i32[edges + edge + 2] ?? 0)
    if (i32[edges + edge] === symbol) return i32[edges + edge + 1] ?? 0;
  return 0;
}

function newNode(trie: Trie, from: number, to: number): number {
  const node = trie.usedNodes;
  trie.usedNodes += NODE;
  makeRoom(trie.engine, trie.nodes, trie.usedNodes * 4);
  set(trie, node, FROM, from);
  set(trie, node, TO, to);
  return node;
}

function link(trie: Trie, node: number, symbol: number, next: number): void {
  const { engine } = trie;
  const edge = trie.usedEdges;
  trie.usedEdges += EDGE;
  makeRoom(engine, trie.edges, trie.usedEdges * 4);
  engine.i32.set([symbol, next, get(trie, node, FIRST_EDGE)], (trie.edges.at >> 2) + edge);
  set(trie, node, FIRST_EDGE, edge);
  if (symbol >= VALUE && symbol < VALUE + KINDS)
    set(trie, node, KINDS_NEXT, get(trie, node, KINDS_NEXT) | (1 << (symbol - VALUE)));
}

import { bytesOfBase64 } from '../../base/base64';
import { flowReader } from '../../generated/flow-reader';
import * as layout from '../../../flow-reader/layout';

/** What the flow reader asks the server for while it reads; addresses of UTF-16 code units. See `server/flow-reader/imports.ts`. */
export interface Asked {
  readonly internName: (from: number, to: number) => number;
  readonly isEdgeTrusted: (place: number, value: number) => boolean;
}

/** What the flow reader does; see the functions of these names in `server/flow-reader`. Addresses, and 1 for true. */
interface Calls {
  readonly endLine: (start: number, from: number) => void;
  readonly follow: (from: number, end: number) => number;
  readonly readLines: () => number;
  readonly takeLine: () => void;
  readonly classOf: (kind: number, number: number, words: number) => number;
  readonly isInside: (program: number) => number;
  readonly valueAt: (at: number, end: number, kinds: number) => number;
}

/**
 * The compiled flow reader with a memory of its own: what it works on stands there (`server/flow-reader/layout.ts`), and the server puts it
 * there and looks at it through the four views. The memory may grow, and then the views are others: nobody keeps one.
 */
export interface Engine {
  readonly calls: Calls;
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  u16: Uint16Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  f64: Float64Array<ArrayBuffer>;
  /** Up to where the memory is given out, in bytes. */
  used: number;
}

/** A part of the memory that may become too small: its address stands at `header`. */
export interface Region {
  readonly header: number;
  at: number;
  /** In bytes. */
  room: number;
}

/** So much of the compiler's interface is used; TypeScript's own declarations of it come with those of a browser. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const PAGE = 65_536;

let compiled: object | undefined;

/** A flow reader that knows nothing yet. What it is made of is compiled once in a process. */
export function createEngine(asked: Asked): Engine {
  compiled ??= new WebAssembly.Module(bytesOfBase64(flowReader));
  const { exports } = new WebAssembly.Instance(compiled, { imports: asked });
  const calls = exports as Calls & { readonly memory: Engine['memory'] };
  return { calls, memory: calls.memory, ...viewsOf(calls.memory.buffer), used: layout.ROWS_END };
}

function viewsOf(buffer: ArrayBuffer): Pick<Engine, 'u16' | 'i32' | 'u32' | 'f64'> {
  return {
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
  };
}

/** The address of so many bytes that are nobody's yet, all zero. */
export function takeRoom(engine: Engine, bytes: number): number {
  const at = engine.used;
  engine.used = (at + bytes + 7) & ~7;
  const missing = engine.used - engine.memory.buffer.byteLength;
  if (missing > 0) {
    engine.memory.grow(Math.ceil(missing / PAGE));
    Object.assign(engine, viewsOf(engine.memory.buffer));
  }
  return at;
}

export function createRegion(engine: Engine, header: number, bytes: number): Region {
  const at = takeRoom(engine, bytes);
  engine.i32[header >> 2] = at;
  return { header, at, room: bytes };
}

/** Makes a region hold so many bytes: it moves to where it has twice its room where it is too small. */
export function makeRoom(engine: Engine, region: Region, bytes: number): void {
  if (bytes <= region.room) return;
  const room = Math.max(bytes, region.room * 2);
  const at = takeRoom(engine, room);
  engine.i32.copyWithin(at >> 2, region.at >> 2, (region.at + region.room) >> 2);
  region.at = at;
  region.room = room;
  engine.i32[region.header >> 2] = at;
}

/** A number of four bytes at an address. */
export function numberAt(engine: Engine, address: number): number {
  return engine.i32[address >> 2] ?? 0;
}

export function setNumber(engine: Engine, address: number, value: number): void {
  engine.i32[address >> 2] = value;
}

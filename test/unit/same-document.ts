import assert from 'node:assert/strict';
import type { Capture, Ref } from '../../server/src/captures/capture';
import type { CaptureDocument, Reading } from '../../server/src/captures/document';
import { hashOfFlow } from '../../server/src/captures/flow/hash';
import { createSegmentReader } from '../../server/src/captures/flow/segment';
import { createShapeBook } from '../../server/src/captures/flow/shapes';
import type { FlowStore } from '../../server/src/captures/flow/store';
import type { FlowBits } from '../../server/src/packet/flow-shape';
import { startsOf } from './line-starts';

/** Learns no shape: every line goes to the grammar. */
export function ordinary(): Reading {
  const book = createShapeBook(() => false);
  return { book, segments: createSegmentReader(book) };
}

const bits = ({ field, value, mask, portName, unknown }: FlowBits) => ({ field, value, mask, portName, unknown });

function outline(capture: Capture) {
  const { flows: _flows, facts, refs, errors, lines: _lines, ...rest } = capture;
  return { ...rest, facts, refs, errors };
}

const NO_NUMBERS: ReadonlyMap<string, number> = new Map();

/** A flow's table, priority and match, however they are written. */
function keyOf(flows: FlowStore, i: number): string {
  const terms = flows.flow(i).match.map((term) => {
    const value = term.unknown ? term.text : (term.portName ?? term.value);
    return `${term.field}=${value}/${term.mask}`;
  });
  return `${flows.tableOf(i)} ${flows.priorityOf(i)} ${terms.sort().join()}`;
}

/** Everything that a document says must be the same whether shapes are known or not. */
export function same(fast: CaptureDocument, plain: CaptureDocument, values: boolean): number {
  assert.deepEqual(startsOf(fast.lines), startsOf(plain.lines));
  assert.equal(fast.captures.length, plain.captures.length, fast.path);
  assert.deepEqual(fast.unclassified, plain.unclassified);
  let known = 0;
  for (const [n, capture] of fast.captures.entries()) {
    const other = plain.captures[n];
    assert.ok(other);
    assert.deepEqual(outline(capture), outline(other), `${fast.path}, capture ${n}`);
    const { flows } = capture;
    assert.equal(flows.count, other.flows.count, `${fast.path}, capture ${n}`);
    const named = new Map<string, Ref[]>();
    for (let i = 0; i < flows.count; i++) {
      const text = (): string => fast.text.slice(other.flows.flow(i).span.start, other.flows.flow(i).span.end);
      const flow = other.flows.flow(i);
      if (flows.shapeOf(i)) known++;
      assert.equal(flows.isBroken(i), other.flows.isBroken(i), text());
      assert.equal(flows.firstLineOf(i), other.flows.firstLineOf(i));
      assert.equal(flows.lastLineOf(i), other.flows.lastLineOf(i));
      assert.equal(flows.at(flows.firstLineOf(i)), i);
      assert.equal(flows.tableOf(i), flow.table.value, text());
      assert.equal(flows.priorityOf(i), flow.priority.value, text());
      assert.deepEqual(flows.matchOf(i).map(bits), flow.match.map(bits), text());
      assert.equal(flows.hashOf(i), hashOfFlow(flow), text());
      assert.deepEqual(flows.flow(i), flow, text());
      assert.deepEqual(flows.refs(i), other.flows.refs(i), text());
      // What columns tell of two flows is what their matches say; ports have no numbers here but their own.
      for (const k of [i, i - 1]) {
        if (k < 0) continue;
        const equal = k === i || keyOf(other.flows, i) === keyOf(other.flows, k);
        assert.ok([equal, undefined].includes(flows.sameMatch(i, flows, k)), text());
        if (equal) assert.equal(flows.exactHashOf(i, NO_NUMBERS), other.flows.exactHashOf(k, NO_NUMBERS), text());
      }
      for (const ref of other.flows.refs(i)) {
        const key = `${ref.kind} ${ref.value}`;
        const list = named.get(key);
        if (list) list.push(ref);
        else named.set(key, [ref]);
      }
    }
    if (!values) continue;
    const order = (a: Ref, b: Ref) => a.span.start - b.span.start;
    for (const refs of named.values()) {
      const [first] = refs;
      if (!first) continue;
      const found = [...flows.mentions(first.kind, first.value)].map(({ ref }) => ref);
      assert.deepEqual(found.sort(order), [...refs].sort(order), `${fast.path}: ${first.kind} ${first.value}`);
    }
    for (const kind of ['ofport', 'mac', 'ip', 'table', 'vlan', 'tun-id'] as const) {
      const expected = new Set([...named.values()].flatMap((refs) => (refs[0]?.kind === kind ? [refs[0].value] : [])));
      assert.deepEqual([...flows.named(kind)].sort(), [...expected].sort());
    }
  }
  return known;
}

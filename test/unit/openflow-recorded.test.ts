import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseExactFlow } from '../../server/src/captures/flow/exact-flow';
import { ofpactsOf, parseActions } from '../../server/src/captures/flow/ofpacts';
import { readFlow, type ReadFlow } from '../../server/src/captures/flow/read';
import { checkActions } from '../../server/src/openflow/check';
import { formatActions } from '../../server/src/openflow/format-actions';
import { formatFlow, formatMatch } from '../../server/src/openflow/format-match';
import { expandMatch } from '../../server/src/openflow/match';
import { nameMap, type NameMap } from '../../server/src/openflow/names';
import { matchOfTerms } from '../../server/src/openflow/terms';
import { tlvTable } from '../../server/src/openflow/tlv';
import { W } from '../../server/src/packet/flow-words';
import { root } from './walk-fixture';

/** What scripts/record-openflow.mjs was told by Open vSwitch 3.1.0. */
interface RecordedFlow {
  readonly flow: string;
  /** As `ovs-ofctl parse-flow` prints it back. */
  readonly parsed?: string;
  readonly error?: string;
  /** As the switch keeps it (`bridge/dump-flows`), and as dumps of each protocol print it. */
  readonly stored?: string;
  readonly OpenFlow10?: string;
  readonly OpenFlow11?: string;
  readonly OpenFlow13?: string;
  readonly OpenFlow15?: string;
  readonly names?: string;
}

function rows<T>(name: string): T[] {
  const text = fs.readFileSync(path.join(root, 'test/fixtures/openflow', name), 'utf8');
  return text.trim().split('\n').map((line) => JSON.parse(line) as T); // prettier-ignore
}

const flows = rows<RecordedFlow>('flows.jsonl');
const packets = rows<{ flow: string; answer: string }>('packets.jsonl');
const nobody: NameMap = { nameOf: () => undefined, numberOf: () => undefined };
const ports = nameMap([[1, 'p1'], [2, 'qvo2-a'], [65534, 'br0']]); // prettier-ignore
const tlv = tlvTable([
  { class: 0xffff, type: 0, length: 4, index: 0 },
  { class: 0xffff, type: 1, length: 16, index: 1 },
  { class: 0xffff, type: 5, length: 8, index: 33 },
]);

/** Names that only the switch knows are kept, not refused; and so is what a switch prints although ovs-ofctl does not take it. */
const taken = new RegExp(
  [
    ...['unknown port', 'unknown table$', 'port value out of range', 'unknown action (?:foo|p1)$', 'default instruction'],
    ...['unknown port for in_port$', 'at least one "in_port" or "table"', 'source field is 992 bits wide'],
  ].join('|'),
);

const read = (text: string) => readFlow({ text, parts: [{ at: 0, offset: 0 }] });

/** The part of a dump's line that the switch made of the match, priority first. */
function matchText(line: string): string {
  let head = line
    .slice(0, line.indexOf('actions='))
    .replace(/[ ,]+$/, '')
    .trimStart();
  for (const aside of [
    /^(?:cookie|duration|table|table_id|n_packets|n_bytes|idle_timeout|hard_timeout|importance|idle_age|hard_age)=[^ ,]*(?:, ?|$)/,
    /^(?:send_flow_rem|check_overlap|reset_counts|no_packet_counts|no_byte_counts)(?: |$)/,
  ]) {
    // prettier-ignore
    while (aside.test(head)) head = head.replace(aside, '');
  }
  for (let before = ''; before !== head;) {
    before = head;
    head = head.replace(
      /^(?:(?:importance|idle_age|hard_age)=\d+(?:, ?|$)|(?:reset_counts|no_packet_counts|no_byte_counts)(?: |$))/,
      '',
    );
  }
  return head;
}

function printed(line: string, { flow }: ReadFlow, names: NameMap | undefined): { match: string; actions: string } {
  const { match, trouble } = matchOfTerms(flow.match, names);
  assert.equal(trouble, undefined, line);
  // Only the switch itself knows how wide its Geneve options are.
  const options = { ports: names, priority: flow.priority.value, tlv: /^(?:table_id|duration)=/.test(line) ? tlv : undefined };
  const { acts } = ofpactsOf(flow, { ports: names });
  return { match: formatMatch(match, options), actions: formatActions(acts, options) };
}

describe('flows in the words of Open vSwitch', () => {
  it('come out as they went in, in every form that dumps have', () => {
    const wrong: string[] = [];
    let count = 0;
    for (const row of flows) {
      for (const form of ['stored', 'OpenFlow10', 'OpenFlow11', 'OpenFlow13', 'OpenFlow15', 'names'] as const) {
        const line = row[form];
        if (line === undefined || line === '') continue;
        count++;
        const made = read(line);
        if (!('flow' in made)) wrong.push(`not read: ${line}`);
        else {
          const { match, actions } = printed(line, made, form === 'names' ? ports : undefined);
          const wanted = line.slice(line.indexOf('actions=') + 'actions='.length);
          for (const error of made.errors) wrong.push(`${line}: ${error.message}`);
          if (match !== matchText(line)) wrong.push(`${line}\n  match ${match}`);
          if (actions !== wanted) wrong.push(`${line}\n  actions ${actions}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(count > 1500, `${count} lines`);
  });

  it('are refused where ovs-ofctl refuses their actions, in its words', () => {
    const wrong: string[] = [];
    let count = 0;
    for (const { flow, error, parsed } of flows) {
      const at = flow.indexOf('actions=');
      if (at < 0) continue;
      const { acts, troubles } = parseActions(flow.slice(at + 'actions='.length), { ports: nobody, tables: nobody });
      const inconsistent = /^actions are invalid with specified match \((\w+)\)$/.exec(error ?? '')?.[1];
      if (inconsistent !== undefined) {
        count++;
        const made = read(flow);
        const match = 'flow' in made ? matchOfTerms(made.flow.match).match : undefined;
        const table = 'flow' in made && made.flow.table.span.end > 0 ? Number(made.flow.table.value) : undefined;
        const fault = match && checkActions(acts, expandMatch(match), table).fault?.error;
        if (fault !== inconsistent) wrong.push(`${flow}: ${fault ?? 'taken'}, not ${inconsistent}`);
        if (made.errors.length === 0) wrong.push(`${flow}: no diagnostic`);
      } else if (parsed !== undefined && troubles[0]) {
        wrong.push(`${flow}: refused with ${troubles[0].message}`);
      } else if (error !== undefined && !/ for in_port$/.test(error) && troubles[0]) {
        count++;
        if (troubles[0].message.trim() !== error) wrong.push(`${flow}\n  ${troubles[0].message}\n  ${error}`);
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(count > 90, `${count} flows`);
  });

  it('have a diagnostic wherever ovs-ofctl has an error', () => {
    // Of these, a dump says nothing, or says it otherwise.
    const elsewhere = /^(?:must specify an action|no usable protocol)/;
    const silent = flows.filter(
      ({ flow, error }) => error !== undefined && !elsewhere.test(error) && !taken.test(error) && read(flow).errors.length === 0,
    );
    assert.deepEqual(silent.map(({ flow, error }) => `${flow}: ${error}`), []); // prettier-ignore
  });
});

describe('a packet given to ofproto/trace', () => {
  it('is taken or refused as the command does, and printed as its first line has it', () => {
    const wrong: string[] = [];
    for (const { flow, answer } of packets) {
      const parsed = parseExactFlow(flow, ports, tlv);
      let own = 'error' in parsed ? `Bad openflow flow syntax: ${parsed.error}`.trim() : '';
      if ('flow' in parsed) {
        parsed.flow[W.actsetOutput] = 0xfff7;
        own = formatFlow(parsed.flow, { tlv });
      }
      if (own !== answer) wrong.push(`${flow}\n  ${own}\n  ${answer}`);
    }
    assert.deepEqual(wrong, []);
    assert.ok(packets.length > 140);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compare, normalise, outputsAsSet } from '../oracle/compare';
import type { Answer } from '../oracle/folder';

const trace = (rules: string, final: string, actions: string): Answer => ({
  kind: 'text',
  text: `Flow: ip,in_port=1\n\nbridge("br0")\n-------------\n${rules}\n\nFinal flow: ${final}\nMegaflow: recirc_id=0\nDatapath actions: ${actions}\n`,
});
const rule = ' 0. ip,in_port=1, priority 5\n    output:2';

describe('how two traces are compared', () => {
  it('takes recirculation ids by their order', () => {
    assert.equal(
      normalise('ct,recirc(0x12) recirc_id=0x12 recirc(0x9) recirc_id=0'),
      'ct,recirc(#1) recirc_id=#1 recirc(#2) recirc_id=0',
    );
  });

  it('finds the rule, the final flow and the datapath actions that differ', () => {
    const real = trace(rule, 'unchanged', '2');
    assert.deepEqual(compare(real, real).differs, []);
    assert.deepEqual(compare(real, trace(rule.replace('priority 5', 'priority 6'), 'unchanged', '2')).differs, ['rules']);
    assert.deepEqual(compare(real, trace(rule, 'ip', '2')).differs, ['final']);
    assert.deepEqual(compare(real, trace(rule, 'unchanged', 'drop')).differs, ['datapath']);
    assert.deepEqual(compare(real, { kind: 'error', text: 'br0: unknown bridge' }).differs, ['error']);
  });

  it('takes the outputs of a flood as a set, each with the changes that it sees', () => {
    assert.equal(outputsAsSet('1,push_vlan(vid=5,pcp=0),2,pop_vlan,3'), outputsAsSet('3,1,push_vlan(vid=5,pcp=0),2'));
    assert.notEqual(outputsAsSet('1,push_vlan(vid=5,pcp=0),2'), outputsAsSet('push_vlan(vid=5,pcp=0),1,2'));
    assert.equal(
      outputsAsSet('1,set(skb_priority(0x4)),2,set(skb_priority(0)),3', 'ip,in_port=1'),
      outputsAsSet('3,1,set(skb_priority(0x4)),2', 'ip,in_port=1'),
    );
    assert.notEqual(
      outputsAsSet('1,set(skb_priority(0x4)),2,set(skb_priority(0)),3', 'skb_priority=0x1,ip,in_port=1'),
      outputsAsSet('3,1,set(skb_priority(0x4)),2', 'skb_priority=0x1,ip,in_port=1'),
    );
    const flood = ' 0. priority 0\n    FLOOD';
    assert.deepEqual(compare(trace(flood, 'unchanged', '2,3'), trace(flood, 'unchanged', '3,2')).differs, []);
    assert.deepEqual(compare(trace(rule, 'unchanged', '2,3'), trace(rule, 'unchanged', '3,2')).differs, ['datapath']);
  });
});

import { flowHashSymmetricL4, hashBoolean, hashBytes, hashInt, hashUint64, maskHashFields } from '../datapath/hash';
import { getField, isFieldSet, lookAtField } from '../openflow/field-access';
import { OFPP } from '../openflow/ofpact';
import { formatPort } from '../openflow/names';
import { fieldOf, fields as fieldTable } from '../packet/fields';
import { actionSetList } from './action-set';
import { isAlive } from './bundles';
import { meet, meetSwitch, report, triggerFreeze, type Ctx } from './context';
import { tlvsOf } from './fields';
import { finishFreezing } from './freeze';
import type { Bucket, Group } from './switch';
import { withinLimits } from './table-action';
import { wordAt, or, W } from '../packet/flow-words';
import { prerequisitesMet } from '../openflow/prerequisites';

/** How deep groups may watch groups. */
const MAX_LIVENESS_RECURSION = 128;

function bucketIsAlive(ctx: Ctx, group: Group, bucket: Bucket, depth: number): boolean {
  if (depth >= MAX_LIVENESS_RECURSION) {
    report(ctx, 'error', `bucket chaining exceeded ${MAX_LIVENESS_RECURSION} links`);
    return false;
  }
  if (group.type === 'select' && bucket.weight === 0) return false;
  const { watchPort, watchGroup } = bucket;
  if (watchPort === undefined && watchGroup === undefined) return true;
  if (watchPort !== undefined && watchPort !== OFPP.CONTROLLER && isAlive(ctx.bridge.ports.get(watchPort))) return true;
  const watched = watchGroup === undefined ? undefined : ctx.bridge.groups.get(watchGroup);
  return watched !== undefined && firstLive(ctx, watched, depth + 1) !== undefined;
}

function reportNotLive(ctx: Ctx, bucket: Bucket): void {
  const due = [
    ...(bucket.watchPort === undefined ? [] : [`port ${formatPort(bucket.watchPort)}`]),
    ...(bucket.watchGroup === undefined ? [] : [`port ${bucket.watchGroup}`]),
  ];
  report(ctx, 'detail', `bucket ${bucket.id}: not live due to ${due.join(' and ')}`);
}

function firstLive(ctx: Ctx, group: Group, depth: number): Bucket | undefined {
  for (const bucket of group.buckets) {
    if (bucketIsAlive(ctx, group, bucket, depth)) return bucket;
    reportNotLive(ctx, bucket);
  }
  return undefined;
}

function bestLive(ctx: Ctx, group: Group, basis: number): Bucket | undefined {
  let best: Bucket | undefined;
  let bestScore = 0;
  for (const bucket of group.buckets) {
    if (!bucketIsAlive(ctx, group, bucket, 0)) {
      reportNotLive(ctx, bucket);
      continue;
    }
    const score = Math.imul(hashInt(bucket.id, basis) & 0xffff, bucket.weight) >>> 0;
    if (score >= bestScore) {
      best = bucket;
      bestScore = score;
    }
    report(ctx, 'detail', `bucket ${bucket.id}: score ${score}`);
  }
  return best;
}

function bytesOf(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * (count - 1 - i))) & 0xffn));
}

function byFields(ctx: Ctx, group: Group): Bucket | undefined {
  let basis = hashUint64(group.selectionMethodParam);
  const tlvs = tlvsOf(ctx.bridge);
  const wanted = new Map(group.fields.flatMap(({ name, mask }) => {
    const field = fieldOf(name);
    return field ? [[field, mask] as const] : [];
  })); // prettier-ignore
  for (const field of fieldTable) {
    const mask = wanted.get(field);
    if (mask === undefined || !prerequisitesMet(field, ctx.flow, { wc: ctx.wc })) continue;
    const option = field.mfName.startsWith('tun_metadata');
    // The value of a Geneve option takes the room of the longest one.
    const bytes = option ? 124 : field.bytes;
    basis = hashBytes(bytesOf(getField(field, ctx.flow, tlvs) & mask, bytes), basis);
    if (option) basis = hashBoolean(isFieldSet(field, ctx.flow, tlvs), basis);
    lookAtField(field, mask, ctx.wc, tlvs);
  }
  return bestLive(ctx, group, basis);
}

/**
 * Which bucket each hash value leads to: values are dealt to buckets by weight, one after the other (Webster's method). Undefined where
 * the weights would need more than 256 values.
 */
export function hashMap(group: Group): Bucket[] | undefined {
  const live = group.buckets.filter((bucket) => bucket.weight > 0);
  const total = live.reduce((sum, bucket) => sum + bucket.weight, 0);
  if (total === 0) return undefined;
  const slots = Math.ceil(total / Math.min(...live.map((bucket) => bucket.weight)));
  let count = 16;
  while (count < slots) count *= 2;
  if (count > 256) return undefined;
  const shares = group.buckets.map((bucket) => ({ bucket, divisor: 1, value: bucket.weight }));
  return Array.from({ length: count }, () => {
    const winner = shares.reduce((a, b) => (b.value > a.value ? b : a));
    winner.divisor += 2;
    winner.value = winner.bucket.weight / winner.divisor;
    return winner.bucket;
  });
}

function byDatapathHash(ctx: Ctx, group: Group, map: readonly Bucket[], algorithm: number, basis: number): Bucket | undefined {
  const hash = wordAt(ctx.flow, W.dpHash);
  if (hash === 0) {
    meetSwitch(ctx, 'datapath-actions');
    const known = Math.min(algorithm, 1) > ctx.session.sw.datapath.maxHashAlgorithm ? 0 : algorithm;
    triggerFreeze(ctx);
    ctx.hash = { algorithm: known === 1 ? 'sym_l4' : 'l4', basis };
    return undefined;
  }
  const mask = map.length - 1;
  or(ctx.wc, W.dpHash, mask);
  for (let i = 0; i <= mask; i++) {
    const bucket = map[(hash + i) & mask];
    if (bucket && bucketIsAlive(ctx, group, bucket, 0)) return bucket;
  }
  return undefined;
}

function select(ctx: Ctx, group: Group): Bucket | undefined {
  // What is hashed may lie behind MPLS labels that have been popped.
  if (ctx.wasMpls) {
    triggerFreeze(ctx);
    return undefined;
  }
  if (group.selectionMethod === 'hash' && group.fields.length > 0) return byFields(ctx, group);
  if (group.selectionMethod !== 'hash') {
    const given = group.selectionMethod === 'dp_hash';
    const map = hashMap(group);
    if (map) {
      const algorithm = given ? Number(group.selectionMethodParam >> 32n) : 1;
      const basis = given ? Number(group.selectionMethodParam & 0xffffffffn) : 0;
      if (ctx.session.follower && wordAt(ctx.flow, W.dpHash) === 0) {
        const live = group.buckets.filter((bucket) => bucketIsAlive(ctx, group, bucket, 0));
        ctx.session.follower.select(ctx, group, live);
        for (const bucket of live.slice(0, -1)) runBucket(ctx, bucket, false);
        return live.at(-1);
      }
      return byDatapathHash(ctx, group, map, algorithm > 1 ? 0 : algorithm, basis);
    }
  }
  maskHashFields(ctx.flow, ctx.wc, 'symmetric_l4');
  return bestLive(ctx, group, flowHashSymmetricL4(ctx.flow, 0));
}

/** Does a bucket's actions on a copy of the packet. */
function runBucket(ctx: Ctx, bucket: Bucket, isLast: boolean): void {
  const oldTrace = ctx.trace;
  ctx.trace = report(ctx, 'bucket', `bucket ${bucket.id}`);
  const saved = ctx.flow.slice();
  const { wasMpls } = ctx;
  ctx.depth++;
  ctx.run(actionSetList(bucket.actions), ctx, isLast, true);
  ctx.depth--;
  if (ctx.freezing) finishFreezing(ctx);
  ctx.flow = saved;
  ctx.wasMpls = wasMpls;
  ctx.exit = false;
  // The switch's own limits hold for all buckets; other troubles end with this one.
  if (ctx.error === 'Too many MPLS labels' || ctx.error === 'Unsupported packet type') ctx.error = undefined;
  ctx.trace = oldTrace;
}

/** The group action. False where there is no such group: the list of actions ends there. */
export function groupAction(ctx: Ctx, id: number, isLast: boolean): boolean {
  if (!withinLimits(ctx)) return true;
  const group = ctx.bridge.groups.get(id);
  if (!group) {
    meet(ctx, 'groups');
    if (ctx.bridge.unseen.has('groups')) ctx.session.follower?.unseenGroup(ctx, id);
    report(ctx, 'warn', `output to nonexistent group ${id}`);
    return false;
  }
  if (group.type === 'all' || group.type === 'indirect') {
    group.buckets.forEach((bucket, i) => {
      runBucket(ctx, bucket, isLast && i === group.buckets.length - 1);
    });
    return true;
  }
  const bucket = group.type === 'select' ? select(ctx, group) : firstLive(ctx, group, 0);
  if (bucket) {
    report(ctx, 'detail', `using bucket ${bucket.id}`);
    runBucket(ctx, bucket, isLast);
  } else {
    report(ctx, 'detail', 'no live bucket');
    const watched = group.buckets.flatMap(({ watchPort }) => watchPort ?? []);
    ctx.session.follower?.noneLive(ctx, `Group ${group.id}`, watched);
  }
  return true;
}

import assert from 'node:assert/strict';
import type { Network } from '../../server/src/model/network';
import { walk, type WalkAnswer } from '../../server/src/walk/walk';
import { outline } from './walk-fixture';
import { comparePlaces, questionOf, type Experiment } from './walk-less';

/** What the sender was told, and by whom; that a packet that is too long is lost for certain. */
function compareSizes(
  experiment: Experiment,
  request: WalkAnswer,
  reply: WalkAnswer | undefined,
  unsure: boolean,
  open: boolean,
): void {
  const why = outline(request);
  const said = request.steps.flatMap((step) => [step, ...step.steps]).map(({ summary }) => summary);
  const errors = said.filter((summary) => /^An ICMP error.*MTU/.test(summary));
  const { told } = experiment;
  if (unsure) return;
  if (!experiment.arrives) assert.match(request.ending.disposition, open ? /^(?:dropped|insufficient-info)$/ : /^dropped$/, why);
  else if (experiment.proto === 'icmp')
    assert.notEqual(reply?.ending.disposition === 'delivered', !experiment.answered, reply ? outline(reply) : why);
  assert.equal(errors.length, told ? 1 : 0, `${errors.join()}\n${why}`);
  if (told) assert.match(errors[0] ?? '', new RegExp(`MTU ${told.mtu}\\).*${told.from.replaceAll('.', '\\.')}$`));
  assert.equal(/message is too long/.test(request.ending.summary), experiment.refused === true, why);
}

/** Whether the last device that saw the packet is of the machine that the walk ends in. */
function endsWhereSeen({ ending, steps }: WalkAnswer, { request }: Experiment): boolean {
  const [host, space] = request.at(-1)?.split(' ') ?? [];
  const namespace = steps.at(-1)?.namespace ?? undefined;
  return host !== undefined && ending.at.host === host && (namespace === undefined || namespace === space);
}

/**
 * Walks the packet that was sent, and fails where the walk is not where it was. `copies`: those of floods were noted as well, and of what got no
 * answer the recorder does not know whether its receiver took it.
 */
export function assertWalked(network: Network, experiment: Experiment, copies = false): void {
  const result = walk(network, questionOf(experiment));
  if (result.kind === 'error') assert.fail(result.message);
  const { request, reply } = result;
  const why = outline(request);
  const unsure = copies && !experiment.arrives && experiment.proto !== 'udp' && endsWhereSeen(request, experiment);
  if (experiment.arrives) assert.equal(request.ending.disposition, 'delivered', why);
  // What nobody takes off the wire has left the captures.
  else if (!unsure) assert.match(request.ending.disposition, /^(?:dropped|insufficient-info|exits)$/, why);
  comparePlaces(request, experiment.request, experiment.oneOf, copies);
  if (experiment.length !== undefined) compareSizes(experiment, request, reply, unsure, copies);
  if (experiment.arrives && experiment.reset !== undefined)
    assert.equal(/answers with a reset/.test(request.ending.summary), experiment.reset, why);
  if (!experiment.answered) return;
  assert.equal(reply?.ending.disposition, 'delivered', reply ? outline(reply) : why);
  comparePlaces(reply, experiment.reply, experiment.oneOf, copies);
}

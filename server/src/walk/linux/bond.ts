import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Context } from '../context';
import type { Ending, Step } from '../step';
import { stepBase } from './events';
import { linkFault } from '../../kernel/link-fault';

/** The devices of a bond, in the order of the captures. */
export function slavesOf(namespace: Namespace, bond: string): Device[] {
  return [...namespace.devices.values()].filter(({ master }) => master === bond);
}

/** Whether a device is a bond or a team. */
export function isBond(namespace: Namespace, device: Device | undefined): boolean {
  if (device === undefined) return false;
  return (
    device.type === 'bond' ||
    device.type === 'team' ||
    (device.type === undefined && /^bond\d/.test(device.name) && slavesOf(namespace, device.name).length > 0)
  );
}

function active(bond: Device): string | undefined {
  const named = bond.settings['active_slave'];
  return named === undefined || named === 'none' ? undefined : named;
}

/**
 * Of 802.3ad, whether a device carries frames: those of another aggregator than the active one do not, as with two switches that know
 * nothing of one another, nor those whose partner is not ready (bond_3ad_get_active_agg_info, __disable_port). Undefined where that was
 * not captured.
 */
function isDistributing(bond: Device, slave: Device): boolean | undefined {
  const [active, own] = [bond.settings['ad_aggregator'], slave.portSettings['ad_aggregator_id']];
  if (slave.portSettings['state'] === 'BACKUP') return false;
  return active === undefined || own === undefined ? undefined : active === own;
}

/** The devices of a bond that may send: those that are up, and of 802.3ad those of its active aggregator. */
function senders(bond: Device, slaves: readonly Device[]): Device[] {
  return slaves.filter(
    (slave) =>
      linkFault(slave) === undefined &&
      slave.portSettings['mii_status']?.toUpperCase() !== 'DOWN' &&
      (bond.settings['mode'] !== '802.3ad' || isDistributing(bond, slave) !== false),
  );
}

/** A frame leaves by a bond: by its active device, or, where the mode spreads frames, by one that a hash chooses (ip-link(8)). */
export function outOfBond(context: Context, namespace: Namespace, bond: Device, packet: FlowKey, steps: Step[]): Ending {
  const slaves = slavesOf(namespace, bond.name);
  const up = senders(bond, slaves);
  const mode = bond.settings['mode'];
  const named = active(bond);
  const chosen = slaves.find(({ name }) => name === named) ?? up[0] ?? slaves[0];
  if (mode === '802.3ad' && slaves.length > 0 && slaves.every((slave) => isDistributing(bond, slave) === false)) {
    const summary = `${bond.name} drops the frame: none of its devices is ready to send, for their partners are not (802.3ad)`;
    const evidence = [...bond.sources.slice(0, 1), ...slaves.flatMap(({ sources }) => sources.slice(0, 1))];
    steps.push({
      ...stepBase(namespace, bond.name),
      stage: 'nic',
      summary,
      certainty: 'captured',
      packet,
      evidence,
      steps: [],
      effect: 'dropped',
    });
    return { disposition: 'dropped', at: { host: namespace.host, device: bond.name, port: null }, summary, packet };
  }
  if (!chosen) {
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, 'ip -d link'),
      why: `the devices that ${bond.name} is made of`,
    });
    return {
      disposition: 'insufficient-info',
      at: { host: namespace.host, device: bond.name, port: null },
      summary: `Which devices ${bond.name} is made of was not captured`,
      packet,
    };
  }
  const spreads = mode !== undefined && mode !== 'active-backup';
  const aggregated = mode === '802.3ad' && slaves.length > 1 && isDistributing(bond, chosen) === true && up.length === 1;
  const sure = named === chosen.name || slaves.length === 1 || aggregated;
  if (mode === '802.3ad' && slaves.length > 1 && isDistributing(bond, chosen) === undefined)
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, `cat /proc/net/bonding/${bond.name}`),
      why: `which devices of ${bond.name} are in its active aggregator`,
    });
  if (!sure && !spreads)
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, 'ip -d link'),
      why: `which device of ${bond.name} is the active one`,
    });
  const why = spreads
    ? `mode ${mode} spreads frames over ${up.map(({ name }) => name).join(', ')} by a hash; whichever it is, the switch behind must take it`
    : 'the active device was not captured; the first one that is up is taken';
  steps.push({
    ...stepBase(namespace, bond.name),
    stage: 'nic',
    summary: `Bond ${bond.name} sends the frame by ${chosen.name}${aggregated ? ', the one device of its active aggregator' : sure && !spreads && slaves.length > 1 ? ', its active device' : ''}`,
    certainty: sure ? 'captured' : spreads ? 'inferred' : 'assumed',
    ...(sure ? {} : { reason: why }),
    packet,
    evidence: [...bond.sources.slice(0, 1), ...chosen.sources.slice(0, 1)],
    steps: [],
  });
  return context.go(
    context,
    { kind: 'device-out', host: namespace.host, namespace: namespace.name, device: chosen.name },
    packet,
    steps,
  );
}

/** Why a bond ignores a frame that comes in by one of its devices; undefined where it takes it (bond_should_deliver_exact_match). */
export function bondIgnores(bond: Device, slave: Device): string | undefined {
  const named = active(bond);
  const mode = bond.settings['mode'];
  if (bond.settings['all_slaves_active'] === '1') return undefined;
  const ignored = `${bond.name} ignores frames that come in by ${slave.name}`;
  if (mode === 'active-backup' && named !== undefined && named !== slave.name) return `${ignored}: ${named} is its active device`;
  if (mode !== '802.3ad' || isDistributing(bond, slave) !== false) return undefined;
  const [current, own] = [bond.settings['ad_aggregator'], slave.portSettings['ad_aggregator_id']];
  return current !== undefined && own !== undefined && current !== own
    ? `${ignored}: it is in aggregator ${own}, and ${current} is the active one`
    : `${ignored}: its partner is not ready (802.3ad)`;
}

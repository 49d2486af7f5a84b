import type { Device, Namespace } from '../../model/network';
import type { FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Context } from '../context';
import type { Ending, Step } from '../step';
import { stepBase } from './events';

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

/** A frame leaves by a bond: by its active device, or, where the mode spreads frames, by one that a hash chooses (ip-link(8)). */
export function outOfBond(context: Context, namespace: Namespace, bond: Device, packet: FlowKey, steps: Step[]): Ending {
  const slaves = slavesOf(namespace, bond.name);
  const up = slaves.filter(({ up: isUp }) => isUp);
  const mode = bond.settings['mode'];
  const named = active(bond);
  const chosen = slaves.find(({ name }) => name === named) ?? up[0] ?? slaves[0];
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
  const sure = named === chosen.name || slaves.length === 1;
  const spreads = mode !== undefined && mode !== 'active-backup';
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
    summary: `Bond ${bond.name} sends the frame by ${chosen.name}${sure && !spreads && slaves.length > 1 ? ', its active device' : ''}`,
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

/** Why a bond ignores a frame that comes in by one of its devices; undefined where it takes it. */
export function bondIgnores(bond: Device, slave: string): string | undefined {
  const named = active(bond);
  return bond.settings['mode'] === 'active-backup' && named !== undefined && named !== slave
    ? `${bond.name} ignores frames that come in by ${slave}: ${named} is its active device`
    : undefined;
}

import type { devicesWithMac } from '../model/queries';
import { isBond } from './linux/bond';

/** A device that has a MAC address. */
export type MacOwner = ReturnType<typeof devicesWithMac>[number];

/**
 * Without those that lie on another one of the list: a VLAN device and a bond have the address of what is below them. Of the devices of a bond,
 * which all have one address, the active one.
 */
export function lowest(owners: readonly MacOwner[]): MacOwner[] {
  const low = owners.filter(
    ({ namespace, device }) =>
      !owners.some(
        ({ namespace: place, device: below }) =>
          place === namespace && below !== device && (device.peer === below.name || below.master === device.name),
      ),
  );
  return low.filter(({ namespace, device }) => {
    const bond = device.master === undefined ? undefined : namespace.devices.get(device.master);
    if (!bond || !isBond(namespace, bond)) return true;
    const others = low.filter((other) => other.namespace === namespace && other.device.master === device.master);
    return (others.find((other) => other.device.name === bond.settings['active_slave']) ?? others[0])?.device === device;
  });
}

/** Without bonds and bridges whose own devices are in the list: those have the cables. */
export function withoutMasters(owners: readonly MacOwner[]): MacOwner[] {
  return owners.filter(
    ({ namespace, device }) => !owners.some((other) => other.namespace === namespace && other.device.master === device.name),
  );
}

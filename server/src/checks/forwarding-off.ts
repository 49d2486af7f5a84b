import type { Namespace } from '../model/namespace';
import type { Check, CheckFinding } from './check';

/** Machines that translate the sources of what they hand on, and hand nothing on (ip-sysctl, `ip_forward`). */
export const forwardingOff: Check = (network) =>
  [...network.hosts.values()].flatMap((host) => [...host.namespaces.values()].flatMap(notHandedOn));

function notHandedOn(namespace: Namespace): CheckFinding[] {
  const setting = namespace.sysctls.get('net.ipv4.ip_forward') ?? namespace.sysctls.get('net.ipv4.conf.all.forwarding');
  if (setting?.value !== '0') return [];
  // A device's own setting counts, whatever is said for all.
  const isOn = [...namespace.sysctls].some(
    ([name, { value }]) => /^net\.ipv4\.conf\..*\.forwarding$/.test(name) && value !== '0',
  );
  const rule = [...(namespace.netfilter.get('nat')?.chains.values() ?? []), ...nativeNat(namespace)]
    .flatMap(({ rules }) => rules)
    .find(({ target }) => target === 'MASQUERADE' || target === 'SNAT');
  if (isOn || !rule) return [];
  const name = namespace.name === '' ? namespace.host : `${namespace.name} on ${namespace.host}`;
  return [
    {
      code: 'forwarding-off',
      severity: 'warning',
      message: `Forwarding is off on ${name}, so that "${rule.text.trim()}" translates only what the machine sends itself: packets of others are dropped before.`,
      source: setting.source,
    },
  ];
}

function nativeNat({ nft }: Namespace) {
  return [...nft.values()]
    .filter(({ family }) => family !== 'ip6')
    .flatMap(({ chains }) => [...chains.values()].filter(({ type }) => type === 'nat'));
}

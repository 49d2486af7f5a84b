import type { LinuxBridge } from '../model/linux-bridge';
import type { Namespace } from '../model/namespace';
import type { NfTable } from '../model/netfilter';

/** Whether br_netfilter hands bridged packets to iptables: a setting of the namespace, or of the bridge alone. */
export function callsIptables(namespace: Namespace, bridge: Pick<LinuxBridge, 'name'>): 'yes' | 'no' | 'unsaid' {
  const all = namespace.sysctls.get('net.bridge.bridge-nf-call-iptables')?.value;
  const own = namespace.devices.get(bridge.name)?.settings['nf_call_iptables'];
  if (all === '1' || own === '1') return 'yes';
  if (all === '0') return 'no';
  // Rules that ask for bridge ports are of no use otherwise.
  const filter = namespace.netfilter.get('filter');
  return filter !== undefined && usesPhysdev(filter) ? 'yes' : 'unsaid';
}

/** The same of IPv6 (`bridge-nf-call-ip6tables`). */
export function callsIp6tables(namespace: Namespace, bridge: Pick<LinuxBridge, 'name'>): 'yes' | 'no' | 'unsaid' {
  const all = namespace.sysctls.get('net.bridge.bridge-nf-call-ip6tables')?.value;
  const own = namespace.devices.get(bridge.name)?.settings['nf_call_ip6tables'];
  return all === '1' || own === '1' ? 'yes' : all === '0' ? 'no' : 'unsaid';
}

function usesPhysdev(table: NfTable): boolean {
  return [...table.chains.values()].some((chain) =>
    chain.rules.some((rule) => rule.matches.some((match) => match.kind.startsWith('physdev'))),
  );
}

/**
 * What programs are known to call their things. Such a name is an inference with its writer, never evidence: anybody may give a thing
 * any name. `inferredFrom` says so in words.
 */

/** What a device is to its writer, by its name alone. */
export type DeviceRole =
  /** Next to a virtual machine. */
  | 'tap'
  | 'vnet'
  | 'vhost-user'
  | 'macvtap'
  /** The bridge of a port whose security groups iptables enforces, and the veth pair that joins it to the switch. */
  | 'hybrid-bridge'
  | 'hybrid-inner'
  | 'hybrid-outer'
  | 'router-inside'
  | 'router-outside'
  | 'snat-inside'
  | 'floating-outside'
  | 'floating-pair'
  | 'router-ha'
  | 'network-bridge'
  | 'container'
  | 'container-bridge'
  | 'switch'
  | 'tunnel'
  | 'host';

/** What a packet meets in a chain of that name where the chain itself was not captured. */
export type ChainEffect =
  /** Goes on behind the jump, as far as the writer fills the chain itself. */
  { readonly kind: 'returns' } | { readonly kind: 'drops' } | { readonly kind: 'marks'; readonly value: number };

export interface KnownName {
  /** Of a whole name. */
  readonly pattern: RegExp;
  readonly writer: string;
  /** What it means, as the rest of a sentence that starts with "it": "is the inside of a router". */
  readonly says: string;
}

interface KnownDevice extends KnownName {
  readonly role: DeviceRole;
}

interface KnownNamespace extends KnownName {
  /** What the end of the name is the id of. */
  readonly of: 'router' | 'network' | 'other';
  /** Its job is to hand packets on. */
  readonly routes?: boolean;
  readonly isDhcp?: boolean;
}

interface KnownChain extends KnownName {
  readonly effect?: ChainEffect;
  /** Its writer turns forwarding on for the family that it writes it for, or could not work without (kube-proxy's services). */
  readonly forwards?: boolean;
}

const PORT = '[0-9a-f]{8}-[0-9a-f]{2}';
const port = (prefix: string) => new RegExp(`^${prefix}(${PORT})$`);

/** Names of network devices and bridges, the more particular first. */
const devices: readonly KnownDevice[] = [
  {
    pattern: port('tap'),
    writer: 'Neutron',
    role: 'tap',
    says: "is the device of a port: next to an instance, or a DHCP server's",
  },
  {
    pattern: port('qbr'),
    writer: 'Nova',
    role: 'hybrid-bridge',
    says: "is the bridge on which iptables enforces a port's security groups",
  },
  {
    pattern: port('qvb'),
    writer: 'Nova',
    role: 'hybrid-inner',
    says: 'is the end of a veth pair on the bridge of the security groups',
  },
  { pattern: port('qvo'), writer: 'Nova', role: 'hybrid-outer', says: 'is the end of a veth pair on the switch' },
  { pattern: port('vhu'), writer: 'Neutron', role: 'vhost-user', says: "is an instance's port by vhost-user" },
  { pattern: port('qr-'), writer: 'Neutron', role: 'router-inside', says: 'is a router, on one of its subnets' },
  { pattern: port('qg-'), writer: 'Neutron', role: 'router-outside', says: 'is a router, on the external network' },
  {
    pattern: port('sg-'),
    writer: 'Neutron',
    role: 'snat-inside',
    says: 'is the central SNAT of a distributed router, on a subnet',
  },
  {
    pattern: port('fg-'),
    writer: 'Neutron',
    role: 'floating-outside',
    says: 'is the gateway of floating IPs, on the external network',
  },
  {
    pattern: /^(?:rfp|fpr)-/,
    writer: 'Neutron',
    role: 'floating-pair',
    says: 'is the pair between a distributed router and its floating IPs',
  },
  { pattern: port('ha-'), writer: 'Neutron', role: 'router-ha', says: 'is the heartbeat of a router that runs on several nodes' },
  {
    pattern: /^brq[0-9a-f]{8}-[0-9a-f]{2}$/,
    writer: 'Neutron',
    role: 'network-bridge',
    says: 'is the bridge of the network whose id starts so',
  },
  {
    pattern: /^(?:br-int|br-tun|br-ex|br-provider)$/,
    writer: 'Neutron',
    role: 'switch',
    says: 'is one of the switches of its agents, or of OVN',
  },
  { pattern: /^tap/, writer: 'QEMU', role: 'tap', says: "is a virtual machine's device" },
  { pattern: /^vnet/, writer: 'libvirt', role: 'vnet', says: "is a virtual machine's device" },
  { pattern: /^vhu/, writer: 'Neutron', role: 'vhost-user', says: "is an instance's port by vhost-user" },
  { pattern: /^macvtap/, writer: 'libvirt', role: 'macvtap', says: "is a virtual machine's device on a physical one" },
  {
    pattern: /^qbr/,
    writer: 'Nova',
    role: 'hybrid-bridge',
    says: "is the bridge on which iptables enforces a port's security groups",
  },
  {
    pattern: /^qvb/,
    writer: 'Nova',
    role: 'hybrid-inner',
    says: 'is the end of a veth pair on the bridge of the security groups',
  },
  { pattern: /^qvo/, writer: 'Nova', role: 'hybrid-outer', says: 'is the end of a veth pair on the switch' },
  { pattern: /^qr-/, writer: 'Neutron', role: 'router-inside', says: 'is a router, on one of its subnets' },
  { pattern: /^qg-/, writer: 'Neutron', role: 'router-outside', says: 'is a router, on the external network' },
  { pattern: /^sg-/, writer: 'Neutron', role: 'snat-inside', says: 'is the central SNAT of a distributed router, on a subnet' },
  {
    pattern: /^fg-/,
    writer: 'Neutron',
    role: 'floating-outside',
    says: 'is the gateway of floating IPs, on the external network',
  },
  {
    pattern: /^virbr\d+(?:-nic)?$/,
    writer: 'libvirt',
    role: 'network-bridge',
    says: 'is the bridge of one of its virtual networks',
  },
  { pattern: /^docker\d+$/, writer: 'Docker', role: 'container-bridge', says: 'is the bridge of its default network' },
  { pattern: /^docker_gwbridge$/, writer: 'Docker', role: 'container-bridge', says: 'is the way of a swarm to its host' },
  {
    pattern: /^br-[0-9a-f]{12}$/,
    writer: 'Docker',
    role: 'container-bridge',
    says: 'is the bridge of the network whose id starts so',
  },
  { pattern: /^cni\d+$/, writer: "CNI's bridge plugin", role: 'container-bridge', says: 'is the bridge of the pods of a node' },
  { pattern: /^cali[0-9a-f]{11}$/, writer: 'Calico', role: 'container', says: "is the host's end of a pod's pair" },
  { pattern: /^lxc[0-9a-f_]{8,12}$/, writer: 'Cilium', role: 'container', says: "is the host's end of a pod's pair" },
  { pattern: /^veth/, writer: 'Docker or a CNI plugin', role: 'container', says: "is the host's end of a container's pair" },
  { pattern: /^flannel\.\d+$/, writer: 'Flannel', role: 'tunnel', says: 'is the tunnel between the nodes' },
  { pattern: /^ovn-k8s-mp\d+$/, writer: 'OVN-Kubernetes', role: 'host', says: "is the node's own port of the cluster network" },
  { pattern: /^ovn-[0-9a-f]{6}-\d+$/, writer: 'OVN', role: 'tunnel', says: 'is the tunnel to another chassis' },
  {
    pattern: /^(?:genev|vxlan|gre)_sys(?:_\d+)?$/,
    writer: 'Open vSwitch',
    role: 'tunnel',
    says: "is the kernel's device for all tunnels of a kind",
  },
  { pattern: /^ovs-(?:system|netdev)$/, writer: 'Open vSwitch', role: 'switch', says: 'is its datapath' },
];

const ID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** Namespaces; what their name ends with is the id of a router (`router`) or a network (`network`). */
const namespaces: readonly KnownNamespace[] = [
  { pattern: /^qrouter-(.+)$/, writer: 'Neutron', of: 'router', routes: true, says: 'is a router' },
  { pattern: /^snat-(.+)$/, writer: 'Neutron', of: 'router', routes: true, says: 'is the central SNAT of a distributed router' },
  {
    pattern: /^fip-(.+)$/,
    writer: 'Neutron',
    of: 'network',
    routes: true,
    says: "is the floating IPs of a node's distributed routers",
  },
  { pattern: /^qdhcp-(.+)$/, writer: 'Neutron', of: 'network', isDhcp: true, says: 'is the DHCP server of a network' },
  { pattern: /^ovnmeta-(.+)$/, writer: "OVN's metadata agent", of: 'network', says: 'is the metadata service of a network' },
  { pattern: /^qlbaas-(.+)$/, writer: 'Neutron', of: 'other', says: 'is a load balancer' },
  { pattern: new RegExp(`^cni-${ID}$`), writer: 'a container runtime', of: 'other', says: 'is a pod' },
];

const RETURNS: ChainEffect = { kind: 'returns' };
const AGENT = 'neutron-(?:openvswi|linuxbri|l3-agent|dhcp-agen|metering-)';
const agent = (rest: string) => new RegExp(`^${AGENT}-?${rest}$`);

/** Chains of netfilter. */
const chains: readonly KnownChain[] = [
  { pattern: /^neutron-filter-top$/, writer: 'Neutron', says: "asks its agents' own chains before all others", effect: RETURNS },
  { pattern: /^neutron-postrouting-bottom$/, writer: 'Neutron', says: 'leads to the source NAT of a router' },
  { pattern: agent('local'), writer: 'Neutron', says: 'is empty unless an agent needs it', effect: RETURNS },
  {
    pattern: agent('i[0-9a-f]{8}-[0-9a-f]'),
    writer: 'Neutron',
    says: 'holds what the security groups let in to the port whose id starts so',
  },
  {
    pattern: agent('o[0-9a-f]{8}-[0-9a-f]'),
    writer: 'Neutron',
    says: 'holds what the security groups let out of the port whose id starts so',
  },
  { pattern: agent('s[0-9a-f]{8}-[0-9a-f]'), writer: 'Neutron', says: 'lets out only the addresses that the port has' },
  { pattern: agent('sg-chain'), writer: 'Neutron', says: "leads each port's packets to the port's own chains" },
  {
    pattern: agent('sg-fallback'),
    writer: 'Neutron',
    says: 'drops what no security group lets through',
    effect: { kind: 'drops' },
  },
  { pattern: agent('float-snat'), writer: 'Neutron', says: 'gives packets of instances their floating IP' },
  { pattern: agent('snat'), writer: 'Neutron', says: "gives packets to the outside the router's own address" },
  {
    pattern: agent('(?:scope|mark|floatingip|filter)'),
    writer: 'Neutron',
    says: 'serves one feature of a router',
    effect: RETURNS,
  },
  {
    pattern: agent('(?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)'),
    writer: 'Neutron',
    says: "holds the agent's rules at that hook",
  },
  {
    pattern: /^DOCKER-USER$/,
    writer: 'Docker',
    says: "is left to the administrator's rules, asked before Docker's",
    forwards: true,
    effect: RETURNS,
  },
  {
    pattern: /^DOCKER-ISOLATION-STAGE-[12]$/,
    writer: 'Docker',
    says: 'keeps its networks apart from each other',
    forwards: true,
  },
  {
    pattern: /^DOCKER-(?:FORWARD|BRIDGE|CT|INTERNAL|INGRESS)$/,
    writer: 'Docker',
    says: 'holds part of what its networks let through',
    forwards: true,
  },
  { pattern: /^DOCKER$/, writer: 'Docker', says: 'holds the published ports of containers', forwards: true },
  { pattern: /^DOCKER_OUTPUT$|^DOCKER_POSTROUTING$/, writer: 'Docker', says: 'leads to its name server inside a container' },
  {
    pattern: /^KUBE-MARK-MASQ$/,
    writer: 'kube-proxy',
    says: 'marks packets with 0x4000 for source NAT',
    effect: { kind: 'marks', value: 0x4000 },
  },
  {
    pattern: /^KUBE-MARK-DROP$/,
    writer: 'kubelet',
    says: 'marks packets with 0x8000 to be dropped',
    effect: { kind: 'marks', value: 0x8000 },
  },
  { pattern: /^KUBE-SVC-/, writer: 'kube-proxy', says: 'picks one of the endpoints of a service' },
  { pattern: /^KUBE-SEP-/, writer: 'kube-proxy', says: 'translates to one endpoint of a service' },
  { pattern: /^KUBE-(?:EXT|XLB)-/, writer: 'kube-proxy', says: 'takes what comes to a service from outside the cluster' },
  { pattern: /^KUBE-SVL-/, writer: 'kube-proxy', says: "picks one of a service's endpoints on this node" },
  { pattern: /^KUBE-FW-/, writer: 'kube-proxy', says: "guards a load balancer's address" },
  {
    pattern: /^KUBE-SERVICES$/,
    writer: 'kube-proxy',
    says: "leads packets to services' addresses to their chains",
    forwards: true,
  },
  { pattern: /^KUBE-NODEPORTS$/, writer: 'kube-proxy', says: "leads packets to services' node ports to their chains" },
  { pattern: /^KUBE-POSTROUTING$/, writer: 'kube-proxy', says: 'masquerades what is marked with 0x4000' },
  { pattern: /^KUBE-FORWARD$/, writer: 'kube-proxy', says: 'lets pass what is marked with 0x4000, and answers', forwards: true },
  {
    pattern: /^KUBE-(?:FIREWALL|PROXY-FIREWALL)$/,
    writer: 'kubelet or kube-proxy',
    says: 'drops what is marked with 0x8000 or guarded',
  },
  {
    pattern: /^KUBE-[A-Z]+-CANARY$/,
    writer: 'kubelet or kube-proxy',
    says: 'tells its writer that nobody flushed the table',
    effect: RETURNS,
  },
  { pattern: /^LIBVIRT_INP$/, writer: 'libvirt', says: 'lets guests reach the DHCP and DNS server of their network' },
  { pattern: /^LIBVIRT_OUT$/, writer: 'libvirt', says: "lets the DHCP and DNS server's answers out" },
  { pattern: /^LIBVIRT_FWI$/, writer: 'libvirt', says: 'says what may be forwarded to guests', forwards: true },
  { pattern: /^LIBVIRT_FWO$/, writer: 'libvirt', says: 'says what guests may send out', forwards: true },
  { pattern: /^LIBVIRT_FWX$/, writer: 'libvirt', says: 'lets guests of one network talk to each other', forwards: true },
  { pattern: /^LIBVIRT_PRT$/, writer: 'libvirt', says: 'masquerades what guests send out' },
  { pattern: /^OVN-KUBE-/, writer: 'OVN-Kubernetes', says: 'holds what its services and egress need' },
  { pattern: /^cali-|^cali\w*:/, writer: 'Calico', says: 'holds part of its policy' },
  { pattern: /^FLANNEL-/, writer: 'Flannel', says: 'lets pass and masquerades what pods send' },
  { pattern: /^WEAVE/, writer: 'Weave Net', says: 'holds part of its policy' },
];

export function knownDevice(name: string): KnownName | undefined {
  return devices.find(({ pattern }) => pattern.test(name));
}

export function knownChain(name: string): KnownChain | undefined {
  return chains.find(({ pattern }) => pattern.test(name));
}

/** What a namespace's name tells: whose it is, and the id of the router or network that it serves. */
export function knownNamespace(name: string): (KnownNamespace & { readonly id: string }) | undefined {
  for (const entry of namespaces) {
    const found = entry.pattern.exec(name);
    if (found) return { ...entry, id: found[1] ?? '' };
  }
  return undefined;
}

/** Whether a device is called as what has one of the roles. */
export function hasRole(device: string, ...roles: readonly DeviceRole[]): boolean {
  const role = devices.find(({ pattern }) => pattern.test(device))?.role;
  return role !== undefined && roles.includes(role);
}

/** Whether a device is called as the one on the host's side of a virtual machine. */
export function isNextToGuest(device: string): boolean {
  return hasRole(device, 'tap', 'vnet');
}

/** Whether a device is called as the kernel and systemd call network cards, and people their bonds of them. */
export function isCard(device: string): boolean {
  return /^(?:eth\d|en[dopsx][\da-f]|ib\d|em\d|p\d+p\d|bond\d|team\d|wl[ops]\d|wlan\d|wwan\d|wan\d*$)/.test(device);
}

/** Whether a device is called as those of WireGuard, of programs that make tunnels (OpenVPN, Tailscale) and of pppd are. */
export function isPointToPoint(device: string): boolean {
  return /^(?:wg|tun|ppp|pppoe-|utun|tailscale)\w*$/.test(device) && !/^tunl\d/.test(device);
}

const OF_PORT = new RegExp(`^(?:tap|qvo|qvb|qbr|qr-|qg-|sg-|rfp-|fpr-|ha-|fg-|vhu|macvtap)(${PORT})$`);

/** Whether a device is the one that kube-proxy gives the addresses of services to, in its mode ipvs. */
export function holdsServices(device: string): boolean {
  return device === 'kube-ipvs0';
}

/** The first characters of the Neutron port's id that the names of its devices carry: `tap`, `qvo`, `qr-` … and 11 characters. */
export function portIdPrefix(device: string): string | undefined {
  return OF_PORT.exec(device)?.[1];
}

const HYBRID = { tap: 'tap', bridge: 'qbr', inner: 'qvb', outer: 'qvo' } as const;

/** The name that Nova gives another device of the same port: `qvo…` for `tap…`. The name itself where it is none of a port's. */
export function siblingOf(device: string, which: keyof typeof HYBRID): string {
  return device.replace(/^(?:tap|qbr|qvb|qvo)/, HYBRID[which]);
}

/** The other end of the veth pair that Nova makes for a hybrid port, by its name. */
export function hybridTwin(device: string): string | undefined {
  if (hasRole(device, 'hybrid-inner')) return siblingOf(device, 'outer');
  return hasRole(device, 'hybrid-outer') ? siblingOf(device, 'inner') : undefined;
}

/** How an inference from a name is told: `inferred: Docker gives such names; it is …`. */
export function inferredFrom({ writer, says }: KnownName): string {
  return `inferred: ${writer} gives such names; it ${says}`;
}

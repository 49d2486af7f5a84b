import { arp } from './arp';
import { arptables } from './arptables';
import { brctlShow } from './brctl-show';
import { brctlShowmacs } from './brctl-showmacs';
import { brctlShowstp } from './brctl-showstp';
import { bridgeFdb } from './bridge-fdb';
import { bridgeLink } from './bridge-link';
import { bridgeMdb } from './bridge-mdb';
import { bridgeVlan } from './bridge-vlan';
import { clientTable } from './client-table';
import { conntrack } from './conntrack';
import { crictl } from './crictl';
import { dockerNetworkInspect } from './docker-network-inspect';
import { ebtables } from './ebtables';
import { ethtool } from './ethtool';
import { ifconfig } from './ifconfig';
import { ipAddress } from './ip-address';
import { ipMplsRoute } from './ip-mpls-route';
import { ipNeighbour } from './ip-neighbour';
import { ipNetnsList } from './ip-netns-list';
import { ipNexthop } from './ip-nexthop';
import { ipRoute } from './ip-route';
import { ipRouteGet } from './ip-route-get';
import { ipRule } from './ip-rule';
import { ipset } from './ipset';
import { iptablesList } from './iptables-list';
import { iptablesRules } from './iptables-rules';
import { ipvsadm } from './ipvsadm';
import { kubectlDescribe } from './kubectl-describe';
import { kubectlGet } from './kubectl-get';
import { kubectlObject } from './kubectl-object';
import { nftList } from './nft-list';
import { ovsAppctlDpifShow } from './ovs-appctl-dpif-show';
import { ovsAppctlFdbShow } from './ovs-appctl-fdb-show';
import { ovsOfctlDumpFlows } from './ovs-ofctl-dump-flows';
import { ovsOfctlDumpGroups } from './ovs-ofctl-dump-groups';
import { ovsOfctlShow } from './ovs-ofctl-show';
import { ovsAppctlBondShow } from './ovs-appctl-bond-show';
import { ovsAppctlDpFeatures } from './ovs-appctl-dp-features';
import { ovsAppctlMdbShow } from './ovs-appctl-mdb-show';
import { ovsAppctlOvsRouteShow } from './ovs-appctl-ovs-route-show';
import { ovsAppctlPortWatch } from './ovs-appctl-port-watch';
import { ovsAppctlStpShow } from './ovs-appctl-stp-show';
import { ovsAppctlTnl } from './ovs-appctl-tnl';
import { ovsOfctlDumpMeters } from './ovs-ofctl-dump-meters';
import { ovsOfctlDumpPorts } from './ovs-ofctl-dump-ports';
import { ovsOfctlDumpTables } from './ovs-ofctl-dump-tables';
import { ovsOfctlDumpTlvMap } from './ovs-ofctl-dump-tlv-map';
import { ovsAppctlOfprotoTrace } from './ovs-appctl-ofproto-trace';
import { ovsDpctlDumpFlows } from './ovs-dpctl-dump-flows';
import { ovsVsctlList } from './ovs-vsctl-list';
import { ovsVsctlShow } from './ovs-vsctl-show';
import { ping } from './ping';
import { procBonding } from './proc-bonding';
import { procNetRoute } from './proc-net-route';
import { otherSystems } from './other-systems';
import { recognisedOnly } from './recognised';
import { route } from './route';
import { sockets } from './sockets';
import { nfnetlinkQueue } from './nfnetlink-queue';
import { sysctl } from './sysctl';
import { tcpdump } from './tcpdump';
import { traceroute } from './traceroute';
import { virshDomifaddr } from './virsh-domifaddr';
import { virshDomiflist } from './virsh-domiflist';
import { virshDumpxml } from './virsh-dumpxml';
import { virshList } from './virsh-list';
import { wgShow } from './wg-show';
import type { CaptureKind, Recognised } from './capture';

/** Every kind of capture, one line each; the first that recognises a command or a line has it. */
export const captureKinds: readonly CaptureKind[] = [
  ovsVsctlShow,
  ovsVsctlList,
  ovsOfctlShow,
  ovsOfctlDumpFlows,
  ovsOfctlDumpGroups,
  ovsAppctlFdbShow,
  nftList,
  ovsAppctlDpifShow,
  ovsAppctlOfprotoTrace,
  ovsDpctlDumpFlows,
  ovsAppctlBondShow,
  ovsAppctlDpFeatures,
  ovsAppctlMdbShow,
  ovsAppctlOvsRouteShow,
  ovsAppctlPortWatch,
  ovsAppctlStpShow,
  ovsAppctlTnl,
  ovsOfctlDumpMeters,
  ovsOfctlDumpPorts,
  ovsOfctlDumpTables,
  ovsOfctlDumpTlvMap,
  arptables,
  iptablesList,
  iptablesRules,
  ipAddress,
  ipRouteGet,
  ipRoute,
  ipNexthop,
  ipMplsRoute,
  ipRule,
  ipNeighbour,
  ipNetnsList,
  otherSystems,
  route,
  procNetRoute,
  arp,
  ifconfig,
  sockets,
  brctlShow,
  brctlShowmacs,
  brctlShowstp,
  bridgeFdb,
  bridgeLink,
  bridgeMdb,
  bridgeVlan,
  ebtables,
  ipset,
  conntrack,
  ipvsadm,
  sysctl,
  nfnetlinkQueue,
  wgShow,
  procBonding,
  clientTable,
  virshDumpxml,
  virshDomiflist,
  virshDomifaddr,
  virshList,
  dockerNetworkInspect,
  crictl,
  kubectlGet,
  kubectlObject,
  kubectlDescribe,
  ping,
  traceroute,
  tcpdump,
  ethtool,
  recognisedOnly,
];

export interface Found {
  readonly syntax: CaptureKind;
  readonly recognised: Recognised;
}

/** The kind that a command prints; undefined for a command of no interest. */
export function recogniseCommand(argv: readonly string[]): Found | undefined {
  for (const syntax of captureKinds) {
    const recognised = syntax.recognise(argv);
    if (recognised) return { syntax, recognised };
  }
  return undefined;
}

/** The kind that a line without a prompt certainly starts. */
export function sniffLine(text: string, following: (n: number) => string | undefined): Found | undefined {
  for (const syntax of captureKinds) {
    const recognised = syntax.sniff(text, following);
    if (recognised) return { syntax, recognised };
  }
  return undefined;
}

/** True where a kind is recognised without being read. */
export function isUnread(kind: string): boolean {
  return !captureKinds.some(
    (syntax) => syntax.kinds.includes(kind) || (syntax === clientTable && /^(?:nova|neutron|openstack)-/.test(kind)),
  );
}

/** Commands that print a title or a first row whatever there is: where nothing stands below one, what it printed is not there. */
const TITLED =
  /^(?:ip6?tables-(?:list|rules)|ebtables-list|route|proc-net-route|netstat|ss|brctl-show|sysctl|virsh-list|ovs-vsctl-show|ovs-appctl-fdb-show|virsh-domi(?:flist|faddr))$/;

/** Lists of what many machines have none of. */
const OPTIONAL =
  /^(?:(?:ip6?|arp|eb)tables-save|nft-list-ruleset|ipset-(?:list|save)|conntrack-(?:list|expect)|nfnetlink-queue|ip-(?:neighbour|netns-list|nexthop)|bridge-(?:link|fdb|mdb|vlan))$/;

/** Whether a file that is named after such a command and empty tells of a machine without, rather than of a command that failed. */
export function mayPrintNothing(kind: string): boolean {
  return OPTIONAL.test(kind);
}

/** Whether a command never prints nothing at all: every namespace has lo, every host its routing rules, every table its chains. */
export function alwaysPrints(kind: string, argv: readonly string[]): boolean {
  const asks = argv
    .slice(1)
    .filter(
      (word) => !/^(?:--?(?:d(?:etails)?|s(?:tats)?|br(?:ief)?|j(?:son)?|p(?:retty)?|o(?:neline)?|c(?:olor)?))$/.test(word),
    );
  if (kind === 'ip-rule') return asks.length <= 2 && !asks.includes('-6');
  if (kind === 'ip-address' || kind === 'ip-link')
    return asks.length === 1 || (asks.length === 2 && /^(?:show|list|ls|l|s|sh)$/.test(asks[1] ?? ''));
  return TITLED.test(kind) && !asks.some((word) => /^(?:-[a-zA-Z]*H[a-zA-Z]*|--no-header)$/.test(word));
}

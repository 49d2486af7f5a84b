/** Tells from a look at its first lines whether a text holds captures. Knows no editor. */

/** How much of a document is looked at: detection must cost nothing anyone notices. */
export const DETECT_LINES = 2000;
export const DETECT_CHARACTERS = 200_000;

const program =
  '(?:ovs-(?:vsctl|ofctl|appctl|dpctl)|ovn-(?:nbctl|sbctl|trace)|(?:ip6?|arp|eb)tables(?:-save)?|brctl|bridge\\s+(?:-\\S+\\s+){0,4}(?:fdb|link|vlan|mdb)|' +
  'nft\\s+(?:-\\S+\\s+){0,4}list|conntrack\\s+-L|ipvsadm(?:\\s+-|$)|ipset\\s+(?:list|save|-[LS])|virsh\\s+(?:list|dumpxml|dom\\w+|net-\\w+|nwfilter-\\w+|edit)|' +
  '(?:neutron|nova)\\s+[a-z-]+-(?:list|show|create)|openstack\\s+(?:--?\\S+\\s+){0,4}(?:server|port|network|subnet|router|floating|hypervisor|security)\\s|' +
  'ip\\s+(?:-\\S+\\s+){0,4}(?:netns|a|addr|address|r|route|l|link|n|neigh|neighbour|rule|ru|nexthop)\\b|' +
  'ifconfig|route\\s+-n|arp\\s+-|netstat\\s+-|ss\\s+-|sysctl\\s+(?:-n\\s+)?(?:-a|net\\.)|ethtool\\s|tcpdump\\s+-|traceroute\\s|' +
  'kubectl\\s+(?:-\\S+\\s+){0,4}get\\s+(?:(?:svc|services?|ep|endpoints)\\b|(?:pods?|po|nodes?|no)\\s.*-o)|kubectl\\s+(?:-\\S+\\s+){0,4}describe\\s+(?:po|svc|service|ep|endpoints|no)|(?:docker|podman)\\s+(?:(?:network|container)\\s+)?inspect\\s|cat\\s+/proc/sys/net/|crictl\\s+(?:pods|ps|inspectp?)\\b)';
/** What runs a command somewhere else. */
const wrapper =
  '(?:sudo\\s+|ip\\s+netns\\s+exec\\s+\\S+\\s+|(?:docker|podman|kubectl|oc)\\s+(?:-\\S+\\s+\\S+\\s+){0,2}exec\\s+(?:\\S+\\s+){1,6}|ssh\\s+\\S+\\s+|h\\d+\\s+|sh\\s+){0,2}';

/** Each of these is enough by itself: nothing but a capture looks like that. */
const signs: readonly RegExp[] = [
  // A prompt (host#, user@host:~$, [root@host ~]#, or #) and one of the commands, wrapped or not.
  new RegExp(`^\\s*(?:\\([\\w-]{1,60}\\)\\s?)?(?:[\\w.@~:/-]{1,60} ?~?|\\[[^\\]]{1,60}\\]\\s?)?[#$❯➜]\\s*${wrapper}${program}`),
  new RegExp(`^\\s*(?:mininet>|[\\w.-]{1,60}@[\\w.-]{1,60} \\S{1,60} ?[%>])\\s*${wrapper}${program}`),
  // Open vSwitch
  /^\s*cookie=0x[0-9a-f]+,\s*duration=\S+,\s*table=/,
  /^\s*(?:table_id=\d+, )?duration=[\d.]+s, (?:table=\d+, )?n_packets=\d/,
  /\bn_packets=\d+, n_bytes=\d+.*\bactions=/,
  /^\s*(?:NXST|NXT|OFPST|OFPT|OFPMP)_\w+(?: \(OF[\d.]+\))?(?: reply| \(xid=)/,
  /^\s*port\s+VLAN\s+MAC\s+Age\s*$/,
  /^bond\s+type\s+recircID\s+(?:members|slaves)/,
  /^\s*recirc_id\(0x?[0-9a-f]*\),/,
  /^\s*(?:system|netdev)@[\w-]+:(?:\s|$)/,
  /^(?:Cached|User): \S+ (?:dev|via) /,
  /^\s*Flow: .*\bin_port=/,
  /^\s*(?:Final flow|Megaflow|Datapath actions): \S/,
  /^\s*bridge\("[^"]+"\)\s*$/,
  /^\s*port \d+: \S+ \((?:internal|vxlan|gre|geneve|system|tap)\b/,
  /^(?:ovs_version|datapath_(?:types?|version)|flow_tables|ofport|admin_state|fail_mode|vlan_mode|bond_mode|capabilities)\s+: /,
  /^\s*\w+,orig=\(src=/,
  /^\s*(?:IP Virtual Server version \d|Prot\s+LocalAddress:Port\b|IPVS connection entries\s*$|Pro\s+FromIP\s+FPrt\s)/,
  /^\s*(?:switch|router) [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} \(/,
  /^\s*table=\s?\d+\s*\(l[sr]_(?:in|out)_/,
  /^Chassis "?[\w.-]+"?\s*$/,
  // Netfilter
  /^\s*Chain \S+ \((?:policy [A-Z]+|\d+ references)\b/,
  /^\s*(?:\d+\s+)?[\w-]+\s+(?:tcp|udp|icmp\w*|sctp|all|\d{1,3})\s+(?:opt )?--\s+[\w.:/]+\s+[\w.:/]+(?:\s|$)/,
  /^\*(?:nat|filter|mangle|raw)\s*$/,
  /^\s*-A [\w.-]+ .*-[jg] [A-Za-z]/,
  /^-P (?:INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) (?:ACCEPT|DROP)\s*$/,
  /^<iptables-rules version=/,
  /^\s*table (?:inet|ip6?|bridge|arp|netdev) [\w-]+ \{/,
  /^\s*type (?:filter|nat|route) hook \w+ (?:device \S+ )?priority /,
  /^\s*Bridge (?:chain|table): \S+/,
  /^\s*-p (?:IPv4|IPv6|ARP|802_1Q) .*-j \w/,
  /^\s*Type: (?:hash|bitmap|list):/,
  /^create \S+ (?:hash|bitmap|list):/,
  /^\s*(?:\[[A-Z]+\]\s+)?(?:ipv[46]\s+\d+\s+)?(?:tcp|udp|icmp|icmpv6|sctp|gre|unknown)\s+\d+ \d+ .*\bsrc=\S+ dst=/,
  // Linux
  /^\s*\d+: lo: <LOOPBACK/,
  /^\s*\d+: [\w.@-]+: <(?:BROADCAST|LOOPBACK|POINTOPOINT|NOARP|UP)\b/,
  /^\s*\d+: [\w.@-]+ +inet6? [\da-f.:]+\/\d+ /,
  /^\s*(?:(?:local|broadcast|multicast|anycast|unreachable|blackhole|prohibit) )?(?:default|[\da-f.:]{3,}(?:\/\d+)?) +(?:via \S+ +)?(?:dev \S+ +)?(?:table \S+ +)?(?:(?:proto|scope|metric|nhid|lladdr) \S|src [\da-f]+[.:])/,
  /^\s*(?:default|\d+\.\d+\.\d+\.\d+(?:\/\d+)?) via \d[\d.]+ dev \S+/,
  /^\s*[\da-f.:]{3,} dev \S+ (?:router |proxy )*(?:REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|PERMANENT|NOARP)\b/,
  /^\s*\d+:\s+(?:not )?from (?:all|[\da-f.:/]+) .*\blookup \S+/,
  /^(?:qrouter|qdhcp|snat|fip|ovnmeta)-[0-9a-f]{8}-[0-9a-f-]{27}(?: \(id: \d+\))?\s*$/,
  /^\s*\S+: flags=\d+<[A-Z,]+>\s+mtu \d+/,
  /^\s*\S+\s+Link encap:\w/,
  /^\s*Kernel IP routing table\s*$/,
  /^Address\s+HWtype\s+HWaddress/,
  /^\s*bridge name\s+bridge id\s+STP enabled/,
  /^port no\s+mac addr\s+is local/,
  /^port\s+vlan[ -]ids?\b/i,
  /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2} dev \S+/,
  /\bLocal Address(?::Port)?\s+(?:Peer|Foreign) Address/,
  /^\s*tcpdump: (?:verbose output suppressed|listening on)|^\s*listening on \S+, link-type /,
  // Virtual machines and containers
  /^\s*<(?:domain type|network connections)=|^\s*<interface type='(?:bridge|network|ethernet|direct|vhostuser)'>/,
  /^\s*Id\s+Name\s+State\s*$/,
  /^\s*Interface\s+Type\s+Source\s+Model\s+MAC/,
  /^\s*Name\s+MAC address\s+Protocol\s+Address\s*$/,
  /^\s*\| (?:OS-EXT-|provider:|router:external|binding[:_]|fixed_ips|Port State|Fixed IP)/,
  /^\s*\| (?:Field|Property) +\| Value +\|\s*$/,
  /^\s*\| (?:ID|id) +\|.*\| (?:Networks?|subnets?|Fixed IP Addresses|fixed_ips|MAC Address|mac_address|Floating IP Address|External gateway info|Subnet) +\|/i,
  /^\s*(?:NAMESPACE\s+)?NAME\s+(?:READY\s+STATUS\s+RESTARTS\s+AGE\s+IP\s+NODE|TYPE\s+CLUSTER-IP|ENDPOINTS\s+AGE)/,
  /^(?:POD ID|CONTAINER(?: ID)?)\s+.*\bCREATED\s+STATE\b/,
  /^\s*"EndpointID": "[0-9a-f]{8,}/,
  /^\/proc\/sys\/net\/[\w./-]+:\S/,
  /^\s*Node:\s+[\w.-]+\/\d[\d.]+\s*$/,
];

/** Lines that say little alone, but are those of `ovs-vsctl show` when they come one after the other. */
const bridgeLine = /^\s*Bridge "?[\w.-]+"?\s*$/;
const portLine = /^\s+Port "?[\w.-]+"?\s*$/;
const interfaceLine = /^\s+Interface "?[\w.-]+"?\s*$/;

/** Words of a file's name that are the commands which print captures; blanks and slashes of a command are written as `_`, `.` or `-`. */
const NAMED = new RegExp(
  `(?:^|[_. -])(?:ovs-(?:vsctl|ofctl|appctl|dpctl)|ovn-(?:nbctl|sbctl|trace)|(?:ip6?|arp|eb)tables(?:-save)?|brctl|ipset|conntrack|ifconfig|netstat|` +
    `ip(?:[_. -]-\\w+)*[_. -](?:address|addr|a|route|r|rule|link|l|neighbour|neigh|n|netns|nexthop)|bridge(?:[_. -]-\\w+)*[_. -](?:fdb|link|vlan|mdb)|` +
    `nft(?:[_. -]-\\w+)*[_. -]list|virsh[_. -](?:list|dumpxml|dom\\w+|net-\\w+)|(?:nova|neutron|openstack)[_. -](?:[\\w-]*[_. -])?(?:list|show)|` +
    `(?:kubectl|crictl)[_. -](?:get|pods|ps|inspectp?)|(?:route|arp|ss)[_. -]-\\w+)(?=[_. -]|$)`,
);
const ENDING = /\.(?:txt|out|log|cap|capture|md)$/i;
/** A sentence rather than a line that a program printed. */
const isProse = (line: string): boolean => {
  const words = line.trim().split(/\s+/);
  const plain = words.filter((word) => /^[\p{L}’']+[,.;:!?)]?$/u.test(word)).length;
  return plain > 5 && plain / words.length > 0.8 && (plain > 7 || /[.:!?]$/.test(line.trim()));
};

/** Whether a file whose path names a command (`node1/ip_neigh.txt`) holds its output, though none of its lines tells: it has no sentences. */
export function isNamedCapture(path: string, text: string): boolean {
  const name = (path.split('/').at(-1) ?? '').replace(ENDING, '');
  if (!NAMED.test(name)) return false;
  const lines = text.split('\n', 20).filter((line) => line.trim() !== '');
  return lines.length > 0 && !lines.some((line) => isProse(line.slice(0, 400)));
}

/** A line, and what it is without the marks of a mail that quotes it, without its number, or as the lines that a page shows of it. */
function formsOf(line: string): string[] {
  if (line.includes('<br')) return line.replaceAll(/<[^<>]*>/g, '\n').split('\n');
  const bare = /^\s{0,8}(?:(?:>\s?)+|\d{1,6}(?:[:.)]|[ \t]*[|│→]|\t))[ \t]*(?=\S)/.exec(line)?.[0].length;
  return bare === undefined ? [line] : [line, line.slice(bare)];
}

/** Whether the text, of which the caller gives no more than the beginning, holds at least one capture. */
export function looksLikeCaptures(text: string): boolean {
  let bridges = false;
  let ports = false;
  let lines = 0;
  let start = 0;
  const end = Math.min(text.length, DETECT_CHARACTERS);
  while (start < end && lines++ < DETECT_LINES) {
    let stop = text.indexOf('\n', start);
    if (stop < 0 || stop > end) stop = end;
    // Longer than any sign; keeps lines of megabytes (minified files, logs) cheap.
    const line = text.slice(start, Math.min(stop, start + 400)).trimEnd();
    start = stop + 1;
    if (line === '') continue;
    for (const plain of formsOf(line)) {
      if (bridgeLine.test(plain)) bridges = true;
      else if (bridges && portLine.test(plain)) ports = true;
      else if (ports && interfaceLine.test(plain)) return true;
      if (signs.some((sign) => sign.test(plain))) return true;
    }
  }
  return false;
}

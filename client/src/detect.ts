/** Tells from a look at its first lines whether a text holds captures. Knows no editor. */

/** How much of a document is looked at: detection must cost nothing anyone notices. */
export const DETECT_LINES = 2000;
export const DETECT_CHARACTERS = 200_000;

const program =
  '(?:ovs-(?:vsctl|ofctl|appctl|dpctl)|ovn-(?:nbctl|sbctl|trace)|ip6?tables(?:-save)?|ebtables|brctl|bridge\\s+(?:fdb|link|vlan)|' +
  'nft\\s+list|conntrack\\s+-L|ipset\\s+(?:list|save)|virsh\\s+(?:dumpxml|domiflist)|(?:neutron|nova)\\s+[a-z-]+-(?:list|show)|' +
  'ip\\s+(?:-\\S+\\s+)*(?:netns|a|addr|address|r|route|l|link|n|neigh|neighbour|rule)\\b)';

/** Each of these is enough by itself: nothing but a capture looks like that. */
const signs: readonly RegExp[] = [
  // A prompt (host#, user@host:~$, [root@host ~]#, or #) and one of the commands, wrapped or not.
  new RegExp(
    `^\\s*(?:[\\w.@~:/-]{1,60}\\s?|\\[[^\\]]{1,60}\\]\\s?)?[#$]\\s*(?:sudo\\s+)?(?:ip\\s+netns\\s+exec\\s+\\S+\\s+)?${program}`,
  ),
  /^\s*cookie=0x[0-9a-f]+,\s*duration=\S+,\s*table=/,
  /^\s*(?:NXST|OFPST)_(?:FLOW|GROUP|PORT|METER|TABLE)\w* reply/,
  /^OFPT_FEATURES_REPLY/,
  /^\s*Chain \S+ \((?:policy [A-Z]+|\d+ references)\b/,
  /^\s*port\s+VLAN\s+MAC\s+Age\s*$/,
  /^\s*bridge name\s+bridge id\s+STP enabled/,
  /^\s*\d+: lo: <LOOPBACK/,
  /^\s*recirc_id\(0x?[0-9a-f]*\),/,
  /^\*(?:nat|filter|mangle|raw)\s*$/,
  /^\s*-A [\w.-]+ .*-[jg] [A-Za-z]/,
  /^\s*table (?:inet|ip6?|bridge|arp|netdev) [\w-]+ \{/,
  /^Bridge (?:chain|table): \S+/,
  /^\s*(?:ipv[46]\s+\d+\s+)?(?:tcp|udp|icmp)\s+\d+ \d+ .*\bsrc=\S+ dst=/,
  /^\s*\w+,orig=\(src=/,
  /^\s*\d+: [\w.@-]+: <(?:BROADCAST|LOOPBACK|POINTOPOINT|NOARP|UP)\b/,
  /^\s*(?:default|\d+\.\d+\.\d+\.\d+(?:\/\d+)?) (?:via \S+ )?dev \S+ .*\b(?:proto|scope|metric|lladdr)\b/,
  /^\s*0:\s+from all lookup local\s*$/,
  /^\S+: flags=\d+<[A-Z,]+>\s+mtu \d+/,
  /^Kernel IP routing table\s*$/,
  /^Address\s+HWtype\s+HWaddress/,
  /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2} dev \S+/,
  /^\s*port \d+: \S+ \((?:internal|vxlan|gre|geneve|system|tap)\b/,
  /^\s*(?:switch|router) [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} \(/,
  /^\s*table=\s?\d+\s*\(l[sr]_(?:in|out)_/,
  /^Chassis "?[\w.-]+"?\s*$/,
  /^bridge\("[^"]+"\)\s*$/,
  /^<domain type='/,
  /^\s*\| (?:OS-EXT-|provider:|router:external|binding[:_]|fixed_ips|Port State|Fixed IP)/,
  /^Type: (?:hash|bitmap|list):/,
];

/** Lines that say little alone, but are those of `ovs-vsctl show` when they come one after the other. */
const bridgeLine = /^\s*Bridge "?[\w.-]+"?\s*$/;
const portLine = /^\s+Port "?[\w.-]+"?\s*$/;
const interfaceLine = /^\s+Interface "?[\w.-]+"?\s*$/;

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
    if (bridgeLine.test(line)) bridges = true;
    else if (bridges && portLine.test(line)) ports = true;
    else if (ports && interfaceLine.test(line)) return true;
    if (signs.some((sign) => sign.test(line))) return true;
  }
  return false;
}

import type { Val } from '../base/span';

/** An operation on the bits of a number. */
export interface NfStep {
  readonly op: '&' | '|' | '^' | '<<' | '>>';
  readonly by: bigint;
}

/** A number that nft reads of a packet, its way or its connection, after operations from left to right. */
export interface NfNumber {
  /** In nft's words: `ip ttl`, `@nh,8,8`, `ct original packets`. */
  readonly of: string;
  readonly steps: readonly NfStep[];
}

/** One condition of a netfilter rule. `negated` is `!`. Names are those of iptables-extensions(8). */
export type NfMatch =
  | { readonly kind: 'protocol'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'source' | 'destination'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'in-interface' | 'out-interface'; readonly value: Val<string>; readonly negated: boolean }
  /** The header of TCP, UDP, ICMP … that nft reads a value from: later fragments have none. */
  | { readonly kind: 'transport-header'; readonly text: Val<string> }
  /** `-f`: second and further fragments (IPv4). */
  | { readonly kind: 'fragment'; readonly text: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'source-port' | 'destination-port';
      readonly ranges: Val<readonly (readonly [number, number])[]>;
      readonly negated: boolean;
    }
  | { readonly kind: 'any-port'; readonly ranges: Val<readonly (readonly [number, number])[]>; readonly negated: boolean }
  /** A name or `TYPE`, `TYPE/CODE`; `any`. */
  | { readonly kind: 'icmp-type'; readonly type: Val<string>; readonly negated: boolean }
  /** The code of any type of ICMP; ranges include their ends. */
  | { readonly kind: 'icmp-code'; readonly range: Val<readonly [number, number]>; readonly negated: boolean }
  | { readonly kind: 'ctstate'; readonly states: Val<readonly string[]>; readonly negated: boolean }
  /** A connection's status (enum ip_conntrack_status): expected 1, seen reply 2, assured 4, confirmed 8, source 16 and destination 32 translated. */
  | {
      readonly kind: 'ctstatus';
      readonly mask: number;
      readonly set: number;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** The rest of the conntrack match: `proto`, `origsrc`, `origdst`, `replsrc`, `repldst`, `origsrcport`, …, `status`, `expire`, `dir`. */
  | { readonly kind: 'conntrack'; readonly what: string; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'mark' | 'connmark';
      /** `to`: the last value of a range. */
      readonly mark: Val<{ readonly value: number; readonly mask: number; readonly to?: number }>;
      readonly negated: boolean;
    }
  | { readonly kind: 'physdev-in' | 'physdev-out'; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'physdev-is-bridged' | 'physdev-is-in' | 'physdev-is-out';
      readonly span: Val<string>;
      readonly negated: boolean;
    }
  /** The device that a packet came by carries Ethernet frames. */
  | { readonly kind: 'from-ethernet'; readonly text: Val<string>; readonly negated: boolean }
  | { readonly kind: 'mac-source'; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'set';
      readonly set: Val<string>;
      readonly directions: readonly string[];
      readonly negated: boolean;
      /** `--return-nomatch`, `--packets-gt 5` and the like. */
      readonly options?: Val<string>;
    }
  | {
      readonly kind: 'addrtype';
      readonly which: 'src' | 'dst';
      readonly value: Val<string>;
      readonly negated: boolean;
      /** `--limit-iface-in`, `--limit-iface-out`: only addresses of that device count. */
      readonly limit?: 'in' | 'out';
      /** An address has one type only, as nft's fib says; the addrtype match calls all of IPv6 unicast that is not multicast. */
      readonly exact?: true;
      /** Routes are asked with the packet's mark. */
      readonly mark?: true;
    }
  | {
      readonly kind: 'iprange';
      readonly which: 'src' | 'dst';
      readonly from: string;
      readonly to: string;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** Bits as in the TCP header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
  | {
      readonly kind: 'tcp-flags';
      readonly mask: number;
      readonly set: number;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** `ttl` (IPv4) and `hl` (IPv6). */
  | { readonly kind: 'ttl'; readonly op: 'eq' | 'lt' | 'gt'; readonly value: Val<number>; readonly negated: boolean }
  /** The length of the IP packet; without the header in IPv6. Ranges include their ends. */
  | { readonly kind: 'length'; readonly range: Val<readonly [number, number]>; readonly negated: boolean }
  /** 0–63. */
  | { readonly kind: 'dscp'; readonly value: Val<number>; readonly negated: boolean }
  | { readonly kind: 'tos'; readonly value: Val<number>; readonly mask: number; readonly negated: boolean }
  /** Explicit congestion notification: the two bits of the IP header (0–3), or a flag of TCP. */
  | { readonly kind: 'ecn'; readonly what: 'ip-ect'; readonly value: Val<number>; readonly negated: boolean }
  | { readonly kind: 'ecn'; readonly what: 'tcp-ece' | 'tcp-cwr'; readonly text: Val<string>; readonly negated: boolean }
  /** The group of the device that the packet came by (`src`) or leaves by (`dst`). */
  | {
      readonly kind: 'device-group';
      readonly which: 'src' | 'dst';
      /** A number, perhaps with a mask, or a name. */
      readonly group: Val<string>;
      readonly negated: boolean;
    }
  /** The helper of the connection that announced this one. */
  | { readonly kind: 'helper'; readonly name: Val<string>; readonly negated: boolean }
  /** The TCP header has an option of that number. */
  | { readonly kind: 'tcp-option'; readonly option: Val<number>; readonly negated: boolean }
  /** The realm of the packet's route (ip-route(8)). */
  | {
      readonly kind: 'realm';
      readonly realm: Val<{ readonly value: number; readonly mask: number }>;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** The packet has such a header of IPv6, by the name of the match: `frag`, `rt`, `hbh`, `dst`, `srh`. */
  | {
      readonly kind: 'extension-header';
      readonly name: string;
      readonly text: Val<string>;
      readonly negated: boolean;
      /** Nothing that stands in it is asked for. */
      readonly alone?: true;
    }
  | { readonly kind: 'pkttype'; readonly value: Val<string>; readonly negated: boolean }
  /** `value` undefined for `--socket-exists`. */
  | {
      readonly kind: 'owner';
      readonly what: 'uid' | 'gid' | 'socket-exists';
      readonly value?: Val<string>;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  | { readonly kind: 'tcpmss'; readonly range: Val<readonly [number, number]>; readonly negated: boolean }
  | { readonly kind: 'rpfilter'; readonly flags: readonly string[]; readonly text: Val<string>; readonly negated: boolean }
  /** A socket of this host is for the packet; `transparent`, `nowildcard`, `restore-skmark`. */
  | { readonly kind: 'socket'; readonly flags: readonly string[]; readonly text: Val<string>; readonly negated: boolean }
  /** `--dir in|out --pol none|ipsec` (IPsec). */
  | { readonly kind: 'policy'; readonly policy: 'none' | 'ipsec'; readonly text: Val<string>; readonly negated: boolean }
  /** What ARP says, by nft's names: `operation`, the sender's and the target's addresses, and the kinds of both. */
  | {
      readonly kind: 'arp';
      readonly what: 'operation' | 'saddr ip' | 'daddr ip' | 'saddr ether' | 'daddr ether' | 'htype' | 'ptype' | 'hlen' | 'plen';
      readonly value: Val<string>;
      readonly negated: boolean;
    }
  /** A number of nft's is in one of the ranges, which include their ends. What lacks it meets no condition on it, negated or not. */
  | {
      readonly kind: 'number';
      readonly number: NfNumber;
      readonly within: readonly (readonly [bigint, bigint])[];
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** The device by which the routes lead to an address of the packet (nft's fib). */
  | {
      readonly kind: 'fib-device';
      readonly which: 'src' | 'dst';
      /** Asked with the packet's mark. */
      readonly mark: boolean;
      /** Only a way by the device that it came by, or leaves by, counts. */
      readonly by: 'in' | 'out' | undefined;
      /** Names, with `*` behind the beginning of several; undefined where any device will do. */
      readonly names: readonly string[] | undefined;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** The type of the device, as `ip link add type` says it, that the packet came by (`src`) or leaves by (`dst`). */
  | {
      readonly kind: 'device-kind';
      readonly which: 'src' | 'dst';
      readonly name: Val<string>;
      readonly negated: boolean;
    }
  /** Time decides: a token bucket (limit, hashlimit, connlimit), or chance (statistic). `likely` is what holds for the usual packet. */
  | {
      readonly kind: 'limit';
      readonly module: string;
      readonly text: Val<string>;
      readonly negated: boolean;
      /** `statistic --mode random`: 0 to 1. */
      readonly probability?: number;
      /** `statistic --mode nth`: every nth packet. */
      readonly every?: number;
    }
  /** A condition that holds for every packet, such as `-m tcp` alone or nft's `counter`. */
  | { readonly kind: 'comment'; readonly text: Val<string> }
  /** At least one holds: a set of nft. */
  | { readonly kind: 'any-of'; readonly matches: readonly NfMatch[]; readonly text: Val<string>; readonly negated: boolean }
  /** All hold: an element of a set of concatenations of nft. */
  | { readonly kind: 'all-of'; readonly matches: readonly NfMatch[]; readonly text: Val<string>; readonly negated: boolean }
  /** A set that rules change: what it held when it was captured, as long as no packet has come to such a rule. */
  | {
      readonly kind: 'changing-set';
      /** `FAMILY TABLE @NAME`. */
      readonly set: string;
      /** What of the packet is looked up. */
      readonly selectors: readonly string[];
      /** The headers that this is read from. */
      readonly headers: readonly NfMatch[];
      /** What is asked of the set as it was captured, turned around already where the condition is. */
      readonly matches: readonly NfMatch[];
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** The element that the rule has just put into a set may have a rate, which decides whether the rule goes on; or the set is full. */
  | {
      readonly kind: 'element-rate';
      /** `FAMILY TABLE @NAME`. */
      readonly set: string;
      readonly selectors: readonly string[];
      /** Some element may have a rate. */
      readonly rated: boolean;
      /** How many more elements the set took when it was captured; undefined where nobody knows. */
      readonly room: number | undefined;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  /** A translation of nft's that says less than the rule asks: `shown` (nothing where it has no words), and perhaps more, or the contrary. */
  | {
      readonly kind: 'translated';
      readonly shown?: NfMatch;
      /** The rule asks for what is shown, and perhaps for more; else it may as well ask for the contrary. */
      readonly narrows: boolean;
      readonly text: Val<string>;
      /** What the translation leaves out, in words. */
      readonly lost: string;
      /** What shows the rule as the kernel has it, where another listing than the table's does. */
      readonly command?: string;
    }
  /** Read, but not modelled (u32, bpf, string, time …): the rule may match. `name` is the module. */
  | {
      readonly kind: 'other';
      readonly text: Val<string>;
      readonly negated: boolean;
      readonly name?: string;
    };

/** A condition that time decides. */
export type NfLimit = Extract<NfMatch, { kind: 'limit' }>;

/** How a rule of nft changes one element of a set. */
export interface NfElementChange {
  /** `FAMILY TABLE @NAME`. */
  readonly set: string;
  readonly op: 'add' | 'delete';
  readonly selectors: readonly string[];
  /** What the element, where it is new, has to count by. */
  readonly rate: NfLimit | undefined;
  /** It is forgotten after a time. */
  readonly timed: boolean;
  /** How many elements the set takes. */
  readonly size: number | undefined;
  /** Some of its elements are forgotten after a time. */
  readonly forgets: boolean;
  readonly captured: NfCapturedSet;
}

/** How SET changes one set of ipset(8) (iptables-extensions(8)). */
export interface NfIpsetChange {
  readonly op: 'add' | 'delete';
  readonly set: Val<string>;
  /** `src` or `dst` for each value of an element. */
  readonly directions: readonly string[];
  /** `--exist`: what is there already is put in anew. */
  readonly exist: boolean;
  /** `--timeout`, in seconds; without it the set's own counts. */
  readonly timeout?: number;
}

/** What a set held when it was captured. */
export type NfCapturedSet =
  | {
      readonly is: 'shown';
      /** The elements, and which packets they are for. */
      readonly elements: readonly { readonly matches: readonly NfMatch[]; readonly rates: readonly (NfLimit | undefined)[] }[];
    }
  /** Not shown: each element may be there, with what some rule gives it. */
  | { readonly is: 'hidden'; readonly rates: readonly (NfLimit | undefined)[] };

/** What a rule's target is told, besides its name. */
export interface NfTargetOptions {
  /** `to:` of DNAT and SNAT: `ADDRESS`, `ADDRESS-ADDRESS`, with `:PORT` or `:PORT-PORT`; of NETMAP the network. */
  readonly to?: Val<string>;
  /** `--to-ports` of REDIRECT and MASQUERADE. */
  readonly ports?: Val<string>;
  /** `random`, `random-fully`, `persistent`. */
  readonly natFlags?: readonly string[];
  /** MARK, CONNMARK: the new value and the bits that it replaces (`xset`); `save` and `restore` for CONNMARK, with both masks. */
  readonly mark?: Val<{
    readonly op: 'set' | 'xset' | 'and' | 'or' | 'xor' | 'save' | 'restore';
    readonly value: number;
    readonly mask: number;
    readonly ctmask?: number;
  }>;
  /** What a statement of nft's puts in place of a number, by nft's name for that. */
  readonly assign?: { readonly to: string; readonly value: NfNumber | bigint };
  readonly zone?: Val<number>;
  /** The packet's mark names the zone: the one it has at this rule, or when its connection is looked for (`--zone mark`). */
  readonly zoneByMark?: 'now' | 'later';
  /** `--zone-orig`, `--zone-reply`. */
  readonly zoneDirection?: 'orig' | 'reply';
  readonly notrack?: boolean;
  readonly rejectWith?: Val<string>;
  /** TTL, HL. */
  readonly ttl?: Val<{ readonly op: 'set' | 'inc' | 'dec'; readonly value: number }>;
  /** DSCP: 0–63. */
  readonly dscp?: Val<number>;
  /** TOS. */
  readonly tos?: Val<{ readonly op: 'set' | 'and' | 'or' | 'xor'; readonly value: number; readonly mask: number }>;
  readonly mss?: Val<number | 'clamp'>;
  /** TPROXY. */
  readonly onPort?: Val<number>;
  readonly onIp?: Val<string>;
  /** NFQUEUE: `--queue-bypass` lets packets go on where nobody listens. */
  readonly queue?: Val<string>;
  readonly queueBypass?: boolean;
  /** ECN: `--ecn-tcp-remove` takes the flags of congestion off TCP. */
  readonly ecnRemove?: boolean;
  /** SET: `--map-set` only looks a packet up in a set; with `--map-mark` the packet gets the mark that the set has for it. */
  readonly mapSet?: 'mark' | 'other';
  /** The set that `--map-set` looks the packet up in, and the sides of each value. */
  readonly mapped?: { readonly set: Val<string>; readonly directions: readonly string[] };
  /** What arptables' target `mangle` puts in: `mangle-ip-s`, `mangle-mac-d` …, and `mangle-target`, where the packet goes then. */
  readonly arp?: Readonly<Record<string, Val<string>>>;
  /** The rule has a target of iptables', which nft could not print. */
  readonly unprinted?: boolean;
  /** SET: the sets that a packet's element is put into or taken out of; of nft the one. */
  readonly set?: Val<string>;
  /** SET of iptables: the same one by one, in the order in which the kernel does it. */
  readonly ipsets?: readonly NfIpsetChange[];
  /** SET of nft, where it is known which element. */
  readonly element?: NfElementChange;
}

/** What a rule does before its target: a rule of nft may do several things. */
export interface NfStatement {
  readonly target: Val<string>;
  readonly options: NfTargetOptions;
}

/** `inet` tables see both families. */
export type NfFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

export type NetfilterFact =
  | {
      readonly kind: 'nf-chain';
      readonly family: NfFamily;
      /** `filter`, `nat`, `mangle`, `raw`, `security`; any name in nft. */
      readonly table: string;
      readonly name: Val<string>;
      /** What iptables-save says of itself tells whether it is the old back end's. */
      readonly legacy?: boolean;
      /** Built-in chains only. */
      readonly policy?: Val<string>;
      /** Base chains of nft that iptables-nft did not make: `prerouting`, `input`, `forward`, `output`, `postrouting`, `ingress`. */
      readonly hook?: Val<string>;
      /** As a number: `filter` is 0, `dstnat` -100 … (nft(8)). */
      readonly priority?: Val<number>;
      /** `filter`, `nat`, `route`. */
      readonly type?: Val<string>;
      /** The devices at whose ingress or egress it stands. */
      readonly devices?: readonly Val<string>[];
      readonly span: Val<string>;
    }
  /** iptables-nft's warning that there are tables of the old back end as well, which it does not show. */
  | { readonly kind: 'nf-legacy-tables'; readonly family: 'ip' | 'ip6'; readonly text: Val<string> }
  | {
      readonly kind: 'nf-rule';
      readonly family: NfFamily;
      readonly table: string;
      readonly chain: string;
      /** 1-based place in its chain as captured. */
      readonly number: number;
      readonly matches: readonly NfMatch[];
      /** What nft does before the target, in order. */
      readonly before?: readonly NfStatement[];
      /** The beginning of a rule of nft, which goes on behind it in the next fact. */
      readonly part?: boolean;
      /** One of several cases, of which the first that holds is the only one; that one of them did is the condition of what follows. */
      readonly settles?: NfMatch;
      /** Undefined for a rule without a target (it only counts). */
      readonly target?: Val<string>;
      readonly goto: boolean;
      readonly targetOptions: NfTargetOptions;
      readonly packets?: Val<string>;
      /** The listing has no interface columns (`iptables -L` without `-v`): in- and out-interface may restrict the rule unseen. */
      readonly interfacesHidden: boolean;
      readonly text: Val<string>;
    };

export type IpsetFact =
  | {
      readonly kind: 'ipset';
      readonly name: Val<string>;
      /** `hash:ip,port`, `list:set`, `bitmap:port` … (ipset(8)). */
      readonly type: Val<string>;
      /** `hashsize`, `netmask`, `markmask`, `range`, `timeout` … */
      readonly options: Readonly<Record<string, Val<string>>>;
      readonly family: 'inet' | 'inet6';
      /** False for `ipset list -t`: the header alone, so that the members are not known. */
      readonly membersShown: boolean;
    }
  | {
      readonly kind: 'ipset-entry';
      readonly set: Val<string>;
      /** As printed, addresses in lower case: `10.0.0.1,tcp:80`, `10.0.0.0/24`, another set's name for `list:set`. */
      readonly element: Val<string>;
      readonly nomatch: boolean;
      /** Its device stands for all whose names begin so. */
      readonly wildcard: boolean;
    };

/** One direction of a connection, as its packets are addressed. */
export interface ConntrackTuple {
  readonly src: Val<string>;
  readonly dst: Val<string>;
  readonly sport?: Val<number>;
  readonly dport?: Val<number>;
  readonly icmpType?: Val<number>;
  readonly icmpCode?: Val<number>;
  readonly icmpId?: Val<number>;
}

export type ConntrackFact =
  | ConntrackEntryFact
  /** A connection that a helper of another one expects (`conntrack -L expect`): its first packet is RELATED. */
  | ConntrackExpectationFact;

export interface ConntrackExpectationFact {
  readonly kind: 'conntrack-expectation';
  readonly family: 'ip' | 'ip6';
  /** The protocol's number. */
  readonly protocol: Val<number>;
  readonly expected: ConntrackTuple;
  /** Which bits of `expected` count. The file in /proc does not say. */
  readonly mask?: ConntrackTuple;
  /** The connection whose helper expects it, as its first packets are addressed. */
  readonly master?: ConntrackTuple;
  readonly zone?: Val<number>;
  /** `ftp`, `sip` … */
  readonly helper?: Val<string>;
  /** `PERMANENT`, `INACTIVE`, `USERSPACE`. */
  readonly flags: readonly string[];
  readonly text: Val<string>;
}

export interface ConntrackEntryFact {
  /** `conntrack -L`, `/proc/net/nf_conntrack`, `dpctl/dump-conntrack`. */
  readonly kind: 'conntrack-entry';
  readonly family: 'ip' | 'ip6';
  /** The protocol's number. */
  readonly protocol: Val<number>;
  /** `ESTABLISHED`, `SYN_SENT` … of TCP, SCTP and DCCP. */
  readonly state?: Val<string>;
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  readonly zone?: Val<number>;
  readonly zoneDirection?: 'orig' | 'reply';
  readonly mark?: Val<number>;
  /** `ASSURED`, `UNREPLIED`, `OFFLOAD` … */
  readonly flags: readonly string[];
  readonly text: Val<string>;
}

/** One condition of an ebtables rule (ebtables(8)). */
export type EbMatch =
  /** `IPv4`, `ARP`, `802_1Q`, `0x88cc`, `LENGTH`. */
  | { readonly kind: 'protocol'; readonly value: Val<string>; readonly negated: boolean }
  /** `MAC` or `MAC/MASK`; `Unicast`, `Multicast`, `Broadcast`, `BGA`. */
  | { readonly kind: 'source' | 'destination'; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'in-interface' | 'out-interface' | 'logical-in' | 'logical-out';
      readonly value: Val<string>;
      readonly negated: boolean;
    }
  | { readonly kind: 'ip-source' | 'ip-destination'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'ip-protocol'; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'ip-source-port' | 'ip-destination-port';
      readonly range: Val<readonly [number, number]>;
      readonly negated: boolean;
    }
  /** `Request`, `Reply` or the number. */
  | { readonly kind: 'arp-opcode'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'arp-ip-source' | 'arp-ip-destination'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'arp-mac-source' | 'arp-mac-destination'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'vlan-id'; readonly value: Val<number>; readonly negated: boolean }
  | { readonly kind: 'mark'; readonly mark: Val<{ readonly value: number; readonly mask: number }>; readonly negated: boolean }
  | { readonly kind: 'pkttype'; readonly value: Val<string>; readonly negated: boolean }
  /** Read, but not modelled (among, limit, stp …): the rule may match. */
  | { readonly kind: 'other'; readonly text: Val<string>; readonly negated: boolean };

export type EbtablesFact =
  | {
      readonly kind: 'eb-chain';
      /** `filter`, `nat`, `broute`. */
      readonly table: string;
      readonly name: Val<string>;
      readonly policy?: Val<string>;
      readonly span: Val<string>;
    }
  | {
      readonly kind: 'eb-rule';
      readonly table: string;
      readonly chain: string;
      readonly number: number;
      readonly matches: readonly EbMatch[];
      /** `ACCEPT`, `DROP`, `CONTINUE`, `RETURN`, `dnat`, `snat`, `redirect`, `arpreply`, `mark` or a chain. */
      readonly target?: Val<string>;
      /** `to-destination`, `to-source`, `arpreply-mac`, `mark-set`, `dnat-target` …, by the option's name. */
      readonly targetOptions: Readonly<Record<string, Val<string>>>;
      readonly text: Val<string>;
    };

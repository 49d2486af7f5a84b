"""Random router namespaces: devices, addresses, routes, rules, sets, chains."""
import ipaddress

import forms
import rare

DEVICES = ["in0", "in1", "out0", "out1"]
HOSTS = {  # neighbours on each device: who has which address
    name: [f"10.0.{n}.{host}" for host in (2, 3, 9)] for n, name in enumerate(DEVICES, 1)
}
HOSTS6 = {name: [f"fd00:{n}::{host}" for host in (2, 3)] for n, name in enumerate(DEVICES, 1)}
OUTSIDE = ["192.0.2.9", "198.51.100.7", "203.0.113.5", "172.16.5.5", "172.16.6.6", "172.17.0.9", "8.8.8.8"]
OUTSIDE6 = ["2001:db8::9", "2001:db8:1::7", "2001:db8:2::5", "fd0a::5"]
VIPS = ["192.0.2.9", "10.0.1.1", "10.0.3.1", "198.51.100.7", "10.96.0.1"]
VIPS6 = ["2001:db8::9", "fd00:1::1", "2001:db8:1::7"]
PORTS = [22, 53, 80, 443, 8080, 3306]
MARKS = ["0x1", "0x2", "0x10", "0x100", "0x2/0xff", "0x10/0xf0", "0x4000/0x4000"]


class Setup:
    def __init__(self, random, family, bridge):
        self.r = random
        self.bridge = bridge
        # Whether a rule asks for sockets.
        self.asks = False
        self.six = family == 6
        self.hosts = HOSTS6 if self.six else HOSTS
        self.outside = OUTSIDE6 if self.six else OUTSIDE
        self.vips = VIPS6 if self.six else VIPS
        self.sets = []
        # A transparent proxy: its packets are led to this host by a mark.
        self.proxied = random.random() < 0.35
        # What few routers have.
        self.rare = random.random() < 0.4
        # What is written in other forms than usual.
        self.forms = random.random() < 0.4
        self.numbers = []
        # Whose cards a set tells apart: by device and number.
        self.cards = []

    def maybe(self, chance):
        return self.r.random() < chance

    def inside(self):
        if self.bridge and self.maybe(0.1):
            return self.r.choice(["fd00:5::6", "fd00:5::7"] if self.six else ["10.0.5.6", "10.0.5.7"])
        return self.r.choice(self.hosts[self.r.choice(DEVICES)])

    def anyone(self):
        return self.r.choice([self.inside(), self.r.choice(self.outside), self.r.choice(self.vips)])

    def network(self, address):
        length = self.r.choice([64, 48, 128, 16] if self.six else [24, 16, 32, 8, 28])
        return str(ipaddress.ip_network(f"{address}/{length}", strict=False))

    # --- ip rules and routes -------------------------------------------------------------------------------------
    def gateway(self, device):
        return self.hosts[device][self.r.randrange(2)]

    def route(self, prefix):
        kind = self.r.random()
        device = self.r.choice(DEVICES)
        if kind < 0.08:
            return f"{self.r.choice(['blackhole', 'unreachable', 'prohibit'])} {prefix}"
        if kind < 0.16:
            # Several next hops: by a hash, each packet takes one of them.
            others = self.r.sample(DEVICES, 2)
            return f"{prefix} " + " ".join(f"nexthop via {self.gateway(other)} dev {other} weight {self.r.choice([1, 1, 3])}" for other in others)
        text = f"{prefix} via {self.gateway(device)} dev {device}"
        if self.maybe(0.15):
            text += f" metric {self.r.choice([10, 50, 100])}"
        if self.maybe(0.08):
            text += f" mtu {self.r.choice([1280, 1300])}"
        if not self.six and self.maybe(0.1):
            text += f" src {self.r.choice(['10.0.1.1', '10.0.3.1', '10.0.4.1'])}"
        return text

    def routes(self):
        routes = []
        if self.maybe(0.8):
            device = self.r.choice(["out0", "out1", "out0"])
            routes.append(f"default via {self.gateway(device)} dev {device}")
        for address in self.outside:
            if self.maybe(0.4):
                routes.append(self.route(self.network(address)))
        for table in (100, 200):
            if self.maybe(0.5):
                device = self.r.choice(DEVICES)
                routes.append(f"default via {self.gateway(device)} dev {device} table {table}")
            for address in self.outside:
                if self.maybe(0.2):
                    routes.append(self.route(self.network(address)) + f" table {table}")
            if self.maybe(0.2):
                routes.append(f"throw {self.network(self.r.choice(self.outside))} table {table}")
        if self.proxied:
            routes.append("local default dev lo table 300")
        if self.maybe(0.15) and not self.six:
            routes.append(f"local {self.r.choice(self.outside)}/32 dev lo")
        return routes + (rare.routes(self) if self.rare else []) + (forms.routes(self, self.numbers) if self.numbers else [])

    def rules(self):
        rules = []
        if self.proxied:
            rules.append("pref 40 fwmark 0x8000/0x8000 lookup 300")
        for n in range(self.r.choice([0, 0, 1, 2, 3])):
            what = self.r.choice(["fwmark", "from", "to", "iif", "not from", "tos", "dport", "suppress", "action"])
            table = self.r.choice([100, 200])
            before = f"pref {self.r.choice([50, 100, 1000, 30000]) + n}"
            if what == "fwmark":
                rules.append(f"{before} fwmark {self.r.choice(MARKS)} lookup {table}")
            elif what in ("from", "to", "not from"):
                rules.append(f"{before} {what} {self.network(self.anyone())} lookup {table}")
            elif what == "iif":
                rules.append(f"{before} iif {self.r.choice(DEVICES + ['lo'])} lookup {table}")
            elif what == "tos":
                rules.append(f"{before} tos 0x10 lookup {table}")
            elif what == "dport":
                rules.append(f"{before} ipproto {self.r.choice(['tcp', 'udp'])} dport {self.r.choice(['80', '53', '1-1000'])} lookup {table}")
            elif what == "suppress":
                rules.append(f"{before} lookup {table} suppress_prefixlength 0")
            else:
                rules.append(f"{before} to {self.network(self.r.choice(self.outside))} {self.r.choice(['unreachable', 'prohibit', 'blackhole'])}")
        return rules + (rare.rules(self) if self.rare else []) + (forms.rules(self) if self.forms else [])

    # --- sets ----------------------------------------------------------------------------------------------------
    def ipsets(self):
        family = "inet6" if self.six else "inet"
        lines = []
        kinds = self.r.sample(["hash:ip", "hash:net", "hash:ip,port", "hash:net,port", "hash:net,iface", "bitmap:port", "hash:ip,port,ip",
                               "hash:net,net", "hash:mac", "hash:ip,mark"], 3)
        for n, kind in enumerate(kinds):
            name = f"s{6 if self.six else 4}{n}"
            own = "" if kind in ("bitmap:port", "hash:mac") else f" family {family}"
            few = f" maxelem {self.r.randrange(1, 5)}" if self.rare and kind.startswith("hash") and self.maybe(0.3) else ""
            lines.append(f"create {name} {kind}{own}{few}" + (" range 0-65535" if kind == "bitmap:port" else ""))
            elements = set()
            for _ in range(self.r.randrange(1, 6)):
                elements.add(",".join(self.element(part) for part in kind.split(":")[1].split(",")) if kind != "bitmap:port" else str(self.r.choice(PORTS)))
            for element in sorted(elements):
                nomatch = " nomatch" if "net" in kind and self.maybe(0.15) else ""
                lines.append(f"add {name} {element}{nomatch}")
            self.sets.append((name, kind))
        if self.maybe(0.4) and len(self.sets) > 1:
            same = [name for name, kind in self.sets if kind.count(",") == 0 and kind.startswith("hash") and kind != "hash:mac"]
            if same:
                name = f"l{6 if self.six else 4}"
                lines.append(f"create {name} list:set")
                lines += [f"add {name} {member}" for member in same]
                self.sets.append((name, "list:set"))
        if self.rare:
            made, more = rare.sets(self)
            self.sets.append(made)
            lines += more
            if not self.six and self.maybe(0.6):
                made, more, self.cards = rare.cards(self)
                self.sets += made
                lines += more
        return lines

    def element(self, part):
        if part == "ip":
            return self.anyone()
        if part == "net":
            network = self.network(self.anyone())
            return network if not network.endswith("/0") else self.anyone()
        if part == "port":
            return f"{self.r.choice(['tcp', 'udp'])}:{self.r.choice(PORTS)}"
        if part == "iface":
            return self.r.choice(DEVICES)
        if part == "mac":
            return f"02:00:00:00:0{self.r.randrange(1, 5)}:02"
        return self.r.choice(["0x1", "0x2", "0x10"])

    # --- iptables ------------------------------------------------------------------------------------------------
    def tables(self):
        text = []
        for table in ("raw", "mangle", "nat", "filter", "security"):
            if not self.maybe({"raw": 0.5, "mangle": 0.7, "nat": 0.85, "filter": 0.95, "security": 0.15}[table]):
                continue
            text.append(self.table(table))
        return "\n".join(text) + "\n"

    HOOKS = {
        "raw": ["PREROUTING", "OUTPUT"],
        "mangle": ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "nat": ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        "filter": ["INPUT", "FORWARD", "OUTPUT"],
        "security": ["INPUT", "FORWARD", "OUTPUT"],
    }

    def table(self, table):
        declared, rules = [], []
        for hook in self.HOOKS[table]:
            policy = "DROP" if table == "filter" and self.maybe(0.15) or self.forms and table in ("mangle", "raw") and self.maybe(0.04) else "ACCEPT"
            declared.append(f":{hook} {policy} [0:0]")
            # Names that look like something else are names all the same.
            odd = self.forms and self.maybe(0.3)
            chains = [f"{self.r.choice(['drop', 'a.b', 'MY_ACCEPT', 'x:y', '1'])}{hook.lower()[:2]}{n}" if odd else f"{hook.lower()[:4]}-{n}" for n in range(self.r.choice([0, 0, 1, 2]))]
            declared += [f":{chain} - [0:0]" for chain in chains]
            for at, chain in enumerate([hook, *chains]):
                for _ in range(self.r.choice([0, 1, 2, 3, 5])):
                    rules.append(f"-A {chain} {self.matches(table, hook)}{self.target(table, hook, chains[at:], at > 0)}")
        return "\n".join([f"*{table}", *declared, *rules, "COMMIT"])

    def not_(self, chance=0.12):
        return "! " if self.maybe(chance) else ""

    def matches(self, table, hook):
        pieces = []
        self.proto = None
        for _ in range(self.r.choice([0, 1, 1, 2, 2, 3])):
            piece = self.match(table, hook)
            if piece and not any(piece.split()[-2:-1] == other.split()[-2:-1] for other in pieces):
                pieces.append(piece)
        order = {"-f": 0, "-s": 0, "-d": 0, "-i": 0, "-o": 0, "-p": 1}
        pieces.sort(key=lambda piece: order.get(piece.replace("! ", "").split()[0], 2))
        return "".join(f"{piece} " for piece in pieces)

    def match(self, table, hook):
        if self.rare and self.maybe(0.3):
            return rare.match(self, table, hook)
        if self.forms and self.maybe(0.3):
            return forms.match(self, table, hook)
        kind = self.r.choice(["source", "destination", "in", "out", "proto", "port", "multiport", "icmp", "ctstate", "mark", "connmark", "set",
                              "addrtype", "iprange", "mac", "tcpflags", "ttl", "length", "dscp", "owner", "ct", "comment", "limit", "tos", "pkttype",
                              "state", "statistic", "rpfilter", "socket", "fragment", "tcpmss", "physdev"])
        has_ct = table not in ("raw",)
        if self.cards and self.maybe(0.15):
            kind = "set"
        if kind == "source":
            return f"{self.not_()}-s {self.network(self.anyone())}"
        if kind == "destination":
            return f"{self.not_()}-d {self.network(self.anyone())}"
        if kind == "in" and hook in ("PREROUTING", "INPUT", "FORWARD"):
            return f"{self.not_()}-i {self.r.choice(DEVICES + ['in+', 'lo'])}"
        if kind == "out" and hook in ("FORWARD", "OUTPUT", "POSTROUTING"):
            return f"{self.not_()}-o {self.r.choice(DEVICES + ['out+', 'lo'])}"
        if kind == "proto" and not self.proto:
            self.proto = self.r.choice(["tcp", "udp", "ipv6-icmp" if self.six else "icmp"])
            return f"-p {self.proto}"
        if kind == "port" and not self.proto:
            self.proto = self.r.choice(["tcp", "udp"])
            return f"-p {self.proto} -m {self.proto} {self.not_()}--{self.r.choice(['dport', 'dport', 'sport'])} {self.r.choice(['80', '53', '22', '1:1023', '443', '40000:50000'])}"
        if kind == "multiport" and not self.proto:
            self.proto = self.r.choice(["tcp", "udp"])
            return f"-p {self.proto} -m multiport {self.not_()}--{self.r.choice(['dports', 'sports', 'ports'])} {self.r.choice(['22,80,443:450', '53', '8080,3306,40000:41000'])}"
        if kind == "icmp" and not self.proto:
            self.proto = "icmp"
            if self.six:
                return f"-p ipv6-icmp -m icmp6 {self.not_()}--icmpv6-type {self.r.choice(['128', '129', 'echo-request', '3', '1/4'])}"
            return f"-p icmp -m icmp {self.not_()}--icmp-type {self.r.choice(['8', '0', 'echo-request', '3', '3/3', '11', 'any'])}"
        if kind == "ctstate" and has_ct:
            return f"-m conntrack {self.not_()}--ctstate {self.r.choice(['NEW', 'ESTABLISHED', 'RELATED,ESTABLISHED', 'INVALID', 'DNAT', 'SNAT', 'UNTRACKED', 'NEW,DNAT'])}"
        if kind == "state" and has_ct:
            return f"-m state {self.not_()}--state {self.r.choice(['NEW', 'RELATED,ESTABLISHED', 'INVALID'])}"
        if kind == "mark":
            return f"-m mark {self.not_()}--mark {self.r.choice(MARKS)}"
        if kind == "connmark" and has_ct:
            return f"-m connmark {self.not_()}--mark {self.r.choice(MARKS)}"
        if kind == "set" and self.sets:
            cards = [made for made in self.sets if made[0] in ("m4", "c4")]
            name, type_ = self.r.choice(cards) if cards and self.maybe(0.5) else self.r.choice(self.sets)
            count = self.r.choice([1, 2]) if type_ == "list:set" else 1 if type_ == "bitmap:port" else type_.count(",") + 1
            if type_ == "hash:mac":
                return f"-m set {self.not_()}--match-set {name} src" if hook in ("PREROUTING", "INPUT", "FORWARD") else None
            directions = [self.r.choice(["src", "src", "dst"] if name in ("m4", "c4") else ["src", "dst"]) for _ in range(count)]
            if "iface" in type_:
                directions[-1] = "src" if hook in ("PREROUTING", "INPUT") else "dst" if hook in ("OUTPUT", "POSTROUTING") else directions[-1]
            return f"-m set {self.not_()}--match-set {name} {','.join(directions)}"
        if kind == "addrtype":
            return f"-m addrtype {self.not_()}--{self.r.choice(['dst-type', 'src-type'])} {self.r.choice(['LOCAL', 'UNICAST', 'LOCAL', 'MULTICAST'] if self.six else ['LOCAL', 'UNICAST', 'LOCAL,BROADCAST', 'BROADCAST'])}"
        if kind == "iprange":
            low, high = ("fd00:1::1", "fd00:3::ffff") if self.six else self.r.choice([("10.0.1.2", "10.0.3.3"), ("192.0.2.1", "198.51.100.9"), ("10.0.1.3", "10.0.1.9")])
            return f"-m iprange {self.not_()}--{self.r.choice(['src-range', 'dst-range'])} {low}-{high}"
        if kind == "mac" and hook in ("PREROUTING", "INPUT", "FORWARD"):
            return f"-m mac {self.not_()}--mac-source 02:00:00:00:0{self.r.randrange(1, 5)}:02"
        if kind == "tcpflags" and not self.proto:
            self.proto = "tcp"
            return f"-p tcp -m tcp {self.not_()}--tcp-flags {self.r.choice(['FIN,SYN,RST,ACK SYN', 'SYN,RST SYN', 'ACK ACK', 'RST RST'])}"
        if kind == "ttl":
            module, name = ("hl", "hl") if self.six else ("ttl", "ttl")
            return f"-m {module} {self.r.choice([f'--{name}-eq 64', f'--{name}-lt 5', f'--{name}-gt 62', f'! --{name}-eq 63'])}"
        if kind == "length":
            return f"-m length {self.not_()}--length {self.r.choice(['0:50', '44', '60:1500', '32'])}"
        if kind == "dscp":
            return f"-m dscp {self.not_()}--dscp {self.r.choice(['0x0a', '0x00', '0x04'])}"
        if kind == "tos":
            return f"-m tos {self.not_()}--tos {self.r.choice(['0x10/0x3f', '0x00/0xff', '0x28/0xff'])}"
        if kind == "owner" and hook in ("OUTPUT", "POSTROUTING"):
            return f"-m owner {self.not_()}--uid-owner {self.r.choice(['0', '1000', '0-99'])}"
        if kind == "pkttype":
            return f"-m pkttype {self.not_()}--pkt-type {self.r.choice(['unicast', 'broadcast', 'multicast'])}"
        if kind == "ct" and has_ct:
            return f"-m conntrack {self.not_()}{self.r.choice([f'--ctorigdst {self.network(self.anyone())}', f'--ctorigsrc {self.network(self.anyone())}', '--ctproto 6', '--ctorigdstport 80', '--ctreplsrc ' + self.network(self.anyone()), '--ctstatus SEEN_REPLY'])}{self.r.choice(['', ' --ctdir ORIGINAL'])}"
        if kind == "comment":
            return self.r.choice(['-m comment --comment "let it in"', "-m comment --comment web", '-m comment --comment "a \\"b\\" -j DROP"'])
        if kind == "rpfilter" and hook == "PREROUTING" and table in ("raw", "mangle"):
            return "-m rpfilter" + "".join(f" --{flag}" for flag in ("loose", "validmark", "accept-local", "invert") if self.maybe(0.35))
        if kind == "socket" and hook == "PREROUTING" and table in ("raw", "mangle") and not self.proto:
            self.proto, self.asks = self.r.choice(["tcp", "tcp", "udp"]), True
            return f"-p {self.proto} -m socket" + self.r.choice(["", " --transparent", " --nowildcard"])
        if kind == "fragment" and not self.six:
            return f"{self.not_(0.4)}-f"
        if kind == "tcpmss" and not self.proto:
            self.proto = "tcp"
            return f"-p tcp -m tcp --tcp-flags SYN,RST SYN -m tcpmss {self.not_()}--mss {self.r.choice(['1:1300', '1400:1460', '1440'])}"
        if kind == "physdev" and hook != "OUTPUT":
            inside = [f"{self.not_()}--physdev-in {self.r.choice(['p0', 'p+'])}", "--physdev-is-in"] if hook != "POSTROUTING" else []
            outside = [f"{self.not_()}--physdev-out p1 --physdev-is-bridged", f"{self.not_()}--physdev-is-bridged"] if hook in ("FORWARD", "POSTROUTING") else []
            return f"-m physdev {self.r.choice(inside + outside)}"
        if kind == "limit" and self.maybe(0.4):
            return "-m limit --limit 10000/sec --limit-burst 10000"
        if kind == "statistic" and self.maybe(0.4):
            return f"-m statistic --mode random --probability {self.r.choice(['1.00000000000', '0.00000000000'])}"
        return None

    def tcp_or_udp(self):
        return self.proto in ("tcp", "udp")

    def target(self, table, hook, chains, user):
        choices = ["ACCEPT", "none", "jump", "jump", "goto"]
        if user:
            choices += ["RETURN", "RETURN"]
        choices += {
            "raw": ["NOTRACK", "ZONE", "MARK", "LOG"],
            "mangle": (["TPROXY"] * 5 if hook == "PREROUTING" and self.proxied else []) + ["NFQUEUE", "MARK", "MARK", "CONNMARK", "CONNMARK", "TTL", "DSCP", "TOS", "TCPMSS", "LOG", "DROP"],
            "nat": ["NAT"] * 8,
            "filter": ["NFQUEUE", "DROP", "REJECT", "LOG", "ACCEPT", "DROP"],
            "security": ["DROP", "LOG"],
        }[table]
        kind = self.r.choice(choices)
        v6 = self.six
        unusual = rare.target(self, table, hook) if self.rare and kind not in ("jump", "goto") and self.maybe(0.35) else None
        if not unusual and self.forms and kind not in ("jump", "goto") and self.maybe(0.35):
            unusual = forms.target(self, table, hook)
        if unusual:
            return unusual
        if kind in ("jump", "goto"):
            below = [chain for chain in chains[1:]] if user else chains
            if not below:
                return ""
            return f"-{'g' if kind == 'goto' else 'j'} {self.r.choice(below)}"
        if kind == "none":
            return ""
        if kind == "NOTRACK":
            return "-j CT --notrack"
        if kind == "ZONE":
            return f"-j CT --zone {self.r.choice([1, 2])}"
        if kind == "MARK":
            return "-j MARK " + self.r.choice(["--set-xmark 0x1/0xffffffff", "--set-xmark 0x2/0xff", "--or-mark 0x10", "--and-mark 0xf0", "--xor-mark 0x3", "--set-mark 0x4000/0x4000"])
        if kind == "CONNMARK":
            return "-j CONNMARK " + self.r.choice(["--save-mark", "--restore-mark", "--set-xmark 0x2/0xff", "--restore-mark --nfmask 0xff --ctmask 0xff", "--save-mark --nfmask 0xf --ctmask 0xff", "--set-mark 0x10"])
        if kind == "TTL":
            name, option = ("HL", "hl") if v6 else ("TTL", "ttl")
            return f"-j {name} " + self.r.choice([f"--{option}-set 64", f"--{option}-dec 1", f"--{option}-inc 2", f"--{option}-set 2"])
        if kind == "DSCP":
            return "-j DSCP " + self.r.choice(["--set-dscp 0x0a", "--set-dscp-class EF"])
        if kind == "TOS":
            return "-j TOS " + self.r.choice(["--set-tos 0x10", "--and-tos 0xf0", "--or-tos 0x08"])
        if kind == "TCPMSS":
            # It wants to be sure of SYN; the MTU of the way on is known where there is one.
            if self.proto:
                return ""
            return "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS " + self.r.choice([f"--set-mss {self.r.choice([536, 1200, 1440])}", "--clamp-mss-to-pmtu" if hook in ("FORWARD", "OUTPUT", "POSTROUTING") else "--set-mss 1300"])
        if kind == "TPROXY":
            port = "" if self.proto in ("tcp", "udp") else f"-p {self.r.choice(['tcp', 'udp'])} " if not self.proto else None
            if port is None:
                return ""
            return f"{port}-j TPROXY --on-port {self.r.choice([3128, 3128, 3128, 3199])} --tproxy-mark 0x8000/0x8000"
        if kind == "NFQUEUE":
            return f"-j NFQUEUE --queue-num {self.r.choice([0, 3])}{self.r.choice(['', ' --queue-bypass', ' --queue-bypass'])}"
        if kind == "LOG":
            return '-j LOG --log-prefix "seen: "' if self.maybe(0.5) else "-j NFLOG --nflog-group 5"
        if kind == "REJECT":
            if v6:
                return "-j REJECT --reject-with " + self.r.choice(["icmp6-port-unreachable", "icmp6-adm-prohibited"])
            return "-j REJECT --reject-with " + ("tcp-reset" if self.proto == "tcp" and self.maybe(0.5) else self.r.choice(["icmp-port-unreachable", "icmp-host-prohibited"]))
        if kind == "NAT":
            return self.nat(hook)
        return f"-j {kind}"

    def nat(self, hook):
        wrap = (lambda address: f"[{address}]") if self.six else (lambda address: address)
        if hook in ("PREROUTING", "OUTPUT"):
            kind = self.r.choice(["dnat", "dnat", "dnat", "range", "redirect", "netmap", "port"])
            target = self.r.choice([self.inside(), self.inside(), self.r.choice(self.outside)])
            if kind == "range" and not self.six:
                return f"-j DNAT --to-destination {self.r.choice(['10.0.3.2-10.0.3.3', '10.0.2.2-10.0.2.9', '172.16.5.1-172.16.6.9'])}{self.r.choice(['', ' --persistent'])}"
            if kind == "range":
                return "-j DNAT --to-destination fd00:3::2-fd00:3::9"
            if kind == "redirect":
                return "-j REDIRECT" + (f" --to-ports {self.r.choice(['8080', '3128-3130'])}" if self.tcp_or_udp() else "")
            if kind == "netmap":
                return f"-j NETMAP --to {'fd00:3::/64' if self.six else self.r.choice(['10.0.3.0/24', '172.16.0.0/16'])}"
            if kind == "port" and self.tcp_or_udp():
                return f"-j DNAT --to-destination {self.r.choice([wrap(target) + ':8080', wrap(target) + ':8000-8010', ':8081'])}"
            return f"-j DNAT --to-destination {target}"
        kind = self.r.choice(["snat", "snat", "masquerade", "masquerade", "range", "netmap", "port"])
        if hook == "INPUT" and kind == "masquerade":
            kind = "snat"
        own = self.r.choice(["fd00:3::1", "fd00:4::77"]) if self.six else self.r.choice(["10.0.3.1", "10.0.4.77", "203.0.113.1", "10.0.1.1"])
        if kind == "masquerade":
            return "-j MASQUERADE" + (" --to-ports 5000" if self.tcp_or_udp() and self.maybe(0.15) else "")
        if kind == "range":
            return "-j SNAT --to-source " + ("fd00:3::10-fd00:3::1f" if self.six else self.r.choice(["203.0.113.1-203.0.113.30", "10.0.4.5-10.0.4.6"])) + self.r.choice(["", " --persistent"])
        if kind == "netmap":
            return f"-j NETMAP --to {'fd0b::/64' if self.six else '203.0.113.0/24'}"
        if kind == "port" and self.tcp_or_udp():
            return f"-j SNAT --to-source {wrap(own)}:{self.r.choice(['6000', '1024-65535', '6000-6003'])}"
        return f"-j SNAT --to-source {own}"

"""Random rules in nftables' own words: tables of several families, sets, maps, chains at any place of a hook."""
import re

import native_numbers as numbers
import rare
from setup import DEVICES, MARKS, PORTS

HOOKS = {
    "filter": {"prerouting": [-300, -150, 0], "input": [-150, 0, 50], "forward": [-150, 0, 10], "output": [-300, -150, 0], "postrouting": [-150, 0, 90]},
    "nat": {"prerouting": [-100, -90], "input": [100], "output": [-100], "postrouting": [100, 110]},
    "route": {"output": [-150, -140]},
}
NAMED = {-300: "raw", -150: "mangle", -100: "dstnat", 0: "filter", 50: "security", 100: "srcnat"}


class Native:
    """One ruleset for the packets of both families."""

    def __init__(self, random, setups):
        self.r, self.setups = random, {4: setups[0], 6: setups[1]}
        self.proxied = any(setup.proxied for setup in setups)
        self.rare = setups[0].rare
        # Rules that ask for single numbers, and set them.
        self.numbers = random.random() < 0.4

    def maybe(self, chance):
        return self.r.random() < chance

    def ruleset(self):
        lines = []
        for n in range(self.r.choice([1, 2, 2, 3])):
            lines += self.table(self.r.choice(["inet", "inet", "ip", "ip", "ip6"]), f"t{n}")
        if self.rare and self.maybe(0.4):
            lines += self.at_devices()
        return "\n".join(lines) + "\n"

    def at_devices(self):
        """Chains at the ingress and egress of devices. The observer's trace does not see them: by their names the comparison knows them."""
        family = self.r.choice(["netdev", "netdev", "inet"])
        devices = [*DEVICES, *(["br0", "p0", "p1"] if self.setups[4].bridge else [])]
        self.family, self.sets, self.maps, self.early, self.translates = "inet", [], [], False, False
        chains = []
        for n in range(self.r.choice([1, 2])):
            hook = "ingress" if family == "inet" else self.r.choice(["ingress", "ingress", "egress"])
            chosen = self.r.sample(devices, self.r.choice([1, 1, 2]))
            where = f'device "{chosen[0]}"' if len(chosen) == 1 else f"devices = {{ {', '.join(chosen)} }}"
            chains += [f" chain {hook[:4]}{n} {{", f"  type filter hook {hook} {where} priority {self.r.choice([-10, 0, 'filter'])}; policy accept;"]
            chains += [f"  {self.at_device(hook)}" for _ in range(self.r.choice([1, 2, 3]))] + [" }"]
        return [f"table {family} d0 {{", *chains, "}"]

    def at_device(self, hook):
        six, r = self.six(), self.r
        ip = "ip6" if six else "ip"
        conditions = [f"{ip} {r.choice(['saddr', 'daddr'])} {self.not_()}{r.choice([self.network(six), self.address(six), self.some(lambda: self.address(six))])}",
                      f"{r.choice(['tcp', 'udp'])} dport {self.not_()}{self.port()}", f"meta l4proto {r.choice(['tcp', 'udp', 'icmp'])}", "meta mark 0x1",
                      f"ether saddr 02:00:00:00:0{r.randrange(1, 5)}:02", f"{'ip6 hoplimit' if six else 'ip ttl'} {r.choice(['64', '< 5', '> 62'])}", f"meta pkttype {r.choice(['host', 'other', 'broadcast'])}"]
        return " ".join([*r.sample(conditions, r.choice([0, 1, 1, 2])), r.choice(["drop", "drop", "accept", "counter", *(["meta mark set 0x1", "meta mark set 0x2"] if hook == "ingress" else [])])])

    def table(self, family, name):
        self.family = family
        self.sets, self.maps, self.counters = [], [], []
        body = []
        for n in range(self.r.choice([0, 1, 2, 3])):
            body += self.named_set(f"s{n}")
        for n in range(self.r.choice([0, 1, 1, 2])):
            body += self.named_map(f"m{n}")
        if self.maybe(0.2):
            self.counters.append("seen")
            body += [" counter seen {", " }"]
        if self.rare:
            body += [" set seen {", f"  type {'ipv6_addr' if family == 'ip6' else 'ipv4_addr'};", f"  size {self.r.choice([1, 2, 3, 1000, 1000])};", *self.r.choice([["  flags dynamic;"], ["  flags dynamic,timeout;", "  timeout 5m;"], ["  flags dynamic,timeout;", "  timeout 5m;"]]), " }"]
        bases = []
        for n in range(self.r.choice([1, 2, 3, 4])):
            kind = self.r.choice(["filter", "filter", "filter", "nat", "nat", "route"])
            hook = self.r.choice(list(HOOKS[kind]))
            base = f"{hook[:4]}{n}"
            users = [f"{base}-{at}" for at in range(self.r.choice([0, 0, 1, 2]))]
            bases.append((base, kind, hook, self.r.choice(HOOKS[kind][hook]), users))
        verdicts = [user for _, kind, _, _, users in bases if kind == "filter" for user in users]
        chains = []
        for base, kind, hook, number, users in bases:
            # Behind connection tracking, a zone would only confuse it.
            self.early = number < -200
            for at, chain in reversed(list(enumerate([base, *users]))):
                lines = [f" chain {chain} {{"]
                if at == 0:
                    policy = "drop" if kind == "filter" and self.maybe(0.15) else "accept"
                    lines.append(f"  type {kind} hook {hook} priority {self.priority(number, hook)}; policy {policy};")
                below = [base, *users][at + 1:]
                lines += [f"  {self.rule(kind, hook, below, at > 0)}" for _ in range(self.r.choice([0, 1, 2, 3, 4, 6]))]
                chains += [*lines, " }"]
        # What a map leads to must be there before it.
        late = self.verdict_map(verdicts) if verdicts and self.maybe(0.5) else []
        return [f"table {family} {name} {{", *body, "}", f"table {family} {name} {{", *chains, "}",
                *([f"table {family} {name} {{", *late, "}"] if late else [])]

    def priority(self, number, hook):
        near = [known for known in NAMED if abs(number - known) <= 10]
        if near and self.maybe(0.7) and (near[0] != -100 or hook == "prerouting") and (near[0] != 100 or hook == "postrouting"):
            return NAMED[near[0]] + ("" if number == near[0] else f" {'+' if number > near[0] else '-'} {abs(number - near[0])}")
        return str(number)

    # --- values --------------------------------------------------------------------------------------------------
    def six(self):
        return {"ip": False, "ip6": True}.get(self.family, self.maybe(0.3))

    def of(self, six):
        return self.setups[6 if six else 4]

    def address(self, six):
        return self.of(six).anyone()

    def network(self, six):
        network = self.of(six).network(self.address(six))
        return network if not network.endswith("/0") else self.address(six)

    def span(self, six):
        return "fd00:1::1-fd00:3::ffff" if six else self.r.choice(["10.0.1.2-10.0.3.3", "192.0.2.1-198.51.100.9", "10.0.1.3-10.0.1.9"])

    def port(self):
        return str(self.r.choice(PORTS))

    def device(self):
        return f'"{self.r.choice([*DEVICES, *DEVICES, "lo"])}"'

    def some(self, one, most=4):
        values = list(dict.fromkeys(one() for _ in range(self.r.randrange(1, most + 1))))
        return "{ " + ", ".join(values) + " }"

    # --- sets and maps -------------------------------------------------------------------------------------------
    def named_set(self, name):
        six = self.six()
        addr = "ipv6_addr" if six else "ipv4_addr"
        kind = self.r.choice(["addr", "nets", "port", "addr.port", "proto.port", "ifname", "mark", "ether", "net.port", "ifname.addr"])
        types = {"addr": addr, "nets": addr, "port": "inet_service", "addr.port": f"{addr} . inet_service", "proto.port": "inet_proto . inet_service",
                 "ifname": "ifname", "mark": "mark", "ether": "ether_addr", "net.port": f"{addr} . inet_service", "ifname.addr": f"ifname . {addr}"}
        one = {"addr": lambda: self.address(six), "nets": lambda: self.network(six), "port": self.port,
               "addr.port": lambda: f"{self.address(six)} . {self.port()}", "proto.port": lambda: f"{self.r.choice(['tcp', 'udp'])} . {self.port()}",
               "ifname": self.device, "mark": lambda: self.r.choice(["0x1", "0x2", "0x10"]), "ether": lambda: f"02:00:00:00:0{self.r.randrange(1, 5)}:02",
               "net.port": lambda: f"{self.network(six)} . {self.r.choice([self.port(), '1-1023'])}", "ifname.addr": lambda: f"{self.device()} . {self.address(six)}"}[kind]
        interval = kind in ("nets", "net.port")
        flags = ["  flags interval;", *(["  auto-merge;"] if kind == "nets" else [])] if interval else []
        self.sets.append((name, kind, six))
        elements = f"  elements = {self.some(one)}" if not interval else f"  elements = {{ {one()} }}"
        return [f" set {name} {{", f"  type {types[kind]};", *flags, elements, " }"]

    def named_map(self, name):
        six = self.six()
        addr = "ipv6_addr" if six else "ipv4_addr"
        kind = self.r.choice(["port:addr", "port:addr.port", "addr:mark", "port:port", "addr:addr"])
        inside = lambda: self.of(six).inside()
        types = {"port:addr": f"inet_service : {addr}", "port:addr.port": f"inet_service : {addr} . inet_service", "addr:mark": f"{addr} : mark",
                 "port:port": "inet_service : inet_service", "addr:addr": f"{addr} : {addr}"}
        one = {"port:addr": lambda: f"{self.port()} : {inside()}", "port:addr.port": lambda: f"{self.port()} : {inside()} . 8080",
               "addr:mark": lambda: f"{self.address(six)} : {self.r.choice(['0x1', '0x2', '0x10'])}", "port:port": lambda: f"{self.port()} : 8080",
               "addr:addr": lambda: f"{self.address(six)} : {inside()}"}[kind]
        pairs = {pair.split(" : ")[0]: pair for pair in (one() for _ in range(self.r.randrange(1, 5)))}
        self.maps.append((name, kind, six))
        return [f" map {name} {{", f"  type {types[kind]};", f"  elements = {{ {', '.join(pairs.values())} }}", " }"]

    def verdict_map(self, chains):
        pairs = {port: self.r.choice(["accept", "drop", f"jump {self.r.choice(chains)}"]) for port in (self.port() for _ in range(3))}
        elements = ", ".join(f"{port} : {verdict}" for port, verdict in pairs.items())
        return [" map v0 {", "  type inet_service : verdict;", f"  elements = {{ {elements} }}", " }", " chain late {",
                "  type filter hook forward priority 20; policy accept;", f"  {self.r.choice(['tcp', 'udp'])} dport vmap @v0", " }"]

    # --- rules ---------------------------------------------------------------------------------------------------
    def rule(self, kind, hook, below, user):
        self.by_header = False
        self.translates = kind == "nat"
        self.proto, self.version = None, None
        conditions = []
        for _ in range(self.r.choice([0, 1, 1, 2, 2, 3])):
            one = self.condition(hook)
            if one and one.split()[:2] not in [other.split()[:2] for other in conditions] and not (conditions and merged(conditions[-1], one)):
                conditions.append(one)
        # nft 1.0.6 forgets to print the network protocol of a rule that asks for one `ct protocol`.
        if any(one.startswith("ct protocol") for one in conditions):
            conditions = [one for one in conditions if not one.startswith(("meta protocol", "meta nfproto", "ether type"))]
        # What a rule changes before its other conditions are asked.
        if self.rare and conditions and self.maybe(0.2):
            conditions.insert(self.r.randrange(len(conditions) + 1), rare.native_middle(self, kind, hook))
        if self.numbers and self.maybe(0.1):
            conditions.append(numbers.statement(self, kind, hook))
        statements = []
        if self.maybe(0.4):
            statements.append(self.r.choice(["counter", "counter", *[f'counter name "{name}"' for name in self.counters]]))
        if self.maybe(0.1):
            statements.append(self.r.choice(['log prefix "seen: "', "log group 5", "log"]))
        last = self.statement(kind, hook, below, user)
        if last:
            statements.append(last)
        if not statements:
            statements.append("counter")
        comment = [self.r.choice(['comment "let it in"', 'comment "drop it; accept { 1 }"'])] if self.maybe(0.08) else []
        return " ".join([*conditions, *statements, *comment])

    def not_(self, chance=0.15):
        return "!= " if self.maybe(chance) else ""

    def transport(self):
        """A protocol with ports for the rest of the rule."""
        if self.proto not in (None, "tcp", "udp"):
            return None
        self.proto = self.proto or self.r.choice(["tcp", "udp", "tcp"])
        return self.proto

    def versioned(self):
        """A version of IP for the rest of the rule."""
        if self.version is None:
            self.version = self.six()
        return self.version

    def condition(self, hook):
        r = self.r
        if self.numbers and self.maybe(0.35):
            return numbers.condition(self, hook)
        if self.rare and self.maybe(0.3):
            return rare.native_condition(self, hook)
        kind = r.choice(["saddr", "saddr", "daddr", "daddr", "in", "out", "l4proto", "ports", "ports", "ports", "flags", "icmp", "ctstate", "ctstate", "ctstatus",
                         "ctdir", "ctorig", "ctmark", "mark", "mark", "length", "ttl", "dscp", "ether", "pkttype", "skuid", "nfproto", "fib", "frag",
                         "concat", "set", "limit", "maxseg", "compare", "protocol", "rpf"])
        if kind in ("saddr", "daddr"):
            six = self.versioned()
            name = f"{'ip6' if six else 'ip'} {kind}"
            form = r.choice(["net", "net", "one", "range", "set", "nets", "mask"])
            if form == "mask" and not six:
                return f"{name} & 255.255.0.255 {r.choice(['==', '!='])} 10.0.0.{r.choice([2, 3])}"
            value = {"net": lambda: self.network(six), "one": lambda: self.address(six), "range": lambda: self.span(six), "mask": lambda: self.address(six),
                     "set": lambda: self.some(lambda: self.address(six)), "nets": lambda: f"{{ {self.network(six)}, {self.span(six)} }}"}[form]()
            return f"{name} {self.not_()}{value}"
        if kind == "in" and hook in ("prerouting", "input", "forward"):
            return f"{r.choice(['iifname', 'iifname', 'iif'])} {self.not_()}{r.choice([self.device(), self.some(self.device)])}" if self.maybe(0.85) else f'iifname {self.not_()}"in*"'
        if kind == "out" and hook in ("forward", "output", "postrouting"):
            return f"{r.choice(['oifname', 'oifname', 'oif'])} {self.not_()}{r.choice([self.device(), self.some(self.device)])}" if self.maybe(0.85) else f'oifname {self.not_()}"out*"'
        if kind == "l4proto" and self.proto is None:
            value = r.choice(["tcp", "udp", "{ tcp, udp }", "!= tcp", "icmp", "ipv6-icmp"])
            self.proto = value if value in ("tcp", "udp") else "other"
            return f"meta l4proto {value}"
        if kind == "protocol" and self.proto is None and not self.six():
            self.proto = "tcp"
            self.version = False
            self.by_header = True
            return "ip protocol tcp"
        if kind == "ports":
            name = self.transport()
            if name is None:
                return None
            value = r.choice([self.port(), self.port(), "1-1023", self.some(self.port), "{ 22, 80-443, 40000-50000 }"])
            return f"{name} {r.choice(['dport', 'dport', 'sport'])} {self.not_()}{value}"
        if kind == "compare":
            name = self.transport()
            return name and f"{name} {r.choice(['dport', 'sport'])} {r.choice(['<', '<=', '>', '>='])} {r.choice([80, 443, 1024, 40000])}"
        if kind == "flags" and self.proto in (None, "tcp"):
            self.proto = "tcp"
            return "tcp flags " + r.choice(["syn", "& (fin | syn | rst | ack) == syn", "& (syn | ack) != 0", "& (fin | syn | rst | ack) != syn", "{ syn, ack, syn | ack }", "== ack", "& rst == rst",
                                            "syn / fin,syn,rst,ack", "!= syn / syn,ack", "rst,fin"])
        if kind == "icmp" and self.proto is None:
            six = self.versioned()
            self.proto = "icmp"
            if six:
                return f"icmpv6 type {self.not_()}{r.choice(['echo-request', 'echo-reply', '{ echo-request, destination-unreachable }', '128', 'time-exceeded'])}"
            return r.choice([f"icmp type {self.not_()}{r.choice(['echo-request', 'echo-reply', '{ echo-request, echo-reply }', '8', 'time-exceeded', 'destination-unreachable'])}",
                             "icmp code 0", "icmp type destination-unreachable icmp code 1", "icmp type . icmp code { destination-unreachable . 1, echo-request . 0 }"])
        if kind == "ctstate":
            return f"ct state {r.choice(['new', 'established,related', '!= invalid', '{ new, untracked }', 'invalid', 'established', '!= established,related', 'untracked', 'new,untracked'])}"
        if kind == "ctstatus":
            return f"ct status {r.choice(['dnat', 'snat', 'dnat,snat', 'seen-reply', 'confirmed', '& dnat != dnat'])}"
        if kind == "ctdir":
            return f"ct direction {self.not_()}{r.choice(['original', 'reply'])}"
        if kind == "ctorig":
            six = self.versioned()
            return f"ct {r.choice(['original', 'original', 'reply'])} {'ip6' if six else 'ip'} {r.choice(['saddr', 'daddr'])} {self.not_()}{self.network(six)}"
        if kind == "ctmark":
            return f"ct mark {self.masked()}"
        if kind == "mark":
            return f"{r.choice(['meta mark', 'meta mark'])} {self.masked()}"
        if kind == "length":
            return r.choice([f"meta length {r.choice(['0-50', '< 60', '44', '{ 32, 44 }', '!= 44'])}"])
        if kind == "ttl":
            six = self.versioned()
            return f"{'ip6 hoplimit' if six else 'ip ttl'} {r.choice(['64', '< 5', '> 62', '!= 63', '{ 63, 64 }', '1-5'])}"
        if kind == "dscp":
            six = self.versioned()
            return f"{'ip6' if six else 'ip'} dscp {self.not_()}{r.choice(['cs0', 'af11', '0x04', '{ 0x04, 0x0a }', 'cs1'])}"
        if kind == "ether" and hook in ("prerouting", "input", "forward"):
            return f"ether saddr {self.not_()}02:00:00:00:0{r.randrange(1, 5)}:02"
        if kind == "pkttype":
            return f"meta pkttype {self.not_()}{r.choice(['host', 'broadcast', 'unicast', 'multicast'])}"
        if kind == "skuid" and hook in ("input", "output", "postrouting"):
            return f"meta skuid {self.not_()}{r.choice(['0', '1000', '0-99', '{ 0, 33 }'])}"
        if kind == "nfproto" and self.family == "inet":
            return f"meta nfproto {r.choice(['ipv4', 'ipv6'])}"
        if kind == "fib" and hook in ("prerouting", "input", "forward", "output"):
            return r.choice([f"fib daddr type {self.not_()}{r.choice(['local', 'unicast', '{ local, broadcast }', 'multicast'])}", f"fib saddr type {self.not_()}{r.choice(['local', 'unicast'])}",
                             *(["fib daddr . iif type local"] if hook in ("prerouting", "input") else [])])
        if kind == "rpf" and hook == "prerouting":
            return r.choice(["fib saddr . iif oif missing", "fib saddr . iif oif exists", "fib saddr oif exists", "fib saddr . mark . iif oif exists"])
        if kind == "frag" and self.family != "ip6":
            self.version = False
            return f"ip frag-off & 0x1fff {r.choice(['!= 0', '== 0', '!= 0'])}"
        if kind == "concat":
            return self.concatenation(hook)
        if kind == "set" and self.sets:
            return self.from_set(hook)
        if kind == "limit":
            return r.choice(["limit rate 10000/second burst 10000 packets", "limit rate over 10000/second burst 10000 packets"])
        # nft 1.0.6 forgets to print what `ip protocol` says before it.
        if kind == "maxseg" and self.proto in (None, "tcp") and not self.by_header:
            self.proto = "tcp"
            return f"tcp option maxseg size {r.choice(['1-1300', '1460', '!= 1440', '> 1400'])}"
        return None

    def masked(self):
        mark = self.r.choice(MARKS)
        if "/" in mark:
            value, mask = mark.split("/")
            return f"& {mask} {self.r.choice(['==', '==', '!='])} {value}"
        return self.r.choice([f"{self.not_()}{mark}", f"{{ {mark}, 0x3 }}", "0x1-0xf", "!= 0x0", "and 0xff != 0x0"])

    def concatenation(self, hook):
        six = self.versioned()
        ip = "ip6" if six else "ip"
        form = self.r.choice(["addr.port", "addr.addr", "proto.port", "in.addr"])
        if form == "addr.addr":
            return f"{ip} saddr . {ip} daddr {self.some(lambda: f'{self.address(six)} . {self.address(six)}')}"
        if form == "in.addr" and hook in ("prerouting", "input", "forward"):
            return f"iifname . {ip} saddr {self.some(lambda: f'{self.device()} . {self.address(six)}')}"
        name = self.transport()
        if name is None:
            return None
        if form == "proto.port":
            return "meta l4proto . th dport " + self.some(lambda: f"{self.r.choice(['tcp', 'udp'])} . {self.port()}")
        return f"{ip} {self.r.choice(['saddr', 'daddr'])} . {name} dport {self.some(lambda: f'{self.address(six)} . {self.port()}')}"

    def from_set(self, hook):
        name, kind, six = self.r.choice(self.sets)
        if kind.split(".")[0] in ("addr", "nets", "net") or kind == "ifname.addr":
            if self.version is not None and self.version != six:
                return None
            self.version = six
        ip = "ip6" if six else "ip"
        where = self.r.choice(["saddr", "daddr"])
        if kind in ("addr", "nets"):
            return f"{ip} {where} {self.not_()}@{name}"
        if kind == "mark":
            return f"meta mark {self.not_()}@{name}"
        if kind == "ifname":
            return f"{'iifname' if hook in ('prerouting', 'input', 'forward') else 'oifname'} {self.not_()}@{name}"
        if kind == "ether":
            return f"ether saddr {self.not_()}@{name}" if hook in ("prerouting", "input", "forward") else None
        if kind == "ifname.addr":
            return f"{'iifname' if hook in ('prerouting', 'input', 'forward') else 'oifname'} . {ip} {where} @{name}"
        proto = self.transport()
        if proto is None:
            return None
        if kind == "port":
            return f"{proto} dport {self.not_()}@{name}"
        if kind == "proto.port":
            return f"meta l4proto . th dport {self.not_()}@{name}"
        return f"{ip} {where} . {proto} dport {self.not_()}@{name}"

    def statement(self, kind, hook, below, user):
        r = self.r
        choices = ["accept", "jump", "jump", "goto", "continue", "none", "vmap", "vmap", "mark", "mark", "ctmark"]
        if user:
            choices += ["return", "return"]
        choices += {
            "filter": ["drop", "drop", "reject", "queue", "set", "set"] + (["tproxy"] * 3 if self.proxied and hook == "prerouting" else []) + (["notrack", "zone"] if self.early else []),
            "nat": ["nat"] * 9,
            "route": ["mark", "mark", "set", "drop"],
        }[kind]
        what = r.choice(choices)
        if self.numbers and what not in ("jump", "goto", "vmap", "nat", "accept", "drop") and self.maybe(0.3):
            return numbers.statement(self, kind, hook)
        unusual = rare.native_statement(self, kind, hook) if self.rare and what not in ("jump", "goto") and self.maybe(0.3) else None
        if unusual:
            return unusual
        if what in ("jump", "goto"):
            return f"{what} {r.choice(below)}" if below else None
        if what in ("accept", "drop", "continue", "return"):
            return what
        if what == "vmap":
            return self.inline_map(kind, hook, below, user)
        if what == "mark":
            six = self.versioned()
            maps = [name for name, form, of_six in self.maps if form == "addr:mark" and of_six == six]
            options = ["0x1", "0x10", "ct mark", "meta mark | 0x10", "meta mark & 0xf0", "meta mark ^ 0x3", "meta mark & 0xffffff00 | 0x2", "ct mark & 0xff",
                       *[f"{'ip6' if six else 'ip'} {r.choice(['saddr', 'daddr'])} map @{name}" for name in maps]]
            if self.proto in ("tcp", "udp"):
                options.append(f"{self.proto} dport map {{ 80 : 0x1, 443 : 0x2, 1000-50000 : 0x10 }}")
            return f"meta mark set {r.choice(options)}"
        if what == "ctmark":
            return f"ct mark set {r.choice(['meta mark', '0x2', 'ct mark | 0x10', 'meta mark & 0xff', 'ct mark & 0xf0 | 0x1'])}"
        if what == "notrack":
            return "notrack"
        if what == "zone":
            return f"ct zone set {r.choice([1, 2])}"
        if what == "queue":
            return r.choice(["queue num 3", "queue num 0 bypass", "queue flags bypass to 3"])
        if what == "reject":
            six = self.versioned()
            options = ["reject", f"reject with {'icmpv6' if six else 'icmp'} type {r.choice(['port-unreachable', 'admin-prohibited'])}"]
            if self.proto == "tcp":
                options.append("reject with tcp reset")
            if self.family == "inet":
                options.append(f"reject with icmpx type {r.choice(['admin-prohibited', 'no-route', 'host-unreachable', 'port-unreachable'])}")
            return r.choice(options)
        if what == "set":
            six = self.versioned()
            name = "ip6" if six else "ip"
            options = [f"ip6 hoplimit set {r.choice([64, 2, 1])}" if six else f"ip ttl set {r.choice([64, 2, 1])}", f"{name} dscp set {r.choice(['cs1', 'af11', '0x04'])}"]
            if self.proto == "tcp":
                options += [f"tcp option maxseg size set {r.choice([536, 1200, 1440])}", "tcp option maxseg size set rt mtu"]
            return r.choice(options)
        if what == "tproxy":
            name = self.transport()
            if name is None:
                return None
            family = "" if self.family != "inet" else f" {'ip6' if self.versioned() else 'ip'}"
            return f"tproxy{family} to :{r.choice([3128, 3128, 3199])} meta mark set meta mark | 0x8000{r.choice(['', ' accept'])}"
        if what == "nat":
            return self.nat(hook)
        return None

    def inline_map(self, kind, hook, below, user):
        r = self.r
        targets = ["accept", "continue", *(["drop"] if kind != "nat" else ["accept"]), *[f"jump {chain}" for chain in below], *[f"goto {chain}" for chain in below], *(["return"] if user else [])]
        pick = lambda: r.choice(targets)
        if self.numbers and self.maybe(0.3):
            return numbers.verdicts(self, pick)
        form = r.choice(["state", "port", "in", "proto", "addr", "mark", "concat"])
        if form == "state":
            return f"ct state vmap {{ {r.choice(['established : accept, related : accept, invalid : ' + pick(), 'new : ' + pick() + ', established : ' + pick(), 'invalid : ' + pick() + ', untracked : ' + pick()])} }}"
        if form == "in":
            name = "iifname" if hook in ("prerouting", "input", "forward") else "oifname"
            return f"{name} vmap {{ " + ", ".join(f'"{device}" : {pick()}' for device in r.sample(DEVICES, 2)) + " }"
        if form == "proto":
            return f"meta l4proto vmap {{ tcp : {pick()}, udp : {pick()} }}" if self.proto is None else None
        if form == "addr":
            six = self.versioned()
            pairs = {self.address(six): pick() for _ in range(3)}
            return f"{'ip6' if six else 'ip'} {r.choice(['saddr', 'daddr'])} vmap {{ {', '.join(f'{a} : {v}' for a, v in pairs.items())} }}"
        if form == "mark":
            return f"meta mark vmap {{ 0x0 : {pick()}, 0x1 : {pick()}, 0x2-0x10 : {pick()} }}"
        name = self.transport()
        if name is None:
            return None
        if form == "concat":
            six = self.versioned()
            pairs = {f"{self.address(six)} . {self.port()}": pick() for _ in range(3)}
            return f"{'ip6' if six else 'ip'} daddr . {name} dport vmap {{ {', '.join(f'{a} : {v}' for a, v in pairs.items())} }}"
        return f"{name} dport vmap {{ 22 : {pick()}, 80-443 : {pick()}, 8080 : {pick()} }}"

    def nat(self, hook):
        r = self.r
        six = self.versioned()
        wrap = (lambda address: f"[{address}]") if six else (lambda address: address)
        ip = f" {'ip6' if six else 'ip'}" if self.family == "inet" else ""
        ports = self.proto in ("tcp", "udp")
        setup = self.of(six)
        if hook in ("prerouting", "output"):
            target = r.choice([setup.inside(), setup.inside(), r.choice(setup.outside)])
            options = [f"dnat{ip} to {target}", f"dnat{ip} to {target}", "redirect",
                       f"dnat{ip} to {'fd00:3::2-fd00:3::9' if six else r.choice(['10.0.3.2-10.0.3.3', '172.16.5.1-172.16.6.9'])}{r.choice(['', ' persistent'])}",
                       f"dnat{ip} prefix to {'ip6' if six else 'ip'} daddr map {{ {'2001:db8::/32 : fd00:3::/64' if six else '198.51.100.0/24 : 10.0.3.0/24, 192.0.2.0/24 : 172.16.5.0/24'} }}"]
            if ports:
                options += [f"dnat{ip} to {wrap(target)}:8080", f"dnat{ip} to {wrap(target)}:8000-8010", "redirect to :8080", "dnat to :8081", f"redirect to :3128-3130",
                            "redirect to :" + f"{self.proto} dport map {{ 80 : 8080, 443 : 8443 }}",
                            f"dnat{ip} to {self.proto} dport map {{ 80 : {setup.inside()}, 443 : {setup.inside()} }}",
                            f"dnat{ip} addr . port to {'ip6' if six else 'ip'} daddr . {self.proto} dport map {{ {self.address(six)} . 80 : {setup.inside()} . 8080 }}"]
                for name, form, of_six in self.maps:
                    if of_six == six and form == "port:addr":
                        options += [f"dnat{ip} to {self.proto} dport map @{name}"] * 3
                    if of_six == six and form == "port:addr.port":
                        options += [f"dnat{ip} addr . port to {self.proto} dport map @{name}", f"dnat{ip} to {self.proto} dport map @{name}"]
                    if form == "port:port":
                        options += [f"redirect to :{self.proto} dport map @{name}"]
            for name, form, of_six in self.maps:
                if of_six == six and form == "addr:addr":
                    options += [f"dnat{ip} to {'ip6' if six else 'ip'} {r.choice(['daddr', 'saddr'])} map @{name}"] * 2
            return r.choice(options)
        own = r.choice(["fd00:3::1", "fd00:4::77"]) if six else r.choice(["10.0.3.1", "10.0.4.77", "203.0.113.1", "10.0.1.1"])
        options = [f"snat{ip} to {own}", f"snat{ip} to {'fd00:3::10-fd00:3::1f' if six else r.choice(['203.0.113.1-203.0.113.30', '10.0.4.5-10.0.4.6'])}{r.choice(['', ' persistent'])}",
                   f"snat{ip} prefix to {'ip6' if six else 'ip'} saddr map {{ {'fd00:1::/64 : fd0b::/64' if six else '10.0.1.0/24 : 203.0.113.0/24, 10.0.2.0/24 : 198.51.100.0/24'} }}"]
        if hook == "postrouting":
            options += ["masquerade", "masquerade", "masquerade"]
        if ports:
            options += [f"snat{ip} to {wrap(own)}:6000-6003", f"snat{ip} to :1024-65535"]
            options += ["masquerade to :5000"] if hook == "postrouting" else []
        return r.choice(options)


def merged(first, second):
    """Whether nft 1.0.6 would print two comparisons as one range of the second, and say nothing of the first."""
    key = lambda condition: re.match(r"(\w+) [\w-]+ ([<>]=?) \S+$", condition)
    a, b = key(first), key(second)
    return a is not None and b is not None and a[1] == b[1] and (a[2], b[2]) in (("<", ">"), (">=", "<="))


FRAME = re.compile(r"^  .*\b(?:vlan|ether) ")


def restore(router, text):
    """Loads the rules; a line that nft or the kernel refuses is left out."""
    lines = text.splitlines()
    for _ in range(200):
        try:
            router.router.run("nft", "-f", "-", stdin="\n".join(lines) + "\n")
            return
        except RuntimeError as error:
            at = next((int(found) - 1 for found in re.findall(r"/dev/stdin:(\d+):", str(error)) if is_rule(lines[int(found) - 1])), None)
            if at is None and "Assertion" in str(error) and any(FRAME.search(line) for line in lines):
                # Some of what is asked of frames is too much for nft 1.0.6 together with other headers.
                lines = [line for line in lines if not FRAME.search(line)]
                continue
            if at is None and "Assertion" in str(error):
                at = stumbling(router, lines)
            if at is None:
                raise
            del lines[at]
    raise RuntimeError("the rules could not be loaded")


def stumbling(router, lines):
    """The rule without which nft no longer stumbles; the last one where several make it stumble, None where there is none."""
    rules = [n for n, line in enumerate(lines) if is_rule(line)]
    for n in rules:
        try:
            router.router.run("nft", "-c", "-f", "-", stdin="\n".join(lines[:n] + lines[n + 1:]) + "\n")
            return n
        except RuntimeError as error:
            if "Assertion" not in str(error):
                return n
    return rules[-1] if rules else None


def is_rule(line):
    return line.startswith("  ") and not line.startswith("  type ")

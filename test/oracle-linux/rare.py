"""What few routers have: conditions, targets, routes, rules, sets, addresses and settings beside the usual ones of setup.py."""

REJECTS = ["icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-net-prohibited", "icmp-admin-prohibited"]
REJECTS6 = ["icmp6-no-route", "icmp6-addr-unreachable"]


def match(setup, table, hook):
    """A condition, or None where it does not fit."""
    r, six = setup.r, setup.six
    came = hook in ("PREROUTING", "INPUT", "FORWARD")
    goes = hook in ("FORWARD", "OUTPUT", "POSTROUTING")
    kinds = [lambda: f"-m mark {setup.not_(0.4)}--mark {r.choice(['0x0', '0x0/0xff', '0x3/0x3'])}",
             lambda: f"-m ecn {setup.not_()}--ecn-ip-ect {r.choice('0012')}",
             lambda: f"-m policy --dir {'in' if came else 'out'} --pol {r.choice(['none', 'none', 'ipsec'])}",
             lambda: f"-m iprange --src-range {'fd00:1::1-fd00:3::9' if six else '10.0.1.2-10.0.3.3'} {setup.not_()}--dst-range {'fd00:1::1-fd00:4::9' if six else '10.0.0.0-198.51.100.9'}",
             lambda: "-m helper --helper ftp" if table != "raw" else None,
             lambda: address_type(setup, came, goes), lambda: uncommon(setup, hook),
             # Elements of these count nothing.
             lambda: f"-m set {setup.not_()}--match-set {r.choice(plain)} {r.choice(['src', 'dst'])} {setup.not_()}--{r.choice(['packets', 'bytes'])}-{r.choice(['eq', 'lt', 'gt'])} {r.choice([0, 1000])}"
             if (plain := [name for name, kind in setup.sets if kind in ("hash:ip", "hash:net") and name.startswith("s")]) else None,
             lambda: f"-m set {setup.not_()}--match-set {r.choice(nets)} {r.choice(['src', 'dst'])} --return-nomatch"
             if (nets := [name for name, kind in setup.sets if kind == "hash:net"]) else None]
    if came:
        kinds.append(lambda: f"-m devgroup {setup.not_()}--src-group {r.choice(['0x0', '0x1'])}")
    if goes:
        kinds.append(lambda: f"-m devgroup {setup.not_()}--dst-group {r.choice(['0x0', '0x1'])}")
    if hook in ("OUTPUT", "POSTROUTING"):
        kinds.append(lambda: f"-m owner {setup.not_()}{r.choice(['--gid-owner 0', '--gid-owner 5-9', '--socket-exists'])}")
    if table != "raw":
        kinds += [lambda: tracked(setup), lambda: tracked(setup)]
    if not setup.proto:
        kinds += [lambda: protocol(setup, hook), lambda: protocol(setup, hook)]
    return r.choice(kinds)()


def uncommon(setup, hook):
    """Conditions that hardly any packet meets, and shares that none of these packets uses up."""
    r = setup.r
    kinds = [f"-m quota {setup.not_()}--quota 100000000", "-m hashlimit --hashlimit-upto 10000/sec --hashlimit-burst 10000 --hashlimit-mode srcip --hashlimit-name h1"]
    if setup.six:
        kinds += [f"-m rt {setup.not_()}--rt-type 0", "-m hbh", "-m dst", "-m frag --fragid 0:4294967295"]
    elif hook != "PREROUTING":
        kinds.append(f"-m realm {setup.not_()}--realm 0x1")
    return r.choice(kinds)


def address_type(setup, came, goes):
    r = setup.r
    end = r.choice(["dst", "src"])
    kind = r.choice(["UNICAST", "LOCAL", "MULTICAST", "UNREACHABLE", "ANYCAST"] if setup.six else ["BLACKHOLE", "UNREACHABLE", "PROHIBIT", "MULTICAST", "LOCAL", "BROADCAST,LOCAL", "UNSPEC"])
    limits = [""] + ([" --limit-iface-in"] if came else []) + ([" --limit-iface-out"] if goes else [])
    return f"-m addrtype {setup.not_()}--{end}-type {kind}{r.choice(limits)}"


def tracked(setup):
    r = setup.r
    state = r.choice(["NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "NEW,RELATED", "SNAT", "NEW,SNAT"])
    return r.choice([
        lambda: f"-m conntrack {setup.not_()}--ctstatus {r.choice(['CONFIRMED', 'ASSURED', 'EXPECTED', 'NONE', 'SEEN_REPLY,CONFIRMED'])}",
        lambda: f"-m conntrack {setup.not_()}--ct{r.choice(['origsrc', 'origdst', 'replsrc', 'repldst'])}port {r.choice(['80', '53', '1:1000', '40000:50000'])}",
        lambda: f"-m conntrack --ctrepl{r.choice(['src', 'dst'])} {setup.network(setup.anyone())} --ctstate {state}",
        lambda: f"-m conntrack --ctstate {state} --ctdir {r.choice(['ORIGINAL', 'REPLY'])}",
        lambda: f"-m conntrack {setup.not_()}--ctproto {r.choice(['17', 'tcp', '1', '58', '47'])}",
        lambda: f"-m connmark {setup.not_()}--mark {r.choice(['0x0', '0x0/0xff', '0x2/0x2'])}",
    ])()


def protocol(setup, hook):
    r = setup.r
    # Of the segments that this host makes itself, the question does not tell the options.
    kind = r.choice(["not", "number", "sctp", "code", "ecn", "both"] + (["option"] if hook not in ("OUTPUT", "POSTROUTING") else []))
    setup.proto = {"option": "tcp", "ecn": "tcp", "both": "udp", "code": "icmp"}.get(kind, "other")
    if kind == "not":
        return f"! -p {r.choice(['tcp', 'udp', '47', 'ipv6-icmp' if setup.six else 'icmp'])}"
    if kind == "number":
        return f"-p {r.choice(['47', '50', '132', 'udplite', 'ipencap'])}"
    if kind == "sctp":
        return "-p sctp -m sctp --dport 80"
    if kind == "option":
        return f"-p tcp -m tcp {setup.not_()}--tcp-option 2"
    if kind == "ecn":
        return f"-p tcp -m ecn {setup.not_()}--ecn-tcp-{r.choice(['ece', 'cwr'])}"
    if kind == "both":
        return f"-p udp -m udp --sport 1024:65535 {setup.not_()}--dport {r.choice(['53', ':79', '443:'])}"
    if setup.six:
        return f"-p ipv6-icmp -m icmp6 {setup.not_()}--icmpv6-type {r.choice(['1/0', '3/0', 'echo-reply', 'router-solicitation'])}"
    return f"-p icmp -m icmp {setup.not_()}--icmp-type {r.choice(['3/1', 'time-exceeded', 'host-unreachable', '13', 'echo-reply'])}"


def target(setup, table, hook):
    """What a rule does, or None."""
    r, six = setup.r, setup.six
    tcp_or_udp = setup.proto in ("tcp", "udp")
    if table == "raw":
        # That direction of a zone which is not given is zone 0.
        return r.choice(["-j CT --zone-orig 1", "-j CT --zone-reply 2", "-j NOTRACK", "-j CT --ctevents new,destroy", "-j CT --zone mark"])
    if table == "mangle":
        options = ["-j CONNMARK --or-mark 0x10", "-j CONNMARK --and-mark 0xf", "-j CONNMARK --xor-mark 0x3", "-j CONNMARK --set-xmark 0x0/0xffffffff",
                   "-j MARK --set-xmark 0x0/0xffffffff", "-j MARK --set-xmark 0x7/0x3", "-j TOS --set-tos 0x10/0x3f", "-j TOS --xor-tos 0x04",
                   "-j CHECKSUM --checksum-fill", "-j DSCP --set-dscp-class CS1", "-j AUDIT --type accept", "-j ACCEPT"]
        options += [f"-j SET {change}" for change in changes(setup)]
        if setup.proto == "tcp":
            options += ["-j TCPOPTSTRIP --strip-options timestamp"] + ([] if six else ["-j ECN --ecn-tcp-remove"] * 2)
        return r.choice(options + (["-j CLASSIFY --set-class 1:2"] if hook != "PREROUTING" and hook != "INPUT" else []))
    if table == "filter":
        return r.choice([f"-j REJECT --reject-with {r.choice(REJECTS6 if six else REJECTS)}", "-j MARK --set-xmark 0x10/0x10", "-j CONNMARK --save-mark", "-j REJECT"])
    if table != "nat":
        return None
    to = f"[{setup.inside()}]" if six else setup.inside()
    if hook in ("PREROUTING", "OUTPUT"):
        options = ["-j DNAT --to-destination " + setup.inside() + " --random", "-j DNAT --to-destination " + setup.inside() + " --persistent", "-j RETURN"]
        if tcp_or_udp:
            options += [f"-j DNAT --to-destination {to}:8000-8003 --random", f"-j DNAT --to-destination {to}:1024-65535", "-j REDIRECT --to-ports 8080-8082 --random"]
        return r.choice(options)
    own = "fd00:3::1" if six else "10.0.3.1"
    options = [f"-j SNAT --to-source {own} --random", f"-j SNAT --to-source {own} --random-fully", "-j RETURN"]
    if hook != "INPUT":
        options += ["-j MASQUERADE --random", "-j MASQUERADE --random-fully"]
    if tcp_or_udp:
        options += [f"-j SNAT --to-source {f'[{own}]' if six else own}:1-600", f"-j SNAT --to-source {f'[{own}]' if six else own}:6000-6009 --random"]
    return r.choice(options)


def changes(setup):
    """What SET may do to the sets that there are."""
    r, found = setup.r, []
    for name, kind in setup.sets:
        values = 2 if kind == "list:set" else kind.count(",") + 1
        side = lambda: ",".join(r.choice(["src", "dst"]) for _ in range(values if r.random() < 0.9 else max(1, values - 1)))
        found += [f"--add-set {name} {side()}{r.choice(['', '', ' --exist'])}", f"--del-set {name} {side()}"]
    if len(setup.sets) > 1 and r.random() < 0.3:
        found += [f"{one} {other}" for one, other in [r.sample(found, 2)] if one.split()[0] != other.split()[0]]
    return found


def routes(setup):
    r, six = setup.r, setup.six
    device = r.choice(["in0", "in1", "out0", "out1"])
    network = setup.network(r.choice(setup.outside))
    address = r.choice(setup.outside)
    options = [f"{network} dev {device}", f"{network} dev {device} metric 7", f"{address} via {setup.gateway(device)} dev {device}",
               f"{network} via {setup.gateway(device)} dev {device} metric 20", f"unreachable default metric 4278198272",
               f"{network} via {'fd00:9::9' if six else '10.99.0.9'} dev {device} onlink", f"{r.choice(setup.hosts[device])} dev {r.choice(['out0', 'in1'])}",
               f"blackhole {network} metric 5", f"default via {setup.gateway(device)} dev {device} metric 50"]
    if not six:
        options += [f"{network} via {setup.gateway(device)} dev {device} tos 0x10", f"{network} via inet6 fd00:{device_number(device)}::2 dev {device}",
                    f"{network} via {setup.gateway(device)} dev {device} scope global src 10.0.{device_number(device)}.1", f"multicast 224.0.0.0/24 dev {device}",
                    "throw 10.0.0.0/8 table 100", f"local {network} dev lo table 200"]
    return r.sample(options, r.choice([1, 2, 3]))


def device_number(device):
    return ["in0", "in1", "out0", "out1"].index(device) + 1


def rules(setup):
    r = setup.r
    options = [f"pref 60 uidrange {r.choice(['0-99', '1000-2000'])} lookup 100", f"pref 61 ipproto {r.choice(['udp', 'tcp'])} sport {r.choice(['40000-50000', '53'])} lookup 200",
               "pref 62 fwmark 0x10 goto 32766", f"pref 63 not fwmark {r.choice(['0x1', '0x10/0xf0'])} lookup 100", "pref 64 ipproto icmp lookup 200",
               f"pref 65 from {setup.network(setup.anyone())} to {setup.network(setup.anyone())} lookup 100", f"pref 66 iif in0 from {setup.network(setup.anyone())} lookup 200",
               "pref 67 lookup main suppress_prefixlength 8", f"pref 68 from {setup.anyone()} tos 0x10 lookup 200"]
    return r.sample(options, r.choice([0, 1, 1, 2]))


def sets(setup):
    """Sets of rarer types, with their elements: `(name, type)`, lines."""
    r, six = setup.r, setup.six
    family = " family inet6" if six else ""
    port = lambda: f"{r.choice(['tcp', 'udp'])}:{r.choice([22, 53, 80, 443])}"
    net = lambda: setup.network(setup.anyone())
    kinds = {
        "hash:net,port,net": (family, lambda: f"{net()},{port()},{net()}"),
        "hash:ip,port,net": (family, lambda: f"{setup.anyone()},{port()},{net()}"),
        "hash:ip,mac": (family, lambda: f"{setup.inside()},02:00:00:00:0{r.randrange(1, 5)}:02"),
        "hash:ip": (f"{family} netmask {48 if six else 24}", setup.anyone),
        "hash:net": (f"{family} timeout 30000 counters comment", lambda: f"{net()} comment \"a b\""),
        "hash:ip,port": (f"{family} timeout 0 skbinfo", lambda: f"{setup.anyone()},icmp{'v6' if six else ''}:{r.choice(['128/0' if six else '8/0', '1/0'])}"),
    }
    if not six:
        kinds["bitmap:ip"] = (" range 10.0.0.0/16", lambda: r.choice(["10.0.1.2", "10.0.2.0-10.0.2.9", "10.0.3.0/24"]))
    kind = r.choice(list(kinds))
    options, element = kinds[kind]
    name = f"x{6 if six else 4}"
    elements = sorted({element() for _ in range(r.randrange(1, 5))})
    return (name, kind), [f"create {name} {kind}{options}", *[f"add {name} {one}" for one in elements]]


def cards(setup):
    """A set of addresses, some of them with the card that they belong to, and a list of it: `(name, type)` of each, lines; whose addresses: device, number."""
    r = setup.r
    places = sorted({(n, host) for n, host in [(r.randrange(1, 5), r.choice([2, 2, 3, 9])) for _ in range(r.randrange(3, 9))]})
    elements = [f"10.0.{n}.{host}{r.choice(['', '', '', f',02:00:00:00:0{n}:02', f',{card(n)}'])}" for n, host in places]
    lines = [f"create m4 bitmap:ip,mac range 10.0.0.0/16{r.choice(['', '', ' counters', ' timeout 30000'])}", *[f"add m4 {element}" for element in elements]]
    made = [("m4", "bitmap:ip,mac")]
    if r.random() < 0.4:
        first = [name for name, kind in setup.sets if kind == "hash:ip"][:1] if r.random() < 0.5 else []
        lines += ["create c4 list:set", *[f"add c4 {member}" for member in [*first, "m4"]]]
        made.append(("c4", "list:set"))
    return made, lines, places


def card(n):
    """Another card than the usual one behind the n-th device."""
    return f"02:00:00:00:0{n}:03"


def addresses(r, n, name):
    """More addresses of the n-th device."""
    options = [f"addr add 10.0.{n}.130/25 dev {name}", f"addr add 10.9.{n}.1 peer 10.9.{n}.2/32 dev {name}", f"addr add 10.0.{n}.200/32 dev {name}",
               f"addr add 172.17.0.{n}/24 dev {name} noprefixroute", f"addr add fd00:9:{n}::1/128 dev {name} nodad", f"addr add 10.0.{n}.50/24 brd 10.0.{n}.63 dev {name}"]
    return r.sample(options, r.choice([1, 2]))


def settings(r, name):
    """Settings of a device that are not the usual ones."""
    return r.sample([f"net.ipv4.conf.{name}.accept_local=1", f"net.ipv4.conf.{name}.src_valid_mark=1", f"net.ipv4.conf.{name}.forwarding=0",
                     f"net.ipv6.conf.{name}.forwarding=0", f"net.ipv4.conf.{name}.rp_filter=1", f"net.ipv4.conf.{name}.route_localnet=1"], 1)


def native_condition(native, hook):
    """A condition in nftables' own words, or None where it does not fit."""
    r = native.r
    came = hook in ("prerouting", "input", "forward")
    kinds = [lambda: f"{'ip6' if (six := native.versioned()) else 'ip'} ecn {native.not_()}{r.choice(['not-ect', 'ect0', '{ ect0, ce }'])}",
             lambda: f"ct zone {native.not_()}{r.choice(['0', '1', '2'])}", lambda: f"ct status {r.choice(['assured', '& assured != assured', 'expected'])}",
             lambda: f"ct {r.choice(['original', 'reply'])} {r.choice(['proto-src', 'proto-dst'])} {native.not_()}{r.choice(['80', '53', '1-1000'])}" if native.transport() else None,
             lambda: 'ct helper "ftp"', lambda: tracked_protocol(native),
             lambda: f"meta mark {r.choice(['<', '>', '<=', '>='])} {r.choice(['0x2', '0x10', '0x4000'])}",
             # In a table of one family nft does not print what contradicts it.
             lambda: f"meta protocol {'ip6' if native.versioned() else 'ip'}" if native.family == "inet" else None,
             lambda: f"meta length {r.choice(['>', '<='])} {r.choice(['50', '1200'])}",
             lambda: f"numgen {r.choice(['random', 'inc'])} mod 1 {native.not_()}0",
             lambda: f"fib {r.choice(['saddr', 'daddr'])}{r.choice(['', ' . iif']) if came and hook != 'forward' else ''} type {native.not_()}{r.choice(['unreachable', 'anycast', 'local', 'unicast', 'prohibit', 'blackhole'])}"]
    if came:
        kinds += [lambda: f"{'ip6' if native.versioned() else 'ip'} saddr {native.not_()}@seen"]
        kinds += [lambda: f"iifgroup {native.not_()}{r.choice(['default', '1', '{ 1, 2 }'])}"]
    if hook in ("forward", "output", "postrouting"):
        kinds += [lambda: f"oifgroup {native.not_()}{r.choice(['default', '1'])}"]
    if hook in ("output", "postrouting"):
        kinds += [lambda: f"meta skgid {native.not_()}{r.choice(['0', '5-9'])}"]
    elif native.proto in (None, "tcp") and not native.by_header:
        kinds += [lambda: maximum(native)]
    if not native.proto:
        kinds += [lambda: echo(native)]
    return r.choice(kinds)()


def native_middle(native, kind, hook):
    """A statement behind which a rule goes on."""
    r = native.r
    options = ["meta mark set 0x1", "meta mark set 0x0", "ct mark set 0x2", "ct mark set meta mark", "meta mark set meta mark | 0x10", "log", "counter"]
    if kind != "nat":
        six = native.versioned()
        ip = "ip6" if six else "ip"
        options += [f"{'ip6 hoplimit' if six else 'ip ttl'} set {r.choice([5, 64])}", f"{ip} dscp set cs1", f"update @seen {{ {ip} saddr }}",
                    f"add @seen {{ {ip} saddr limit rate over 10000/second burst 10000 packets }}", f"delete @seen {{ {ip} saddr }}"]
    return r.choice(options)


def tracked_protocol(native):
    # nft 1.0.6 forgets to print an `ip protocol` beside it, and forgets it itself before an option of TCP.
    # In tables of both families its listing does not say which of them the rule is for.
    if native.by_header or native.family == "inet":
        return None
    native.by_header = True
    return f"ct protocol {native.r.choice(['tcp', 'udp', 'icmp'])}"


def maximum(native):
    native.proto = "tcp"
    return f"tcp option maxseg {native.r.choice(['exists', 'missing'])}"


def echo(native):
    six = native.versioned()
    native.proto = "icmp"
    return f"{'icmpv6' if six else 'icmp'} type {native.r.choice(['echo-request', 'echo-reply'])} {'icmpv6' if six else 'icmp'} code {native.r.choice(['0', '!= 0', '0-3'])}"


def native_statement(native, kind, hook):
    """What a rule does, or None."""
    r = native.r
    six = native.versioned()
    ip = "ip6" if six else "ip"
    if kind == "nat":
        setup, family = native.of(six), f" {ip}" if native.family == "inet" else ""
        if hook in ("prerouting", "output"):
            return r.choice([f"dnat{family} to {setup.inside()} random", f"dnat{family} to {setup.inside()} persistent", "return"])
        own = "fd00:3::1" if six else "10.0.3.1"
        return r.choice([f"snat{family} to {own} random", f"snat{family} to {own} fully-random", "return"] + (["masquerade random", "masquerade fully-random"] if hook == "postrouting" else []))
    options = [f"{ip} ecn set {r.choice(['ce', 'ect0', 'not-ect'])}", "meta priority set 1:2", "ct event set new,destroy", "ct mark set meta mark and 0xf0", "meta mark set 0x0",
               f"update @seen {{ {ip} saddr }}", f"delete @seen {{ {ip} saddr }}", f"add @seen {{ {ip} saddr limit rate over 10000/second burst 10000 packets }} drop", "meta nftrace set 1"]
    return r.choice([*options, "ct zone set meta mark"] if native.early else options)

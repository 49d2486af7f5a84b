"""Rules, routes and neighbours in forms that people write and the usual ones of setup.py do not have: masks with holes, a module twice, shifted ports, nexthop objects."""


def match(setup, table, hook):
    """A condition, or None where it does not fit."""
    r, six = setup.r, setup.six
    came = hook in ("PREROUTING", "INPUT", "FORWARD")
    # Kinds of addresses of IPv6 are asked about in another way when several are named.
    kinds = [lambda: f"{setup.not_()}-s {holes(setup)}", lambda: f"{setup.not_()}-d {holes(setup)}", lambda: f"-m mark --mark 0x1/0x1 -m mark {setup.not_(0.5)}--mark 0x2/0x2",
             lambda: f"-m recent --set --name seen{6 if six else 4} {r.choice(['--rsource', '--rdest'])}", lambda: "-m statistic --mode nth --every 1 --packet 0",
             lambda: f"-m addrtype {setup.not_()}--src-type {r.choice(['UNICAST', 'LOCAL'])} {setup.not_(0.4)}--dst-type {r.choice(['LOCAL', 'UNICAST', 'MULTICAST'])}",
             lambda: f"-m length {setup.not_()}--length {r.choice(['100:', ':44', '44:', '45:65535'])}", lambda: f"-m tos {setup.not_()}--tos {r.choice(['Minimize-Delay', '0x10/0x10', 'Normal-Service', '0x08/0x08'])}",
             lambda: f"-m iprange {setup.not_()}--dst-range {setup.anyone()}-{setup.anyone()}"]
    if setup.bridge and hook in ("FORWARD", "POSTROUTING"):
        kinds += [lambda: f"-m physdev {setup.not_(0.5)}--physdev-is-in {setup.not_(0.5)}--physdev-is-out" if hook == "FORWARD" else "-m physdev ! --physdev-is-bridged", lambda: f"-m physdev {setup.not_()}--physdev-out p+ --physdev-is-bridged"]
    if table != "raw":
        kinds += [lambda: f"-m conntrack --ctproto {r.choice(['6', '17'])} {setup.not_(0.3)}--ctorigdstport {r.choice(['80', '1:1023'])} {setup.not_(0.3)}--ctreplsrcport {r.choice(['8080', '53:443'])}",
                  lambda: f"-m conntrack {setup.not_()}--ctorigdst {setup.network(setup.anyone())} {setup.not_()}--ctreplsrc {setup.network(setup.anyone())} --ctdir {r.choice(['ORIGINAL', 'REPLY'])}",
                  lambda: f"-m connmark --mark 0x1/0x1 -m connmark {setup.not_(0.5)}--mark 0x2/0x2", lambda: "-m conntrack ! --ctstate NEW,ESTABLISHED,UNTRACKED"]
    if setup.sets:
        name, kind = r.choice(setup.sets)
        if kind in ("hash:ip", "hash:net", "hash:net,net", "hash:ip,port,ip"):
            kinds.append(lambda: f"-m set {setup.not_()}--match-set {name} {','.join(r.choice(['src', 'dst']) for _ in range(kind.count(',') + 1))} ! --update-counters")
    if not setup.proto:
        kinds += [lambda: protocol(setup)] * 3
    return r.choice(kinds)()


def holes(setup):
    r = setup.r
    if setup.six:
        return r.choice(["::2/::ff", "::3/::ff", "fd00:1::/ffff:ff::", "2001:db8::/ffff:ffff:0:ffff::"])
    return r.choice([f"10.0.{r.randrange(1, 5)}.0/255.0.255.0", f"0.0.0.{r.choice('239')}/0.0.0.255", "10.0.0.2/255.255.0.3", "192.0.2.9/255.0.255.255", f"10.{r.randrange(0, 2)}.0.0/255.3.0.0"])


def protocol(setup):
    r = setup.r
    kind = r.choice(["twice", "ports", "icmp", "sctp", "flags", "udplite"])
    setup.proto = {"twice": "tcp", "ports": "udp", "icmp": "icmp", "flags": "tcp"}.get(kind, "other")
    if kind == "twice":
        return f"-p tcp -m tcp {setup.not_()}--dport {r.choice(['80', '443:', ':1023'])} -m tcp {setup.not_()}--sport {r.choice(['40000', '1:5000', '45000:'])}"
    if kind == "ports":
        return f"-p udp -m multiport {setup.not_()}--sports 500,40000:45000 -m multiport {setup.not_()}--dports {r.choice(['53,80', '22:3306', '8080'])}"
    if kind == "flags":
        return f"-p tcp {r.choice(['--syn', '! --syn', '--tcp-flags ALL NONE', '! --tcp-flags ALL SYN', '--tcp-flags SYN,ACK SYN,ACK', '--tcp-flags FIN,RST NONE'])}"
    if kind == "udplite":
        return "-p udplite -m multiport --ports 53,80"
    if kind == "sctp":
        return r.choice(["-p sctp -m sctp --chunk-types any INIT", "-p sctp --sport 5:", "-p dccp -m dccp --dport 80 --dccp-types REQUEST,DATA", "-p esp -m esp --espspi 1:9", "! -p 253"])
    if setup.six:
        return f"-p ipv6-icmp {setup.not_()}--icmpv6-type {r.choice(['packet-too-big', 'neighbour-solicitation', 'destination-unreachable', 'ttl-exceeded', 'echo-reply', '128/0'])}"
    return f"-p icmp {setup.not_()}--icmp-type {r.choice(['fragmentation-needed', 'redirect', 'ping', 'pong', 'timestamp-request', 'ttl-exceeded', '3/0', '255'])}"


def target(setup, table, hook):
    """What a rule does, or None."""
    r, six = setup.r, setup.six
    if table == "mangle":
        return r.choice(["-j CONNMARK --save-mark --mask 0xff", "-j CONNMARK --set-mark 0x1/0x3", "-j MARK --set-mark 0x3/0x5", "-j MARK --set-xmark 0x3/0x5", "-j TOS --set-tos Minimize-Delay", "-j TOS --set-tos 0x10/0xf0",
                         "-j CONNMARK --restore-mark --mask 0xf", "-j MARK --xor-mark 0x11", "-j IDLETIMER --timeout 600 --label pw", "-j DSCP --set-dscp 63", "-j CONNMARK --save-mark --nfmask 0xf0 --ctmask 0xf"])
    if table != "nat" or setup.proto not in ("tcp", "udp"):
        return None
    to = f"[{setup.inside()}]" if six else setup.inside()
    if hook in ("PREROUTING", "OUTPUT"):
        base = r.choice([22, 53, 80, 443])
        return r.choice([f"-j DNAT --to-destination {to}:8000-8010/{base}", f"-j DNAT --to-destination {to}:8000-8999/{base}", f"-j DNAT --to-destination :9000-9001/{base}", "-j REDIRECT --to-ports 8080-8090"])
    return r.choice(["-j SNAT --to-source :6000-6003", *(["-j MASQUERADE --to-ports 5000-5003"] if hook != "INPUT" else [])])


def nexthops(setup):
    """Nexthop objects, and what their numbers are for routes."""
    r, number = setup.r, 60 if setup.six else 40
    devices = r.sample(["in0", "in1", "out0", "out1"], 2)
    lines = [f"id {number + n} via {setup.gateway(device)} dev {device}" for n, device in enumerate(devices)]
    lines += [f"id {number + 2} dev {devices[0]}", f"id {number + 3} blackhole", f"id {number + 9} group {number},{r.choice(['1', '3'])}/{number + 1}"]
    return lines, [number, number + 1, number + 2, number + 3, number + 9]


def routes(setup, numbers):
    r, six = setup.r, setup.six
    device = r.choice(["in0", "in1", "out0", "out1"])
    network, via = setup.network(r.choice(setup.outside)), setup.gateway(device)
    options = [f"{network} nhid {r.choice(numbers)}", f"{network} nhid {r.choice(numbers)} metric 5", f"{network} via {via} dev {device} mtu lock 1300", f"{network} via {via} dev {device} advmss 1000 initcwnd 10",
               f"{network} via {via} dev {device} proto static metric 3", f"{setup.anyone()} via {via} dev {device}", f"default nhid {r.choice(numbers)} table 100"]
    if six:
        options += [f"{network} from {setup.network(setup.inside())} via {via} dev {device}", f"default from fd00:{r.randrange(1, 5)}::/64 via {via} dev {device} metric 9", f"{network} via {via} dev {device} pref high metric 7"]
    else:
        options += [f"{network} dev {device} scope link", f"{network} via {via} dev {device} tos 0x10 metric 4", f"unicast {network} nexthop via {via} dev {device} weight 5 nexthop dev out1 weight 1"]
    return r.sample(options, r.choice([1, 2, 3]))


def rules(setup):
    r = setup.r
    options = [f"pref 70 not to {setup.network(setup.anyone())} lookup 100", f"pref 71 oif {r.choice(['out0', 'out1'])} lookup 100", "pref 72 fwmark 0x0/0x1 lookup 200", f"pref 73 ipproto {r.choice(['tcp', 'udp'])} dport {r.choice(['80', '53'])} {r.choice(['unreachable', 'prohibit', 'blackhole'])}",
               "pref 74 uidrange 0-0 lookup 200", f"pref 75 from {setup.network(setup.anyone())} iif lo lookup 100", f"pref 76 not iif {r.choice(['in0', 'lo'])} lookup 200", "pref 77 lookup 100 suppress_prefixlength 23",
               f"pref 78 to {setup.network(setup.anyone())} goto 32767", f"pref 79 from {setup.anyone()} {r.choice(['unreachable', 'lookup 200'])}", "pref 32765 lookup 100"]
    return r.sample(options, r.choice([0, 1, 1, 2]))

"""What rules of nftables ask of single numbers: fields of headers and their bits, operations on marks and addresses, what the routes say."""


def condition(native, hook):
    """A condition whose answer the question tells, or None where it does not fit."""
    r = native.r
    kinds = [header, header, header, transport, transport, meta, meta, connection, connection, raw, fib, fib, way, option, share]
    return r.choice(kinds)(native, hook)


def came(hook):
    return hook in ("prerouting", "input", "forward")


def goes(hook):
    return hook in ("forward", "output", "postrouting")


def header(native, hook):
    r, six = native.r, native.versioned()
    if six:
        return r.choice([f"ip6 length {r.choice(['> 20', '20-60', '!= 44', '<= 32'])}", f"ip6 hoplimit & {r.choice(['1 == 0', '1 == 1', '0x40 != 0'])}",
                         f"ip6 saddr & ::ff {r.choice(['==', '!='])} ::{r.choice('23')}", f"ip6 daddr {r.choice(['>', '<', '>=', '<='])} {native.address(True)}",
                         f"ip6 saddr & ffff:ffff:ffff:: {r.choice(['', '!= '])}{{ fd00:1::, fd00:2::, 2001:db8:: }}", f"ip6 dscp {r.choice(['> cs0', '< cs2', '>= af11'])}",
                         f"ip6 version {r.choice(['6', '!= 6'])}"])
    fields = [f"ip version {r.choice(['4', '!= 4'])}", f"ip hdrlength {r.choice(['5', '!= 5', '> 4', '6-15'])}", f"ip length {r.choice(['> 60', '20-60', '!= 44', '& 4 == 4', '{ 44, 32 }'])}",
              f"ip ttl & {r.choice(['1 == 0', '1 == 1', '0x3f == 0x3f', '0x40 != 0'])}", f"ip protocol {r.choice(['> icmp', '< udp', '<= tcp'])}",
              f"ip saddr & 0.0.0.3 {r.choice(['==', '!='])} 0.0.0.{r.choice('0123')}", f"ip daddr & 0.0.0.255 {r.choice(['<', '>', '<='])} 0.0.0.{r.choice('249')}",
              f"ip {r.choice(['saddr', 'daddr'])} {r.choice(['>', '<', '>=', '<='])} {native.address(False)}",
              f"ip {r.choice(['saddr', 'daddr'])} & 255.255.255.0 {r.choice(['', '!= '])}{{ 10.0.1.0, 10.0.2.0, 192.0.2.0 }}",
              f"ip saddr | 0.0.0.1 {r.choice(['==', '!='])} 10.0.{r.randrange(1, 5)}.3", f"ip saddr ^ 10.0.0.0 == 0.0.{r.randrange(1, 5)}.2",
              f"ip dscp & 0x4 {r.choice(['==', '!='])} 0x4", f"ip dscp {r.choice(['> cs0', '< cs2', '>= af11'])}", f"ip ecn {r.choice(['> not-ect', '< ce'])}"]
    # Whether the router forbids fragments of what it sends itself the question does not tell.
    if came(hook):
        fields += [f"ip frag-off & 0x4000 {r.choice(['== 0x4000', '!= 0x4000'])}", "ip frag-off & 0x2000 != 0"]
    return r.choice(fields)


def transport(native, hook):
    r = native.r
    if native.proto is None and r.random() < 0.35:
        six = native.versioned()
        native.proto = "icmp"
        name = "icmpv6" if six else "icmp"
        kinds = [f"{name} id {r.choice(['7', '{ 7, 8 }', '!= 7', '> 7'])}", f"{name} code {r.choice(['> 1', '< 2', '& 1 == 1'])}"]
        kinds += [f"icmpv6 type {r.choice(['> 127', '128-129', '< 128'])}"] if six else [f"icmp type {r.choice(['> 5', '0-8', '& 1 == 1', '<= 8'])}"]
        return r.choice(kinds)
    proto = native.transport()
    if proto is None:
        return None
    side = r.choice(["dport", "dport", "sport"])
    kinds = [f"{proto} {side} & {r.choice(['1 == 1', '1 == 0', '0xfff0 == 0x50', '0xff < 100', '0xff { 22, 64, 80 }', '0xff != { 53, 187 }', '0x8000 != 0'])}",
             f"{proto} {side} | 1 {r.choice(['==', '!='])} {r.choice([81, 53, 443, 40001])}", f"{proto} {side} ^ 1 {r.choice(['==', '!='])} {r.choice([81, 52, 40001])}",
             f"{proto} dport & 0xff . {proto} sport {{ 80 . 40000, 53 . 40000, 80 . 45000, 187 . 40001 }}" if r.random() < 0.2 else None]
    if proto == "tcp":
        kinds += [f"tcp flags {r.choice(['< rst', '> syn', '& (syn | ack) { syn, ack }', '& (fin | syn) != { syn, fin }', '& (syn | ack) > 0', '& (syn | rst) <= 2'])}"]
    elif came(hook):
        kinds += [f"udp length {r.choice(['> 12', '8-12', '!= 12', '{ 12, 600 }', '& 4 == 4'])}"]
    if native.by_header:
        return r.choice(kinds)
    # What stands there in packets of other protocols the question does not tell.
    kinds += [f"meta l4proto {proto} th {side} {r.choice(['!= 80', '> 1023', '{ 22, 53, 80 }', '& 1 == 1'])}"]
    return r.choice(kinds)


def meta(native, hook):
    r = native.r
    mark = r.choice(["meta mark", "meta mark", "ct mark"])
    kinds = [f"{mark} & {r.choice(['0xff < 0x10', '0xff { 0x1, 0x2 }', '0xff != { 0x0, 0x1 }', '0xf0 0x10-0x20', '0x3 > 0', '0xff >= 0x2'])}",
             f"{mark} {r.choice(['|', '^'])} {r.choice(['0x1', '0x10'])} {r.choice(['==', '!='])} {r.choice(['0x1', '0x3', '0x11', '0x0'])}",
             f"meta length & {r.choice(['3 == 0', '4 != 0', '0xff < 60'])}", f"meta ipsec {r.choice(['missing', 'exists'])}"]
    if native.proto is None:
        kinds += [f"meta l4proto {r.choice(['> icmp', '< udp', '& 1 == 1', '>= 47'])}"]
    if came(hook):
        kinds += [f"meta iiftype {r.choice(['loopback', '!= ether', '{ ether, loopback }', 'ppp'])}", f"iifgroup {r.choice(['> 0', '< 1', '& 1 == 1'])}", f"meta iif {r.choice(['>', '<='])} 1"]
    if goes(hook):
        kinds += [f"meta oiftype {r.choice(['ether', '!= loopback', 'loopback'])}", f"oifgroup {r.choice(['> 0', '!= 0', '& 1 == 1'])}"]
    if hook in ("output", "postrouting", "forward"):
        kinds += [f"meta skuid {r.choice(['< 1000', '> 0', '& 1 == 0'])}", f"meta skgid {r.choice(['< 5', '>= 1'])}"]
    if hook in ("prerouting", "forward"):
        kinds += [f"meta cgroup {r.choice(['1', '!= 1'])}", "vlan id 5", "vlan id != 5"]
    return r.choice(kinds)


def connection(native, hook):
    r, six = native.r, native.versioned()
    ip = "ip6" if six else "ip"
    side = r.choice(["original", "reply"])
    # nft 1.0.6 forgets to print `ct l3proto` before a header.
    kinds = [f"ct zone {r.choice(['> 0', '{ 0, 1 }', '!= 1-2', '& 1 == 1'])}",
             f"ct {side} {ip} {r.choice(['saddr', 'daddr'])} {r.choice([native.some(lambda: native.address(six)), native.span(six), '> ' + native.address(six)])}",
             f"ct reply packets {r.choice(['0', '> 0'])} ct state new"]
    # Of a connection whose first packet is not the only one so far, how much it has carried is not known: these rules see first packets alone.
    if native.translates:
        kinds += [f"ct original packets {r.choice(['> 0', '< 2', '1'])}", f"ct original bytes {r.choice(['> 50', '< 1000'])}", f"ct packets {r.choice(['1', '> 1'])}", f"ct avgpkt {r.choice(['> 50', '< 1000'])}"]
    if not six:
        kinds += [f"ct {side} ip {r.choice(['saddr', 'daddr'])} & 255.255.255.0 {r.choice(['==', '!='])} 10.0.{r.randrange(1, 5)}.0"]
    if native.transport():
        kinds += [f"ct {side} {r.choice(['proto-src', 'proto-dst'])} {r.choice(['> 80', '& 1 == 1', '{ 80, 53 }', '!= 80-443'])}"]
    return r.choice(kinds)


def raw(native, hook):
    r = native.r
    kinds = [f"@nh,96,32 & 0xffffff00 {r.choice(['==', '!='])} 0x0a000{r.randrange(1, 5)}00", f"@nh,72,8 {r.choice(['6', '!= 17', '0x11'])}", f"@nh,8,8 {r.choice(['0x10', '0x0', '!= 0x28'])}",
             f"@nh,0,4 {r.choice(['4', '6'])}", f"@nh,64,8 {r.choice(['64', '> 62', '< 5'])}", f"@nh,128,32 {r.choice(['>', '<'])} 0x0a000202",
             f"@ll,0,48 {r.choice(['==', '!='])} 0x2000000{r.randrange(1, 5):02x}01", f"@ll,48,48 {r.choice(['==', '!='])} 0x2000000{r.randrange(1, 5):02x}02", f"@ll,96,16 {r.choice(['0x0800', '!= 0x0800', '0x86dd'])}"]
    if came(hook):
        kinds += [f"ether daddr {r.choice(['', '!= '])}02:00:00:00:0{r.randrange(1, 5)}:01", f"ether saddr & ff:ff:ff:ff:00:ff {r.choice(['==', '!='])} 02:00:00:00:00:02", f"ether type {r.choice(['ip', 'ip6', '8021q', '!= arp'])}"]
    if native.proto is None and not native.by_header and r.random() < 0.3:
        native.proto = r.choice(["tcp", "udp"])
        return f"meta l4proto {native.proto} " + r.choice([f"@th,16,16 {r.choice(['80', '!= 53', '> 1023'])}", f"@th,0,32 {r.choice(['0x9c400050', '!= 0x9c400035'])}"])
    return r.choice(kinds)


def fib(native, hook):
    r = native.r
    result = lambda: r.choice([f"oif {r.choice(['exists', 'missing'])}", f'oifname {r.choice(["", "!= "])}{native.device()}', f"oifname {native.some(native.device)}", 'oifname "out*"'])
    kinds = [f"fib {r.choice(['daddr', 'saddr', 'daddr . mark', 'saddr . mark'])} {result()}"]
    if hook in ("prerouting", "input"):
        kinds += [f"fib {r.choice(['daddr', 'saddr', 'saddr . mark'])} . iif {result()}"] * 2
    kinds += [f"fib {r.choice(['daddr', 'saddr'])} . mark type {r.choice(['local', 'unicast', '!= local', 'unreachable'])}", "fib daddr type { local, broadcast, multicast }"]
    return r.choice(kinds)


def way(native, hook):
    r, six = native.r, native.versioned()
    if not goes(hook) and hook != "input":
        return f"rt classid {r.choice(['0', '!= 1'])}"
    near = native.of(six).gateway(r.choice(["in0", "in1", "out0", "out1"]))
    kinds = [f"rt {'ip6' if six else 'ip'} nexthop {r.choice(['', '!= '])}{r.choice([near, near, native.network(six)])}", f"rt classid {r.choice(['0', '!= 0', '1'])}", f"rt ipsec {r.choice(['missing', 'exists'])}"]
    if goes(hook):
        kinds += [f"rt mtu {r.choice(['> 1400', '1460', '< 1300', '1440'])}"]
    return r.choice(kinds)


def option(native, hook):
    r = native.r
    kinds = [f"ip option {r.choice(['lsrr', 'rr', 'ra'])} {r.choice(['exists', 'missing', 'missing'])}", "ip option rr type 7", f"exthdr {r.choice(['hbh', 'rt', 'dst'])} {r.choice(['exists', 'missing'])}"]
    if native.proto is None:
        kinds += [f"sctp chunk data {r.choice(['exists', 'missing'])}", "dccp type request", "esp spi 5", "esp spi != 5", "ah spi 1-100", "igmp type membership-query"]
    return r.choice(kinds)


def share(native, hook):
    r, six = native.r, native.versioned()
    ip = "ip6" if six else "ip"
    return r.choice([f"numgen inc mod 1 offset {r.choice(['7 7', '7 != 7', '3 0'])}", f"jhash {ip} saddr mod 1 {r.choice(['0', '!= 0'])}", f"jhash {ip} saddr . {ip} daddr mod 1 seed 0x5 offset 4 {r.choice(['4', '0'])}",
                     f"symhash mod 1 offset {r.choice(['3 3', '3 5'])}", f"meta random {r.choice(['<= 4294967295', '> 4294967294 counter drop'])}" if r.random() < 0 else "meta random <= 4294967295"])


def mark_value(native):
    """What a mark is set to."""
    r, six = native.r, native.versioned()
    ip = "ip6" if six else "ip"
    return r.choice(["meta mark << 1", "meta mark << 4", "meta mark >> 1", "ct mark << 8", "ct mark >> 1", "(meta mark & 0xff) << 8 | 0x1", "ct mark & 0xff00 | 0x1", "ct mark | 0x10", "ct mark ^ 0x3",
                     "numgen inc mod 1 offset 5", f"jhash {ip} saddr mod 1 offset 2", "symhash mod 1 offset 3", "meta mark & 0xff map { 0x0 : 0x1, 0x1 : 0x2, 0x10 : 0x3 }", "meta length", "ct zone",
                     f"{ip} saddr & {'ffff:ffff:ffff::' if six else '255.255.255.0'} map {{ {'fd00:1:: : 0x1, fd00:2:: : 0x2' if six else '10.0.1.0 : 0x1, 10.0.2.0 : 0x2'} }}"])


def statement(native, kind, hook):
    """What a rule changes, or None."""
    r, six = native.r, native.versioned()
    setup = native.of(six)
    ip = "ip6" if six else "ip"
    options = [f"meta mark set {mark_value(native)}", f"meta mark set {mark_value(native)}",
               f"ct mark set {r.choice(['meta mark << 8', 'meta mark | 0x100', 'ct mark >> 1', 'ct mark << 1', 'meta mark & 0xf | 0x10', 'numgen inc mod 1 offset 2'])}"]
    if kind != "nat":
        options += [f"{ip} daddr set {r.choice([setup.inside(), setup.inside(), r.choice(setup.outside)])}", f"{ip} saddr set {r.choice([setup.inside(), r.choice(setup.outside)])}"]
        if not six:
            options += ["ip id set 5", f"ip daddr set ip daddr & 255.255.255.0 | 0.0.0.{r.choice('239')}", "ip ttl set 9"]
        else:
            options += ["ip6 flowlabel set 5"]
        if native.proto in ("tcp", "udp"):
            options += [f"{native.proto} dport set {r.choice([8080, 53])}", f"{native.proto} sport set {r.choice([6000, 5000])}", f"{native.proto} dport set {native.proto} dport | 1"] * 2
        if hook == "prerouting":
            options += ["meta pkttype set host", f"ether saddr set 02:00:00:00:0{r.randrange(1, 5)}:02"]
    if native.early:
        options += [f"ct {r.choice(['original', 'reply'])} zone set {r.choice([1, 2])}"]
    return r.choice(options)


def verdicts(native, pick):
    """A verdict map of such numbers, or None."""
    r = native.r
    forms = [lambda: f"meta mark & 0xff vmap {{ 0x0 : {pick()}, 0x1 : {pick()}, 0x2-0x10 : {pick()} }}", lambda: f"fib daddr . mark type vmap {{ local : {pick()}, unicast : {pick()} }}" if native.family != "ip6" else None,
             lambda: f'fib daddr oifname vmap {{ "out0" : {pick()}, "in0" : {pick()} }}', lambda: f"numgen inc mod 1 vmap {{ 0 : {pick()} }}",
             lambda: f"{proto} dport & 0xff vmap {{ 80 : {pick()}, 53 : {pick()}, 187 : {pick()} }}" if (proto := native.transport()) else None,
             lambda: f"tcp flags & (syn | ack) vmap {{ syn : {pick()}, ack : {pick()} }}" if native.proto in (None, "tcp") and not native.by_header else None]
    return r.choice(forms)()

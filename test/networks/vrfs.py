"""A router with VRFs: a table each, leaks between them, rules beside them, and services that are in no VRF, in one, or in all."""


def build(lab):
    r = lab.machine("pe", "ip vrf show", "ip -6 route show table all")
    r.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    for vrf, table in (("red", 10), ("blue", 20), ("green", 30)):
        r.run(f"ip link add {vrf} type vrf table {table}; ip link set {vrf} up; ip route add unreachable default metric 4278198272 table {table}")
    guests = {}
    for n, (name, vrf, ip, mine) in enumerate((
        ("red-1", "red", "10.1.0.1", "10.1.0.254"), ("red-2", "red", "10.2.0.1", "10.2.0.254"),
        ("blue-1", "blue", "10.3.0.1", "10.3.0.254"), ("blue-2", "blue", "10.1.0.9", "10.1.0.254"),
        ("green-1", "green", "10.6.0.1", "10.6.0.254"),
        ("plain-1", None, "10.5.0.1", "10.5.0.254"), ("plain-2", None, "10.7.0.1", "10.7.0.254"),
    ), 1):
        one = guests[name] = lab.machine(name)
        lab.wire(r, f"eth{n}", one, "eth0")
        one.run(f"ip address add {ip}/24 dev eth0; ip route add default via {mine}; ip -6 address add fd00:{n}::1/64 dev eth0; ip -6 route add default via fd00:{n}::254")
        one.serve(tcp=[80], udp=[53])
        if vrf:
            r.run(f"ip link set eth{n} master {vrf}")
        r.run(f"ip address add {mine}/24 dev eth{n}; ip -6 address add fd00:{n}::254/64 dev eth{n}")
    # Leaks: red reaches one network of blue and the plain ones; blue sends the answers back.
    r.run("ip route add 10.3.0.0/24 dev eth3 vrf red; ip route add 10.1.0.1/32 dev eth1 vrf blue; ip route add 10.5.0.0/24 dev eth6 vrf red; ip route add 10.2.0.0/24 dev red")
    # A rule beside the VRFs, in front of theirs.
    r.run("ip rule add pref 500 from 10.6.0.1 to 10.7.0.0/24 lookup 70; ip route add 10.7.0.0/24 dev eth7 table 70; ip route add 10.6.0.0/24 dev eth5 table 71; ip rule add pref 501 iif eth7 lookup 71")
    r.run("ip address add 10.99.0.1/32 dev red; ip address add 10.99.0.2/32 dev lo")
    # Services: one for all, one in red, one in no VRF.
    r.run("sysctl -qw net.ipv4.tcp_l3mdev_accept=1")
    r.serve(tcp=[22], udp=[53])
    r.serve(tcp=[179], device="red")
    g = guests
    lab.experiment("inside one VRF", g["red-1"], "10.2.0.1")
    lab.experiment("inside one VRF, IPv6", g["red-1"], "fd00:2::1", "udp", 53)
    lab.experiment("inside the other", g["blue-1"], "10.1.0.9", "tcp", 80)
    lab.experiment("by a leak, and the answer by another", g["red-1"], "10.3.0.1")
    lab.experiment("by a leak without a way back", g["red-2"], "10.3.0.1")
    lab.experiment("without a leak", g["blue-1"], "10.5.0.1")
    lab.experiment("from a VRF to the plain tables", g["red-2"], "10.5.0.1")
    lab.experiment("from the plain tables without a leak", g["plain-1"], "10.6.0.1")
    lab.experiment("between plain devices", g["plain-1"], "10.7.0.1", "tcp", 80)
    lab.experiment("a rule in front of the VRF", g["green-1"], "10.7.0.1")
    lab.experiment("the VRF has no route", g["green-1"], "10.5.0.1")
    lab.experiment("an address of a device in the VRF", g["red-1"], "10.2.0.254")
    lab.experiment("the address of the VRF device", g["red-1"], "10.99.0.1")
    lab.experiment("an address of lo, which is in no VRF", g["red-1"], "10.99.0.2")
    lab.experiment("an address of another VRF", g["red-1"], "10.6.0.254")
    lab.experiment("a service in the VRF", g["red-1"], "10.1.0.254", "tcp", 179)
    lab.experiment("the same from outside the VRF", g["plain-1"], "10.5.0.254", "tcp", 179)
    lab.experiment("a service in no VRF, asked from one", g["red-1"], "10.1.0.254", "udp", 53)
    lab.experiment("a service in no VRF", g["plain-1"], "10.5.0.254", "tcp", 22)
    lab.experiment("a service in no VRF that takes all", g["red-1"], "10.1.0.254", "tcp", 22)

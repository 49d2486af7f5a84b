"""Rules of iptables and of routing that name devices, on a router with a VRF: which of them see the device, and which the VRF."""


def build(lab):
    pe = lab.machine("pe")
    ends = [lab.machine(name) for name in ("left", "right", "plain")]
    pe.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=1; ip link add red type vrf table 10; ip link set red up; ip route add unreachable default metric 4278198272 table 10")
    for n, one in enumerate(ends, 1):
        lab.wire(pe, f"eth{n}", one, "eth0")
        if n < 3:
            pe.run(f"ip link set eth{n} master red")
        pe.run(f"ip address add 10.{n}.0.254/24 dev eth{n}; ip -6 address add fd00:{n}::254/64 dev eth{n}")
        one.run(f"ip address add 10.{n}.0.1/24 dev eth0; ip route add default via 10.{n}.0.254; ip -6 address add fd00:{n}::1/64 dev eth0; ip -6 route add default via fd00:{n}::254")
        one.serve(udp=[53, *range(1001, 1040)])
    left, right, plain = ends
    pe.run("ip route add 10.2.0.0/24 dev red; ip route add 10.3.0.0/24 dev eth3 table 10")
    pe.serve(udp=range(1001, 1040), device="red")
    pe.run("""iptables -t raw -A PREROUTING -i eth1 -p udp --dport 1001 -j DROP
iptables -t raw -A PREROUTING -i red -p udp --dport 1002 -j DROP
iptables -A FORWARD -i eth1 -p udp --dport 1003 -j DROP
iptables -A FORWARD -i red -p udp --dport 1004 -j DROP
iptables -A FORWARD -o eth2 -p udp --dport 1005 -j DROP
iptables -A FORWARD -o red -p udp --dport 1006 -j DROP
iptables -t nat -A POSTROUTING -o eth2 -p udp --dport 1007 -j SNAT --to-source 10.2.0.254
iptables -t nat -A PREROUTING -i eth1 -p udp --dport 1008 -j DNAT --to-destination 10.2.0.1:53
iptables -t nat -A PREROUTING -i red -p udp --dport 1009 -j DNAT --to-destination 10.2.0.1:53
iptables -A INPUT -i eth1 -p udp --dport 1010 -j DROP
iptables -A INPUT -i red -p udp --dport 1011 -j DROP
iptables -A OUTPUT -o red -p udp --sport 1012 -j DROP
iptables -A OUTPUT -o eth1 -p udp --sport 1013 -j DROP
iptables -t mangle -A POSTROUTING -o red -p udp --sport 1014 -j DROP
iptables -A OUTPUT -o red -p udp --sport 1015 -m conntrack --ctstate ESTABLISHED -j DROP
iptables -A OUTPUT -o eth1 -p udp --sport 1020 -m conntrack --ctstate ESTABLISHED -j DROP
iptables -A FORWARD -o red -p udp --dport 1018 -j DROP
iptables -A OUTPUT -o eth2 -p udp --dport 1019 -j DROP
iptables -t mangle -A PREROUTING -i eth1 -p udp --dport 1021 -j MARK --set-mark 7
iptables -A FORWARD -m mark --mark 7 -j DROP
ip rule add pref 300 iif eth1 ipproto udp dport 1016 blackhole
ip rule add pref 301 iif red ipproto udp dport 1017 blackhole
ip -6 rule add pref 300 iif eth1 ipproto udp dport 1016 blackhole
ip -6 rule add pref 301 iif red ipproto udp dport 1017 blackhole""")
    for port, what in ((1001, "PREROUTING, the device"), (1002, "PREROUTING, the VRF"), (1003, "FORWARD, the device it came by"), (1004, "FORWARD, the VRF it came by"),
                       (1005, "FORWARD, the device it leaves by"), (1006, "FORWARD, the VRF it leaves by"), (1007, "SNAT by the device"),
                       (1016, "a routing rule for the device"), (1017, "a routing rule for the VRF"), (1021, "a mark that the device's frames get")):
        lab.experiment(what, left, "10.2.0.1", "udp", port)
    for port, what in ((1008, "DNAT by the device"), (1009, "DNAT by the VRF"), (1010, "INPUT, the device"), (1011, "INPUT, the VRF"), (1012, "OUTPUT, the VRF"), (1013, "OUTPUT, the device"),
                       (1014, "POSTROUTING, the VRF"), (1015, "OUTPUT, the VRF with a connection"), (1020, "OUTPUT, the device with a connection")):
        lab.experiment(what, left, "10.1.0.254", "udp", port)
    for port, what in ((1018, "by a route to the VRF, FORWARD"), (1019, "by a route to the VRF, OUTPUT"), (1030, "by a route to the VRF")):
        lab.experiment(what, plain, "10.2.0.1", "udp", port)
    lab.experiment("out of the VRF", left, "10.3.0.1", "udp", 1031)
    for port, what in ((1016, "a routing rule for the device, IPv6"), (1017, "a routing rule for the VRF, IPv6"), (1030, "in the VRF, IPv6")):
        lab.experiment(what, left, "fd00:2::1", "udp", port)

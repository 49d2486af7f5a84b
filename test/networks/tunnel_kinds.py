"""Tunnels of the kernel's between two hosts: GRE with and without keys and Ethernet, IPIP, SIT, IPv6's, ERSPAN, Geneve, VXLAN, and their sizes."""


def build(lab):
    a, b = lab.machine("gw-a"), lab.machine("gw-b")
    lab.wire(a, "eth0", b, "eth0")
    ends = {a: ("1", "2"), b: ("2", "1")}
    for host, (own, far) in ends.items():
        host.run(f"ip address add 192.0.2.{own}/24 dev eth0; ip -6 address add 2001:db8::{own}/64 dev eth0; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        local, remote = f"192.0.2.{own}", f"192.0.2.{far}"
        local6, remote6 = f"2001:db8::{own}", f"2001:db8::{far}"
        for n, (name, kind) in enumerate((
            ("gre1", f"gre local {local} remote {remote}"),
            ("gre2", f"gre local {local} remote {remote} key 42 ttl 64"),
            ("gretap1", f"gretap local {local} remote {remote} key 7"),
            ("ipip1", f"ipip local {local} remote {remote}"),
            ("sit1", f"sit local {local} remote {remote}"),
            ("ip6gre1", f"ip6gre local {local6} remote {remote6}"),
            ("ip6tnl1", f"ip6tnl local {local6} remote {remote6} mode any"),
            ("erspan1", f"erspan local {local} remote {remote} key 30 seq erspan_ver 1 erspan 123"),
            ("gnv1", f"geneve id 500 remote {remote}"),
            ("gnv2", f"geneve id 501 remote {remote6}"),
            ("vx1", f"vxlan id 600 local {local} remote {remote} dstport 4789"),
            ("vx2", f"vxlan id 601 local {local} dstport 4789 df set"),
            ("gre3", f"gre local {local} remote {remote} key 43 nopmtudisc ignore-df"),
        ), 1):
            host.run(f"ip link add {name} type {kind}; ip link set {name} up; ip address add 10.{n}.0.{own}/24 dev {name}; ip -6 address add fd00:{n}::{own}/64 dev {name}")
        host.run(f"bridge fdb append 00:00:00:00:00:00 dev vx2 dst {remote}")
        host.serve(tcp=[80], udp=[53])
    for n, name in enumerate(("gre", "GRE with a key", "gretap", "IPIP", None, "GRE in IPv6", "IPv4 in IPv6", "ERSPAN", "Geneve", "Geneve over IPv6", "VXLAN", "VXLAN with a table", "GRE that may be cut"), 1):
        if name:
            lab.experiment(name, a, f"10.{n}.0.2", "udp", 53)
    lab.experiment("IPv6 in IPv4", a, "fd00:5::2", "udp", 53)
    lab.experiment("IPv6 in IPv6", a, "fd00:7::2", "tcp", 80)
    lab.experiment("IPv6 in GRE", a, "fd00:2::2")
    # What is sent along the tunnels from networks behind them, so that routers look at the sizes.
    left, right = lab.machine("left"), lab.machine("right")
    lab.wire(a, "eth1", left, "eth0")
    lab.wire(b, "eth1", right, "eth0")
    a.run("ip address add 172.16.1.254/24 dev eth1")
    b.run("ip address add 172.16.2.254/24 dev eth1; ip address add 172.16.3.1/24 dev lo")
    left.run("ip address add 172.16.1.1/24 dev eth0; ip route add default via 172.16.1.254")
    right.run("ip address add 172.16.2.1/24 dev eth0; ip route add default via 172.16.2.254")
    for host, far in ((a, "2"), (b, "1")):
        host.run(f"ip route add 172.16.{far}.0/24 via 10.2.0.{far}")
    lab.experiment("a network behind GRE", left, "172.16.2.1", "udp", 53)

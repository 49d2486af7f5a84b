"""How long packets may be that pass the kernel's tunnels between two routers, cut or not, and who says so."""


def build(lab):
    left, a, b, right = (lab.machine(name) for name in ("left", "gw-a", "gw-b", "right"))
    lab.wire(left, "eth0", a, "eth1")
    lab.wire(a, "eth0", b, "eth0")
    lab.wire(b, "eth1", right, "eth0")
    left.run("ip address add 172.16.0.1/16 dev eth0")
    right.run("ip address add 172.31.0.1/16 dev eth0")
    a.run("ip address add 172.16.255.254/16 dev eth1")
    b.run("ip address add 172.31.255.254/16 dev eth1")
    left.run("ip route add default via 172.16.255.254")
    right.run("ip route add default via 172.31.255.254")
    # Without any rule iptables-save prints nothing at all, which tells nobody that there are none.
    for one in (left, a, b, right):
        one.run("for table in raw mangle filter; do iptables -t $table -P OUTPUT ACCEPT; ip6tables -t $table -P OUTPUT ACCEPT; done")
    kinds = (
        ("gre1", "gre local {l} remote {r}"), ("gre2", "gre local {l} remote {r} key 42"), ("gre3", "gre local {l} remote {r} key 43 nopmtudisc ignore-df"),
        ("ipip1", "ipip local {l} remote {r}"), ("gretap1", "gretap local {l} remote {r} key 7"), ("gnv1", "geneve id 500 remote {r}"),
        ("vx1", "vxlan id 600 local {l} remote {r} dstport 4789"), ("vx2", "vxlan id 601 local {l} remote {r} dstport 4789 df set"), ("ip6gre1", "ip6gre local {l6} remote {r6}"),
        ("ip6tnl1", "ip6tnl local {l6} remote {r6} mode any"),
    )
    for host, own, far in ((a, "1", "2"), (b, "2", "1")):
        words = {"l": f"192.0.2.{own}", "r": f"192.0.2.{far}", "l6": f"2001:db8::{own}", "r6": f"2001:db8::{far}"}
        host.run(f"ip address add 192.0.2.{own}/24 dev eth0; ip -6 address add 2001:db8::{own}/64 dev eth0; sysctl -qw net.ipv4.ip_forward=1")
        for n, (name, kind) in enumerate(kinds, 1):
            host.run(f"ip link add {name} type {kind.format(**words)}; ip link set {name} up; ip address add 10.{n}.0.{own}/24 dev {name}")
            # A network for each of them behind both ends.
            host.run(f"ip route add {'172.31' if own == '1' else '172.16'}.{n}.0/24 via 10.{n}.0.{far}")
    for n, (name, _) in enumerate(kinds, 1):
        left.run(f"ip address add 172.16.{n}.1/32 dev eth0")
        right.run(f"ip address add 172.31.{n}.1/32 dev eth0; ip route add 172.16.{n}.0/24 via 172.31.255.254 src 172.31.{n}.1")
        left.run(f"ip route add 172.31.{n}.0/24 via 172.16.255.254 src 172.16.{n}.1")
    for n, (name, _) in enumerate(kinds, 1):
        mtu = int(a.run(f"cat /sys/class/net/{name}/mtu || ip -o link show {name} | sed 's/.*mtu //;s/ .*//'").split()[0])
        # What is cut in front of IPv6's tunnels can't be watched: its headers are written over before anybody reads them.
        for length, df in ((mtu, True), (mtu + 1, True), *(() if "6" in name else ((1500, False),))):
            lab.experiment(f"{name}, {length} bytes{', not to be cut' if df else ''}", left, f"172.31.{n}.1", length=length, df=df)
            left.run("ip route flush cache")

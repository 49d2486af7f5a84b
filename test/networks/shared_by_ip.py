"""ipvlan in its three modes, and a passthru macvlan device below a bridge."""


def build(lab):
    out = lab.machine("out")
    out.run("sysctl -qw net.ipv4.ip_forward=1")
    for n, mode in enumerate(("l2", "l3", "l3s"), 1):
        hv = lab.machine(f"hv-{mode}")
        lab.wire(hv, "eth0", out, f"eth{n}")
        hv.run(f"ip address add 10.{n}.0.254/24 dev eth0; iptables -A INPUT -p udp --dport 1001 -j DROP; iptables -A FORWARD -p udp --dport 1002 -j DROP; iptables -A OUTPUT -p udp --dport 1003 -j DROP; iptables -t nat -A POSTROUTING -p udp --dport 1004 -j SNAT --to-source 10.{n}.0.254")
        out.run(f"ip address add 10.{n}.0.100/24 dev eth{n}; {'' if n == 1 else f'ip route add 10.{n}.0.1/32 via 10.{n}.0.254; ip route add 10.{n}.0.2/32 via 10.{n}.0.254'}")
        for k, name in enumerate(("a", "b"), 1):
            name = f"{mode}-{name}"
            hv.namespace(name)
            hv.run(f"ip link add iv0 link eth0 netns {name} type ipvlan mode {mode}")
            hv.run(f"ip link set iv0 up; ip address add 10.{n}.0.{k}/24 dev iv0; ip route add default dev iv0", name)
            hv.serve(tcp=[80], udp=[53, 1001, 1002, 1003, 1004], space=name)
    out.serve(tcp=[80], udp=[53, 1001, 1002, 1003, 1004])
    for n, mode in enumerate(("l2", "l3", "l3s"), 1):
        hv = lab.machines[f"hv-{mode}"]
        a = hv.spaces[f"{mode}-a"]
        lab.experiment(f"{mode}, one to another", a, f"10.{n}.0.2", "tcp", 80)
        lab.experiment(f"{mode}, out", a, f"10.{n}.0.100", "udp", 53)
        lab.experiment(f"{mode}, from outside", out, f"10.{n}.0.1", asked=f"10.{n}.0.100")
        for port, what in ((1001, "INPUT"), (1002, "FORWARD"), (1003, "OUTPUT"), (1004, "POSTROUTING")):
            lab.experiment(f"{mode}, {what} of the card's host, out", a, f"10.{n}.0.100", "udp", port)
            if port != 1003:
                lab.experiment(f"{mode}, {what} of the card's host, from outside", out, f"10.{n}.0.1", "udp", port, asked=f"10.{n}.0.100")
    # The whole card is one device's: what comes in is that one's, whatever address it has.
    hv = lab.machine("hv-pass", bridge=True)
    lab.wire(hv, "eth0", out, "eth9")
    hv.run("ip link add mv0 link eth0 type macvlan mode passthru; ip link set mv0 up; ip link add br0 type bridge; ip link set br0 up; ip link set mv0 master br0")
    lab.guest(hv, "vm", "veth1", "10.9.0.1/24")
    hv.run("ip link set veth1 master br0")
    out.run("ip address add 10.9.0.100/24 dev eth9")
    lab.experiment("passthru below a bridge", out, "10.9.0.1", "tcp", 80, asked="10.9.0.100")
    lab.experiment("and out", hv.spaces["vm"], "10.9.0.100")

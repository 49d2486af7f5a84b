"""Devices that share a card: macvlan in each of its modes, ipvlan in each of its, and what the card's own host reaches of them."""


def build(lab):
    hv = lab.machine("hv")
    out = lab.machine("out")
    lab.wire(hv, "eth0", out, "eth0")
    hv.run("ip address add 10.0.0.254/24 dev eth0")
    out.run("ip address add 10.0.0.100/24 dev eth0")
    out.serve(tcp=[80], udp=[53])
    spaces = {}
    for n, (name, mode) in enumerate((("br-a", "bridge"), ("br-b", "bridge"), ("priv-a", "private"), ("priv-b", "private"), ("vepa-a", "vepa"), ("vepa-b", "vepa")), 1):
        spaces[name] = hv.namespace(name)
        hv.run(f"ip link add mv0 link eth0 netns {name} type macvlan mode {mode}")
        hv.run(f"ip link set mv0 up; ip address add 10.0.0.{n}/24 dev mv0", name)
        hv.serve(tcp=[80], udp=[53], space=name)
    # What is not asked by ARP is not answered: known by hand where the modes let nobody ask.
    macs = {name: hv.run("ip -br link show mv0", name).split()[2] for name in spaces}
    for asker, asked, ip in (("priv-a", "priv-b", "10.0.0.4"), ("vepa-a", "vepa-b", "10.0.0.6"), ("br-a", "vepa-a", "10.0.0.5"), ("br-a", "priv-a", "10.0.0.3")):
        hv.run(f"ip neigh replace {ip} lladdr {macs[asked]} dev mv0", asker)
    hv.run(f"ip neigh replace 10.0.0.1 lladdr {macs['br-a']} dev eth0")
    # A macvlan device of the host itself reaches those of mode bridge.
    hv.run("ip link add mvh link eth0 type macvlan mode bridge; ip link set mvh up; ip address add 10.0.0.253/32 dev mvh; ip route add 10.0.0.2/32 dev mvh src 10.0.0.253")
    hv.run("ip route add 10.0.0.253/32 dev mv0", "br-b")
    s = spaces
    lab.experiment("bridge, out", s["br-a"], "10.0.0.100", "tcp", 80)
    lab.experiment("bridge to bridge", s["br-a"], "10.0.0.2", "udp", 53)
    lab.experiment("private, out", s["priv-a"], "10.0.0.100")
    lab.experiment("private to private", s["priv-a"], "10.0.0.4", warm=False, strays=["out "])
    lab.experiment("vepa, out", s["vepa-a"], "10.0.0.100")
    lab.experiment("vepa to vepa", s["vepa-a"], "10.0.0.6", warm=False, strays=["out "])
    lab.experiment("bridge to vepa", s["br-a"], "10.0.0.5", warm=False, strays=["out "])
    lab.experiment("bridge to private", s["br-a"], "10.0.0.3", warm=False, strays=["out "])
    lab.experiment("the card's own host to a device", hv, "10.0.0.1", warm=False, asked="hv", strays=["out "])
    lab.experiment("the host by a device of its own", hv, "10.0.0.2")
    lab.experiment("from outside to bridge", out, "10.0.0.1", "tcp", 80)
    lab.experiment("from outside to private", out, "10.0.0.3")
    lab.experiment("from outside to vepa", out, "10.0.0.5")

"""VXLAN bridge ports with neigh_suppress and without learning, as routing daemons set them up: the bridge answers for whom it knows, and asks nobody else."""


def build(lab):
    ends = {}
    a, b = lab.machine("vtep-a", bridge=True), lab.machine("vtep-b", bridge=True)
    lab.wire(a, "eth0", b, "eth0")
    guests = {}
    for n, (one, other) in enumerate(((1, 2), (2, 1))):
        host = (a, b)[n]
        host.run(f"""ip address add 192.0.2.{one}/24 dev eth0
ip link add br0 type bridge; ip link set br0 up
ip link add vx100 type vxlan id 100 local 192.0.2.{one} dstport 4789 nolearning; ip link set vx100 up; ip link set vx100 master br0
bridge link set dev vx100 neigh_suppress on learning off
bridge fdb append 00:00:00:00:00:00 dev vx100 dst 192.0.2.{other}""")
        for k in (1, 2):
            name = f"g{one}{k}"
            guests[name] = lab.guest(host, name, f"veth{k}", f"10.0.0.{one}{k}/24")
            host.run(f"ip link set veth{k} master br0")
    macs = {name: space.machine.run("ip -br link show eth0", name).split()[2] for name, space in guests.items()}
    # Of the other side's guests one is known by both, one by the table of MAC addresses alone.
    for host, far, remote in ((a, "2", "192.0.2.2"), (b, "1", "192.0.2.1")):
        for k in "12":
            host.run(f"bridge fdb add {macs[f'g{far}{k}']} dev vx100 master extern_learn; bridge fdb add {macs[f'g{far}{k}']} dev vx100 self dst {remote}")
        host.run(f"ip neigh add 10.0.0.{far}1 lladdr {macs[f'g{far}1']} dev br0 nud permanent extern_learn")
    lab.experiment("a guest that the bridge answers for", guests["g11"], "10.0.0.21", "tcp", 80)
    lab.experiment("one that only MAC tables know", guests["g11"], "10.0.0.22", "udp", 53)
    lab.experiment("the other way", guests["g21"], "10.0.0.11", "udp", 53)
    lab.experiment("on the same bridge", guests["g11"], "10.0.0.12")
    # Whom the bridge answers for it asks no more, although nobody is there.
    a.run(f"ip neigh replace 10.0.0.77 lladdr {macs['g21']} dev br0 nud permanent extern_learn")
    lab.experiment("an address that the bridge answers for, and nobody has", guests["g11"], "10.0.0.77", "udp", 53)

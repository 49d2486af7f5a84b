"""Two switches made of Linux bridges that tell VLANs apart: access ports, a tagged trunk, a native VLAN, devices of the switches themselves."""


def build(lab):
    left = lab.machine("sw-left", bridge=True)
    right = lab.machine("sw-right", bridge=True)
    for switch in (left, right):
        switch.run("ip link add br0 type bridge vlan_filtering 1; ip link set br0 up")
    lab.wire(left, "eth9", right, "eth9")
    for switch in (left, right):
        switch.run("ip link set eth9 master br0; bridge vlan add dev eth9 vid 10; bridge vlan add dev eth9 vid 20; bridge vlan del dev eth9 vid 1; bridge vlan add dev eth9 vid 30 pvid untagged")
    guests = {}
    for switch, port, name, ip, vlans in (
        (left, "eth1", "pc-a", "10.0.10.1", "vid 10 pvid untagged"),
        (left, "eth2", "pc-b", "10.0.20.2", "vid 20 pvid untagged"),
        (left, "eth3", "pc-n", "10.0.30.3", "vid 30 pvid untagged"),
        (right, "eth1", "pc-c", "10.0.10.4", "vid 10 pvid untagged"),
        (right, "eth2", "pc-d", "10.0.20.5", "vid 20 pvid untagged"),
        (right, "eth3", "pc-m", "10.0.30.6", "vid 30 pvid untagged"),
    ):
        one = guests[name] = lab.machine(name)
        lab.wire(switch, port, one, "eth0")
        one.run(f"ip address add {ip}/24 dev eth0; ip route add default via {ip.rsplit('.', 1)[0]}.254")
        switch.run(f"ip link set {port} master br0; bridge vlan del dev {port} vid 1; bridge vlan add dev {port} {vlans}")
        one.serve(tcp=[80], udp=[53])
    # A trunk to a machine with VLAN devices.
    trunk = guests["server"] = lab.machine("server")
    lab.wire(right, "eth4", trunk, "eth0")
    right.run("ip link set eth4 master br0; bridge vlan del dev eth4 vid 1; bridge vlan add dev eth4 vid 10; bridge vlan add dev eth4 vid 20")
    trunk.run("ip link add link eth0 name eth0.10 type vlan id 10; ip link add link eth0 name eth0.20 type vlan id 20; ip link set eth0.10 up; ip link set eth0.20 up;"
              "ip address add 10.0.10.7/24 dev eth0.10; ip address add 10.0.20.7/24 dev eth0.20")
    trunk.serve(tcp=[80], udp=[53])
    # The left switch routes between its VLANs with devices on the bridge; the bridge itself is in 10 and 20, tagged.
    left.run("bridge vlan add dev br0 vid 10 self; bridge vlan add dev br0 vid 20 self; bridge vlan del dev br0 vid 1 self;"
             "ip link add link br0 name br0.10 type vlan id 10; ip link add link br0 name br0.20 type vlan id 20; ip link set br0.10 up; ip link set br0.20 up;"
             "ip address add 10.0.10.254/24 dev br0.10; ip address add 10.0.20.254/24 dev br0.20; sysctl -qw net.ipv4.ip_forward=1")
    # The right one has an untagged address of its own in VLAN 30.
    right.run("bridge vlan del dev br0 vid 1 self; bridge vlan add dev br0 vid 30 pvid untagged self; ip address add 10.0.30.254/24 dev br0")
    right.serve(tcp=[22])
    # Namespaces of the left one: behind a port without a PVID, and behind one in no VLAN at all.
    for port, name, ip, vlans in (("veth5", "tagged-only", "10.0.10.8", "vid 10"), ("veth6", "no-vlan", "10.0.10.9", None)):
        guests[name] = lab.guest(left, name, port, f"{ip}/24", f"ip neigh add 10.0.10.1 lladdr {guests['pc-a'].mac('eth0')} dev eth0")
        left.run(f"ip link set {port} master br0; bridge vlan del dev {port} vid 1" + (f"; bridge vlan add dev {port} {vlans}" if vlans else ""))
    a, b, n = guests["pc-a"], guests["pc-b"], guests["pc-n"]
    lab.experiment("access to access, by the trunk", a, "10.0.10.4")
    lab.experiment("access to access, native on the trunk", n, "10.0.30.6", "udp", 53)
    lab.experiment("access to a VLAN device", b, "10.0.20.7", "tcp", 80)
    lab.experiment("between VLANs, by the switch", a, "10.0.20.5")
    lab.experiment("between VLANs, to a VLAN device", a, "10.0.20.7", "udp", 53)
    lab.experiment("the switch's own VLAN device", b, "10.0.20.254")
    lab.experiment("the other switch's untagged address", n, "10.0.30.254", "tcp", 22)
    lab.experiment("by the far side to the switch's own VLAN device", guests["pc-c"], "10.0.10.254")
    lab.experiment("from the switch's own VLAN device", left, "10.0.10.4")
    lab.experiment("a VLAN device to an access port", trunk, "10.0.10.1", "tcp", 80)
    lab.experiment("no PVID", guests["tagged-only"], "10.0.10.1")
    lab.experiment("in no VLAN", guests["no-vlan"], "10.0.10.1")

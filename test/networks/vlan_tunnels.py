"""One VXLAN device for all VLANs of a bridge (vlan_tunnel): which VLAN travels under which number is the port's own table."""


def build(lab):
    a, b = [lab.machine(name, "bridge vlan tunnelshow", "bridge -d vlan", bridge=True) for name in ("vtep-a", "vtep-b")]
    lab.wire(a, "eth0", b, "eth0")
    guests = {}
    for host, own, far in ((a, 1, 2), (b, 2, 1)):
        host.run(f"""ip address add 192.0.2.{own}/24 dev eth0
ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0; ip link set br0 up
ip link add vxlan0 type vxlan external local 192.0.2.{own} dstport 4789; ip link set vxlan0 up; ip link set vxlan0 master br0
bridge link set dev vxlan0 vlan_tunnel on
for v in 10 20 30; do bridge vlan add dev vxlan0 vid $v; done
bridge vlan add dev vxlan0 vid 10 tunnel_info id 1010
bridge vlan add dev vxlan0 vid 20 tunnel_info id {2020 if own == 1 else 2021}
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.0.2.{far} src_vni 1010
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.0.2.{far} src_vni {2020 if own == 1 else 2021}""")
        for v in (10, 20, 30):
            name = f"g{own}-{v}"
            guests[name] = lab.guest(host, name, f"veth{v}", f"10.{v}.0.{own}/24")
            host.run(f"ip link set veth{v} master br0; bridge vlan add dev veth{v} vid {v} pvid untagged")
    for v in (10, 20, 30):
        for own, far in ((1, 2), (2, 1)):
            mac = guests[f"g{far}-{v}"].machine.run("ip -br link show eth0", f"g{far}-{v}").split()[2]
            guests[f"g{own}-{v}"].machine.run(f"ip neigh replace 10.{v}.0.{far} lladdr {mac} dev eth0", f"g{own}-{v}")
    lab.experiment("a VLAN under one number", guests["g1-10"], "10.10.0.2", "tcp", 80)
    lab.experiment("the other way", guests["g2-10"], "10.10.0.1", "udp", 53)
    lab.experiment("numbers that differ", guests["g1-20"], "10.20.0.2", "udp", 53, warm=False)
    lab.experiment("a VLAN without a number", guests["g1-30"], "10.30.0.2", "udp", 53, warm=False)

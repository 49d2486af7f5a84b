"""Frames in two tags: provider bridges (802.1ad) between customers, and VLAN devices on VLAN devices."""


def build(lab):
    west, east = (lab.machine(name, bridge=True) for name in ("pb-west", "pb-east"))
    for bridge in (west, east):
        bridge.run("ip link add br0 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 0; ip link set br0 up")
    lab.wire(west, "eth9", east, "eth9")
    for bridge in (west, east):
        bridge.run("ip link set eth9 master br0; bridge vlan add dev eth9 vid 100")
    ends = []
    for bridge, name, last in ((west, "cust-w", 1), (east, "cust-e", 2)):
        one = lab.guest(bridge, name, "veth1", f"10.1.0.{last}/24", f"ip link add link eth0 name eth0.7 type vlan id 7; ip link set eth0.7 up; ip address add 10.7.0.{last}/24 dev eth0.7")
        bridge.run("ip link set veth1 master br0; bridge vlan add dev veth1 vid 100 pvid untagged")
        ends.append(one)
    # A router that has both tags itself, on a trunk of the east.
    router = lab.guest(east, "isp", "veth2", "10.9.0.3/24", "ip link add link eth0 name svc type vlan proto 802.1ad id 100; ip link set svc up; ip link add link svc name svc.7 type vlan id 7; ip link set svc.7 up; ip address add 10.7.0.3/24 dev svc.7; ip address add 10.1.0.3/24 dev svc")
    east.run("ip link set veth2 master br0; bridge vlan add dev veth2 vid 100")
    lab.experiment("a customer's untagged frames", ends[0], "10.1.0.2")
    lab.experiment("a customer's tagged frames", ends[0], "10.7.0.2", "tcp", 80)
    lab.experiment("to a device with both tags", ends[0], "10.7.0.3")
    lab.experiment("to a device with the provider's tag", ends[0], "10.1.0.3")
    lab.experiment("from a device with both tags", router, "10.7.0.1", "udp", 53)

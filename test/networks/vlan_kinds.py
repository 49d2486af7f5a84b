"""A bridge with the rarer kinds of VLANs: states of single VLANs, a PVID that stays tagged, frames in two tags, tunnels by VLAN."""


# What is in VLAN 10 gets copies of what the bridge has to flood there.
FLOODED = [f"hv {name} " for name in ("veth2", "veth4", "veth5", "c-b", "c-tagged", "c-trunk")]


def build(lab):
    hv = lab.machine("hv", "bridge -d vlan", "bridge vlan tunnelshow", bridge=True)
    hv.run("ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0; ip link set br0 up")
    one = {}
    for n, (name, ip, vlans) in enumerate((
        ("c-a", "10.0.10.1", ("vid 10 pvid untagged",)),
        ("c-b", "10.0.10.2", ("vid 10 pvid untagged",)),
        ("c-blocked", "10.0.10.3", ("vid 10 pvid untagged",)),
        ("c-tagged", "10.0.10.4", ("vid 10 pvid",)),
        ("c-trunk", "10.0.99.5", ("vid 10", "vid 20-24")),
        ("c-odd", "10.0.10.6", ("vid 10 untagged", "vid 30 pvid")),
    ), 1):
        one[name] = lab.guest(hv, name, f"veth{n}", f"{ip}/24")
        hv.run(f"ip link set veth{n} master br0")
        for vlan in vlans:
            hv.run(f"bridge vlan add dev veth{n} {vlan}")
    hv.run("ip link add link eth0 name eth0.10 type vlan id 10; ip link add link eth0 name eth0.30 type vlan id 30; ip link set eth0.10 up; ip link set eth0.30 up; ip address add 10.0.10.5/24 dev eth0.10; ip address add 10.0.30.5/24 dev eth0.30", "c-trunk")
    hv.run("ip address flush dev eth0 scope global; ip link add link eth0 name eth0.10 type vlan id 10; ip link set eth0.10 up; ip address add 10.0.10.4/24 dev eth0.10", "c-tagged")
    # The bridge has an address, but no PVID: what its host sends is in no VLAN.
    hv.run("ip address add 10.0.50.254/24 dev br0; bridge vlan add dev br0 vid 10 self")
    a = one["c-a"]
    lab.experiment("one access port to another", a, "10.0.10.2")
    hv.run("bridge vlan set dev veth3 vid 10 state blocking")
    hv.run(f"ip neigh replace 10.0.10.3 lladdr {hv.mac('eth0', 'c-blocked')} dev eth0", "c-a")
    hv.run(f"ip neigh replace 10.0.10.1 lladdr {hv.mac('eth0', 'c-a')} dev eth0", "c-blocked")
    lab.experiment("to a port whose VLAN is blocked", a, "10.0.10.3", warm=False)
    lab.experiment("from a port whose VLAN is blocked", one["c-blocked"], "10.0.10.1", warm=False)
    lab.experiment("to a VLAN device on a trunk", a, "10.0.10.5", "tcp", 80)
    lab.experiment("to a port whose PVID stays tagged", a, "10.0.10.4")
    hv.run(f"ip neigh replace 10.0.10.1 lladdr {hv.mac('eth0', 'c-a')} dev eth0", "c-odd")
    lab.experiment("from a port that is in another VLAN than it sends to", one["c-odd"], "10.0.10.1", warm=False)
    hv.run(f"ip neigh replace 10.0.10.6 lladdr {hv.mac('eth0', 'c-odd')} dev eth0", "c-a")
    lab.experiment("to a port whose answers are in another VLAN", a, "10.0.10.6", warm=False, strays=FLOODED)
    hv.run("ip neigh replace 10.0.30.6 lladdr 02:00:00:00:00:06 dev eth0.30", "c-trunk")
    lab.experiment("a tag that the trunk does not carry", one["c-trunk"], "10.0.30.6", warm=False, device="eth0.30")
    hv.run(f"ip neigh replace 10.0.50.1 lladdr {hv.mac('eth0', 'c-a')} dev br0")
    lab.experiment("from a bridge without a PVID", hv, "10.0.50.1", warm=False)

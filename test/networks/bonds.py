"""Bonds in all common modes, plain and below bridges and VLAN devices."""
import time


def bond(machine, name, options, *slaves):
    machine.run(f"ip link add {name} type bond {options}; ip link set {name} up")
    for slave in slaves:
        machine.run(f"ip link set {slave} down; ip link set {slave} master {name}; ip link set {slave} up")


def build(lab):
    proc = lambda *names: [f"cat /proc/net/bonding/{name}" for name in names]
    sw = lab.machine("sw", *proc("bond1", "bond2", "bond5"), bridge=True)
    hosts = {}
    plan = (
        ("ab", "mode active-backup miimon 100", 1, None),
        ("lacp", "mode 802.3ad miimon 100 lacp_rate fast", 2, "mode 802.3ad miimon 100 lacp_rate fast"),
        ("alone", "mode 802.3ad miimon 100 lacp_rate fast", 3, None),
        ("xor", "mode balance-xor miimon 100 xmit_hash_policy layer3+4", 5, "mode balance-xor miimon 100"),
        ("fail", "mode active-backup miimon 100", 6, None),
    )
    sw.run("ip link add br0 type bridge; ip link set br0 up; ip address add 10.0.0.254/24 dev br0")
    for name, options, n, far in plan:
        one = hosts[name] = lab.machine(name, *proc("bond0"))
        for cable in "ab":
            lab.wire(one, f"eth{'ab'.index(cable)}", sw, f"p{n}{cable}")
        bond(one, "bond0", options, "eth0", "eth1")
        if name == "lacp":
            one.run(f"ip link add link bond0 name bond0.8 type vlan id 8; ip link set bond0.8 up; ip address add 10.8.0.{n}/24 dev bond0.8")
        one.run(f"ip address add 10.0.0.{n}/24 dev bond0")
        one.serve(tcp=[80], udp=[53])
        if far:
            bond(sw, f"bond{n}", far, f"p{n}a", f"p{n}b")
            sw.run(f"ip link set bond{n} master br0")
        else:
            for cable in "ab":
                sw.run(f"ip link set p{n}{cable} master br0")
    sw.run("ip link add link br0 name br0.8 type vlan id 8; ip link set br0.8 up; ip address add 10.8.0.254/24 dev br0.8")
    sw.serve(tcp=[80], udp=[53])
    # A guest of the machine with LACP: a bridge over a VLAN device over a bond.
    hosts["lacp"].run("ip link add link bond0 name bond0.9 type vlan id 9; ip link set bond0.9 up; ip link add br9 type bridge; ip link set br9 up; ip link set bond0.9 master br9")
    guest = lab.guest(hosts["lacp"], "vm9", "veth9", "10.9.0.1/24")
    hosts["lacp"].run("ip link set veth9 master br9")
    sw.run("ip link add link br0 name br0.9 type vlan id 9; ip link set br0.9 up; ip address add 10.9.0.254/24 dev br0.9")
    hosts["fail"].run("ip link set eth0 down")
    time.sleep(5)
    lacp, xor = (("lacp eth0", "lacp eth1"), ("sw p2a", "sw p2b")), (("xor eth0", "xor eth1"), ("sw p5a", "sw p5b"))
    lab.experiment("by the active one", hosts["ab"], "10.0.0.254")
    lab.experiment("by the one that is left", hosts["fail"], "10.0.0.254", "tcp", 80)
    lab.experiment("by one of two, LACP", hosts["lacp"], "10.0.0.254", one_of=lacp)
    lab.experiment("a VLAN on the bond", hosts["lacp"], "10.8.0.254", "udp", 53, one_of=lacp)
    lab.experiment("a guest on a VLAN on the bond", guest, "10.9.0.254", one_of=lacp)
    lab.experiment("LACP without a partner", hosts["alone"], "10.0.0.254")
    lab.experiment("by one of two, by a hash", hosts["xor"], "10.0.0.254", "tcp", 80, one_of=xor)
    lab.experiment("between two bonds", hosts["ab"], "10.0.0.2", "tcp", 80, one_of=lacp)
    lab.experiment("from a bridge to a bond", sw, "10.0.0.5", one_of=xor)

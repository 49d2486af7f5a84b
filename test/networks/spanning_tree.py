"""Two bridges with two cables between them and a third one beside: the spanning tree blocks what would be a loop."""
import time


def build(lab):
    bridges = [lab.machine(name, "brctl showstp br0", bridge=True) for name in ("sw-1", "sw-2", "sw-3")]
    for n, one in enumerate(bridges, 1):
        one.run(f"ip link add br0 type bridge stp_state 1 priority {n * 4096} forward_delay 200 hello_time 100; ip link set br0 up")
    for left, right, name in ((0, 1, "eth1"), (0, 1, "eth2"), (0, 2, "eth3"), (1, 2, "eth4")):
        lab.wire(bridges[left], name, bridges[right], name)
        for one in (bridges[left], bridges[right]):
            one.run(f"ip link set {name} master br0")
    guests = [lab.guest(one, f"ns-{n}", "veth0", f"10.0.0.{n}/24") for n, one in enumerate(bridges, 1)]
    for one in bridges:
        one.run("ip link set veth0 master br0")
    time.sleep(12)
    lab.experiment("by the cable that is open", guests[0], "10.0.0.2")
    lab.experiment("to the bridge that is farthest", guests[2], "10.0.0.2", "tcp", 80)
    lab.experiment("and from there", guests[1], "10.0.0.3", "udp", 53)

"""A bond of 802.3ad whose devices hang on two switches that know nothing of one another: two aggregators, of which one carries all frames."""
import time

from bonds import bond


def build(lab):
    host = lab.machine("host", "cat /proc/net/bonding/bond0")
    switches = [lab.machine(name, "cat /proc/net/bonding/bond1", bridge=True) for name in ("left", "right")]
    left, right = switches
    options = "mode 802.3ad miimon 100 lacp_rate fast"
    ends = []
    lab.wire(left, "between", right, "between")
    for n, one in enumerate(switches):
        one.run("ip link add br0 type bridge; ip link set br0 up")
        lab.wire(host, f"eth{n}", one, "port")
        bond(one, "bond1", options, "port")
        end = lab.machine(f"behind-{one.name}")
        lab.wire(one, "leaf", end, "eth0")
        end.run(f"ip address add 10.0.0.{n + 1}/24 dev eth0")
        end.serve(tcp=[80], udp=[53])
        ends.append(end)
        for port in ("bond1", "between", "leaf"):
            one.run(f"ip link set {port} master br0")
    bond(host, "bond0", options, "eth0", "eth1")
    host.run("ip address add 10.0.0.9/24 dev bond0")
    host.serve(tcp=[80], udp=[53])
    time.sleep(15)
    near, far = ends
    lab.experiment("by the active aggregator", host, "10.0.0.1", "tcp", 80)
    lab.experiment("to behind the other switch", host, "10.0.0.2", "udp", 53)
    lab.experiment("from behind the active one", near, "10.0.0.9")
    lab.experiment("from behind the other switch, which has learned the way round", far, "10.0.0.9", "tcp", 80)

"""A bridge whose ports are set in all the ways of bridge(8): isolated, silent, locked, hairpin, without learning or floods, by state."""


def build(lab):
    hv = lab.machine("hv", bridge=True)
    hv.run("ip link add br0 type bridge; ip link set br0 up; ip address add 10.0.0.254/24 dev br0")
    names = ("plain", "other", "iso-1", "iso-2", "no-flood", "no-bcast", "no-learn", "locked", "known", "blocking", "listening", "learning", "disabled", "hairpin", "quiet")
    one = {}
    for n, name in enumerate(names, 1):
        one[name] = lab.guest(hv, name, f"veth{n}", f"10.0.0.{n}/24")
        hv.run(f"ip link set veth{n} master br0")
    port = {name: f"veth{n}" for n, name in enumerate(names, 1)}
    ip = {name: f"10.0.0.{n}" for n, name in enumerate(names, 1)}
    mac = {name: hv.mac("eth0", name) for name in names}

    def knows(name, *others):
        for other in others:
            hv.run(f"ip neigh replace {ip[other]} lladdr {mac[other]} dev eth0", name)

    hv.run(f"bridge link set dev {port['iso-1']} isolated on; bridge link set dev {port['iso-2']} isolated on")
    hv.run(f"bridge link set dev {port['no-bcast']} bcast_flood off")
    knows("plain", "iso-1", "no-flood", "quiet", "locked", "known", "blocking", "listening", "learning", "disabled")
    knows("iso-1", "plain", "iso-2")
    knows("iso-2", "iso-1")
    for name in ("locked", "known", "blocking", "listening", "learning", "disabled", "no-flood", "no-learn", "quiet"):
        knows(name, "plain")
    lab.experiment("plain to plain", one["plain"], ip["other"])
    lab.experiment("to the host of the bridge", one["plain"], "10.0.0.254", "tcp", 80)
    lab.experiment("from the host of the bridge", hv, ip["other"], asked="hv")
    lab.experiment("isolated to plain", one["iso-1"], ip["plain"])
    lab.experiment("plain to isolated", one["plain"], ip["iso-1"])
    lab.experiment("isolated to isolated", one["iso-1"], ip["iso-2"])
    lab.experiment("isolated to the host", one["iso-1"], "10.0.0.254")
    # Its address is not in the table, and what is unknown is not flooded to it.
    hv.run(f"bridge link set dev {port['no-flood']} learning off flood off; bridge fdb del {mac['no-flood']} dev {port['no-flood']} master || true")
    lab.experiment("unknown, and not flooded", one["plain"], ip["no-flood"], warm=False, strays=[f"hv veth{n} " for n in range(2, 16)] + [f"hv {name} eth0 " for name in names[1:]])
    lab.experiment("from the port that gets no floods", one["no-flood"], ip["plain"], warm=False, strays=[f"hv veth{n} " for n in range(2, 16) if n != 5] + [f"hv {name} eth0 " for name in names[1:] if name != "no-flood"])
    hv.run(f"bridge link set dev {port['no-learn']} learning off")
    lab.experiment("from a port that teaches nothing", one["no-learn"], ip["plain"])
    hv.run(f"bridge link set dev {port['locked']} learning off locked on; bridge link set dev {port['known']} learning off locked on; bridge fdb replace {mac['known']} dev {port['known']} master static; bridge fdb del {mac['locked']} dev {port['locked']} master || true")
    lab.experiment("from a locked port", one["locked"], ip["plain"], warm=False)
    lab.experiment("from a locked port that the table knows", one["known"], ip["plain"], warm=False)
    lab.experiment("to a locked port that the table knows", one["plain"], ip["known"], warm=False)
    # Without a spanning tree the kernel makes a port that is set to blocking forward again at once (br_port_state_selection).
    for state, number in (("blocking", 4), ("listening", 1), ("learning", 2), ("disabled", 0)):
        hv.run(f"bridge link set dev {port[state]} state {number}")
        lab.experiment(f"from a port that was set to {state}", one[state], ip["plain"], warm=False)
        lab.experiment(f"to a port that was set to {state}", one["plain"], ip[state], warm=False, strays=[f"hv veth{n} " for n in range(2, 16)] + [f"hv {name} eth0 " for name in names[1:] if name != state])
    # Two addresses behind one port: they reach one another by the bridge only where the port sends frames back.
    hv.run(f"ip link add link eth0 name mv0 type macvlan mode vepa; ip link set mv0 up; ip address add 10.0.0.77/24 dev mv0", "hairpin")
    hv.run(f"bridge link set dev {port['hairpin']} hairpin on")
    lab.experiment("a broadcast that is not flooded", one["no-bcast"], ip["plain"])

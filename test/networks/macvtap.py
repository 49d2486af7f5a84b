"""Guests on macvtap devices of one card: bridge, vepa, private and passthru. Each is a machine of its own behind a process that has the device's file."""
import fcntl
import os
import struct
import threading

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000


def pump(one, other):
    """Hands frames from a file to another, as QEMU does, until either is closed."""
    def run():
        while True:
            try:
                os.write(other, os.read(one, 70000))
            except OSError:
                return
    threading.Thread(target=run, daemon=True).start()


def guest(lab, hypervisor, name, address, device, card, mode):
    made = lab.machine(name)
    made.run("ip tuntap add dev eth0 mode tap")
    hypervisor.run(f"ip link add {device} link {card} type macvtap mode {mode}; ip link set {device} up")
    mac = hypervisor.mac(device)
    made.run(f"ip link set eth0 address {mac}; ip link set eth0 up; ip address add {address}/24 dev eth0")
    # The character device of the tap that lies on the macvlan.
    numbers = hypervisor.run(f"cat /sys/class/net/{device}/tap*/dev").strip()
    major, minor = map(int, numbers.split(":"))
    path = f"/tmp/{name}-tap"
    os.mknod(path, 0o20600, os.makedev(major, minor))
    with hypervisor.root.inside():
        behind = os.open(path, os.O_RDWR)
        fcntl.ioctl(behind, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    with made.root.inside():
        card_of = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(card_of, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
    made.ends = [lambda: os.close(behind), lambda: os.close(card_of)]
    pump(behind, card_of)
    pump(card_of, behind)
    made.serve(tcp=[80], udp=[53])
    return made


def build(lab):
    hypervisor = lab.machine("hv")
    out = lab.machine("out")
    lab.wire(hypervisor, "eth0", out, "eth0")
    other = lab.machine("other")
    lab.wire(hypervisor, "eth1", other, "eth0")
    hypervisor.run("ip address add 10.0.0.254/24 dev eth0")
    out.run("ip address add 10.0.0.100/24 dev eth0")
    other.run("ip address add 10.1.0.100/24 dev eth0")
    for one in (out, other, hypervisor):
        one.serve(tcp=[80], udp=[53])
    modes = (("br-a", "bridge"), ("br-b", "bridge"), ("vepa-a", "vepa"), ("vepa-b", "vepa"), ("priv-a", "private"))
    vms = {name: guest(lab, hypervisor, name, f"10.0.0.{n}", f"macvtap{n}", "eth0", mode) for n, (name, mode) in enumerate(modes, 1)}
    vms["own"] = guest(lab, hypervisor, "own", "10.1.0.1", "macvtap9", "eth1", "passthru")
    vms["vepa-a"].run(f"ip neigh replace 10.0.0.4 lladdr {vms['vepa-b'].mac('eth0')} dev eth0")
    hypervisor.run(f"ip neigh replace 10.0.0.1 lladdr {vms['br-a'].mac('eth0')} dev eth0")
    vms["br-b"].run(f"ip neigh replace 10.0.0.254 lladdr {hypervisor.mac('eth0')} dev eth0")
    lab.experiment("bridge, out", vms["br-a"], "10.0.0.100", "tcp", 80)
    lab.experiment("bridge to bridge", vms["br-a"], "10.0.0.2", "udp", 53)
    lab.experiment("vepa, out", vms["vepa-a"], "10.0.0.100", "udp", 53)
    lab.experiment("vepa to vepa", vms["vepa-a"], "10.0.0.4", warm=False, strays=["out "])
    lab.experiment("private, out", vms["priv-a"], "10.0.0.100")
    lab.experiment("passthru, out", vms["own"], "10.1.0.100", "tcp", 80)
    lab.experiment("from outside to bridge", out, "10.0.0.1", "tcp", 80)
    lab.experiment("from outside to vepa", out, "10.0.0.3", "udp", 53)
    lab.experiment("from outside to passthru", other, "10.1.0.1", "tcp", 80)
    lab.experiment("the card's own host to a guest", hypervisor, "10.0.0.1", warm=False, strays=["out "])
    lab.experiment("a guest to the card's own host", vms["br-b"], "10.0.0.254", warm=False, strays=["out "])

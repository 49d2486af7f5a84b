"""
Machines made of namespaces, wires between them, what an operator would capture on each, and real packets with every device that saw them.

A network is a function that takes a `Lab`. It makes machines, sets them up with the commands of the manual pages, and asks for
experiments. `record` returns what `test/fixtures/networks/` holds. Needs root, iproute2, and a kernel with the devices in question.
"""
import array
import ctypes
import errno
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL("libc.so.6", use_errno=True)
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4
ARPHRD_ETHER = 1
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_AUXDATA = 263, 8
IP_MTU_DISCOVER = 10
# What packets hold over and over, and what comes back in those of UDP.
ASKS, ANSWERS = b"PWlk", b"pwLK"

CAPTURES = (
    "ip a", "ip -d link", "ip route show table all", "ip rule", "ip -6 rule", "ip neigh", "iptables-save", "ip6tables-save", "ss -lntu", "ip netns list",
    "sysctl -a -r 'net.*(ip_forward|rp_filter|forwarding|bridge-nf|l3mdev_accept|accept_local)'",
)
BRIDGE = ("bridge -d link", "bridge vlan", "bridge fdb show")


class Netns:
    """One network namespace: of a machine, or a named one inside it."""

    def __init__(self, machine, name):
        self.machine, self.name = machine, name
        path = f"/proc/{machine.pid}/ns/net" if name == "" else f"/proc/{machine.pid}/root/run/netns/{name}"
        self.path = path
        with self.inside():
            self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.tap.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self.tap.setblocking(False)

    def inside(self):
        return Inside(self.path)

    def socket(self, *what, device=None):
        with self.inside():
            made = socket.socket(*what)
            if device is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            return made

    def seen(self):
        """Frames since the last time: (time, device, outgoing, of Ethernet, bytes), with the tag where the kernel had it beside the frame."""
        frames = []
        while True:
            try:
                data, anc, _, (device, _, kind, hardware, _) = self.tap.recvmsg(70000, 512)
            except BlockingIOError:
                return frames
            stamp = 0
            for level, of, value in anc:
                if level == socket.SOL_SOCKET and of == SO_TIMESTAMPNS:
                    seconds, nanos = struct.unpack("qq", value[:16])
                    stamp = seconds * 10**9 + nanos
                if level == SOL_PACKET and of == PACKET_AUXDATA:
                    status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                    if status & 0x10:
                        data = data[:12] + struct.pack("!HH", tpid if status & 0x40 else 0x8100, tci) + data[12:]
            if device != "lo":
                frames.append((stamp, device, kind == PACKET_OUTGOING, hardware == ARPHRD_ETHER, data))


class Inside:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(there)

    def __exit__(self, *_):
        libc.setns(self.back, CLONE_NEWNET)
        os.close(self.back)


class Machine:
    def __init__(self, lab, name, captures):
        self.lab, self.name, self.captures = lab, name, list(captures)
        start = f"hostname {name}; mount -t sysfs sysfs /sys; mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns; ip link set lo up; echo ready; exec sleep 36000"
        self.holder = subprocess.Popen(["unshare", "-m", "-n", "-u", "--propagation", "private", "bash", "-c", start], stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{name} did not start")
        self.pid = self.holder.pid
        self.env = dict(os.environ)
        self.root = Netns(self, "")
        self.spaces = {"": self.root}
        self.run("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.router_solicitations=0")

    def run(self, script, space="", check=True):
        """Runs lines of shell on the machine."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-n", "-u", "--"] + (["ip", "netns", "exec", space] if space else [])
        done = subprocess.run([*enter, "bash", "-ec", script], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if check and done.returncode:
            raise RuntimeError(f"{self.name} {space}: {script}\n{done.stdout}{done.stderr}")
        return done.stdout

    def whole_checksums(self, device, space=""):
        """Its own sums: a switch that is a process hands on what it reads (SIOCETHTOOL with ETHTOOL_STXCSUM)."""
        with self.spaces[space].inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            asked = array.array("B", struct.pack("II", 0x17, 0))
            fcntl.ioctl(one, 0x8946, struct.pack("16sP", device.encode(), asked.buffer_info()[0]))

    def mac(self, device, space=""):
        return self.run(f"cat /sys/class/net/{device}/address" if not space else f"ip -br link show {device}", space).split()[0 if not space else 2]

    def namespace(self, name):
        self.run(f"ip netns add {name}; ip netns exec {name} ip link set lo up")
        self.spaces[name] = Netns(self, name)
        return self.spaces[name]

    def serve(self, tcp=(), udp=(), space="", device=None):
        """Listens, and gives every UDP packet back."""
        for port in tcp:
            one = self.spaces[space].socket(socket.AF_INET6, socket.SOCK_STREAM, device=device)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("::", port))
            one.listen(8)
            self.lab.listeners.append(one)
        for port in udp:
            one = self.spaces[space].socket(socket.AF_INET6, socket.SOCK_DGRAM, device=device)
            one.setsockopt(41, 49, 1)  # IPV6_RECVPKTINFO
            one.bind(("::", port))
            one.setblocking(False)
            self.lab.echoes.append(one)

    def files(self):
        shown = {}
        for space in self.spaces:
            for command in self.captures:
                if space and command.split()[0] in ("ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovs-dpctl", "ipvsadm"):
                    continue
                if command == "ip netns list" and (space or len(self.spaces) == 1):
                    continue
                text = self.run(command, space, check=False)
                name = re.sub(r"[^\w.=-]+", "_", command).strip("_")
                folder = f"{self.name}/namespaces/{space}" if space else self.name
                shown[f"{folder}/{name}.txt"] = text
        return shown


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    total = (total >> 16) + (total & 0xffff)
    return ~((total >> 16) + total) & 0xffff


class Frame:
    """What a frame carries: tags, pairs of addresses from the outside in, the networks of its tunnels."""

    def __init__(self, data, is_ethernet):
        self.tags, self.pairs, self.ids = [], [], []
        self.syn = self.ack = None
        self.reset = self.later = False
        if is_ethernet:
            self.ethernet(data)
        elif data:
            self.payload({4: 0x800, 6: 0x86dd}.get(data[0] >> 4, 0), data)

    def ethernet(self, data):
        at = 12
        kind = struct.unpack("!H", data[at:at + 2])[0] if len(data) >= 14 else 0
        while kind in (0x8100, 0x88a8):
            self.tags.append(struct.unpack("!H", data[at + 2:at + 4])[0] & 0xfff)
            at += 4
            kind = struct.unpack("!H", data[at:at + 2])[0]
        self.payload(kind, data[at + 2:])

    def payload(self, kind, data):
        if kind == 0x800 and len(data) >= 20:
            self.pairs.append((socket.inet_ntop(socket.AF_INET, data[12:16]), socket.inet_ntop(socket.AF_INET, data[16:20])))
            # Whoever has the packet next may have written into what the watcher was given.
            self.later |= checksum(data[:(data[0] & 15) * 4]) != 0
            first = struct.unpack("!H", data[6:8])[0] & 0x1fff == 0
            self.transport(data[9], data[(data[0] & 15) * 4:], first)
        elif kind == 0x86dd and len(data) >= 40:
            self.pairs.append((socket.inet_ntop(socket.AF_INET6, data[8:24]), socket.inet_ntop(socket.AF_INET6, data[24:40])))
            proto, rest, first = data[6], data[40:], True
            while proto in (0, 60, 44) and len(rest) >= 8:
                if proto == 44:
                    first = struct.unpack("!H", rest[2:4])[0] & 0xfff8 == 0
                    proto, rest = rest[0], rest[8:]
                else:
                    proto, rest = rest[0], rest[8 + 8 * rest[1]:]
            self.transport(proto, rest, first)

    def transport(self, proto, data, first):
        if not first:
            self.later = True
        if not first or len(data) < 8:
            return
        if proto == 6 and len(data) >= 20:
            seq, ack = struct.unpack("!II", data[4:12])
            flags = data[13]
            if flags & 0x12 == 0x02:
                self.syn = seq
            elif flags & 0x10:
                self.ack, self.reset = ack, flags & 0x04 != 0
        elif proto == 17:
            port = struct.unpack("!H", data[2:4])[0]
            if port in (4789, 8472):
                self.inner(int.from_bytes(data[12:15], "big"), 0x6558, data[16:])
            elif port == 6081:
                self.inner(int.from_bytes(data[12:15], "big"), struct.unpack("!H", data[10:12])[0], data[16 + 4 * (data[8] & 63):])
        elif proto == 47:
            flags, kind = struct.unpack("!HH", data[:4])
            at, key = 4 + (4 if flags & 0x8000 else 0), 0
            if flags & 0x2000:
                key = struct.unpack("!I", data[at:at + 4])[0]
                at += 4
            at += 4 if flags & 0x1000 else 0
            if kind in (0x88be, 0x22eb):
                key = struct.unpack("!H", data[at + 2:at + 4])[0] & 0x3ff
                at += 8 if kind == 0x88be else 12 + (8 if data[at + 11] & 1 else 0)
                kind = 0x6558
            self.inner(key, kind, data[at:])
        elif proto == 1 and data[0] == 5 or proto == 58 and data[0] == 137:
            # A redirect quotes the packet, which goes on.
            self.later = True
        elif proto == 1 and data[0] in (3, 11) and len(data) > 32 and data[17] == 17 and struct.unpack("!H", data[30:32])[0] in (4789, 8472, 6081):
            # A host without such a tunnel says so; what it quotes is not the packet again.
            self.later = True
        elif proto in (4, 41):
            self.inner(0, 0x800 if proto == 4 else 0x86dd, data)

    def inner(self, number, kind, data):
        self.ids.append(number)
        if kind == 0x6558:
            self.tags = []
            self.ethernet(data)
        else:
            self.payload(kind, data)

    def text(self):
        a, b = self.pairs[-1]
        vni = f" vni {self.ids[-1]}" if self.ids else ""
        vlan = f" vlan {'.'.join(map(str, self.tags))}" if self.tags and not self.ids else ""
        return f"{a} > {b}{vni}{vlan}"


class Lab:
    def __init__(self):
        self.machines, self.listeners, self.echoes, self.experiments = {}, [], [], []
        self.number = 0
        self.warmed = set()
        # Whether a sender's own socket must have got an answer, or its device to have seen one.
        self.to_socket = False

    def machine(self, name, *captures, bridge=False):
        made = Machine(self, name, [*dict.fromkeys((*CAPTURES, *(BRIDGE if bridge else ()), *captures))])
        self.machines[name] = made
        return made

    def wire(self, left, left_device, right, right_device, mtu=1500):
        """A cable between two machines, or between a guest and its hypervisor."""
        (a, a_space), (b, b_space) = [(m.machine, m.name) if isinstance(m, Netns) else (m, "") for m in (left, right)]
        subprocess.run(["ip", "link", "add", "pw-left", "netns", str(a.pid), "mtu", str(mtu), "type", "veth", "peer", "name", "pw-right", "netns", str(b.pid), "mtu", str(mtu)], check=True)
        for machine, space, old, new in ((a, a_space, "pw-left", left_device), (b, b_space, "pw-right", right_device)):
            if space:
                machine.run(f"ip link set {old} netns {space}")
            machine.run(f"ip link set {old} name {new}; ip link set {new} up", space)

    def switch(self, name):
        """A machine that is a bridge and nothing else."""
        made = self.machine(name, bridge=True)
        made.run("ip link add br0 type bridge; ip link set br0 up")
        return made

    def plug(self, switch, n, machine, device="eth0"):
        """A cable from the port pN of a switch."""
        self.wire(switch, f"p{n}", machine, device)
        switch.run(f"ip link set p{n} master br0")

    def guest(self, machine, name, port, address, script="", device="eth0", mtu=1500):
        """A namespace of a machine with one card, whose other end is a port of the machine."""
        space = machine.namespace(name)
        self.wire(machine, port, space, device, mtu)
        machine.run(f"ip address add {address} dev {device}; {script}", name)
        machine.serve(tcp=[80], udp=[53], space=name)
        return space

    def spaces(self):
        return [space for machine in self.machines.values() for space in machine.spaces.values()]

    def echo(self, seconds):
        """Serves for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select(self.echoes, [], [], left)
            for one in ready:
                data, anc, _, peer = one.recvmsg(70000, 256)
                self.got.add(data[:8])
                # From the address that was asked, by whatever device routing says.
                info = [(level, kind, value[:16] + bytes(4)) for level, kind, value in anc if (level, kind) == (41, 50)]
                try:
                    one.sendmsg([data.replace(ASKS, ANSWERS)], info, 0, peer)
                except OSError:
                    pass

    def send(self, space, to, proto, dport, token, length, df, device, source):
        six = ":" in to
        family = socket.AF_INET6 if six else socket.AF_INET
        header = 40 if six else 20
        size = None if length is None else length - header - 8
        data = (token * 9000)[:size if size is not None else 48]
        if proto == "tcp":
            one = space.socket(family, socket.SOCK_STREAM, device=device)
            one.setblocking(False)
            if source:
                one.bind((source, 0))
            failed = one.connect_ex((to, dport))
            self.open.append(one)
            if failed not in (0, errno.EINPROGRESS):
                raise OSError(failed, os.strerror(failed))
            return
        if proto == "udp":
            one = space.socket(family, socket.SOCK_DGRAM, device=device)
        else:
            one = space.socket(family, socket.SOCK_RAW, 58 if six else 1, device=device)
            head = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0x5057, self.number & 0xffff)
            data = head[:2] + struct.pack("!H", checksum(head + data)) + head[4:] + data
        if df is not None:
            one.setsockopt(41 if six else 0, 23 if six else IP_MTU_DISCOVER, 3 if df else 0)
        if source:
            one.bind((source, 0))
        self.open.append(one)
        one.sendto(data, (to, dport or 0))

    def once(self, space, to, proto, dport, length, df, device, source, wait):
        self.number += 1
        token = struct.pack("!4sI", ASKS, self.number)
        for one in self.spaces():
            one.seen()
        self.got, self.open, self.refusal = set(), [], None
        refused = False
        try:
            self.send(space, to, proto, dport, token, length, df, device, source)
        except OSError as error:
            # Without a way to send it by, no packet was made.
            refused = error.errno == errno.EMSGSIZE
            self.refusal = error
        self.echo(wait)
        return token, refused

    def experiment(self, name, start, to, proto="icmp", dport=None, length=None, df=None, device=None, source=None, asked=None, to_asked=None, warm=True, strays=(), one_of=(), wait=0.7):
        """
        Sends a packet from a namespace and notes who saw it. `asked` and `to_asked` say how a question names both ends; `strays` are machines and devices that
        get copies which lead nowhere, `one_of` devices (`machine device`) of which a hash takes one. Tables are warm first, as they are in a network that is in use, unless `warm` says otherwise.
        """
        space = start.root if isinstance(start, Machine) else start
        if warm and (space, to) not in self.warmed:
            self.once(space, to, proto, dport, None, None, device, source, 1.2)
            self.warmed.add((space, to))
        token, refused = self.once(space, to, proto, dport, length, df, device, source, wait)
        frames = []
        for one in self.spaces():
            latest = 0
            for stamp, device_name, outgoing, is_ethernet, data in one.seen():
                latest = max(latest, stamp)
                frames.append((latest, one, device_name, outgoing, Frame(data, is_ethernet), data))
        frames.sort(key=lambda frame: frame[0])
        syn, request, reply, told = None, [], [], None
        answered = arrived = reset = False
        for _, one, device_name, outgoing, frame, data in frames:
            # Of what was cut the first part tells.
            if not frame.pairs or frame.later:
                continue
            what = frame.pairs[-1]
            place = f"{one.machine.name}{' ' + one.name if one.name else ''} {device_name} {frame.text()}"
            if proto == "tcp":
                if frame.syn is not None and syn is None and one is space:
                    syn = frame.syn
                is_request = syn is not None and frame.syn == syn
                is_reply = syn is not None and frame.ack == syn + 1
            else:
                back = token.replace(ASKS, ANSWERS)
                if token not in data and back not in data:
                    continue
                error = icmp_error(data, token)
                if error is not None:
                    if one is space and not outgoing:
                        told = {"from": what[0], "mtu": error} if error else told
                    # A rule on the way says the same in its own name.
                    arrived = arrived or error == 0 and is_port_unreachable(data, token) and what[0] == to
                    continue
                if ":" in to and token in data and is_error6(data, token):
                    arrived = arrived or is_port_unreachable(data, token)
                    continue
                is_request = token in data and (proto != "icmp" or is_echo(data, token))
                is_reply = not is_request
            if any(place.startswith(stray) for stray in strays):
                continue
            if is_request and (not request or request[-1] != place):
                request.append(place)
            if is_reply:
                arrived = True
                reset = reset or frame.reset
                if not reply or reply[-1] != place:
                    reply.append(place)
                if one is space and not outgoing:
                    answered = True
        if proto == "udp" and token in self.got:
            arrived = True
        # An ICMP error refuses a connection as well: that is no answer of whom it was for.
        by_error = proto == "tcp" and not reset and any(one is space and not outgoing and is_refusal(data) for _, one, _, outgoing, _, data in frames)
        # So does a rule of its own, before any device has seen the packet.
        by_error = by_error or proto == "tcp" and not frames
        by_socket = self.refusal is None and not by_error and any(has_answer(one, token) for one in self.open)
        answered = by_socket if self.to_socket else answered or by_socket
        for one in self.open:
            one.close()
        # A question names a machine, or the address that a namespace of one sends from.
        sender = space.machine.name if space.name == "" or not request else request[0].split(" > ")[0].split()[-1]
        known = {
            "name": name, "from": asked or sender, "to": to_asked or to, "proto": proto,
            **({} if dport is None else {"dport": dport}), **({} if length is None else {"length": length}), **({} if df is None else {"dontFragment": df}),
            **({} if told is None else {"told": told}), **({"refused": True} if refused else {}),
            **({"oneOf": [list(group) for group in one_of]} if one_of else {}),
            **({"reset": reset} if proto == "tcp" else {}),
            "arrives": arrived, "answered": answered, "request": request, "reply": reply,
        }
        self.experiments.append(known)
        return known

    def files(self):
        shown = {}
        for machine in self.machines.values():
            shown.update(machine.files())
        return shown

    def close(self):
        for one in (*self.listeners, *self.echoes):
            one.close()
        for machine in self.machines.values():
            for end in getattr(machine, "ends", ()):
                end()
            for space in machine.spaces.values():
                space.tap.close()
            machine.holder.kill()
            machine.holder.wait()


def has_answer(one, token):
    """What the sender's own socket got: some devices hand packets on where nobody can watch them."""
    if one.type == socket.SOCK_STREAM:
        ready = select.select([], [one], [], 0)[1]
        return bool(ready) and one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, 111)
    try:
        while data := one.recv(70000, socket.MSG_DONTWAIT):
            if token.replace(ASKS, ANSWERS) in data or (one.type == socket.SOCK_RAW and token in data and not is_echo(data, token)):
                return True
    except OSError:
        return False


def is_refusal(data):
    """An ICMP error that says that no program waits at a port."""
    return data[12:14] == b"\x08\x00" and data[23:24] == b"\x01" and data[34:36] == b"\x03\x03"


def is_echo(data, token):
    """Of ping's packets the request; of its later fragments nobody knows."""
    start = data.find(token)
    return data[start - 8] in (8, 128) if start >= 8 else True


def icmp_error(data, token):
    """Of an ICMP error about the packet the MTU that it names, 0 where none; undefined for anything else."""
    start = data.find(token)
    for kind, code in ((3, 4), (2, 0)):
        for back in (8 + 20 + 8, 8 + 24 + 8, 8 + 40 + 8):
            head = start - back
            if head < 14:
                continue
            version = 4 if kind == 3 else 6
            if data[head] == kind and data[head + 1] == code and data[head + 8] >> 4 == version:
                return struct.unpack("!H", data[head + 6:head + 8])[0] if kind == 3 else struct.unpack("!I", data[head + 4:head + 8])[0]
            if kind == 3 and data[head] in (3, 11) and data[head + 8] >> 4 == 4 and back != 56:
                return 0
    return None


def is_error6(data, token):
    """An ICMPv6 error other than for its length, in an IP packet of its own."""
    head = data.find(token) - 56
    return head >= 54 and data[head] in (1, 3, 4) and data[head - 40] >> 4 == 6 and data[head - 34] == 58


def is_port_unreachable(data, token):
    """Nobody waits for it where it came to."""
    start = data.find(token)
    return any(start >= back + 14 and data[start - back:start - back + 2] in (b"\x03\x03", b"\x01\x04") for back in (36, 40, 56))


def record(build):
    """Builds a network, runs its experiments, and takes the captures afterwards, as people do."""
    lab = Lab()
    try:
        build(lab)
        return {"files": lab.files(), "experiments": lab.experiments}
    finally:
        lab.close()


def record_random(build_with):
    """The networks of the seeds that the command line says (the first one, how many), each as a line of JSON, until it is told to stop."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    for seed in range(first, first + count):
        if stopped:
            break
        lab = Lab()
        try:
            build_with(seed)(lab)
            print(json.dumps({"seed": seed, "note": lab.note, "files": lab.files(), "experiments": lab.experiments}), flush=True)
        except (RuntimeError, OSError) as error:
            print(json.dumps({"seed": seed, "error": str(error)}), flush=True)
        finally:
            lab.close()

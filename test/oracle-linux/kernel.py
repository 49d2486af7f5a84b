"""A router namespace of the real kernel: build it, send packets through it, see what became of them."""
import ctypes
import ipaddress
import json
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
ETH_P_ALL = 0x0003
CLONE_NEWNET = 0x40000000
PACKET_OUTGOING = 4


def run(*argv, stdin=None, check=True, inside=None):
    """Runs a command, in the network namespace `inside`; what it printed. A failure is an error unless `check` is false."""
    enter = None if inside is None else lambda: LIBC.setns(inside, CLONE_NEWNET)
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, preexec_fn=enter)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Nft:
    """nft in this process: one is asked after every packet, and starting programs would take most of the time."""

    def __init__(self):
        library = ctypes.CDLL("libnftables.so.1")
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        self.library, self.context = library, ctypes.c_void_p(library.nft_ctx_new(0))
        library.nft_ctx_buffer_output(self.context)
        library.nft_ctx_output_set_flags(self.context, 1 << 4)  # JSON

    def list(self, command):
        if self.library.nft_run_cmd_from_buffer(self.context, command.encode()) != 0:
            raise RuntimeError(f"nft {command}")
        return json.loads(self.library.nft_ctx_get_output_buffer(self.context).decode())

    def close(self):
        self.library.nft_ctx_free(self.context)


class Namespace:
    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.fd = os.open(f"/var/run/netns/{name}", os.O_RDONLY)

    def run(self, *argv, stdin=None, check=True):
        return run(*argv, stdin=stdin, check=check, inside=self.fd)

    def within(self, act):
        """Runs a function of this process inside the namespace."""
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            if LIBC.setns(self.fd, 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            return act()
        finally:
            LIBC.setns(own, 0)
            os.close(own)

    def close(self):
        os.close(self.fd)
        run("ip", "netns", "del", self.name, check=False)


def mac_bytes(mac):
    return bytes(int(part, 16) for part in mac.split(":"))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}


def transport(p):
    """The bytes behind the IP header."""
    proto = p["proto"]
    tag = p["tag"].to_bytes(4, "big")
    if proto == "tcp":
        names = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "none": 0}
        flags = sum(names[name] for name in p["flags"].split(","))
        options = struct.pack("!BBH", 2, 4, p["mss"]) if p.get("mss") else b""
        # Both sides begin at 1000, confirm each other's SYN and nothing else: a question says no numbers, so that all must be in order.
        seq, confirmed = 1000 if flags & 2 else 1001, p.get("ackno", 1001) if flags & 16 else 0
        segment = struct.pack("!HHIIBBHHH", p["sport"], p["dport"], seq, confirmed, (5 + len(options) // 4) << 4, flags, 65535, 0, 0)
        data = segment + options + (tag if not flags & 2 else b"")
        return with_checksum(p, data, 16)
    if proto == "udp":
        # Where a later fragment is taken to have ports, it carries what rules may ask for.
        tag = tag * 2 + struct.pack("!HH", *p["carries"]) + tag * 7 if "frag" in p else tag + b"\0" * max(0, p.get("length", 0) - 32)
        data = struct.pack("!HHHH", p["sport"], p["dport"], 8 + len(tag), 0) + tag
        return with_checksum(p, data, 6)
    if proto == "icmp":
        data = struct.pack("!BBHHH", p["type"], p["code"], 0, p["id"], 1) + (p["inner"] if "inner" in p else tag)
        return data[:2] + struct.pack("!H", checksum(data)) + data[4:]
    if proto == "icmpv6":
        data = struct.pack("!BBHHH", p["type"], p["code"], 0, p["id"], 1) + (p["inner"] if "inner" in p else tag)
        return with_checksum(p, data, 2)
    return tag + b"\0\0\0\0"


def with_checksum(p, data, at):
    family = socket.AF_INET6 if ":" in p["src"] else socket.AF_INET
    addresses = socket.inet_pton(family, p["src"]) + socket.inet_pton(family, p["dst"])
    number = PROTOCOLS[p["proto"]]
    if family == socket.AF_INET:
        pseudo = addresses + struct.pack("!BBH", 0, number, len(data))
    else:
        pseudo = addresses + struct.pack("!IHBB", len(data), 0, 0, number)
    return data[:at] + struct.pack("!H", checksum(pseudo + data)) + data[at + 2:]


FIRST = 16  # bytes of a cut packet's payload that its first fragment has


def ip_packet(p, frag=None):
    """The packet as bytes; `frag`: its `first` or `later` fragment alone."""
    payload = transport(p)
    number = PROTOCOLS.get(p["proto"]) or int(p["proto"])
    offset, more = (FIRST // 8, 0) if frag == "later" else (0, int(frag == "first"))
    if frag:
        payload = payload[FIRST:] if frag == "later" else payload[:FIRST]
    if ":" in p["src"]:
        if frag:
            payload = struct.pack("!BBHI", number, 0, offset << 3 | more, p["tag"]) + payload
            number = 44
        header = struct.pack("!IHBB", (6 << 28) | (p["tos"] << 20) | p.get("carries", (0, 0))[1], len(payload), number, p["ttl"])
        return header + socket.inet_pton(socket.AF_INET6, p["src"]) + socket.inet_pton(socket.AF_INET6, p["dst"]) + payload
    flags = (0x4000 if p.get("df") else 0) | more << 13 | offset
    header = struct.pack("!BBHHHBBH4s4s", 0x45, p["tos"], 20 + len(payload), p["tag"] & 0xFFFF, flags, p["ttl"], number, 0,
                         socket.inet_aton(p["src"]), socket.inet_aton(p["dst"]))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def read_packet(data):
    """An IP packet as fields; None for what is none."""
    if not data:
        return None
    if data[0] >> 4 == 4:
        size = (data[0] & 15) * 4
        total = struct.unpack("!H", data[2:4])[0]
        found = {"family": 4, "tos": data[1], "ttl": data[8], "proto": data[9], "ipid": struct.unpack("!H", data[4:6])[0],
                 "src": socket.inet_ntoa(data[12:16]), "dst": socket.inet_ntoa(data[16:20]), "length": total,
                 "offset": struct.unpack("!H", data[6:8])[0] & 0x1FFF}
        rest = data[size:total]
    elif data[0] >> 4 == 6 and len(data) >= 40:
        first = struct.unpack("!I", data[:4])[0]
        found = {"family": 6, "tos": (first >> 20) & 255, "ttl": data[7], "proto": data[6], "ipid": None,
                 "src": socket.inet_ntop(socket.AF_INET6, data[8:24]), "dst": socket.inet_ntop(socket.AF_INET6, data[24:40]), "offset": 0,
                 "length": 40 + struct.unpack("!H", data[4:6])[0]}
        rest = data[40:]
        if found["proto"] == 44 and len(rest) >= 8:
            found["proto"], found["offset"] = rest[0], struct.unpack("!H", rest[2:4])[0] >> 3
            rest = rest[8:]
    else:
        return None
    found["rest"] = rest
    if found["offset"] > 0:
        return found
    if found["proto"] in (6, 17) and len(rest) >= 4:
        found["sport"], found["dport"] = struct.unpack("!HH", rest[:4])
    if found["proto"] == 6 and len(rest) >= 14:
        found["tcpflags"] = rest[13]
        found["seq"] = struct.unpack("!I", rest[4:8])[0]
        if found["tcpflags"] & 2 and rest[12] >> 4 > 5 and rest[20:22] == b"\2\4":
            found["mss"] = struct.unpack("!H", rest[22:24])[0]
    if found["proto"] in (1, 58) and len(rest) >= 8:
        found["type"], found["code"] = rest[0], rest[1]
        found["id"] = struct.unpack("!H", rest[4:6])[0]
        found["inner"] = rest[8:]
    return found


OBSERVER = """
table inet observer {
  set marks { type mark; flags dynamic; counter; size 1024; }
  set errors4 { type icmp_type . icmp_code; flags dynamic; counter; size 1024; }
  set errors6 { type icmpv6_type . icmpv6_code; flags dynamic; counter; size 1024; }
  %s
}
"""


# What the router says of itself (group memberships, queries for neighbours, redirects) is no packet of the test: rules that refuse it would
# be counted, and answered.
NOISE = ["icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report, nd-router-solicit, nd-neighbor-advert, nd-neighbor-solicit, nd-redirect }",
         "ip protocol igmp"]

# What the router makes by itself (answers, errors, resets) is counted and stopped before any rule of the test sees it.
OWN = {
    "exceeded": ["icmp type time-exceeded", "icmpv6 type time-exceeded"],
    "too_big": ["icmp type destination-unreachable icmp code 4", "icmpv6 type packet-too-big"],
    "answers": ["tcp flags & (syn | ack) == syn | ack"],
    "errors": ["icmp type != { echo-request, timestamp-request }", "icmpv6 type { destination-unreachable, parameter-problem, echo-reply }"],
    "resets": ["tcp flags & rst == rst"],
}


# nft's JSON has names for some types, and calls every code by its name as one of "destination unreachable".
NUMBERS = {
    "errors4": {"echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "time-exceeded": 11, "parameter-problem": 12, "timestamp-reply": 14,
                "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3, "frag-needed": 4, "net-prohibited": 9,
                "host-prohibited": 10, "admin-prohibited": 13},
    "errors6": {"destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-reply": 129,
                "no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5, "reject-route": 6},
}


def observer(trace):
    chains = []
    for hook in ("prerouting", "input", "forward", "output", "postrouting"):
        first = ""
        if hook == "output":
            first += "".join(f"{match} drop; " for match in NOISE)
            for name, matches in OWN.items():
                chains.append(f"chain own_{name} {{ update @errors4 {{ icmp type . icmp code }}; update @errors6 {{ icmpv6 type . icmpv6 code }}; counter drop; }}")
                first += "".join(f"{match} jump own_{name}; " for match in matches)
        if trace and hook in ("prerouting", "output"):
            first += "meta nftrace set 1; "
        chains.append(f"chain {hook}_first {{ type filter hook {hook} priority -450; {first}counter; }}")
        last = "update @marks { meta mark }; " if hook in ("input", "postrouting") else ""
        chains.append(f"chain {hook}_last {{ type filter hook {hook} priority 350; {last}counter; }}")
    return OBSERVER % "\n  ".join(chains)


class Router:
    """The namespace under test, its devices' far ends in a second one, and everything that watches it."""

    def __init__(self, tag, backend):
        self.backend = backend
        self.router = Namespace(f"pw{tag}r")
        self.peers = Namespace(f"pw{tag}p")
        self.sockets = {}
        self.macs = {}
        self.listening = []
        self.defragments = {4: False, 6: False}
        self.monitor = None
        self.nft = None
        self.pending = b""

    def add_device(self, name, mac, peer_mac):
        run("ip", "link", "add", name, "address", mac, "netns", self.router.name, "type", "veth", "peer", "name", name, "address",
            peer_mac, "netns", self.peers.name)
        self.macs[name] = (mac, peer_mac)

    def add_bridge(self):
        """br0 with two ports, whose far ends it knows."""
        self.router.run("ip", "link", "add", "br0", "address", "02:00:00:00:05:01", "type", "bridge", "mcast_snooping", "0")
        for n, port in enumerate(("p0", "p1"), 6):
            self.add_device(port, f"02:00:00:00:0{n}:01", f"02:00:00:00:0{n}:02")
            self.router.run("ip", "link", "set", port, "up", "master", "br0")
            self.router.run("bridge", "fdb", "add", f"02:00:00:00:0{n}:02", "dev", port, "master", "static")
            self.peers.run("ip", "link", "set", port, "up", "arp", "off")

    def listen(self):
        def open_socket(name):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            opened.bind((name, 0))
            opened.setblocking(False)
            return opened
        for name in self.macs:
            self.sockets[name] = self.peers.within(lambda name=name: open_socket(name))

    def watch(self):
        self.router.run("nft", "-f", "-", stdin=observer(self.backend != "legacy"))
        self.nft = self.router.within(Nft)
        if self.backend != "legacy":
            self.monitor = subprocess.Popen(["ip", "netns", "exec", self.router.name, "nft", "-a", "monitor", "trace"],
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=os.setsid)
            os.set_blocking(self.monitor.stdout.fileno(), False)
            time.sleep(0.15)
            self.handles = self.handle_numbers()
        self.counts = self.observed()
        self.rule_counts = {4: self.counters(4), 6: self.counters(6)}

    def handle_numbers(self):
        """The place in its chain of each rule, by family, table, chain and handle."""
        numbers = {}
        found = json.loads(self.router.run("nft", "-j", "-a", "list", "ruleset") or '{"nftables":[]}')
        count = {}
        for item in found["nftables"]:
            rule = item.get("rule")
            if rule:
                key = (rule["family"], rule["table"], rule["chain"])
                count[key] = count.get(key, 0) + 1
                numbers[(*key, rule["handle"])] = count[key]
        return numbers

    def observed(self):
        found = self.nft.list("list table inet observer")
        counts = {"marks": {}, "errors4": {}, "errors6": {}, "expired": self.expired()}
        for item in found["nftables"]:
            if "rule" in item:
                for statement in item["rule"]["expr"]:
                    if "counter" in statement:
                        counts[item["rule"]["chain"]] = statement["counter"]["packets"]
            if "set" in item:
                for element in item["set"].get("elem", []):
                    element = element["elem"]
                    value = element["val"]
                    key = value if isinstance(value, int) else tuple(NUMBERS[item["set"]["name"]].get(word, word) for word in value["concat"])
                    counts[item["set"]["name"]][key] = element["counter"]["packets"]
        return counts

    def expired(self):
        """How many packets had no hop left: no error tells of it where no way leads back to their sender."""
        def act():
            four, six = (open(f"/proc/thread-self/net/{name}").read() for name in ("snmp", "snmp6"))
            names, values = (line.split() for line in four.splitlines() if line.startswith("Ip:"))
            return int(values[names.index("InHdrErrors")]) + int(re.search(r"Ip6InHdrErrors\s+(\d+)", six)[1])
        return self.router.within(act)

    def counters(self, family):
        """How often each rule was hit: ((table, chain, number), packets)."""
        if self.backend != "legacy":
            return {}
        save = "iptables-legacy-save" if family == 4 else "ip6tables-legacy-save"
        table, count, hits = "", {}, {}
        for line in self.router.run(save, "-c").splitlines():
            if line.startswith("*"):
                table = line[1:]
            found = re.match(r"\[(\d+):\d+\] -A (\S+)(.*)", line)
            if found:
                key = (table, found[2])
                count[key] = count.get(key, 0) + 1
                hits[(table, found[2], count[key])] = int(found[1])
            policy = re.match(r":(\S+) (\S+) \[(\d+):\d+\]", line)
            if policy and policy[2] != "-":
                hits[(table, policy[1], None)] = int(policy[3])
        return hits

    def proxy(self):
        """A transparent proxy: it listens and never answers."""
        def act():
            opened = []
            for family, level, transparent in ((socket.AF_INET, socket.SOL_IP, 19), (socket.AF_INET6, socket.IPPROTO_IPV6, 75)):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    one = socket.socket(family, kind)
                    one.setsockopt(level, transparent, 1)
                    if family == socket.AF_INET6:
                        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    one.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 3128))
                    if kind == socket.SOCK_STREAM:
                        one.listen(64)
                    opened.append(one)
            return opened
        self.listening = self.router.within(act)

    def drain(self):
        """Frames that came out since the last time, by device."""
        frames = []
        for name, opened in self.sockets.items():
            while True:
                try:
                    data, address = opened.recvfrom(65535)
                except BlockingIOError:
                    break
                if address[2] == PACKET_OUTGOING:
                    continue
                frames.append((name, data))
        return frames

    def trace_lines(self, step):
        """
        What the kernel's trace says of a packet: read until it names every chain of the observer that has counted one; None where it does
        not, because the kernel had no room for all of it (ENOBUFS of its socket on a busy machine).
        """
        if not self.monitor:
            return []
        until, quiet = time.time() + 3, time.time() + 0.02
        while time.time() < until and (time.time() < quiet or self.is_late(step)):
            ready, _, _ = select.select([self.monitor.stdout], [], [], 0.004)
            data = self.monitor.stdout.read() if ready else None
            if data:
                self.pending += data
                quiet = time.time() + 0.015
        is_lost = self.is_late(step)
        text, self.pending = self.pending.decode(errors="replace"), b""
        return None if is_lost else text.splitlines()

    def is_late(self, step):
        return any(self.pending.count(f"inet observer {chain} policy ".encode()) < count for chain, count in step.items() if chain != "expired" and not chain.startswith("own_"))

    def forget_neighbours(self):
        """Entries that are being resolved would keep a later packet from asking for its neighbour."""
        for family in ("-4", "-6"):
            self.router.run("ip", family, "neigh", "flush", "all", check=False)
        self.counts = self.observed()

    def send_frame(self, device, packet, dmac=None):
        if device == "br0":
            device = packet["physin"]
            dmac = packet["dmac"]
        router_mac, peer_mac = self.macs[device]
        kind = b"\x86\xdd" if ":" in packet["src"] else b"\x08\x00"
        frags = (None,) if "frag" not in packet else ("first", "later") if self.defragments[6 if ":" in packet["src"] else 4] else (packet["frag"],)
        for frag in frags:
            self.sockets[device].send(mac_bytes(dmac or router_mac) + mac_bytes(packet.get("smac", peer_mac)) + kind + ip_packet(packet, frag))

    def send_local(self, packet):
        """Makes the router itself send a packet; the error that it got, if any."""
        six = ":" in packet["dst"]
        family = socket.AF_INET6 if six else socket.AF_INET

        def act():
            kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}.get(packet["proto"], socket.SOCK_RAW)
            number = {"udp": 0, "tcp": 0, "icmp": 1, "icmpv6": 58}[packet["proto"]]
            opened = socket.socket(family, kind, number)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setblocking(False)
            if packet["mark"]:
                opened.setsockopt(socket.SOL_SOCKET, 36, packet["mark"])
            if packet["src"] or "sport" in packet:
                opened.bind((packet["src"] or ("::" if six else "0.0.0.0"), packet.get("sport", 0)))
            if packet["proto"] == "udp":
                opened.sendto(packet["tag"].to_bytes(4, "big"), (packet["dst"], packet["dport"]))
            elif packet["proto"] == "tcp":
                try:
                    opened.connect((packet["dst"], packet["dport"]))
                except BlockingIOError:
                    pass
            else:
                body = struct.pack("!BBHHH", packet["type"], packet["code"], 0, packet["id"], 1) + packet["tag"].to_bytes(4, "big")
                if not six:
                    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
                opened.sendto(body, (packet["dst"], 0))
            return opened
        try:
            opened = self.router.within(act)
        except OSError as error:
            return error.strerror or str(error)
        time.sleep(0.01)
        opened.close()
        return None

    def close(self):
        if self.nft:
            self.nft.close()
        if self.monitor:
            os.killpg(self.monitor.pid, signal.SIGTERM)
            self.monitor.wait()
            self.monitor.stdout.close()
        for opened in [*self.sockets.values(), *self.listening]:
            opened.close()
        self.router.close()
        self.peers.close()


TRACE = re.compile(r"^trace id ([0-9a-f]+) (ip6?|inet) (\S+) (\S+) (?:rule .*# handle (\d+) \(verdict|(policy) )")
PACKET = re.compile(r'^trace id ([0-9a-f]+) (?:ip6?|inet) \S+ \S+ packet: (?:iif "(\S+?)" )?.*?\b(ip6?) saddr (\S+) ip6? daddr (\S+)')

FRAGMENT = re.compile(r"^trace id ([0-9a-f]+) (?:ip6|inet) \S+ \S+ packet: .*ether type ip6 @th,")


def hits_of(lines, handles, packet):
    """The rules that the kernel's own trace names for a packet, in order; with those that it meets when it comes back by lo."""
    family = "ip6" if ":" in packet["dst"] else "ip"
    same = lambda a, b: ipaddress.ip_address(a) == ipaddress.ip_address(b)
    hits, ids, at = [], [], None
    for line in lines:
        # Of a further fragment of IPv6 nft prints no addresses.
        lone = FRAGMENT.match(line) if "frag" in packet and family == "ip6" else None
        if lone and lone[1] not in ids:
            ids.append(lone[1])
        seen = PACKET.match(line)
        if seen and seen[3] == family:
            if seen[1] in ids:
                at = (seen[4], seen[5])
            elif (at is None or "frag" in packet) and (packet["src"] == "" or same(seen[4], packet["src"])) and same(seen[5], packet["dst"]):
                ids.append(seen[1])
                at = (seen[4], seen[5])
            elif at is not None and packet["iif"] is None and seen[2] == "lo" and (same(seen[5], at[1]) or same(seen[4], at[0])):
                ids.append(seen[1])
            elif at is not None and "physin" in packet and same(seen[4], at[0]) and same(seen[5], at[1]):
                # Its number changes where the bridge becomes its device.
                ids.append(seen[1])
        found = TRACE.match(line)
        if not found or found[3] == "observer" or found[2] not in (family, "inet") or found[1] not in ids:
            continue
        if found[5]:
            hits.append([found[3], found[4], handles.get((found[2], found[3], found[4], int(found[5])))])
        else:
            hits.append([found[3], found[4], None])
    return hits

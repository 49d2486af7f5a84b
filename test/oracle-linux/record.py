"""Builds random router namespaces, sends packets through the real kernel, and prints what happened, one JSON a line.

    python3 record.py SEED COUNT [PACKETS [BACKEND]]
"""
import errno
import json
import os
import random
import re
import signal
import sys
import time

import forms
import native
import rare
from captures import captures, tracked
from kernel import Router, hits_of, ip_packet, read_packet
from setup import DEVICES, PORTS, Setup

# iptables by both of its ways into the kernel, and nftables in its own words.
BACKENDS = ("nft", "nft", "legacy", "native")


def build(router, r, setups):
    X = router.router.run
    if router.bridge:
        router.add_bridge()
        # What a rule sends back by the port that it came by leaves by it only there.
        for port in ("p0", "p1"):
            if r.random() < 0.2:
                X("bridge", "link", "set", "dev", port, "hairpin", "on")
    for n, name in enumerate(DEVICES, 1):
        router.add_device(name, f"02:00:00:00:0{n}:01", f"02:00:00:00:0{n}:02")
    settings = {"net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0, "net.ipv6.conf.default.dad_transmits": 0,
                "net.ipv6.conf.default.router_solicitations": 0, "net.ipv6.conf.default.accept_ra": 0,
                "net.ipv4.neigh.default.mcast_solicit": 1, "net.ipv6.neigh.default.mcast_solicit": 1, "net.ipv4.icmp_ratemask": 0, "net.ipv6.icmp.ratelimit": 0, "net.ipv4.icmp_msgs_per_sec": 100000,
                "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.default.send_redirects": 0}
    forward = r.random() < 0.93
    settings["net.ipv4.ip_forward"] = int(forward)
    settings["net.ipv6.conf.all.forwarding"] = int(forward)
    settings["net.ipv4.conf.all.rp_filter"] = r.choice([0, 0, 0, 1, 2])
    if r.random() < 0.08:
        settings["net.ipv4.conf.all.route_localnet"] = 1
    X("sysctl", "-qw", *[f"{name}={value}" for name, value in settings.items()], check=False)
    router.peers.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.conf.all.arp_ignore=8")
    batch, quiet = [], []
    if router.bridge:
        batch += ["addr add 10.0.5.1/24 dev br0", "addr add fd00:5::1/64 dev br0 nodad", "link set br0 up"]
        batch += [f"neigh add {host}{n} lladdr 02:00:00:00:0{n}:02 dev br0" for n in (6, 7) for host in ("10.0.5.", "fd00:5::")]
    batch.append("link set lo up")
    for n, name in enumerate(DEVICES, 1):
        quiet.append(f"link set {name} up arp off")
        batch.append(f"addr add 10.0.{n}.1/24 dev {name}")
        if r.random() < 0.3:
            batch.append(f"addr add 10.0.{n}.77/24 dev {name}")
        if setups[0].rare and r.random() < 0.3:
            batch += rare.addresses(r, n, name)
        if setups[0].rare and r.random() < 0.2:
            batch.append(f"link set {name} group 1")
        batch.append(f"addr add fd00:{n}::1/64 dev {name} nodad")
        batch.append(f"link set {name} up" + (f" mtu {r.choice([1400, 1300])}" if r.random() < 0.06 else ""))
        if r.random() < 0.15:
            X("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter={r.choice([1, 2, 0])}")
        if setups[0].rare and r.random() < 0.15:
            X("sysctl", "-qw", *rare.settings(r, name))
    for setup in setups:
        for n, name in enumerate(DEVICES, 1):
            for at, host in enumerate(setup.hosts[name][:2]):
                state = f" nud {r.choice(['stale', 'noarp', 'reachable', 'permanent'])}" if setup.forms and r.random() < 0.3 else ""
                batch.append(f"neigh add {host} lladdr 02:aa:00:0{6 if setup.six else 4}:0{n}:0{at + 2} dev {name}{state}")
    present = [*router.macs, *(["br0"] if router.bridge else [])]
    X("sysctl", "-qw", *[f"net.ipv6.conf.{name}.{key}=0" for name in present for key in ("accept_dad", "dad_transmits")], check=False)
    router.peers.run("ip", "-batch", "-", stdin="\n".join(quiet) + "\n")
    X("ip", "-batch", "-", stdin="\n".join(batch) + "\n")
    # The devices were there before the defaults. A query for a neighbour is never asked again: it would look like an answer to a later packet.
    own = {f"net.{proto}.neigh.{name}.{key}": value for proto in ("ipv4", "ipv6") for name in DEVICES
           for key, value in (("mcast_solicit", 1), ("ucast_solicit", 0), ("mcast_resolicit", 0))}
    own |= {f"net.ipv4.conf.{name}.send_redirects": 0 for name in DEVICES}
    X("sysctl", "-qw", *[f"{name}={value}" for name, value in own.items()], check=False)
    for setup in setups:
        if setup.forms:
            objects, setup.numbers = forms.nexthops(setup)
            X("ip", "-force", "-batch", "-", stdin="".join(f"nexthop add {line}\n" for line in objects), check=False)
        X("ip", "-force", "-6" if setup.six else "-4", "-batch", "-", stdin="".join(f"route add {line}\n" for line in setup.routes()), check=False)
        X("ip", "-force", "-6" if setup.six else "-4", "-batch", "-", stdin="".join(f"rule add {line}\n" for line in setup.rules()), check=False)
        lines = setup.ipsets()
        made = [line for line in lines if line.startswith("create") and taken(X, line)]
        names = {line.split()[1] for line in made}
        adds = [line for line in lines if line.startswith("add") and line.split()[1] in names]
        # All at once, unless one of them is refused.
        try:
            X("ipset", "restore", stdin="".join(f"{line}\n" for line in adds))
        except RuntimeError:
            for line in adds:
                taken(X, line)
        kept = made
        setup.sets = [(name, kind) for name, kind in setup.sets if any(line.startswith(f"create {name} ") for line in kept)]
        if router.backend != "native":
            restore(router, setup)
    if router.backend == "native":
        native.restore(router, native.Native(r, setups).ruleset())
    if any(setup.proxied for setup in setups):
        router.proxy()


def taken(X, line):
    try:
        X("ipset", "-exist", *line.split())
        return True
    except RuntimeError:
        return False


def settle(router):
    """Waits until devices are up and no address is being tested any more: the captures would show other addresses than the packets meet."""
    until = time.time() + 3
    while re.search("tentative|NO-CARRIER", router.router.run("ip", "addr")) and time.time() < until:
        time.sleep(0.02)


def restore(router, setup):
    """Loads the rules; a line that the program refuses is left out."""
    program = f"ip{'6' if setup.six else ''}tables-{router.backend}-restore"
    lines = setup.tables().splitlines()
    for _ in range(60):
        try:
            router.router.run(program, stdin="\n".join(lines) + "\n")
            return
        except RuntimeError as error:
            found = re.search(r"(?:line:? |: line )(\d+)", str(error))
            if not found:
                raise
            at = int(found[1]) - 1
            if not lines[at].startswith("-A"):
                # The nft back end names the line of COMMIT: one rule of the table is at fault.
                table = max(n for n in range(at) if lines[n].startswith("*"))
                at = refused(router, program, lines, table, at)
            del lines[at]
    raise RuntimeError("the rules could not be loaded")


def refused(router, program, lines, table, commit):
    head = [line for line in lines[table:commit] if not line.startswith("-A")]
    rules = [n for n in range(table, commit) if lines[n].startswith("-A")]
    for n in rules:
        try:
            router.router.run(program, "--test", stdin="\n".join([*head, lines[n], "COMMIT"]) + "\n")
        except RuntimeError:
            return n
    return rules[-1]


class Traffic:
    """Chooses packets, so that they meet the rules, and answers to what came out."""

    def __init__(self, r, setups, bridge):
        self.r, self.setups, self.tag, self.bridge = r, {4: setups[0], 6: setups[1]}, 0, bridge
        self.came_out = []

    def next(self):
        r = self.r
        self.tag += 1
        if self.came_out and r.random() < 0.45:
            followed = self.follow(r.choice(self.came_out))
            if followed:
                return followed
        family = 6 if r.random() < 0.3 else 4
        setup = self.setups[family]
        proto = r.choice(["tcp", "tcp", "udp", "udp", "icmp", "icmp", "47"] if family == 4 else ["tcp", "udp", "icmpv6"])
        local = r.random() < 0.2 and proto != "47"
        device = r.choice(DEVICES)
        own = {4: [f"10.0.{n}.1" for n in range(1, 5)], 6: [f"fd00:{n}::1" for n in range(1, 5)]}[family]
        if local:
            src = r.choice(own) if r.random() < 0.6 else ""
        elif r.random() < 0.8:
            src = r.choice(setup.hosts[device])
        else:
            src = r.choice([setup.inside(), r.choice(setup.outside), r.choice(own), "127.0.0.1" if family == 4 else "fe80::99"])
        dst = r.choice([setup.inside(), r.choice(setup.outside), r.choice(setup.outside), r.choice(setup.vips), r.choice(own)])
        if family == 4 and r.random() < 0.03:
            dst = r.choice(["10.0.1.255", "255.255.255.255", "127.0.0.1", "0.0.0.0", "10.0.3.0"]) if not local else "127.0.0.1"
        if not local and r.random() < 0.03:
            src = r.choice(["0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.5", "240.0.0.1", "127.9.9.9"] if family == 4 else ["::", "ff02::5", "::1", "fe80::99"])
        if not local and r.random() < 0.02:
            dst = r.choice(["0.9.9.9", "240.0.0.1", "224.0.0.1", "127.0.0.9"] if family == 4 else ["::1", "ff02::1", "fe80::77"])
        packet = {"src": src, "dst": dst, "proto": proto, "ttl": 64 if local else r.choice([64, 64, 64, 64, 2, 1, 255]), "tos": 0 if local else r.choice([0, 0, 0x10, 0x28]),
                  "tag": 0x50000000 + self.tag, "mark": 0, "iif": None if local else device}
        if local and r.random() < 0.2:
            packet["mark"] = r.choice([1, 2, 0x10])
        if self.bridge and not local and r.random() < 0.4:
            # Through the bridge, or up to the router itself.
            port, other = r.sample([6, 7], 2)
            through = r.random() < 0.7
            packet |= {"iif": "br0", "physin": f"p{port - 6}", "smac": f"02:00:00:00:0{port}:02", "dmac": f"02:00:00:00:0{other}:02" if through else "02:00:00:00:05:01"}
            if through:
                packet["physout"] = f"p{other - 6}"
            if r.random() < 0.6:
                packet["src"] = f"fd00:5::{port}" if family == 6 else f"10.0.5.{port}"
                packet["dst"] = packet["dst"] if r.random() < 0.4 else f"fd00:5::{other}" if family == 6 else f"10.0.5.{other}"
        elif family == 4 and setup.cards and not local and r.random() < 0.6:
            # One address from several cards.
            n, host = r.choice(setup.cards[:3])
            packet |= {"iif": DEVICES[n - 1], "src": f"10.0.{n}.{host}"}
            if r.random() < 0.5:
                packet["smac"] = rare.card(n)
        self.fields(packet)
        if not local and proto == "udp" and r.random() < 0.1:
            packet["length"] = r.choice([600, 1250, 1450])
            if family == 4:
                packet["df"] = r.random() < 0.7
        if not local and proto == "udp" and "length" not in packet and r.random() < 0.15:
            packet["frag"] = r.choice(["first", "later", "later"])
            packet["carries"] = r.choice([packet["sport"], 40000, 5000]), r.choice([packet["dport"], *PORTS])
        return packet

    def fields(self, packet):
        r, proto = self.r, packet["proto"]
        if proto in ("tcp", "udp"):
            packet["sport"] = r.choice([40000, 40001, 45000, 5000, 500]) + (self.tag if packet["iif"] is None else 0)
            packet["dport"] = r.choice(PORTS) if r.random() > 0.06 else 3128
        if proto == "tcp":
            packet["flags"] = "syn" if r.random() < 0.85 or packet["iif"] is None else r.choice(["ack", "syn,ack", "rst", "fin,ack", "none", "syn,fin"])
            if packet["iif"] is not None:
                packet["mss"] = r.choice([1460, 1460, 1440, 1400, 536, 0]) if packet["flags"] == "syn" else 0
        if proto == "icmp":
            packet["type"], packet["code"], packet["id"] = r.choice([8, 8, 8, 8, 0, 13]) if packet["iif"] else 8, 0, r.choice([7, 8, 9])
        if proto == "icmpv6":
            packet["type"], packet["code"], packet["id"] = r.choice([128, 128, 128, 129]) if packet["iif"] else 128, 0, r.choice([7, 8, 9])

    def follow(self, seen):
        """The answer to a packet that came out, the next packet of its sender, or an ICMP error about it."""
        r = self.r
        device, frame, sent = seen
        setup = self.setups[frame["family"]]
        # What a program has done with its socket since is in no capture.
        if sent["iif"] is None and sent["proto"] in ("tcp", "udp") and (setup.proxied or setup.asks):
            return None
        # A further fragment names no ports to answer to.
        if sent["proto"] in ("tcp", "udp") and "sport" not in frame:
            return None
        kind = r.choice(["answer", "answer", "answer", "again", "error"])
        packet = {"ttl": 64, "tos": 0, "mark": 0, "tag": 0x50000000 + self.tag, "proto": sent["proto"]}
        if kind == "again" and sent["iif"] is not None:
            again = {**sent, "tag": packet["tag"]}
            if sent["proto"] == "tcp":
                again["flags"] = r.choice(["ack", "ack", "syn", "fin,ack", "rst"])
                again["mss"] = 0
            return again
        packet |= {"src": frame["dst"], "dst": frame["src"], "iif": device}
        if device in ("p0", "p1"):
            if "physout" not in sent:
                return {**sent, "tag": packet["tag"]} if sent["iif"] is not None else None
            packet |= {"iif": "br0", "physin": sent["physout"], "physout": sent["physin"], "smac": sent["dmac"], "dmac": sent["smac"]}
        if kind == "error" and sent["proto"] in ("tcp", "udp", "icmp"):
            if frame["family"] == 6:
                return {**packet, "proto": "icmpv6", "type": r.choice([1, 3]), "code": 0, "id": 0, "inner": frame["raw"][:80], "about": frame}
            packet |= {"proto": "icmp", "type": r.choice([3, 11]), "code": 1, "id": 0, "inner": frame["raw"][:28], "about": frame}
            if packet["type"] == 11:
                packet["code"] = 0
            if r.random() < 0.5:
                packet["src"] = r.choice(self.setups[4].outside)
            return packet
        if "sport" in frame:
            packet |= {"sport": frame["dport"], "dport": frame["sport"]}
        if sent["proto"] == "tcp":
            packet["flags"], packet["mss"] = r.choice(["syn,ack", "syn,ack", "ack", "rst,ack", "fin,ack"]), 0
            if sent["iif"] is None:
                # The router's own numbers begin anywhere.
                packet["ackno"] = frame["seq"] + 1 & 0xFFFFFFFF
        if sent["proto"] in ("icmp", "icmpv6"):
            answer = {8: 0, 13: 14, 128: 129}.get(frame["type"])
            if answer is None:
                return {**sent, "tag": packet["tag"]} if sent["iif"] is not None else {**packet, "proto": "udp", "sport": 1, "dport": 2}
            packet |= {"type": answer, "code": 0, "id": frame["id"]}
        return packet


def observe(router, packet):
    """Sends a packet and tells what the kernel did with it."""
    router.drain()
    router.trace_lines({})
    error = None
    if packet["iif"] is None:
        packet["df"] = asks_not_to_fragment(router, packet)
        error = router.send_local(packet)
    else:
        router.send_frame(packet["iif"], packet)
    time.sleep(0.01)
    frames = router.drain()
    counts = router.observed()
    step = {name: counts[name] - router.counts[name] for name in counts if not isinstance(counts[name], dict)}
    family = 6 if ":" in packet["dst"] else 4
    lines = router.trace_lines(step)
    # On a busy machine the frames may come later than the counters.
    late = time.time() + 1
    while not frames and step["postrouting_last"] and not step["input_first"] and time.time() < late:
        time.sleep(0.01)
        frames = router.drain()
    after = {which: router.counters(which) for which in (4, 6)}
    before, router.rule_counts = router.rule_counts, after
    marks = [mark for mark, count in counts["marks"].items() if count > router.counts["marks"].get(mark, 0)]
    answers = [list(key) for which in ("errors4", "errors6") for key, count in counts[which].items() if count > router.counts[which].get(key, 0)]
    if step["own_resets"]:
        answers.append(["reset"])
    router.counts = counts
    if router.backend != "legacy":
        hits, ordered = None if lines is None else hits_of(lines, router.handles, packet), True
    else:
        hits = [[*key] for key, value in after[family].items() for _ in range(value - before[family].get(key, 0))]
        ordered = False
    found = outcome(router, packet, frames, step)
    # A reset because of a frame on a bridge leaves by the port that it came by, past all hooks (nf_send_reset).
    if "physin" in packet and packet["proto"] == "tcp" and "rst" not in packet["flags"] and any(is_reset(packet, *frame) for frame in frames):
        answers.append(["reset"])
    # Queries of IPv6 are not let out: what waits for them would be answered by an error a second later.
    if found["resolving"] or family == 6 and step["postrouting_last"] and not found["frame"]:
        router.forget_neighbours()
    return {"error": error, "answers": answers, "step": step, "marks": marks, "hits": hits, "ordered": ordered, **found}


def asks_not_to_fragment(router, packet):
    """Whether the kernel sets DF in a packet of its own: it discovers the path's MTU unless the route has it locked (ip_dont_fragment)."""
    if ":" in packet["dst"]:
        return False
    origin = ["from", packet["src"]] if packet["src"] else []
    mark = ["mark", str(packet["mark"])] if packet["mark"] else []
    return "lock" not in router.router.run("ip", "route", "get", packet["dst"], *origin, *mark, check=False)


def number_of(proto):
    return {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}.get(proto) or int(proto)


def outcome(router, packet, frames, step):
    """The frame that is the packet itself, and what else came out."""
    found, resolving = None, None
    for device, data in frames:
        kind = data[12:14]
        if kind == b"\x08\x06" and data[20:22] == b"\x00\x01" and ":" not in packet["dst"]:
            resolving = (device, ".".join(map(str, data[38:42])))
        frame = read_packet(data[14:]) if kind in (b"\x08\x00", b"\x86\xdd") else None
        if not frame:
            continue
        if frame["proto"] == 58 and frame.get("type") == 135 and ":" not in packet["dst"]:
            continue
        if frame["proto"] == 58 and frame.get("type") == 135:
            resolving = (device, str(__import__("ipaddress").IPv6Address(frame["rest"][8:24])))
            continue
        if frame["proto"] == 58 and frame.get("type", 0) in (133, 134, 136, 143):
            continue
        same = frame["proto"] == number_of(packet["proto"]) and ("type" not in packet or frame.get("type") == packet["type"])
        if same and found is None and is_own(packet, frame):
            frame["raw"] = data[14:]
            found = (device, ":".join(f"{byte:02x}" for byte in data[:6]), frame)
    return {"frame": found, "resolving": resolving}


def is_reset(packet, device, data):
    frame = read_packet(data[14:]) if device == packet["physin"] and data[12:14] in (b"\x08\x00", b"\x86\xdd") else None
    return frame is not None and frame["proto"] == 6 and frame.get("tcpflags", 0) & 4 != 0


def is_own(packet, frame):
    """Whether a frame carries the packet and no answer to it."""
    if packet["proto"] == "tcp":
        # A TCP stack may answer with RST from the packet's destination.
        if frame["tcpflags"] & 4 and "rst" not in packet["flags"]:
            return False
        return True
    return packet["tag"].to_bytes(4, "big") in frame["rest"] or "inner" in packet


def words_of(packet, length):
    """The question to the product."""
    words = []
    for key in ("iif", "src", "dst", "proto", "sport", "dport", "type", "code", "id", "flags", "ttl", "tos", "mark", "mss", "frag", "physin", "physout"):
        value = packet.get(key)
        if value is None or (key == "src" and value == "") or (key == "mark" and value == 0):
            continue
        words.append(f"{key}={value}")
    if "dmac" in packet:
        words += [f"dmac={packet['dmac']}", f"smac={packet['smac']}"]
    elif packet["iif"] is not None:
        words.append(f"dmac=02:00:00:00:0{DEVICES.index(packet['iif']) + 1}:01")
        words.append(f"smac={packet.get('smac', '02:00:00:00:0%d:02' % (DEVICES.index(packet['iif']) + 1))}")
    else:
        words += ["uid=0", "gid=0"]
    words.append(f"length={length}")
    if ":" in packet["dst"] and packet["iif"] is not None:
        words.append(f"flowlabel={packet.get('carries', (0, 0))[1]}")
    if "frag" in packet:
        words.append(f"whole={len(ip_packet(packet))}")
    words.append(f"df={int(packet.get('df', False))}")
    return words


def plain(frame):
    return {key: value for key, value in frame.items() if not isinstance(value, bytes)}


def record(seed, packets, wanted=None):
    r = random.Random(seed)
    chosen = r.choice(BACKENDS)
    backend = wanted or chosen
    # With a bridge, packets pass the rules on their way through it as well (br_netfilter).
    bridge = r.random() < 0.3
    setups = [Setup(r, 4, bridge), Setup(r, 6, bridge)]
    router = Router(f"{os.getpid() % 10000}", backend)
    router.bridge = bridge
    try:
        build(router, r, setups)
        router.listen()
        settle(router)
        shown = captures(router, r)
        router.watch()
        traffic = Traffic(r, setups, router.bridge)
        results = []
        for n in range(packets):
            if n == packets // 2:
                shown["tracked"], known = tracked(router, shown), len(results)
            packet = traffic.next()
            length = len(ip_packet(packet, packet.get("frag"))) if packet["iif"] is not None else (20 if ":" in packet["dst"] else 0) + (60 if packet["proto"] == "tcp" else 32)
            try:
                seen = observe(router, packet)
            except OSError as refused:
                # Longer than the router's device takes: it never comes in.
                if refused.errno == errno.ENOBUFS:
                    continue
                raise
            if seen["frame"]:
                traffic.came_out.append((seen["frame"][0], seen["frame"][2], packet))
            about = packet.get("about")
            results.append({
                "words": words_of(packet, length),
                "inner": plain(about) if about else None,
                **{key: value for key, value in seen.items() if key != "frame"},
                "frame": [seen["frame"][0], seen["frame"][1], plain(seen["frame"][2])] if seen["frame"] else None,
            })
        return {"seed": seed, "backend": backend, "captures": shown, "trackedFrom": known, "packets": results}
    finally:
        router.close()


if __name__ == "__main__":
    first, count = int(sys.argv[1]), int(sys.argv[2])
    packets = int(sys.argv[3]) if len(sys.argv) > 3 else 14
    wanted = sys.argv[4] if len(sys.argv) > 4 else None
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    for n in range(count):
        if ending:
            break
        try:
            print(json.dumps(record(first + n, packets, wanted)), flush=True)
        except Exception as error:  # one set-up that can't be built does not end the run
            print(json.dumps({"seed": first + n, "error": f"{type(error).__name__}: {error}"}), flush=True)

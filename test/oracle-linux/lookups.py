"""Asks the kernel what looking packets up in sets of ipset(8) finds, and what it leaves behind; one JSON a line, as both of iptables' back ends answer.

    python3 lookups.py > ../fixtures/kernel/lookups.jsonl
"""
import json
import os
import re
import time

from kernel import Router, ip_packet
from record import settle, words_of

MAC = "02:00:00:00:99:0"
CARDS = "create m bitmap:ip,mac range 10.0.0.0/16"
ALONE = "add m 10.0.1.2"
TABLES = ("raw", "mangle", "nat", "filter")
LIST = ["create l list:set", "add l m"]
SET = "-m set --match-set"


def packet(n=1, src="10.0.1.2", dst="8.8.8.8", device="in0", mac=None, **more):
    """One that comes in by a device from the n-th card."""
    return {"src": src, "dst": dst, "proto": "udp", "ttl": 64, "tos": 0, "sport": 40000, "dport": 80, "mark": 0, "iif": device, "smac": mac or f"{MAC}{n}", **more}


def own(src="10.0.3.1", dst="8.8.8.8"):
    return {"src": src, "dst": dst, "proto": "udp", "ttl": 64, "tos": 0, "sport": 40000, "dport": 80, "mark": 0, "iif": None}


def to_router(n):
    return packet(n, dst="10.0.1.1")


def forward(*conditions):
    return [f"filter FORWARD {condition}" for condition in conditions]


def cases():
    """Name, sets, rules (`TABLE CHAIN RULE`), packets; what only counters or time tell is `open`."""
    two = [packet(1), packet(2)]
    three = [packet(1), packet(2), packet(1)]
    m, s = f"{SET} m src,src", f"{SET} s src"
    negated = "-m set ! --match-set"
    yield "an address alone gets the first card", [CARDS, ALONE], forward(m), three
    yield "also where the condition is turned around", [CARDS, ALONE], forward(f"{negated} m src,src"), three
    yield "the next rule knows the card", [CARDS, ALONE], forward(m, m), two
    yield "the card of the frame's destination", [CARDS, ALONE], forward(f"{SET} m src,dst", m), two
    yield "one side alone is too few", [CARDS, ALONE], forward(f"{SET} m src", m), two
    yield "the destination's address", [CARDS, "add m 10.0.4.9"], forward(f"{SET} m dst,src"), [packet(1, dst="10.0.4.9"), packet(2, dst="10.0.4.9")]
    yield "more sides than values", [CARDS, ALONE], forward(f"{SET} m src,src,src"), two
    yield "an address out of range", [CARDS, ALONE], forward(f"{SET} m dst,src"), two
    yield "an address with a card", [CARDS, f"{ALONE},{MAC}1"], forward(m), two
    yield "a list of one", [CARDS, ALONE, *LIST], forward(f"{SET} l src,src"), three
    yield "a list with too few sides", [CARDS, ALONE, *LIST], forward(f"{SET} l src"), two
    yield "a list whose first has it", [CARDS, ALONE, "create h hash:ip", "add h 10.0.1.2", "create l list:set", "add l h", "add l m"], forward(f"{SET} l src,src", m), two
    both = [CARDS, ALONE, CARDS.replace(" m ", " n "), ALONE.replace(" m ", " n "), *LIST, "add l n"]
    yield "a list of two", both, forward(f"{SET} l src,src"), [packet(1), packet(2), packet(3), packet(1)]
    yield "packets of its own have no frame", [CARDS, "add m 10.0.3.1"], ["filter OUTPUT " + m, "mangle POSTROUTING " + m, f"filter OUTPUT {negated} m src,src"], [own(), packet(1, src="10.0.3.1", device="out0", dst="10.0.1.2")]
    through = [f"mangle {chain} {m}" for chain in ("OUTPUT", "POSTROUTING", "PREROUTING", "INPUT")]
    yield "nor have they on lo", [CARDS, "add m 10.0.3.1"], through, [own(dst="10.0.3.1"), own(dst="10.0.3.1")]
    yield "a frame without addresses", [CARDS, ALONE], forward(m), [packet(mac="00:00:00:00:00:00"), packet(1), packet(mac="00:00:00:00:00:00")]
    yield "behind routing it is still the card that sent it", [CARDS, ALONE], ["mangle POSTROUTING " + m], two
    yield "before routing", [CARDS, ALONE], ["raw PREROUTING " + m, "filter INPUT " + m], [to_router(1), to_router(2)]
    yield "addresses and protocols are asked before the set", [CARDS, ALONE], forward(f"{m} -p tcp", f"{m} -d 9.9.9.9", f"{m} -i out0"), two
    yield "what stands behind the set is asked after it", [CARDS, ALONE], forward(f"{m} -m length --length 60000", m), two
    yield "what stands before the set is asked first", [CARDS, ALONE], forward(f"-m length --length 60000 {m}", m), two
    yield "ports stand where they are written", [CARDS, ALONE], forward(f"{m} -p udp -m udp --dport 99", m), two
    yield "a time begins with the card", [f"{CARDS} timeout 1000", ALONE], forward(m), three, "open"
    yield "what has counters", [f"{CARDS} counters", ALONE], forward(m), three
    yield "counters that an address alone does not have", [f"{CARDS} counters", ALONE], forward(f"{m} --packets-eq 5", f"{m} --packets-gt 1"), three, "open"
    # What SET does.
    change = lambda words: f"filter FORWARD -j SET {words}"
    then = [change("--add-set m src,src"), *forward(m)]
    yield "SET gives it the card", [CARDS, ALONE], then, three
    yield "SET gives it the last card where it may be there", [CARDS, ALONE], [change("--add-set m src,src --exist"), *forward(m)], three
    yield "SET leaves another card", [CARDS, f"{ALONE},{MAC}1"], then, [packet(2), packet(1)]
    yield "SET changes another card where it may be there", [CARDS, f"{ALONE},{MAC}1"], [change("--add-set m src,src --exist"), *forward(m)], [packet(2), packet(1)]
    yield "SET puts a new one in", [CARDS], then, two
    yield "SET takes out whatever card", [CARDS, f"{ALONE},{MAC}1"], [change("--del-set m src,src"), *forward(m)], [packet(2), packet(1)]
    yield "SET takes out an address alone", [CARDS, ALONE], [change("--del-set m src,src"), *forward(m)], two
    yield "SET needs both sides", [CARDS, ALONE], [change("--del-set m src"), *forward(m)], two
    yield "SET takes out and puts in", [CARDS, ALONE], [change("--del-set m src,src"), *then], two
    yield "SET by a list", [CARDS, ALONE, *LIST], [change("--add-set l src,src"), *forward(m)], two
    yield "SET by a list whose first has a card", [*both, f"add m 10.0.1.3,{MAC}1"], [change("--add-set l src,src"), *forward(m, m.replace(" m ", " n "))], [packet(1, src="10.0.1.3"), packet(2, src="10.0.1.3"), packet(1, src="10.0.1.3")]
    yield "SET for packets of its own", [CARDS, "add m 10.0.3.1"], ["filter OUTPUT -j SET --add-set m src,src", "filter FORWARD " + m], [own(), packet(1, src="10.0.3.1", device="out0", dst="10.0.1.2")]
    yield "SET looks up", [CARDS, ALONE], ["mangle FORWARD -j SET --map-set m src,src --map-prio", *forward(m)], two
    # Other sets.
    counts = "create s hash:ip counters"
    yield "counters of an element", [counts, "add s 10.0.1.2 packets 3"], forward(f"{s} --packets-gt 3", f"{negated} s src --packets-gt 100", f"{negated} s src --packets-gt 2"), [packet(), packet(src="10.0.1.9")], "open"
    yield "counters where elements count nothing", ["create s hash:ip", "add s 10.0.1.2"], forward(f"{s} --packets-gt 100", f"{negated} s src --packets-gt 100", f"{s} --bytes-lt 1"), [packet(), packet(src="10.0.1.9")]
    yield "counters of a list's sets", [counts.replace(" s ", " h "), "add h 10.0.1.2 packets 50", "create s list:set", "add s h"], forward(f"{s} --packets-gt 1000"), [packet()]
    yield "counters of a list", [counts.replace(" s ", " h "), "add h 10.0.1.2 packets 50", "create s list:set counters", "add s h"], forward(f"{s} --packets-gt 10", f"{s} --packets-lt 10"), [packet()], "open"
    excepted = ["add s 10.0.1.0/24", "add s 10.0.1.2 nomatch"]
    senders = [packet(), packet(src="10.0.1.3"), packet(src="10.7.0.1")]
    yield "what is excepted", ["create s hash:net", *excepted], forward(s, f"{negated} s src", f"{s} --return-nomatch", f"{negated} s src --return-nomatch"), senders
    yield "what is excepted in a list", ["create h hash:net", *[line.replace(" s ", " h ") for line in excepted], "create g hash:ip", "add g 10.0.1.2", "create s list:set", "add s h", "add s g"], forward(s, f"{s} --return-nomatch"), senders
    yield "counters of what is excepted", ["create s hash:net counters", *excepted], forward(f"{s} --packets-gt 100", f"{negated} s src --packets-gt 100", f"{s} --return-nomatch --packets-gt 100"), senders, "open"
    named = "create s hash:net,iface"
    sides = forward(f"{SET} s src,src", f"{negated} s src,src", f"{SET} s src,src --return-nomatch", f"{SET} s src,dst")
    yield "devices whose names begin so", [named, "add s 10.0.1.0/24,in wildcard"], sides, [packet(), packet(src="10.0.2.9")]
    yield "a device with a shorter name", [named, "add s 10.0.1.0/24,in"], sides, [packet()]
    yield "several that stand for devices", [named, "add s 10.0.1.0/24,in0x wildcard", "add s 10.0.1.0/24,i wildcard"], sides, [packet()]
    yield "the narrowest network with another device", [named, "add s 10.0.1.0/24,out wildcard", "add s 10.0.0.0/16,in0"], sides, [packet()]
    yield "devices that are excepted", [named, "add s 10.0.1.0/24,in nomatch wildcard"], sides, [packet()]
    yield "a port of a bridge, which no rule asks for", [named, "add s 10.0.1.0/24,physdev:in0"], sides, [packet()]
    yield "SET takes out all of these devices", [named, "add s 10.0.1.0/24,in wildcard"], [change("--del-set s src,src"), *forward(f"{SET} s src,src")], [packet()], "open"
    yield "a name in capitals", ["create Up hash:ip", "add Up 10.0.1.2", "create s list:set", "add s Up"], forward(s), [packet(), packet(src="10.0.1.3")]
    yield "a port that no rule changed", ["create s hash:ip,port", "add s 10.0.1.2,udp:40000"], forward(f"{SET} s src,src", f"{SET} s src,dst"), [packet()]


class Asked:
    """A router with two devices, of which the rules and sets change."""

    def __init__(self, backend):
        self.backend, self.tag = backend, 0
        router = self.router = Router(f"{os.getpid() % 10000}{backend[0]}", backend)
        run = self.run = router.router.run
        for n, name in ((1, "in0"), (3, "out0")):
            router.add_device(name, f"02:00:00:00:0{n}:01", f"02:00:00:00:0{n}:02")
            router.peers.run("ip", "link", "set", name, "up", "arp", "off")
            run("ip", "addr", "add", f"10.0.{n}.1/24", "dev", name)
            run("ip", "link", "set", name, "up")
            run("ip", "neigh", "add", f"10.0.{n}.2", "lladdr", f"02:aa:00:04:0{n}:02", "dev", name)
        run("ip", "link", "set", "lo", "up")
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.in0.rp_filter=0", "net.ipv4.conf.out0.rp_filter=0")
        run("ip", "route", "add", "default", "via", "10.0.3.2")
        router.listen()
        settle(router)

    def shown(self):
        """What an operator would capture of it, but for rules and sets."""
        run = lambda command: f"root@router:~# {command}\n" + self.run(*command.split())
        settings = [line for line in self.run("sysctl", "-a").splitlines() if re.match(r"net\.ipv4\.(ip_forward|conf\.[^.]+\.(rp_filter|forwarding|route_localnet|accept_local)) ", line)]
        return "".join([*map(run, ("ip a", "ip rule", "ip route show table all", "ip neigh")), "root@router:~# sysctl -a\n", *[f"{line}\n" for line in settings]])

    def ask(self, sets, rules, packets):
        self.run(f"iptables-{self.backend}-restore", stdin="".join(f"*{table}\nCOMMIT\n" for table in TABLES))
        while self.run("ipset", "list", "-n").strip():
            self.run("ipset", "flush", check=False)
            self.run("ipset", "destroy", check=False)
        self.run("ipset", "restore", stdin="".join(f"{line}\n" for line in sets))
        for rule in rules:
            table, chain, *rest = rule.split()
            self.run(f"iptables-{self.backend}", "-t", table, "-A", chain, *rest)
        shown = {"sets": self.run("ipset", "save"), "rules": re.sub(r"^# .*\n", "", self.run(f"iptables-{self.backend}-save"), flags=re.M),
                 "listed": {table: self.run(f"iptables-{self.backend}", "-t", table, "-n", "-v", "-L") for table in TABLES}}
        if self.backend == "nft":
            shown["ruleset"] = self.run("nft", "list", "ruleset")
        return {**shown, "packets": [self.send(packet) for packet in packets], "after": self.run("ipset", "save")}

    def send(self, packet):
        self.tag += 1
        packet = {**packet, "tag": 0x50000000 + self.tag}
        before = self.counts()
        if packet["iif"] is None:
            self.router.send_local(packet)
        else:
            self.router.send_frame(packet["iif"], packet)
        time.sleep(0.03)
        after = self.counts()
        words = [word for word in words_of(packet, len(ip_packet(packet))) if not word.startswith("length=") or packet["iif"] is not None]
        return {"words": words, "hits": sorted([*key] for key in after for _ in range(after[key] - before[key]))}

    def counts(self):
        table, number, found = "", {}, {}
        for line in self.run(f"iptables-{self.backend}-save", "-c").splitlines():
            if line.startswith("*"):
                table, number = line[1:], {}
            rule = re.match(r"\[(\d+):\d+\] -A (\S+)", line)
            if rule:
                number[rule[2]] = number.get(rule[2], 0) + 1
                found[(table, rule[2], number[rule[2]])] = int(rule[1])
        return found

    def close(self):
        self.router.close()


def main():
    asked = [Asked("legacy"), Asked("nft")]
    try:
        print(json.dumps({"router": asked[0].shown()}))
        for name, sets, rules, packets, *more in cases():
            legacy, nft = (one.ask(sets, rules, packets) for one in asked)
            same = [one["hits"] for one in legacy["packets"]] == [one["hits"] for one in nft["packets"]]
            for backend, answer in (("both", {**legacy, "ruleset": nft["ruleset"]}),) if same else (("legacy", legacy), ("nft", nft)):
                print(json.dumps({"name": name, "backend": backend, "open": "open" in more, **answer}), flush=True)
    finally:
        for one in asked:
            one.close()


if __name__ == "__main__":
    main()

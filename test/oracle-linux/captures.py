"""What an operator would type on a router, in several ways: by variant, a transcript with prompts."""
import re
import shutil

COMMON = ("ip a", "ip rule", "ip -6 rule", "ip route show table all", "ip neigh", "ip nexthop", "bridge fdb show", "bridge -d link", "ipset save", "ss -tunae", "cat /proc/net/netfilter/nfnetlink_queue")
TABLES = ("raw", "mangle", "nat", "filter", "security")
FORMS = ("-S", "-L -n -v --line-numbers", "-L -n", "-L -v", "-L")
# With any of these the kernel tracks connections, for which it puts fragments together.
TRACKS = re.compile(r"-m (?:conntrack|state|connmark|socket|helper|connbytes|connlimit|connlabel)\b|-j (?:[SD]NAT|MASQUERADE|REDIRECT|NETMAP|CONNMARK|TPROXY|CT --(?!notrack)[\w-]+)\b")
NATIVE_TRACKS = re.compile(r"\bct |\b[sd]nat|\bmasquerade\b|\bredirect\b|\btproxy\b")
SETTINGS = re.compile(r"^net\.(ipv4\.ip_forward|ipv4\.conf\.[^.]+\.(rp_filter|forwarding|route_localnet|accept_local|src_valid_mark)|ipv6\.conf\.[^.]+\.forwarding) ")


def captures(router, r):
    """Also notes for which families the router puts fragments together."""
    return native(router, r) if router.backend == "native" else iptables(router, r)


class Printed:
    """What commands print in the router."""

    def __init__(self, router, commands):
        # One shell runs them all; without -n iptables would wait for name servers that are not there.
        script = "printf 'hosts: files\nservices: files\nprotocols: files\nnetworks: files\n' > /run/pw-nsswitch; mount --bind /run/pw-nsswitch /etc/nsswitch.conf\n"
        script += "\n".join(f"echo '@@@ {command}'; {command} 2>/dev/null" for command in (*COMMON, "sysctl -a", *commands))
        self.text = {}
        for part in ("\n" + router.router.run("unshare", "-m", "sh", "-c", script, check=False)).split("\n@@@ ")[1:]:
            command, _, text = part.partition("\n")
            self.text[command] = text + ("" if text == "" or text.endswith("\n") else "\n")

    def section(self, command):
        return f"root@router:~# {command}\n{self.text.get(command, '')}"

    def with_common(self, *sections):
        shown = "\n".join(line for line in self.text.get("sysctl -a", "").splitlines() if SETTINGS.match(line))
        return "\n".join([*map(self.section, COMMON), f"root@router:~# sysctl -a\n{shown}\n", *sections])


def iptables(router, r):
    b = "" if router.backend == "nft" else "-legacy"
    printed = Printed(router, [f"iptables{b}-save", f"ip6tables{b}-save", f"iptables{b} -S", f"ip6tables{b} -S", "nft list ruleset",
                               *[f"{program}{b} -t {table} {form}" for program in ("iptables", "ip6tables") for table in TABLES for form in FORMS]])
    section, whole = printed.section, printed.with_common
    each = lambda form: [section(f"{program}{b} -t {table} {form}") for program in ("iptables", "ip6tables") for table in TABLES]
    saves = [section(f"iptables{b}-save"), section(f"ip6tables{b}-save")]
    router.defragments = {family: TRACKS.search(save) is not None for family, save in zip((4, 6), saves)}
    return {
        "save": whole(*saves),
        "rules": whole(*each("-S")),
        "verbose": whole(*each("-L -n -v --line-numbers")),
        "hidden": whole(*each("-L -n")),
        "named": whole(*each("-L")),
        "counted": whole(*each("-L -v")),
        "elided": whole(*[elide(save, r, "-A") for save in saves]),
        "filter only": whole(section(f"iptables{b} -S"), section(f"ip6tables{b} -S")),
        **({"ruleset": whole(section("nft list ruleset"))} if router.backend == "nft" else {}),
    }


def native(router, r):
    forms = {"ruleset": "nft list ruleset", "handles": "nft -a list ruleset", "numeric": "nft -n list ruleset", "stateless": "nft -s list ruleset",
             "json": "nft -j list ruleset"}
    tables = [line.removeprefix("table ") for line in router.router.run("nft", "list", "tables").splitlines()]
    commands = [f"nft list table {table}" for table in tables]
    printed = Printed(router, [*forms.values(), *commands])
    listed = printed.section("nft list ruleset")
    router.defragments = {family: tracks(listed, family) for family in (4, 6)}
    return {
        **{variant: printed.with_common(printed.section(command)) for variant, command in forms.items()},
        "tables": printed.with_common(*map(printed.section, commands)),
        "elided": printed.with_common(elide(listed, r, "\t\t")),
    }


def tracked(router, shown):
    """The same captures once more, with the connections that the kernel knows by now, and what packets have changed of sets and sockets."""
    whole = shown["ruleset" if router.backend == "native" else "save"]
    changed = ["ss -tunae", "ipset save", *(["nft list ruleset"] if router.backend == "native" else [])]
    commands = ["conntrack -L", "conntrack -L -f ipv6"] if shutil.which("conntrack") else ["cat /proc/net/nf_conntrack"]
    printed = Printed(router, [*changed[2:], *commands])
    if "nft list ruleset" in printed.text:
        printed.text["nft list ruleset"] = re.sub(r"^table inet observer \{\n.*?^\}\n", "", printed.text["nft list ruleset"], flags=re.M | re.S)
    kept = [section for section in re.split(r"^(?=root@router:~# )", whole, flags=re.M)
            if section.partition("\n")[0].removeprefix("root@router:~# ") not in changed]
    return "".join(kept) + "\n" + "\n".join(printed.section(command) for command in (*changed, *commands))


def tracks(listed, family):
    """Whether a table for packets of the family tracks connections."""
    tables = re.split(r"^(?=table )", listed, flags=re.M)
    names = ("table inet ", "table ip " if family == 4 else "table ip6 ")
    # What translates to an address of the other family is not for this one.
    other = re.compile(rf"\b(?:[sd]nat|tproxy) {'ip6' if family == 4 else 'ip'} to\b")
    return any(table.startswith(names) and NATIVE_TRACKS.search(other.sub("", table)) for table in tables)


def elide(text, r, start):
    """Of the lines that begin so, one or two give way to dots."""
    lines = text.splitlines()
    rules = [n for n, line in enumerate(lines) if line.startswith(start)]
    if len(rules) < 2:
        return text
    at = r.choice(rules)
    return "\n".join([*lines[:at], "...", *lines[at + r.choice([1, 2]):]]) + "\n"

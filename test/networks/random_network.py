"""
Networks that nobody thought of: some hypervisors with Linux bridges or Open vSwitch, networks of guests over VXLAN, routers in namespaces
with NAT, an outside, and in most of them something that is wrong. The same seed builds the same network.
"""
import random
import subprocess
import time

from random_asking import ask

SHOWN_BY_SWITCH = ("ovs-vsctl show", "ovs-vsctl list port", "ovs-appctl dpif/show", "ovs-appctl ovs/route/show", "ovs-appctl tnl/neigh/show", "ovs-appctl dpctl/dump-conntrack")
SERVED = {"tcp": [80], "udp": [53]}


class Segment:
    """A network of guests: its addresses, its number in tunnels, and its tag on each switch."""

    def __init__(self, r, n):
        self.n, self.vni = n, r.choice([70 + n, 5000 + n, 100001 + n])
        self.tags = {}

    def ip(self, host):
        return f"10.{20 + self.n}.0.{host}"

    def ip6(self, host):
        return f"fd00:{20 + self.n}::{host:x}"

    def tag(self, r, machine):
        if machine.name not in self.tags:
            self.tags[machine.name] = r.choice([t for t in range(1, 40) if t not in {s for s in getattr(machine, "used", [])}])
            machine.used = [*getattr(machine, "used", []), self.tags[machine.name]]
        return self.tags[machine.name]


class Guest:
    def __init__(self, machine, hypervisor, segment, port, ip):
        self.machine, self.hypervisor, self.segment, self.port, self.ip = machine, hypervisor, segment, port, ip


def switch(machine):
    """A switch of its own, whose datapath is the switch's own process."""
    folder = f"/tmp/pw-ovs-{machine.pid}"
    machine.env.update(OVS_RUNDIR=folder, OVS_LOGDIR=folder, OVS_DBDIR=folder, OVS_SYSCONFDIR=folder)
    machine.run(f"rm -rf {folder}; mkdir -p {folder}; ovsdb-tool create {folder}/conf.db /usr/share/openvswitch/vswitch.ovsschema; ovsdb-server {folder}/conf.db --detach --no-chdir --pidfile --remote=punix:{folder}/db.sock -vconsole:off; "
                f"ovs-vsctl --no-wait init; ovs-vswitchd unix:{folder}/db.sock --detach --no-chdir --pidfile --log-file --disable-system -vconsole:off")

    def end():
        for name in ("ovs-vswitchd", "ovsdb-server"):
            subprocess.run(["kill", open(f"{folder}/{name}.pid").read().strip()], check=False)
        subprocess.run(["sh", "-c", f"sleep 0.3; rm -rf {folder}"], check=False)

    machine.ends = [end]


def bridge(machine, name, secure=False):
    machine.run(f"ovs-vsctl add-br {name} -- set bridge {name} datapath_type=netdev{' fail_mode=secure' if secure else ''}; ip link set {name} up")
    machine.captures += [f"ovs-ofctl show {name}", f"ovs-ofctl -O OpenFlow13 dump-flows {name}", f"ovs-appctl fdb/show {name}"]


class Network:
    def __init__(self, lab, seed):
        self.lab, self.r = lab, random.Random(seed)
        self.stp = False
        lab.to_socket = True
        r = self.r
        self.segments = [Segment(r, n) for n in range(r.choice([1, 2, 2, 3]))]
        self.hypervisors, self.guests, self.routers = [], [], []
        self.fault = r.choice([None, None, "gateway", "port down", "tag", "vni", "flood", "forwarding", "no route back", "filter", "guest filter", "security", "mask", "snat only"])
        self.six = r.random() < 0.5
        count = r.choice([1, 2, 2, 3])
        # Machines that share networks do so in one of the ways.
        self.joined = r.choice(["vxlan", "vxlan", "vlan"]) if count > 1 else None
        for n in range(count):
            # Not every kernel has devices for VLANs.
            self.hypervisor(n, "switch" if self.joined == "vlan" else r.choice(["bridge", "switch"]))
        self.underlay()
        for hv in self.hypervisors:
            for segment in self.segments:
                hv.join(hv, segment)
        for n in range(r.randint(3, 5)):
            self.guest(n)
        self.outside = lab.machine("outside")
        for n in range(1 if r.random() < 0.7 else 2):
            self.router(n)
        self.break_it()

    # Hypervisors

    def hypervisor(self, n, kind):
        hv = self.lab.machine(f"hv{n + 1}", *(SHOWN_BY_SWITCH if kind == "switch" else ()), bridge=kind == "bridge")
        hv.kind, hv.n, hv.under = kind, n, f"192.0.2.{n + 1}"
        hv.stateful = self.r.random() < 0.3
        hv.join = self.join_bridge if kind == "bridge" else self.join_switch
        if kind == "switch":
            switch(hv)
            # Tables of a tunnel bridge as Neutron's agent fills them, or a port for each network on one bridge.
            hv.style = self.r.choice(["tables", "ports"])
            bridge(hv, "br-int", secure=self.r.random() < 0.5)
            hv.run("ovs-ofctl -O OpenFlow13 del-flows br-int; ovs-ofctl -O OpenFlow13 add-flow br-int priority=0,actions=NORMAL")
        self.hypervisors.append(hv)

    def underlay(self):
        """A machine in the middle has a bridge with everybody's eth1."""
        if self.joined is None:
            return
        middle = self.lab.machine("fabric", bridge=True)
        middle.run("ip link add fab0 type bridge; ip link set fab0 up")
        for hv in self.hypervisors:
            self.lab.wire(hv, "eth1", middle, f"p{hv.n + 1}")
            middle.run(f"ip link set p{hv.n + 1} master fab0")
            if self.joined != "vxlan":
                continue
            hv.whole_checksums("eth1")
            if hv.kind == "bridge":
                hv.run(f"ip address add {hv.under}/24 dev eth1")
            else:
                bridge(hv, "br-phy")
                hv.run(f"mac=$(cat /sys/class/net/eth1/address); ovs-vsctl set bridge br-phy other-config:hwaddr=$mac -- add-port br-phy eth1; ip address add {hv.under}/24 dev br-phy")
        if self.joined == "vxlan":
            for hv in self.hypervisors:
                for other in self.hypervisors:
                    if other is not hv:
                        hv.run(f"ping -c1 -W1 {other.under} || true", check=False)

    def others(self, hv):
        return [other for other in self.hypervisors if other is not hv]

    def join_bridge(self, hv, segment):
        name = f"brq{segment.n}"
        stp = self.r.random() < 0.2
        self.stp |= stp
        hv.run(f"ip link add {name} type bridge{' stp_state 1 forward_delay 200' if stp else ''}; ip link set {name} up")
        if self.joined == "vxlan":
            learning = self.r.random() < 0.5
            hv.run(f"ip link add vx{segment.n} type vxlan id {segment.vni} dstport 4789 local {hv.under} dev eth1 {'' if learning else 'nolearning'}; ip link set vx{segment.n} up master {name}")
            for other in self.others(hv):
                hv.run(f"bridge fdb append 00:00:00:00:00:00 dev vx{segment.n} dst {other.under}")
            hv.learning = learning

    def join_switch(self, hv, segment):
        tag = segment.tag(self.r, hv)
        if self.joined == "vxlan" and hv.style == "ports":
            for other in self.others(hv):
                port = f"vx{segment.n}-{other.n + 1}"
                hv.run(f"ovs-vsctl add-port br-int {port} tag={tag} -- set interface {port} type=vxlan options:remote_ip={other.under} options:key={segment.vni}")
                # What came by one tunnel goes out by no other.
            hv.run(f"ovs-vsctl list-ports br-int | grep ^vx{segment.n}- | while read p; do ovs-vsctl set port $p protected=true; done")
        elif self.joined == "vxlan":
            self.tunnel_bridge(hv)
            self.tunnel_tables(hv, segment, tag)
        elif self.joined == "vlan":
            self.physical_bridge(hv)
            hv.run("ovs-ofctl -O OpenFlow13 add-flows br-ph - <<'END'\n"
                   f"priority=4,in_port=ph-int,dl_vlan={tag},actions=set_field:{4096 + 100 + segment.n}->vlan_vid,NORMAL\nEND\n"
                   "ovs-ofctl -O OpenFlow13 add-flows br-int - <<'END'\n"
                   f"priority=3,in_port=int-ph,dl_vlan={100 + segment.n},actions=set_field:{4096 + tag}->vlan_vid,NORMAL\nEND")

    def patch(self, hv, left, left_port, right, right_port):
        hv.run(f"ovs-vsctl add-port {left} {left_port} -- set interface {left_port} type=patch options:peer={right_port} -- add-port {right} {right_port} -- set interface {right_port} type=patch options:peer={left_port}")

    def physical_bridge(self, hv):
        if getattr(hv, "physical", False):
            return
        hv.physical = True
        bridge(hv, "br-ph", secure=True)
        hv.run("ovs-vsctl add-port br-ph eth1")
        self.patch(hv, "br-int", "int-ph", "br-ph", "ph-int")
        hv.run("ovs-ofctl -O OpenFlow13 del-flows br-ph; ovs-ofctl -O OpenFlow13 add-flows br-ph - <<'END'\npriority=2,in_port=ph-int,actions=drop\npriority=0,actions=NORMAL\nEND\n"
               "ovs-ofctl -O OpenFlow13 add-flow br-int priority=2,in_port=int-ph,actions=drop")

    def tunnel_bridge(self, hv):
        if getattr(hv, "tunnels", False):
            return
        hv.tunnels = True
        bridge(hv, "br-tun", secure=True)
        self.patch(hv, "br-int", "patch-tun", "br-tun", "patch-int")
        ports = []
        for other in self.others(hv):
            port = f"vxlan-c000020{other.n + 1}"
            ports.append(port)
            hv.run(f"ovs-vsctl add-port br-tun {port} -- set interface {port} type=vxlan options:remote_ip={other.under} options:local_ip={hv.under} options:in_key=flow options:out_key=flow options:df_default=true")
        hv.tunnel_ports = ports
        lines = ["table=0,priority=1,in_port=patch-int,actions=goto_table:2", *(f"table=0,priority=1,in_port={port},actions=goto_table:4" for port in ports), "table=0,priority=0,actions=drop",
                 "table=2,priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00,actions=goto_table:20", "table=2,priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=goto_table:22",
                 "table=4,priority=0,actions=drop",
                 "table=10,priority=1,actions=learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:OXM_OF_IN_PORT[]),output:patch-int",
                 "table=20,priority=0,actions=goto_table:22", "table=22,priority=0,actions=drop"]
        hv.run("ovs-ofctl -O OpenFlow13 del-flows br-tun; ovs-ofctl -O OpenFlow13 add-flows br-tun - <<'END'\n" + "\n".join(lines) + "\nEND")

    def tunnel_tables(self, hv, segment, tag):
        flood = ",".join(f"output:{port}" for port in hv.tunnel_ports)
        hv.run("ovs-ofctl -O OpenFlow13 add-flows br-tun - <<'END'\n"
               f"table=4,priority=1,tun_id={segment.vni:#x},actions=push_vlan:0x8100,set_field:{4096 + tag}->vlan_vid,goto_table:10\n"
               f"table=22,priority=1,dl_vlan={tag},actions=pop_vlan,set_field:{segment.vni:#x}->tun_id,{flood}\nEND")

    # Guests

    def plug(self, hv, segment, port, mac=None, script=""):
        """Makes a device of the hypervisor a port of the network."""
        if hv.kind == "bridge":
            hv.run(f"ip link set {port} master brq{segment.n}")
        else:
            ids = f" external_ids:attached-mac='\"{mac}\"' external_ids:iface-id=port-of-{port}" if mac else ""
            hv.run(f"ovs-vsctl add-port br-int {port} tag={segment.tag(self.r, hv)} -- set interface {port} external_ids:iface-status=active{ids}")

    def guest(self, n):
        r = self.r
        hv, segment = r.choice(self.hypervisors), r.choice(self.segments)
        machine = self.lab.machine(f"vm{n + 1}")
        port, ip = f"tap{n + 1}", segment.ip(10 + n)
        self.lab.wire(hv, port, machine, "eth0")
        machine.whole_checksums("eth0")
        # What a redirect has taught no capture shows.
        machine.run(f"sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0; ip address add {ip}/24 dev eth0; ip route add default via {segment.ip(1)}")
        machine.serve(**SERVED)
        if r.random() < 0.4:
            machine.run(r.choice(["iptables -P INPUT DROP; iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A INPUT -p icmp -j ACCEPT; iptables -A INPUT -p tcp --dport 80 -j ACCEPT",
                                  "iptables -A INPUT -p udp -m udp --dport 53 -j REJECT --reject-with icmp-admin-prohibited", "nft 'add table inet f; add chain inet f in { type filter hook input priority 0; policy accept; }; add rule inet f in tcp dport 22 drop'"]))
            machine.captures.append("nft list ruleset")
        if self.six:
            machine.run(f"ip address add {segment.ip6(10 + n)}/64 dev eth0 nodad; ip route add default via {segment.ip6(1)}")
        self.plug(hv, segment, port, machine.mac("eth0"))
        if hv.kind == "switch" and hv.stateful:
            self.guard(hv, segment, port, machine.mac("eth0"))
        self.guests.append(Guest(machine, hv, segment, port, ip))

    def guard(self, hv, segment, port, mac):
        """Connections that a guest may open and take, as a switch tracks them."""
        zone, opened = segment.tag(self.r, hv), self.r.choice([("icmp", "tcp,tp_dst=80"), ("icmp", "udp"), ("tcp", "icmp", "udp")])
        lines = [f"table=0,priority=62,in_port={port},ip,actions=ct(table=60,zone={zone})", f"table=0,priority=61,ip,dl_dst={mac},actions=ct(table=61,zone={zone})",
                 "table=60,priority=9,ct_state=+trk+est,actions=NORMAL", "table=60,priority=8,ct_state=+trk+inv,actions=drop", f"table=60,priority=7,ct_state=+trk+new,ip,in_port={port},actions=ct(commit,zone={zone}),NORMAL",
                 "table=61,priority=9,ct_state=+trk+est,actions=NORMAL", "table=61,priority=9,ct_state=+trk+rel,actions=NORMAL",
                 *(f"table=61,priority=7,ct_state=+trk+new,{what},dl_dst={mac},actions=ct(commit,zone={zone}),NORMAL" for what in opened), "table=60,priority=0,actions=drop", "table=61,priority=0,actions=drop"]
        hv.run("ovs-ofctl -O OpenFlow13 add-flows br-int - <<'END'\n" + "\n".join(lines) + "\nEND")

    # Routers

    def router(self, n):
        r = self.r
        hv = r.choice(self.hypervisors)
        name = f"rt{n + 1}"
        space = hv.namespace(name)
        space.captures = ()
        legs = self.segments if n == 0 else []
        if n == 1:
            return self.second_router(hv, name, space)
        for segment in legs:
            self.leg(hv, name, segment, f"qr-{segment.n}", f"{segment.ip(1)}/24")
        out, gateway = f"203.0.113.{1 + n}", "203.0.113.100"
        self.lab.wire(space, "qg-0", self.outside, f"eth{n}")
        hv.whole_checksums("qg-0", name)
        hv.run("sysctl -qw net.ipv4.ip_forward=1", name)
        hv.run(f"ip address add {out}/24 dev qg-0; ip route add default via {gateway}", name)
        self.outside.whole_checksums(f"eth{n}")
        self.outside.run(f"ip address add {gateway}/24 dev eth{n}; ip address add 198.51.100.9/32 dev lo")
        self.outside.serve(**SERVED)
        self.floating = {}
        nat = r.choice(["masquerade", "snat", "none", "masquerade"])
        if nat == "none":
            for segment in self.segments:
                self.outside.run(f"ip route add {segment.ip(0)}/24 via {out}")
        if self.six:
            hv.run("sysctl -qw net.ipv6.conf.all.forwarding=1; ip address add fd00:ff::1/64 dev qg-0 nodad; ip route add default via fd00:ff::100", name)
            self.outside.run(f"ip address add fd00:ff::100/64 dev eth{n} nodad; " + "; ".join(f"ip route add {segment.ip6(0)}/64 via fd00:ff::1" for segment in self.segments))
            if r.random() < 0.4:
                hv.run(r.choice(["ip6tables -A FORWARD -p tcp --dport 80 -j DROP", "ip6tables -A FORWARD -i qg-0 -m conntrack --ctstate NEW -j REJECT --reject-with icmp6-adm-prohibited", "ip6tables -t nat -A POSTROUTING -o qg-0 -j MASQUERADE"]), name)
        lines = []
        for number, guest in enumerate(self.guests):
            if r.random() < 0.4 and nat != "none":
                address = f"203.0.113.{50 + number}"
                self.floating[guest] = address
                how = r.choice(["-d", "-d"])
                lines += [f"iptables -t nat -A PREROUTING {how} {address}/32 -j DNAT --to-destination {guest.ip}", f"iptables -t nat -A POSTROUTING -s {guest.ip}/32 -o qg-0 -j SNAT --to-source {address}", f"ip address add {address}/32 dev qg-0"]
        if nat == "masquerade":
            lines.append("iptables -t nat -A POSTROUTING -o qg-0 -j MASQUERADE")
        if nat == "snat":
            lines.append(f"iptables -t nat -A POSTROUTING -o qg-0 -j SNAT --to-source {out}")
        if r.random() < 0.3:
            lines.append("iptables -t nat -A PREROUTING -d 169.254.169.254/32 -p tcp --dport 80 -j REDIRECT --to-ports 80")
        for _ in range(r.randint(0, 2)):
            lines.append(r.choice(["iptables -A FORWARD -p udp --dport 53 -j REJECT --reject-with icmp-admin-prohibited", "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP", "iptables -A FORWARD -i qg-0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                                   "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu", f"iptables -A FORWARD -s {self.segments[0].ip(0)}/24 -d {self.segments[-1].ip(0)}/24 -p tcp -j DROP"]))
        if lines and all(" -t nat -A " in line or line.startswith("ip ") for line in lines) and r.random() < 0.6:
            hv.run("\n".join([line for line in lines if line.startswith("ip ")] + ["nft -f - <<'END'", *self.in_nft(lines), "END"]), name)
            space.machine.captures += [command for command in ("nft list ruleset",) if command not in space.machine.captures]
        elif lines:
            hv.run("; ".join(lines), name)
        if r.random() < 0.3:
            hv.run("ip rule add from " + self.segments[0].ip(0) + "/24 lookup 100; ip route add default via " + gateway + " table 100; ip route add " + "; ip route add ".join(f"{s.ip(0)}/24 dev qr-{s.n} table 100" for s in self.segments), name)
        self.routers.append((hv, name, space))

    def in_nft(self, lines):
        """The same translations in nft's own words."""
        rules = {"prerouting": [], "postrouting": []}
        for line in lines:
            words = line.split()
            if "-A" not in words:
                continue
            given = {words[k]: words[k + 1] for k in range(len(words) - 1) if words[k].startswith("-")}
            conditions = [f"ip daddr {given['-d']}"] if "-d" in given else []
            conditions += [f"ip saddr {given['-s']}"] if "-s" in given else []
            conditions += [f'oifname "{given["-o"]}"'] if "-o" in given else []
            conditions += [f"tcp dport {given['--dport']}"] if "--dport" in given else []
            done = {"DNAT": "dnat to " + given.get("--to-destination", ""), "SNAT": "snat to " + given.get("--to-source", ""), "MASQUERADE": "masquerade", "REDIRECT": "redirect to :80"}[given["-j"]]
            rules[given["-A"].lower()].append(" ".join([*conditions, done]))
        yield "table ip rnat {"
        for hook, priority in (("prerouting", "dstnat"), ("postrouting", "srcnat")):
            yield from (f"chain {hook}_nat {{", f"type nat hook {hook} priority {priority}; policy accept;", *rules[hook], "}")
        yield "}"

    def leg(self, hv, name, segment, device, address):
        if self.six:
            address += f" dev {device}; ip address add {segment.ip6(int(address.split('/')[0].split('.')[-1]))}/64 nodad"
        if hv.kind == "switch" and self.r.random() < 0.5:
            hv.run(f"ovs-vsctl add-port br-int {device} tag={segment.tag(self.r, hv)} -- set interface {device} type=internal; ip link set {device} netns {name}")
            return hv.run(f"ip link set {device} up; ip address add {address} dev {device}", name)
        self.lab.wire(hv, f"t{device}", hv.spaces[name], device)
        hv.whole_checksums(device, name)
        hv.run(f"ip address add {address} dev {device}", name)
        self.plug(hv, segment, f"t{device}", hv.mac(device, name))

    def second_router(self, hv, name, space):
        """Another way out of the first network, to a network behind it."""
        segment = self.segments[0]
        self.leg(hv, name, segment, "qr-x", f"{segment.ip(2)}/24")
        inner = self.lab.machine("inner")
        self.lab.wire(space, "in0", inner, "eth0")
        hv.whole_checksums("in0", name)
        hv.run("ip address add 172.30.0.1/24 dev in0; sysctl -qw net.ipv4.ip_forward=1", name)
        inner.whole_checksums("eth0")
        inner.run(f"ip address add 172.30.0.5/24 dev eth0; ip route add default via 172.30.0.1")
        inner.serve(**SERVED)
        for guest in self.guests:
            if guest.segment is segment and self.r.random() < 0.7:
                guest.machine.run(f"ip route add 172.30.0.0/24 via {segment.ip(2)}")
        first, first_name, _ = self.routers[0]
        first.run(f"ip route add 172.30.0.0/24 via {segment.ip(2)}", first_name)
        hv.run(f"ip route add default via {segment.ip(1)}", name)
        if self.r.random() < 0.4:
            hv.run(f"iptables -t nat -A POSTROUTING -o in0 -j MASQUERADE", name)
        self.routers.append((hv, name, space))
        self.inner = inner

    # What is wrong

    def break_it(self):
        r = self.r
        guest = r.choice(self.guests)
        hv, segment = guest.hypervisor, guest.segment
        rhv, rname, _ = self.routers[0]
        fault = self.fault
        if fault == "gateway":
            guest.machine.run(f"ip route replace default via {segment.ip(3)}")
        elif fault == "port down":
            hv.run(f"ip link set {guest.port} down")
        elif fault == "tag" and hv.kind == "switch":
            hv.run(f"ovs-vsctl set port {guest.port} tag=777")
        elif fault == "vni" and self.joined == "vxlan" and hv.kind == "bridge":
            hv.run(f"ip link del vx{segment.n}; ip link add vx{segment.n} type vxlan id {segment.vni + 7} dstport 4789 local {hv.under} dev eth1; ip link set vx{segment.n} up master brq{segment.n}")
            for other in self.others(hv):
                hv.run(f"bridge fdb append 00:00:00:00:00:00 dev vx{segment.n} dst {other.under}")
        elif fault == "flood" and self.joined == "vxlan" and hv.kind == "bridge":
            hv.run(f"bridge fdb del 00:00:00:00:00:00 dev vx{segment.n} dst {self.others(hv)[0].under}")
        elif fault == "flood" and hv.kind == "switch" and getattr(hv, "tunnels", False):
            hv.run(f"ovs-ofctl -O OpenFlow13 del-flows br-tun table=22,dl_vlan={segment.tag(r, hv)}")
        elif fault == "forwarding":
            rhv.run("sysctl -qw net.ipv4.ip_forward=0", rname)
        elif fault == "no route back":
            self.outside.run(f"ip route del {segment.ip(0)}/24 || true")
        elif fault == "filter":
            rhv.run(f"iptables -I FORWARD -d {guest.ip} -j DROP", rname)
        elif fault == "guest filter":
            guest.machine.run("iptables -I INPUT -p icmp -j DROP")
        elif fault == "security" and hv.kind == "bridge":
            hv.run("sysctl -qw net.bridge.bridge-nf-call-iptables=1 || true", check=False)
            hv.captures.append("sysctl net.bridge.bridge-nf-call-iptables")
            hv.run(f"iptables -A FORWARD -m physdev --physdev-out {guest.port} --physdev-is-bridged -p tcp --dport 80 -j DROP; iptables -A FORWARD -m physdev --physdev-in {guest.port} --physdev-is-bridged -p udp -j DROP")
        elif fault == "security":
            hv.run(f"ovs-ofctl -O OpenFlow13 add-flows br-int - <<'END'\npriority=50,in_port={guest.port},udp,tp_dst=53,actions=drop\npriority=50,in_port={guest.port},arp,arp_spa={guest.ip},actions=NORMAL\npriority=40,in_port={guest.port},arp,actions=drop\nEND")
        elif fault == "mask":
            guest.machine.run(f"ip address del {guest.ip}/24 dev eth0; ip address add {guest.ip}/16 dev eth0; ip route replace default via {segment.ip(1)}")

    # Packets

    def ask(self):
        r = self.r
        # Ports that listen and learn before they forward.
        time.sleep(6 if self.stp else 1)
        ends = [(g.machine.name, g.machine, g.ip) for g in self.guests]
        six = [(f"{g.machine.name} by IPv6", g.segment.ip6(int(g.ip.split(".")[-1]))) for g in self.guests] + [("out by IPv6", "fd00:ff::100"), ("gateway by IPv6", r.choice(self.segments).ip6(1)), ("nobody by IPv6", self.segments[0].ip6(200))]
        targets = [*(six if self.six else []), ("out", "203.0.113.100"), ("far", "198.51.100.9"), ("gateway", r.choice(self.segments).ip(1)), ("nobody", self.segments[0].ip(200)), *((f"floating of {g.machine.name}", ip) for g, ip in self.floating.items()), *((name, ip) for name, _, ip in ends)]
        if hasattr(self, "inner"):
            targets.append(("inner", "172.30.0.5"))
        sources = [*((name, machine) for name, machine, _ in ends), ("outside", self.outside)]
        if hasattr(self, "inner"):
            sources.append(("inner", self.inner))

        def is_idle(source, _machine, target, _to):
            own = target.split(" by ")[0] == source or ("by" in target and source == "inner")
            return own or (source == "outside" and (target in ("out", "far") or target.startswith("out ")))

        kinds = [("icmp", None), ("tcp", 80), ("udp", 53), ("tcp", 22), ("tcp", 80)]
        ask(self.lab, r, sources, [(*target, None, None) for target in targets], kinds, [None, None, None, 1450, 1500, 3000], most=9, tries=40, is_idle=is_idle)


def build_with(seed):
    def build(lab):
        network = Network(lab, seed)
        network.ask()
        lab.note = f"fault {network.fault}, joined by {network.joined}, {', '.join(f'{hv.name} {hv.kind} ' + getattr(hv, 'style', '') for hv in network.hypervisors)}"

    return build


if __name__ == "__main__":
    from lab import record_random

    record_random(build_with)

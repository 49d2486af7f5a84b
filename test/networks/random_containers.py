"""
Hosts of containers that nobody thought of: Docker's bridges with ports that are given to the outside, or nodes of Kubernetes with pods, services
of kube-proxy's iptables mode, and routes or VXLAN between them; and in most of them something that is wrong. The same seed builds the same hosts.
"""
import random

from random_asking import ask

SERVED = {"tcp": [80], "udp": [53]}
BRIDGED = "sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1"


class Container:
    def __init__(self, machine, node, net, ip, number, port):
        self.machine, self.node, self.net, self.ip, self.number, self.port = machine, node, net, ip, number, port


class Net:
    """A bridge of a node with its containers."""

    def __init__(self, name, prefix):
        self.name, self.prefix = name, prefix

    @property
    def subnet(self):
        return f"{self.prefix}.0/24"


class Hosts:
    def __init__(self, lab, seed):
        self.lab, self.r = lab, random.Random(seed)
        lab.to_socket = True
        self.nodes, self.containers, self.services = [], [], []
        self.kind = self.r.choice(["docker", "kube", "kube"])
        self.way = self.r.choice(["routes", "vxlan"]) if self.kind == "kube" else None
        self.calls = self.r.random() < 0.75
        self.fault = self.r.choice([None, None, *(("policy", "unpublished", "wrong port", "bridge down", "isolated", "no masquerade", "forwarding", "guest filter") if self.kind == "docker" else
                                                  ("policy", "no endpoint", "wrong endpoint", "no route", "no masquerade", "forwarding", "hairpin", "guest filter", "no neighbour", "rp_filter"))])
        count = self.r.choice([1, 2]) if self.kind == "docker" else self.r.choice([2, 2, 3])
        self.middle = lab.switch("sw")
        for n in range(count):
            self.node(n)
        self.client = lab.machine("client")
        self.wire(self.client, 9)
        self.client.run("ip address add 192.168.50.99/24 dev eth0")
        self.client.serve(**SERVED)
        for node in self.nodes:
            self.docker(node) if self.kind == "docker" else self.kube(node)
        if self.kind == "kube":
            self.join()
            self.serve()
            for node in self.nodes:
                self.proxy(node)
        self.break_it()

    def wire(self, machine, n):
        self.lab.plug(self.middle, n, machine)
        machine.whole_checksums("eth0")

    def node(self, n):
        node = self.lab.machine(f"node{n + 1}", bridge=True)
        node.n, node.ip, node.nets = n, f"192.168.50.{11 + n}", []
        self.wire(node, n + 1)
        node.run(f"ip address add {node.ip}/24 dev eth0; sysctl -qw net.ipv4.ip_forward=1; ip route add default via 192.168.50.99")
        if self.calls:
            node.run(BRIDGED, check=False)
        node.captures.append("sysctl net.bridge.bridge-nf-call-iptables")
        if self.r.random() < 0.3:
            node.run("sysctl -qw net.ipv4.conf.all.route_localnet=1")
        self.nodes.append(node)

    def bridge(self, node, net, hairpin=False):
        node.run(f"ip link add {net.name} type bridge; ip address add {net.prefix}.1/24 dev {net.name}; ip link set {net.name} up")
        net.hairpin = hairpin
        node.nets.append(net)

    def container(self, node, net, name, host):
        machine = self.lab.machine(name)
        port = f"veth{len(self.containers):04x}"
        self.lab.wire(node, port, machine, "eth0")
        node.run(f"ip link set {port} master {net.name}")
        if net.hairpin:
            node.run(f"bridge link set dev {port} hairpin on")
        machine.whole_checksums("eth0")
        machine.run(f"ip address add {net.prefix}.{host}/24 dev eth0; ip route add default via {net.prefix}.1; sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0")
        machine.serve(**SERVED)
        made = Container(machine, node, net, f"{net.prefix}.{host}", host, port)
        self.containers.append(made)
        return made

    # Docker

    def docker(self, node):
        r = self.r
        nets = [Net("docker0", f"172.17.{node.n}"), *([Net(f"br-{r.getrandbits(48):012x}", f"172.18.{node.n}")] if r.random() < 0.6 else [])]
        for net in nets:
            self.bridge(node, net)
        own = []
        for k in range(r.randint(2, 3)):
            own.append(self.container(node, r.choice(nets), f"{r.choice(['web', 'shop', 'db', 'mail'])}{node.n + 1}{k}", 2 + k))
        proxied = r.random() < 0.4
        lines = ["*nat", ":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]", ":DOCKER - [0:0]",
                 "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER", "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER"]
        lines += [f"-A POSTROUTING -s {net.subnet} ! -o {net.name} -j MASQUERADE" for net in nets]
        node.published, opened, nat = [], [], []
        for one in own:
            if r.random() < 0.7:
                proto, inside = r.choice([("tcp", 80), ("tcp", 80), ("udp", 53)])
                outside = r.choice([8000, 8080, 9000]) + one.number
                to = f"{one.ip}:{inside}"
                lines.append(f"-A POSTROUTING -s {one.ip}/32 -d {one.ip}/32 -p {proto} -m {proto} --dport {inside} -j MASQUERADE")
                by = "" if proxied else f"! -i {one.net.name} "
                nat.append(f"-A DOCKER {r.choice(['', '', f'-d {node.ip}/32 '])}{by}-p {proto} -m {proto} --dport {outside} -j DNAT --to-destination {to}")
                opened.append(f"-A DOCKER -d {one.ip}/32 ! -i {one.net.name} -o {one.net.name} -p {proto} -m {proto} --dport {inside} -j ACCEPT")
                node.published.append((proto, outside, one))
        returns = [f"-A DOCKER -i {net.name} -j RETURN" for net in nets] if not proxied else []
        lines += [*returns, *nat, "COMMIT", "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":DOCKER - [0:0]", ":DOCKER-ISOLATION-STAGE-1 - [0:0]",
                  ":DOCKER-ISOLATION-STAGE-2 - [0:0]", ":DOCKER-USER - [0:0]", "-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-ISOLATION-STAGE-1"]
        for net in nets:
            lines += [f"-A FORWARD -o {net.name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", f"-A FORWARD -o {net.name} -j DOCKER", f"-A FORWARD -i {net.name} ! -o {net.name} -j ACCEPT",
                      f"-A FORWARD -i {net.name} -o {net.name} -j {'DROP' if r.random() < 0.2 else 'ACCEPT'}"]
        lines += [*opened, *(f"-A DOCKER-ISOLATION-STAGE-1 -i {net.name} ! -o {net.name} -j DOCKER-ISOLATION-STAGE-2" for net in nets), "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
                  *(f"-A DOCKER-ISOLATION-STAGE-2 -o {net.name} -j DROP" for net in nets), "-A DOCKER-ISOLATION-STAGE-2 -j RETURN", "-A DOCKER-USER -j RETURN", "COMMIT"]
        self.load(node, lines)

    def load(self, node, lines):
        node.iptables = self.r.choice(["iptables", "iptables", "iptables-legacy"])
        node.run(f"{node.iptables}-restore <<'END'\n" + "\n".join(lines) + "\nEND")
        if "legacy" in node.iptables:
            node.captures = [command.replace("iptables-save", "iptables-legacy-save") if command == "iptables-save" else command for command in node.captures]

    # Kubernetes

    def kube(self, node):
        net = Net("cni0", f"10.244.{node.n}")
        self.bridge(node, net, hairpin=self.fault != "hairpin" and self.r.random() < 0.9)
        for k in range(self.r.randint(1, 3)):
            self.container(node, net, f"{self.r.choice(['web', 'api', 'dns', 'job'])}-{node.n + 1}{k}", 2 + k)

    def join(self):
        for node in self.nodes:
            others = [other for other in self.nodes if other is not node]
            if self.way == "routes":
                for other in others:
                    node.run(f"ip route add 10.244.{other.n}.0/24 via {other.ip} dev eth0")
                continue
            node.run(f"ip link add flannel.1 address 02:fe:00:00:00:0{node.n + 1} mtu 1450 type vxlan id 1 local {node.ip} dev eth0 nolearning dstport 8472; ip address add 10.244.{node.n}.0/32 dev flannel.1; ip link set flannel.1 up")
            for other in others:
                mac = f"02:fe:00:00:00:0{other.n + 1}"
                node.run(f"ip route add 10.244.{other.n}.0/24 via 10.244.{other.n}.0 dev flannel.1 onlink; ip neigh replace 10.244.{other.n}.0 lladdr {mac} dev flannel.1 nud permanent; bridge fdb append {mac} dev flannel.1 dst {other.ip}")

    def serve(self):
        r = self.r
        for k in range(r.randint(2, 3)):
            proto, inside = r.choice([("tcp", 80), ("tcp", 80), ("udp", 53)])
            pod = r.choice(self.containers)
            self.services.append({"name": f"default/s{k}:{r.choice(['http', 'main'])}", "id": f"{r.getrandbits(64):016X}", "ip": f"10.96.{r.randint(1, 200)}.{r.randint(1, 200)}", "port": r.choice([80, 443, inside]), "proto": proto, "pod": pod, "inside": inside,
                                  "node_port": r.choice([None, 30080 + k, 31000 + k])})

    def proxy(self, node):
        """What kube-proxy writes in its iptables mode."""
        r = self.r
        lines = ["*nat", ":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]", ":KUBE-MARK-MASQ - [0:0]", ":KUBE-NODEPORTS - [0:0]", ":KUBE-POSTROUTING - [0:0]", ":KUBE-SERVICES - [0:0]"]
        lines += [f":KUBE-SVC-{s['id']} - [0:0]\n:KUBE-SEP-{s['id']} - [0:0]" for s in self.services if s["pod"] is not None]
        portal = '-m comment --comment "kubernetes service portals" '
        lines += [f"-A PREROUTING {portal}-j KUBE-SERVICES", f"-A OUTPUT {portal}-j KUBE-SERVICES", '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
                  *([] if self.way == "vxlan" and r.random() < 0.3 else ["-A POSTROUTING -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN", "-A POSTROUTING -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE"]),
                  "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000"]
        filters = []
        for s in self.services:
            comment = f'-m comment --comment "{s["name"]} cluster IP" '
            match = f"-d {s['ip']}/32 -p {s['proto']} {comment}-m {s['proto']} --dport {s['port']}"
            if self.fault == "no endpoint" and s is self.services[0]:
                filters.append(f'-A KUBE-SERVICES -d {s["ip"]}/32 -p {s["proto"]} -m comment --comment "{s["name"]} has no endpoints" -m {s["proto"]} --dport {s["port"]} -j REJECT --reject-with icmp-port-unreachable')
                continue
            to = s["pod"].ip if self.fault != "wrong endpoint" or s is not self.services[0] else f"{s['pod'].net.prefix}.77"
            lines.append(f"-A KUBE-SERVICES {match} -j KUBE-SVC-{s['id']}")
            if not (self.fault == "no masquerade" and s is self.services[0]):
                lines.append(f"-A KUBE-SVC-{s['id']} ! -s 10.244.0.0/16 {match} -j KUBE-MARK-MASQ")
            lines.append(f'-A KUBE-SVC-{s["id"]} -m comment --comment "{s["name"]} -> {to}:{s["inside"]}" -j KUBE-SEP-{s["id"]}')
            lines.append(f'-A KUBE-SEP-{s["id"]} -s {to}/32 -m comment --comment "{s["name"]}" -j KUBE-MARK-MASQ')
            lines.append(f'-A KUBE-SEP-{s["id"]} -p {s["proto"]} -m comment --comment "{s["name"]}" -m {s["proto"]} -j DNAT --to-destination {to}:{s["inside"]}')
            if s["node_port"] is not None:
                lines += [f'-A KUBE-NODEPORTS -p {s["proto"]} -m comment --comment "{s["name"]}" -m {s["proto"]} --dport {s["node_port"]} -j KUBE-MARK-MASQ', f'-A KUBE-NODEPORTS -p {s["proto"]} -m comment --comment "{s["name"]}" -m {s["proto"]} --dport {s["node_port"]} -j KUBE-SVC-{s["id"]}']
        lines += ['-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
                  "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN", "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0", '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully', "COMMIT"]
        policy = "DROP" if self.fault == "policy" else r.choice(["ACCEPT", "ACCEPT", "DROP"])
        lines += ["*filter", ":INPUT ACCEPT [0:0]", f":FORWARD {policy} [0:0]", ":OUTPUT ACCEPT [0:0]", ":KUBE-FORWARD - [0:0]", ":KUBE-SERVICES - [0:0]",
                  '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD', f"-A FORWARD -m conntrack --ctstate NEW {portal}-j KUBE-SERVICES",
                  *([] if self.fault == "policy" else ["-A FORWARD -s 10.244.0.0/16 -j ACCEPT", "-A FORWARD -d 10.244.0.0/16 -j ACCEPT"]), f"-A OUTPUT -m conntrack --ctstate NEW {portal}-j KUBE-SERVICES",
                  "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP", '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
                  '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', *filters, "COMMIT"]
        self.load(node, lines)

    # What is wrong

    def break_it(self):
        r, fault = self.r, self.fault
        node = r.choice(self.nodes)
        one = r.choice(self.containers)
        if fault == "policy" and self.kind == "docker":
            node.run(f"{node.iptables} -I FORWARD -p tcp -j DROP")
        elif fault == "unpublished":
            node.run(f"{node.iptables} -t nat -F DOCKER")
        elif fault == "wrong port" and node.published:
            proto, port, to = node.published[0]
            node.run(f"{node.iptables} -t nat -I DOCKER -p {proto} --dport {port} -j DNAT --to-destination {to.ip}:81")
        elif fault == "bridge down":
            one.node.run(f"ip link set {one.net.name} down")
        elif fault == "isolated":
            node.run(f"{node.iptables} -I DOCKER-USER -i eth0 -j DROP")
        elif fault == "no masquerade" and self.kind == "docker":
            node.run(f"{node.iptables} -t nat -F POSTROUTING")
        elif fault == "forwarding":
            node.run("sysctl -qw net.ipv4.ip_forward=0")
        elif fault == "guest filter":
            one.machine.run("iptables -A INPUT -p tcp --dport 80 -j DROP")
        elif fault == "no route":
            other = r.choice([other for other in self.nodes if other is not node])
            node.run(f"ip route del 10.244.{other.n}.0/24")
        elif fault == "no neighbour" and self.way == "vxlan":
            other = r.choice([other for other in self.nodes if other is not node])
            node.run(f"ip neigh del 10.244.{other.n}.0 dev flannel.1; bridge fdb del 02:fe:00:00:00:0{other.n + 1} dev flannel.1 dst {other.ip}")
        elif fault == "rp_filter":
            node.run("sysctl -qw net.ipv4.conf.all.rp_filter=1")

    # Packets

    def targets(self):
        found = [(one.machine.name, one.ip, None, None) for one in self.containers]
        found += [(node.name, node.ip, None, None) for node in self.nodes]
        found += [("client", "192.168.50.99", None, None)]
        for node in self.nodes:
            found += [(f"port {port} of {node.name}", node.ip, proto, port) for proto, port, _ in getattr(node, "published", [])] * 3
        for s in self.services:
            found += [(f"service {s['ip']}", s["ip"], s["proto"], s["port"])] * 3
            if s["node_port"] is not None:
                found += [(f"node port {s['node_port']} of {node.name}", node.ip, s["proto"], s["node_port"]) for node in self.nodes]
        return found

    def ask(self):
        sources = [*((one.machine.name, one.machine) for one in self.containers), *((node.name, node) for node in self.nodes), ("client", self.client)]

        def is_idle(source, machine, _target, to):
            # What a node sends to itself by lo nobody watches; what an outside client may not know the way to.
            return (to == getattr(machine, "ip", None) and self.fault == "unpublished") or (source == "client" and not to.startswith("192.168."))

        kinds = [("icmp", None), ("tcp", 80), ("udp", 53), ("tcp", 80)]
        ask(self.lab, self.r, sources, self.targets(), kinds, [None, None, None, 1450, 1500], most=10, tries=60, is_idle=is_idle)


def build_with(seed):
    def build(lab):
        hosts = Hosts(lab, seed)
        hosts.ask()
        lab.note = f"{hosts.kind}, fault {hosts.fault}, {hosts.way or 'on their own'}, bridges {'call' if hosts.calls else 'do not call'} iptables"

    return build


if __name__ == "__main__":
    from lab import record_random

    record_random(build_with)

"""IPVS on two directors: NAT, direct routing, tunnels, weights, no server, marks, persistence, rules at every hook, and conntrack for its connections."""


def refused(lab, *what):
    """The director itself says that the port is unreachable, which is no sign of anybody having got the packet."""
    lab.experiment(*what).update(arrives=False, answered=False)


def service(director, address, how, *servers):
    """Makes a virtual service with its servers; `how` is the scheduler, and what else the service has."""
    director.run("\n".join([f"ipvsadm -A {address} -s {how}", *(f"ipvsadm -a {address} -r {server}" for server in servers)]))


def build(lab):
    switch = lab.switch("sw")
    extra = ("ipvsadm -Ln", "ipvsadm -Lnc", "sysctl -a -r net.ipv4.vs")
    names = ("client", "lb", "lb2", "dr1", "dr2", "tun1")
    client, lb, lb2, dr1, dr2, tun1 = ends = [lab.machine(name, *(extra if name.startswith("lb") else ())) for name in names]
    for n, one in enumerate(ends, 1):
        lab.plug(switch, n, one)
    servers = [lab.machine(name) for name in ("r1", "r2", "r3")]
    r1, r2, r3 = servers
    back = lab.switch("back")
    for n, one in enumerate((lb, r1, r2), 1):
        lab.plug(back, n, one, "eth1" if one is lb else "eth0")
    lab.wire(lb, "eth2", tun1, "eth1")
    lab.wire(lb2, "eth1", r3, "eth0")
    client.run("ip address add 10.0.0.1/24 dev eth0; ip -6 address add fd00::1/64 dev eth0")
    lb.run("""sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip address add 10.0.0.254/24 dev eth0; ip -6 address add fd00::254/64 dev eth0
ip address add 192.168.1.254/24 dev eth1; ip -6 address add fd01::254/64 dev eth1; ip address add 172.16.0.254/24 dev eth2
for n in 100 101 102; do ip address add 10.0.0.$n/32 dev eth0; done; ip -6 address add fd00::100/128 dev eth0""")
    lb2.run("sysctl -qw net.ipv4.ip_forward=1; ip address add 10.0.0.253/24 dev eth0; ip address add 10.0.0.110/32 dev eth0; ip address add 192.168.2.254/24 dev eth1")
    for n, one in enumerate((r1, r2), 1):
        one.run(f"ip address add 192.168.1.{n}/24 dev eth0; ip route add default via 192.168.1.254; ip -6 address add fd01::{n}/64 dev eth0; ip -6 route add default via fd01::254")
    r3.run("ip address add 192.168.2.1/24 dev eth0")
    for n, one in enumerate((dr1, dr2), 1):
        one.run(f"sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2; ip address add 10.0.0.1{n}/24 dev eth0; ip address add 10.0.0.101/32 dev lo")
    tun1.run("""sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
ip address add 10.0.0.13/24 dev eth0; ip address add 172.16.0.1/24 dev eth1
ip link add tunl1 type ipip local 172.16.0.1; ip address add 10.0.0.102/32 dev tunl1; ip link set tunl1 up""")
    ports = [80, *range(8081, 8100)]
    for one in (*servers, dr1, dr2, tun1, lb):
        one.serve(tcp=ports, udp=[53])
    service(lb, "-t 10.0.0.100:80", "rr", "192.168.1.1:80 -m")
    service(lb, "-t 10.0.0.100:81", "rr", "192.168.1.1:8081 -m", "192.168.1.2:8081 -m")
    service(lb, "-t 10.0.0.100:82", "wlc", "192.168.1.1:8082 -m -w 0", "192.168.1.2:8082 -m -w 5")
    service(lb, "-t 10.0.0.100:83", "rr")
    service(lb, "-t 10.0.0.100:84", "wrr", "192.168.1.1:8084 -m -w 0")
    service(lb, "-u 10.0.0.100:53", "rr", "192.168.1.1:53 -m")
    service(lb, "-u 10.0.0.100:54", "rr")
    for n in range(85, 90):
        service(lb, f"-t 10.0.0.100:{n}", "rr", f"192.168.1.1:80{n} -m")
    service(lb, "-t 10.0.0.100:90", "rr", "192.168.1.77:8090 -m")
    service(lb, "-t 10.0.0.100:91", "rr", "10.0.0.254:8091 -m")
    service(lb, "-t 10.0.0.100:92", "rr -p 600", "192.168.1.2:8092 -m")
    service(lb, "-t 10.0.0.100:93", "fo", "192.168.1.1:8093 -m -w 10", "192.168.1.2:8093 -m -w 20")
    service(lb, "-t 10.0.0.100:94", "rr", "127.0.0.1:8094 -m")
    service(lb, "-f 7", "rr", "192.168.1.1:0 -m")
    service(lb, "-t 10.0.0.101:80", "rr", "10.0.0.11:80 -g")
    service(lb, "-t 10.0.0.101:8081", "rr", "10.0.0.254 -g")
    service(lb, "-t 10.0.0.102:80", "rr", "172.16.0.1:80 -i")
    service(lb, "-u 10.0.0.102:53", "rr", "172.16.0.1:53 -i")
    service(lb, "-t 10.0.0.102:8082", "rr", "172.16.0.1 -i")
    service(lb, "-t [fd00::100]:80", "rr", "[fd01::1]:80 -m")
    service(lb, "-t [fd00::100]:83", "rr")
    lb.run("""iptables -t mangle -A PREROUTING -d 10.0.0.100 -p tcp --dport 8095:8096 -j MARK --set-mark 7
iptables -A INPUT -p tcp --dport 85 -j DROP
iptables -A FORWARD -p tcp --dport 8086 -j DROP
iptables -A OUTPUT -p tcp --dport 8087 -j DROP
iptables -A FORWARD -p tcp --sport 8088 -j DROP
iptables -A FORWARD -p tcp --sport 8089 -m conntrack --ctstate INVALID -j DROP
iptables -A OUTPUT -d 172.16.0.1 -p ipencap -m mark --mark 8 -j DROP
iptables -t mangle -A PREROUTING -d 10.0.0.102 -p tcp --dport 8082 -j MARK --set-mark 8""")
    lb2.run("modprobe ip_vs 2>/dev/null || true; sysctl -qw net.ipv4.vs.conntrack=1")
    service(lb2, "-t 10.0.0.110:80", "wrr", "192.168.2.1:80 -m")
    service(lb2, "-u 10.0.0.110:54", "wrr", "192.168.2.1:53 -m")
    lb2.run("iptables -t nat -A POSTROUTING -d 192.168.2.1 -p tcp --dport 80 -j MASQUERADE")
    lab.experiment("NAT, one server", client, "10.0.0.100", "tcp", 80)
    for _ in range(3):
        if "r1 eth0" in " ".join(lab.experiment("NAT, one of two servers", client, "10.0.0.100", "tcp", 81, warm=False)["request"]):
            break
        lab.experiments.pop()
    lab.experiment("a server with weight 0 gets nothing", client, "10.0.0.100", "tcp", 82)
    refused(lab, "no server", client, "10.0.0.100", "tcp", 83)
    refused(lab, "no server but with weight 0", client, "10.0.0.100", "tcp", 84)
    lab.experiment("UDP", client, "10.0.0.100", "udp", 53)
    refused(lab, "UDP, no server", client, "10.0.0.100", "udp", 54)
    lab.experiment("no service: the director itself", client, "10.0.0.100", "tcp", 8099)
    lab.experiment("ping of a virtual address", client, "10.0.0.100")
    lab.experiment("INPUT drops it before IPVS", client, "10.0.0.100", "tcp", 85)
    lab.experiment("FORWARD does not see the request", client, "10.0.0.100", "tcp", 86)
    lab.experiment("OUTPUT drops what IPVS sends", client, "10.0.0.100", "tcp", 87)
    lab.experiment("FORWARD drops the answer", client, "10.0.0.100", "tcp", 88)
    lab.experiment("an answer that conntrack never saw the question of", client, "10.0.0.100", "tcp", 89)
    lab.experiment("a server that nobody has", client, "10.0.0.100", "tcp", 90)
    lab.experiment("NAT to the director itself", client, "10.0.0.100", "tcp", 91)
    # The client's template names the first server by now.
    lab.once(client.root, "10.0.0.100", "tcp", 92, None, None, None, None, 0.7)
    lb.run("ipvsadm -e -t 10.0.0.100:92 -r 192.168.1.2:8092 -m -w 0; ipvsadm -a -t 10.0.0.100:92 -r 192.168.1.1:8092 -m")
    lab.experiment("persistence leads to a server with weight 0", client, "10.0.0.100", "tcp", 92, warm=False)
    lab.experiment("the heaviest server, by failover", client, "10.0.0.100", "tcp", 93)
    lab.experiment("NAT to a loopback address", client, "10.0.0.100", "tcp", 94)
    lab.experiment("a service by mark", client, "10.0.0.100", "tcp", 8095)
    lab.experiment("direct routing", client, "10.0.0.101", "tcp", 80)
    lab.experiment("direct routing to the director itself", client, "10.0.0.101", "tcp", 8081)
    lab.experiment("a tunnel", client, "10.0.0.102", "tcp", 80)
    lab.experiment("a tunnel, UDP", client, "10.0.0.102", "udp", 53)
    lab.experiment("OUTPUT drops the tunnel's packet", client, "10.0.0.102", "tcp", 8082)
    lab.experiment("IPv6", client, "fd00::100", "tcp", 80)
    refused(lab, "IPv6, no server", client, "fd00::100", "tcp", 83)
    lab.experiment("the director asks its own service", lb, "10.0.0.100", "tcp", 80)
    lab.experiment("the director asks a service that a tunnel serves", lb, "10.0.0.102", "udp", 53)
    refused(lab, "the director asks a service without a server", lb, "10.0.0.100", "tcp", 83)
    lab.experiment("masqueraded, with conntrack", client, "10.0.0.110", "tcp", 80)
    lab.experiment("conntrack without masquerading: no way back", client, "10.0.0.110", "udp", 54)

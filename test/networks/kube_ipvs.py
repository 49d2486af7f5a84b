"""kube-proxy in its mode ipvs on two nodes: services with pods here and there, a port of the nodes, a pod that asks itself, a service without pods."""

RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODE-PORT - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-NODE-PORT -p tcp -m comment --comment "Kubernetes nodeport TCP port for masquerade purpose" -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
-A KUBE-SERVICES ! -s 10.244.0.0/16 -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
COMMIT
"""

SETS = """create KUBE-LOOP-BACK hash:ip,port,ip
create KUBE-CLUSTER-IP hash:ip,port
create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
add KUBE-CLUSTER-IP 10.96.0.10,udp:53
add KUBE-CLUSTER-IP 10.96.33.7,tcp:80
add KUBE-CLUSTER-IP 10.96.44.4,tcp:80
add KUBE-CLUSTER-IP 10.96.55.5,tcp:80
add KUBE-NODE-PORT-TCP 30080
"""

SERVICES = """-A -u 10.96.0.10:53 -s rr
-a -u 10.96.0.10:53 -r 10.244.1.11:53 -m -w 1
-A -t 10.96.33.7:80 -s rr
-a -t 10.96.33.7:80 -r 10.244.2.10:80 -m -w 1
-A -t 10.96.44.4:80 -s rr
-a -t 10.96.44.4:80 -r 10.244.1.10:80 -m -w 1
-A -t 10.96.55.5:80 -s rr
-A -t 192.168.50.{host}:30080 -s rr
-a -t 192.168.50.{host}:30080 -r 10.244.2.10:80 -m -w 1
"""


def build(lab):
    wires = lab.switch("sw")
    nodes = []
    for n in (1, 2):
        node = lab.machine(f"node{n}", "ipvsadm -Ln", "ipset save", "sysctl -a -r net.ipv4.vs", bridge=True)
        nodes.append(node)
        lab.plug(wires, n, node)
        node.run(f"""sysctl -qw net.ipv4.ip_forward=1
ip address add 192.168.50.1{n}/24 dev eth0; ip route add 10.244.{3 - n}.0/24 via 192.168.50.1{3 - n}
ip link add cni0 type bridge; ip address add 10.244.{n}.1/24 dev cni0; ip link set cni0 up
ip link add kube-ipvs0 type dummy; for a in 10.96.0.10 10.96.33.7 10.96.44.4 10.96.55.5; do ip address add $a/32 dev kube-ipvs0; done
ipset restore <<'END'
{SETS}add KUBE-LOOP-BACK 10.244.1.10,tcp:80,10.244.1.10
END
iptables-restore <<'END'
{RULES}END
ipvsadm -R <<'END'
{SERVICES.format(host=10 + n)}END
sysctl -qw net.ipv4.vs.conntrack=1 net.ipv4.vs.expire_nodest_conn=1 net.ipv4.vs.expire_quiescent_template=1 net.bridge.bridge-nf-call-iptables=1""")
    outside = lab.machine("outside")
    lab.plug(wires, 3, outside)
    outside.run("ip address add 192.168.50.99/24 dev eth0")
    one, two = nodes
    pods = {}
    for node, names in ((one, ("web", "dns")), (two, ("shop",))):
        n = nodes.index(node) + 1
        for k, name in enumerate(names):
            pods[name] = lab.guest(node, name, f"veth{k}", f"10.244.{n}.1{k}/24", f"ip route add default via 10.244.{n}.1")
            node.run(f"ip link set veth{k} master cni0; bridge link set dev veth{k} hairpin on")
    web = pods["web"]
    lab.experiment("a pod on another node", web, "10.96.33.7", "tcp", 80)
    lab.experiment("a pod on the same node, whose answer the bridge hands through IPVS", web, "10.96.0.10", "udp", 53)
    lab.experiment("a pod that asks itself", web, "10.96.44.4", "tcp", 80)
    lab.experiment("a service without pods", web, "10.96.55.5", "tcp", 80).update(arrives=False, answered=False)
    lab.experiment("a node asks", one, "10.96.33.7", "tcp", 80)
    lab.experiment("a node asks for its own pod", one, "10.96.0.10", "udp", 53)
    lab.experiment("a port of the nodes", outside, "192.168.50.11", "tcp", 30080)
    lab.experiment("a port of the node that has the pod", outside, "192.168.50.12", "tcp", 30080)
    lab.experiment("ping of a service", web, "10.96.33.7")

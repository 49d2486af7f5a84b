"""Two hypervisors with Open vSwitch's kernel datapath: taps in VLANs, a router namespace on internal ports, a VXLAN port, conntrack by flows, an address on the bridge."""
import subprocess


def switch(machine):
    folder = f"/tmp/ovs-{machine.name}"
    machine.env.update(OVS_RUNDIR=folder, OVS_LOGDIR=folder, OVS_DBDIR=folder, OVS_SYSCONFDIR=folder)
    machine.run(f"rm -rf {folder}; mkdir -p {folder}; ovsdb-tool create {folder}/conf.db /usr/share/openvswitch/vswitch.ovsschema; ovsdb-server {folder}/conf.db --detach --no-chdir --pidfile --remote=punix:{folder}/db.sock -vconsole:off; "
                f"ovs-vsctl --no-wait init; ovs-vswitchd unix:{folder}/db.sock --detach --no-chdir --pidfile --log-file -vconsole:off")
    machine.ends = [lambda: [subprocess.run(["kill", open(f"{folder}/{name}.pid").read().strip()], check=False) for name in ("ovs-vswitchd", "ovsdb-server")]]


# The datapath's own device behind its VXLAN ports, which no bridge shows.
OWN = ["hv-1 vxlan_sys_", "hv-2 vxlan_sys_"]


def build(lab):
    shown = ("ovs-vsctl show", "ovs-ofctl show br-int", "ovs-ofctl show br-ex", "ovs-ofctl -O OpenFlow13 dump-flows br-int", "ovs-ofctl -O OpenFlow13 dump-flows br-ex", "ovs-appctl fdb/show br-int", "ovs-appctl fdb/show br-ex",
             "ovs-appctl dpif/show", "ovs-appctl dpctl/dump-flows", "ovs-dpctl show", "conntrack -L")
    one, two = lab.machine("hv-1", *shown), lab.machine("hv-2", *shown)
    lab.wire(one, "eth1", two, "eth1")
    outside = lab.machine("outside")
    lab.wire(one, "eth0", outside, "eth0")
    outside.run("ip address add 203.0.113.100/24 dev eth0")
    outside.serve(tcp=[80, 81], udp=[53])
    for n, hv in enumerate((one, two), 1):
        hv.run(f"ip address add 192.0.2.{n}/24 dev eth1")
        switch(hv)
        hv.run("ovs-vsctl add-br br-int -- set bridge br-int fail_mode=secure; ovs-vsctl add-br br-ex; ip link set br-int up; ip link set br-ex up")
        hv.run(f"ovs-vsctl add-port br-int vx0 -- set interface vx0 type=vxlan options:remote_ip=192.0.2.{3 - n} options:key=77 -- add-port br-int int-ex -- set interface int-ex type=patch options:peer=ex-int -- add-port br-ex ex-int -- set interface ex-int type=patch options:peer=int-ex")
    one.run("ovs-vsctl add-port br-ex eth0; ip address add 203.0.113.1/24 dev br-ex; iptables -A INPUT -i br-ex -p tcp --dport 81 -j DROP")
    one.serve(tcp=[80, 81], udp=[53])
    guests = {}
    for hv, name, port, ip, tag in ((one, "vm-a", "tapa", "10.0.0.1/24", 10), (one, "vm-b", "tapb", "10.0.0.2/24", 10), (one, "vm-c", "tapc", "10.1.0.3/24", 20), (two, "vm-d", "tapd", "10.0.0.4/24", 10)):
        guests[name] = lab.machine(name)
        lab.wire(hv, port, guests[name], "eth0")
        mac = guests[name].mac("eth0")
        guests[name].run(f"ip address add {ip} dev eth0; ip route add default via {ip.rsplit('.', 1)[0]}.254")
        guests[name].serve(tcp=[22, 80], udp=[53])
        hv.run(f"ovs-vsctl add-port br-int {port} tag={tag} -- set interface {port} external_ids:attached-mac='\"{mac}\"'")
    # A router in a namespace, on internal ports of both bridges.
    one.namespace("rt")
    for port, tag, address in (("qr-10", 10, "10.0.0.254/24"), ("qr-20", 20, "10.1.0.254/24")):
        one.run(f"ovs-vsctl add-port br-int {port} tag={tag} -- set interface {port} type=internal; ip link set {port} netns rt")
        one.run(f"ip link set {port} up; ip address add {address} dev {port}", "rt")
    one.run("ovs-vsctl add-port br-ex qg-1 -- set interface qg-1 type=internal; ip link set qg-1 netns rt")
    one.run("ip link set qg-1 up; ip address add 203.0.113.50/24 dev qg-1; sysctl -qw net.ipv4.ip_forward=1; iptables -t nat -A POSTROUTING -o qg-1 -j MASQUERADE; iptables -t nat -A PREROUTING -i qg-1 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.3:80", "rt")
    for hv in (one, two):
        # Everything is looked at by conntrack; new connections to port 80 and ping are let in at the taps, and nothing else.
        hv.run("""ovs-ofctl -O OpenFlow13 add-flows br-int - <<'END'
table=0,priority=50,ip,actions=ct(table=10,zone=5)
table=0,priority=10,actions=goto_table:20
table=10,priority=100,ct_state=+trk+est,actions=goto_table:20
table=10,priority=90,ct_state=+trk+new,tcp,tp_dst=80,actions=ct(commit,zone=5),goto_table:20
table=10,priority=90,ct_state=+trk+new,tcp,tp_dst=81,actions=ct(commit,zone=5),goto_table:20
table=10,priority=90,ct_state=+trk+new,icmp,actions=ct(commit,zone=5),goto_table:20
table=10,priority=90,ct_state=+trk+new,udp,actions=ct(commit,zone=5),goto_table:20
table=10,priority=1,actions=drop
table=20,priority=1,actions=NORMAL
END""")
    a = guests["vm-a"]
    lab.experiment("near", a, "10.0.0.2")
    lab.experiment("near, a service", a, "10.0.0.2", "tcp", 80)
    lab.experiment("near, a service that is not let in", a, "10.0.0.2", "tcp", 22)
    lab.experiment("the other VLAN, by the router", a, "10.1.0.3", "tcp", 80)
    lab.experiment("the router", a, "10.0.0.254")
    lab.experiment("out, by the router and NAT", a, "203.0.113.100", "tcp", 80)
    lab.experiment("in, by a port of the router", outside, "203.0.113.50", "tcp", 8080)
    lab.experiment("the address on the bridge", outside, "203.0.113.1", "tcp", 80)
    lab.experiment("the address on the bridge, a rule of the host", outside, "203.0.113.1", "tcp", 81)
    lab.experiment("by the VXLAN port", a, "10.0.0.4", strays=OWN)
    lab.experiment("by the VXLAN port, a service", a, "10.0.0.4", "tcp", 80, strays=OWN)
    lab.experiment("by the VXLAN port, a service that is not let in", a, "10.0.0.4", "tcp", 22, strays=OWN)
    lab.experiment("from the address on the bridge", one, "203.0.113.100", "udp", 53, asked="hv-1")

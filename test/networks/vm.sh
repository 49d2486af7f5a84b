#!/bin/bash
# vm.sh make|record|stop FOLDER [NETWORK…]: a Debian machine in QEMU whose kernel has every device that the networks here are made of.
set -e
what=$1 at=$2
here=$(cd "$(dirname "$0")" && pwd)

make() {
  mkdir -p "$at/share"
  debootstrap --variant=minbase --include=linux-image-amd64,iproute2,iptables,nftables,ipset,conntrack,ipvsadm,openvswitch-switch,python3-minimal,ebtables,arptables,bridge-utils,procps,kmod,ethtool,udev bookworm "$at/root" http://deb.debian.org/debian
  cat >"$at/root/init.sh" <<'INIT'
#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sysfs /sys
for part in run tmp dev/shm; do mkdir -p /$part; mount -t tmpfs tmpfs /$part; done
ip link set lo up
for module in 9p 9pnet_virtio 8021q bridge br_netfilter macvlan macvtap ipvlan vrf bonding ip_gre ip6_gre ipip sit ip6_tunnel geneve vxlan openvswitch vport-vxlan vport-geneve vport-gre ip_vs ip_vs_rr ip_vs_wrr nf_tables nft_ct veth dummy tun; do
  modprobe $module || echo "no module $module"
done
mkdir -p /share && mount -t 9p -o trans=virtio,version=9p2000.L share /share
# Devices of tunnels that nobody asked for are in no namespace then.
sysctl -qw net.core.fb_tunnels_only_for_init_net=2
mkdir -p /share/out
touch /share/ready
while :; do
  for job in /share/*.job; do
    [ -e "$job" ] || continue
    mv "$job" /share/running
    (cd /share/networks && python3 record.py /share/out $(cat /share/running)) >/share/log 2>&1
    echo $? >/share/done
  done
  sleep 0.3
done
INIT
  chmod +x "$at/root/init.sh"
  truncate -s 2G "$at/disk.img"
  mkfs.ext4 -q -F -d "$at/root" "$at/disk.img"
}

start() {
  [ -e "$at/pid" ] && kill -0 "$(cat "$at/pid")" 2>/dev/null && return
  rm -f "$at/share/ready"
  kernel=$(ls "$at"/root/boot/vmlinuz-* | tail -1)
  # ACCEL=kvm is faster where it works.
  setsid qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=single}" -m 2048 -smp 1 -nographic -no-reboot -net none \
    -kernel "$kernel" -initrd "${kernel/vmlinuz/initrd.img}" -append 'root=/dev/vda rw console=ttyS0 init=/init.sh quiet' \
    -drive "file=$at/disk.img,if=virtio,format=raw,cache=unsafe" \
    -virtfs "local,path=$at/share,mount_tag=share,security_model=mapped-xattr" </dev/null >"$at/console" 2>&1 &
  echo $! >"$at/pid"
  for _ in $(seq 300); do [ -e "$at/share/ready" ] && return; sleep 1; done
  echo "it did not start: see $at/console" >&2
  exit 1
}

record() {
  start
  rm -rf "$at/share/networks" "$at/share/done"
  cp -r "$here" "$at/share/networks"
  echo "$*" >"$at/share/new" && mv "$at/share/new" "$at/share/new.job"
  until [ -e "$at/share/done" ]; do sleep 0.5; done
  cat "$at/share/log"
  return "$(cat "$at/share/done")"
}

case $what in
  make) make ;;
  record) record "${@:3}" ;;
  stop) kill "$(cat "$at/pid")" ;;
  *) sed -n 2p "$0" >&2; exit 2 ;;
esac

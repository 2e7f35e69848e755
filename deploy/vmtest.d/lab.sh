# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The NICs, their wires, the daemon and the slaves. NIC i has the addresses
# 10.0.i.0/24 and fd00:i::/64: .254 and ::fe on the wire, .1 and ::1 at the host,
# .11, .12 and .13 at the slaves a, b (TAPs) and v (vhost-net).

nics=(e1000 virtio vmxnet3 e1000e) # in the order of their addresses
declare -A number=([e1000]=1 [virtio]=2 [vmxnet3]=3 [e1000e]=4)
daemon=
export IPVD_SOCKET=/run/vmtest/ipvd.sock

pci() { printf '0000:00:%x.0' $((15 + number[$1])); }

in_ns() {
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" "$@"
}

# open_monitor makes QEMU's monitor, the second serial port, descriptor 9.
open_monitor() {
	stty -F /dev/ttyS1 raw -echo
	exec 9<>/dev/ttyS1
}

cable() { printf 'set_link nic-%d %s\r' "${number[$1]}" "$2" >&9; }

# far_end NIC on|off is the cable's other end: what the wire sends is lost there.
far_end() { printf 'set_link wire%d %s\r' "${number[$1]}" "$2" >&9; }

# make_wire NIC sets up the other end of the NIC's cable.
make_wire() {
	local ns=wire-$1 n=${number[$1]} interface
	interface=$(ls "/sys/bus/pci/devices/$(printf '0000:00:%x.0' $((23 + n)))"/virtio*/net)
	ip netns add "$ns"
	ip link set "$interface" netns "$ns" name wire
	in_ns "$ns" sysctl -q net.ipv4.icmp_echo_ignore_broadcasts=0
	ip -n "$ns" addr add "10.0.$n.254/24" dev wire
	ip -n "$ns" addr add "fd00:$n::fe/64" dev wire nodad
	ip -n "$ns" link set lo up
	ip -n "$ns" link set wire up
	# A sysfs of its own, where the wire's counters can be read in no time.
	mkdir -p "/run/vmtest/$ns"
	in_ns "$ns" mount -t sysfs sysfs "/run/vmtest/$ns"
}

# carried NIC gives what the wire has received and sent, from its side.
carried() {
	local dir=/run/vmtest/wire-$1/class/net/wire/statistics
	echo "$(<"$dir/rx_packets") $(<"$dir/tx_packets")"
}

start_daemon() {
	local nic masters=()
	for nic in "${nics[@]}"; do
		masters+=(--master "$nic=$(pci "$nic")")
	done
	ipvd "${masters[@]}" --mode l2 --workers 0,1 --group root --state-dir /run/vmtest/state --log-format console "$@" &>>"$out/ipvd.log" &
	daemon=$!
	local deadline=$((SECONDS + 180))
	until ipvctl status &>/dev/null; do
		if ((SECONDS > deadline)) || ! kill -0 "$daemon" 2>/dev/null; then
			return 1
		fi
		sleep 0.2
	done
	for nic in "${nics[@]}"; do
		host_addresses "$nic"
	done
}

# host_addresses NIC configures the host port, which comes anew with each start.
host_addresses() {
	local n=${number[$1]}
	ip link set "$1" up
	ip addr replace "10.0.$n.1/24" dev "$1"
	ip addr replace "fd00:$n::1/64" dev "$1" nodad
}

# restore_addresses NIC: IPv6 does without its addresses while the MTU is below 1280.
restore_addresses() {
	host_addresses "$1"
	slave_addresses "$1" "$1-a" 11
	slave_addresses "$1" "$1-b" 12
	in_ns "wire-$1" ip addr replace "fd00:${number[$1]}::fe/64" dev wire nodad
}

# add_slave NIC WHICH HOST [WORDS] makes a slave in a namespace NIC-WHICH.
add_slave() {
	local nic=$1 ns=$1-$2 host=$3
	shift 3
	ip netns add "$ns"
	in_ns "$ns" sysctl -q net.ipv4.icmp_echo_ignore_broadcasts=0
	ip -n "$ns" link set lo up
	ipvctl link add link "$nic" "${ns}0" type ipvlan "$@" || return
	ip link set "${ns}0" netns "$ns" name eth0
	slave_addresses "$nic" "$ns" "$host"
}

slave_addresses() {
	local n=${number[$1]} ns=$2
	ip -n "$ns" link set eth0 up
	ip -n "$ns" addr replace "10.0.$n.$3/24" dev eth0
	ip -n "$ns" addr replace "fd00:$n::$3/64" dev eth0 nodad
}

# add_vhost NIC makes the slave v, whose interface the kernel's vhost-net drives, by
# two queues. Its addresses and what a mode asks for are not ipvd's to know.
add_vhost() {
	local n=${number[$1]} ns=$1-v
	[[ -e /run/netns/$ns ]] || ip netns add "$ns" || return
	in_ns "$ns" sysctl -q net.ipv4.icmp_echo_ignore_broadcasts=0
	ip -n "$ns" link set lo up
	ipvctl link add link "$1" "${ns}0" netns "$ns" type ipvlan kind virtio-user queues 2 || return
	ip -n "$ns" link set "${ns}0" name eth0
	slave_addresses "$1" "$ns" 13
	ipvctl addr add "10.0.$n.13/24" dev "${ns}0" && ipvctl addr add "fd00:$n::13/64" dev "${ns}0"
}

# set_mode NIC MODE, and let the wire's router reach the slaves as the mode wants:
# in l2 they answer for themselves, else they are behind the host.
set_mode() {
	local n=${number[$1]} host
	ipvctl link set "$1" type ipvlan mode "$2" || return
	for host in 11 12 13; do
		if [[ $2 == l2 ]]; then
			in_ns "wire-$1" ip route del "10.0.$n.$host" 2>/dev/null
			in_ns "wire-$1" ip -6 route del "fd00:$n::$host" 2>/dev/null
		else
			in_ns "wire-$1" ip route replace "10.0.$n.$host" via "10.0.$n.1"
			in_ns "wire-$1" ip -6 route replace "fd00:$n::$host" via "fd00:$n::1"
		fi
	done
	[[ ! -e /run/netns/$1-v ]] || arp_as "$1" "$2"
}

# arp_as NIC MODE: in l3 and l3s a slave does not ask for its neighbours.
arp_as() { ip -n "$1-v" link set eth0 arp "$([[ $2 == l2 ]] && echo on || echo off)"; }

# vhost_again NIC MODE configures the slave v, whose interface comes anew with each
# start; ipvd has kept its addresses.
vhost_again() {
	ip -n "$1-v" link set "$1-v0" name eth0 || return
	slave_addresses "$1" "$1-v" 13 && arp_as "$1" "$2"
}

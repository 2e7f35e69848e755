# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The namespaces, the wire and the daemon: how they come and how they go.

export M=02:00:00:00:00:01 # MAC of host1's NIC, the only one of host1 on the wire

build_lab() {
	title "a host, a router, and a wire between them"
	add_namespace router
	add_namespace host1
	run host1 "ip link add eth0 address $M type veth peer name eth0 netns router"
	mark host1 eth0
	note "a veth hands over frames without checksums and longer than the MTU; a real wire does not"
	run router "ethtool -K eth0 tx off tso off gso off"
	run router "ip link set lo up; ip link set eth0 up; ip addr add 10.0.0.254/24 dev eth0"
	run router "ip addr add fd00::fe/64 dev eth0 nodad"
	run host1 "ip link set lo up; ip link set eth0 up; ip addr add 10.0.0.1/24 dev eth0"
	run host1 "ip addr add fd00::1/64 dev eth0 nodad"
	within 5 "the host reaches the router through the kernel's eth0" host1 "ping -c 1 -W 1 10.0.0.254"
	host_state >"$work/before"
}

# host_state is what ipvd may change in host1 while it runs, but not for good.
host_state() {
	in_ns host1 "sysctl -a 2>/dev/null | grep -E 'forward|rp_filter|proxy_(arp|ndp)|accept_|arp_'
		ip -br link | cut -d ' ' -f 1; ip rule; ip -6 rule; ip route; iptables-save | grep ^-A"
}

start_daemon() {
	title "ipvd takes over eth0"
	local line="ipvd --master eth0 --ephemeral --group root --state-dir $work/state --log-format console"
	shown host1 "$line &"
	# shellcheck disable=SC2086 # words of a command
	nsenter --net=/run/netns/host1 $line &>"$work/ipvd.log" &
	daemon=$!
	within 15 "the daemon answers" host1 "kill -0 $daemon && ipvctl link show"
	if ! kill -0 "$daemon" 2>/dev/null; then
		indent <"$work/ipvd.log"
		die "ipvd has ended"
	fi
	check_eth0 "eth0 of host1 is now ipvd's host port" "tun type tap"
	within 5 "the host reaches the router, now through ipvd" host1 "ping -c 1 -W 1 10.0.0.254"
}

# check_eth0 TEXT KIND looks at host1's eth0, the wire or the host port.
check_eth0() {
	local word
	check "$1" host1 "ip -d link show dev eth0 | grep '$2'"
	for word in "$M" 10.0.0.1/24 fd00::1/64; do
		check "it has $word" host1 "ip addr show dev eth0 | grep $word"
	done
}

# follow_howto is the kernel's ipvlan HOWTO with ipvctl in the place of ip.
follow_howto() {
	title "the ipvlan HOWTO: two namespaces, a slave in each"
	run host1 "ip netns add ns0; ip netns add ns1"
	created+=(ns0 ns1)
	run host1 "ipvctl link add link eth0 ipvl0 type ipvlan mode l2"
	run host1 "ipvctl link add link eth0 ipvl1 type ipvlan mode l2"
	run host1 "ip link set dev ipvl0 netns ns0; ip link set dev ipvl1 netns ns1"
	configure_slave ns0 ipvl0 11
	configure_slave ns1 ipvl1 12
	run host1 "ipvctl -d link show"
	run host1 "ipvctl addr show"
}

# configure_slave NS DEVICE N gives the slave the addresses 10.0.0.N and fd00::N.
configure_slave() {
	run "$1" "ip link set dev $2 up; ip link set dev lo up"
	run "$1" "ip -4 addr add 127.0.0.1 dev lo; ip -4 addr add 10.0.0.$3/24 dev $2"
	run "$1" "ip -4 route add default via 10.0.0.254 dev $2"
	run "$1" "ip -6 addr add fd00::$3/64 dev $2; ip -6 route add default via fd00::fe dev $2"
}

stop_daemon() {
	title "the end"
	run host1 "ipvctl stats"
	within 5 "every packet received was delivered or counted as dropped: difference 0" host1 \
		"ipvctl verify; ipvctl -j verify | jq -e '.ok and .difference == 0'"
	shown host1 "kill -TERM $daemon"
	local status=0
	end_process "$daemon" 8 || status=$?
	daemon=
	assert "ipvd has ended, with status $status" test "$status" = 0
	check_eth0 "the kernel's eth0 is back" veth
	refused "it has no XDP program" host1 "ip -d link show dev eth0 | grep xdp"
	within 5 "it reaches the router" host1 "ping -c 1 -W 1 10.0.0.254"
	refused "no slave is left in ns0" ns0 "ip link show dev ipvl0"
	refused "no slave is left in ns1" ns1 "ip link show dev ipvl1"
	host_state | diff "$work/before" - >"$work/changes"
	assert "host1's interfaces, rules, routes and settings are as before" test ! -s "$work/changes"
	indent <"$work/changes"
	assert "the control socket is gone" test ! -e "$IPVD_SOCKET"
}

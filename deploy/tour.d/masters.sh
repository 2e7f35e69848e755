# shellcheck shell=bash disable=SC2154,SC2034 # the parts share their variables
# Two masters and ten slaves from a configuration file.

build_network() {
	title "a host with two NICs, a router behind both, and ten containers"
	local name n
	for name in tour-router tour-host; do
		add_namespace "$name"
		run "$name" "ip link set lo up"
	done
	for n in 0 1; do
		run tour-host "ip link add eth$n type veth peer name up$n netns tour-router"
		mark tour-host "eth$n"
		run tour-router "ethtool -K up$n tx off tso off gso off"
		run tour-router "ip link set up$n up; ip addr add 10.$((n + 1)).0.254/24 dev up$n"
		run tour-host "ip link set eth$n up; ip addr add 10.$((n + 1)).0.1/24 dev eth$n"
	done
	for n in {1..11}; do add_namespace "tour-$n"; done
}

# slave N NETWORK is slave N in the file.
slave() { echo "      - {name: ipvl$1, netns: tour-$1, addresses: [10.$2.0.$((10 + $1))/24]}"; }

# configuration FLAG1 SLAVES0 SLAVES1 is a file: eth1's flag, and the slaves' numbers
# of either master.
configuration() {
	local n
	echo "log-format: console"
	echo "metrics: 127.0.0.1:9600"
	echo "masters:"
	echo "  - name: eth0"
	echo "    mode: l2"
	echo "    slaves:"
	for n in $2; do slave "$n" 1; done
	echo "  - name: eth1"
	echo "    mode: l3"
	echo "    flag: $1"
	echo "    slaves:"
	for n in $3; do slave "$n" 2; done
}

write_configuration() {
	title "the configuration file"
	configuration bridge "1 2 3 4 5" "6 7 8 9 10" >"$IPVD_CONFIG"
	indent <"$IPVD_CONFIG"
	check "ipvd finds no fault in it" tour-host "ipvd check $IPVD_CONFIG"
}

# launch starts ipvd and waits until it answers.
launch() {
	shown tour-host "ipvd &"
	nsenter --net=/run/netns/tour-host ipvd &>>"$work/ipvd.log" &
	daemon=$!
	check "the daemon answers" tour-host "ipvctl status --wait ${patience}s"
}

start_daemon() {
	title "ipvd takes over both NICs and makes the slaves"
	launch
	local n
	for n in {1..5}; do run "tour-$n" "ip route add default via 10.1.0.254"; done
	for n in {6..10}; do run "tour-$n" "ip route add default dev ipvl$n"; done
}

# answers TEXT FROM ADDRESS holds when ADDRESS answers a ping.
answers() { within "$patience" "$1" "$2" "ping -c 1 -W 1 $3"; }

look_around() {
	title "who reaches whom"
	run tour-host "ipvctl -br link show"
	run tour-host "ipvctl addr show"
	check "two masters and ten slaves run" tour-host \
		"ipvctl -j link show | jq -e '[.[] | select(.link)] | length == 10'"
	answers "siblings of l2 reach each other" tour-1 10.1.0.12
	answers "siblings of l3 reach each other" tour-6 10.2.0.17
	answers "a slave of l2 reaches the router" tour-5 10.1.0.254
	answers "a slave of l3 reaches the router" tour-10 10.2.0.254
	answers "the router reaches a slave of l3 without a route" tour-router 10.2.0.16
	answers "the host reaches a slave of l2" tour-host 10.1.0.13
}

# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The daemon is killed and started again, and TCP sessions go on.

# serve starts a server on the router for one TCP stream.
serve() {
	shown tour-router "iperf3 -s -1 -p $1 &"
	nsenter --net=/run/netns/tour-router iperf3 -s -1 -p "$1" &>/dev/null &
	children+=($!)
	within "$patience" "port $1 of the router is listened on" tour-router "ss -Hltn 'sport = $1' | grep ."
}

# stream N ADDRESS PORT sends TCP from slave N to the router, in the background.
stream() {
	serve "$3"
	shown "tour-$1" "iperf3 -c $2 -p $3 -b 20M -t 200 &"
	nsenter --net="/run/netns/tour-$1" iperf3 -c "$2" -p "$3" -b 20M -t 200 &>/dev/null &
	children+=($!)
	within "$patience" "TCP flows from tour-$1" "tour-$1" "(( $(acked "$3") > 100000 ))"
}

# acked PORT is a line of shell for what the other end has acknowledged of the
# session that sends to PORT, in bytes: the longest of iperf3's two.
acked() { echo "\$(ss -Htin 'dport = $1' | grep -o 'bytes_acked:[0-9]*' | cut -d : -f 2 | sort -n | tail -n 1)"; }

# ports N PORT are the local ports of slave N's sessions to PORT.
ports() { in_ns "tour-$1" "ss -Htn 'dport = $2' | awk '{ print \$4 }' | sort"; }

kill_and_restart() {
	title "ipvd is killed, and started again"
	stream 1 10.1.0.254 5201
	stream 6 10.2.0.254 5206
	local sessions before1 before6
	sessions=$(ports 1 5201; ports 6 5206)
	run tour-host "kill -9 $daemon"
	wait "$daemon" 2>/dev/null
	refused "without ipvd nobody is reached" tour-1 "ping -c 1 -W 1 10.1.0.254"
	check "the slaves stay where they are, with their addresses" tour-1 "ip addr show dev ipvl1 | grep 10.1.0.11/24"
	before1=$(in_ns tour-1 "echo $(acked 5201)")
	before6=$(in_ns tour-6 "echo $(acked 5206)")
	launch
	within "$patience" "the TCP session of tour-1 goes on" tour-1 "(( $(acked 5201) > $before1 + 1000000 ))"
	within "$patience" "the TCP session of tour-6 goes on" tour-6 "(( $(acked 5206) > $before6 + 1000000 ))"
	assert "they are the sessions of before" test "$sessions" = "$(ports 1 5201; ports 6 5206)"
	check "all ten slaves are there, as the file says" tour-host \
		"ipvctl -j link show | jq -e '[.[] | select(.link)] | length == 10' && ipvctl -j config diff | jq -e 'length == 0'"
}

# shellcheck shell=bash disable=SC2154 # the parts share their variables
# Modes l3 and l3s: the host routes for its slaves; in l3s its netfilter sees
# both directions.

show_l3() {
	title "mode l3, set while everything runs"
	run host1 "ipvctl link set ipvl0 type ipvlan mode l3"
	check_noarp
	note "ipvd answers the router's ARP and neighbour discovery for the slaves: it needs no routes to them"
	reach_everybody
	reach_host
	both_ways ns0 ns1 10.0.0.12
	both_ways ns0 router 10.0.0.254
	show_group_drops
}

check_noarp() {
	within 3 "ipvl0 neither asks nor answers ARP" ns0 "ip link show dev ipvl0 | grep NOARP"
	within 3 "ipvl1 neither" ns1 "ip link show dev ipvl1 | grep NOARP"
}

show_group_drops() {
	title "mode l3: no broadcast, no multicast"
	local before after
	before=$(dropped)
	capture wire router eth0 "ether src $M and ether multicast and (src 10.0.0.11 or src fd00::11)"
	try ns0 "ping -b -c 5 -i 0.05 -W 0.2 10.0.0.255"
	try ns0 "ping -I ipvl0 -c 5 -i 0.05 -W 0.2 224.0.0.1"
	try ns0 "ping -I fd00::11 -c 5 -i 0.05 -W 0.2 ff02::1%ipvl0"
	end_capture wire
	refused "none of them is on the wire" host1 "tcpdump -ner $work/wire.pcap 2>/dev/null | grep ."
	after=$(dropped)
	run host1 "ipvctl stats | grep -E 'KIND|dropped'; ipvctl -j verify | jq -c .reasons"
	assert "ipvd has dropped all 15 and counted them by reason: $before drops before, $after now" test "$after" -ge $((before + 15))
}

show_l3s() {
	title "mode l3s: the host's netfilter sees both directions"
	run host1 "ipvctl link set ipvl0 type ipvlan mode l3s"
	check_noarp
	reach_everybody
	reach_host
	both_ways ns0 ns1 10.0.0.12
	show_netfilter
}

show_netfilter() {
	note "rules without a target, which only count; the second one needs conntrack, and so turns it on"
	run host1 "iptables -t mangle -A PREROUTING -s 10.0.0.11 -d 10.0.0.254"
	run host1 "iptables -t mangle -A PREROUTING -s 10.0.0.254 -d 10.0.0.11 -m conntrack --ctstate ESTABLISHED"
	show_conntrack
	check "iptables has counted both directions, the answers as ESTABLISHED" host1 \
		"iptables -t mangle -L PREROUTING -vnx | awk '/10[.]0[.]0[.]11/ && \$1 > 0 { n++ } END { exit n != 2 }'"
	run host1 "iptables -A FORWARD -s 10.0.0.11 -j DROP"
	cut_off ns0 10.0.0.254 "a DROP rule in FORWARD stops ns0's pings"
	refused "and its TCP: nobody answers" ns0 "$(tcp_answer 10.0.0.254)"
	reaches ns1 10.0.0.254 "but not ns1's"
	run host1 "iptables -D FORWARD -s 10.0.0.11 -j DROP"
	reaches ns0 10.0.0.254 "without the rule ns0 reaches the router again"
	check "and its TCP is answered: port 5201 is closed" ns0 "$(tcp_answer 10.0.0.254)"
	run host1 "iptables -t mangle -F PREROUTING"
}

# tcp_answer ADDRESS is a line that succeeds if the closed port 5201 answers.
tcp_answer() { echo "grep refused < <(timeout 1 bash -c '</dev/tcp/$1/5201' 2>&1)"; }

# show_conntrack looks at the host's connections while a stream runs.
show_conntrack() {
	listen router
	shown ns0 "iperf3 -t 2 -c 10.0.0.254 &"
	nsenter --net=/run/netns/ns0 iperf3 --connect-timeout 2000 -t 2 -c 10.0.0.254 &>"$work/stream" &
	local client=$!
	children+=("$client")
	within 2 "conntrack knows the TCP connection as ESTABLISHED" host1 \
		"conntrack -L -p tcp 2>/dev/null | grep 'ESTABLISHED src=10.0.0.11 dst=10.0.0.254'"
	if wait "$client"; then
		ok "TCP ns0 -> router: $(awk '/receiver/ { print $7, $8 }' "$work/stream")"
	else
		bad "TCP ns0 -> router: $(tail -n 1 "$work/stream")"
	fi
	end_process "$server" 1
}

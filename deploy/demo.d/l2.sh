# shellcheck shell=bash disable=SC2154 # the parts share their variables
# Mode l2: slaves are hosts on the wire that share a MAC address.

show_l2() {
	title "mode l2: addresses"
	check_link_local ns0 ipvl0 fe80::200:0:100:1
	check_link_local ns1 ipvl1 fe80::200:0:200:1
	title "mode l2: who reaches whom"
	router_mac=$(in_ns router "ip -j link show dev eth0" | jq -r '.[0].address')
	capture wire router eth0 "arp or icmp or icmp6 or not (ether src $M or ether src $router_mac)"
	reach_everybody
	reach_host
	reaches ns1 "fe80::200:0:100:1%ipvl1" "ns1 reaches ns0's link-local address"
	title "mode l2: TCP"
	both_ways ns0 ns1 10.0.0.12
	both_ways ns0 router 10.0.0.254
	stream ns0 ns1 fd00::12
	stream ns1 router fd00::fe
	show_group_frames
	show_one_mac
	show_swapped_names
}

# check_link_local NS DEVICE ADDRESS: ipvlan makes it of the MAC and the slave's
# number, so that slaves do not collide.
check_link_local() {
	within 5 "$2's IPv6 addresses have passed duplicate address detection" "$1" \
		"ip -6 addr show dev $2 | grep fd00: && ! ip -6 addr show dev $2 | grep -E 'tentative|dadfailed'"
	check "$2's link-local address is ipvlan's, $3" "$1" "ip -6 addr show dev $2 | grep $3/64"
}

# reach_everybody pings all pairs of slaves and router, over IPv4 and IPv6.
reach_everybody() {
	local to
	for to in 10.0.0.12 fd00::12; do reaches ns0 $to "ns0 reaches ns1 ($to)"; done
	for to in 10.0.0.11 fd00::11; do reaches ns1 $to "ns1 reaches ns0 ($to)"; done
	for to in 10.0.0.254 fd00::fe; do
		reaches ns0 $to "ns0 reaches the router ($to)"
		reaches ns1 $to "ns1 reaches the router ($to)"
	done
	for to in 10.0.0.11 10.0.0.12 fd00::11 fd00::12; do reaches router $to "the router reaches $to"; done
}

# reach_host pings between the host and a slave, over IPv4 and IPv6.
reach_host() {
	local to
	for to in 10.0.0.11 fd00::11; do reaches host1 $to "the host reaches its slave ($to)"; done
	for to in 10.0.0.1 fd00::1; do reaches ns0 $to "the slave reaches its host ($to)"; done
}

show_group_frames() {
	title "mode l2: broadcast and multicast reach every slave"
	capture group0 ns0 ipvl0 "icmp or icmp6"
	capture group1 ns1 ipvl1 "icmp or icmp6"
	try router "ping -b -c 1 -W 0.2 10.0.0.255"
	try router "ping -I eth0 -c 1 -W 0.2 224.0.0.1"
	try router "ping -c 1 -W 0.2 ff02::1%eth0"
	local n
	for n in 0 1; do
		recorded "the broadcast reached ns$n" group$n "ether broadcast and dst 10.0.0.255"
		recorded "the IPv4 multicast reached ns$n" group$n "ether multicast and dst 224.0.0.1"
		recorded "the IPv6 multicast reached ns$n" group$n "ether multicast and dst ff02::1 and icmp6[0] == 128"
	done
	end_capture group0
	end_capture group1
}

# show_one_mac looks at what the capture of all of l2 has seen on the wire.
show_one_mac() {
	title "mode l2: one MAC on the wire"
	note "root of a container can give its slave another MAC; the wire does not see it"
	run ns0 "ip link set ipvl0 address 02:00:00:00:00:99"
	try ns0 "ping -c 2 -i 0.2 -W 0.2 10.0.0.254"
	run ns0 "ip link set ipvl0 address $M"
	reaches ns0 10.0.0.254 "with its own MAC back, ns0 reaches the router"
	end_capture wire
	recorded "the wire carries ns0's packets" wire "src 10.0.0.11"
	run host1 "tcpdump -ner $work/wire.pcap 2>/dev/null | cut -d ' ' -f 2 | sort | uniq -c"
	refused "every frame on the wire has the MAC of the master or of the router" host1 \
		"tcpdump -ner $work/wire.pcap 'not (ether src $M or ether src $router_mac)' 2>/dev/null | grep ."
}

show_swapped_names() {
	title "a slip that the HOWTO invites: link and name swapped"
	refused "ipvctl refuses to make a slave eth0 of a master ipvl0" host1 "ipvctl link add link ipvl0 eth0 type ipvlan mode l2"
	check "and says that they are swapped" host1 "grep -i swapped < <(ipvctl link add link ipvl0 eth0 type ipvlan mode l2 2>&1)"
}

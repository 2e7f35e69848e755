# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The flags private and vepa: what slaves of one master may do to each other.

show_flags() {
	title "l2 private: slaves are cut off from each other"
	run host1 "ipvctl link set ipvl0 type ipvlan mode l2 private"
	within 3 "ipvl0 does ARP again" ns0 "! ip link show dev ipvl0 | grep NOARP"
	reaches ns0 10.0.0.254 "ns0 reaches the router"
	reaches ns1 fd00::fe "ns1 reaches the router"
	cut_off ns0 10.0.0.12 "ns0 does not reach ns1"
	cut_off ns1 fd00::11 "ns1 does not reach ns0"
	show_vepa
	title "l2 bridge again"
	run host1 "ipvctl link set ipvl0 type ipvlan bridge"
	reaches ns0 10.0.0.12 "ns0 reaches ns1"
	reaches ns1 fd00::11 "ns1 reaches ns0"
	reaches router 10.0.0.11 "the router reaches ns0"
}

show_vepa() {
	title "l2 vepa: what slaves say to each other goes over the wire, to a switch that reflects it"
	run host1 "ipvctl link set ipvl0 type ipvlan mode l2 vepa"
	reaches ns0 10.0.0.254 "ns0 reaches the router"
	note "a veth reflects nothing, not even ARP's answer, so ns0 is told where ns1 is: at the shared MAC"
	run ns0 "ip neigh replace 10.0.0.12 lladdr $M dev ipvl0 nud permanent"
	capture vepa router eth0 "icmp and ether src $M and ether dst $M"
	cut_off ns0 10.0.0.12 "ns0 does not reach ns1"
	recorded "but its packets are on the wire, from the shared MAC to the shared MAC" vepa "src 10.0.0.11 and dst 10.0.0.12"
	end_capture vepa
	run ns0 "ip neigh del 10.0.0.12 dev ipvl0"
}

# shellcheck shell=bash disable=SC2154 # the parts share their variables
# A packet that is dropped is captured and explained, and its counter scraped.

explain_a_drop() {
	title "why does tour-6 not reach tour-7?"
	shown tour-host "ipvctl capture --drop any -c 1 icmp and host 10.2.0.17 &"
	nsenter --net=/run/netns/tour-host ipvctl capture --drop any -c 1 icmp and host 10.2.0.17 &>"$work/drop" &
	local pid=$!
	children+=("$pid")
	within "$patience" "the capture shows a ping, and why it was dropped" tour-6 \
		"ping -c 1 -W 0.2 10.2.0.17; grep private $work/drop"
	indent <"$work/drop"
	run tour-host "ipvctl explain --dev ipvl6 10.2.0.16 10.2.0.17 icmp"
	check "explain says so without a packet" tour-host \
		"ipvctl explain --dev ipvl6 10.2.0.16 10.2.0.17 icmp | grep 'dropped as private'"
	run tour-host "ipvctl stats drops"
}

scrape_metrics() {
	title "metrics"
	run tour-host "curl -s http://127.0.0.1:9600/metrics | grep -E '^ipvd_(dropped|accounted|masters)'"
	check "Prometheus finds the drop" tour-host \
		"curl -s http://127.0.0.1:9600/metrics | grep -E '^ipvd_dropped_packets_total.*reason=\"private\".* [1-9]'"
	check "and two masters" tour-host "curl -s http://127.0.0.1:9600/metrics | grep '^ipvd_masters 2'"
}

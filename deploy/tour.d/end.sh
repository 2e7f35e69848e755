# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The account, and the end.

end_tour() {
	title "the end"
	local child
	for child in "${children[@]}"; do end_process "$child" 1; done
	run tour-host "ipvctl verify"
	within "$patience" "every packet received was delivered or counted as dropped: difference 0" tour-host \
		"ipvctl -j verify | jq -e '.ok and .difference == 0'"
	shown tour-host "kill -TERM $daemon"
	local status=0 n
	end_process "$daemon" "$patience" || status=$?
	daemon=
	assert "ipvd has ended, with status $status" test "$status" = 0
	for n in 0 1; do
		check "the kernel's eth$n is back" tour-host "ip -d link show dev eth$n | grep veth"
	done
	answers "and the host reaches the router by it" tour-host 10.1.0.254
}

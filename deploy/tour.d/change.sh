# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The file changes while packets pass, and none is lost.

# start_pings N ADDRESS sends up to a hundred pings a second from slave N until
# end_pings N ADDRESS.
declare -A pings
start_pings() {
	shown "tour-$1" "ping -i 0.01 $2 &"
	nsenter --net="/run/netns/tour-$1" ping -n -i 0.01 "$2" >"$work/ping-$1-$2" 2>&1 &
	pings[$1-$2]=$!
	children+=($!)
	answered "$1" "$2" 20
}

# answered N ADDRESS COUNT waits until COUNT more pings have been answered.
answered() {
	local file=$work/ping-$1-$2
	local line="grep -c icmp_seq= $file"
	within "$patience" "$3 more pings from tour-$1 to $2 were answered" "tour-$1" "(( \$($line) >= $(($($line) + $3)) ))"
}

# end_pings N ADDRESS holds when no number is missing among those of the answers.
# (Of the last pings the answers may be under way.)
end_pings() {
	answered "$1" "$2" 20
	kill -INT "${pings[$1-$2]}"
	wait "${pings[$1-$2]}"
	local sent got
	read -r sent got < <(sed -n 's/.*icmp_seq=\([0-9]*\).*/\1/p' "$work/ping-$1-$2" | sort -n | awk '{ last = $1; if (!seen[$1]++) n++ } END { print last, n }')
	assert "of ${sent:-no} pings from tour-$1 to $2 ${got:-none} were answered" test "${sent:-0}" -gt 0 -a "${sent:-0}" = "${got:-none}"
}

change_under_traffic() {
	title "the file is changed while packets pass"
	start_pings 1 10.1.0.254
	start_pings 2 10.1.0.13
	start_pings 6 10.2.0.254
	note "eth0 loses slave 5 and gets slave 11, eth1 gets the flag private"
	configuration private "1 2 3 4 11" "6 7 8 9 10" >"$IPVD_CONFIG"
	run tour-host "ipvctl config diff"
	run tour-host "ipvctl config apply"
	check "there is nothing left to do" tour-host "ipvctl -j config diff | jq -e 'length == 0'"
	answers "the new slave reaches the router" tour-11 10.1.0.254
	refused "the slave that was removed is gone" tour-5 "ip link show dev ipvl5"
	end_pings 1 10.1.0.254
	end_pings 2 10.1.0.13
	end_pings 6 10.2.0.254
}

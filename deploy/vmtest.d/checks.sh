# shellcheck shell=bash disable=SC2154 # the parts share their variables
# What is checked, and how it is told.

# tell NIC MODE CHECK COMMAND... tries the command, a function of these files, until
# it succeeds or a minute has passed, and tells the outcome with what the wire has
# carried meanwhile.
tell() {
	local nic=$1 mode=$2 what=$3 outcome=FAIL from to deadline=$((SECONDS + ${patience:-60}))
	shift 3
	from=$(carried "$nic")
	while true; do
		if "$@" >"/run/vmtest/said-$nic" 2>&1; then
			outcome=ok
			break
		fi
		((SECONDS < deadline)) || break
		sleep 0.2
	done
	to=$(carried "$nic")
	printf 'vmtest: %-7s %-3s %-16s %-4s (wire: %d received, %d sent)\n' "$nic" "$mode" "$what" "$outcome" \
		$((${to% *} - ${from% *})) $((${to#* } - ${from#* })) >>"$out/results"
	[[ $outcome == ok ]] || { sed 's/^/  /' "/run/vmtest/said-$nic" | tail -n 12; } >>"$out/results"
}

# address NS FAMILY gives the address of a namespace.
address() {
	local nic=${1#wire-} host=fe n
	case $1 in
	*-a) host=11 ;;
	*-b) host=12 ;;
	*-v) host=13 ;;
	esac
	nic=${nic%-[abv]}
	n=${number[$nic]}
	if [[ $2 == 6 ]]; then echo "fd00:$n::$host"; else echo "10.0.$n.${host/fe/254}"; fi
}

# pings FROM TO FAMILY [WORDS]: every one of three comes back.
pings() {
	in_ns "$1" ping "-$3" -c 3 -i 0.1 -W 3 "${@:4}" "$(address "$2" "$3")"
}

# tcp FROM TO FAMILY [WORDS] sends some data.
tcp() {
	local to server status
	to=$(address "$2" "$3")
	in_ns "$2" timeout 50 iperf3 -s -1 &>/dev/null &
	server=$!
	in_ns "$1" timeout 40 iperf3 "-$3" -c "$to" --connect-timeout 5000 -n 1M "${@:4}" && status=0 || status=1
	((status == 0)) || kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	return $status
}

# everybody FROM TO WANT NOT: who answers a ping of FROM to a group, by the last
# numbers of their addresses: all of WANT and none of NOT.
everybody() {
	local got who
	got=" $(in_ns "$1" ping -b -c 2 -i 0.5 -w 2 "$2" 2>/dev/null | grep -o 'from [0-9.]*' | sed 's/.*[.]//' | sort -nu | paste -sd ' ') "
	echo "answers from:$got; want: $3, and not: $4"
	for who in $3; do
		[[ $got == *" $who "* ]] || return
	done
	for who in $4; do
		[[ $got != *" $who "* ]] || return
	done
}

# broadcast FROM WANT NOT: the same for everybody on the link.
broadcast() {
	local nic=${1#wire-}
	everybody "$1" "10.0.${number[${nic%-[abv]}]}.255" "$2" "$3"
}

# group NIC WANT NOT: the same for a group that slave b has joined, from the wire.
group() {
	ip -n "$1-b" addr replace 239.1.2.3/32 dev eth0 autojoin
	in_ns "wire-$1" ip route replace 239.0.0.0/8 dev wire
	everybody "wire-$1" 239.1.2.3 "$2" "$3"
}

# has NS INTERFACE WORD: the interface's line has the word.
has() {
	local line
	if [[ $1 == host ]]; then line=$(ip -o link show "$2"); else line=$(ip -n "$1" -o link show "$2"); fi
	echo "$line"
	[[ $line == *"$3"* ]]
}

# two_queues NS: the interface of vhost-net has two queues each way, of which none is
# off.
two_queues() {
	ip -n "$1" -d -o link show eth0 | grep -F "multi_queue numqueues 2 numdisabled 0"
}

# everywhere NIC WORD: host port and TAPs have the word.
everywhere() {
	has host "$1" "$2" && has "$1-a" eth0 "$2" && has "$1-b" eth0 "$2"
}

# resized NIC MTU: host port, TAPs and wire have the MTU, and the largest packet
# passes, there and back, in one piece.
resized() {
	ip link set "$1" mtu "$2"
	in_ns "wire-$1" ip link set wire mtu "$2"
	everywhere "$1" "mtu $2 " && pings "$1-a" "wire-$1" 4 -M "do" -s $(($2 - 28))
}

# refused NIC MTU: the host port keeps its MTU when the NIC has none so large.
refused() {
	local before
	before=$(<"/sys/class/net/$1/mtu")
	ip link set "$1" mtu "$2"
	for _ in {1..100}; do
		[[ $(<"/sys/class/net/$1/mtu") != "$before" ]] || return 0
		sleep 0.1
	done
	ip link show "$1"
	return 1
}

# unplugged NIC and plugged NIC: host port and TAPs lose their carrier with the
# cable, and have it again.
unplugged() {
	cable "$1" off
	everywhere "$1" NO-CARRIER
}

plugged() {
	cable "$1" on
	everywhere "$1" LOWER_UP && pings "$1-a" "wire-$1" 4
}

# silent NIC: its wire sends nothing.
silent() {
	far_end "$1" off
	has "wire-$1" wire NO-CARRIER
}

# renamed NIC MAC: all have the host port's new MAC, also for the wire.
renamed() {
	ip link set "$1" address "$2"
	everywhere "$1" "$2" || return
	[[ ! -e /run/netns/$1-v ]] || ip -n "$1-v" link set eth0 address "$2"
	in_ns "wire-$1" ip neigh flush dev wire
	pings "$1-a" "wire-$1" 4 && pings "wire-$1" "$1-b" 6 || return
	local known
	known=$(in_ns "wire-$1" ip neigh show dev wire)
	echo "$known"
	[[ $known == *"$2"* ]]
}

# undelivered NIC: a broadcast of slave a is answered by nobody but itself, as with
# the kernel's driver in l3, and counted as refused by the host's routing.
undelivered() {
	local before after
	before=$(refused_by_host "$1")
	broadcast "$1-a" 11 "1 12 13 254" || return
	after=$(refused_by_host "$1")
	echo "refused: $before before, $after after"
	((after > before))
}

# refused_by_host NIC is what the host's kernel did not take of slaves' packets.
refused_by_host() {
	ipvctl -j stats | jq --arg port "rawip-$1 " '[.[] | select((.where | startswith($port)) and .name == "tx_refused") | .packets] | add // 0'
}

# quiet NIC: frames for a group that nobody at the host has joined stay outside.
quiet() {
	local before after
	before=$(received "$1")
	in_ns "wire-$1" ping -c 20 -i 0.01 -w 1 239.9.9.9 >/dev/null
	after=$(received "$1")
	echo "received: $before before, $after after"
	((after - before < 10))
}

# logged WORDS: ipvd has said so.
logged() { grep -F "$1" "$out/ipvd.log"; }

# received NIC is what the master has received, by ipvd's own counters.
received() { ipvctl -j -s link show "$1" | jq '.[0].stats64.rx.packets'; }

# filtered NIC: frames for another's MAC stay outside the NIC.
filtered() {
	local n=${number[$1]} dropped
	in_ns "wire-$1" ip neigh replace "10.0.$n.99" lladdr 02:00:00:00:00:99 nud permanent dev wire
	in_ns "wire-$1" ping -c 3 -i 0.1 -W 1 "10.0.$n.99" >/dev/null
	dropped=$(ipvctl -j verify | jq '[.counters[] | select(.name == "foreign_mac") | .packets] | add // 0')
	echo "dropped by ipvd, not by the NIC: $dropped"
	((dropped == 0))
}

# account: every packet is delivered or dropped for a reason. What does not come to
# rest is told by the counters that move.
account() {
	local said=/run/vmtest/account
	ipvctl -j verify >$said-1
	jq -e '.ok and .difference == 0' $said-1 && return
	ipvctl verify
	ipvctl -j verify >$said-2
	jq -rn --slurpfile a $said-1 --slurpfile b $said-2 \
		'def named: map({key: "\(.where) \(.name)", value: .packets}) | from_entries;
		($a[0].counters | named) as $was | $b[0].counters | named | to_entries[]
		| select(.value != ($was[.key] // 0)) | "moves: \(.key) +\(.value - ($was[.key] // 0))"'
	return 1
}

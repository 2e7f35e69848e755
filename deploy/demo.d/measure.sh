# shellcheck shell=bash disable=SC2154 # the parts share their variables
# What the demo measures with: pings, TCP streams and captures.

# reaches FROM ADDRESS TEXT holds if ADDRESS answers within a few seconds.
reaches() { within 4 "$3" "$1" "ping -c 1 -W 1 $2"; }

# cut_off FROM ADDRESS TEXT holds if ADDRESS does not answer.
cut_off() { refused "$3" "$1" "ping -c 2 -i 0.2 -W 0.5 $2"; }

# listen NS starts a server for one TCP stream and waits until it listens.
listen() {
	local deadline=$((SECONDS + 3))
	nsenter --net="/run/netns/$1" iperf3 -s -1 &>/dev/null &
	server=$!
	children+=("$server")
	until in_ns "$1" "ss -Hltn 'sport = 5201' | grep -q ." || ((SECONDS >= deadline)); do
		sleep 0.02
	done
}

# stream FROM TO ADDRESS [OPTION] sends TCP for a second and prints how fast it
# was; with -R the server sends.
stream() {
	local result speed arrow='->'
	[[ ${4-} == -R ]] && arrow='<-'
	listen "$2"
	shown "$1" "iperf3 -t 1 -c $3${4+ $4}"
	result=$(in_ns "$1" "iperf3 -J --connect-timeout 2000 -t 1 -c $3 ${4-}")
	speed=$(jq '.end.sum_received.bits_per_second // 0 | . / 1e7 | round / 100' <<<"$result" 2>/dev/null)
	if [[ ${speed:-0} != 0 ]]; then
		ok "TCP $1 $arrow $2: $speed Gbit/s"
	else
		bad "TCP $1 $arrow $2: $(jq -r '.error // "nothing arrived"' <<<"$result" 2>/dev/null)"
	fi
	end_process "$server" 1
}

# both_ways FROM TO ADDRESS streams in either direction.
both_ways() {
	stream "$1" "$2" "$3"
	stream "$1" "$2" "$3" -R
}

# capture NAME NS DEVICE [FILTER] records packets until end_capture NAME.
declare -A captures
capture() {
	local deadline=$((SECONDS + 3))
	shown "$2" "tcpdump -i $3 -w $1.pcap ${4-} &"
	: >"$work/$1.err"
	nsenter --net="/run/netns/$2" tcpdump -Z root -U --immediate-mode -s 128 -n -i "$3" -w "$work/$1.pcap" "${4-}" 2>"$work/$1.err" &
	captures[$1]=$!
	children+=($!)
	until grep -q 'listening on' "$work/$1.err"; do
		((SECONDS < deadline)) || { bad "tcpdump does not start: $(<"$work/$1.err")" && return; }
		sleep 0.02
	done
}

end_capture() { end_process "${captures[$1]}" 2; }

# recorded TEXT NAME FILTER holds if the capture, running or not, has such a
# packet within two seconds.
recorded() { within 2 "$1" host1 "tcpdump -ner $work/$2.pcap -c 1 '$3' 2>/dev/null | grep ."; }

# dropped is how many packets ipvd has dropped, for whatever reason.
dropped() { in_ns host1 "ipvctl -j verify" | jq .dropped; }

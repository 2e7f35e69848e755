# shellcheck shell=bash disable=SC2154 # the parts share their variables
# How a show begins and ends: what it makes is its own, and goes away whatever
# happens. The script says what it is: `show`, its name, `namespaces`, those that it
# makes, and `work`, its folder.

created=() # the namespaces that are ours to delete
children=() # processes in the background
daemon=
watchdog=

# require PROGRAM... ends a show that cannot be given.
require() {
	local name
	[[ $(id -u) == 0 ]] || die "needs root, for namespaces and interfaces"
	for name in "$@"; do
		command -v "$name" >/dev/null || die "no $name in PATH: run make deps all"
	done
	for name in "${namespaces[@]}"; do
		[[ ! -e /run/netns/$name ]] || die "namespace $name exists and is not the $show's: remove it with ip netns del $name"
	done
}

# begin SECONDS makes the folder, sees to the end, and interrupts a show that takes
# longer. Every command that it runs in the foreground ends by itself in time for
# that.
begin() {
	mkdir "$work" 2>/dev/null || die "$work exists: another $show is running, or one was killed (then remove $work)"
	trap finish EXIT
	trap 'bad "interrupted, or not finished in time"; exit 1' INT TERM
	(
		trap 'kill "$nap"; exit' TERM
		sleep "$1" &
		nap=$!
		wait "$nap"
		kill -TERM $$
	) &
	watchdog=$!
}

add_namespace() {
	echo "+ ip netns add $1"
	ip netns add "$1" || die "cannot create namespace $1"
	created+=("$1")
}

# mark NS DEVICE marks a wire as ours, wherever a daemon that was killed leaves it.
mark() { run "$1" "ip link set $2 alias ipvd-$show"; }

# end_process PID SECONDS ends a child of ours, by force after SECONDS, and
# gives its status.
end_process() {
	local deadline=$((SECONDS + $2))
	kill -TERM "$1" 2>/dev/null
	while kill -0 "$1" 2>/dev/null; do
		((SECONDS < deadline)) || kill -KILL "$1" 2>/dev/null
		sleep 0.05
	done
	wait "$1" 2>/dev/null
}

# abandoned_wires are the namespaces in which a daemon that was killed left our
# wire.
abandoned_wires() {
	local path
	for path in /run/netns/ipvd-wire-*; do
		[[ -e $path ]] && ip -n "${path##*/}" link 2>/dev/null | grep -q "alias ipvd-$show" && echo "${path##*/}"
	done
}

# finish removes all that the show made, whatever has happened, and reports.
finish() {
	trap '' INT TERM
	local child name
	if [[ -n $daemon ]]; then
		title "ipvd's log"
		end_process "$daemon" 5
		tail -n 40 "$work/ipvd.log" | indent
	fi
	for child in $watchdog "${children[@]}"; do
		end_process "$child" 1
	done
	for name in $(abandoned_wires) "${created[@]}"; do
		ip netns del "$name"
	done
	rm -rf "$work"
	local left
	left=$(ls -d "$work" "${namespaces[@]/#//run/netns/}" 2>/dev/null; abandoned_wires)
	assert "nothing is left of the $show${left:+, but: $left}" test -z "$left"
	printf '\n%s: %d ok, %d failed\n' "$show" "$passed" "$failed"
	exit $((failed > 0))
}

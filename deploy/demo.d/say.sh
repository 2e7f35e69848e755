# shellcheck shell=bash disable=SC2154 # the parts share their variables
# What the demo and the tour print, and how they count.
#
# `+ [ns0] command` is a command run in namespace ns0, as by
# nsenter --net=/run/netns/ns0. (Not `ip netns exec`: what mounts a command
# makes there, as `ip netns add` does, nobody else sees.)

passed=0
failed=0

title() { printf '\n== %s\n' "$*"; }
note() { printf '# %s\n' "$*"; }
shown() { printf '+ [%s] %s\n' "$1" "$2"; }
indent() { sed 's/^/     /'; }
excerpt() { head -n 12 | cut -c 1-160 | indent; }

ok() {
	passed=$((passed + 1))
	printf 'ok   %s\n' "$*"
}

bad() {
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$*"
}

die() {
	failed=$((failed + 1))
	echo "$show: $*" >&2
	exit 1
}

# assert TEXT COMMAND... holds if the command, of this script, succeeds.
assert() {
	local text=$1
	shift
	if "$@"; then ok "$text"; else bad "$text"; fi
}

# in_ns NS LINE runs a line of shell in a namespace, for 8 seconds or `patience` at
# most.
in_ns() { timeout "${patience:-8}" nsenter --net="/run/netns/$1" bash -o pipefail -c "$2"; }

# run NS LINE is a step: it is shown, and must succeed.
run() {
	local output
	shown "$1" "$2"
	output=$(in_ns "$1" "$2" 2>&1) || bad "the command failed with status $?"
	[[ -z $output ]] || indent <<<"$output"
}

# try NS LINE is a step that may fail, such as a ping that nobody answers.
try() {
	local output
	shown "$1" "$2"
	# Not into /dev/null: a trap that came in the meantime would print there.
	output=$(in_ns "$1" "$2" 2>&1) || true
}

# check TEXT NS LINE holds if the line succeeds.
check() { within 0 "$@"; }

# refused TEXT NS LINE holds if the line fails.
refused() {
	local output
	shown "$2" "$3"
	if output=$(in_ns "$2" "$3" 2>&1); then
		bad "$1"
		excerpt <<<"$output"
	else
		ok "$1"
	fi
}

# within SECONDS TEXT NS LINE holds as soon as the line succeeds, which it may
# take so long to.
within() {
	local output deadline=$((SECONDS + $1))
	shown "$3" "$4"
	until output=$(in_ns "$3" "$4" 2>&1); do
		if ((SECONDS >= deadline)); then
			bad "$2"
			excerpt <<<"$output"
			return
		fi
		sleep 0.1
	done
	ok "$2"
}

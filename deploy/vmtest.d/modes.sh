# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The order of the checks.

run_checks() {
	local nic mode
	modprobe -a vfio-pci vhost_net tun virtio_net e1000 vmxnet3 e1000e
	ip link set lo up
	sysctl -q net.ipv4.icmp_echo_ignore_broadcasts=0
	open_monitor
	for nic in "${nics[@]}"; do
		make_wire "$nic"
		tell "$nic" - bind /srv/deploy/bind "$(pci "$nic")"
	done
	echo 1 >"/sys/bus/pci/devices/$(pci vmxnet3)/numa_node"
	patience=0 tell vmxnet3 - start start_daemon
	kill -0 "$daemon" || return
	for nic in "${nics[@]}"; do
		add_slave "$nic" a 11 && add_slave "$nic" b 12
	done
	tell vmxnet3 - numa-warning logged "on another NUMA node"
	tell e1000 - one-queue logged "2 RX queues to 1"
	tell vmxnet3 - vhost-net add_vhost vmxnet3
	for mode in l2 l3 l3s; do
		at_once try_mode "$mode"
		tell vmxnet3 "$mode" account account
	done
	daemon_ends
	for nic in "${nics[@]}"; do
		tell "$nic" - unbind /srv/deploy/bind --undo "$(pci "$nic")"
	done
}

# at_once COMMAND WORD runs `COMMAND NIC WORD` for all NICs, side by side.
at_once() {
	local nic pids=()
	for nic in "${nics[@]}"; do
		"$1" "$nic" "$2" &
		pids+=($!)
	done
	wait "${pids[@]}"
}

try_mode() {
	local nic=$1 mode=$2
	patience=0 tell "$nic" "$mode" mode set_mode "$nic" "$mode"
	short_list "$nic" "$mode"
	[[ $list == full ]] || return
	if [[ $mode == l2 ]]; then
		link_list "$nic" "$mode"
	elif [[ $nic == e1000* ]]; then
		tell "$nic" "$mode" unknown-group quiet "$nic" # its driver filters groups
	fi
	[[ $nic != vmxnet3 ]] || full_list "$nic" "$mode"
}

short_list() {
	local nic=$1 mode=$2
	tell "$nic" "$mode" ping pings "$nic-a" "wire-$nic" 4
	tell "$nic" "$mode" ping-from-wire pings "wire-$nic" "$nic-b" 4
	tell "$nic" "$mode" ping6 pings "$nic-a" "wire-$nic" 6
	tell "$nic" "$mode" sibling pings "$nic-a" "$nic-b" 4
	tell "$nic" "$mode" tcp tcp "$nic-a" "wire-$nic" 4
}

# link_list NIC MODE: groups, sizes, cable and MAC. vmxnet3 takes jumbo frames only
# when it was opened for them.
link_list() {
	local nic=$1 mode=$2
	tell "$nic" "$mode" filter filtered "$nic"
	tell "$nic" "$mode" broadcast broadcast "wire-$nic" "1 11 12" ""
	tell "$nic" "$mode" group group "$nic" 12 11
	[[ $nic == vmxnet3 ]] || tell "$nic" "$mode" jumbo resized "$nic" 9000
	tell "$nic" "$mode" mtu-1500 resized "$nic" 1500
	change_link "$nic" "$mode"
}

# change_link NIC MODE: cable and MAC. The e1000 knows of no cable in this machine.
change_link() {
	local nic=$1 mode=$2
	if [[ $nic != e1000 ]]; then
		tell "$nic" "$mode" unplugged unplugged "$nic"
		tell "$nic" "$mode" plugged plugged "$nic"
	fi
	tell "$nic" "$mode" new-mac renamed "$nic" "02:cc:00:00:00:0${number[$nic]}"
	tell "$nic" "$mode" old-mac renamed "$nic" "02:aa:00:00:00:0${number[$nic]}"
}

full_list() {
	local nic=$1 mode=$2
	tell "$nic" "$mode" vhost-ping pings "$nic-v" "wire-$nic" 4
	tell "$nic" "$mode" vhost-ping6 pings "wire-$nic" "$nic-v" 6
	tell "$nic" "$mode" vhost-sibling pings "$nic-v" "$nic-a" 4
	tell "$nic" "$mode" vhost-tcp tcp "$nic-v" "wire-$nic" 4
	tell "$nic" "$mode" tcp6 tcp "wire-$nic" "$nic-b" 6
	tell "$nic" "$mode" sibling-tcp tcp "$nic-a" "$nic-b" 4
	if [[ $mode == l2 ]]; then
		tell "$nic" "$mode" slave-broadcast broadcast "$nic-a" "12 13 254" ""
	else
		tell "$nic" "$mode" broadcast broadcast "wire-$nic" 1 "11 12 13"
		tell "$nic" "$mode" slave-broadcast broadcast "$nic-a" "" "12 13 254"
		change_link "$nic" "$mode"
	fi
	tell "$nic" "$mode" mtu-2000 resized "$nic" 2000
	tell "$nic" "$mode" mtu-refused refused "$nic" 9600
	tell "$nic" "$mode" mtu-68 resized "$nic" 68
	tell "$nic" "$mode" mtu-1500 resized "$nic" 1500
	restore_addresses "$nic"
}

daemon_ends() {
	patience=0 tell vmxnet3 l3s stop stop_daemon TERM
	tell vmxnet3 l3s slave-stays has vmxnet3-a eth0 NO-CARRIER
	patience=0 tell vmxnet3 l3s start-again start_daemon
	at_once try_ping ping-again
	patience=0 tell vmxnet3 l3s killed stop_daemon KILL
	patience=0 tell vmxnet3 l3s start-after-kill start_daemon
	at_once try_ping ping-after-kill
	if [[ $list == full ]]; then
		patience=0 tell vmxnet3 l3s stop stop_daemon TERM
		patience=0 tell vmxnet3 l3s start-jumbo start_daemon --mtu 9000
		at_once try_jumbo l3s
	fi
	tell vmxnet3 l3s account account
	patience=0 tell vmxnet3 l3s stop stop_daemon TERM
}

try_ping() { tell "$1" l3s "$2" pings "wire-$1" "$1-a" 4; }

try_jumbo() { tell "$1" "$2" jumbo resized "$1" 8900; }

# stop_daemon SIGNAL ends it; asked to, it ends with status 0.
stop_daemon() {
	local status=0
	kill "-$1" "$daemon"
	wait "$daemon" || status=$?
	echo "status $status"
	[[ $1 == KILL || $status == 0 ]]
}

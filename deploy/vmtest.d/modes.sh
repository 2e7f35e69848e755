# shellcheck shell=bash disable=SC2154 # the parts share their variables
# The order of the checks.

run_checks() {
	local mode
	modprobe -a vfio-pci vhost_net tun virtio_net e1000 vmxnet3 e1000e
	ip link set lo up
	sysctl -q net.ipv4.icmp_echo_ignore_broadcasts=0
	open_monitor
	give_nics
	patience=0 tell vmxnet3 - start start_daemon
	kill -0 "$daemon" || return
	give_slaves
	for mode in l2 l3 l3s; do
		at_once try_mode "$mode"
		tell vmxnet3 "$mode" account account
	done
	daemon_ends
	take_nics
}

# give_nics gives hugepages and the NICs to DPDK.
give_nics() {
	local nic
	for nic in "${nics[@]}"; do
		make_wire "$nic"
		note_driver "$nic"
	done
	patience=0 tell vmxnet3 - hugepages reserved 384
	patience=0 tell e1000e - bind guarded e1000e
	for nic in e1000 virtio vmxnet3; do
		patience=0 tell "$nic" - bind bound "$nic"
	done
	patience=0 tell vmxnet3 - bind-shown shown vmxnet3
	echo 1 >"/sys/bus/pci/devices/$(pci vmxnet3)/numa_node"
}

# take_nics gives the NICs back to the kernel.
take_nics() {
	local nic
	for nic in "${nics[@]}"; do
		patience=0 tell "$nic" - unbind unbound "$nic"
	done
}

# give_slaves makes the slaves.
give_slaves() {
	local nic
	tell vmxnet3 - hugepages-taken taken 1
	tell vmxnet3 - numa-warning logged "on another NUMA node"
	tell e1000 - one-queue logged "2 RX queues to 1"
	for nic in "${nics[@]}"; do
		patience=0 tell "$nic" - slaves add_taps "$nic"
	done
	patience=0 tell vmxnet3 - vhost-net add_vhost vmxnet3
	tell vmxnet3 - vhost-queues two_queues vmxnet3-v
}

add_taps() { add_slave "$1" a 11 && add_slave "$1" b 12; }

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
	tell "$nic" "$mode" vhost-tcp tcp "$nic-v" "wire-$nic" 4 -P 4
	tell "$nic" "$mode" tcp6 tcp "wire-$nic" "$nic-b" 6
	tell "$nic" "$mode" sibling-tcp tcp "$nic-a" "$nic-b" 4
	groups "$nic" "$mode"
	[[ $mode == l2 ]] || change_link "$nic" "$mode" # in l2 all NICs do it
	tell "$nic" "$mode" mtu-2000 resized "$nic" 2000
	tell "$nic" "$mode" mtu-refused refused "$nic" 9600
	tell "$nic" "$mode" mtu-68 resized "$nic" 68
	tell "$nic" "$mode" mtu-1500 resized "$nic" 1500
	restore_addresses "$nic"
}

# groups NIC MODE: who gets a broadcast. In l3 the driver's rule holds for slaves; in
# l3s their subnet's broadcast address is the host's, by its own routing.
groups() {
	local nic=$1 mode=$2
	case $mode in
	l2) tell "$nic" l2 slave-broadcast broadcast "$nic-a" "12 13 254" 1 ;;
	l3) tell "$nic" l3 slave-broadcast undelivered "$nic" ;;
	l3s) tell "$nic" l3s slave-broadcast broadcast "$nic-a" 1 "12 13 254" ;;
	esac
	[[ $mode == l2 ]] || tell "$nic" "$mode" broadcast broadcast "wire-$nic" 1 "11 12 13"
}

daemon_ends() {
	patience=0 tell vmxnet3 l3s stop stop_daemon TERM
	tell vmxnet3 l3s slave-stays has vmxnet3-a eth0 NO-CARRIER
	patience=0 tell vmxnet3 l3s start-again start_daemon
	at_once try_ping ping-again
	patience=0 tell vmxnet3 l3s vhost-again vhost_again vmxnet3 l3s
	tell vmxnet3 l3s vhost-ping pings wire-vmxnet3 vmxnet3-v 4
	# QEMU's vmxnet3 fails an assertion, and so ends the machine, if a frame came
	# while its interrupts were nobody's.
	tell vmxnet3 l3s silent silent vmxnet3
	patience=0 tell vmxnet3 l3s killed stop_daemon KILL
	patience=0 tell vmxnet3 l3s start-after-kill start_daemon
	far_end vmxnet3 on
	at_once try_ping ping-after-kill
	patience=0 tell vmxnet3 l3s vhost-again vhost_again vmxnet3 l3s
	tell vmxnet3 l3s vhost-ping pings vmxnet3-v wire-vmxnet3 4
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

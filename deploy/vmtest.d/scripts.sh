# shellcheck shell=bash disable=SC2154 # the parts share their variables
# What deploy/bind and deploy/hugepages do on a machine that has NICs.

declare -A kernels # the driver that a NIC had when the machine started

note_driver() { kernels[$1]=$(driver "$1"); }

# driver NIC gives the driver that the NIC has.
driver() { basename "$(readlink "/sys/bus/pci/devices/$(pci "$1")/driver")"; }

# interface NIC gives the interface that the kernel's driver has made of the NIC.
interface() {
	local path
	for path in "/sys/bus/pci/devices/$(pci "$1")"/{net,virtio*/net}/*; do
		[[ ! -e $path ]] || echo "${path##*/}"
	done
}

# bound NIC: vfio-pci has it, and it has no interface.
bound() {
	/srv/deploy/bind "$(pci "$1")"
	echo "driver $(driver "$1"), interface $(interface "$1")"
	[[ $(driver "$1") == vfio-pci && -z $(interface "$1") ]]
}

# unbound NIC: the kernel's driver has it again, with an interface.
unbound() {
	/srv/deploy/bind --undo "$(pci "$1")"
	echo "driver $(driver "$1"), interface $(interface "$1")"
	[[ $(driver "$1") == "${kernels[$1]}" && -n $(interface "$1") ]]
}

# guarded NIC: by the name of its interface, and not while this has the default
# route; what is lost with it is told.
guarded() {
	local name said
	name=$(interface "$1")
	ip link set "$name" up
	ip addr replace 192.0.2.1/24 dev "$name"
	ip route replace default via 192.0.2.254 dev "$name"
	said=$(/srv/deploy/bind "$name" 2>&1) && return 1
	echo "$said"
	[[ $said == *"carries the default route"* && $(driver "$1") == "${kernels[$1]}" ]] || return
	ip route del default
	said=$(/srv/deploy/bind "$name" 2>&1) || return
	echo "$said"
	[[ $said == *"ip addr add 192.0.2.1/24 dev $name"* && $(driver "$1") == vfio-pci ]]
}

# shown NIC: the list has what was bound, and a second time nothing happens.
shown() {
	/srv/deploy/bind | grep -E "^$(pci "$1") +vfio-pci +.*${kernels[$1]}" &&
		/srv/deploy/bind "$(pci "$1")" | grep "already"
}

# reserved MIB: there are so many hugepages, on both nodes, and a mount of them.
reserved() {
	/srv/deploy/hugepages reserve "$(($1 / 2))" 1 && /srv/deploy/hugepages reserve "$1" && /srv/deploy/hugepages mount || return
	/srv/deploy/hugepages
	[[ $(</proc/sys/vm/nr_hugepages) == $(($1 / 2)) && $(/srv/deploy/hugepages) == *"mounted: "*/dev/hugepages* ]]
}

# taken NODE: ipvd has taken hugepages of the node.
taken() { /srv/deploy/hugepages | awk -v node="$1" '{ print } $1 == node && $2 == "2MiB" && $4 < $3 { taken = 1 } END { exit !taken }'; }

package ipvlan

// ofControl are those of links, addresses and modes, which the kernel's driver
// refuses or changes while netlink waits, and a daemon afterwards.
func ofControl() []Difference {
	return []Difference{
		{ID: "mode-change", Kernel: "a link add changes the mode for all slaves, to l3 when it names none; a mode that is set resets the flag",
			Default: "another mode is refused once there are slaves, none keeps what is there, and the flag stays", Compat: "as the kernel",
			Why: "one container's line must not change the others'"},
		{ID: "address-conflict", Kernel: "the address of another slave is refused",
			Default: "it is there, listed as a conflict, until the first owner gives it up", Compat: "it is taken from the interface again, within milliseconds",
			Why: "a TAP's driver is not asked; netlink tells of an address that is there already"},
		{ID: "address-delay", Kernel: "an address works when `ip addr add` returns", Default: "some milliseconds later; until then the host gets its packets",
			Compat: asByDefault, Why: "netlink tells of it afterwards"},
		{ID: "peer-address", Kernel: "of an IPv4 address with a peer the peer is the slave's", Default: "the address itself is",
			Compat: "as the kernel", Why: "packets for the peer are not for the slave"},
		{ID: "special-address", Kernel: "a slave may have loopback, multicast and broadcast addresses, and gets packets for them",
			Default: "they are ignored", Compat: "as the kernel", Why: "they would draw in what belongs to the host"},
		{ID: "slave-mac", Kernel: "a slave's MAC cannot be changed", Default: "it can be, which the log tells", Compat: "it is the master's again within milliseconds",
			Why: "a TAP's driver allows it"},
		{ID: "upper", Kernel: "a master takes no bridge and no macvlan, a slave neither these nor VLANs", Default: "both take them",
			Compat: "they are taken out of a bridge again, within milliseconds; macvlans and VLANs stay", Why: "a TAP's driver allows it"},
		{ID: "mtu-limit", Kernel: "a slave's MTU may be up to 65535", Default: "up to 65521", Compat: asByDefault,
			Why: "a TAP's is limited so (drivers/net/tun.c)"},
		{ID: "mtu-ipv6", Kernel: "when the MTU follows the master's, the IPv6 of the slave's namespace keeps its own", Default: "it follows as well",
			Compat: asByDefault, Why: "the kernel's driver tells nobody of the change; netlink does"},
		{ID: "noarp-early", Kernel: "in l3 and l3s a slave has NOARP since it was up for the first time", Default: "from the beginning", Compat: asByDefault,
			Why: "when it comes up it must have it already"},
		{ID: "tap-device", Kernel: "a slave's kind is ipvlan and its dev_id tells it from its siblings", Default: "its kind is tun, its dev_id 0; `ipvctl link show` tells kind and id",
			Compat: asByDefault, Why: "it is a TAP"},
		{ID: "second-master", Kernel: "any Ethernet interface becomes a master with its first slave, VLAN interfaces among them",
			Default: "masters are those that the daemon was started with", Compat: asByDefault, Why: "the wire of a master is taken over by DPDK when the daemon starts"},
		{ID: "master-removed", Kernel: "removing the master removes its slaves", Default: "removing the host port cuts the host off", Compat: "as the kernel",
			Why: "slaves can do without the host"},
	}
}

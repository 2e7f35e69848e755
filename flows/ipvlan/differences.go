package ipvlan

import "slices"

// Difference is a case in which ipvd answers otherwise than the kernel's driver.
type Difference struct {
	ID      string
	Kernel  string // what the kernel's driver does
	Default string // what is done here
	Compat  string // what is done here with Master.CompatKernel and the source MAC policy Pass
	Why     string // why not as the kernel, or why not even then
}

// Differences are all that are known. A conformance run that finds another has
// found a fault.
func Differences() []Difference {
	return slices.Concat(general(), ofReach(), ofControl(), ofL3(), ofL3S())
}

// asByDefault is what Compat says where CompatKernel changes nothing.
const asByDefault = "as by default"

// general are those of all modes.
func general() []Difference {
	return []Difference{
		{ID: "foreign-mac", Kernel: "a frame from the wire for another unicast MAC is classified; the receiver's stack refuses it",
			Default: "dropped", Compat: "as the kernel",
			Why: "a wire that is promiscuous would burden slaves with frames that are not theirs"},
		{ID: "source-mac", Kernel: "a slave's foreign source MAC leaves unchanged in l2, and may make unicast to a sibling leave on the wire",
			Default: "rewritten, and then treated as the master's", Compat: "as the kernel",
			Why: "the kernel lets nobody change a slave's MAC, a TAP's can be changed inside its namespace"},
		{ID: "tagged", Kernel: "a frame of a VLAN without an interface reaches the slave's tap, or all slaves' taps; their stacks refuse it",
			Default: "it reaches the host port only", Compat: asByDefault,
			Why: "which VLANs have an interface the host knows; a frame that its interface should get would be lost"},
		{ID: "priority-tag", Kernel: "a slave's tap shows the tag of VLAN 0", Default: "the tag is taken off",
			Compat: asByDefault, Why: "stacks take both alike; without the tag the frame can be classified, and its checksum be left to the NIC"},
		{ID: "multicast-filter", Kernel: "group frames reach slaves through a filter of 256 bits that joined groups and ways of listening set, and that the master's follows",
			Default: "IP multicast reaches every slave, other groups none", Compat: asByDefault,
			Why: "stacks refuse groups that they did not join; the filter's key is random in every boot"},
		{ID: "replicate-limit", Kernel: "a slave's group frame over the backlog's limit is lost for the wire as well",
			Default: "it is lost for the slaves only", Compat: asByDefault, Why: "what leaves on the wire need not wait for copies"},
		{ID: "malformed", Kernel: "in l3 and l3s a slave's packet with a wrong version, header length or length leaves, with its length set right",
			Default: "dropped", Compat: asByDefault, Why: "what is behind such a header is anybody's guess"},
		{ID: "truncated", Kernel: "a slave's frame that ends up to 14 bytes before its headers do is classified by what lies behind it in memory",
			Default: "it matches no address", Compat: asByDefault, Why: "the bytes are not the frame's"},
		{ID: "padding", Kernel: "in l3 and l3s bytes behind a slave's packet leave as a part of it, its length set accordingly",
			Default: "they are cut off", Compat: asByDefault, Why: "a packet is as long as it says (RFC 1122, section 3.2.1)"},
		{ID: "odd-source", Kernel: "in l3 a slave's packet from 0.0.0.0 or from an IPv4-mapped IPv6 address is routed", Default: "dropped", Compat: asByDefault,
			Why: "a raw socket puts the host's own address in the place of the former, and refuses the latter"},
		{ID: "send-error", Kernel: "sending what is dropped at once fails with ENOBUFS, IPv6 without a route in l3 and l3s with ENETUNREACH", Default: "it succeeds; the drop is counted", Compat: asByDefault,
			Why: "a TAP has taken the frame before its fate is known"},
		{ID: "link-local", Kernel: "a slave has a link-local address if its namespace's addr_gen_mode makes one",
			Default: "it has one by ipvlan's formula, always", Compat: asByDefault,
			Why: "a TAP has no dev_id, and the namespace's own would be the same for all slaves"},
		{ID: "local-bytes", Kernel: "copies from siblings count 14 bytes too many", Default: "the frame's length", Compat: asByDefault,
			Why: "the kernel counts the Ethernet header twice"},
	}
}

// ofL3S follow from the host's routing, which takes the place of hooks that only
// a kernel can set.
func ofL3S() []Difference {
	return []Difference{
		{ID: "hop-limit", Kernel: "in l3s a TTL or hop limit of 255 stays", Default: "it is 254 behind the host's routing", Compat: asByDefault,
			Why: "l3s routes, and raises the TTL before; 255 cannot be raised"},
		{ID: "forward", Kernel: "l3s passes the host's INPUT and OUTPUT, a slave's INPUT sees nothing",
			Default: "l3s passes the host's FORWARD and the slave's INPUT", Compat: asByDefault,
			Why: "from user space packets can enter the host's netfilter on an interface only"},
		{ID: "l3s-tap", Kernel: "in l3s a slave's tap does not see what is received", Default: "it does", Compat: asByDefault,
			Why: "packets come through the slave's interface"},
		{ID: "l3s-route", Kernel: "in l3s what has no route is taken for on-link", Default: "the host refuses it with an ICMP error; a slave's packet to the subnet's broadcast address reaches the host's sockets",
			Compat: asByDefault, Why: "the host routes, by its own tables"},
		{ID: "l3s-group-mac", Kernel: "in l3s a packet for a slave in a broadcast or multicast frame is delivered, and so duplicate address detection for its address", Default: "the host refuses it, or keeps it",
			Compat: asByDefault, Why: "a router forwards nothing that came to a group (RFC 1812, section 5.3.4)"},
		{ID: "l3s-ttl", Kernel: "in l3s no TTL changes, and 1 suffices", Default: "between host and slaves a packet arrives with one more, and in vepa between slaves; one from the wire with 1 is refused",
			Compat: asByDefault, Why: "the TTL is raised by one on either way for the host to lower, which forwards once or not at all"},
		{ID: "l3s-refused", Kernel: "in l3s packets pass whose addresses (link-local, loopback, the host's own as a source), checksum or hop limit no router accepts", Default: "the host refuses them",
			Compat: asByDefault, Why: "the host routes, and a router has to (RFC 1812, sections 5.2.2 and 5.3.7; RFC 4291, section 2.5.6)"},
		{ID: "l3s-options", Kernel: "in l3s IPv4 options pass unchanged", Default: "the host records its address and the time in them, or refuses the packet",
			Compat: asByDefault, Why: "the host routes, and a router has to (RFC 1812, section 5.2.4)"},
		{ID: "l3s-forwarded", Kernel: "in l3s packets from the wire for nobody end at the host", Default: "the host sends them on, even back to the wire, with a redirect",
			Compat: asByDefault, Why: "the host routes, as its forwarding must be on"},
		{ID: "l3s-vepa", Kernel: "in l3s with vepa packets for siblings leave on the wire, where the host asks for them", Default: "the host routes between them", Compat: asByDefault,
			Why: "it has routes to all slaves"},
		{ID: "l3s-host-address", Kernel: "in l3s a packet from the wire for an address that the host has as well reaches the slave",
			Default: "it reaches the host", Compat: asByDefault, Why: "the host's own addresses come before its routes"},
		{ID: "l3s-fragments", Kernel: "in l3s a slave's fragments that are too long are cut one by one", Default: "the host may join them first",
			Compat: asByDefault, Why: "its conntrack joins what it forwards"},
		{ID: "l3s-host-reach", Kernel: "the host asks for slaves on the wire and reaches none", Default: "in l3s it reaches them", Compat: asByDefault,
			Why: "it has routes to all slaves, for the packets from the wire"},
		{ID: "l3s-offload", Kernel: "in l3s the host's netfilter sees every packet",
			Default: "of a flow that its conntrack calls established it sees a packet a second, and those that may end the flow", Compat: "as the kernel",
			Why: "rules decide about flows; rewriting the other packets here is an order of magnitude faster"},
		{ID: "l3s-vrf", Kernel: "in l3s a master in a VRF receives nothing for its slaves", Default: "they receive it", Compat: asByDefault,
			Why: "the kernel calls the VRF's input hook in the place of ipvlan's (l3mdev_l3_rcv in include/net/l3mdev.h)"},
	}
}

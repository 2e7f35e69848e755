package ipvlan

// byHost is what Compat says of l3 where --l3-path host, which --compat kernel
// means, leaves each packet to the host's kernel.
const byHost = "as the kernel, with --l3-path host, which it means unless told otherwise"

// ofL3 follow from a copy of the host's routes, by which l3 routes.
func ofL3() []Difference {
	return []Difference{
		{ID: "l3-path", Kernel: "in l3 what a slave sends passes the host's OUTPUT and POSTROUTING", Default: "it passes no chain of the host",
			Compat: byHost, Why: "netfilter is a part of the kernel's output path, whose place a copy of the routes takes; l3s passes the host's netfilter in both directions"},
		{ID: "l3-no-route", Kernel: "in l3 an IPv4 packet without a route by the master is sent as if its destination were on the link, even if a route or rule refuses it",
			Default: "it is dropped", Compat: byHost, Why: "nobody there has the address; routes that refuse are meant"},
		{ID: "l3-errors", Kernel: "in l3 the errors about a slave's packets (unreachable, fragmentation needed, packet too big) are lost: the host asks for the slave on the wire",
			Default: "the slave gets them", Compat: byHost, Why: "a sender must be told of the MTU of its path (RFC 1191; RFC 8201)"},
		{ID: "l3-multipath", Kernel: "in l3 IPv4 takes the first of several next hops by the master", Default: "each flow takes one of them, by their weights",
			Compat: byHost, Why: "they are there to share the load"},
	}
}

package ipvlan

// ofReach are those of Master.HostReach and Master.L3Proxy.
func ofReach() []Difference {
	return []Difference{
		{ID: "host-reach", Kernel: "in l2 and l3 the host asks for slaves on the wire and reaches none, and they get no answer of it",
			Default: "they reach each other, but with vepa; in l2 what they ask or tell of neighbours reaches the other side and the wire, in l3 the host is answered for slaves, and their packets for it come in at the host port. `--host-reach off` ends it",
			Compat:  "as the kernel", Why: "everybody expects it of a host; with vepa it is for the switch to let stations reach each other"},
		{ID: "l3-proxy", Kernel: "in l3 and l3s nobody answers ARP requests and neighbour solicitations from the wire for slaves' addresses",
			Default: "they are answered with the master's MAC, probes among them, 2,000 a second at most; what is over that is dropped. `--l3-proxy off` ends it",
			Compat:  "as the kernel", Why: "else every router needs routes to the slaves"},
	}
}

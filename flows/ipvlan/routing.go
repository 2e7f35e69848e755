package ipvlan

import "ipvd/flows/route"

// Routing is what l3 routes by: the routes of the master's namespace, and the
// neighbours of the host port by their addresses.
type Routing struct {
	FIB        *route.FIB
	Neighbours *Table // of numbers for FIB.Neighbours.At; FIB writes to it
}

// NewRouting makes a routing that leaves all packets to the host's kernel until it
// is told routes.
func NewRouting() *Routing {
	t := NewTable()
	return &Routing{FIB: route.New(t), Neighbours: t}
}

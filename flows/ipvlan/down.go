package ipvlan

import "ipvd/flows"

// down stands between the wire and what is behind it while the master is down.
type down struct {
	*plane
	counters []flows.Counter
}

// Push drops all.
func (d *down) Push(b flows.Burst) { d.drop(b, MasterDown, d.counters) }

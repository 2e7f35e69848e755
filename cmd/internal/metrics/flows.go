package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Flows is what a master in l3s knows of flows that may leave out the turn through the
// host. The totals begin anew when the mode is set.
type Flows struct {
	Master     string
	Known      int               // flows that conntrack calls established, and a slave has part in
	Open       int               // their directions that leave out the host now: two a flow at most
	Admitted   uint64            // flows that have become known
	Refused    uint64            // flows for which there was no room
	Ended      map[string]uint64 // flows that are known no longer, by cause
	HandedBack map[string]uint64 // times that all flows were given back to the host, by cause
	Packets    uint64            // over shortcuts
	Bytes      uint64            // of their IP packets
}

var (
	flowCount    = desc("flows", "Flows of l3s that may leave out the turn through the host.", "master")
	flowOpen     = desc("flow_shortcuts", "Directions of flows that leave out the host now.", "master")
	flowAdmitted = desc("flows_admitted_total", "Flows that conntrack has called established.", "master")
	flowRefused  = desc("flows_refused_total", "Flows that go through the host because the table of flows is full.", "master")
	flowEnded    = desc("flows_ended_total", "Flows that may no longer leave out the host. gone: conntrack has forgotten them; closing: it calls them established no longer; untraced: it cannot be asked.", "master", "cause")
	flowHanded   = desc("flows_handed_back_total", "Times that all flows were given back to the host, by what has changed there.", "master", "cause")
	flowPackets  = desc("flow_shortcut_packets_total", "Packets that left out the host, and so conntrack.", "master")
	flowBytes    = desc("flow_shortcut_bytes_total", "Bytes of IP packets that left out the host.", "master")
)

func flowDescs() []*prometheus.Desc {
	return []*prometheus.Desc{flowCount, flowOpen, flowAdmitted, flowRefused, flowEnded, flowHanded, flowPackets, flowBytes}
}

func (o output) flows(all []Flows) {
	for _, f := range all {
		o.gauge(flowCount, float64(f.Known), f.Master)
		o.gauge(flowOpen, float64(f.Open), f.Master)
		o.counter(flowAdmitted, float64(f.Admitted), f.Master)
		o.counter(flowRefused, float64(f.Refused), f.Master)
		for cause, n := range f.Ended {
			o.counter(flowEnded, float64(n), f.Master, cause)
		}
		for cause, n := range f.HandedBack {
			o.counter(flowHanded, float64(n), f.Master, cause)
		}
		o.counter(flowPackets, float64(f.Packets), f.Master)
		o.counter(flowBytes, float64(f.Bytes), f.Master)
	}
}

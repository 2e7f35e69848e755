package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
)

// vlanID masks the VLAN id in a tag's control information.
const vlanID = 0xfff

// tag puts the tag back that the NIC took off a frame, and gives the frame to
// the host port, whose interface knows tags in frames only.
type tag struct {
	*plane
	counters []flows.Counter
}

// Push takes frames whose tag was stripped by the port.
func (t *tag) Push(b flows.Burst) {
	pkts := t.vec.Packets(b)
	n := 0
	for _, m := range pkts {
		tci, _ := m.VLAN()
		w := t.vec.Writable(m)
		if w == nil {
			t.dropOne(m, NoMbuf, t.counters)
			continue
		}
		if !w.Prepend(wire.VLANLen) || !wire.InsertTag(w.Data(), tci) {
			t.dropOne(w, NoMbuf, t.counters)
			continue
		}
		pkts[n] = w
		n++
	}
	if n > 0 {
		t.host.out.Push(flows.Burst{Off: b.Off, N: uint32(n)})
	}
}

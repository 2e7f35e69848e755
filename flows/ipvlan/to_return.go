package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// In l3s packets take a turn through the host: it receives and sends them on
// the return interface, and routes them between it and the host port, so that
// its netfilter sees both directions. A router lowers the TTL, and ipvlan does
// not route: toReturn and fromReturn raise it by one, which makes it come out
// as it went in. A TTL of 255 cannot be raised and comes out as 254.

// toReturn prepares what a slave sends for the return interface.
type toReturn struct {
	*plane
	mac      wire.MAC // of the return interface
	next     *flows.Output
	counters []flows.Counter
}

// Push takes IP packets.
func (r *toReturn) Push(b flows.Burst) {
	pkts := r.vec.Packets(b)
	n := 0
	for _, m := range pkts {
		w := r.vec.Writable(m)
		if w == nil {
			r.dropOne(m, NoMbuf, r.counters)
			continue
		}
		readdress(w, r.mac, r.plane.mac)
		pkts[n] = w
		n++
	}
	if n > 0 {
		r.next.Push(flows.Burst{Off: b.Off, N: uint32(n)})
	}
}

// readdress writes the addresses of m, an IP packet in a frame that may be
// written, and raises its TTL or hop limit by one if there is room.
func readdress(m *pmd.Mbuf, dst, src wire.MAC) {
	frame := wire.Ethernet(m.Data())
	frame.SetDst(dst)
	frame.SetSrc(src)
	switch frame.Type() {
	case wire.TypeIPv4:
		if p, ok := wire.ParseIPv4(frame.Payload(), m.Len()-wire.EthernetLen); ok && p.TTL() < 255 {
			p.SetTTL(p.TTL() + 1)
		}
	case wire.TypeIPv6:
		if p, ok := wire.ParseIPv6(frame.Payload()); ok && p.HopLimit() < 255 {
			p.SetHopLimit(p.HopLimit() + 1)
		}
	}
}

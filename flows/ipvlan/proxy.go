package ipvlan

import (
	"ipvd/flows"
	"ipvd/flows/wire"
)

// proxy answers stations on the wire that ask for an active address of a slave,
// by ARP or neighbour discovery, with the master's MAC: in l3 and l3s, where
// nobody else does, so that routers need no route to the slaves.
type proxy struct {
	answer
	linkLocal bool // answer for link-local addresses as well
}

// asks reports that a frame from the wire of length bytes is a question to be
// answered. A probe that bears the master's MAC is one that the network has
// returned: to answer it would tell its sender of a conflict with itself.
func (p *proxy) asks(frame wire.Ethernet, length int) bool {
	if d := frame.Dst(); d != p.mac && !d.Group() {
		return false
	}
	q, _, ok := p.asked(frame, length)
	if !ok || q.Probe && frame.Src() == p.mac || q.LinkLocal() && !p.linkLocal {
		return false
	}
	return q.Sound()
}

// proxyL3S stands in l3s between the wire and the host, which gets everything
// else: the host has no answer for the slaves' addresses.
type proxyL3S struct {
	*plane
	proxy    *proxy
	answers  flows.Stage // the proxy
	host     flows.Stage
	counters []flows.Counter
}

// Push takes frames from the wire.
func (s *proxyL3S) Push(b flows.Burst) {
	pkts := s.vec.Packets(b)
	v := s.verdicts[:len(pkts)]
	for i, m := range pkts {
		v[i] = toHost
		if frame, ok := wire.ParseEthernet(m.Data()); ok && s.proxy.asks(frame, m.Len()) {
			v[i] = toAnswer
		}
	}
	for _, g := range s.group(b) {
		switch g.Verdict {
		case toAnswer:
			s.answers.Push(g.Burst)
		case toHost:
			s.host.Push(g.Burst)
		default:
			s.deliver(g, s.counters)
		}
	}
}

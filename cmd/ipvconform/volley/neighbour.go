package volley

import (
	"net/netip"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// neighbourKeys are those of a question that a driver may answer in the place of a
// station, and of an answer: ARP, and neighbour discovery. An answer that was sent
// has the same key as a question that would get it, and so they are never in one
// volley.
func neighbourKeys(frame []byte) []string {
	e, ok := wire.ParseEthernet(frame)
	if !ok {
		return nil
	}
	switch b := e.Payload(); e.Type() {
	case wire.TypeARP:
		if a, ok := wire.ParseARP(b); ok {
			asked, asker := a[14:18], a[24:28] // of an answer
			if _, ok := wire.ParseQuestion(e); ok {
				asked, asker = asker, asked
			}
			return []string{neighbourKey + string(asked) + string(asker)}
		}
	case wire.TypeIPv6:
		return discoveryKeys(e)
	}
	return nil
}

// advertKey is the key of a neighbour advertisement that a raw socket got.
func advertKey(d scenario.Delivery, v6 bool, message []byte) string {
	if m, ok := wire.ParseND(message); ok && v6 && m.Type() == wire.NDNeighborAdvert {
		return neighbourKey + string(m[8:24]) + addressBytes(d.Dst)
	}
	return ""
}

// discoveryKeys are those of neighbour discovery. Who has no address yet is
// answered by a message for all nodes (RFC 4861, section 7.2.4).
func discoveryKeys(e wire.Ethernet) []string {
	p, ok := wire.ParseIPv6(e.Payload())
	if !ok || p.Next() != wire.ProtoICMPv6 {
		return nil
	}
	m, ok := wire.ParseND(p.Payload())
	if !ok {
		return nil
	}
	asker := p[24:40]
	switch q, ok := wire.ParseQuestion(e); {
	case ok && q.Probe:
		asker = netip.IPv6LinkLocalAllNodes().AsSlice()
	case ok:
		asker = p[8:24]
	case m.Type() != wire.NDNeighborAdvert:
		return nil
	}
	return []string{neighbourKey + string(m[8:24]) + string(asker)}
}

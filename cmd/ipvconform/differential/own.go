package differential

import (
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/volley"
	"ipvd/flows/wire"
)

// ownMAC makes a slave's frame bear the master's MAC address wherever it names
// its sender's, as ipvd without --compat kernel would: such a frame could not be
// told from others at the port that sees it.
func ownMAC(s volley.Shot) volley.Shot {
	if s.At == scenario.Wire || s.At == scenario.Host {
		return s
	}
	own := wire.MAC(macBytes(macM))
	e := wire.Ethernet(s.Frame)
	e.SetSrc(own)
	switch e.Type() {
	case wire.TypeARP:
		if a, ok := wire.ParseARP(e.Payload()); ok {
			a.SetSenderMAC(own)
		}
	case wire.TypeIPv6:
		if m, option, ok := discovery(e.Payload()); ok {
			ownOptions(m, option, own)
		}
	}
	return s
}

// discovery is the message of neighbour discovery in an IPv6 packet, and the
// option in which it names its sender's MAC address (RFC 4861, section 4).
func discovery(packet []byte) (m wire.ND, option uint8, ok bool) {
	p, ok := wire.ParseIPv6(packet)
	if !ok {
		return nil, 0, false
	}
	proto, b, ok := p.Upper()
	if !ok || proto != wire.ProtoICMPv6 {
		return nil, 0, false
	}
	if m, ok = wire.ParseND(b); !ok {
		return nil, 0, false
	}
	switch m.Type() {
	case wire.NDRouterSolicit, wire.NDRouterAdvert, wire.NDNeighborSolicit:
		return m, wire.NDOptSourceMAC, true
	}
	return m, wire.NDOptTargetMAC, m.Type() == wire.NDNeighborAdvert
}

// ownOptions writes a MAC address into the options of one type, and keeps the
// checksum as right as it was.
func ownOptions(m wire.ND, option uint8, own wire.MAC) {
	options := m.Options()
	for t, b, ok := options.Next(); ok; t, b, ok = options.Next() {
		if t == option {
			mac := wire.NDOptionMAC(b)
			m.SetSum(wire.UpdateMAC(m.Sum(), *mac, own))
			*mac = own
		}
	}
}

package volley

import (
	"bytes"
	"encoding/binary"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// Keys are what a frame is known by at the port that sees it:
//
//	f  the whole frame, with its tags or, where a kernel took them off, without
//	p  of an IP packet: addresses, protocol and payload, the last as long as the
//	   header says or with the padding behind it
//	u  of an IPv6 packet: addresses and what follows the extension headers, in the
//	   same two lengths
//	r  of an IPv6 packet with a routing header: the same without the destination
//	n  of a question for a neighbour and of its answer: the address asked for, and
//	   who asks
const (
	wholeKey     = "f"
	packetKey    = "p"
	upperKey     = "u"
	routeKey     = "r"
	neighbourKey = "n"
)

// keysOf are all keys of a frame that is sent.
func keysOf(frame []byte) []string {
	keys := []string{wholeKey + string(frame)}
	for range 2 {
		v, ok := wire.ParseVLAN(frame)
		if !ok {
			break
		}
		frame = append(bytes.Clone(v[:12]), v[12+wire.VLANLen:]...)
		keys = append(keys, wholeKey+string(frame))
	}
	return append(append(keys, packetKeys(frame)...), neighbourKeys(frame)...)
}

// packetKeys are those of the IP packet in an untagged frame.
func packetKeys(frame []byte) []string {
	e, ok := wire.ParseEthernet(frame)
	if !ok {
		return nil
	}
	switch b := e.Payload(); e.Type() {
	case wire.TypeIPv4:
		return packet4Keys(b)
	case wire.TypeIPv6:
		return packet6Keys(b)
	}
	return nil
}

// packet4Keys also knows packets whose header is wrong, since a host's routing
// takes what is behind the Ethernet header for one, and mends its length. There
// the payload is what follows the header, or 20 bytes.
func packet4Keys(b []byte) (keys []string) {
	if len(b) < wire.IPv4Len {
		return nil
	}
	head := packetKey + string(b[12:20]) + string(b[9:10])
	if p, ok := wire.ParseIPv4(b, len(b)); ok {
		keys = append(keys, head+string(p.Payload()))
	}
	if n := wire.IPv4(b).HeaderLen(); n <= len(b) {
		keys = append(keys, head+string(b[n:]))
	}
	return append(keys, head+string(b[wire.IPv4Len:]))
}

func packet6Keys(b []byte) []string {
	if len(b) < wire.IPv6Len {
		return nil
	}
	p := wire.IPv6(b)
	head := packetKey + string(p[8:40]) + string(p[6:7])
	keys := []string{head + string(p.Payload()), head + string(p[wire.IPv6Len:])}
	if upper, routed, ok := upper6(p); ok {
		rest := p[min(len(p), wire.IPv6Len+p.PayloadLen()):]
		kind, ends := upperKey, string(p[8:40])
		if routed {
			kind, ends = routeKey, string(p[8:24])
		}
		keys = append(keys, kind+ends+string(upper), kind+ends+string(upper)+string(rest))
	}
	return keys
}

// deliveryKey is the key of what a raw socket got.
func deliveryKey(d scenario.Delivery, v6 bool, packet []byte) string {
	if v6 {
		return upperKey + addressBytes(d.Src) + addressBytes(d.Dst) + string(packet)
	}
	if p, ok := wire.ParseIPv4(packet, len(packet)); ok {
		return packetKey + string(p[12:20]) + string(p[9:10]) + string(p.Payload())
	}
	return ""
}

// upper6 is what follows the extension headers of an IPv6 packet; none when it
// is a part of a larger packet (RFC 8200, section 4). It reports a routing header:
// which of them a stack takes, and what it makes of the destination then, differs
// between kernels.
func upper6(p wire.IPv6) (upper []byte, routed, ok bool) {
	next, b := p.Next(), p.Payload()
	for {
		n := 0
		switch {
		case next != 0 && next != 43 && next != 44 && next != 60: // hop-by-hop, routing, fragment, destination
			return b, routed, true
		case len(b) < 8 || next == 44 && binary.BigEndian.Uint16(b[2:])&^6 != 0:
			return nil, routed, false
		case next == 44:
			n = 8
		default:
			n = int(b[1])*8 + 8
		}
		if n > len(b) {
			return nil, routed, false
		}
		routed = routed || next == 43
		next, b = b[0], b[n:]
	}
}

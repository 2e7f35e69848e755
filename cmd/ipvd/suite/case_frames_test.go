package suite

import (
	"encoding/binary"

	frames "ipvd/cmd/ipvconform/frame"
)

// Frames of the cases; those with a mark carry it as data, or behind what their
// headers cover.

const casePort = 7777

func udp4(dst, src, from, to string, data []byte) []byte {
	return odd4(dst, src, frames.IPv4{Src: from, Dst: to}, data)
}

// odd4 is a datagram in a packet with the header h.
func odd4(dst, src string, h frames.IPv4, data []byte) []byte {
	h.Proto = 17
	return frames.Ether(dst, src, frames.TypeIPv4, h.Packet(frames.UDP(h.Src, h.Dst, casePort, casePort, data)))
}

func udp6(dst, src, from, to string, data []byte) []byte {
	return frames.Ether(dst, src, frames.TypeIPv6, frames.IPv6(from, to, 17, 64, frames.UDP(from, to, casePort, casePort, data)))
}

// udp is one of both.
func udp(dst, src, from, to string, data []byte) []byte {
	if isV6(to) {
		return udp6(dst, src, from, to, data)
	}
	return udp4(dst, src, from, to, data)
}

func isV6(addr string) bool {
	for _, c := range addr {
		if c == ':' {
			return true
		}
	}
	return false
}

// echo is an echo request; its reply has the same data.
func echo(dst, src, from, to string, data []byte) []byte {
	rest := append([]byte{0, 1, 0, 1}, data...)
	if isV6(to) {
		return frames.Ether(dst, src, frames.TypeIPv6, frames.IPv6(from, to, 58, 64, frames.ICMPv6(from, to, 128, rest)))
	}
	return frames.Ether(dst, src, frames.TypeIPv4, frames.IPv4{Src: from, Dst: to, Proto: 1}.Packet(frames.ICMP(8, 0, rest)))
}

// isEchoReply matches the reply with this data.
func isEchoReply(data []byte) func([]byte) bool {
	return both(has(data), func(f []byte) bool {
		switch etherType(f) {
		case frames.TypeIPv4:
			return len(f) > 34 && f[23] == 1 && f[34] == 0
		case frames.TypeIPv6:
			return len(f) > 54 && f[20] == 58 && f[54] == 129
		}
		return false
	})
}

func etherType(f []byte) uint16 {
	if len(f) < 14 {
		return 0
	}
	return binary.BigEndian.Uint16(f[12:])
}

func arpFrame(dst, src string, op uint16, sha, spa, tha, tpa string, mark []byte) []byte {
	return frames.Ether(dst, src, frames.TypeARP, frames.ARP(op, sha, spa, tha, tpa), mark)
}

// isARP matches an ARP packet by operation, sender and target address; "" is any.
func isARP(op uint16, spa, tpa string) func([]byte) bool {
	pattern := frames.ARP(op, noMAC, spa, noMAC, tpa)
	return func(f []byte) bool {
		if etherType(f) != frames.TypeARP || len(f) < 42 || binary.BigEndian.Uint16(f[20:]) != op {
			return false
		}
		return (spa == "" || string(f[28:32]) == string(pattern[14:18])) && (tpa == "" || string(f[38:42]) == string(pattern[24:28]))
	}
}

// solicit is a neighbour solicitation to the target's group, or in a unicast
// frame when dst is given; src "::" makes it one of duplicate address detection.
func solicit(dst, src, from, target string, mark []byte) []byte {
	group := frames.SolicitedNode(target)
	if dst == "" {
		dst = frames.GroupMAC(group)
	}
	link := src
	if from == "::" {
		link = ""
	}
	return frames.Ether(dst, src, frames.TypeIPv6, frames.Solicit(from, group, target, link), mark)
}

// isND matches a neighbour discovery message by type and target; "" is any.
func isND(typ byte, target string) func([]byte) bool {
	pattern := frames.Solicit("::", "::", target, "")
	return func(f []byte) bool {
		return etherType(f) == frames.TypeIPv6 && len(f) >= 78 && f[20] == 58 && f[54] == typ &&
			(target == "" || string(f[62:78]) == string(pattern[48:64]))
	}
}

const (
	neighbourSolicit   = 135
	neighbourAdvertise = 136
)

package offload

import "encoding/binary"

const (
	etherLen = 14
	tagLen   = 4
	maxTags  = 2
	ipv4Len  = 20
	ipv6Len  = 40
	tcpLen   = 20
	udpLen   = 8

	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeVLAN = 0x8100
	typeQinQ = 0x88a8

	protoTCP = 6
	protoUDP = 17

	// Offsets of checksums in their headers.
	ipv4Sum = 10
	tcpSum  = 16
	udpSum  = 6

	// maxL3 is what fits the l3_len of an mbuf.
	maxL3 = 1<<9 - 1
)

// headers are the lengths in bytes of the headers of a TCP or UDP packet.
type headers struct {
	l2, l3, l4 int
	v6, udp    bool
}

// all is where the payload begins.
func (h *headers) all() int { return h.l2 + h.l3 + h.l4 }

// transport is where the TCP or UDP header begins.
func (h *headers) transport() int { return h.l2 + h.l3 }

// sum is where the checksum above IP lies in the frame.
func (h *headers) sum() int {
	if h.udp {
		return h.transport() + udpSum
	}
	return h.transport() + tcpSum
}

// parse reads the headers at the start of a frame, all of which must lie in b;
// false when it is no TCP or UDP over IP, or a fragment.
func parse(b []byte) (h headers, ok bool) {
	if len(b) < etherLen {
		return h, false
	}
	typ := binary.BigEndian.Uint16(b[12:])
	h.l2 = etherLen
	for range maxTags {
		if typ != typeVLAN && typ != typeQinQ || len(b) < h.l2+tagLen {
			break
		}
		typ = binary.BigEndian.Uint16(b[h.l2+2:])
		h.l2 += tagLen
	}
	var proto byte
	switch typ {
	case typeIPv4:
		proto, ok = h.parseIPv4(b[h.l2:])
	case typeIPv6:
		proto, ok = h.parseIPv6(b[h.l2:])
	}
	if !ok || h.l3 > maxL3 {
		return h, false
	}
	return h, h.parseTransport(b[h.transport():], proto)
}

func (h *headers) parseIPv4(b []byte) (proto byte, ok bool) {
	const fragment = 0x3fff // MF and offset
	if len(b) < ipv4Len || b[0]>>4 != 4 || binary.BigEndian.Uint16(b[6:])&fragment != 0 {
		return 0, false
	}
	h.l3 = int(b[0]&15) * 4
	return b[9], h.l3 >= ipv4Len && h.l3 <= len(b)
}

// parseIPv6 steps over the extension headers that leave a packet whole
// (RFC 8200, section 4).
func (h *headers) parseIPv6(b []byte) (proto byte, ok bool) {
	const hopByHop, routing, destination = 0, 43, 60
	if len(b) < ipv6Len || b[0]>>4 != 6 {
		return 0, false
	}
	h.v6, h.l3, proto = true, ipv6Len, b[6]
	for proto == hopByHop || proto == routing || proto == destination {
		if len(b) < h.l3+8 {
			return 0, false
		}
		proto = b[h.l3]
		h.l3 += 8 + 8*int(b[h.l3+1])
	}
	return proto, h.l3 <= len(b)
}

func (h *headers) parseTransport(b []byte, proto byte) bool {
	switch proto {
	case protoTCP:
		if len(b) < tcpLen {
			return false
		}
		h.l4 = int(b[12]>>4) * 4
		return h.l4 >= tcpLen && h.l4 <= len(b)
	case protoUDP:
		h.udp, h.l4 = true, udpLen
		return len(b) >= udpLen
	}
	return false
}

// payloadLen is the length that the IP header of the frame in b gives the
// packet behind the IP header and its options.
func (h *headers) payloadLen(b []byte) int {
	if h.v6 {
		return int(binary.BigEndian.Uint16(b[h.l2+4:])) - (h.l3 - ipv6Len)
	}
	return int(binary.BigEndian.Uint16(b[h.l2+2:])) - h.l3
}

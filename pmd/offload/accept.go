package offload

import "ipvd/pmd"

const (
	// maxSegments bounds what one frame may become: 64 KB over links with an
	// MTU of 68, the least of IPv4.
	maxSegments = 2048
	// maxDatagrams is how many the kernel sends in one (linux/udp.h,
	// UDP_MAX_SEGMENTS).
	maxDatagrams = 128
	// minTCPSize is the least payload of a TCP segment (net/tcp.h,
	// TCP_MIN_GSO_SIZE).
	minTCPSize = 8
)

// Accept compares the virtio-net header in m.Vnet with the frame that it came
// with, and makes m say what is left to do (Offload) or was done (Verified). It
// gives false, and the caller drops the frame, when the header does not fit it.
// Every field that the code behind uses was checked then.
func Accept(m *pmd.Mbuf) bool {
	h := m.Vnet()
	switch {
	case h.GSOType != 0:
		return acceptSegments(m, h)
	case h.Flags&pmd.VnetNeedsCsum != 0:
		return acceptChecksum(m, h)
	case h.Flags&pmd.VnetDataValid != 0:
		m.SetVerified()
	}
	return true
}

// acceptChecksum wants the checksum in the first segment, behind an Ethernet
// header.
func acceptChecksum(m *pmd.Mbuf, h *pmd.VnetHdr) bool {
	start, sum := int(h.CsumStart), int(h.CsumStart)+int(h.CsumOffset)
	if start < etherLen || sum+2 > m.DataLen() || int(h.HdrLen) > m.Len() {
		return false
	}
	m.SetOffload(0, 0, 0)
	return true
}

// acceptSegments wants one whole packet of the type that the header names, all
// of its headers in the first segment.
func acceptSegments(m *pmd.Mbuf, h *pmd.VnetHdr) bool {
	b := m.Data()
	p, ok := parse(b)
	if !ok || !ofType(h.GSOType, &p) || int(h.HdrLen) > m.Len() {
		return false
	}
	// Whoever segments writes the checksum anew; NICs and kernels look here.
	if h.Flags&pmd.VnetNeedsCsum == 0 || int(h.CsumStart) != p.transport() || int(h.CsumStart)+int(h.CsumOffset) != p.sum() {
		return false
	}
	payload, size := m.Len()-p.all(), int(h.GSOSize)
	if payload <= 0 || p.payloadLen(b) != p.l4+payload {
		return false
	}
	if size == 0 || !p.udp && size < minTCPSize || p.udp && payload > maxDatagrams*size || payload > maxSegments*size {
		return false
	}
	m.SetOffload(p.l2, p.l3, p.l4)
	return true
}

// ofType reports that a packet with headers p is one of GSO type t.
func ofType(t uint8, p *headers) bool {
	switch t &^ pmd.VnetECN {
	case pmd.VnetTCPv4:
		return !p.udp && !p.v6
	case pmd.VnetTCPv6:
		return !p.udp && p.v6
	case pmd.VnetUDP:
		return p.udp && t&pmd.VnetECN == 0
	}
	return false
}

// Needs is the offload by which a device can finish m, which is unfinished.
func Needs(m *pmd.Mbuf) pmd.Offloads {
	switch m.Vnet().GSOType &^ pmd.VnetECN {
	case pmd.VnetTCPv4, pmd.VnetTCPv6:
		return pmd.TSO
	case pmd.VnetUDP:
		return pmd.USO
	}
	return pmd.Checksum
}

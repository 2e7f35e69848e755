package pmd

// VnetHdr is the virtio-net header of a frame that is not finished: its
// checksum is to be completed, or it stands for several frames
// (virtio 1.1, section 5.1.6). The fields are little-endian, as this machine's.
type VnetHdr struct {
	Flags      uint8
	GSOType    uint8
	HdrLen     uint16 // a hint, never to be trusted
	GSOSize    uint16 // payload of a segment in bytes
	CsumStart  uint16 // from the frame's start
	CsumOffset uint16 // from CsumStart to the checksum, which holds the pseudo header's sum
	Buffers    uint16 // of no meaning here
}

// VnetHdrLen is the size of VnetHdr in bytes.
const VnetHdrLen = 12

// Flags and types of VnetHdr.
const (
	VnetNeedsCsum = 1 // Flags: the checksum is to be completed
	VnetDataValid = 2 // Flags: the checksum was found right

	VnetTCPv4 = 1    // GSOType
	VnetTCPv6 = 4    // GSOType
	VnetUDP   = 5    // GSOType: each segment a datagram
	VnetECN   = 0x80 // GSOType: the first segment alone has CWR
)

// Offloads is a set of what a device can do with an unfinished frame.
type Offloads uint8

// The offloads.
const (
	Checksum  Offloads = 1 << iota // completes TCP and UDP checksums
	TSO                            // segments TCP over IPv4 and IPv6
	USO                            // segments UDP over IPv4 and IPv6
	HeaderSum                      // computes the checksum of IPv4 headers when it segments
)

// Offload reports that the frame is not finished and Vnet says how.
func (m *Mbuf) Offload() bool { return m.olFlags&olOffload != 0 }

// Vnet is the frame's virtio-net header: it lies beside the frame, in the
// mbuf, and counts only with Offload.
func (m *Mbuf) Vnet() *VnetHdr { return &m.vnet }

// SetOffload says that Vnet counts. segmented is the length of the headers that
// each segment repeats, in bytes by layer; all 0 when there is nothing to
// segment.
func (m *Mbuf) SetOffload(l2, l3, l4 int) {
	m.olFlags |= olOffload
	m.txOffload = 0
	if m.vnet.GSOType != 0 {
		m.setHeaders(l2, l3, l4, int(m.vnet.GSOSize))
	}
}

// ClearOffload says that the frame is finished.
func (m *Mbuf) ClearOffload() {
	m.olFlags &^= olOffload
	m.txOffload = 0
}

// setHeaders fills the bit-field tx_offload of rte_mbuf_core.h.
func (m *Mbuf) setHeaders(l2, l3, l4, size int) {
	m.txOffload = uint64(l2)&0x7f | uint64(l3)&0x1ff<<7 | uint64(l4)&0xff<<16 | uint64(size)<<24
}

// Headers is the length of the headers that each segment repeats, 0 when there
// is nothing to segment.
func (m *Mbuf) Headers() int {
	return int(m.txOffload&0x7f + m.txOffload>>7&0x1ff + m.txOffload>>16&0xff)
}

// Longest is the length in bytes of the longest frame that m is on a link: its
// own, or that of a segment.
func (m *Mbuf) Longest() int {
	if m.olFlags&olOffload == 0 || m.vnet.GSOType == 0 {
		return int(m.pktLen)
	}
	return min(int(m.pktLen), m.Headers()+int(m.vnet.GSOSize))
}

// Segments is how many frames m is on a link.
func (m *Mbuf) Segments() int {
	if m.olFlags&olOffload == 0 || m.vnet.GSOType == 0 {
		return 1
	}
	size := int(m.vnet.GSOSize)
	return max(1, (int(m.pktLen)-m.Headers()+size-1)/size)
}

// Verified reports that the checksum above IP was found right by whoever gave
// us the frame.
func (m *Mbuf) Verified() bool { return m.olFlags&olL4Mask == olL4Good }

// SetVerified says so.
func (m *Mbuf) SetVerified() { m.olFlags = m.olFlags&^olL4Mask | olL4Good }

// Plain reports that neither Offload nor Verified holds.
func (m *Mbuf) Plain() bool { return m.olFlags&(olOffload|olL4Good) == 0 }

// copyOffload gives m what is known of o's checksum and segments.
func (m *Mbuf) copyOffload(o *Mbuf) {
	if known := o.olFlags & (olOffload | olL4Mask); known != 0 {
		m.olFlags |= known
		m.vnet, m.txOffload = o.vnet, o.txOffload
	}
}

// shiftHeaders notes that n bytes came in front of the frame, or went.
func (m *Mbuf) shiftHeaders(n int) {
	if m.olFlags&olOffload == 0 {
		return
	}
	m.vnet.CsumStart += uint16(n)
	m.vnet.HdrLen += uint16(n)
	if m.vnet.GSOType != 0 {
		m.txOffload = m.txOffload&^0x7f | (m.txOffload+uint64(n))&0x7f
	}
}

// SetTxOffload makes m a frame that a NIC finishes, as DPDK has it
// (rte_mbuf_core.h): the lengths of its headers in bytes by layer, and the
// payload of a segment, 0 for a checksum only. headerSum: see HeaderSum.
func (m *Mbuf) SetTxOffload(l2, l3, l4, size int, v6, udp, headerSum bool) {
	flags := olTxIPv4
	if v6 {
		flags = olTxIPv6
	}
	switch {
	case size > 0 && udp:
		flags |= olTxUDPSeg | olTxUDPSum
	case size > 0:
		flags |= olTxTCPSeg | olTxTCPSum
	case udp:
		flags |= olTxUDPSum
	default:
		flags |= olTxTCPSum
	}
	if size > 0 && !v6 && headerSum {
		flags |= olTxIPSum
	}
	m.olFlags = m.olFlags&^olOffload | flags
	m.setHeaders(l2, l3, l4, size)
}

package rawip

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

const (
	etherLen   = 14
	ipv4MinLen = 20
	ipv6Len    = 40
	maxIPv4    = 65535
	maxFrame   = etherLen + ipv6Len + 65535 // the longest IPv6 packet that is no jumbogram

	etherIPv4, etherIPv6 = 0x0800, 0x86dd
)

// errMalformed is what no raw socket gives for a packet.
const errMalformed = unix.EBADMSG

// ipHeader is the part of an IP packet that decides where it goes.
type ipHeader struct {
	v6       bool
	len      int    // of the packet, without what pads the frame
	tos      byte   // or traffic class
	src, dst []byte // 4 or 16 bytes
	device   uint32 // IPv6: index of the interface whose routes come first
}

// parse reads the headers of the frame m, which must lie in its first segment.
func parse(m *pmd.Mbuf) (h ipHeader, errno syscall.Errno) {
	f := m.Data()
	if len(f) < etherLen+ipv4MinLen {
		return h, errMalformed
	}
	ip := f[etherLen:]
	switch binary.BigEndian.Uint16(f[12:]) {
	case etherIPv4:
		h = ipHeader{len: int(binary.BigEndian.Uint16(ip[2:])), tos: ip[1], src: ip[12:16], dst: ip[16:20]}
		headerLen := int(ip[0]&15) * 4
		// The kernel would fill in a source of zero.
		if ip[0]>>4 != 4 || headerLen < ipv4MinLen || h.len < headerLen || [4]byte(h.src) == [4]byte{} {
			return h, errMalformed
		}
	case etherIPv6:
		if len(ip) < ipv6Len || ip[0]>>4 != 6 {
			return h, errMalformed
		}
		h = ipHeader{
			v6: true, len: ipv6Len + int(binary.BigEndian.Uint16(ip[4:])),
			tos: ip[0]<<4 | ip[1]>>4, src: ip[8:24], dst: ip[24:40],
		}
	default:
		return h, errMalformed
	}
	if h.len > m.Len()-etherLen {
		return h, errMalformed
	}
	if m.Segs() > maxSegs {
		return h, unix.EMSGSIZE
	}
	return h, 0
}

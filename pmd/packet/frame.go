package packet

import (
	"encoding/binary"

	"ipvd/pmd"
)

// Offsets in struct virtio_net_hdr, and its flag that a checksum is missing
// (virtio 1.1, section 5.1.6). Its numbers are in the machine's order.
const (
	flags, gsoType, csumStart, csumOffset = 0, 1, 6, 8

	needsCsum = 1
)

// complete computes a checksum over all from start on and writes it offset bytes
// behind. Its field holds the sum of the pseudo header. A frame too short for
// that stays as it is: its receiver will see that it is wrong.
func complete(m *pmd.Mbuf, start, offset int) {
	at := start + offset
	if start > m.DataLen() || at+2 > m.DataLen() {
		return
	}
	sum, odd := uint32(0), false
	skip := start
	for s := m; s != nil; s = s.Next() {
		for _, b := range s.Data()[skip:] {
			if odd {
				sum += uint32(b)
			} else {
				sum += uint32(b) << 8
			}
			odd = !odd
		}
		skip = 0
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	sum ^= 0xffff
	if sum == 0 {
		sum = 0xffff // 0 means in UDP that there is none, and is the same elsewhere
	}
	binary.BigEndian.PutUint16(m.Data()[at:], uint16(sum))
}

// insertTag puts a VLAN tag where the kernel took it from.
func insertTag(m *pmd.Mbuf, tpid, tci uint16) {
	if !m.Prepend(tagLen) { // a fresh mbuf has the headroom
		return
	}
	b := m.Data()
	copy(b, b[tagLen:tagLen+macsLen])
	binary.BigEndian.PutUint16(b[macsLen:], tpid)
	binary.BigEndian.PutUint16(b[macsLen+2:], tci)
}

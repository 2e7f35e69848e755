package peertest

import (
	"encoding/binary"

	"ipvd/pmd"
)

const etherLen, ipLen, tcpLen = 14, 20, 20

// TCP is a frame with n bytes of payload whose checksum is to be completed and that
// stands for segments of size bytes, or with 0 for itself.
func TCP(n, size int) ([]byte, pmd.VnetHdr) {
	f := make([]byte, etherLen+ipLen+tcpLen+n)
	copy(f, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45})
	ip, tcp := f[etherLen:], f[etherLen+ipLen:]
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[8:], []byte{64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(ip[10:], ^fold(ip[:ipLen], 0))
	tcp[12] = tcpLen / 4 << 4
	tcp[13] = 0x10 // ACK
	for i := range tcp[tcpLen:] {
		tcp[tcpLen+i] = byte(i)
	}
	binary.BigEndian.PutUint16(tcp[16:], fold(ip[12:ipLen], uint32(6+len(tcp))))
	h := pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, CsumStart: etherLen + ipLen, CsumOffset: 16}
	if size > 0 {
		h.GSOType, h.GSOSize, h.HdrLen = pmd.VnetTCPv4, uint16(size), etherLen+ipLen+tcpLen
	}
	return f, h
}

// GoodTCP reports that both checksums of such a frame are right.
func GoodTCP(f []byte) bool {
	ip, tcp := f[etherLen:], f[etherLen+ipLen:]
	return fold(ip[:ipLen], 0) == 0xffff && fold(tcp, uint32(fold(ip[12:ipLen], uint32(6+len(tcp))))) == 0xffff
}

// fold is the sum of b and acc in ones' complement.
func fold(b []byte, acc uint32) uint16 {
	for i, c := range b {
		if i%2 == 0 {
			acc += uint32(c) << 8
		} else {
			acc += uint32(c)
		}
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

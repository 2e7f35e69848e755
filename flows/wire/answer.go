package wire

import "encoding/binary"

// AdvertisementLen is the length of the frame that AnswerSolicitation makes, in
// bytes.
const AdvertisementLen = EthernetLen + IPv6Len + NSLen + ndMACOption

const (
	ndHopLimit  = 255 // RFC 4861, section 7.1
	ndMACOption = 8   // bytes of a link-layer address option
	ndFlags     = 4

	naSolicited = 0x40
	naOverride  = 0x20
)

// AnswerARP makes frame, which has an ARP request in it, the reply of the station
// that has the target's address and this MAC.
func AnswerARP(frame Ethernet, mac MAC) {
	a := ARP(frame.Payload())
	asker, target := [10]byte(a[arpSHA:]), [4]byte(a[arpTPA:])
	binary.BigEndian.PutUint16(a[arpOp:], ARPReply)
	copy(a[arpSHA:], mac[:])
	copy(a[arpSPA:], target[:])
	copy(a[arpTHA:], asker[:])
	frame.SetDst(frame.Src())
	frame.SetSrc(mac)
}

// AnswerSolicitation makes frame, which has a neighbour solicitation without
// extension headers in it, the advertisement of the station that has the target's
// address and this MAC. A probe is answered to all nodes (RFC 4861, section
// 7.2.4). The frame must have AdvertisementLen bytes.
func AnswerSolicitation(frame Ethernet, mac MAC) {
	p := IPv6(frame.Payload())
	m := ND(p[IPv6Len:])
	flags := byte(naOverride)
	if hi, lo := p.Src(); hi|lo == 0 {
		binary.BigEndian.PutUint64(p[ipv6Dst:], 0xff02<<48)
		binary.BigEndian.PutUint64(p[ipv6Dst+8:], 1)
		frame.SetDst(MAC{0x33, 0x33, 0, 0, 0, 1})
	} else {
		flags |= naSolicited
		copy(p[ipv6Dst:], p[ipv6Src:ipv6Dst])
		frame.SetDst(frame.Src())
	}
	frame.SetSrc(mac)
	copy(p[ipv6Src:ipv6Dst], m[ndTarget:ndTarget+16])
	m[icmpType] = NDNeighborAdvert
	binary.BigEndian.PutUint32(m[ndFlags:], uint32(flags)<<24)
	opt := m[NSLen : NSLen+ndMACOption]
	opt[0], opt[1] = NDOptTargetMAC, 1
	copy(opt[2:], mac[:])
	m = m[:NSLen+ndMACOption]
	binary.BigEndian.PutUint16(p[ipv6PayloadLen:], uint16(len(m)))
	m.SetSum(0)
	m.SetSum(^Fold(Sum(m, PseudoSum6(p, ProtoICMPv6, len(m)))))
}

package wire

// Question asks for the MAC address of an IP address: an ARP request (RFC 826), or
// a neighbour solicitation (RFC 4861, section 4.3). Answer makes the frame that
// it is in the answer.
type Question struct {
	frame  Ethernet
	v4     uint32 // the address asked for, if arp
	hi, lo uint64 // else
	arp    bool
	// Probe says that it comes from a station which has no address yet and wants to
	// know whether somebody has this one (RFC 5227, section 2.1.1; RFC 4862,
	// section 5.4.2).
	Probe bool
}

// ParseQuestion gives the question in an untagged frame, all of which is there;
// false when there is none that a station answers: the checks are those of RFC
// 4861, section 7.1.1, but for the checksum, and a solicitation is to a solicited-node
// address or to the target. An ARP announcement asks nothing (RFC
// 5227, section 2.3).
func ParseQuestion(b Ethernet) (q Question, ok bool) {
	if b.Src().Group() {
		return q, false
	}
	switch b.Type() {
	case TypeARP:
		a, ok := ParseARP(b.Payload())
		if !ok || !a.Ethernet() || a.Op() != ARPRequest || a.SenderIP() == a.TargetIP() || a.SenderMAC().Group() {
			return q, false
		}
		return Question{frame: b, v4: a.TargetIP(), arp: true, Probe: a.SenderIP() == 0}, true
	case TypeIPv6:
		return solicitation(b)
	}
	return q, false
}

func solicitation(b Ethernet) (q Question, ok bool) {
	p, ok := ParseIPv6(b.Payload())
	if !ok || p.Next() != ProtoICMPv6 || p.HopLimit() != ndHopLimit || len(p) < IPv6Len+p.PayloadLen() {
		return q, false
	}
	m, ok := ParseND(p.Payload())
	if !ok || m.Type() != NDNeighborSolicit || ICMP(m).Code() != 0 || p[ipv6Src] == 0xff || m[ndTarget] == 0xff {
		return q, false
	}
	hi, lo := p.Src()
	q = Question{frame: b, Probe: hi|lo == 0}
	q.hi, q.lo = m.Target()
	toTarget := false
	if hi, lo := p.Dst(); !q.Probe {
		toTarget = hi == q.hi && lo == q.lo
	}
	if !toTarget && !solicitedNode(p) {
		return Question{}, false
	}
	return q, true
}

// solicitedNode reports that p is for a solicited-node address (RFC 4291, section
// 2.7.1).
func solicitedNode(p IPv6) bool {
	hi, lo := p.Dst()
	return hi == 0xff02<<48 && lo>>24 == 1<<8|0xff
}

// Addr4 is the IPv4 address that an ARP request asks for.
func (q Question) Addr4() (a uint32, ok bool) { return q.v4, q.arp }

// Addr6 is the IPv6 address that a neighbour solicitation asks for.
func (q Question) Addr6() (hi, lo uint64, ok bool) { return q.hi, q.lo, !q.arp }

// LinkLocal reports an IPv6 address in fe80::/10 (RFC 4291, section 2.5.6).
func (q Question) LinkLocal() bool { return !q.arp && q.hi>>54 == 0xfe80>>6 }

// Sound reports that the checksum is right; ARP has none.
func (q Question) Sound() bool {
	if q.arp {
		return true
	}
	p := IPv6(q.frame.Payload())
	b := p.Payload()
	return Fold(Sum(b, PseudoSum6(p, ProtoICMPv6, len(b)))) == 0xffff
}

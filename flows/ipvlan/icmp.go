package ipvlan

import (
	"encoding/binary"

	"ipvd/flows"
	"ipvd/flows/route"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// complaint is an ICMP error.
type complaint uint8

// The complaints.
const (
	netUnreachable complaint = iota
	hostUnreachable
	addrUnreachable // its neighbour does not answer
	prohibited
	tooBig
)

// code4 and code6 are type and code of a complaint (RFC 792; RFC 1812, section
// 5.2.7.1; RFC 4443, section 3).
func (c complaint) code4() (typ, code byte) {
	return wire.ICMPUnreachable, [...]byte{netUnreachable: 0, hostUnreachable: 1, addrUnreachable: 1, prohibited: 13, tooBig: 4}[c]
}

func (c complaint) code6() (typ, code byte) {
	if c == tooBig {
		return wire.ICMPv6TooBig, 0
	}
	return wire.ICMPv6Unreachable, [...]byte{netUnreachable: 0, hostUnreachable: 0, addrUnreachable: 3, prohibited: 1}[c]
}

const (
	// errorsPerTick is how many errors a slave is sent in a quarter of a second.
	errorsPerTick = 25
	// maxError4 and maxError6 are the longest errors in bytes (RFC 1812, section
	// 4.3.2.3; RFC 4443, section 3).
	maxError4, maxError6 = 576, 1280
)

// noAddress is the source of errors of a host without an IPv4 address: the dummy
// address of RFC 7600, section 4.8, as the kernel has it.
const noAddress = 192<<24 | 8

// errorMaker tells slaves why their packets were dropped. The kernel sends such
// errors to the wire, where nobody has the slave's address. Worker only.
type errorMaker struct {
	*plane
	fib  *route.FIB
	sent []struct{ tick, n uint32 } // by slave
}

func newErrorMaker(p *plane, f *route.FIB) errorMaker {
	return errorMaker{plane: p, fib: f, sent: make([]struct{ tick, n uint32 }, len(p.slaves))}
}

// tell sends slave from an error about m, an IP packet in a frame; mtu is that of
// tooBig, in bytes. m stays the caller's. A slave that gets many gets no more for
// a while, and there are none about errors and fragments (RFC 1122, section 3.2.2;
// RFC 4443, section 2.4).
func (e *errorMaker) tell(from int, m *pmd.Mbuf, c complaint, mtu uint32) {
	frame := wire.Ethernet(m.Data())
	v6 := frame.Type() == wire.TypeIPv6
	if v6 && !mayTell6(wire.IPv6(frame.Payload())) || !v6 && !mayTell4(wire.IPv4(frame.Payload())) || !e.allowed(from) {
		return
	}
	out := e.vec.Alloc()
	if out == nil {
		return
	}
	ok := false
	if v6 {
		ok = e.write6(out, frame.Payload(), c, mtu)
	} else {
		ok = e.write4(out, frame.Payload(), c, mtu)
	}
	var b flows.Burst
	if ok {
		b, ok = e.vec.Append(out)
	}
	if !ok {
		e.vec.Drop(out)
		return
	}
	e.slaves[from].counters[icmpError].Add(1)
	e.slaves[from].out.Push(b)
}

// allowed counts the errors of a tick.
func (e *errorMaker) allowed(from int) bool {
	s, now := &e.sent[from], e.fib.Now()
	if s.tick != now {
		s.tick, s.n = now, 0
	}
	if s.n >= errorsPerTick {
		return false
	}
	s.n++
	return true
}

// mayTell4 reports a packet that errors are sent about.
func mayTell4(p wire.IPv4) bool {
	if p.FragmentOffset() != 0 || !station(byte(p.Src()>>24)) {
		return false
	}
	if p.Proto() != wire.ProtoICMP {
		return true
	}
	m, ok := wire.ParseICMP(p.Payload())
	return ok && (m.Type() == wire.ICMPEcho || m.Type() == wire.ICMPEchoReply)
}

func mayTell6(p wire.IPv6) bool {
	if hi, lo := p.Src(); hi>>56 == 0xff || hi|lo == 0 {
		return false
	}
	proto, b, ok := p.Upper()
	return !ok || proto != wire.ProtoICMPv6 || len(b) > 0 && b[0] >= 128
}

// write4 makes out the error about IPv4 packet p.
func (e *errorMaker) write4(out *pmd.Mbuf, p wire.IPv4, c complaint, mtu uint32) bool {
	const head = wire.IPv4Len + wire.ICMPLen
	quote := p[:min(len(p), p.TotalLen(), maxError4-head)]
	if !out.SetLen(wire.EthernetLen + head + len(quote)) {
		return false
	}
	frame := wire.Ethernet(out.Data())
	frame.SetDst(e.mac)
	frame.SetSrc(e.mac)
	frame.SetType(wire.TypeIPv4)
	b := frame.Payload()
	clear(b[:head])
	b[0], b[1], b[8], b[9] = 4<<4|wire.IPv4Len/4, 0xc0, 64, wire.ProtoICMP
	binary.BigEndian.PutUint16(b[2:], uint16(head+len(quote)))
	src := e.fib.Sources().V4
	if src == 0 {
		src = noAddress
	}
	binary.BigEndian.PutUint32(b[12:], src)
	binary.BigEndian.PutUint32(b[16:], p.Src())
	binary.BigEndian.PutUint16(b[10:], wire.Checksum(b[:wire.IPv4Len]))
	icmp := b[wire.IPv4Len:]
	icmp[0], icmp[1] = c.code4()
	if c == tooBig {
		binary.BigEndian.PutUint16(icmp[6:], uint16(mtu))
	}
	copy(icmp[wire.ICMPLen:], quote)
	binary.BigEndian.PutUint16(icmp[2:], wire.Checksum(icmp))
	return true
}

// minMTU6 is the least MTU of a link that carries IPv6 (RFC 8200, section 5).
const minMTU6 = 1280

// write6 makes out the error about IPv6 packet p; false when the host port has no
// address to send it from.
func (e *errorMaker) write6(out *pmd.Mbuf, p wire.IPv6, c complaint, mtu uint32) bool {
	const head = wire.IPv6Len + wire.ICMPLen
	src := e.fib.Sources().V6
	quote := p[:min(len(p), wire.IPv6Len+p.PayloadLen(), maxError6-head)]
	if src == [16]byte{} || !out.SetLen(wire.EthernetLen+head+len(quote)) {
		return false
	}
	frame := wire.Ethernet(out.Data())
	frame.SetDst(e.mac)
	frame.SetSrc(e.mac)
	frame.SetType(wire.TypeIPv6)
	b := wire.IPv6(frame.Payload())
	clear(b[:head])
	b[0], b[6], b[7] = 6<<4, wire.ProtoICMPv6, 64
	binary.BigEndian.PutUint16(b[4:], uint16(wire.ICMPLen+len(quote)))
	copy(b[8:], src[:])
	copy(b[24:40], p[8:24])
	icmp := b[wire.IPv6Len:]
	icmp[0], icmp[1] = c.code6()
	if c == tooBig {
		binary.BigEndian.PutUint32(icmp[4:], max(mtu, minMTU6))
	}
	copy(icmp[wire.ICMPLen:], quote)
	sum := ^wire.Fold(wire.Sum(icmp, wire.PseudoSum6(b, wire.ProtoICMPv6, len(icmp))))
	binary.BigEndian.PutUint16(icmp[2:], sum)
	return true
}

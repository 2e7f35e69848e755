package compare

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// The rules of this file are about packets whose headers do not say what is
// there.

// truncated: the driver counts the Ethernet header of a slave's frame when it
// looks whether headers are there, and so reads behind the frame's end.
func truncated(s situation, _ Side, e Entry) bool {
	f := s.stimulus()
	if f == nil || !isSlave(s.step.At) {
		return false
	}
	need := map[uint16]int{wire.TypeIPv4: wire.IPv4Len, wire.TypeIPv6: wire.IPv6Len, wire.TypeARP: wire.ARPLen}[f.Type()]
	if p, ok := wire.ParseIPv6(f.Payload()); ok && f.Type() == wire.TypeIPv6 && unconfirmed(p) {
		need = wire.IPv6Len + wire.NSLen
	}
	return len(f.Payload()) < need && (e.Kind == Arrived || e.Kind == Reached || e.Kind == Failed)
}

// unconfirmed reports ICMPv6 from the unspecified address.
func unconfirmed(p wire.IPv6) bool {
	hi, lo := p.Src()
	return hi|lo == 0 && p.Next() == wire.ProtoICMPv6
}

// leaves reports an entry by which a slave's packet has passed the host's output
// path.
func (s situation) leaves(e Entry) bool {
	return s.mode != "l2" && isSlave(s.step.At) && (e.Kind == Arrived && e.Port == scenario.Wire || e.Kind == Socket && e.Port == scenario.Host)
}

// malformed: the host's output path writes the right length into what slaves
// send, and does not look at the version.
func malformed(s situation, side Side, e Entry) bool {
	f := s.stimulus()
	if f == nil || side != Kernel || !s.leaves(e) {
		return false
	}
	switch b := f.Payload(); f.Type() {
	case wire.TypeIPv4:
		_, ok := wire.ParseIPv4(b, len(b))
		return !ok
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(b)
		return !ok || p.PayloadLen() > len(b)-wire.IPv6Len
	}
	return false
}

// oddSource: a raw socket would put the host's address in the place of a source
// of zero, and takes no IPv4-mapped one.
func oddSource(s situation, side Side, e Entry) bool {
	src, _, ok := s.ends()
	return ok && s.mode == "l3" && side == Kernel && s.leaves(e) && (src == netip.IPv4Unspecified() || src.Is4In6())
}

// lengthened is a frame whose packet is as long as the frame is.
func lengthened(f wire.Ethernet) wire.Ethernet {
	e := wire.Ethernet(bytes.Clone(f))
	switch b := e.Payload(); {
	case e.Type() == wire.TypeIPv4 && len(b) >= wire.IPv4Len:
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	case e.Type() == wire.TypeIPv6 && len(b) >= wire.IPv6Len:
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-wire.IPv6Len))
	}
	return e
}

// padding: what stands behind a slave's packet leaves as a part of it by the
// kernel, whose output path takes the length from the frame, and does not by
// ipvd.
func padding(s situation, side Side, e Entry) bool {
	if !s.leaves(e) {
		return false
	}
	extra := 0
	if p, ok := s.packet4(); ok {
		extra = len(p) - p.TotalLen()
	} else if p, ok := s.packet6(); ok {
		extra = len(p) - wire.IPv6Len - p.PayloadLen()
	}
	if extra <= 0 {
		return false
	}
	sent := s.stimulus()
	if e.Kind == Socket {
		return true
	}
	whole := len(e.Frame) == len(sent) && bytes.Equal(e.Frame[len(sent)-extra:], steady(lengthened(sent))[len(sent)-extra:])
	return side == Kernel && whole || side == Ours && len(e.Frame) == len(sent)-extra
}

package ipvlan

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"ipvd/flows/wire"
	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// packet is what a test builds a frame of a flow from.
type packet struct {
	Tuple
	ttl, tos uint8
	id       uint16 // IPv4; the sequence number of TCP
	flags    uint8  // TCP
	data     []byte
}

func tupleOf(proto uint8, src, dst string) Tuple {
	return Tuple{Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst), Proto: proto}
}

// frame is the packet in a frame, with right checksums.
func (p packet) frame(dst, src wire.MAC) []byte {
	u := p.upper()
	if p.Src.Addr().Is4() {
		b := ip4Len(wire.IPv4Len+len(u), p.Src.Addr().String(), p.Dst.Addr().String(), func(b []byte) {
			b[1], b[8], b[9] = p.tos, p.ttl, p.Proto
			binary.BigEndian.PutUint16(b[4:], p.id)
		})
		copy(b[wire.IPv4Len:], u)
		p.seal(b[wire.IPv4Len:], wire.PseudoSum4(b, p.Proto, len(u)))
		return ether(dst, src, wire.TypeIPv4, b)
	}
	b := ip6(p.Src.Addr().String(), p.Dst.Addr().String(), p.Proto, u)
	b[0] |= p.tos >> 4
	b[1], b[7] = p.tos<<4, p.ttl
	p.seal(b[wire.IPv6Len:], wire.PseudoSum6(b, p.Proto, len(u)))
	return ether(dst, src, wire.TypeIPv6, b)
}

// upper is the header above IP, without a checksum, and the data.
func (p packet) upper() []byte {
	b := make([]byte, wire.UDPLen, wire.TCPLen+len(p.data))
	if p.Proto == wire.ProtoTCP {
		b = b[:wire.TCPLen]
		binary.BigEndian.PutUint32(b[4:], uint32(p.id)*1000)
		b[12], b[13] = 5<<4, p.flags|wire.TCPAck
	} else {
		binary.BigEndian.PutUint16(b[4:], uint16(wire.UDPLen+len(p.data)))
	}
	binary.BigEndian.PutUint16(b, p.Src.Port())
	binary.BigEndian.PutUint16(b[2:], p.Dst.Port())
	return append(b, p.data...)
}

func (p packet) seal(u []byte, pseudo uint64) {
	at := sumUDP
	if p.Proto == wire.ProtoTCP {
		at = sumTCP
	}
	binary.BigEndian.PutUint16(u[at:], ^wire.Fold(wire.Sum(u, pseudo)))
}

// as is the packet with another tuple.
func (p packet) as(t Tuple) packet {
	p.Tuple = t
	return p
}

// unfinished is the packet's frame with its checksum left to the device.
func (p packet) unfinished(dst, src wire.MAC, size int) pmdtest.Frame {
	b := p.frame(dst, src)
	start, at, pseudo := atIP+wire.IPv4Len, sumUDP, uint64(0)
	f := pmdtest.Frame{Bytes: b, Vnet: pmd.VnetHdr{Flags: pmd.VnetNeedsCsum}}
	n := len(b) - start
	if p.Src.Addr().Is4() {
		pseudo = wire.PseudoSum4(b[atIP:], p.Proto, n)
	} else {
		start = atIP + wire.IPv6Len
		n = len(b) - start
		pseudo = wire.PseudoSum6(b[atIP:], p.Proto, n)
	}
	if p.Proto == wire.ProtoTCP {
		at = sumTCP
		f.Vnet.GSOType = pmd.VnetTCPv4
		if p.Src.Addr().Is6() {
			f.Vnet.GSOType = pmd.VnetTCPv6
		}
	} else {
		f.Vnet.GSOType = pmd.VnetUDP
	}
	if f.Vnet.GSOSize = uint16(size); size == 0 {
		f.Vnet.GSOType = 0
	}
	binary.BigEndian.PutUint16(b[start+at:], wire.Fold(pseudo))
	f.Vnet.CsumStart, f.Vnet.CsumOffset = uint16(start), uint16(at)
	return f
}

// translation is a flow that slave 1 has with a station on the wire, and what the
// host makes of it: packets arrive as orig and reply and leave as what the other of
// them answers.
type translation struct {
	name        string
	orig, reply Tuple
	fromSlave   bool // orig is
}

// translations are flows of both protocols and families, as they are and translated.
func translations() (all []translation) {
	for _, proto := range []uint8{wire.ProtoTCP, wire.ProtoUDP} {
		for _, v := range []struct{ name, slave, world, host, other string }{
			{"IPv4", "10.0.0.11", "192.0.2.9", "10.0.0.1", "10.0.0.77"}, {"IPv6", "[fd00::11]", "[2001:db8::9]", "[fd00::1]", "[fd00::77]"}} {
			name := map[uint8]string{wire.ProtoTCP: "TCP over ", wire.ProtoUDP: "UDP over "}[proto] + v.name
			t := func(src, dst string) Tuple { return tupleOf(proto, src, dst) }
			all = append(all,
				translation{name + ", as it is", t(v.slave+":1000", v.world+":53"), t(v.world+":53", v.slave+":1000"), true},
				translation{name + ", masquerade", t(v.slave+":1000", v.world+":53"), t(v.world+":53", v.host+":40001"), true},
				translation{name + ", masquerade of the port alone", t(v.slave+":1000", v.world+":53"), t(v.world+":53", v.slave+":40001"), true},
				translation{name + ", to a slave's port", t(v.world+":777", v.host+":80"), t(v.slave+":8080", v.world+":777"), false},
				translation{name + ", both addresses", t(v.slave+":1000", v.other+":53"), t(v.world+":5353", v.host+":40001"), true})
		}
	}
	return all
}

// newFlowLab has slave 1 with a flow in the table.
func newFlowLab(t testing.TB, tr translation, opts ...option) *lab {
	t.Helper()
	l := newLabOf(t, pmdtest.PortOptions{Caps: pmd.Caps{Offloads: allOffloads}}, L3S, Bridge, 2,
		append(opts, with(func(m *Master) { m.Flows = NewFlowTable() }))...)
	l.addFlow(tr)
	return l
}

func (l *lab) addFlow(tr translation) FlowID {
	l.t.Helper()
	id, err := l.m.Flows.Add(tr.orig, tr.reply, tr.fromSlave, !tr.fromSlave)
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

// ways are the flow's directions: from the slave, and to it, as packets arrive and
// as they leave.
func (tr translation) ways() (out, in [2]Tuple) {
	out, in = [2]Tuple{tr.orig, tr.reply.back()}, [2]Tuple{tr.reply, tr.orig.back()}
	if !tr.fromSlave {
		out, in = in, out
	}
	return out, in
}

// macHop is the next hop's.
var macHop = wire.MAC{2, 0, 0, 0, 0, 0xfe}

// way is one direction of a flow in a lab: where its packets come from and go to,
// and where the host is given them and sends them on.
type way struct {
	l                     *lab
	in, out               Tuple
	from, to, host, again string
	hop                   wire.MAC
}

func (l *lab) way(tr translation, fromSlave bool) *way {
	out, in := tr.ways()
	if fromSlave {
		return &way{l, out[0], out[1], "S1", "WIRE", "RETURN", "HOST", macHop}
	}
	return &way{l, in[0], in[1], "WIRE", "S1", "HOST", "RETURN", macM}
}

// given is a packet as it comes.
func (w *way) given(p packet) []byte {
	if w.from == "S1" {
		return p.as(w.in).frame(macM, macM)
	}
	return p.as(w.in).frame(macM, macHop)
}

// forwarded is a packet as the host sends it on.
func (w *way) forwarded(p packet) []byte {
	if w.from == "S1" {
		return p.as(w.out).frame(w.hop, macM)
	}
	p.ttl--
	return p.as(w.out).frame(macX, macReturn)
}

// wanted is a packet as whoever it is for must get it.
func (w *way) wanted(p packet) []byte { return p.as(w.out).frame(w.hop, macM) }

// goes sends a packet and wants it at a port.
func (w *way) goes(p packet, at string) [][]byte {
	w.l.t.Helper()
	got, sent := w.l.send(w.from, w.given(p))
	if got != at {
		w.l.t.Fatalf("%v: the packet goes to %q, want %q", w.in, got, at)
	}
	return sent[at]
}

// returns lets the host send a packet on.
func (w *way) returns(p packet) {
	w.l.t.Helper()
	got, sent := w.l.send(w.again, w.forwarded(p))
	if got != w.to || !bytes.Equal(sent[w.to][0], w.wanted(p)) {
		w.l.t.Fatalf("%v: what the host sends on goes to %q as\n% x\nwant %q\n% x", w.in, got, sent[got], w.to, w.wanted(p))
	}
}

// opens takes a packet through the host, so that the shortcut can be opened.
func (w *way) opens(p packet) {
	w.l.t.Helper()
	w.goes(p, w.host)
	w.returns(p)
}

// some is a packet with data of n bytes.
func some(id uint16, n int) packet {
	return packet{ttl: 64, id: id, data: bytes.Repeat([]byte{byte(id), byte(id >> 8), 3}, n)[:n]}
}

// both runs f for each direction of each translation.
func both(t *testing.T, f func(t *testing.T, w *way)) {
	for _, tr := range translations() {
		for name, fromSlave := range map[string]bool{", from the slave": true, ", to the slave": false} {
			t.Run(tr.name+name, func(t *testing.T) { f(t, newFlowLab(t, tr).way(tr, fromSlave)) })
		}
	}
}

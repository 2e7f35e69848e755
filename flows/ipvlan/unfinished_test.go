package ipvlan

import (
	"bytes"
	"encoding/binary"
	"testing"

	"ipvd/flows/wire"
	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

const allOffloads = pmd.Checksum | pmd.TSO | pmd.USO

// unfinished is frame, of UDP over IPv4, as a slave's kernel hands it over: the
// checksum is left to the device and, with a size, so is cutting it into
// datagrams.
func unfinished(frame []byte, size int) pmdtest.Frame {
	const start = wire.EthernetLen + wire.IPv4Len
	b := bytes.Clone(frame)
	p, _ := wire.ParseIPv4(b[wire.EthernetLen:], len(b)-wire.EthernetLen)
	binary.BigEndian.PutUint16(b[start+4:], uint16(len(b)-start))
	binary.BigEndian.PutUint16(b[start+6:], wire.Fold(wire.PseudoSum4(p, wire.ProtoUDP, len(b)-start)))
	f := pmdtest.Frame{Bytes: b, Vnet: pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, CsumStart: start, CsumOffset: 6}}
	if size > 0 {
		f.Vnet.GSOType, f.Vnet.GSOSize = pmd.VnetUDP, uint16(size)
	}
	return f
}

// completed is f with its checksum, as whoever receives it would see it.
func completed(f pmdtest.Frame) []byte {
	b := bytes.Clone(f.Bytes)
	if f.Vnet.Flags&pmd.VnetNeedsCsum != 0 {
		binary.BigEndian.PutUint16(b[f.Vnet.CsumStart+f.Vnet.CsumOffset:], wire.Checksum(b[f.Vnet.CsumStart:]))
	}
	return b
}

// newOffloadLab has slaves and a host port that take unfinished frames, and a
// wire that does not.
func newOffloadLab(t *testing.T, mode Mode, slaves int) *lab {
	kind := pmdtest.PortOptions{Caps: pmd.Caps{Offloads: allOffloads}}
	return newLabOf(t, kind, mode, Bridge, slaves, func(l *lab) {
		l.kind.Caps.Offloads = 0
		l.m.Wire = l.port("WIRE")
	})
}

// injectUnfinished is inject.
func (l *lab) injectUnfinished(at string, f pmdtest.Frame) {
	l.t.Helper()
	l.ports[at].InjectUnfinished(0, f)
	l.inject(at)
}

func TestUnfinishedFramesReachSiblingsAsTheyAre(t *testing.T) {
	for _, mode := range []Mode{L2, L3, L3S} {
		l := newOffloadLab(t, mode, 2)
		f := unfinished(ether(macM, macM, wire.TypeIPv4, ip4Len(60000, "10.0.0.11", "10.0.0.12")), 1400)
		l.injectUnfinished("S1", f)
		if got := l.ports["S2"].SentUnfinished(0); len(got) != 1 || !bytes.Equal(got[0].Bytes, f.Bytes) || got[0].Vnet != f.Vnet {
			t.Errorf("%v: %d frames came, want the one that was sent, as it was", mode, len(got))
		}
	}
}

func TestUnfinishedFramesReachAWireInSegments(t *testing.T) {
	l := newOffloadLab(t, L2, 2)
	f := unfinished(ether(macW, macM, wire.TypeIPv4, ip4Len(28+10*1400, "10.0.0.11", "10.0.0.254")), 1400)
	before := l.st.Account()
	l.injectUnfinished("S1", f)
	got := l.ports["WIRE"].SentUnfinished(0)
	if len(got) != 10 {
		t.Fatalf("%d frames came, want 10", len(got))
	}
	for i, g := range got {
		if p := f.Bytes[42+1400*i:][:1400]; !bytes.Equal(g.Bytes[42:], p) || g.Vnet != (pmd.VnetHdr{}) {
			t.Errorf("segment %d is not that of the frame", i)
		}
	}
	a := l.st.Account()
	if a.Received-before.Received != 1 || a.Copied-before.Copied != 9 || a.Delivered-before.Delivered != 10 {
		t.Errorf("account %+v, want 1 received, 9 copied, 10 delivered", a)
	}
}

func TestABroadcastArrivesEqualOnEveryKindOfPort(t *testing.T) {
	l := newOffloadLab(t, L2, 3)
	f := unfinished(ether(macAll, macM, wire.TypeIPv4, ip4Len(500, "10.0.0.11", "10.0.0.255")), 0)
	want := completed(f)
	l.injectUnfinished("S1", f)
	for at, vnet := range map[string]pmd.VnetHdr{"S2": f.Vnet, "S3": f.Vnet, "WIRE": {}} {
		got := l.ports[at].SentUnfinished(0)
		if len(got) != 1 || !bytes.Equal(completed(got[0]), want) || got[0].Vnet != vnet {
			t.Errorf("%s: got %d frames, want one equal to the others", at, len(got))
		}
	}
}

func TestWhatBecomesTooLongIsNotDelivered(t *testing.T) {
	l := newOffloadLab(t, L2, 3)
	for _, dst := range []wire.MAC{macM, macAll} {
		f := unfinished(ether(dst, macM, wire.TypeIPv4, ip4Len(28+2*1500, "10.0.0.11", "10.0.0.12")), 1500)
		l.injectUnfinished("S1", f)
		if got := l.ports["S2"].SentUnfinished(0); got != nil {
			t.Errorf("%v: a frame came that becomes one of 1542 bytes", dst)
		}
	}
	if n := dropped(l.m.Slaves[1].Counters, TooLong); n != 2 {
		t.Errorf("%d frames dropped as too long, want 2", n)
	}
}

func TestANeighbourAdvertisementThatIsUnfinishedIsCorrectedAllTheSame(t *testing.T) {
	l := newOffloadLab(t, L2, 2)
	whole := na("fd00::11", "ff02::1", "fd00::11", macX)
	b := ether(macNodes6, macM, wire.TypeIPv6, whole)
	const start = wire.EthernetLen + wire.IPv6Len
	p, _ := wire.ParseIPv6(b[wire.EthernetLen:])
	binary.BigEndian.PutUint16(b[start+2:], wire.Fold(wire.PseudoSum6(p, wire.ProtoICMPv6, len(b)-start)))
	l.injectUnfinished("S1", pmdtest.Frame{Bytes: b, Vnet: pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, CsumStart: start, CsumOffset: 2}})
	got := l.ports["WIRE"].SentUnfinished(0)
	if want := ether(macNodes6, macM, wire.TypeIPv6, na("fd00::11", "ff02::1", "fd00::11", macM)); len(got) != 1 || !bytes.Equal(got[0].Bytes, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

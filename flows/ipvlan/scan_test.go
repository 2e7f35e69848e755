package ipvlan

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// oddPacket is a UDP packet from slave 1, mostly changed in one or two bytes, of which
// some are followed by a right checksum.
func oddPacket(rnd *rand.Rand, mac wire.MAC) []byte {
	dst := []string{"10.0.0.1", "10.0.0.12", "10.0.0.99", "192.0.2.1", "198.51.100.7", "224.0.0.5", "255.255.255.255"}[rnd.IntN(7)]
	f := ether(mac, macM, wire.TypeIPv4, ip4("10.0.0.11", dst))
	for range rnd.IntN(3) {
		f[rnd.IntN(34)] ^= 1 << rnd.IntN(8)
	}
	if rnd.IntN(2) == 0 {
		f[24], f[25] = 0, 0
		binary.BigEndian.PutUint16(f[24:], wire.Checksum(f[14:34]))
	}
	return f
}

// TestPlainPacketsAreDecidedAsOthers compares what loops decide for plain packets with
// what is decided about one packet.
func TestPlainPacketsAreDecidedAsOthers(t *testing.T) {
	for _, flag := range []Flag{Bridge, Private, VEPA} {
		l := newLab(t, L3, flag, 2, reachable())
		m := l.rt.Pool().Get()
		t.Cleanup(func() { l.rt.Free(m) })
		e := &egressL3{plane: planeOf(l), flag: flag, hosts: l.m.Hosts}
		l.m.Routing = NewRouting()
		f := newForwarder(e, l.m)
		rnd := rand.New(rand.NewPCG(1, uint64(flag)))
		looped, read := 0, 0
		for i := range 20_000 {
			frame := oddPacket(rnd, []wire.MAC{macM, macW}[rnd.IntN(2)])
			m.SetLen(len(frame))
			copy(m.Data(), frame)
			if n, _ := e.onward4([]*pmd.Mbuf{m}, 0); n == 1 {
				looped++
				if got, want := e.sift.verdicts[0], e.verdict(m.Data(), m); got != want {
					t.Fatalf("%v, packet %d: verdict %d, alone %d: % x", flag, i, got, want, frame)
				}
			}
			end, _ := f.read4([]*pmd.Mbuf{m}, 0)
			if want := plainAlone(frame); want != (end == 1) {
				t.Fatalf("%v, packet %d: plain %v, want %v: % x", flag, i, end == 1, want, frame)
			}
			if end == 1 {
				read++
				checkRead(t, f, m)
			}
		}
		if looped < 2000 || read < 2000 {
			t.Errorf("%v: %d of 20000 packets were decided about in a loop, %d read", flag, looped, read)
		}
	}
}

// planeOf is a plane of the lab's master for a stage that is called by hand.
func planeOf(l *lab) (p *plane) {
	l.t.Helper()
	err := l.st.Swap(func(g *flows.Graph) (err error) {
		p, err = newPlane(g, l.m)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// plainAlone is what makes a frame plain for read4, in words of package wire.
func plainAlone(b []byte) bool {
	f := wire.Ethernet(b)
	p, ok := wire.ParseIPv4(f.Payload(), len(b)-wire.EthernetLen)
	return f.Type() == wire.TypeIPv4 && ok && f.Src() == macM && !f.Group() && p.TotalLen() == len(b)-wire.EthernetLen && routable4(p)
}

func checkRead(t *testing.T, f *forwarder, m *pmd.Mbuf) {
	t.Helper()
	f.sources([]*pmd.Mbuf{m}, 0, 1)
	b := m.Data()
	p, q := wire.IPv4(b[wire.EthernetLen:]), &f.routes
	if q.Src[0] != p.Src() || q.Dst[0] != p.Dst() || q.TOS[0] != p.TOS() || f.sift.bytes[0] != uint32(len(b)) {
		t.Fatalf("read %x to %x, TOS %x, %d bytes of % x", q.Src[0], q.Dst[0], q.TOS[0], f.sift.bytes[0], b)
	}
}

// TestTableKnowsItsNetworks: the networks of addresses are in, also after growth, and no
// others.
func TestTableKnowsItsNetworks(t *testing.T) {
	n := newSlots4(0)
	rnd := rand.New(rand.NewPCG(2, 3))
	in := map[uint32]bool{}
	for range 2000 {
		a := rnd.Uint32()
		in[a>>16] = true
		if !n.set4(a, 1) {
			n = n.rehash4()
			n.set4(a, 1)
		}
	}
	for a := range uint32(1 << 16) {
		if has := n.nets.has(a<<16 | 0x1234); has != in[a] {
			t.Fatalf("network %x.%x: has %v, want %v", a>>8, a&0xff, has, in[a])
		}
	}
}

package differential

import (
	"bytes"
	"errors"
	"testing"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/flows/wire"
)

// planted is a predicate on frames, as if a wrong branch answered to it.
type planted func(b []byte) bool

func (p planted) try(candidates [][]byte) ([]bool, error) {
	holds := make([]bool, len(candidates))
	for i, b := range candidates {
		holds[i] = p(b)
	}
	return holds, nil
}

// found are frames of a stream for which p holds.
func found(t *testing.T, p planted) (all [][]byte) {
	t.Helper()
	for _, s := range NewGenerator(9, 0).Draw(30000) {
		if p(s.Frame) && len(all) < 10 {
			all = append(all, s.Frame)
		}
	}
	if len(all) == 0 {
		t.Fatal("no frame of the stream is of this kind")
	}
	return all
}

func ip4(b []byte) (wire.IPv4, bool) {
	e := wire.Ethernet(b)
	p, ok := wire.ParseIPv4(e.Payload(), len(b)-wire.EthernetLen)
	return p, ok && e.Type() == wire.TypeIPv4
}

func TestShrinkFindsTheMinimalFrame(t *testing.T) {
	plain4 := func(change func(h *frame.IPv4)) []byte {
		h := frame.IPv4{Src: wire4, Dst: wire4, Proto: 17}
		change(&h)
		b := frame.Ether(macM, macM, frame.TypeIPv4, h.Packet(nil))
		b[18], b[19] = 0, 0 // the constructor gives an id
		mendSum4(b[14:])
		return b
	}
	for _, c := range []struct {
		name string
		odd  planted
		want []byte
	}{
		{"more fragments", func(b []byte) bool { p, ok := ip4(b); return ok && p[6]&0x20 != 0 },
			plain4(func(h *frame.IPv4) { h.Frag = 0x2000 })},
		{"to s1", func(b []byte) bool { p, ok := ip4(b); return ok && p.Dst() == 0x0a00000b },
			plain4(func(h *frame.IPv4) { h.Dst = s1v4 })},
		{"TTL 1", func(b []byte) bool { p, ok := ip4(b); return ok && p.TTL() == 1 }, plain4(func(h *frame.IPv4) { h.TTL = 1 })},
		{"a VLAN", func(b []byte) bool { v, ok := wire.ParseVLAN(b); return ok && v.ID() == 5 && v.Type() == wire.TypeARP },
			frame.Tagged(frame.Ether(macM, macM, frame.TypeARP), frame.TypeVLAN, 5)},
		{"broadcast", func(b []byte) bool {
			return wire.Ethernet(b).Dst() == wire.Broadcast() && wire.Ethernet(b).Type() == 0x88b5
		},
			frame.Ether(macAll, macM, 0x88b5)},
	} {
		for _, b := range found(t, c.odd) {
			got, err := Shrink(b, c.odd.try)
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "a VLAN" {
				got[12] = 0x81 // either kind of tag
				got[13] = 0
			}
			if !bytes.Equal(got, c.want) {
				t.Errorf("%s: from %x\ngot  %x\nwant %x", c.name, b, got, c.want)
			}
		}
	}
}

func TestShrinkStopsAtAFrameWithoutSimplerOnes(t *testing.T) {
	b := frame.Ether(macM, macM, 0x88b5)
	got, err := Shrink(b, planted(func([]byte) bool { return true }).try)
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("got %x and error %v, want %x", got, err, b)
	}
}

func TestShrinkTellsWhyItCouldNotTry(t *testing.T) {
	want := errors.New("gone")
	_, err := Shrink(make([]byte, 60), func([][]byte) ([]bool, error) { return nil, want })
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func TestEveryCandidateIsSimplerAndAFrame(t *testing.T) {
	for _, s := range NewGenerator(4, 0).Draw(500) {
		before := bytes.Clone(s.Frame)
		for _, c := range simplerThan(s.Frame) {
			if len(c) < shortest || cost(c) >= cost(s.Frame) {
				t.Fatalf("%x: candidate %x has %d bytes and cost %d, the frame %d", s.Frame, c, len(c), cost(c), cost(s.Frame))
			}
		}
		if !bytes.Equal(before, s.Frame) {
			t.Fatalf("%s: the search has changed the frame", s.Kind)
		}
	}
}

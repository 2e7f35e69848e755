package differential

import (
	"bytes"
	"slices"
	"testing"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

func TestEqualSeedsGiveEqualFrames(t *testing.T) {
	a, b, other := NewGenerator(5, 3).Draw(500), NewGenerator(5, 3).Draw(500), NewGenerator(5, 4).Draw(500)
	same := 0
	for i := range a {
		if a[i].At != b[i].At || a[i].Kind != b[i].Kind || !bytes.Equal(a[i].Frame, b[i].Frame) {
			t.Fatalf("frame %d: got %+v and %+v", i, a[i], b[i])
		}
		if bytes.Equal(a[i].Frame, other[i].Frame) {
			same++
		}
	}
	if same > 5 {
		t.Errorf("%d of 500 frames are those of another stream", same)
	}
}

func TestEveryKindIsDrawnAtEverySender(t *testing.T) {
	drawn, senders, lengths := map[string]map[string]int{}, map[string]int{}, map[int]bool{}
	for _, s := range NewGenerator(1, 0).Draw(40000) {
		if n := len(s.Frame); n < shortest || n > longest {
			t.Fatalf("%s: got %d bytes, want %d to %d", s.Kind, n, shortest, longest)
		}
		if drawn[s.Kind] == nil {
			drawn[s.Kind] = map[string]int{}
		}
		drawn[s.Kind][s.At]++
		senders[s.At]++
		lengths[len(s.Frame)] = true
	}
	for _, k := range Kinds() {
		if len(drawn[k]) != 5 {
			t.Errorf("%s: drawn at %v, want at 5 senders", k, drawn[k])
		}
	}
	if len(senders) != 5 || senders[scenario.Wire] < 10000 {
		t.Errorf("senders: got %v", senders)
	}
	if !lengths[shortest] || len(lengths) < 500 {
		t.Errorf("got %d lengths, the shortest among them: %v", len(lengths), lengths[shortest])
	}
}

func TestFramesAreDifferentByTheirTags(t *testing.T) {
	tags, frames := map[uint32]bool{}, map[string]bool{}
	tagged, equal := 0, 0
	for _, s := range NewGenerator(2, 0).Draw(20000) {
		if n, ok := Tag(s.Frame); ok {
			if tags[n] {
				t.Errorf("tag %d is there twice", n)
			}
			tags[n] = true
			tagged++
		}
		if frames[string(s.Frame)] {
			equal++
		}
		frames[string(s.Frame)] = true
	}
	if tagged < 12000 || equal > 100 { // short frames have no room for a tag
		t.Errorf("got %d tagged and %d equal frames of 20000, want at least 12000 and at most 100", tagged, equal)
	}
}

func TestFramesHaveWhatDriversLookAt(t *testing.T) {
	var options, fragments, tags, double, groups, hidden, unspecified, lying, mirrored int
	for _, s := range NewGenerator(3, 0).Draw(20000) {
		e := wire.Ethernet(s.Frame)
		if e.Group() {
			groups++
		}
		if e.Dst() == e.Src() {
			mirrored++
		}
		if v, ok := wire.ParseVLAN(e); ok {
			tags++
			if v.Type() == wire.TypeVLAN || v.Type() == wire.TypeQinQ {
				double++
			}
		}
		if p, ok := wire.ParseIPv4(e.Payload(), len(e.Payload())); ok && e.Type() == wire.TypeIPv4 {
			if p.HeaderLen() > wire.IPv4Len {
				options++
			}
			if p.Fragment() {
				fragments++
			}
		} else if e.Type() == wire.TypeIPv4 {
			lying++
		}
		if p, ok := wire.ParseIPv6(e.Payload()); ok && e.Type() == wire.TypeIPv6 {
			if hi, lo := p.Src(); hi|lo == 0 {
				unspecified++
			}
			if slices.Contains([]uint8{0, 43, 44, 60}, p.Next()) {
				hidden++
			}
		}
	}
	for what, n := range map[string]int{"IPv4 options": options, "fragments": fragments, "tags": tags, "two tags": double, "group addresses": groups,
		"extension headers": hidden, "unspecified sources": unspecified, "wrong IPv4 headers": lying, "equal MAC addresses": mirrored} {
		if n < 50 {
			t.Errorf("%s: got %d of 20000 frames, want at least 50", what, n)
		}
	}
}

func TestSlavesNameTheMastersMACWithoutCompat(t *testing.T) {
	named, master := 0, wire.MAC(macBytes(macM))
	for _, s := range NewGenerator(6, 0).Draw(5000) {
		before := bytes.Clone(s.Frame)
		e := wire.Ethernet(ownMAC(s.Shot).Frame)
		if s.At == scenario.Wire || s.At == scenario.Host {
			if !bytes.Equal(e, before) {
				t.Errorf("%s from %s is changed: %x", s.Kind, s.At, before)
			}
			continue
		}
		if e.Src() != master {
			t.Errorf("%s: source is %v", s.Kind, e.Src())
		}
		if a, ok := wire.ParseARP(e.Payload()); ok && e.Type() == wire.TypeARP {
			named++
			if a.SenderMAC() != master {
				t.Errorf("%s: sender is %v", s.Kind, a.SenderMAC())
			}
		}
		if m, option, ok := discovery(e.Payload()); ok && e.Type() == wire.TypeIPv6 {
			opts := m.Options()
			for typ, b, ok := opts.Next(); ok; typ, b, ok = opts.Next() {
				if typ == option && *wire.NDOptionMAC(b) != master {
					t.Errorf("%s: option %x", s.Kind, b)
				}
			}
		}
	}
	if named < 100 {
		t.Errorf("got %d ARP packets of slaves, want at least 100", named)
	}
}

func FuzzMutationKeepsTheTag(f *testing.F) {
	f.Add(uint64(1), uint64(0))
	f.Fuzz(func(t *testing.T, seed, stream uint64) {
		g := NewGenerator(seed, stream)
		for i := range 20 {
			s := g.Next()
			if n, ok := Tag(s.Frame); ok && n != uint32(i+1) {
				t.Errorf("frame %d bears the tag %d", i+1, n)
			}
		}
	})
}

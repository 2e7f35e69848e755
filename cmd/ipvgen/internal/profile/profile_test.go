package profile

import (
	"bytes"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"ipvd/cmd/ipvgen/internal/pattern"
	"ipvd/flows/wire"
	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

const (
	srcPort = 41000
	dstPort = 41999
)

func config(t testing.TB, mix, sizes string) Config {
	t.Helper()
	c := Config{SrcMAC: wire.MAC{2, 0, 0, 0, 0, 1}, DstMAC: wire.MAC{2, 0, 0, 0, 0, 2}, SrcPort: srcPort, DstPort: dstPort, Flows: 3, Seed: 1}
	var err error
	if c.Mix, err = ParseMix(mix); err != nil {
		t.Fatal(err)
	}
	if c.Sizes, err = ParseSizes(sizes); err != nil {
		t.Fatal(err)
	}
	if c.Src4, c.Src6, err = pattern.Parse("198.18.0.1,2001:2::1"); err != nil {
		t.Fatal(err)
	}
	if c.Dst4, c.Dst6, err = pattern.Parse("198.19.0.1-198.19.0.2,2001:2:0:1::1-2001:2:0:1::2"); err != nil {
		t.Fatal(err)
	}
	return c
}

func schedule(t testing.TB, mix, sizes string) *Schedule {
	t.Helper()
	s, err := NewSchedule(config(t, mix, sizes))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// frames gives the first n frames of tr, with stamps counted from 0.
func frames(t *testing.T, tr Traffic, n int) [][]byte {
	t.Helper()
	rt := pmdtest.NewRuntime(t, 1)
	pool := rt.NewPool("large", 1, MaxSize)
	m := pool.Get()
	var all [][]byte
	for i := range n {
		m.Reset()
		tr.Fill(m, Stamp{Run: 7, Seq: uint64(i), Sent: 1e15 + int64(i)})
		all = append(all, bytes.Clone(m.Data()))
	}
	rt.Free(m)
	return all
}

// decode reads a frame with gopacket and fails on what it finds wrong.
func decode(t *testing.T, frame []byte) gopacket.Packet {
	t.Helper()
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	if err := p.ErrorLayer(); err != nil {
		t.Fatalf("%x: %v", frame, err.Error())
	}
	if l, ok := p.TransportLayer().(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	}); ok {
		if err := l.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
	}
	err, mismatches := p.VerifyChecksums()
	if err != nil || len(mismatches) != 0 {
		t.Errorf("%.100x: checksums %+v (%v)", frame, mismatches, err)
	}
	return p
}

func TestEveryKindIsAValidPacketOfItsSize(t *testing.T) {
	for _, kind := range kindNames() {
		for _, size := range []string{"64", "127", "128", "1518"} {
			s := schedule(t, kind, size)
			for i, frame := range frames(t, s, 6) {
				p := decode(t, frame)
				if len(frame) != s.MaxFrame() || s.MeanSize() != float64(len(frame)+FCSLen) {
					t.Errorf("%s %s: %d bytes, announced %d, mean %v", kind, size, len(frame), s.MaxFrame(), s.MeanSize())
				}
				if stamp, ok := ReadStamp(frame); !ok || stamp != (Stamp{7, uint64(i), 1e15 + int64(i)}) {
					t.Errorf("%s %s: packet %d bears %+v (%v)", kind, size, i, stamp, ok)
				}
				if got := p.LinkLayer().LinkFlow().Src().String(); got != "02:00:00:00:00:01" {
					t.Errorf("%s: source MAC %s", kind, got)
				}
			}
		}
	}
}

func TestSmallSizesAreRaisedToWhatAKindNeeds(t *testing.T) {
	for kind, want := range map[string]int{"udp4": 64, "arp": 64, "broadcast": 64, "tcp4": 76, "udp6": 84, "tcp6": 96} {
		if got := schedule(t, kind, "64").MaxFrame() + FCSLen; got != want {
			t.Errorf("%s of 64 bytes has %d, want %d", kind, got, want)
		}
	}
}

func TestAddressesAndPortsTakeTurns(t *testing.T) {
	for kind, want := range map[string][2]string{
		"udp4": {"198.19.0.1", "198.19.0.2"}, "tcp6": {"2001:2:0:1::1", "2001:2:0:1::2"}, "broadcast": {"255.255.255.255", "255.255.255.255"},
	} {
		for i, frame := range frames(t, schedule(t, kind, "200"), 6) {
			p := decode(t, frame)
			if got := p.NetworkLayer().NetworkFlow().Dst().String(); got != want[i%2] {
				t.Errorf("%s: packet %d goes to %s, want %s", kind, i, got, want[i%2])
			}
			ports := p.TransportLayer().TransportFlow()
			if got := ports.Src().String() + ">" + ports.Dst().String(); got != []string{"41000>41999", "41001>41999", "41002>41999"}[i%3] {
				t.Errorf("%s: packet %d has ports %s", kind, i, got)
			}
		}
	}
}

func TestARPAsksForTheDestinations(t *testing.T) {
	for i, frame := range frames(t, schedule(t, "arp", "64"), 4) {
		a, ok := decode(t, frame).Layer(layers.LayerTypeARP).(*layers.ARP)
		if !ok || a.Operation != layers.ARPRequest || a.HwAddressSize != 6 || a.Protocol != layers.EthernetTypeIPv4 {
			t.Fatalf("%x is no ARP request: %+v", frame, a)
		}
		who, _ := netip.AddrFromSlice(a.DstProtAddress)
		if want := []string{"198.19.0.1", "198.19.0.2"}[i%2]; who.String() != want || !wire.Ethernet(frame).Group() {
			t.Errorf("request %d asks for %v, want %s, group %v", i, who, want, wire.Ethernet(frame).Group())
		}
	}
}

func TestScheduleHasExactlyTheSharesOfMixAndSizes(t *testing.T) {
	s := schedule(t, "udp4:3,arp:1", "imix")
	type share struct {
		arp  bool
		size int
	}
	got := map[share]int{}
	for _, frame := range frames(t, s, 48) {
		got[share{wire.Ethernet(frame).Type() == wire.TypeARP, len(frame) + FCSLen}]++
	}
	want := map[share]int{{false, 64}: 21, {false, 594}: 12, {false, 1518}: 3, {true, 64}: 7, {true, 594}: 4, {true, 1518}: 1}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%+v: %d packets of 48, want %d", k, got[k], n)
		}
	}
	if mean := (7*64 + 4*594 + 1518) / 12.0; math.Abs(s.MeanSize()-mean) > 1e-9 {
		t.Errorf("mean size %v, want %v", s.MeanSize(), mean)
	}
}

func TestRangeHasEverySizeOnce(t *testing.T) {
	seen := map[int]int{}
	for _, frame := range frames(t, schedule(t, "udp4", "64-163"), 100) {
		seen[len(frame)+FCSLen]++
	}
	if len(seen) != 100 || seen[64] != 1 || seen[163] != 1 {
		t.Errorf("%d sizes in 100 packets: %v", len(seen), seen)
	}
}

func TestWrongMixesAndSizesAreRefused(t *testing.T) {
	for _, s := range []string{"", "63", "9619", "64,", "100-64", "64:0", "64:1001", "imix:2", "imix,64", "a-b", "64-"} {
		if got, err := ParseSizes(s); err == nil {
			t.Errorf("sizes %q are read as %+v", s, got)
		}
	}
	for _, s := range []string{"", "udp", "udp4:", "udp4:-1", "udp4,,arp"} {
		if got, err := ParseMix(s); err == nil {
			t.Errorf("mix %q is read as %+v", s, got)
		}
	}
}

func TestScheduleRefusesWhatItCannotMake(t *testing.T) {
	for word, change := range map[string]func(c *Config){
		"destination": func(c *Config) { c.Dst6 = &pattern.Set{} },
		"source":      func(c *Config) { c.Src4 = nil },
		"65535":       func(c *Config) { c.SrcPort = 65530; c.Flows = 7 },
		"more than":   func(c *Config) { c.Mix.items[0].weight = 1000; c.Sizes.items[0] = sizeItem{64, 1518, 1} },
		"neither":     func(c *Config) { c.Mix = Mix{} },
	} {
		c := config(t, "udp4,udp6", "64")
		change(&c)
		if _, err := NewSchedule(c); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v, want one with %q", err, word)
		}
	}
}

func TestStampHolds48BitsOfSequence(t *testing.T) {
	b := make([]byte, StampLen)
	for _, want := range []Stamp{{}, {1, 0xffff, 1}, {0xffff, 1<<48 - 1, -1}, {3, 0x123456789abc, 1 << 62}} {
		want.put(b)
		if got, ok := ReadStamp(b); !ok || got != want {
			t.Errorf("wrote %+v, read %+v (%v)", want, got, ok)
		}
	}
	for _, b := range [][]byte{nil, make([]byte, StampLen), []byte("ig")} {
		if s, ok := ReadStamp(b); ok {
			t.Errorf("%x is read as %+v", b, s)
		}
	}
}

func TestFillDoesNotAllocate(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 1)
	m := rt.Pool().Get()
	s := schedule(t, "udp4,udp6,tcp4,tcp6,arp,broadcast", "imix")
	if n := testing.AllocsPerRun(1000, func() { s.Fill(m, Stamp{}) }); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
	rt.Free(m)
}

func FuzzParseSizes(f *testing.F) {
	for _, s := range []string{"64", "64-1518", "imix", "64:7,594:4,1518"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSizes(text)
		if err != nil {
			return
		}
		n := 0
		s.each(func(size, weight int) {
			n += weight
			if size < MinSize || size > MaxSize {
				t.Fatalf("%q has size %d", text, size)
			}
		})
		if n == 0 {
			t.Errorf("%q has no sizes and no error", text)
		}
	})
}

func FuzzParseMix(f *testing.F) {
	for _, s := range []string{"udp4", "udp4:7,tcp6:2,arp", "broadcast:1000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMix(text)
		if err == nil && (len(m.items) == 0 || !strings.Contains(text, m.items[0].kind.String())) {
			t.Errorf("%q is read as %+v", text, m)
		}
	})
}

func BenchmarkFill(b *testing.B) {
	rt := pmdtest.NewRuntime(b, 64)
	var ms []*pmd.Mbuf
	for range 64 {
		ms = append(ms, rt.Pool().Get())
	}
	for _, kind := range kindNames() {
		s := schedule(b, kind, "64")
		b.Run(kind, func(b *testing.B) {
			for i := range b.N {
				s.Fill(ms[i%64], Stamp{Seq: uint64(i)})
			}
		})
	}
	for _, m := range ms {
		rt.Free(m)
	}
}

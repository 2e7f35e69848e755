package traffic

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ipvd/flows/wire"
)

func TestFramesAreUDPOfTheAddresses(t *testing.T) {
	for _, h := range []Header{
		{DstMAC: [6]byte{2, 1}, SrcMAC: [6]byte{2, 2}, Src: netip.MustParseAddr("10.9.9.9"), Dst: netip.MustParseAddr("10.0.0.1")},
		{DstMAC: [6]byte{2, 1}, SrcMAC: [6]byte{2, 2}, Src: netip.MustParseAddr("fd00::9"), Dst: netip.MustParseAddr("fd00::1")},
	} {
		frame := h.UDP()
		p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
		if e := p.ErrorLayer(); e != nil {
			t.Fatalf("%v: %v", h.Dst, e.Error())
		}
		flow := p.NetworkLayer().NetworkFlow()
		if flow.Src().String() != h.Src.String() || flow.Dst().String() != h.Dst.String() {
			t.Errorf("flow %v, want %v to %v", flow, h.Src, h.Dst)
		}
		if p.Layer(layers.LayerTypeUDP) == nil {
			t.Errorf("%v: no UDP in %v", h.Dst, p)
		}
		if got := wire.Ethernet(frame).Dst(); got != h.DstMAC {
			t.Errorf("frame for %v, want %v", got, h.DstMAC)
		}
	}
}

func TestAddressesDiffer(t *testing.T) {
	for _, addrs := range [][]netip.Addr{Addrs4(70_000), Addrs6(70_000)} {
		seen := map[netip.Addr]bool{}
		for _, a := range addrs {
			seen[a] = true
		}
		if len(seen) != 70_000 {
			t.Errorf("%d different addresses of 70000", len(seen))
		}
	}
}

func TestOrderIsFairRandomAndTheSame(t *testing.T) {
	order := Order(4096, 1024)
	if !slices.Equal(order, Order(4096, 1024)) {
		t.Error("two calls give different orders")
	}
	if slices.IsSorted(order[:64]) {
		t.Error("the order is not random")
	}
	count := make([]int, 1024)
	for _, k := range order {
		count[k]++
	}
	if slices.Min(count) != 4 || slices.Max(count) != 4 {
		t.Errorf("numbers come %d to %d times, want 4", slices.Min(count), slices.Max(count))
	}
	if s := Order(100, 1_000_000); slices.Max(s) < 500_000 {
		t.Errorf("largest of a sample of a million is %d", slices.Max(s))
	}
}

func TestFileHoldsTheFrames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcap")
	want := [][]byte{[]byte("first frame"), []byte("second")}
	if err := WriteFile(path, want); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got, _, err := r.ReadPacketData(); err != nil || string(got) != string(w) {
			t.Errorf("frame %d: %q, %v, want %q", i, got, err, w)
		}
	}
	if err := WriteFile(t.TempDir(), nil); err == nil {
		t.Error("a folder was written as a file")
	}
}

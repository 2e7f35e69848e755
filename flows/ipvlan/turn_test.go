package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
)

// What a slave sends to its own MAC address, and is for no sibling, the master
// gets as if it came from the wire.
func TestASlavesFrameForItselfIsOneFromTheWire(t *testing.T) {
	v4 := func(mac wire.MAC, to string) []byte { return ether(mac, mac, wire.TypeIPv4, ip4("10.0.0.11", to)) }
	pass := []option{with(func(m *Master) { m.SourceMAC = Pass })}
	compat := []option{with(func(m *Master) { m.SourceMAC, m.CompatKernel = Pass, true })}
	runAll(t, []scenario{
		{name: "broadcast", modes: "l2", flags: "bp", at: "S1", frame: v4(macAll, "10.0.0.255"), want: everyone, opts: pass},
		{name: "broadcast", modes: "l2", flags: "v", at: "S1", frame: v4(macAll, "10.0.0.255"), want: "S2 S3 WIRE", opts: pass},
		{name: "multicast", modes: "l2", flags: "bp", at: "S2", frame: v4(macNodes4, "224.0.0.1"), want: everyone, opts: pass},
		{name: "a group that nobody joins", modes: "l2", flags: "bp", at: "S1", want: "HOST", opts: pass,
			frame: ether(macLLDP, macLLDP, 0x88cc, make([]byte, 46))},
		{name: "a sibling's address in a group frame", modes: "l2", flags: "b", at: "S1", frame: v4(macAll, "10.0.0.12"), want: "S2", opts: pass},
		{name: "a sibling behind a tag of VLAN 0", modes: "l2", flags: "bp", at: "S1", frame: tagged(0, v4(macM, "10.0.0.12")), want: "S2",
			out: v4(macM, "10.0.0.12")},
		{name: "a sibling behind a tag of VLAN 5", modes: "l2", flags: "bp", at: "S1", frame: tagged(5, v4(macM, "10.0.0.12")), want: "HOST"},
		{name: "nobody's MAC", modes: "l2", flags: "bp", at: "S1", frame: v4(macX, "10.0.0.99"), want: "HOST", opts: compat},
		{name: "nobody's MAC", modes: "l2", flags: "bp", at: "S1", frame: v4(macX, "10.0.0.99"), want: "HOST", opts: pass},
	})
}

// The driver counts the Ethernet header of what slaves send.
func TestASlavesPacketMayClaimItsEthernetHeader(t *testing.T) {
	claims := func(more byte) []byte {
		return ether(macM, macM, wire.TypeIPv4, ip4("10.0.0.11", "10.0.0.12", func(b []byte) { b[3] += more }))
	}
	runAll(t, []scenario{
		{name: "14 bytes more", modes: all, flags: "b", at: "S1", frame: claims(14), want: "S2"},
		{name: "14 bytes more", modes: all, flags: "p", at: "S1", frame: claims(14), want: "drop:private"},
		{name: "15 bytes more", modes: "l2", flags: "bp", at: "S1", frame: claims(15), want: "HOST"},
		{name: "15 bytes more", modes: routed, flags: "bp", at: "S1", frame: claims(15), want: "drop:l3_bad_header"},
		{name: "a byte more from the wire", modes: demuxed, flags: anyFlag, at: "WIRE", frame: claims(1), want: "HOST"},
	})
}

// A kernel drops a frame that ends right behind a tag, so the tag is left to the
// host's.
func TestATagWithoutATypeBehindItIsTheHosts(t *testing.T) {
	short := func(n int) []byte { return append(ether(macM, macW, wire.TypeVLAN), make([]byte, n)...) }
	runAll(t, []scenario{
		{name: "19 bytes", modes: demuxed, flags: anyFlag, at: "WIRE", frame: short(5), want: "HOST"},
	})
	l := newLab(t, L2, Bridge, 3)
	if got, sent := l.send("WIRE", short(6)); got != "HOST" || len(sent["HOST"][0]) != 16 {
		t.Errorf("20 bytes: got %q and %x, want the host, without the tag", got, sent["HOST"])
	}
}

package suite

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/link"
	frames "ipvd/cmd/ipvconform/frame"
)

// TestCasesOfIPv6: what IPv6 does by itself on slaves that share a MAC.
func TestCasesOfIPv6(t *testing.T) {
	b := newBench(t)
	b.detectionCases()
	b.autoconfigurationCases()
	b.linkLocalCases()
	b.finish()
}

// flag reports that an address of slave i has a flag, as tentative or dadfailed.
func (b *bench) flag(i int, addr, flag string) bool {
	b.t.Helper()
	return strings.Contains(b.boxes[i].IP(fmt.Sprintf("-6 addr show dev ipvl%d %s", i, flag)), addr+"/")
}

func (b *bench) detectionCases() {
	b.run(184, "duplicate address detection of a free address", l2Flags, func() {
		b.check(func() { b.addr(0, "add", "fd00::81/64", "tentative") },
			want{"solicitation from ::", both(isND(neighbourSolicit, "fd00::81"), fromIP("::")), "w s2 s3"})
		b.await("the address is confirmed", defaultWait, func() bool { return !b.flag(0, "fd00::81", "tentative") })
		if b.flag(0, "fd00::81", "dadfailed") {
			b.t.Error("a duplicate was found")
		}
		b.wantState("ipvl0", "fd00::81", "active")
		b.comesTo("fd00::81", "s1")
		b.addr(0, "del", "fd00::81/64")
	})
	b.run(184, "no detection without ARP", l3Modes, func() {
		b.check(func() { b.addr(0, "add", "fd00::81/64", "tentative") }, want{"solicitation", isND(neighbourSolicit, "fd00::81"), ""})
		b.await("the address is confirmed", defaultWait, func() bool { return !b.flag(0, "fd00::81", "tentative") })
		b.wantState("ipvl0", "fd00::81", "active")
		b.comesTo("fd00::81", "s1")
		b.addr(0, "del", "fd00::81/64")
	})
	b.run(175, "detection of a sibling's address", l2Flags, func() {
		b.addr(1, "add", s1v6+"/64", "tentative")
		b.await("the duplicate is found", defaultWait, func() bool { return b.flag(1, s1v6, "dadfailed") })
		b.wantState("ipvl1", s1v6, "conflict")
		b.wantState("ipvl0", s1v6, "active")
		b.comesTo(s1v6, "s1")
		b.addr(1, "del", s1v6+"/64")
		b.wantState("ipvl1", s1v6, "")
	})
	b.run(175, "detection of a router's address", l2Flags, func() {
		b.addr(0, "add", w6+"/64", "tentative")
		b.await("the duplicate is found", defaultWait, func() bool { return b.flag(0, w6, "dadfailed") })
		b.addr(0, "del", w6+"/64")
		b.wantState("ipvl0", w6, "")
	})
}

// advertisement is a router's, with a prefix to make addresses of, and does not
// make it a default router.
func advertisement(prefix string) []byte {
	option := append([]byte{3, 4, 64, 0xc0}, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0)
	p := netip.MustParseAddr(prefix).As16()
	body := append(append([]byte{64, 0, 0, 0}, make([]byte, 8)...), append(option, p[:]...)...)
	src, dst := "fe80::ee", "ff02::1"
	return frames.Ether(frames.GroupMAC(dst), macW, frames.TypeIPv6, frames.IPv6(src, dst, 58, 255, frames.ICMPv6(src, dst, 134, body)))
}

func (b *bench) autoconfigurationCases() {
	const prefix = "fd0a::"
	mac, _ := net.ParseMAC(macM)
	b.run(59, "addresses from a router's prefix", "l2, l2 private, l2 vepa", func() {
		f := advertisement(prefix)
		b.gets("advertisement", "w", f, "h s1 s2 s3")
		for i := range b.boxes {
			dev := fmt.Sprintf("ipvl%d", i)
			a := link.LinkLocal(mac, uint16(b.link(dev).ID)).As16()
			p := netip.MustParseAddr(prefix).As16()
			copy(a[:8], p[:8])
			addr := netip.AddrFrom16(a).String()
			b.wantState(dev, addr, "active")
			b.await(addr+" is confirmed", defaultWait, func() bool { return !b.flag(i, addr, "tentative") })
			b.comesTo(addr, fmt.Sprintf("s%d", i+1))
			b.boxes[i].IP("-6 addr del " + addr + "/64 dev " + dev)
			b.wantState(dev, addr, "")
		}
	})
	b.run(60, "no addresses from a router's prefix", l3Modes, func() {
		b.gets("advertisement", "w", advertisement(prefix), "h")
		for _, a := range b.addrs() {
			if strings.HasPrefix(a.Local, "fd0a:") {
				b.t.Errorf("%s has %s", a.Link, a.Local)
			}
		}
	})
}

func (b *bench) linkLocalCases() {
	b.run(198, "link-local addresses of siblings answer", "l2, l3", func() {
		mac, _ := net.ParseMAC(macM)
		sibling := link.LinkLocal(mac, uint16(b.link("ipvl1").ID))
		b.wantState("ipvl1", sibling.String(), "active")
		b.ping(b.boxes[0], sibling.String()+"%ipvl0")
	})
	b.run(49, "questions for a slave's address", "l2", func() {
		for _, addr := range []string{s1v6, link.LinkLocal(net.HardwareAddr{2, 0, 0, 0, 0, 1}, 1).String()} {
			b.check(func() { b.send("w", solicit("", macW, w6, addr, nil)) },
				want{"advertisement of " + addr, both(isND(neighbourAdvertise, addr), from(macM), hasOption(macM)), "w"})
		}
	})
}

// hasOption matches an advertisement that names a MAC (RFC 4861, section 4.6.1).
func hasOption(mac string) func([]byte) bool {
	m, _ := net.ParseMAC(mac)
	return func(f []byte) bool {
		return len(f) >= 86 && binary.BigEndian.Uint16(f[78:]) == 0x0201 && string(f[80:86]) == string(m)
	}
}

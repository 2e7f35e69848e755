package suite

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/link"
	frames "ipvd/cmd/ipvconform/frame"
)

// TestCasesOfDevices: what slaves are like as interfaces, and what becomes of
// them when the master changes.
func TestCasesOfDevices(t *testing.T) {
	b := newBench(t)
	b.propertyCases()
	b.modeCases()
	b.permissionCases()
	b.namespaceCases()
	b.stackingCases()
	b.finish()
}

func (b *bench) propertyCases() {
	b.run(188, "the slave's MAC is set", allModes, func() {
		box := b.boxes[0]
		box.IP("link set ipvl0 address " + macX)
		b.await("the MAC is shown", defaultWait, func() bool { return b.link("ipvl0").Address == macX })
		// What leaves bears the master's: slave-mac in flows/ipvlan/differences.go.
		for _, dst := range []string{w4, w6} {
			m := b.mark()
			b.check(func() { b.send("s1", udp(macW, macX, own(dst, 11), dst, m)) }, want{"datagram to " + dst, both(has(m), isUDP, from(macM)), "w"})
		}
		c := b.listener(box, s1v4)
		defer c.Close()
		m := b.mark()
		b.send("w", udp4(macM, macW, w4, s1v4, m))
		if b.receives(c, m, false) {
			b.t.Error("the slave's stack takes a frame for the master's MAC, which is not its own")
		}
		box.IP("link set ipvl0 address " + macM)
		b.await("the MAC is the master's again", defaultWait, func() bool { return b.link("ipvl0").State == "ok" })
	})
	b.run(189, "the master's MTU is set", allModes, func() {
		b.boxes[1].IP("link set ipvl1 mtu 1300")
		b.awaitMTU(1, 1300)
		for _, mtu := range []int{1400, 1500} {
			b.host.IP(fmt.Sprintf("link set eth0 mtu %d", mtu))
			for i, box := range b.boxes {
				b.awaitMTU(i, mtu)
				if out := box.IP(fmt.Sprintf("link show ipvl%d", i)); !strings.Contains(out, fmt.Sprintf("mtu %d ", mtu)) {
					b.t.Errorf("MTU %d: %s", mtu, out)
				}
			}
		}
	})
	b.run(190, "the wire loses its link", allModes, func() {
		for _, up := range []bool{false, true} {
			b.router.IP("link set eth0 " + map[bool]string{false: "down", true: "up"}[up])
			for i, box := range b.boxes {
				b.await(fmt.Sprintf("slave %d sees the link: %v", i, up), defaultWait, func() bool {
					return strings.Contains(box.IP(fmt.Sprintf("link show ipvl%d", i)), "NO-CARRIER") != up
				})
			}
		}
		b.router.IP("addr replace " + w6 + "/64 dev eth0 nodad")
		b.await("frames pass", defaultWait, func() bool { return b.reaches(b.router, hostAddr) })
	})
	b.run(198, "link-local addresses", "l2", func() {
		mac, _ := net.ParseMAC(macM)
		seen := map[string]bool{}
		for i, box := range b.boxes {
			dev := fmt.Sprintf("ipvl%d", i)
			want := link.LinkLocal(mac, uint16(b.link(dev).ID)).String()
			b.await(dev+" has "+want+" alone", defaultWait, func() bool {
				got := linkLocals(box.IP("-6 -o addr show dev " + dev + " scope link"))
				return len(got) == 1 && got[0].String() == want
			})
			b.comesTo(want, fmt.Sprintf("s%d", i+1))
			seen[want] = true
		}
		if len(seen) != len(b.boxes) {
			b.t.Errorf("got %v, want %d different ones", seen, len(b.boxes))
		}
	})
	b.run(200, "counters", allModes, func() {
		for _, c := range []struct{ at, dst string }{{"w", s1v4}, {"w", s1v6}, {"s2", s1v4}, {"s2", s1v6}} {
			b.settle()
			src, smac := wire(c.dst), macW
			if c.at == "s2" {
				src, smac = own(c.dst, 12), macM
			}
			before := b.link("ipvl0").Stats64.RX
			var fs [3][]byte // each longer than the one before, so that none are merged
			mark, total := b.mark(), 0
			for i := range fs {
				fs[i] = udp(macM, smac, src, c.dst, append(slices.Clone(mark), make([]byte, 1000+2*i)...))
				total += len(fs[i])
			}
			b.check(func() { b.send(c.at, fs[:]...) })
			after := b.link("ipvl0").Stats64.RX
			// Nothing else of the slave's is this long.
			if n, size := after.Packets-before.Packets, after.Bytes-before.Bytes; n < 3 || size < uint64(total) || size > uint64(total)+(n-3)*200 {
				b.t.Errorf("%s: 3 frames of %d bytes from %s: %d packets of %d bytes", b.mode, total, c.at, n, size)
			}
		}
	})
}

func (b *bench) modeCases() {
	group := func(at string) {
		b.t.Helper()
		b.gets("broadcast", "s1", udp4(macAll, macM, s1v4, "255.255.255.255", b.mark()), at)
		b.gets("IPv6 multicast", "s1", udp6(frames.GroupMAC("ff02::1"), macM, s1v6, "ff02::1", b.mark()), at)
	}
	for _, m := range []string{"l3", "l3s"} {
		b.run(193, "from l2 to "+m, "l2", func() {
			group("w s2 s3")
			b.set(m)
			group("")
			for i, box := range b.boxes {
				if out := box.IP(fmt.Sprintf("link show ipvl%d", i)); !strings.Contains(out, "NOARP") {
					b.t.Errorf("slave %d in %s: %s", i, m, out)
				}
			}
		})
		b.run(194, "from "+m+" to l2", m, func() {
			b.set("l2")
			group("w s2 s3")
			b.forget()
			for i, box := range b.boxes {
				if out := box.IP(fmt.Sprintf("link show ipvl%d", i)); strings.Contains(out, "NOARP") {
					b.t.Errorf("slave %d in l2: %s", i, out)
				}
				b.ping(box, w4)
				b.ping(box, w6)
			}
		})
	}
	b.run(195, "a new slave with another mode", "l2, l3", func() {
		other := map[bool]string{true: "l3", false: "l2"}[b.is("l2")]
		mode := strings.Fields(b.mode)[0]
		b.refused([]string{"link", "add", "link", "eth0", "x0", "type", "ipvlan", "mode", other}, "eth0 has mode "+mode, "force")
		b.must("link", "add", "link", "eth0", "x0", "type", "ipvlan", "mode", other, "force")
		for _, dev := range []string{"ipvl0", "ipvl1", "x0"} {
			if got := b.link(dev).MMode; got != other {
				b.t.Errorf("mode of %s: got %s, want %s", dev, got, other)
			}
		}
		b.mode = other + " bridge"
		b.must("link", "del", "x0")
	})
	for _, m := range strings.Split(allModes, ", ") {
		b.run(196, "flags change", m, func() {
			for _, c := range [][2]string{{"private", ""}, {"vepa", map[string]string{"l2": "w"}[m]}, {"bridge", "s2"}} {
				b.set(m + " " + c[0])
				if c == [2]string{"vepa", ""} {
					continue // through the host's routing: cases 130 and l3s-vepa
				}
				b.gets(c[0], "s1", udp4(macM, macM, s1v4, s2v4, b.mark()), c[1])
				b.gets(c[0]+", IPv6", "s1", udp6(macM, macM, s1v6, s2v6, b.mark()), c[1])
			}
		})
	}
	b.run(197, "private and vepa", allModes, func() {
		b.refused([]string{"link", "set", "eth0", "type", "ipvlan", "private", "vepa"}, "exclude each other")
		b.refused([]string{"link", "add", "link", "eth0", "x0", "type", "ipvlan", "private", "vepa"}, "exclude each other")
		if got := b.link("eth0").MFlag; got != "bridge" {
			b.t.Errorf("flag: got %s, want bridge", got)
		}
	})
}

func (b *bench) permissionCases() {
	b.run(199, "root of a container's user namespace", allModes, func() {
		ctl := filepath.Join(b.bin, "ipvctl")
		for _, words := range [][]string{{"link", "set", "ipvl0", "type", "ipvlan", "mode", "l3", "private"}, {"link", "del", "ipvl0"}, {"addr", "add", "10.0.0.77/24", "dev", "ipvl0"}} {
			// Its root is the machine's by number, as in the worst of containers.
			args := append([]string{"netns", "exec", b.boxes[0].Name, "unshare", "--user", "--map-root-user", ctl, "--socket", b.socket}, words...)
			out, err := exec.Command("ip", args...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "uid 0 gid 0 may not talk to ipvd") {
				b.t.Errorf("ipvctl %v: got %v, %s; want a refusal", words, err, out)
			}
		}
		if l := b.link("ipvl0"); l.MFlag != "bridge" || !b.is(l.MMode) {
			b.t.Errorf("mode and flag are %s %s", l.MMode, l.MFlag)
		}
	})
}

func (b *bench) namespaceCases() {
	b.run(192, "a container's namespace is deleted", allModes, func() {
		ns := hosttest.NewNS(b.t)
		b.must("link", "add", "link", "eth0", "x0", "type", "ipvlan", "netns", ns.Name)
		ns.IP("link set x0 up")
		ns.IP("addr add 10.0.0.78/24 dev x0")
		ns.IP("addr add fd00::78/64 dev x0 nodad")
		b.wantState("x0", "fd00::78", "active")
		ns.Delete()
		b.await("the slave is gone", defaultWait, func() bool { return len(b.links()) == 1+len(b.boxes) })
		b.comesTo("10.0.0.78", "h")
		b.comesTo("fd00::78", "h")
		b.comesTo(s1v4, "s1")
		b.gets("frame to a sibling", "s1", udp4(macM, macM, s1v4, s2v4, b.mark()), "s2")
	})
	b.run(201, "the master is moved and comes back", allModes, func() {
		away := hosttest.NewNS(b.t)
		b.host.IP("link set eth0 netns " + away.Name)
		away.IP("link set eth0 up")
		b.watch("h", away, "eth0")
		b.await("the daemon has followed", defaultWait, func() bool { return slices.Contains(b.link("eth0").Flags, "UP") })
		b.gets("frame to a sibling", "s1", udp4(macM, macM, s1v4, s2v4, b.mark()), "s2")
		b.gets("frame for nobody", "w", udp4(macM, macW, w4, nobody4, b.mark()), "h")
		if !b.is("l3s") {
			b.comesTo(s1v4, "s1")
			b.comesTo(s1v6, "s1")
		}
		b.sendsFrom(away)
		away.IP("link set eth0 netns " + b.host.Name)
		b.host.IP("link set eth0 up")
		b.host.IP("addr add " + h4 + "/24 dev eth0")
		b.host.IP("addr add " + h6 + "/64 dev eth0 nodad")
		b.watch("h", b.host, "eth0")
		b.ping(b.router, hostAddr)
		for _, dst := range []string{w4, w6} {
			m := b.mark()
			b.check(func() {
				b.send("s1", udp(map[bool]string{true: macW, false: macM}[b.is("l2")], macM, own(dst, 11), dst, m))
			},
				want{"datagram to " + dst, both(has(m), isUDP), "w"})
			b.comesTo(own(dst, 11), "s1")
		}
	})
}

// sendsFrom sends to the wire while the master is in another namespace. In l3s
// the routing stays where the daemon is.
func (b *bench) sendsFrom(away hosttest.NS) {
	b.t.Helper()
	switch {
	case b.is("l2"):
		b.gets("frame to the wire", "s1", udp4(macW, macM, s1v4, w4, b.mark()), "w")
	case b.is("l3"):
		away.IP("addr add " + h4 + "/24 dev eth0")
		away.IP("addr add " + h6 + "/64 dev eth0 nodad")
		for _, dst := range []string{w4, w6} {
			m := b.mark()
			b.check(func() { b.send("s1", udp(macM, macM, own(dst, 11), dst, m)) }, want{"datagram to " + dst, both(has(m), isUDP), "w"})
		}
	}
}

func (b *bench) stackingCases() {
	// upper in flows/ipvlan/differences.go: nothing that hurts others.
	box := b.boxes[0]
	b.run(202, "macvlan on a slave", "l2", func() {
		box.IP("link add mv0 link ipvl0 type macvlan mode bridge")
		box.IP("link set mv0 up")
		box.IP("addr add 10.0.0.79/24 dev mv0")
		b.settle()
		b.comesTo("10.0.0.79", "h") // it is no address of the slave's
		b.comesTo(s2v4, "s2")
		b.ping(b.boxes[1], w4)
		box.IP("link del mv0")
	})
	b.run(202, "a slave in a bridge", "l2", func() {
		box.IP("link add br0 type bridge")
		box.IP("link set ipvl0 master br0")
		box.IP("link set br0 up")
		b.gets("broadcast", "w", udp4(macAll, macW, w4, "255.255.255.255", b.mark()), "h s1 s2 s3")
		b.comesTo(s2v4, "s2")
		b.ping(b.boxes[1], w4)
		box.IP("link set ipvl0 nomaster")
		box.IP("link del br0")
		b.ping(box, w4)
	})
}

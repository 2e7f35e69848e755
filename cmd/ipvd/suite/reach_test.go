package suite

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/host/hosttest"
	frames "ipvd/cmd/ipvconform/frame"
)

// reachModes are those in which host and slaves reach each other.
const reachModes = "l2, l2 private, l3, l3 private, l3s, l3s private"

// each runs f in each of the modes.
func (b *bench) each(name, modes string, f func()) {
	b.t.Helper()
	for _, mode := range strings.Split(modes, ", ") {
		b.t.Run(name+" in "+mode, func(t *testing.T) {
			defer b.bind(t)()
			b.set(mode)
			f()
		})
	}
}

// forgetAll makes all stations' stacks forget their neighbours.
func (b *bench) forgetAll() {
	b.t.Helper()
	for _, s := range b.stations {
		s.ns.IP("neigh flush all dev " + s.dev)
	}
}

// reachLimit is for what may take a loaded machine long.
const reachLimit = 60 * time.Second

// finds pings until addr answers.
func (b *bench) finds(from hosttest.NS, addr string) {
	b.t.Helper()
	b.await(from.Name+" reaches "+addr+" in "+b.mode, reachLimit, func() bool { return b.reaches(from, addr) })
}

// moves sends bytes by TCP, both of whose ends answer each other.
func (b *bench) moves(from, to hosttest.NS, addr string) {
	b.t.Helper()
	if err := transfer(from, to, addr, noise(200_000)); err != nil {
		b.t.Errorf("%s: TCP to %s: %v", b.mode, addr, err)
	}
}

// toIP matches packets for a destination.
func toIP(addr string) func([]byte) bool {
	ip := net.ParseIP(addr)
	return func(f []byte) bool {
		switch etherType(f) {
		case frames.TypeIPv4:
			return len(f) >= 34 && net.IP(f[30:34]).Equal(ip)
		case frames.TypeIPv6:
			return len(f) >= 54 && net.IP(f[38:54]).Equal(ip)
		}
		return false
	}
}

// isBetween matches IP packets between two addresses, in either direction.
func isBetween(a, c string) func([]byte) bool {
	return func(f []byte) bool { return fromIP(a)(f) && toIP(c)(f) || fromIP(c)(f) && toIP(a)(f) }
}

// notOnTheWire wants no packet between two addresses to have left since the last
// look.
func (b *bench) notOnTheWire(a, c string) {
	b.t.Helper()
	if got := places(b.settle(), isBetween(a, c)); slices.Contains(strings.Fields(got), "w") {
		b.t.Errorf("%s: packets between %s and %s came to [%s], want none on the wire", b.mode, a, c, got)
	}
}

// TestHostAndSlavesReachEachOther: by real stacks, in both directions, without a
// packet of theirs on the wire, whose router reaches both as ever.
func TestHostAndSlavesReachEachOther(t *testing.T) {
	b := newBench(t, "--host-reach", "on", "--l3-proxy", "on")
	b.each("host and slave", reachModes, func() {
		b.forgetAll()
		b.settle()
		for _, pair := range [][2]string{{h4, s1v4}, {h6, s1v6}} {
			b.finds(b.host, pair[1])
			b.finds(b.boxes[0], pair[0])
			b.moves(b.host, b.boxes[0], pair[1])
			b.moves(b.boxes[0], b.host, pair[0])
			b.notOnTheWire(pair[0], pair[1])
		}
	})
	b.each("router", reachModes, func() {
		b.forgetAll()
		for _, addr := range []string{s1v4, s1v6, h4, h6} {
			b.finds(b.router, addr)
		}
		b.moves(b.router, b.boxes[0], s1v4)
		b.moves(b.boxes[0], b.router, w6)
		b.moves(b.host, b.router, w4)
	})
	b.finish()
}

// awaitFlag waits for a flag of an address in `ip addr`.
func (b *bench) awaitFlag(ns hosttest.NS, addr, dev, flag string) {
	b.t.Helper()
	b.await(addr+" on "+dev+" is "+flag+" in "+b.mode, reachLimit, func() bool {
		return strings.Contains(ns.IP("-6 addr show dev "+dev+" to "+addr), flag)
	})
}

// refusesTwin adds an address that somebody else has: duplicate address detection
// must see it.
func (b *bench) refusesTwin(ns hosttest.NS, addr, dev string) {
	b.t.Helper()
	ns.IP("addr add " + addr + "/64 dev " + dev)
	b.awaitFlag(ns, addr, dev, "dadfailed")
	ns.IP("addr del " + addr + "/64 dev " + dev)
}

// acceptsOwn adds an address that nobody has: detection must find it free.
func (b *bench) acceptsOwn(ns hosttest.NS, addr, dev string) {
	b.t.Helper()
	ns.IP("addr add " + addr + "/64 dev " + dev)
	b.await(addr+" on "+dev+" passes detection in "+b.mode, reachLimit, func() bool {
		out := ns.IP("-6 addr show dev " + dev + " to " + addr)
		if strings.Contains(out, "dadfailed") {
			b.t.Fatalf("%s on %s in %s: %s", addr, dev, b.mode, out)
		}
		return !strings.Contains(out, "tentative")
	})
	ns.IP("addr del " + addr + "/64 dev " + dev)
}

// TestDuplicatesAreDetectedAcrossHostAndSlaves: neither is an address that two
// stations want taken for free, nor one that a station has alone for taken.
func TestDuplicatesAreDetectedAcrossHostAndSlaves(t *testing.T) {
	b := newBench(t, "--host-reach", "on", "--l3-proxy", "on")
	b.each("host wants a slave's", "l2, l3", func() { b.refusesTwin(b.host, s1v6, "eth0") })
	b.each("slave wants the host's", "l2", func() { b.refusesTwin(b.boxes[0], h6, "ipvl0") })
	b.each("router wants a slave's", reachModes, func() { b.refusesTwin(b.router, s1v6, "eth0") })
	b.each("slave wants a free one", "l2, l2 private, l3", func() { b.acceptsOwn(b.boxes[0], "fd00::21", "ipvl0") })
	b.each("host wants a free one", "l2, l3, l3s", func() { b.acceptsOwn(b.host, "fd00::22", "eth0") })
	b.finish()
}

// TestProxyAnswersTheWire: what the router's stack does not ask by itself.
func TestProxyAnswersTheWire(t *testing.T) {
	b := newBench(t, "--host-reach", "on", "--l3-proxy", "on")
	ask := func(spa, tpa string) func() {
		return func() { b.send("w", arpFrame(macAll, macX, 1, macX, spa, noMAC, tpa, nil)) }
	}
	b.each("proxy", "l3, l3 vepa, l3s, l3s vepa", func() {
		b.check(ask("10.0.0.77", s1v4), want{"answer", both(isARP(2, s1v4, "10.0.0.77"), from(macM), to(macX)), "w"})
		b.check(ask("0.0.0.0", s1v4), want{"answer to a probe", both(isARP(2, s1v4, "0.0.0.0"), from(macM), to(macX)), "w"})
		b.check(ask(s1v4, s1v4), want{"answer to an announcement", both(isARP(2, "", ""), to(macX)), ""})
		b.check(ask("10.0.0.77", nobody4), want{"answer for nobody", both(isARP(2, "", ""), to(macX)), ""})
		b.check(func() { b.send("w", solicit("", macX, "fd00::77", s1v6, nil)) },
			want{"advertisement", both(isND(neighbourAdvertise, s1v6), from(macM), to(macX)), "w"})
		b.check(func() { b.send("w", solicit("", macX, "fd00::77", nobody6, nil)) },
			want{"advertisement for nobody", both(isND(neighbourAdvertise, ""), to(macX)), ""})
	})
	b.each("slave that is down", "l3, l3s", func() {
		b.boxes[2].IP("link set ipvl2 down")
		b.wantState("ipvl2", s3v4, "inactive")
		b.check(ask("10.0.0.77", s3v4), want{"answer", both(isARP(2, "", ""), to(macX)), ""})
		b.boxes[2].IP("link set ipvl2 up")
		b.wantState("ipvl2", s3v4, "active")
		b.check(ask("10.0.0.77", s3v4), want{"answer", both(isARP(2, s3v4, "10.0.0.77"), to(macX)), "w"})
	})
	if out := b.must("stats"); !strings.Contains(out, "answered") {
		t.Errorf("the statistics tell of no answers:\n%s", out)
	}
	if v := b.verify(); v.Reasons["answer_limit"] != 0 {
		t.Errorf("%d questions were over the limit, want 0", v.Reasons["answer_limit"])
	}
	b.finish()
}

// TestHostReachesSlavesOfOtherSubnetsInL3: by whatever route leads to the master.
func TestHostReachesSlavesOfOtherSubnetsInL3(t *testing.T) {
	b := newBench(t, "--host-reach", "on")
	b.each("other subnet", "l3", func() {
		b.withRoutes([]string{"default via " + w4, "default via " + w6}, func() {
			for _, far := range [][2]string{{"172.16.1.2", h4}, {"2001:db8:1::2", h6}} {
				b.boxes[0].IP("addr add " + far[0] + " dev ipvl0")
				b.wantState("ipvl0", far[0], "active")
				b.settle()
				b.finds(b.host, far[0])
				b.moves(b.boxes[0], b.host, far[1])
				b.notOnTheWire(far[0], far[1])
				b.boxes[0].IP("addr del " + far[0] + " dev ipvl0")
			}
		})
	})
	b.finish()
}

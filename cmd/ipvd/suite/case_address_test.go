package suite

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCasesOfAddresses: the life of a slave's addresses.
func TestCasesOfAddresses(t *testing.T) {
	b := newBench(t)
	b.conflictCases()
	b.kindCases()
	b.lifeCases()
	b.moveCases()
	b.manyCases()
	b.finish()
}

// comesTo wants a frame from the wire for an address to come to a station.
func (b *bench) comesTo(addr, at string) {
	b.t.Helper()
	if b.is("l3s") && at != "h" {
		at = "h " + at
	}
	m := b.mark()
	b.check(func() { b.send("w", udp(macM, macW, wire(addr), addr, m)) }, want{"datagram to " + addr, both(has(m), to(macM)), at})
}

// addr adds an address to slave i, or with "del" removes it.
func (b *bench) addr(i int, verb, addr string, words ...string) {
	b.t.Helper()
	p, err := netip.ParsePrefix(addr)
	if err != nil {
		b.t.Fatal(err)
	}
	if p.Addr().Is6() && verb == "add" && !slices.Contains(words, "tentative") {
		words = append(words, "nodad")
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "tentative" })
	b.boxes[i].IP(fmt.Sprintf("addr %s %s dev ipvl%d %s", verb, addr, i, strings.Join(words, " ")))
}

const assigned = "Address already assigned to an ipvlan device"

func (b *bench) conflictCases() {
	conflict := func(addr, bits string) {
		b.t.Helper()
		b.addr(0, "add", addr+bits)
		b.wantState("ipvl0", addr, "active")
		b.refused([]string{"addr", "add", addr + bits, "dev", "ipvl1"}, assigned, "ipvl0")
		// Behind our back it can be added, and waits: address-conflict.
		b.addr(1, "add", addr+bits)
		b.wantState("ipvl1", addr, "conflict")
		b.comesTo(addr, "s1")
		b.addr(0, "del", addr+bits)
		b.wantState("ipvl1", addr, "active")
		b.comesTo(addr, "s2")
		b.addr(1, "del", addr+bits)
		b.wantState("ipvl1", addr, "")
		b.comesTo(addr, "h")
	}
	b.run(174, "same IPv4 address on a second slave", allModes, func() { conflict("10.0.0.60", "/24") })
	b.run(175, "same IPv6 address on a second slave", allModes, func() { conflict("fd00::60", "/64") })
	b.run(175, "same link-local address on a second slave", "l2", func() { conflict("fe80::60", "/64") })
	b.run(176, "the master's address on a slave", "l2", func() {
		b.must("addr", "add", h4+"/32", "dev", "ipvl1")
		b.must("addr", "add", h6+"/128", "dev", "ipvl1")
		b.wantState("ipvl1", h4, "active")
		b.wantState("ipvl1", h6, "active")
		b.comesTo(h4, "s2")
		b.comesTo(h6, "s2")
		b.check(func() { b.send("w", arpFrame(macAll, macW, 1, macW, w4, noMAC, h4, nil)) }, want{"ARP replies", isARP(2, h4, w4), "w w"})
		b.must("addr", "del", h4+"/32", "dev", "ipvl1")
		b.must("addr", "del", h6+"/128", "dev", "ipvl1")
		b.wantState("ipvl1", h4, "")
		b.wantState("ipvl1", h6, "")
		b.comesTo(h4, "h")
		b.comesTo(h6, "h")
	})
}

// kindCases: every address of the interface counts, whatever its kind.
func (b *bench) kindCases() {
	b.run(177, "addresses of all kinds", allModes, func() {
		kinds := [][]string{{"10.0.0.61/24"}, {"10.0.0.62/32"}, {"10.0.0.63/32", "scope", "link"}, {"10.0.0.64/32", "scope", "host"},
			{"169.254.7.7/16"}, {"172.16.5.5/12", "noprefixroute"}, {"fd00::61/64"}, {"fd00::62/128"}, {"fd07::63/64", "noprefixroute"},
			{"fd00::64/64", "preferred_lft", "0"}, {"fe80::65/64"}}
		for _, k := range kinds {
			b.addr(0, "add", k[0], k[1:]...)
		}
		for _, k := range kinds {
			addr, _, _ := strings.Cut(k[0], "/")
			b.wantState("ipvl0", addr, "active")
			if b.is("l3s") && (strings.HasPrefix(addr, "169.254") || strings.HasPrefix(addr, "fe80")) {
				continue // the host does not forward what is of a link
			}
			b.comesTo(addr, "s1")
		}
		for _, k := range kinds {
			b.addr(0, "del", k[0])
		}
		b.wantState("ipvl0", "fd00::62", "")
	})
	b.run(178, "address with a peer", allModes, func() {
		// peer-address in flows/ipvlan/differences.go.
		b.boxes[0].IP("addr add 10.0.0.66 peer 10.0.0.67 dev ipvl0")
		b.boxes[0].IP("addr add fd00::66 peer fd00::67 dev ipvl0 nodad")
		for _, a := range []string{"10.0.0.66", "fd00::66"} {
			b.wantState("ipvl0", a, "active")
			b.comesTo(a, "s1")
		}
		for _, a := range []string{"10.0.0.67", "fd00::67"} {
			b.wantState("ipvl0", a, "")
		}
		b.boxes[0].IP("addr del 10.0.0.66 peer 10.0.0.67 dev ipvl0")
		b.boxes[0].IP("addr del fd00::66 peer fd00::67 dev ipvl0")
		b.wantState("ipvl0", "fd00::66", "")
	})
}

func (b *bench) lifeCases() {
	b.run(179, "address of a slave that is down", allModes, func() {
		b.boxes[0].IP("link set ipvl0 down")
		for _, a := range []string{"10.0.0.68/24", "fd00::68/64"} {
			addr, _, _ := strings.Cut(a, "/")
			b.addr(0, "add", a)
			b.wantState("ipvl0", addr, "inactive")
			b.comesTo(addr, "h")
			b.refused([]string{"addr", "add", a, "dev", "ipvl1"}, assigned, "ipvl0")
		}
		b.boxes[0].IP("link set ipvl0 up")
		b.addr(0, "add", s1v6+"/64")
		for _, addr := range []string{"10.0.0.68", "fd00::68", s1v6} {
			b.wantState("ipvl0", addr, "active")
			b.comesTo(addr, "s1")
		}
		b.addr(0, "del", "10.0.0.68/24")
		b.addr(0, "del", "fd00::68/64")
	})
	b.run(180, "the primary is removed", "l2", func() {
		for _, a := range []string{"10.7.0.1/24", "10.7.0.2/24", "10.7.0.3/24"} {
			b.addr(0, "add", a)
		}
		b.wantState("ipvl0", "10.7.0.3", "active")
		b.addr(0, "del", "10.7.0.1/24")
		for _, a := range []string{"10.7.0.1", "10.7.0.2", "10.7.0.3"} {
			b.wantState("ipvl0", a, "")
			b.comesTo(a, "h")
		}
	})
	lifetimes := []string{"10.0.0.69/24", "fd00::69/64"}
	b.run(181, "lifetimes are changed", "l2", func() {
		for _, a := range lifetimes {
			b.addr(0, "add", a)
			b.boxes[0].IP("addr change " + a + " dev ipvl0 valid_lft 100 preferred_lft 50")
			addr, _, _ := strings.Cut(a, "/")
			b.settle()
			b.wantState("ipvl0", addr, "active")
			b.comesTo(addr, "s1")
		}
	})
	b.run(182, "addresses expire", "l2", func() {
		for _, a := range lifetimes {
			b.boxes[0].IP("addr change " + a + " dev ipvl0 valid_lft 1 preferred_lft 1")
		}
		for _, a := range lifetimes {
			addr, _, _ := strings.Cut(a, "/")
			b.await(addr+" has expired", defaultWait, func() bool { return b.state("ipvl0", addr) == "" })
			b.comesTo(addr, "h")
		}
	})
}

func (b *bench) moveCases() {
	b.run(183, "the slave moves to another namespace", allModes, func() {
		b.boxes[2].IP("link set ipvl2 netns " + b.boxes[1].Name)
		for _, addr := range []string{s3v4, s3v6} {
			b.wantState("ipvl2", addr, "")
			b.comesTo(addr, "h")
			b.must("addr", "add", addr+"/32", "dev", "ipvl0") // free for others
			b.wantState("ipvl0", addr, "active")
			b.must("addr", "del", addr+"/32", "dev", "ipvl0")
		}
		b.boxes[1].IP("link set ipvl2 netns " + b.boxes[2].Name)
		b.boxes[2].IP("link set ipvl2 up")
		b.addr(2, "add", s3v4+"/24")
		b.addr(2, "add", s3v6+"/64")
		b.boxes[2].IP("route replace default via " + routerAddr + " dev ipvl2")
		b.watch("s3", b.boxes[2], "ipvl2")
		b.wantState("ipvl2", s3v6, "active")
		b.comesTo(s3v4, "s3")
	})
	b.run(184, "tentative address", "l2", func() {
		b.sysctl(b.boxes[0], "ipv6/conf/ipvl0/dad_transmits", "20")
		b.addr(0, "add", "fd00::71/64", "tentative")
		b.wantState("ipvl0", "fd00::71", "active")
		b.comesTo("fd00::71", "s1")
		if out := b.boxes[0].IP("-6 addr show dev ipvl0 tentative"); !strings.Contains(out, "fd00::71") {
			b.t.Errorf("the address is not tentative any more: %s", b.boxes[0].IP("-6 addr show dev ipvl0"))
		}
		b.addr(0, "del", "fd00::71/64")
		b.sysctl(b.boxes[0], "ipv6/conf/ipvl0/dad_transmits", "1")
	})
}

func (b *bench) manyCases() {
	const n = 1000
	addresses := func() (all []string) {
		for i := range n / 2 {
			all = append(all, fmt.Sprintf("10.8.%d.%d", i/250, 1+i%250), fmt.Sprintf("fd08::%x", 1+i))
		}
		return all
	}
	b.run(185, "a thousand addresses on a slave", allModes, func() {
		dev := b.iface(b.boxes[0], "ipvl0")
		all, begin := addresses(), time.Now()
		for _, a := range all {
			if err := dev.add(a); err != nil {
				b.t.Fatal(err)
			}
		}
		b.await("all are active", defaultWait, func() bool { return b.link("ipvl0").Addrs >= n })
		b.t.Logf("%d addresses are active after %v", n, time.Since(begin))
		b.read(0)
		got, m := []seen{}, b.mark()
		for i, a := range all {
			b.send("w", udp(macM, macW, wire(a), a, m))
			if i%32 == 31 || i == n-1 { // a veth's ring holds 256
				b.await("frames have come", defaultWait, func() bool {
					got = append(got, b.read(5*time.Millisecond)...)
					return count(got, "s1", both(has(m), to(macM), isUDP)) > i
				})
			}
		}
		if c := count(got, "s1", both(has(m), to(macM), isUDP)); c != n {
			b.t.Errorf("s1 got %d frames, want %d", c, n)
		}
		for _, a := range all {
			if err := dev.del(a); err != nil {
				b.t.Fatal(err)
			}
		}
		b.await("all are gone", defaultWait, func() bool { return b.link("ipvl0").Addrs < 10 })
	})
	b.run(186, "a storm of changes", "l2, l3s", b.addressStorm)
}

// addressStorm: slaves take addresses of one small pool and give them up again.
// At no time has an address two owners, and in the end the table is what the
// interfaces have.
func (b *bench) addressStorm() {
	pool := []string{"10.9.0.1", "10.9.0.2", "10.9.0.3", "fd09::1", "fd09::2", "fd09::3"}
	quit, done := make(chan struct{}), make(chan int)
	for i, box := range b.boxes {
		go b.storming(b.iface(box, fmt.Sprintf("ipvl%d", i)), pool, i, quit, done)
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		owners := map[string]string{}
		for _, a := range b.addrs() {
			if a.State == "active" && owners[a.Local] != "" {
				b.t.Errorf("%s is active on %s and %s", a.Local, owners[a.Local], a.Link)
			}
			if a.State == "active" {
				owners[a.Local] = a.Link
			}
		}
	}
	close(quit)
	n := 0
	for range b.boxes {
		n += <-done
	}
	b.t.Logf("%d changes", n)
	for i, box := range b.boxes {
		have := box.IP(fmt.Sprintf("-o addr show dev ipvl%d", i))
		for _, a := range pool {
			there := strings.Contains(have, " "+a+"/")
			b.await(fmt.Sprintf("%s on slave %d is known: %v", a, i, there), defaultWait, func() bool { return (b.state(fmt.Sprintf("ipvl%d", i), a) != "") == there })
		}
	}
	for _, a := range pool { // whoever has it active gets it
		at := "h"
		for i := range b.boxes {
			if b.state(fmt.Sprintf("ipvl%d", i), a) == "active" {
				at = fmt.Sprintf("s%d", i+1)
			}
		}
		b.comesTo(a, at)
	}
	for i, box := range b.boxes {
		dev := b.iface(box, fmt.Sprintf("ipvl%d", i))
		for _, a := range pool {
			dev.del(a) // what is there
			b.wantState(fmt.Sprintf("ipvl%d", i), a, "")
		}
	}
}

func (b *bench) storming(dev iface, pool []string, seed int, quit chan struct{}, done chan int) {
	n := seed
	for ; ; n++ {
		select {
		case <-quit:
			done <- n - seed
			return
		default:
		}
		a := pool[(n*7+seed)%len(pool)]
		if n%3 == 0 {
			dev.del(a)
		} else {
			dev.add(a)
		}
	}
}

package suite

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
	frames "ipvd/cmd/ipvconform/frame"
)

// TestCasesOfListening: which frames an interface asks for, by its MAC, its
// groups and its modes of listening.
func TestCasesOfListening(t *testing.T) {
	b := newBench(t)
	b.promiscuousCases()
	b.groupMemberCases()
	b.run(80, "more group frames than are copied", "l2", b.storm)
	b.macCases()
	b.finish()
}

func (b *bench) promiscuousCases() {
	lldp := func(receivers string) {
		b.t.Helper()
		b.gets("LLDP", "w", frames.Ether("01:80:c2:00:00:0e", macW, 0x88cc, b.mark(), make([]byte, 40)), receivers)
	}
	for _, word := range []string{"promisc", "allmulticast"} {
		number := map[string]int{"promisc": 83, "allmulticast": 82}[word]
		b.run(number, "a slave goes "+word, allModes, func() {
			before := b.host.IP("-d link show eth0")
			b.boxes[2].IP("link set ipvl2 " + word + " on")
			b.settle()
			if after := b.host.IP("-d link show eth0"); after != before {
				b.t.Errorf("the host port was %q, is %q", before, after)
			}
			b.gets("frame for another MAC", "w", udp4(macX, macW, w4, s1v4, b.mark()), b.refuser())
			b.boxes[2].IP("link set ipvl2 " + word + " off")
		})
	}
	b.run(76, "link-layer groups and a promiscuous slave", "l2", func() {
		b.boxes[2].IP("link set ipvl2 promisc on")
		lldp("h") // multicast-filter in flows/ipvlan/differences.go
		b.boxes[2].IP("link set ipvl2 promisc off")
	})
	b.run(78, "unicast to the sibling of a promiscuous slave", "l2", func() {
		b.boxes[2].IP("link set ipvl2 promisc on")
		for _, dst := range []string{s1v4, s1v6} {
			m := b.mark()
			b.check(func() { b.send("w", udp(macM, macW, wire(dst), dst, m)) }, want{"to " + dst, both(has(m), to(macM)), "s1"})
			b.check(func() { b.send("s2", udp(macM, macM, own(dst, 12), dst, m)) }, want{"from s2 to " + dst, both(has(m), to(macM), isUDP), "s1"})
		}
		b.boxes[2].IP("link set ipvl2 promisc off")
	})
}

// refuser is who sees a frame for another MAC than the master's: foreign-mac in
// flows/ipvlan/differences.go. In l3s the host's stack refuses it.
func (b *bench) refuser() string {
	if b.is("l3s") {
		return "h"
	}
	return ""
}

// own is slave address n of the family of addr.
func own(addr string, n int) string {
	if isV6(addr) {
		return fmt.Sprintf("fd00::%d", n)
	}
	return fmt.Sprintf("10.0.0.%d", n)
}

// isUDP matches datagrams, and not what quotes them.
func isUDP(f []byte) bool {
	switch etherType(f) {
	case frames.TypeIPv4:
		return len(f) > 34 && f[23] == 17
	case frames.TypeIPv6:
		return len(f) > 54 && f[20] == 17
	}
	return false
}

func (b *bench) groupMemberCases() {
	b.run(81, "a slave joins and leaves a group", "l2", func() {
		for _, group := range []string{"239.5.5.5", "ff05::5555"} {
			member, stranger := b.listener(b.boxes[0], group), b.listener(b.boxes[1], group)
			b.join(member, "ipvl0", group, true)
			b.hears(member, group, true)
			b.hears(stranger, group, false)
			b.join(member, "ipvl0", group, false)
			b.hears(member, group, false)
			member.Close()
			stranger.Close()
		}
	})
}

// listener is a socket for datagrams to a group, which it has not joined yet.
func (b *bench) listener(ns hosttest.NS, group string) *net.UDPConn {
	b.t.Helper()
	c, err := socketIn(ns, net.JoinHostPort(map[bool]string{false: "0.0.0.0", true: "::"}[isV6(group)], fmt.Sprint(casePort)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	b.control(c, func(fd int) error { // not what others of this namespace have joined
		if isV6(group) {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
	})
	return c
}

func (b *bench) control(c *net.UDPConn, f func(fd int) error) {
	b.t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		b.t.Fatal(err)
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil || inner != nil {
		b.t.Fatal(err, inner)
	}
}

// join makes a socket join a group on an interface, or leave it.
func (b *bench) join(c *net.UDPConn, dev, group string, in bool) {
	b.t.Helper()
	index := b.station(map[string]string{"ipvl0": "s1", "ipvl1": "s2"}[dev]).index
	b.control(c, func(fd int) error {
		ip := net.ParseIP(group)
		if isV6(group) {
			option := map[bool]int{true: unix.IPV6_JOIN_GROUP, false: unix.IPV6_LEAVE_GROUP}[in]
			return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, option, &unix.IPv6Mreq{Multiaddr: [16]byte(ip.To16()), Interface: uint32(index)})
		}
		option := map[bool]int{true: unix.IP_ADD_MEMBERSHIP, false: unix.IP_DROP_MEMBERSHIP}[in]
		return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, option, &unix.IPMreqn{Multiaddr: [4]byte(ip.To4()), Ifindex: int32(index)})
	})
}

// hears reports an error unless the socket gets what the router sends to a
// group, or does not get it.
func (b *bench) hears(c *net.UDPConn, group string, want bool) {
	b.t.Helper()
	m := b.mark()
	b.gets("datagram to "+group, "w", udp(frames.GroupMAC(group), macW, wire(group), group, m), "h s1 s2 s3")
	c.SetReadDeadline(time.Now().Add(map[bool]time.Duration{true: defaultWait, false: quiet}[want]))
	buf := make([]byte, 2048)
	n, err := c.Read(buf)
	if got := err == nil && string(buf[:n]) == string(m); got != want {
		b.t.Errorf("the socket got %q, %v; a datagram was wanted: %v", buf[:n], err, want)
	}
}

// storm: what is over the limit of copies is dropped and accounted for; the
// host, and the wire, have it nevertheless. What a queue before the daemon had no
// room for, the daemon has not received.
func (b *bench) storm() {
	for at, far := range map[string]string{"w": "h", "s1": "w"} {
		f := udp4(macAll, map[string]string{"w": macW, "s1": macM}[at], w4, "255.255.255.255", b.mark())
		b.settle()
		before, link := b.verify(), b.link(map[string]string{"w": "eth0", "s1": "ipvl0"}[at])
		arrived := 0
		for i := range 5000 {
			unix.Sendto(b.station(at).fd, f, unix.MSG_DONTWAIT, &unix.SockaddrLinklayer{Ifindex: b.station(at).index})
			if i%16 == 15 {
				arrived += count(b.read(0), far, same(f))
			}
		}
		arrived += count(b.settle(), far, same(f))
		after := b.verify()
		received := arrivals(b.link(link.IfName)) - arrivals(link)
		refused := (after.Dropped - after.Reasons["replicate_full"]) - (before.Dropped - before.Reasons["replicate_full"])
		b.t.Logf("of 5000 broadcasts from %s %d were received, %d came to %s; dropped since the start: %v", at, received, arrived, far, after.Reasons)
		const others = 50 // probes, ARP
		if received < 1000 || arrived+int(refused)+others < received {
			b.t.Errorf("of %d broadcasts from %s %s got %d, and %d were dropped otherwise than for the limit of copies", received, at, far, arrived, refused)
		}
		for i := range b.boxes {
			b.ping(b.boxes[i], routerAddr)
		}
	}
}

// arrivals is how many frames the daemon has taken from a link: what a slave has
// sent, or what came in from a master's wire.
func arrivals(l api.Link) int {
	if l.Link == "" {
		return int(l.Stats64.RX.Packets)
	}
	return int(l.Stats64.TX.Packets)
}

// count is how many frames of a kind came to a station.
func count(all []seen, at string, match func([]byte) bool) (n int) {
	for _, s := range all {
		if s.at == at && match(s.frame) {
			n++
		}
	}
	return n
}

const otherMAC = "02:00:00:00:0a:01"

// changeMAC changes the master's, and waits until all have followed.
func (b *bench) changeMAC(mac string) {
	b.t.Helper()
	b.host.IP("link set eth0 address " + mac)
	for i, box := range b.boxes {
		dev := fmt.Sprintf("ipvl%d", i)
		b.await(dev+" has "+mac, defaultWait, func() bool { return strings.Contains(box.IP("link show "+dev), mac) })
	}
	b.await("the daemon shows "+mac, defaultWait, func() bool { return b.link("eth0").Address == mac })
	b.mac = mac
}

func (b *bench) macCases() {
	b.run(29, "the master's MAC is changed", allModes, func() {
		b.changeMAC(otherMAC)
		for _, dst := range []string{s1v4, s1v6} {
			m := b.mark()
			b.check(func() { b.send("w", echo(otherMAC, macW, wire(dst), dst, m)) },
				want{"request to " + dst, both(has(m), to(otherMAC)), b.slave("s1")},
				want{"reply of " + dst, both(isEchoReply(m), to(macW), from(otherMAC)), "w"})
		}
		b.changeMAC(macM)
	})
	b.run(30, "frame to the master's former MAC", allModes, func() {
		b.changeMAC(otherMAC)
		for _, dst := range []string{s1v4, s1v6, h4} {
			m := b.mark()
			b.check(func() { b.send("w", echo(macM, macW, wire(dst), dst, m)) },
				want{"request to " + dst, both(has(m), to(macM)), b.refuser()}, want{"reply of " + dst, isEchoReply(m), ""})
		}
		b.changeMAC(macM)
	})
}

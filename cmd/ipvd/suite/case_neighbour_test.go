package suite

import (
	"net"
	"strings"
	"time"

	frames "ipvd/cmd/ipvconform/frame"
)

// neighbourCases: who asks for whom when slaves send in l3 and l3s.
func (b *bench) neighbourCases() {
	const far4, far6 = "10.0.0.200", "fd00::200"
	b.run(148, "neighbour that the host does not know", l3All, func() {
		m := b.mark()
		b.check(func() { b.send("s1", udp4(macM, macM, s1v4, far4, m)) },
			want{"question of the host", both(isARP(1, h4, far4), from(macM)), "w"}, want{"datagram", both(has(m), isUDP), ""})
		b.check(func() { b.send("w", arpFrame(macM, macX, 2, macX, far4, macM, h4, nil)) },
			want{"datagram that waited", both(has(m), to(macX)), "w"})
		m = b.mark()
		b.check(func() { b.send("s1", udp6(macM, macM, s1v6, far6, m)) },
			want{"solicitation of the host", both(isND(neighbourSolicit, far6), from(macM)), "w"}, want{"IPv6 datagram", both(has(m), isUDP), ""})
		b.check(func() {
			b.send("w", frames.Ether(macM, macX, frames.TypeIPv6, frames.Advertise(far6, h6, far6, macX, 0x60)))
		}, want{"IPv6 datagram that waited", both(has(m), to(macX)), "w"})
		b.host.IP("neigh del " + far4 + " dev eth0")
		b.host.IP("neigh del " + far6 + " dev eth0")
	})
	b.run(149, "master without an address", l3Modes, func() {
		b.host.IP("addr del " + h4 + "/24 dev eth0")
		b.host.IP("route add 10.0.0.0/24 dev eth0")
		b.check(func() { b.send("s1", udp4(macM, macM, s1v4, far4, b.mark())) }, want{"question of nobody", isARP(1, "0.0.0.0", far4), "w"})
		b.host.IP("route del 10.0.0.0/24 dev eth0")
		b.host.IP("addr add " + h4 + "/24 dev eth0")
		b.await("the neighbour is given up", reachLimit, func() bool { return !strings.Contains(b.host.IP("neigh show "+far4), "INCOMPLETE") })
	})
	b.run(156, "the sibling is down", l3Modes, func() {
		b.boxes[1].IP("link set ipvl1 down")
		b.wantState("ipvl1", s2v4, "inactive")
		b.check(func() { b.send("s1", udp4(macM, macM, s1v4, s2v4, b.mark())) }, want{"question for s2", isARP(1, h4, s2v4), "w"})
		b.check(func() { b.send("s1", udp6(macM, macM, s1v6, s2v6, b.mark())) }, want{"solicitation for s2", isND(neighbourSolicit, s2v6), "w"})
		b.boxes[1].IP("link set ipvl1 up")
		b.boxes[1].IP("addr add " + s2v6 + "/64 dev ipvl1 nodad")
		b.wantState("ipvl1", s2v4, "active")
		b.wantState("ipvl1", s2v6, "active")
	})
	b.run(157, "neighbours of a slave", l3All, func() {
		b.datagram(b.boxes[0], w4, b.mark())
		b.datagram(b.boxes[0], w6, b.mark())
		for _, addr := range []string{w4, w6} {
			out := b.boxes[0].IP("neigh show nud all dev ipvl0 to " + addr)
			if !strings.Contains(out, "lladdr "+macM+" NOARP") {
				b.t.Errorf("got %q, want %s with the slave's own MAC and NOARP", out, addr)
			}
		}
	})
}

// delivered wants a datagram on a socket.
func (b *bench) delivered(c *net.UDPConn, data []byte) {
	b.t.Helper()
	c.SetReadDeadline(time.Now().Add(defaultWait))
	buf := make([]byte, 2048)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != string(data) {
		b.t.Errorf("the socket got %q, %v; want %q", buf[:n], err, data)
	}
}

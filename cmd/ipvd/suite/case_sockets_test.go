package suite

import (
	"fmt"
	"net"
	"os/exec"
	"time"

	"ipvd/cmd/internal/host/hosttest"
	frames "ipvd/cmd/ipvconform/frame"
)

// seenSoon waits for a frame that check may have been too early for.
func (b *bench) seenSoon(at string, mark []byte) bool {
	for end := time.Now().Add(defaultWait); time.Now().Before(end); {
		if count(b.read(10*time.Millisecond), at, both(has(mark), isUDP)) > 0 {
			return true
		}
	}
	return false
}

// flush makes conntrack forget.
func (b *bench) flush() {
	for _, ns := range []hosttest.NS{b.host, b.boxes[0]} {
		if out, err := exec.Command("ip", "netns", "exec", ns.Name, "conntrack", "-F").CombinedOutput(); err != nil {
			b.t.Errorf("conntrack -F: %v: %s", err, out)
		}
	}
}

// dialFrom is a datagram socket between two addresses.
func (b *bench) dialFrom(ns hosttest.NS, src, dst string, port int) (c *net.UDPConn) {
	b.t.Helper()
	err := inNS(ns, func() (err error) {
		c, err = net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(src)}, &net.UDPAddr{IP: net.ParseIP(dst), Port: port})
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// datagramFrom sends one through a stack, between the ports that udp has.
func (b *bench) datagramFrom(ns hosttest.NS, src, dst string, data []byte) {
	b.t.Helper()
	c := b.dialFrom(ns, src, dst, casePort)
	defer c.Close()
	c.Write(data)
}

// receives reports a datagram on a socket, waiting long for one that is wanted.
func (b *bench) receives(c *net.UDPConn, data []byte, wanted bool) bool {
	c.SetReadDeadline(time.Now().Add(map[bool]time.Duration{true: defaultWait, false: 2 * quiet}[wanted]))
	buf := make([]byte, 2048)
	n, err := c.Read(buf)
	return err == nil && string(buf[:n]) == string(data)
}

// echoes sends the datagram that comes next back to where it came from.
func (b *bench) echoes(c *net.UDPConn, data []byte) {
	b.t.Helper()
	c.SetReadDeadline(time.Now().Add(defaultWait))
	buf := make([]byte, 2048)
	n, from, err := c.ReadFromUDP(buf)
	if err != nil || string(buf[:n]) != string(data) {
		b.t.Errorf("%s: the socket got %q, %v; want %q", b.mode, buf[:n], err, data)
		return
	}
	c.WriteToUDP(buf[:n], from)
}

// answered wants an answer.
func (b *bench) answered(c *net.UDPConn, data []byte) {
	b.t.Helper()
	if !b.receives(c, data, true) {
		b.t.Errorf("%s: no answer", b.mode)
	}
}

func hostPort(addr string, port int) string { return net.JoinHostPort(addr, fmt.Sprint(port)) }

// fromIP matches packets of a source.
func fromIP(addr string) func([]byte) bool {
	ip := net.ParseIP(addr)
	return func(f []byte) bool {
		switch etherType(f) {
		case frames.TypeIPv4:
			return len(f) >= 34 && net.IP(f[26:30]).Equal(ip)
		case frames.TypeIPv6:
			return len(f) >= 54 && net.IP(f[22:38]).Equal(ip)
		}
		return false
	}
}

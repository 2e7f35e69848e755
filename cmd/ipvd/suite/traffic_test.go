package suite

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/netns"
)

// client asks the daemon without a process for each request.
func (l *lab) client() *api.Client {
	c := api.NewClient(l.socket)
	l.t.Cleanup(c.Close)
	return c
}

// brief bounds a request.
func brief(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// socketIn opens a datagram socket in a namespace; "[::]" is for IPv6 and
// "0.0.0.0" for IPv4 alone. It has room for what comes while its reader waits for a
// CPU, also beyond what the machine allows its users.
func socketIn(ns hosttest.NS, addr string) (c *net.UDPConn, err error) {
	fd, err := netns.Open(ns.Name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	err = netns.Run(fd, func() error {
		network := "udp"
		switch {
		case strings.HasPrefix(addr, "[::]"):
			network = "udp6"
		case strings.HasPrefix(addr, "0.0.0.0"):
			network = "udp4"
		}
		a, err := net.ResolveUDPAddr(network, addr)
		if err == nil {
			c, err = net.ListenUDP(network, a)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20) })
	return c, errors.Join(err, set)
}

// stream is a flow of numbered datagrams, one every streamPeriod.
type stream struct {
	from, to *net.UDPConn
	quit     chan struct{}
	sent     chan uint64  // how many, at the end
	seen     []bool       // by number; the receiver's until its end
	count    atomic.Int64 // how many different ones so far
	received chan int     // and at the end
}

const streamPeriod = 2 * time.Millisecond

// stream begins a flow to addr, which is to's.
func (l *lab) stream(from, to hosttest.NS, addr string) *stream {
	l.t.Helper()
	l.ping(from, addr)
	s := &stream{quit: make(chan struct{}), sent: make(chan uint64, 1), received: make(chan int, 1)}
	var err error
	if s.to, err = socketIn(to, net.JoinHostPort(addr, "0")); err != nil {
		l.t.Fatal(err)
	}
	if s.from, err = socketIn(from, ":0"); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.from.Close(); s.to.Close() })
	go s.receive()
	go s.send(s.to.LocalAddr().(*net.UDPAddr))
	return s
}

func (s *stream) send(to *net.UDPAddr) {
	tick := time.NewTicker(streamPeriod)
	defer tick.Stop()
	for n := uint64(0); ; n++ {
		select {
		case <-s.quit:
			s.sent <- n
			return
		case <-tick.C:
			s.from.WriteToUDP(binary.BigEndian.AppendUint64(nil, n), to)
		}
	}
}

func (s *stream) receive() {
	buf := make([]byte, 64)
	for {
		n, _, err := s.to.ReadFromUDP(buf)
		if err != nil {
			s.received <- int(s.count.Load())
			return
		}
		if i := binary.BigEndian.Uint64(buf); n == 8 {
			for uint64(len(s.seen)) <= i {
				s.seen = append(s.seen, false)
			}
			if !s.seen[i] {
				s.count.Add(1)
			}
			s.seen[i] = true
		}
	}
}

// end ends the flow and gives how many datagrams were sent and how many of them
// were lost.
func (s *stream) end() (sent, lost int) {
	close(s.quit)
	n := int(<-s.sent)
	// What is under way arrives within this, or never: others may have the CPU.
	for end := time.Now().Add(time.Minute); s.count.Load() < int64(n) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	s.to.SetReadDeadline(time.Now())
	return n, n - <-s.received
}

// wantNoLoss ends the flow, of which everything must have arrived.
func (s *stream) wantNoLoss(t *testing.T, what string) {
	t.Helper()
	sent, lost := s.end()
	t.Logf("%s: %d datagrams, %d lost", what, sent, lost)
	if lost != 0 || sent == 0 {
		t.Errorf("%s: %d of %d datagrams lost (first: %d)", what, lost, sent, slices.Index(s.seen, false))
	}
}

package mirror

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
	"ipvd/pmd/netns"
)

// receiveBuffer is the room for notifications, in bytes: some hundred thousand, so
// that few are lost while everything is read.
const receiveBuffer = 128 << 20

// Config says what to mirror.
type Config struct {
	Device string // the interface that packets leave by
	FIB    *route.FIB
	OnLink bool // as route.Policy has it
	// Report is told of what the mirror could not do, and when it can again (nil).
	// It must return soon. nil: nobody is told.
	Report func(error)
	// ReceiveBuffer is the room for notifications in bytes; 0: 128 MiB.
	ReceiveBuffer int
}

// Stats count what a mirror has done.
type Stats struct {
	Changes uint64 // notifications taken
	Lost    uint64 // times that the kernel had to drop notifications
	Reads   uint64 // times that everything was read
	ReadFor time.Duration
}

// Mirror follows one device's routing. Its exported methods may be called from any
// goroutine.
type Mirror struct {
	cfg    Config
	fib    *route.FIB
	index  uint32 // of the device
	events *socket
	ask    *socket
	wake   int // eventfd: the mirror is to end
	done   chan struct{}

	changes, lost, reads atomic.Uint64
	readFor              atomic.Int64

	mu       sync.Mutex // what is below, and the FIB's control methods
	device   device
	vrfs     map[uint32]device
	addrs    []netip.Addr
	rules    []kernelRule
	nexthops map[uint32]nexthop
	used     map[uint32]bool // next hops that routes refer to
	stale    map[netip.Addr]bool
	again    bool // everything must be read again
	missing  bool // the device has gone
	failed   bool // the last reading did
	ticks    int
}

// Open mirrors the routing of the namespace open as nsfd, and has read it when it
// returns. It needs CAP_NET_ADMIN there.
func Open(nsfd int, cfg Config) (*Mirror, error) {
	if cfg.ReceiveBuffer == 0 {
		cfg.ReceiveBuffer = receiveBuffer
	}
	m := &Mirror{cfg: cfg, fib: cfg.FIB, wake: -1, done: make(chan struct{}), stale: map[netip.Addr]bool{}}
	err := netns.Do(nsfd, m.open)
	if err == nil {
		err = m.readAll()
	}
	if err != nil {
		m.release()
		return nil, fmt.Errorf("mirror the routing by %s: %w", cfg.Device, err)
	}
	go m.run()
	return m, nil
}

func (m *Mirror) open() (err error) {
	i, err := net.InterfaceByName(m.cfg.Device)
	if err != nil {
		return fmt.Errorf("device %q: %w", m.cfg.Device, err)
	}
	m.index = uint32(i.Index)
	if m.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	m.events, err = openSocket(m.cfg.ReceiveBuffer, unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_NEXTHOP,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE,
		unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV6_RULE)
	if err == nil {
		m.ask, err = openSocket(1 << 20)
	}
	return err
}

func (m *Mirror) release() {
	for _, s := range []*socket{m.events, m.ask} {
		if s != nil {
			s.close()
		}
	}
	if m.wake >= 0 {
		unix.Close(m.wake)
	}
}

// Close ends the mirror. The FIB stays as it is; Suspend it, or the packets go on
// by what was known last. A nil mirror has nothing to end.
func (m *Mirror) Close() {
	if m == nil {
		return
	}
	select {
	case <-m.done:
		return
	default:
	}
	unix.Write(m.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-m.done
	m.release()
}

// Stats gives the counters.
func (m *Mirror) Stats() Stats {
	return Stats{m.changes.Load(), m.lost.Load(), m.reads.Load(), time.Duration(m.readFor.Load())}
}

// Do calls f while the mirror changes nothing, for f to look at the FIB's routes
// and neighbours.
func (m *Mirror) Do(f func(*route.FIB)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.fib)
}

// run is the mirror's goroutine.
func (m *Mirror) run() {
	defer close(m.done)
	const tick = time.Second / route.TicksPerSecond
	next := time.Now().Add(tick)
	for {
		fds := []unix.PollFd{{Fd: int32(m.events.fd), Events: unix.POLLIN}, {Fd: int32(m.wake), Events: unix.POLLIN}}
		unix.Poll(fds, int(max(0, time.Until(next).Milliseconds()))+1)
		if fds[1].Revents != 0 {
			return
		}
		m.turn()
		if now := time.Now(); now.After(next) {
			m.tick()
			if next = next.Add(tick); now.After(next) {
				next = now.Add(tick)
			}
		}
	}
}

// most is how many datagrams are taken in a turn: then the clock is looked at.
const most = 4096

// turn takes the notifications that there are.
func (m *Mirror) turn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range most {
		b, err := m.events.receive()
		switch {
		case errors.Is(err, errLost):
			m.lost.Add(1)
			m.again = true
			continue
		case err != nil:
			// What was read before would be older than what is in the socket.
			if m.again {
				m.read()
			}
			return
		}
		for msg := range messages(b) {
			m.handle(msg)
			m.changes.Add(1)
		}
	}
}

// read reads everything, and says when that fails.
func (m *Mirror) read() {
	begin := time.Now()
	err := m.readAll()
	m.reads.Add(1)
	m.readFor.Store(int64(time.Since(begin)))
	if err != nil {
		m.again = !m.missing
		m.fib.Suspend() // the kernel knows
	}
	if failed := err != nil; (failed || m.failed) && m.cfg.Report != nil {
		m.failed = failed
		m.cfg.Report(err)
	}
}

func (m *Mirror) handle(msg message) {
	switch msg.kind {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		m.routeChanged(msg)
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		m.neighbourChanged(msg)
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		m.ruleChanged(msg)
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		m.nexthopChanged(msg.body, msg.kind == unix.RTM_DELNEXTHOP)
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		m.linkChanged(msg)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		m.addrChanged(msg)
	}
}

// tick is the workers' clock, and looks after the neighbours.
func (m *Mirror) tick() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fib.Tick()
	if m.ticks++; m.ticks%route.TicksPerSecond == 0 {
		m.ask.drain()
		m.keepAlive()
	}
}

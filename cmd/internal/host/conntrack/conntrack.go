// Package conntrack follows what the kernel's connection tracking says of flows in
// the daemon's namespace, and what may change its verdict about them: netfilter's
// rules, routes, neighbours and links.
//
// The messages of connection tracking are read with github.com/ti-mo/conntrack: it
// alone knows a flow's status, helper and TCP flags.
package conntrack

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"github.com/ti-mo/netfilter"
	"golang.org/x/sys/unix"

	"ipvd/flows/ipvlan"
)

// Flow is a connection as the kernel knows it.
type Flow struct {
	ID          uint32 // while it exists
	Orig, Reply ipvlan.Tuple
	// Established: both sides have sent, a TCP connection is open, and the kernel
	// changes nothing in the packets but addresses and ports.
	Established bool
	// Counters of what the kernel saw, by direction; zeros unless
	// net.netfilter.nf_conntrack_acct is set.
	Packets, Bytes [2]uint64
}

// Kind says what an Event is.
type Kind uint8

const (
	Updated   Kind = iota // Event.Flow has changed
	Destroyed             // Event.Flow has ended
	// Lost: messages were lost; List tells what is now.
	Lost
	// Changed: rules, routes, neighbours or links have changed, as Event.What says.
	Changed
	// Failed: nothing more is told because of Event.Err.
	Failed
)

// Event is one change. The receiver owns it.
type Event struct {
	Kind Kind
	Flow Flow
	What string
	Err  error
}

// Options are a tracker's settings; the zero value is good.
type Options struct {
	ReceiveBuffer int // of each socket, in bytes; 0: 32 MiB, some 50,000 messages
}

// Tracker follows the namespace that it was opened in.
type Tracker struct {
	events  chan Event
	stop    chan struct{}
	readers sync.WaitGroup
	sockets []*netlink.Conn // that are read
	ask     *conntrack.Conn // for List
	change  *netfilter.Conn // for BeLiberal
	around  neighbours
	buffer  int
}

// Open begins to follow the calling thread's namespace, which must be the daemon's.
func Open(o Options) (*Tracker, error) {
	if o.ReceiveBuffer == 0 {
		o.ReceiveBuffer = 32 << 20
	}
	t := &Tracker{buffer: o.ReceiveBuffer, events: make(chan Event, 4096), stop: make(chan struct{}), around: neighbours{}}
	if err := t.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("connection tracking: %w", err), t.Close())
	}
	return t, nil
}

func (t *Tracker) open() (err error) {
	if t.ask, err = conntrack.Dial(nil); err != nil {
		return err
	}
	if t.change, err = netfilter.Dial(nil); err != nil {
		return err
	}
	flows, err := t.listen(unix.NETLINK_NETFILTER, unix.NFNLGRP_CONNTRACK_UPDATE, unix.NFNLGRP_CONNTRACK_DESTROY)
	if err != nil {
		return err
	}
	rules, err := t.listen(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	if err != nil {
		return err
	}
	routes, err := t.listen(unix.NETLINK_ROUTE, routeGroups()...)
	if err != nil {
		return err
	}
	t.read(flows, t.flow)
	t.read(rules, func(netlink.Message) (Event, bool) { return Event{Kind: Changed, What: "netfilter's rules"}, true })
	t.read(routes, t.around.event)
	return nil
}

// listen opens a socket that hears groups of a family.
func (t *Tracker) listen(family int, groups ...uint32) (*netlink.Conn, error) {
	c, err := netlink.Dial(family, nil)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket of family %d: %w", family, err)
	}
	t.sockets = append(t.sockets, c)
	for _, g := range groups {
		if err := c.JoinGroup(g); err != nil {
			return nil, fmt.Errorf("join netlink group %d of family %d: %w", g, family, err)
		}
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	err = errors.Join(err, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, t.buffer)
	}))
	if err != nil {
		return nil, fmt.Errorf("receive buffer of %d bytes: %w", t.buffer, err)
	}
	return c, nil
}

// read passes on what a socket hears until the tracker is closed.
func (t *Tracker) read(c *netlink.Conn, event func(netlink.Message) (Event, bool)) {
	t.readers.Go(func() {
		for {
			messages, err := c.Receive()
			if err != nil {
				e := Event{Kind: Failed, Err: fmt.Errorf("connection tracking: receive: %w", err)}
				if errors.Is(err, unix.ENOBUFS) {
					e = Event{Kind: Lost}
				}
				if !t.tell(e) || e.Kind == Failed {
					return
				}
			}
			for _, m := range messages {
				if e, ok := event(m); ok && !t.tell(e) {
					return
				}
			}
		}
	})
}

// tell reports that the tracker is open and e was taken.
func (t *Tracker) tell(e Event) bool {
	select {
	case <-t.stop:
		return false
	default:
	}
	select {
	case t.events <- e:
		return true
	case <-t.stop:
		return false
	}
}

// Events is where events arrive. Whoever reads it must keep reading until Close.
func (t *Tracker) Events() <-chan Event { return t.events }

// Close ends the tracker. A second call does nothing.
func (t *Tracker) Close() error {
	var errs []error
	select {
	case <-t.stop:
		return nil
	default:
		close(t.stop)
	}
	for _, c := range t.sockets {
		errs = append(errs, c.Close())
	}
	t.readers.Wait()
	if t.ask != nil {
		errs = append(errs, t.ask.Close())
	}
	if t.change != nil {
		errs = append(errs, t.change.Close())
	}
	return errors.Join(errs...)
}

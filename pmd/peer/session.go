package peer

import (
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Receiver is a ring that the peer sends by. Worker only, but for what makes it.
type Receiver interface {
	// Receive takes packets from the ring while in has room. An error says what the
	// peer has done wrong, and ends the connection.
	Receive(in *Intake) error
	// Wake says whether the peer is to tell by its descriptor when it has sent.
	Wake(on bool)
}

// Sender is a ring that the peer receives by. Worker only, but for what makes it.
type Sender interface {
	// Send copies packets into the ring, and counts each in t. An error is as for
	// Receive; packets that are not counted then are Refused.
	Send(pkts []*pmd.Mbuf, t *pmd.QueueStats) error
	// Offloads is how unfinished the packets may be; it never changes.
	Offloads() pmd.Offloads
}

// Rx is a ring with the descriptor that is readable when it has packets; -1: none.
type Rx struct {
	Receiver
	Kick int
}

// Session is what a port has of one peer. Its methods are for Protocol.Serve.
type Session struct {
	port    *Port
	conn    *net.UnixConn
	regions []*Region
	files   []int
	bells   []*Bell
	kicks   []int // in the sets' epoll
	told    bool  // that the peer is connected
}

// Port is the port that the session is of.
func (s *Session) Port() *Port { return s.port }

// Queues is how many queues the port has each way.
func (s *Session) Queues() int { return len(s.port.rx) }

// Up gives the rings to the port's queues: packets flow. Rings that are more than
// queues are not used.
func (s *Session) Up(rx []Rx, tx []Sender) error {
	p := s.port
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range rx[:min(len(rx), len(p.rx))] {
		if r.Receiver == nil {
			continue
		}
		p.rx[i].kick.Store(int64(r.Kick))
		p.rx[i].end.Store(&rxEnd{ring: r.Receiver})
		if r.Kick < 0 {
			continue
		}
		s.kicks = append(s.kicks, r.Kick)
		for _, set := range p.sets {
			if err := set.listenTo(p.rx[i]); err != nil {
				return err
			}
		}
	}
	var ends []*txEnd
	for _, t := range tx[:min(len(tx), len(p.tx))] {
		if t != nil {
			ends = append(ends, &txEnd{ring: t, able: t.Offloads()})
		}
	}
	for i, q := range p.tx {
		if len(ends) > 0 {
			e := ends[i%len(ends)]
			e.shared = len(ends) < len(p.tx)
			q.end.Store(e)
		}
	}
	p.up.Store(true)
	if !s.told {
		s.told = true
		p.tell("peer is connected", nil)
	}
	return nil
}

// Down takes the rings from the queues, and returns when no worker uses them.
func (s *Session) Down() {
	p := s.port
	p.up.Store(false)
	for _, q := range p.rx {
		q.end.Store(nil)
		q.kick.Store(-1)
	}
	for _, q := range p.tx {
		q.end.Store(nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, set := range p.sets {
		set.awaitOutside()
		for _, fd := range s.kicks {
			// The peer holds the file as well: closing ours would not take it out.
			_ = unix.EpollCtl(set.epfd, unix.EPOLL_CTL_DEL, fd, nil)
		}
	}
	s.kicks = nil
}

// end frees all that the session has.
func (s *Session) end() {
	s.Down()
	s.Unmap()
	for _, b := range s.bells {
		b.close()
	}
	for _, fd := range s.files {
		unix.Close(fd)
	}
	s.bells, s.files = nil, nil
}

// Adopt makes fd, an eventfd of the peer, end with the session. It refuses and
// closes any other file: an epoll, a pipe or one of FUSE could make a worker wait.
func (s *Session) Adopt(fd int) error {
	s.files = append(s.files, fd)
	if !isEventfd(fd) {
		return fmt.Errorf("descriptor is no eventfd: %w", unix.EINVAL)
	}
	return nil
}

// Release closes fd, an adopted eventfd that no ring uses any more: the session must
// be Down.
func (s *Session) Release(fd int) {
	s.files = slices.DeleteFunc(s.files, func(f int) bool { return f == fd })
	unix.Close(fd)
}

// Silence ends a bell that no ring uses any more: the session must be Down.
func (s *Session) Silence(b *Bell) {
	s.bells = slices.DeleteFunc(s.bells, func(o *Bell) bool { return o == b })
	b.close()
}

// NewBell makes what tells the peer by fd, an adopted eventfd.
func (s *Session) NewBell(fd int) (*Bell, error) {
	b, err := newBell(fd)
	if err == nil {
		s.bells = append(s.bells, b)
	}
	return b, err
}

// SetLimit bounds how long the next reads and writes may take; 0: for ever.
func (s *Session) SetLimit(d time.Duration) error {
	if d == 0 {
		return s.conn.SetDeadline(time.Time{})
	}
	return s.conn.SetDeadline(time.Now().Add(d))
}

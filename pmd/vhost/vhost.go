package vhost

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
)

// maxQueues is the most queues each way.
const maxQueues = 16

// Config is what to open.
type Config struct {
	Path   string // of the socket, absolute
	Server bool   // listens for the frontend; else connects to one that does
	Queues int    // RX and TX queues at most; 0 means 1
	MAC    net.HardwareAddr
	MTU    int // bytes of an L3 packet
	// Log is that of peer.Config.
	Log func(event string, err error)
}

// Open makes a port, which waits for its frontend or tries to reach it from now on.
func Open(c Config) (*peer.Port, error) {
	c.Queues = max(c.Queues, 1)
	if c.Queues > maxQueues {
		return nil, fmt.Errorf("vhost-user %s: %d queues, more than %d: %w", c.Path, c.Queues, maxQueues, unix.EINVAL)
	}
	return peer.Open(peer.Config{Driver: "vhost-user", Path: c.Path, Listen: c.Server, MAC: c.MAC, MTU: c.MTU,
		Queues: c.Queues, Log: c.Log}, protocol{})
}

// protocol is peer.Protocol.
type protocol struct{}

// Network is a stream, in which the length of a message stands in its header.
func (protocol) Network() string { return "unix" }

// Serve answers a frontend's requests until it is gone.
func (protocol) Serve(s *peer.Session) error {
	l := &link{Session: s, rings: make([]vring, 2*s.Queues())}
	for i := range l.rings {
		l.rings[i] = vring{kick: -1, call: -1}
	}
	for {
		m, err := hear(s)
		if err != nil {
			return err
		}
		err = l.do(&m)
		peer.CloseAll(m.fds) // those that nobody took
		if err != nil {
			return fmt.Errorf("request %d: %w", m.request, err)
		}
	}
}

// link is what one frontend has said so far.
type link struct {
	*peer.Session
	features uint64
	protocol uint64
	memory   memory
	rings    []vring
	running  bool
}

// vring is what is known of a ring.
type vring struct {
	num               uint32
	desc, used, avail uint64 // addresses as the frontend has them
	base              uint16
	kick, call        int  // eventfds; -1: none
	kicked            bool // SET_VRING_KICK came, by which a ring starts
	enabled           bool
	ring              *ring // while it runs
	bell              *peer.Bell
}

// do does what a request asks for.
func (l *link) do(m *message) error {
	switch m.request {
	case getFeatures, getProtocolFeatures, getQueueNum, getVringBase:
		return l.get(m)
	}
	err := l.set(m)
	if m.flags&wantsReply != 0 && l.protocol&pReplyAck != 0 {
		failed := uint64(0)
		if err != nil {
			failed = 1
		}
		if sent := l.Send(m.answer(failed)); err == nil {
			err = sent
		}
	}
	return err
}

// get answers a question.
func (l *link) get(m *message) error {
	switch m.request {
	case getFeatures:
		return l.Send(m.answer(deviceFeatures))
	case getProtocolFeatures:
		return l.Send(m.answer(protocolFeatures))
	case getQueueNum:
		return l.Send(m.answer(uint64(l.Queues())))
	}
	r, _, err := l.ringOf(m)
	if err != nil {
		return err
	}
	index, _, _ := m.state()
	l.halt()
	r.kicked = false
	l.forget(r)
	if err := l.Send(m.answer(uint64(index) | uint64(r.base)<<32)); err != nil {
		return err
	}
	return l.resume() // the others go on
}

// set does what changes something.
func (l *link) set(m *message) (err error) {
	switch m.request {
	case setOwner, resetOwner, setVringErr, sendRARP, setMTU:
		return nil // nothing to do: a host that sends learns where it is from its frames
	case setFeatures:
		if l.features, err = m.u64(); l.features&^deviceFeatures != 0 {
			return fmt.Errorf("features %#x were not offered: %w", l.features&^deviceFeatures, unix.EINVAL)
		}
	case setProtocolFeatures:
		if l.protocol, err = m.u64(); l.protocol&^protocolFeatures != 0 {
			return fmt.Errorf("protocol features %#x were not offered: %w", l.protocol&^protocolFeatures, unix.EINVAL)
		}
		return err
	case setMemTable:
		l.halt()
		err = l.setMemory(m)
	default:
		err = l.setRing(m)
	}
	if err != nil {
		return err
	}
	return l.resume()
}

// ringOf is the ring that a request is about, and the request's value.
func (l *link) ringOf(m *message) (*vring, uint32, error) {
	index, value, err := m.state()
	if m.request == setVringKick || m.request == setVringCall {
		value = index & (1 << 8) // there is no descriptor
		index &= 0xff
	}
	if err == nil && int(index) >= len(l.rings) {
		err = fmt.Errorf("ring %d of %d: %w", index, len(l.rings), unix.EINVAL)
	}
	if err != nil {
		return nil, 0, err
	}
	return &l.rings[index], value, nil
}

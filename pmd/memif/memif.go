package memif

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
)

const (
	// defaultSlots of a ring: enough for a burst of 256 at both ends while a worker
	// is away for a millisecond at 1 Mpps.
	defaultSlots = 1024
	// defaultBuffer is the bytes of a buffer; longer frames take several.
	defaultBuffer = 2048
	// wordLimit is how long a peer may take for its next word until the rings are
	// there.
	wordLimit = 10 * time.Second
	// maxQueues is the most rings each way.
	maxQueues = 16
)

// Config is what to open.
type Config struct {
	Path   string // of the socket, absolute
	Server bool   // listens; else connects to a server
	ID     uint32 // of the interface; both ends must say the same
	Secret string // at most 24 bytes; both ends must say the same
	Name   string // the interface's, told to the peer; at most 31 bytes
	Queues int    // rings each way at most; 0 means 1
	Slots  int    // of a ring, of a client: a power of two; 0 means 1024
	Buffer int    // bytes of a client's buffers; 0 means 2048
	MAC    net.HardwareAddr
	MTU    int // bytes of an L3 packet
	// Log is that of peer.Config.
	Log func(event string, err error)
}

// Open makes a port, which waits for its peer or tries to reach it from now on.
func Open(c Config) (*peer.Port, error) {
	if c.Slots == 0 {
		c.Slots = defaultSlots
	}
	if c.Buffer == 0 {
		c.Buffer = defaultBuffer
	}
	c.Queues = max(c.Queues, 1)
	if c.Slots&(c.Slots-1) != 0 || c.Slots < 1<<minLog || c.Slots > 1<<maxLog {
		return nil, fmt.Errorf("memif %s: %d slots are no power of two from %d to %d: %w", c.Path, c.Slots, 1<<minLog, 1<<maxLog, unix.EINVAL)
	}
	if len(c.Secret) > secretLen || c.Queues > maxQueues || c.Buffer < 256 || c.Buffer > 1<<16 {
		return nil, fmt.Errorf("memif %s: secret of %d bytes (at most %d), %d queues (at most %d), buffers of %d bytes (256 to 65536): %w",
			c.Path, len(c.Secret), secretLen, c.Queues, maxQueues, c.Buffer, unix.EINVAL)
	}
	return peer.Open(peer.Config{Driver: "memif", Path: c.Path, Listen: c.Server, MAC: c.MAC, MTU: c.MTU,
		Queues: c.Queues, Log: c.Log}, &protocol{c})
}

// protocol is peer.Protocol.
type protocol struct{ c Config }

// Network keeps messages apart.
func (p *protocol) Network() string { return "unixpacket" }

// Serve speaks with a peer until it is gone.
func (p *protocol) Serve(s *peer.Session) error {
	l := &link{Session: s, c: p.c}
	if err := s.SetLimit(wordLimit); err != nil {
		return err
	}
	serve := l.connect
	if p.c.Server {
		serve = l.accept
	}
	err := serve()
	if err != nil && !peer.Gone(err) {
		s.Down()
		// Its reason helps whoever looks at the other end, if it still listens.
		if s.SetLimit(time.Second) == nil {
			_ = s.Send(disconnect(err.Error())[:])
		}
	}
	return err
}

// link is the words with one peer.
type link struct {
	*peer.Session
	c       Config
	regions []*peer.Region
	rx, tx  []*ring // by their number
}

// hear gives the next message, with its descriptors.
func (l *link) hear() (*message, []int, error) {
	m := new(message)
	n, fds, err := l.Receive(m[:])
	if err == nil && n != messageLen {
		err = fmt.Errorf("message of %d bytes, not %d", n, messageLen)
	}
	if err == nil && m.kind() == msgDisconnect {
		err = fmt.Errorf("the peer has disconnected: %q", m.text(4, 96))
	}
	if err != nil {
		peer.CloseAll(fds)
		return nil, nil, err
	}
	return m, fds, nil
}

// expect is hear for a message of one type that comes without descriptors.
func (l *link) expect(kind uint16) (*message, error) {
	m, fds, err := l.hear()
	peer.CloseAll(fds)
	if err == nil && m.kind() != kind {
		err = fmt.Errorf("message of type %d, not %d", m.kind(), kind)
	}
	return m, err
}

// up starts the rings, which are all there.
func (l *link) up() error {
	var rx []peer.Rx
	var tx []peer.Sender
	for _, r := range l.rx {
		rx = append(rx, peer.Rx{Receiver: r, Kick: r.event})
	}
	for _, r := range l.tx {
		tx = append(tx, r)
	}
	if err := l.SetLimit(0); err != nil {
		return err
	}
	return l.Up(rx, tx)
}

// listen waits for the end: nothing else is said while packets flow.
func (l *link) listen() error {
	m, fds, err := l.hear()
	peer.CloseAll(fds)
	if err != nil {
		return err
	}
	return fmt.Errorf("message of type %d while connected", m.kind())
}

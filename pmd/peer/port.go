package peer

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"ipvd/pmd"
)

const (
	// etherLen is an Ethernet header, and overhead what a frame has beyond its L3
	// packet: that and two VLAN tags.
	etherLen = 14
	overhead = etherLen + 2*4
	// MaxFrame is the longest frame in bytes that a port sends: any IP packet.
	MaxFrame = overhead + 65535
	// maxPath is the longest path of a unix socket (unix(7)).
	maxPath = 107
)

// Config is what all ports of this kind need.
type Config struct {
	Driver string // memif or vhost-user, for Info and errors
	Path   string // of the socket, absolute
	// Listen makes the port wait for a peer at the socket, which it makes; else it
	// connects to the peer's, and tries again until there is one.
	Listen bool
	MAC    net.HardwareAddr // what Info gives: nobody is told
	MTU    int              // bytes of an L3 packet
	Queues int              // RX and TX queues at most; 0 means 1
	// Log is told when a peer has come (nil) and why it has gone, from the port's
	// goroutine. Nil: nobody is.
	Log func(event string, err error)
}

// Protocol is how a kind of port agrees with a peer on rings.
type Protocol interface {
	// Network is the socket's type, as package net calls it.
	Network() string
	// Serve speaks with a peer until that is gone or does what it must not. The
	// session takes away the rings and all that it mapped afterwards.
	Serve(s *Session) error
}

// Port is a port whose other end is a process.
type Port struct {
	cfg   Config
	proto Protocol
	rx    []*RxQueue
	tx    []*TxQueue
	mtu   atomic.Int32
	up    atomic.Bool
	gone  chan struct{} // closed by Close
	ended chan struct{} // closed when the goroutine has ended
	sick  chan error    // what a worker found wrong with the peer

	mu     sync.Mutex // guards the fields below; control only
	sets   []*PollSet // that hold a queue of the port
	ln     *net.UnixListener
	conn   *net.UnixConn
	closed bool
}

var _ pmd.Port = (*Port)(nil)

// Open makes a port, which begins to look for its peer at once.
func Open(cfg Config, proto Protocol) (*Port, error) {
	cfg.Queues = max(cfg.Queues, 1)
	p := &Port{cfg: cfg, proto: proto, gone: make(chan struct{}), ended: make(chan struct{}), sick: make(chan error, 1)}
	p.mtu.Store(int32(cfg.MTU))
	if len(cfg.Path) > maxPath || !filepath.IsAbs(cfg.Path) {
		return nil, fmt.Errorf("%s: socket %q is not an absolute path of at most %d bytes", cfg.Driver, cfg.Path, maxPath)
	}
	for i := range cfg.Queues {
		p.rx = append(p.rx, &RxQueue{port: p, index: i})
		p.tx = append(p.tx, &TxQueue{port: p, index: i})
	}
	if cfg.Listen {
		ln, err := listen(proto.Network(), cfg.Path)
		if err != nil {
			return nil, fmt.Errorf("%s: listen on %s: %w", cfg.Driver, cfg.Path, err)
		}
		p.ln = ln
	}
	go p.run()
	return p, nil
}

// Name is the driver and the socket's path.
func (p *Port) Name() string { return p.cfg.Driver + ":" + p.cfg.Path }

// Info is what the port was opened with.
func (p *Port) Info() pmd.Info {
	return pmd.Info{Driver: p.cfg.Driver, MAC: slices.Clone(p.cfg.MAC), MTU: int(p.mtu.Load()),
		Caps: pmd.Caps{MaxFrame: MaxFrame}, Socket: -1}
}

// SetMTU sets the MTU in bytes of an L3 packet: the port receives frames of up to
// that and 22 bytes. The peer is not told.
func (p *Port) SetMTU(mtu int) { p.mtu.Store(int32(mtu)) }

// Driver is the driver of all ports of this kind.
func (p *Port) Driver() pmd.Driver { return Driver{} }

// Rx are the queues of frames that the peer sends.
func (p *Port) Rx() []pmd.RxQueue {
	qs := make([]pmd.RxQueue, len(p.rx))
	for i, q := range p.rx {
		qs[i] = q
	}
	return qs
}

// Tx are the queues of frames for the peer. One that the peer has no ring for shares
// that of another.
func (p *Port) Tx() []pmd.TxQueue {
	qs := make([]pmd.TxQueue, len(p.tx))
	for i, q := range p.tx {
		qs[i] = q
	}
	return qs
}

// Stats is nothing that the queues have not counted.
func (p *Port) Stats() pmd.PortStats { return pmd.PortStats{} }

// Carrier reports that a peer is connected and its rings are there.
func (p *Port) Carrier() bool { return p.up.Load() }

// Close ends the connection and removes the socket that the port has made.
// Workers must have given up the port's queues.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.gone)
	var err error
	if p.ln != nil {
		err = p.ln.Close() // removes the socket's file as well
	}
	if p.conn != nil {
		p.conn.Close()
	}
	p.mu.Unlock()
	<-p.ended
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%s: close: %w", p.Name(), err)
	}
	return nil
}

// holds and drops keep the list of sets that use the port.
func (p *Port) holds(s *PollSet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.sets, s) {
		p.sets = append(p.sets, s)
	}
}

func (p *Port) drops(s *PollSet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sets = slices.DeleteFunc(p.sets, func(o *PollSet) bool { return o == s })
}

// fails ends the connection because of what the peer did. Any goroutine.
func (p *Port) fails(err error) {
	select {
	case p.sick <- err:
	default: // it is ending already
	}
}

func (p *Port) tell(event string, err error) {
	if p.cfg.Log != nil {
		p.cfg.Log(event, err)
	}
}

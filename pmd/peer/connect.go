package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// firstPause is how long a port waits before it looks for its peer again; it
	// doubles up to longestPause.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
)

// listen makes the socket. A file that a killed process has left is replaced,
// another process's socket is not.
func listen(network, path string) (*net.UnixListener, error) {
	addr := &net.UnixAddr{Name: path, Net: network}
	ln, err := net.ListenUnix(network, addr)
	if !errors.Is(err, unix.EADDRINUSE) {
		return ln, err
	}
	if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("a file that is no socket is there: %w", unix.EADDRINUSE)
	}
	c, err := net.DialUnix(network, nil, addr)
	if !errors.Is(err, unix.ECONNREFUSED) {
		if err == nil {
			c.Close()
		}
		return nil, fmt.Errorf("another process listens there: %w", unix.EADDRINUSE)
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return net.ListenUnix(network, addr)
}

// run is the port's goroutine: one peer after the other.
func (p *Port) run() {
	defer close(p.ended)
	pause := firstPause
	for {
		c, err := p.meet()
		if err == nil && p.keep(c) {
			err = p.serve(c)
			pause = firstPause
		}
		select {
		case <-p.gone:
			return
		case <-time.After(pause):
			// Without a pause a peer that is refused at once would keep us busy.
			pause = min(2*pause, longestPause)
		}
	}
}

// meet waits for a peer, or tries to reach it.
func (p *Port) meet() (*net.UnixConn, error) {
	if p.ln != nil {
		return p.ln.AcceptUnix()
	}
	return net.DialUnix(p.proto.Network(), nil, &net.UnixAddr{Name: p.cfg.Path, Net: p.proto.Network()})
}

// keep notes the connection, so that Close ends it; false when the port is closed.
func (p *Port) keep(c *net.UnixConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.conn = c
	return true
}

// serve speaks with a peer until it has gone.
func (p *Port) serve(c *net.UnixConn) error {
	select { // what a worker found wrong with the one before
	case <-p.sick:
	default:
	}
	s := &Session{port: p, conn: c}
	over, watched := make(chan struct{}), make(chan struct{})
	var wrong error
	go func() {
		defer close(watched)
		select {
		case wrong = <-p.sick:
			c.Close()
		case <-over:
		}
	}()
	err := p.speak(s)
	s.end()
	close(over)
	<-watched
	c.Close()
	if wrong != nil {
		err = wrong
	}
	if err == nil {
		err = errors.New("the peer has closed the connection")
	}
	p.tell("peer is gone", fmt.Errorf("%s: %w", p.Name(), err))
	return err
}

// speak is Serve, which looks into the peer's memory when it makes rings: a fault there
// is an error as for a worker.
func (p *Port) speak(s *Session) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("its memory cannot be used: %v", v)
		}
	}()
	return p.proto.Serve(s)
}

package memory

import (
	"fmt"

	"ipvd/pmd"
)

// Port is a port with one queue in each direction. What it can take from its
// sender is as described by the pmd.Info that it was made with.
type Port struct {
	rt   *Runtime
	name string
	info pmd.Info
	rx   queue
	tx   queue
	in   [][]byte // frames to be received
}

var _ pmd.Port = (*Port)(nil)

// queue is either queue of a port.
type queue struct {
	port  *Port
	stats pmd.QueueStats
}

// NewPort makes a port.
func (rt *Runtime) NewPort(name string, info pmd.Info) *Port {
	p := &Port{rt: rt, name: name, info: info}
	p.rx.port, p.tx.port = p, p
	return p
}

// Put makes the next step of a graph receive a frame. The port keeps it.
func (p *Port) Put(frame []byte) error {
	if len(frame) > MaxFrame {
		return fmt.Errorf("port %s: frame of %d bytes is longer than %d", p.name, len(frame), MaxFrame)
	}
	p.in = append(p.in, frame)
	return nil
}

// Name is the port's name.
func (p *Port) Name() string { return p.name }

// Info is what the port was made with.
func (p *Port) Info() pmd.Info { return p.info }

// Driver is the runtime.
func (p *Port) Driver() pmd.Driver { return p.rt }

// Rx is the one queue.
func (p *Port) Rx() []pmd.RxQueue { return []pmd.RxQueue{&p.rx} }

// Tx is the one queue.
func (p *Port) Tx() []pmd.TxQueue { return []pmd.TxQueue{&p.tx} }

// Stats are all 0: a queue loses nothing.
func (p *Port) Stats() pmd.PortStats { return pmd.PortStats{} }

// Carrier is always up.
func (p *Port) Carrier() bool { return true }

// Close does nothing: a port is memory.
func (p *Port) Close() error { return nil }

// Port is the queue's port.
func (q *queue) Port() pmd.Port { return q.port }

// Index is 0.
func (q *queue) Index() int { return 0 }

// Stats counts what was received or sent.
func (q *queue) Stats() pmd.QueueStats { return q.stats }

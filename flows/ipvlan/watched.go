package ipvlan

import "ipvd/flows"

// flood is replicate, as the stages before it see it.
type flood interface {
	fromWire(b flows.Burst)
	fromSlave(from int, b flows.Burst)
	fromHost(b flows.Burst)
	withHost(from int, b flows.Burst)
}

// watchFlood is f, unless there is a watcher to be told of what it gets.
func (b *builder) watchFlood(name string, f flood) flood {
	if t := b.g.Telltale(b.name(name)); t != nil {
		return &watchedFlood{t, f}
	}
	return f
}

// watchEgress does for an egress stage what watchFlood does for replicate.
func (b *builder) watchEgress(name string, e egress) egress {
	if t := b.g.Telltale(b.name(name)); t != nil {
		return &watchedEgress{t, e}
	}
	return e
}

type watchedFlood struct {
	*flows.Telltale
	next flood
}

func (w *watchedFlood) fromWire(b flows.Burst) {
	w.Enter(b)
	w.next.fromWire(b)
	w.Leave()
}

func (w *watchedFlood) fromSlave(from int, b flows.Burst) {
	w.Enter(b)
	w.next.fromSlave(from, b)
	w.Leave()
}

func (w *watchedFlood) fromHost(b flows.Burst) {
	w.Enter(b)
	w.next.fromHost(b)
	w.Leave()
}

func (w *watchedFlood) withHost(from int, b flows.Burst) {
	w.Enter(b)
	w.next.withHost(from, b)
	w.Leave()
}

type watchedEgress struct {
	*flows.Telltale
	next egress
}

func (w *watchedEgress) push(from int, in *ingress, b flows.Burst) (bytes uint64) {
	w.Enter(b)
	bytes = w.next.push(from, in, b)
	w.Leave()
	return bytes
}

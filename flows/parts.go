package flows

import (
	"maps"

	"ipvd/pmd"
)

// Parts is an account with the readings that it is the sum of: those of ports and
// counter sets which graphs use now. What others had counted is in the account only.
type Parts struct {
	Account
	Ports map[pmd.Port]PortPart
	Sets  map[*CounterSet][]uint64 // a value for each of the set's counters
}

// PortPart is what a port has counted, over all its queues.
type PortPart struct {
	Rx, Tx pmd.QueueStats
	Port   pmd.PortStats
}

// Account is the port's part of an account.
func (p PortPart) Account() Account {
	a := Account{Reasons: map[string]uint64{}}
	a.addRx(p.Rx)
	a.addTx(p.Tx)
	a.addPort(p.Port)
	return a
}

// AddSet adds what a set has counted to an account.
func (a *Account) AddSet(set *CounterSet, values []uint64) {
	for i, spec := range set.Specs {
		a.addCounter(spec, values[i])
	}
}

// NewAccount is an account of nothing.
func NewAccount() Account { return Account{Reasons: map[string]uint64{}} }

// parts reads each counter once.
func (l *ledger) parts() Parts {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := Parts{Account: l.past, Ports: make(map[pmd.Port]PortPart, len(l.ports)), Sets: make(map[*CounterSet][]uint64, len(l.sets))}
	p.Reasons = maps.Clone(p.Reasons)
	for q, then := range l.rx {
		part, s := p.Ports[q.Port()], sinceQueue(q.Stats(), then)
		part.Rx = part.Rx.Add(s)
		p.Ports[q.Port()] = part
		p.addRx(s)
	}
	for q, then := range l.tx {
		part, s := p.Ports[q.Port()], sinceQueue(q.Stats(), then)
		part.Tx = part.Tx.Add(s)
		p.Ports[q.Port()] = part
		p.addTx(s)
	}
	for port, then := range l.ports {
		part := p.Ports[port]
		part.Port = sincePort(port.Stats(), then)
		p.Ports[port] = part
		p.addPort(part.Port)
	}
	for set, then := range l.sets {
		values := set.loadAll()
		for i := range values {
			values[i] -= then[i]
		}
		p.Sets[set] = values
		p.AddSet(set, values)
	}
	return p
}

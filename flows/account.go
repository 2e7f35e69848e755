package flows

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"ipvd/pmd"
)

// Account is what became of all packets. See the package's documentation for
// what counts as which.
type Account struct {
	Received  uint64
	Copied    uint64
	Delivered uint64
	Dropped   uint64
	Reasons   map[string]uint64 // Dropped by reason, without zeros
}

// Difference is received + copied - delivered - dropped: 0 when every packet has
// ended in exactly one counter and none is under way.
func (a Account) Difference() int64 {
	return int64(a.Received + a.Copied - a.Delivered - a.Dropped)
}

func (a *Account) drop(reason string, n uint64) {
	if n > 0 {
		a.Dropped += n
		a.Reasons[reason] += n
	}
}

func (a *Account) addRx(s pmd.QueueStats) {
	a.Received += s.Packets + s.NoMbuf + s.Errors
	a.drop("rx_nombuf", s.NoMbuf)
	a.drop("rx_error", s.Errors)
}

func (a *Account) addTx(s pmd.QueueStats) {
	a.Copied += s.Segmented
	a.Delivered += s.Packets
	a.drop("tx_full", s.Full)
	a.drop("tx_too_big", s.TooBig)
	a.drop("tx_refused", s.Refused)
}

func (a *Account) addPort(s pmd.PortStats) {
	a.Received += s.Missed + s.Errors + s.NoMbuf
	a.drop("imissed", s.Missed)
	a.drop("ierrors", s.Errors)
	a.drop("rx_nombuf", s.NoMbuf)
	// Counted as Packets by a queue before they failed.
	a.Delivered -= s.OErrors
	a.drop("oerrors", s.OErrors)
}

func (a *Account) addCounter(spec CounterSpec, n uint64) {
	switch spec.Kind {
	case In:
		a.Received += n
	case Copied:
		a.Copied += n
	case Out:
		a.Delivered += n
	case Dropped:
		a.drop(spec.Name, n)
	}
}

// Reading is a counter's value summed over all workers.
type Reading struct {
	Set   string
	Name  string
	Kind  Kind
	Value uint64
}

// ledger knows the queues, ports and counter sets that graphs use, with what
// each had counted when the first graph began to use it. What is used no longer
// is folded into past, so that nothing grows with the number of swaps.
type ledger struct {
	mu    sync.Mutex
	rx    map[pmd.RxQueue]pmd.QueueStats
	tx    map[pmd.TxQueue]pmd.QueueStats
	ports map[pmd.Port]pmd.PortStats
	sets  map[*CounterSet][]uint64
	past  Account
}

func newLedger() *ledger {
	return &ledger{rx: map[pmd.RxQueue]pmd.QueueStats{}, tx: map[pmd.TxQueue]pmd.QueueStats{},
		ports: map[pmd.Port]pmd.PortStats{}, sets: map[*CounterSet][]uint64{},
		past: Account{Reasons: map[string]uint64{}}}
}

// add begins to count what graphs use, before they run.
func (l *ledger) add(graphs []*Graph) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range graphs {
		for _, in := range g.inputs {
			begin(l.rx, in.q, pmd.RxQueue.Stats)
			begin(l.ports, in.q.Port(), pmd.Port.Stats)
		}
		for _, out := range g.outputs {
			begin(l.tx, out.q, pmd.TxQueue.Stats)
			begin(l.ports, out.q.Port(), pmd.Port.Stats)
		}
		for _, set := range g.counters {
			begin(l.sets, set, (*CounterSet).loadAll)
		}
	}
}

func begin[K comparable, V any](m map[K]V, k K, read func(K) V) {
	if _, ok := m[k]; !ok {
		m[k] = read(k)
	}
}

// keep folds what none of graphs uses.
func (l *ledger) keep(graphs []*Graph) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := ledger{rx: maps.Clone(l.rx), tx: maps.Clone(l.tx),
		ports: maps.Clone(l.ports), sets: maps.Clone(l.sets), past: l.past}
	for _, g := range graphs {
		for _, in := range g.inputs {
			delete(gone.rx, in.q)
			delete(gone.ports, in.q.Port())
		}
		for _, out := range g.outputs {
			delete(gone.tx, out.q)
			delete(gone.ports, out.q.Port())
		}
		for _, set := range g.counters {
			delete(gone.sets, set)
		}
	}
	l.past = gone.account()
	remove(l.rx, gone.rx)
	remove(l.tx, gone.tx)
	remove(l.ports, gone.ports)
	remove(l.sets, gone.sets)
}

func remove[K comparable, V any](m, gone map[K]V) {
	for k := range gone {
		delete(m, k)
	}
}

// account is what was counted since add.
func (l *ledger) account() Account { return l.parts().Account }

// readings are all counters by the name of their set: counter sets, then queues
// and ports.
func (l *ledger) readings() []Reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rs []Reading
	for set := range l.sets {
		for i, spec := range set.Specs {
			rs = append(rs, Reading{set.Name, spec.Name, spec.Kind, set.Load(i)})
		}
	}
	for q, then := range l.rx {
		rs = append(rs, rxReadings(rxNode(q), sinceQueue(q.Stats(), then))...)
	}
	for q, then := range l.tx {
		rs = append(rs, txReadings(txNode(q), sinceQueue(q.Stats(), then))...)
	}
	for p, then := range l.ports {
		rs = append(rs, portReadings(p.Name(), sincePort(p.Stats(), then))...)
	}
	slices.SortStableFunc(rs, func(a, b Reading) int { return cmp.Compare(a.Set, b.Set) })
	return rs
}

func rxReadings(set string, s pmd.QueueStats) []Reading {
	return []Reading{{set, "received", In, s.Packets}, {set, "rx_nombuf", Dropped, s.NoMbuf}, {set, "rx_error", Dropped, s.Errors}}
}

func txReadings(set string, s pmd.QueueStats) []Reading {
	return []Reading{{set, "segmented", Copied, s.Segmented}, {set, "delivered", Out, s.Packets}, {set, "coalesced", Info, s.Coalesced}, {set, "tx_full", Dropped, s.Full},
		{set, "tx_too_big", Dropped, s.TooBig}, {set, "tx_refused", Dropped, s.Refused}}
}

func portReadings(set string, s pmd.PortStats) []Reading {
	return []Reading{{set, "imissed", Dropped, s.Missed}, {set, "ierrors", Dropped, s.Errors},
		{set, "rx_nombuf", Dropped, s.NoMbuf}, {set, "oerrors", Dropped, s.OErrors}}
}

// since is now - then, or 0 when the device has begun to count anew.
func since(now, then uint64) uint64 { return now - min(now, then) }

func sinceQueue(now, then pmd.QueueStats) pmd.QueueStats {
	return pmd.QueueStats{Packets: since(now.Packets, then.Packets), Bytes: since(now.Bytes, then.Bytes),
		Full: since(now.Full, then.Full), TooBig: since(now.TooBig, then.TooBig),
		Refused: since(now.Refused, then.Refused), Segmented: since(now.Segmented, then.Segmented), Coalesced: since(now.Coalesced, then.Coalesced),
		NoMbuf: since(now.NoMbuf, then.NoMbuf), Errors: since(now.Errors, then.Errors)}
}

func sincePort(now, then pmd.PortStats) pmd.PortStats {
	return pmd.PortStats{Missed: since(now.Missed, then.Missed), Errors: since(now.Errors, then.Errors),
		NoMbuf: since(now.NoMbuf, then.NoMbuf), OErrors: since(now.OErrors, then.OErrors)}
}

package ipvlan

import (
	"errors"
	"fmt"
	"sync/atomic"

	"ipvd/flows/large"
)

// Errors of FlowTable.Add.
var (
	// ErrFlowKnown: a flow with this tuple is in the table.
	ErrFlowKnown = errors.New("flow is in the table")
	// ErrFlowsFull: the table has as many flows as it can.
	ErrFlowsFull = errors.New("flow table is full")
)

const (
	chunkLen  = 1 << 17 // halves: 8 MB, of which only what is used takes memory
	maxChunks = 8
	// MaxFlows is how many flows a table can have.
	MaxFlows = chunkLen*maxChunks/2 - 1
)

// Times of the flow table are in ticks; TicksPerSecond of them are a second.
const (
	TicksPerSecond = 100
	// roundTicks is how long the host may keep a packet before a new round is begun.
	roundTicks = TicksPerSecond / 10
	// pauseTicks go by without shortcut after a packet that begins the end of a flow,
	// in which conntrack tells what became of it.
	pauseTicks = TicksPerSecond
)

// chunk is room for halves. It never moves, so that workers may write to it.
type chunk struct {
	halves []half // chunkLen of them
	rests  []rest
}

func newChunk() *chunk {
	return &chunk{large.Table[half](chunkLen), make([]rest, chunkLen)}
}

// FlowTable is the flows of l3s that may leave out the turn through the host. One
// goroutine at a time, the control plane's, calls its methods; workers look flows
// up meanwhile, without waiting, and open and close their shortcuts.
type FlowTable struct {
	slots  atomic.Pointer[flowSlots]
	chunks [maxChunks]atomic.Pointer[chunk]
	// generation is that of the host's rules and routes: a shortcut is open for one.
	generation atomic.Uint32
	now        atomic.Uint32 // in ticks
	period     atomic.Uint32 // ticks after which the host must see a packet of a flow
	steps      stepsOf

	// Writer only.
	made    uint32   // halves that were ever used
	free    []uint32 // of those, the ones that nobody can see
	retired []uint32 // those that a worker may still see

	live atomic.Int32 // flows
}

// NewFlowTable makes an empty table.
func NewFlowTable() *FlowTable {
	t := &FlowTable{}
	t.slots.Store(newFlowSlots(0))
	t.generation.Store(1)
	t.period.Store(TicksPerSecond)
	return t
}

// half is the half with a number.
func (t *FlowTable) half(n uint32) *half {
	place := placeOf(n)
	return &t.chunks[place/chunkLen%maxChunks].Load().halves[place%chunkLen]
}

// placeOf is where the half with a number lies, counted over all chunks. Those of a
// direction lie together, since mostly one direction has the traffic.
func placeOf(n uint32) uint32 { return n&^(chunkLen-1) | n%chunkLen/2 | n%2*(chunkLen/2) }

// noPlace is that of noNumber.
const noPlace = 1<<numberBits - 1

func (t *FlowTable) rest(n uint32) *rest {
	return &t.chunks[n/chunkLen%maxChunks].Load().rests[n%chunkLen]
}

// FlowID names a flow in the table until it is removed.
type FlowID uint32

// Add makes a flow known whose packets arrive as orig, and those that answer it as
// reply: conntrack's two tuples. Each leaves as what is answered by the other, which
// is the NAT. fromSlaves say which of the two a slave sends. The shortcut of either
// direction is opened by the workers, when the host has sent on what they gave it.
func (t *FlowTable) Add(orig, reply Tuple, origFromSlave, replyFromSlave bool) (FlowID, error) {
	if err := errors.Join(orig.check(), reply.check()); err != nil {
		return 0, err
	}
	ko, kr := orig.key(sideOf(origFromSlave)), reply.key(sideOf(replyFromSlave))
	for _, k := range []*flowKey{&ko, &kr} {
		if _, known := t.find(k); known {
			return 0, fmt.Errorf("flow %v: %w", orig, ErrFlowKnown)
		}
	}
	first, err := t.take()
	if err != nil {
		return 0, fmt.Errorf("flow %v: %w", orig, err)
	}
	t.fill(first, &ko, orig, reply.back())
	t.fill(first+1, &kr, reply, orig.back())
	t.insert(&ko, first)
	t.insert(&kr, first+1)
	t.live.Add(1)
	return FlowID(first), nil
}

func sideOf(slave bool) uint64 {
	if slave {
		return fromSlave
	}
	return 0
}

// fill makes half n that of packets with key k and tuple in, which leave as out.
func (t *FlowTable) fill(n uint32, k *flowKey, in, out Tuple) {
	h, r := t.half(n), t.rest(n)
	*h, *r = half{addrs: k.addrs, kind: k.kind}, rest{six: k.six, peer: n ^ 1}
	h.rewriting(r, in, out)
}

// take gives two halves that nobody can see, the first with an even number.
func (t *FlowTable) take() (uint32, error) {
	if n := len(t.free); n > 0 {
		first := t.free[n-1]
		t.free = t.free[:n-1]
		return first, nil
	}
	if t.made == 2*MaxFlows {
		return 0, ErrFlowsFull
	}
	if t.made%chunkLen == 0 {
		t.chunks[t.made/chunkLen].Store(newChunk())
	}
	t.made += 2
	return t.made - 2, nil
}

// Remove ends a flow: its packets go through the host from now on.
func (t *FlowTable) Remove(id FlowID) {
	first := uint32(id)
	for n := first; n < first+2; n++ {
		t.half(n).fast.Store(0)
		k := t.keyOf(n)
		t.withdraw(&k, n)
	}
	t.retired = append(t.retired, first)
	t.live.Add(-1)
}

// Reclaim makes room of removed flows usable again. synchronize must return when
// no worker uses what was unpublished before it was called.
func (t *FlowTable) Reclaim(synchronize func() error) error {
	if len(t.retired) == 0 {
		return nil
	}
	if err := synchronize(); err != nil {
		return fmt.Errorf("flow table: reclaim %d flows: %w", len(t.retired), err)
	}
	t.free = append(t.free, t.retired...)
	t.retired = t.retired[:0]
	return nil
}

// EndAll closes the shortcuts of all flows. Each opens again when the host has sent
// on what it was given later.
func (t *FlowTable) EndAll() {
	g := t.generation.Load() + 1
	t.generation.Store(max(g, 1)) // 0 means closed
}

// Tick says what time it is, in ticks; it may wrap.
func (t *FlowTable) Tick(now uint32) { t.now.Store(now) }

// SetPeriod says after how many ticks the host must see a packet of a flow again.
func (t *FlowTable) SetPeriod(ticks uint32) { t.period.Store(ticks) }

// Len is the number of flows. Any goroutine.
func (t *FlowTable) Len() int { return int(t.live.Load()) }

// Empty reports that there is no flow. Any goroutine.
func (t *FlowTable) Empty() bool { return t.live.Load() == 0 }

// FlowStats is what a flow's packets in one direction did since it was added.
type FlowStats struct {
	Fast      bool // the shortcut is open
	Packets   uint64
	Bytes     uint64 // of IP packets, over the shortcut
	Host      uint64 // packets that took the turn through the host
	HostBytes uint64
}

// Stats gives a flow's numbers, of its original and of its reply direction. They are
// right if it is called once in 16 million packets of the flow.
func (t *FlowTable) Stats(id FlowID) (s [2]FlowStats) {
	for i := range s {
		h, r := t.half(uint32(id)+uint32(i)), t.rest(uint32(id)+uint32(i))
		st := &r.stats
		packets, bytes := h.count.since(&r.lastFast)
		st.Packets, st.Bytes = st.Packets+packets, st.Bytes+bytes
		packets, bytes = r.viaHost.since(&r.lastHost)
		st.Host, st.HostBytes = st.Host+packets, st.HostBytes+bytes
		st.Fast = h.fast.Load() == t.generation.Load()
		s[i] = *st
	}
	return s
}

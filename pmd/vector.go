package pmd

// Burst is a range of a Vector: packets Off to Off+N. Whoever is handed a
// burst owns its packets.
type Burst struct{ Off, N uint32 }

// Seg is a burst bound for a queue slot of a poll set, or received from one.
// Its layout is shared with C.
type Seg struct {
	Slot, Off, N uint32
	// Bytes is the length of all packets to be sent, if it is known, each has one
	// segment and none is longer than SegList.MaxFrame; else 0, and the poll set
	// measures them.
	Bytes uint32
}

// SegList is a list of segments with room fixed at creation. Segs[:N] is in
// use. Worker only.
type SegList struct {
	Segs     []Seg
	N        int
	MaxFrame uint32 // longest frame that every queue of the set can send, in bytes; 0: not known
}

// Add appends burst b for slot; false, and nothing is added, when the list is
// full.
func (l *SegList) Add(slot uint32, b Burst) bool {
	n := l.N
	if uint(n) >= uint(len(l.Segs)) {
		return false
	}
	l.Segs[n] = Seg{slot, b.Off, b.N, 0}
	l.N = n + 1
	return true
}

// Room is how many segments can be added.
func (l *SegList) Room() int { return len(l.Segs) - l.N }

// Vector is the packet memory of one worker: the packets of the current step
// and what the next exchange frees and replaces. All slices have their final
// length from the start and may lie in C's memory. Worker only.
type Vector struct {
	Pkts  []*Mbuf // Pkts[:N]: this step's packets, received and regrouped
	N     int
	Free  []*Mbuf // Free[:NFree]: references given up, freed by the runtime's poll set
	NFree int
	Stock []*Mbuf // Stock[:NStock]: fresh mbufs (Reset), topped up by the runtime's poll set
	// NStock counts down as Alloc takes from the end.
	NStock int
	// Resets counts the calls of Reset: a stage that bounds what it does in a
	// step sees by it that a new step has begun.
	Resets uint64
	// Offloads is how many packets with Mbuf.Offload came in this step: a driver
	// that must finish them looks for them only when there are any.
	Offloads int
	// Overflow frees Free[:NFree] at once and sets NFree to 0; the vector calls
	// it when Free is full. Set by the runtime.
	Overflow func(*Vector)
	// Restock tops Stock up within a step, for drivers that need more than a
	// step's worth; no stage may call it. Set by the runtime; nil: it cannot.
	Restock func(*Vector)
}

// Reset forgets this step's packets. What they referred to must have been given
// away.
func (v *Vector) Reset() {
	v.N, v.Offloads = 0, 0
	v.Resets++
}

// Packets is burst b as a slice of the vector.
func (v *Vector) Packets(b Burst) []*Mbuf { return v.Pkts[b.Off : b.Off+b.N : b.Off+b.N] }

// Left is the number of packets that can still be appended in this step.
func (v *Vector) Left() int { return len(v.Pkts) - v.N }

// Grow appends room for n packets and gives it as a burst, whose content the
// caller must set; false when the vector has less room.
func (v *Vector) Grow(n int) (Burst, bool) {
	if n < 0 || n > len(v.Pkts)-v.N {
		return Burst{}, false
	}
	b := Burst{uint32(v.N), uint32(n)}
	v.N += n
	return b, true
}

// Append adds one packet and gives it as a burst; false when the vector is full
// (the caller still owns m).
func (v *Vector) Append(m *Mbuf) (Burst, bool) {
	b, ok := v.Grow(1)
	if ok {
		v.Pkts[b.Off] = m
	}
	return b, ok
}

// Drop gives up one reference to m. The caller counts it.
func (v *Vector) Drop(m *Mbuf) {
	if v.NFree == len(v.Free) {
		v.Overflow(v)
	}
	v.Free[v.NFree] = m
	v.NFree++
}

// DropBurst gives up one reference to every packet of b.
func (v *Vector) DropBurst(b Burst) {
	for _, m := range v.Packets(b) {
		v.Drop(m)
	}
}

// Recycle is DropBurst for drivers that have copied the packets: those that nobody else
// refers to go back to the stock without a way through the pool.
func (v *Vector) Recycle(pkts []*Mbuf) {
	n, pool := v.NStock, uintptr(0)
	if n > 0 {
		pool = v.Stock[0].pool
	}
	for _, m := range pkts {
		if n == len(v.Stock) || !m.plainOf(pool) {
			v.Drop(m)
			continue
		}
		m.again()
		v.Stock[n] = m
		n++
	}
	v.NStock = n
}

// Alloc takes a fresh, empty mbuf from the stock; nil when it is used up, which
// the caller counts as a drop (no_mbuf) or works around until the next step.
func (v *Vector) Alloc() *Mbuf {
	if v.NStock == 0 {
		return nil
	}
	v.NStock--
	return v.Stock[v.NStock]
}

// Supply is Alloc for drivers: it tops the stock up when that is used up. nil
// means that the pool is empty.
func (v *Vector) Supply() *Mbuf {
	if v.NStock == 0 && v.Restock != nil {
		v.Restock(v)
	}
	return v.Alloc()
}

// Writable gives a packet with m's content that the caller may write: m itself
// when nobody else refers to it, else a copy from the stock, for which the
// reference to m is given up. It returns nil, and the caller still owns m, when
// the stock has too few mbufs.
func (v *Vector) Writable(m *Mbuf) *Mbuf {
	if !m.Shared() {
		return m
	}
	c := v.Copy(m)
	if c != nil {
		v.Drop(m)
	}
	return c
}

// Copy gives a deep copy of m from the stock, of as many segments as its length
// needs; nil when the stock has too few mbufs. The caller owns both.
func (v *Vector) Copy(m *Mbuf) *Mbuf {
	head := v.Alloc()
	if head == nil {
		return nil
	}
	head.vlanTCI, head.port = m.vlanTCI, m.port
	head.copyOffload(m)
	last, src := head, m.Data()
	for s := m; ; {
		for len(src) > 0 {
			room := last.Room()
			if len(room) == 0 {
				next := v.Alloc()
				if next == nil {
					v.Drop(head)
					return nil
				}
				head.AddSeg(last, next)
				last = next
				room = last.Room()
			}
			n := copy(room, src)
			head.AddData(last, n)
			src = src[n:]
		}
		if s = s.next; s == nil {
			return head
		}
		src = s.Data()
	}
}

// NewVector makes a vector in Go's memory with room for pkts packets in a step,
// free given-up references and stock fresh mbufs. A runtime whose poll set
// hands the vector to C makes its own.
func NewVector(pkts, free, stock int, overflow func(*Vector)) *Vector {
	return &Vector{Pkts: make([]*Mbuf, pkts), Free: make([]*Mbuf, free), Stock: make([]*Mbuf, stock), Overflow: overflow}
}

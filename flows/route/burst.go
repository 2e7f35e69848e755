package route

// BurstLen is how many packets are looked up at a time.
const BurstLen = 256

// Burst4 is the scratch of a worker for looking up IPv4 packets together: short
// loops over all of them let the processor wait for many words at a time.
type Burst4 struct {
	Dst [BurstLen]uint32
	Src [BurstLen]uint32 // this and TOS only if the FIB asks for them
	TOS [BurstLen]uint8
	Hop [BurstLen]uint32 // the answers: numbers for FIB.Hop; 0: FIB.Otherwise

	fresh bool             // no table has been asked yet, and Hop means nothing
	above [BurstLen]uint64 // words of the root
	words [BurstLen]uint64 // of the level that was read last
	found [BurstLen]uint32 // the hops of the longest prefixes so far, of a table that is not the first
	deep  [BurstLen]uint8  // packets that have a node in the next level
}

// Hop is the hop with a number that Find4 gave. Any goroutine.
func (f *FIB) Hop(number uint32) *Hop { return f.hops.at(number) }

// Path is h, or the one of its paths that is for a flow between src and dst. Any
// goroutine.
func (f *FIB) Path(h *Hop, src, dst uint32) *Hop {
	if h.paths == nil {
		return h
	}
	return h.pick(f.queues.hash(uint64(src)<<32|uint64(dst), 0))
}

// Otherwise is the number of the hop that IPv4 packets take for which no rule has an
// answer. Any goroutine.
func (f *FIB) Otherwise() uint32 { return f.v4.Load().last }

// Find4 looks up the packets from place i to end of b, without choosing among
// paths. fill fills in their Src and TOS; it is called if a rule asks for more than the
// destination. Any goroutine.
func (f *FIB) Find4(b *Burst4, i, end int, fill func(i, end int)) {
	p := f.v4.Load()
	if !p.straight {
		fill(i, end)
		for ; i < end; i++ {
			at := uint8(i)
			b.Hop[at] = p.find4(b.Src[at], b.Dst[at], b.TOS[at])
		}
		return
	}
	b.fresh = true
	for k := range p.rules {
		p.rules[k].table.findAll(b, i, end)
	}
	b.begin(i, end)
	if p.onLink {
		for at := i; at < end; at++ {
			if h := &b.Hop[uint8(at)]; refuses(*h) {
				*h = 0
			}
		}
	}
}

// begin says of the packets that they have no answer yet, unless a table was asked.
func (b *Burst4) begin(i, end int) {
	if b.fresh {
		clear(b.Hop[i:end])
		b.fresh = false
	}
}

// findAll answers for the packets that have no answer yet.
func (t *table) findAll(b *Burst4, i, end int) {
	if few := t.few4.Load(); few == nil {
		t.tree4.Load().findAll(b, i, end)
	} else if few.n > 0 {
		few.findAll(b, i, end)
	}
	if t.throws.Load() && !b.fresh {
		forget(b, i, end)
	}
}

func (f *few4) findAll(b *Burst4, i, end int) {
	b.begin(i, end)
	for k := range f.routes[:min(f.n, few)] {
		r := &f.routes[k]
		for at := i; at < end; at++ {
			if h := &b.Hop[uint8(at)]; b.Dst[uint8(at)]&r.mask == r.addr && *h == 0 {
				*h = r.hop
			}
		}
	}
}

// forget makes packets whose route says to look elsewhere ones without an answer.
func forget(b *Burst4, i, end int) {
	for ; i < end; i++ {
		if b.Hop[uint8(i)] == throwHop {
			b.Hop[uint8(i)] = 0
		}
	}
}

// findAll does so level by level. Few packets go below the second.
func (t *trie4) findAll(b *Burst4, i, end int) {
	answers := &b.found
	if b.fresh {
		answers = &b.Hop
	}
	n := t.upper(b, answers, i, end)
	for _, shift := range [...]uint{4, 0} {
		n = t.deeper(b, answers, n, shift)
	}
	if b.fresh {
		b.fresh = false
		return
	}
	for ; i < end; i++ {
		at := uint8(i)
		b.Hop[at] = or(b.Hop[at], b.found[at])
	}
}

// choose gives the packets from place i to end the hops of the longest prefixes in the
// first two levels. It notes those that have a node below, behind n others, and gives the
// number of all noted.
func (b *Burst4) choose(answers *[BurstLen]uint32, n, i, end int) int {
	hops, words, above, below := answers[i:end], b.words[i:end], b.above[i:end], uint64(0)
	words, above = words[:len(hops)], above[:len(hops)]
	for k := range hops {
		w := words[k]
		hops[k] = or(uint32(w), uint32(above[k]))
		below |= w
	}
	if below>>32 == 0 {
		return n
	}
	for k, w := range words {
		b.deep[uint8(n)] = uint8(i + k)
		if w>>32 != 0 {
			n++
		}
	}
	return n
}

// deeper reads the words of the next level for the first n packets noted, and keeps
// those noted that have a node below.
func (t *trie4) deeper(b *Burst4, answers *[BurstLen]uint32, n int, shift uint) (still int) {
	for k := range n {
		at := b.deep[uint8(k)]
		w := t.load(uint32(b.words[at]>>32), b.Dst[at]>>(shift&31)&0xf)
		b.words[at], answers[at] = w, or(uint32(w), answers[at])
		if w>>32 != 0 {
			b.deep[uint8(still)] = at
			still++
		}
	}
	return still
}

// or is a unless that is 0, else b, without a branch that the processor could
// guess wrong.
func or(a, b uint32) uint32 { return a | b&uint32((uint64(a)-1)>>32) }

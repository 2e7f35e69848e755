package pmd_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// rig is a pool of small mbufs and a vector with a stock of them.
type rig struct {
	rt   *pmdtest.Runtime
	pool *pmdtest.Pool
	vec  *pmd.Vector
}

const room = 64 // data bytes of the rig's mbufs

func newRig(t *testing.T, pkts, stock int) *rig {
	t.Helper()
	rt := pmdtest.NewRuntime(t, 1)
	pool := rt.NewPool("small", 32, room)
	vec, err := rt.NewVector(pool, pkts, stock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.CloseVector(vec) })
	return &rig{rt, pool, vec}
}

// packet is a packet of the given segments.
func (r *rig) packet(t *testing.T, parts ...string) *pmd.Mbuf {
	t.Helper()
	var ms []*pmd.Mbuf
	var lens []int
	for _, p := range parts {
		m := r.pool.Get()
		copy(m.Room(), p)
		ms, lens = append(ms, m), append(lens, len(p))
	}
	ms[0].Chain(ms[1:], lens)
	return ms[0]
}

func TestMbufOffsetsMatchDPDK(t *testing.T) {
	// struct rte_mbuf of DPDK 21.11 to 24.11, lib/mbuf/rte_mbuf_core.h.
	for field, want := range map[string]uintptr{"buf_addr": 0, "data_off": 16, "refcnt": 18, "nb_segs": 20, "port": 22,
		"ol_flags": 24, "packet_type": 32, "pkt_len": 36, "data_len": 40, "vlan_tci": 42, "hash": 44, "buf_len": 54,
		"pool": 56, "next": 64, "tx_offload": 72} {
		if got, ok := pmd.MbufOffsets()[field]; !ok || got != want {
			t.Errorf("%s lies at %d (%v), want %d", field, got, ok, want)
		}
	}
}

func TestMbufLengthsStayWithinTheBuffer(t *testing.T) {
	r := newRig(t, 1, 0)
	m := r.packet(t, "0123456789")
	for name, tc := range map[string]struct{ ok, want bool }{
		"SetLen(room)":      {m.SetLen(room), true},
		"SetLen(room+1)":    {m.SetLen(room + 1), false},
		"SetLen(-1)":        {m.SetLen(-1), false},
		"TrimFront(room+1)": {m.TrimFront(room + 1), false},
		"TrimFront(-1)":     {m.TrimFront(-1), false},
		"Prepend(head+1)":   {m.Prepend(pmd.Headroom + 1), false},
		"Prepend(-1)":       {m.Prepend(-1), false},
	} {
		if tc.ok != tc.want {
			t.Errorf("%s reports %v, want %v", name, tc.ok, tc.want)
		}
	}
	if m.Len() != room || m.Tailroom() != 0 || m.HeadroomLen() != pmd.Headroom {
		t.Errorf("length %d, tailroom %d, headroom %d after refusals, want %d, 0, %d", m.Len(), m.Tailroom(), m.HeadroomLen(), room, pmd.Headroom)
	}
	if !m.TrimFront(4) || string(m.Data()[:4]) != "4567" {
		t.Errorf("after TrimFront(4) the data is %q", m.Data()[:4])
	}
	if !m.Prepend(pmd.Headroom+4) || m.DataLen() != room+pmd.Headroom || m.HeadroomLen() != 0 {
		t.Errorf("after Prepend of all the headroom: length %d, headroom %d", m.DataLen(), m.HeadroomLen())
	}
	r.rt.Free(m)
}

func TestChainMakesOnePacket(t *testing.T) {
	r := newRig(t, 1, 0)
	m := r.packet(t, "first ", "second ", "third")
	if m.Segs() != 3 || m.Len() != len("first second third") || string(pmdtest.Bytes(m)) != "first second third" {
		t.Errorf("%d segments with %q of length %d", m.Segs(), pmdtest.Bytes(m), m.Len())
	}
	if m.SetLen(1) {
		t.Error("SetLen changes a packet of 3 segments")
	}
	r.rt.Free(m)
	if n := r.pool.InUse(); n != 0 {
		t.Errorf("%d mbufs in use after the packet is freed", n)
	}
}

func TestReferencesCountForEverySegment(t *testing.T) {
	r := newRig(t, 1, 0)
	m := r.packet(t, "a", "b")
	m.AddRefs(2)
	m.AddRefs(0)
	if m.Refs() != 3 || m.Next().Refs() != 3 || !m.Shared() {
		t.Errorf("references %d and %d, shared %v; want 3, 3, true", m.Refs(), m.Next().Refs(), m.Shared())
	}
	if m.HeadroomLen() != pmd.Headroom {
		t.Errorf("AddRefs moved the data to %d", m.HeadroomLen())
	}
	r.rt.Free(m)
	r.rt.Free(m)
	if m.Shared() || r.pool.InUse() != 2 {
		t.Errorf("shared %v with %d mbufs in use, want the last reference to 2", m.Shared(), r.pool.InUse())
	}
	r.rt.Free(m)
}

func TestWritableCopiesOnlyWhatIsShared(t *testing.T) {
	r := newRig(t, 4, 8)
	m := r.packet(t, "mine")
	if w := r.vec.Writable(m); w != m {
		t.Error("Writable copied a packet with one reference")
	}
	m.AddRefs(1)
	w := r.vec.Writable(m)
	if w == nil || w == m || string(w.Data()) != "mine" || w.Shared() {
		t.Fatalf("Writable gave %v, want a copy", w)
	}
	if r.vec.NFree != 1 || r.vec.Free[0] != m {
		t.Errorf("%d references given up, want that to the original", r.vec.NFree)
	}
	r.rt.Free(m)
	r.rt.Free(w)
}

func TestCopySpreadsOverAsManySegmentsAsItNeeds(t *testing.T) {
	r := newRig(t, 4, 3)
	long := strings.Repeat("0123456789", 17) // 170 bytes: 3 mbufs of 64
	m := r.packet(t, long[:60], "", long[60:110], long[110:])
	c := r.vec.Copy(m)
	if c == nil || !bytes.Equal(pmdtest.Bytes(c), []byte(long)) || c.Segs() != 3 || c.Len() != len(long) {
		t.Fatalf("Copy gave %v, want 3 segments with the same bytes", c)
	}
	if r.vec.Alloc() != nil || r.vec.Copy(m) != nil {
		t.Error("the stock of 3 gave more")
	}
	m.AddRefs(1)
	if r.vec.Writable(m) != nil || m.Refs() != 2 {
		t.Errorf("Writable without stock took a reference: %d left, want 2", m.Refs())
	}
	r.rt.Free(m)
	r.rt.Free(m)
	r.rt.Free(c)
}

func TestCopyGivesBackWhatItTookWhenTheStockIsShort(t *testing.T) {
	r := newRig(t, 4, 2)
	m := r.packet(t, strings.Repeat("x", room), strings.Repeat("y", room), "z")
	if c := r.vec.Copy(m); c != nil {
		t.Error("Copy made 3 segments of a stock of 2")
	}
	r.rt.Free(m)
	if r.vec.NFree != 1 {
		t.Errorf("%d packets given up, want the half copy", r.vec.NFree)
	}
}

func TestVectorRefusesWhatDoesNotFit(t *testing.T) {
	v := pmd.NewVector(3, 0, 0, nil)
	b, ok := v.Grow(2)
	if !ok || b != (pmd.Burst{Off: 0, N: 2}) || v.Left() != 1 {
		t.Errorf("Grow(2): %v %v, %d left", b, ok, v.Left())
	}
	for _, n := range []int{2, -1} {
		if b, ok := v.Grow(n); ok {
			t.Errorf("Grow(%d) with room for 1 gave %v", n, b)
		}
	}
	if b, ok := v.Append(nil); !ok || b != (pmd.Burst{Off: 2, N: 1}) {
		t.Errorf("Append: %v %v, want the last place", b, ok)
	}
	if _, ok := v.Append(nil); ok {
		t.Error("Append to a full vector succeeds")
	}
	if ms := v.Packets(b); cap(ms) != 2 {
		t.Errorf("a burst can be appended to beyond its end: capacity %d, want 2", cap(ms))
	}
	if v.Reset(); v.Left() != 3 {
		t.Errorf("%d left after Reset, want 3", v.Left())
	}
}

func TestDropOverflowsInsteadOfLosing(t *testing.T) {
	r := newRig(t, 2, 0)
	var ms []*pmd.Mbuf
	for range 5 {
		m := r.pool.Get()
		ms = append(ms, m)
		r.vec.Drop(m)
	}
	if r.vec.NFree != 1 || r.pool.InUse() != 1 || !slices.Contains(ms, r.vec.Free[0]) {
		t.Errorf("%d on the list and %d in use, want 1: a list of 2 overflows twice", r.vec.NFree, r.pool.InUse())
	}
}

func TestSegListRefusesWhatDoesNotFit(t *testing.T) {
	l := pmd.SegList{Segs: make([]pmd.Seg, 1)}
	if !l.Add(7, pmd.Burst{Off: 3, N: 2}) || l.Segs[0] != (pmd.Seg{Slot: 7, Off: 3, N: 2}) {
		t.Errorf("the list holds %v", l.Segs)
	}
	if l.Add(8, pmd.Burst{}) || l.N != 1 {
		t.Errorf("a full list took a segment: %d of 1", l.N)
	}
}

func TestQueueStatsAddFieldByField(t *testing.T) {
	a := pmd.QueueStats{Packets: 1, Bytes: 2, Full: 3, TooBig: 4, Refused: 5, NoMbuf: 6, Errors: 7}
	want := pmd.QueueStats{Packets: 2, Bytes: 4, Full: 6, TooBig: 8, Refused: 10, NoMbuf: 12, Errors: 14}
	if got := a.Add(a); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRecycleGivesBackWhatIsWholly(t *testing.T) {
	r := newRig(t, 4, 8)
	mine := r.vec.Alloc()
	shared := r.packet(t, "shared")
	shared.AddRefs(1)
	long := r.packet(t, "two ", "segments")
	r.vec.Recycle([]*pmd.Mbuf{mine, shared, long})
	if r.vec.NStock != 8 || r.vec.NFree != 2 || r.vec.Stock[7] != mine || mine.Len() != 0 {
		t.Errorf("%d in stock, %d given up, want 8 and 2", r.vec.NStock, r.vec.NFree)
	}
	full := r.packet(t, "no room")
	r.vec.Recycle([]*pmd.Mbuf{full})
	if r.vec.NStock != 8 || r.vec.NFree != 3 {
		t.Errorf("%d in stock, %d given up, want 8 and 3", r.vec.NStock, r.vec.NFree)
	}
	r.rt.Free(shared)
}

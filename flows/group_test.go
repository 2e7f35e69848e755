package flows

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// fillVector appends n packets, told apart by their length.
func fillVector(t *testing.T, room, n int) (*pmd.Vector, Burst) {
	t.Helper()
	rt := pmdtest.NewRuntime(t, max(n, 1))
	v := pmd.NewVector(room, 0, 0, nil)
	b, ok := v.Grow(n)
	if !ok {
		t.Fatalf("no room for %d packets", n)
	}
	for i := range n {
		m := rt.Pool().Get()
		m.SetLen(i)
		v.Pkts[i] = m
		t.Cleanup(func() { rt.Free(m) })
	}
	return v, b
}

// groupsOf lists each group as its verdict and the lengths of its packets.
func groupsOf(v *pmd.Vector, groups []Group) string {
	s := ""
	for _, g := range groups {
		s += fmt.Sprint(g.Verdict, ":")
		for _, m := range v.Packets(g.Burst) {
			s += fmt.Sprint(" ", m.Len())
		}
		s += "; "
	}
	return s
}

func TestGroupSortsByVerdict(t *testing.T) {
	for _, tc := range []struct {
		verdicts []Verdict
		want     string
	}{
		{nil, ""},
		{[]Verdict{2}, "2: 0; "},
		{[]Verdict{1, 1, 1}, "1: 0 1 2; "},
		{[]Verdict{2, 0, 2, 1, 0}, "2: 0 2; 0: 1 4; 1: 3; "},
		{[]Verdict{0, 9, 1 << 31, 3}, "0: 0; 3: 1 2 3; "},
	} {
		v, b := fillVector(t, 16, len(tc.verdicts))
		groups, ok := NewGrouper(v, 3).Group(b, tc.verdicts)
		if got := groupsOf(v, groups); !ok || got != tc.want {
			t.Errorf("verdicts %v: got %q (%v), want %q", tc.verdicts, got, ok, tc.want)
		}
	}
}

func TestGroupWithoutRoomLeavesTheBurst(t *testing.T) {
	v, b := fillVector(t, 3, 2)
	g := NewGrouper(v, 2)
	if _, ok := g.Group(b, []Verdict{0, 1}); ok {
		t.Fatal("grouped 2 packets with room for 1")
	}
	if v.Packets(b)[1].Len() != 1 || v.Left() != 1 {
		t.Error("the burst or the vector was changed")
	}
	if groups, ok := g.Group(b, []Verdict{1, 1}); !ok || groupsOf(v, groups) != "1: 0 1; " {
		t.Errorf("a burst of one verdict needs room: %v %v", groups, ok)
	}
}

func TestGroupAgreesWithAMap(t *testing.T) {
	const n, verdicts = 64, 40
	v, b := fillVector(t, 2*n, n)
	g := NewGrouper(v, verdicts)
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		v.N = n
		chosen := make([]Verdict, n)
		want := map[Verdict][]int{}
		for i := range chosen {
			chosen[i] = Verdict(r.IntN(1 + round%verdicts))
			want[chosen[i]] = append(want[chosen[i]], i)
		}
		groups, ok := g.Group(b, chosen)
		if !ok || len(groups) != len(want) {
			t.Fatalf("round %d: %d groups (%v), want %d", round, len(groups), ok, len(want))
		}
		for _, gr := range groups {
			var got []int
			for _, m := range v.Packets(gr.Burst) {
				got = append(got, m.Len())
			}
			if fmt.Sprint(got) != fmt.Sprint(want[gr.Verdict]) {
				t.Fatalf("round %d, verdict %d: got %v, want %v", round, gr.Verdict, got, want[gr.Verdict])
			}
		}
	}
}

// TestGrouperTellsBytesOnlyOfFramesThatEveryQueueTakes: others are measured.
func TestGrouperTellsBytesOnlyOfFramesThatEveryQueueTakes(t *testing.T) {
	list := &pmd.SegList{Segs: make([]pmd.Seg, 3), MaxFrame: 100}
	g := NewGrouper(&pmd.Vector{Pkts: make([]*pmd.Mbuf, 16)}, 3)
	g.lists, g.lanes[1], g.lanes[2] = []*pmd.SegList{list}, 7, 8
	sort := func(length uint32, verdicts ...Verdict) (groups []Group) {
		b, _ := g.vec.Grow(len(verdicts))
		groups, total, _ := g.Sort(b, verdicts, slices.Repeat([]uint32{length}, len(verdicts)), 0)
		if want := uint64(length) * uint64(len(verdicts)); total != want {
			t.Errorf("%d bytes in all, want %d", total, want)
		}
		return groups
	}
	if own := sort(90, 1, 0, 1); len(own) != 1 || own[0] != (Group{Verdict: 0, Burst: Burst{Off: 3, N: 1}, Bytes: 90}) {
		t.Errorf("the caller got %+v", own)
	}
	sort(101, 2, 2)
	want := []pmd.Seg{{Slot: 7, Off: 4, N: 2, Bytes: 180}, {Slot: 8, Off: 6, N: 2}}
	if !slices.Equal(list.Segs[:list.N], want) || list.Room() != 1 {
		t.Errorf("the list holds %+v, want %+v", list.Segs[:list.N], want)
	}
}

// TestGrouperQueuesWhatIsForAnOutput: unless its list has no room for all groups.
func TestGrouperQueuesWhatIsForAnOutput(t *testing.T) {
	for room, want := range map[int]string{64: "1: 9 bytes; ", 1: "0: 18 bytes; 1: 9 bytes; "} {
		rt := pmdtest.NewRuntime(t, 256)
		rt.SetListLen(room)
		a := rt.NewPort("a", pmdtest.PortOptions{})
		b := rt.NewPort("b", pmdtest.PortOptions{})
		got := ""
		s := newStepper(t, config(rt, 1), func(g *Graph) error {
			o, err := g.Output("sort", b.Tx()[0])
			if err != nil {
				return err
			}
			sorter, v := g.Grouper([]*Output{o, nil}), []Verdict{0, 1, 0}
			return g.Input("sort", a.Rx()[0], stageFunc(func(b Burst) {
				groups, _, _ := sorter.Sort(b, v, []uint32{9, 9, 9}, 0)
				for _, grp := range groups {
					got += fmt.Sprintf("%d: %d bytes; ", grp.Verdict, grp.Bytes)
					o.Push(grp.Burst)
				}
			}))
		})
		a.Inject(0, frames(3)...)
		s.Step()
		s.Flush()
		if got != want {
			t.Errorf("room for %d segments: the stage got %q, want %q", room, got, want)
		}
		if n := len(b.Sent(0)); n != 3 {
			t.Errorf("room for %d segments: %d frames were sent, want 3", room, n)
		}
	}
}

// TestSortAgreesWithAMap: with few packets for the verdicts there are, with many, and
// with verdicts outside of those that most have.
func TestSortAgreesWithAMap(t *testing.T) {
	const most = 64
	v, b := fillVector(t, 2*most, most)
	g := NewGrouper(v, 40)
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 2000 {
		g.first = uint32(r.IntN(41))
		g.last = g.first + uint32(r.IntN(41-int(g.first)))
		v.N = most
		b.N = uint32(1 + r.IntN(most))
		chosen, bytes := make([]Verdict, b.N), make([]uint32, b.N)
		want, sums, all := map[Verdict][]int{}, map[Verdict]uint32{}, uint64(0)
		for i := range chosen {
			chosen[i], bytes[i] = Verdict(r.IntN(1+round%40)), r.Uint32()%9000
			want[chosen[i]] = append(want[chosen[i]], i)
			sums[chosen[i]] += bytes[i]
			all += uint64(bytes[i])
		}
		groups, total, ok := g.Sort(b, chosen, bytes, 0)
		if !ok || len(groups) != len(want) || total != all {
			t.Fatalf("round %d: %d groups (%v) of %d bytes, want %d of %d", round, len(groups), ok, total, len(want), all)
		}
		for _, gr := range groups {
			var got []int
			for _, m := range v.Packets(gr.Burst) {
				got = append(got, m.Len())
			}
			if !slices.Equal(got, want[gr.Verdict]) || gr.Bytes != sums[gr.Verdict] {
				t.Fatalf("round %d, verdict %d: got %v of %d bytes, want %v of %d", round, gr.Verdict, got, gr.Bytes, want[gr.Verdict], sums[gr.Verdict])
			}
		}
		if k := Verdict(r.IntN(41)); round%8 == 0 {
			groups, total := g.SortAll(b, k, bytes)
			if want := (Group{k, b, uint32(all)}); len(groups) != 1 || groups[0] != want || total != all {
				t.Fatalf("round %d: all together gave %v and %d bytes, want %v", round, groups, total, want)
			}
		}
	}
	if i := slices.IndexFunc(g.sums, func(sum uint64) bool { return sum != 0 }); i >= 0 {
		t.Errorf("verdict %d is left with %x", i, g.sums[i])
	}
}

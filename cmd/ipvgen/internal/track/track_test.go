package track

import (
	"math/rand/v2"
	"testing"
)

// feed adds packets that take 1000 ns each.
func feed(t *Tracker, seqs ...uint64) {
	for i, s := range seqs {
		now := int64(1e9) + int64(i)*1000
		t.Arrive(now)
		t.Add(s, now-1000, now)
	}
}

func TestOrderAndDuplicatesAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		seqs []uint64
		want Counts
	}{
		"in order":               {[]uint64{0, 1, 2, 3}, Counts{4, 0, 0, 4}},
		"one lost":               {[]uint64{0, 1, 3}, Counts{3, 0, 0, 4}},
		"one late":               {[]uint64{0, 2, 1, 3}, Counts{4, 0, 1, 4}},
		"one very late":          {[]uint64{1, 2, 3, 0}, Counts{4, 0, 1, 4}},
		"a pair of swaps":        {[]uint64{1, 0, 3, 2}, Counts{4, 0, 2, 4}},
		"twice":                  {[]uint64{0, 1, 1, 2}, Counts{3, 1, 0, 3}},
		"late and again":         {[]uint64{0, 2, 1, 1}, Counts{3, 1, 1, 3}},
		"three times":            {[]uint64{5, 5, 5}, Counts{1, 2, 0, 6}},
		"a far jump":             {[]uint64{0, 10 * window, 10*window - 1}, Counts{3, 0, 1, 10*window + 1}},
		"same bit, other window": {[]uint64{7, 7 + window, 7 + window}, Counts{2, 1, 0, 8 + window}},
		"behind the window":      {[]uint64{0, 2 * window, 0}, Counts{3, 0, 1, 2*window + 1}},
		"a jump clears the bits": {[]uint64{100, 50 + window, 49 + window, 100 + window}, Counts{4, 0, 1, 101 + window}},
	} {
		tr := New()
		feed(tr, tc.seqs...)
		if got := tr.Counts(); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

// TestTrackerAgreesWithAMap feeds a shuffled, lossy stream with duplicates and
// compares with an account that remembers everything.
func TestTrackerAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tr := New()
	seen := map[uint64]bool{}
	want := Counts{}
	for i := range 50000 {
		seq := uint64(max(0, i*20+rng.IntN(2000)-1000))
		feed(tr, seq)
		switch {
		case seen[seq]:
			want.Duplicates++
			continue
		case seq < want.Highest:
			want.Reordered++
		default:
			want.Highest = seq + 1
		}
		seen[seq] = true
		want.Received++
	}
	if got := tr.Counts(); got != want || want.Duplicates == 0 || want.Reordered == 0 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestLatencyPercentilesAreExactToThreeDigits(t *testing.T) {
	tr := New()
	for i := range int64(10000) {
		tr.Add(uint64(i), 0, (i+1)*1000)
	}
	l := tr.Latency()
	for percent, want := range map[float64]int64{1: 100e3, 50: 5000e3, 99: 9900e3, 99.9: 9990e3, 100: 10e6, 42: 5000e3} {
		if got := l.At(percent); got < want || float64(got) > float64(want)*1.001+1 {
			t.Errorf("percentile %v is %d ns, want %d or up to a thousandth more", percent, got, want)
		}
	}
	if l.Count != 10000 || l.Min > 1000 || l.Min < 999 || l.Max < 10e6 || l.Mean < 4995e3 || l.Mean > 5010e3 {
		t.Errorf("%+v", l)
	}
}

func TestLatencyOutOfRangeIsBounded(t *testing.T) {
	tr := New()
	tr.Add(0, 100, 50)  // clocks that disagree
	tr.Add(1, 0, 100e9) // longer than is kept
	l := tr.Latency()
	if l.Count != 2 || l.Min != minLatency || l.Max < maxLatency || l.At(100) > maxLatency*1.01 {
		t.Errorf("%+v, want 2 packets between %d and %d", l, minLatency, int64(maxLatency))
	}
}

func TestDuplicatesDoNotCountForLatency(t *testing.T) {
	tr := New()
	feed(tr, 0, 0, 0)
	if l := tr.Latency(); l.Count != 1 {
		t.Errorf("%d latencies of one packet seen 3 times", l.Count)
	}
}

func TestNoPacketsGiveNoLatency(t *testing.T) {
	if l := New().Latency(); l.Count != 0 || l.At(50) != 0 || len(l.Percentiles) != 0 {
		t.Errorf("%+v", l)
	}
}

func TestLongestGapLiesBetweenArrivals(t *testing.T) {
	tr := New()
	for _, now := range []int64{1000, 1010, 1500, 1600, 2000} {
		tr.Arrive(now)
	}
	if g := tr.LongestGap(); g != (Gap{1010, 1500}) {
		t.Errorf("gap %+v, want 1010 to 1500", g)
	}
	if first, last := tr.Span(); first != 1000 || last != 2000 {
		t.Errorf("packets from %d to %d, want 1000 to 2000", first, last)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	tr := New()
	seq := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		tr.Arrive(int64(seq))
		tr.Add(seq, 0, 1000)
		seq += 3
	}); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	tr := New()
	for i := range b.N {
		tr.Add(uint64(i), 0, 20000)
	}
}

package pace

import (
	"math"
	"testing"
	"time"
)

func TestRatesAreReadInEveryUnit(t *testing.T) {
	line, err := ParseLine("10G")
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]float64{
		"1000": 1000, "500pps": 500, "20k": 20e3, "20kpps": 20e3, "1.5Mpps": 1.5e6, "0.5pps": 0.5,
		"100%": 10e9 / (84 * 8), "50%": 5e9 / (84 * 8), "max": math.Inf(1),
	} {
		r, err := ParseRate(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := r.PPS(line, 64); math.Abs(got-want) > 1e-6 && got != want {
			t.Errorf("%s gives %v pps, want %v", s, got, want)
		}
	}
}

func TestWrongRatesAndLinesAreRefused(t *testing.T) {
	for _, s := range []string{"", "0", "-1", "NaN", "Inf", "101%", "0%", "%", "2Gpps", "fast", "1e99", "1.5 Mpps", "maximum"} {
		if r, err := ParseRate(s); err == nil {
			t.Errorf("rate %q is read as %v", s, r)
		}
	}
	for _, s := range []string{"", "10", "G", "0G", "-1G", "10Gb", "1e30G"} {
		if l, err := ParseLine(s); err == nil {
			t.Errorf("line %q is read as %v", s, l)
		}
	}
}

func TestGigabitLineCarries1488095SmallFrames(t *testing.T) {
	l, err := ParseLine("1G")
	if err != nil {
		t.Fatal(err)
	}
	if got := math.Round(l.PPS(64)); got != 1488095 {
		t.Errorf("%v frames of 64 bytes a second, want 1488095 (RFC 2544, appendix B, times 100)", got)
	}
}

// run lets a sender look at the bucket every tick for a while; it gives the
// numbers sent at each look.
func run(b *Bucket, tick, total time.Duration, room int) (looks []int, sum int) {
	for now := int64(1e15); now <= int64(1e15)+int64(total); now += int64(tick) {
		n := b.Take(now, room)
		looks = append(looks, n)
		sum += n
	}
	return looks, sum
}

func TestBucketKeepsTheRate(t *testing.T) {
	for _, pps := range []float64{100, 12345, 1e6, 20e6} {
		b := NewBucket(pps, 1)
		if _, sum := run(b, time.Microsecond, 200*time.Millisecond, 64); math.Abs(float64(sum)-pps/5) > 1 {
			t.Errorf("%v pps: %d packets in 0.2 s, want %v", pps, sum, pps/5)
		}
		if b.Forgone() != 0 {
			t.Errorf("%v pps: %d packets forgone by a sender in time", pps, b.Forgone())
		}
	}
}

func TestBucketSpreadsPacketsEvenly(t *testing.T) {
	looks, _ := run(NewBucket(1e6, 1), time.Microsecond, time.Millisecond, 64)
	for i, n := range looks[1:] {
		if n > 2 {
			t.Fatalf("%d packets at look %d, want at most 2 when one is due each time", n, i+1)
		}
	}
}

func TestTrainsLeaveBackToBackAtTheAverageRate(t *testing.T) {
	const train = 100
	looks, sum := run(NewBucket(1e6, train), time.Microsecond, 100*time.Millisecond, train)
	if math.Abs(float64(sum)-1e5) > train {
		t.Errorf("%d packets in 0.1 s, want 100000", sum)
	}
	for i, n := range looks {
		if n != 0 && n != train {
			t.Fatalf("%d packets at look %d, want none or a train of %d", n, i, train)
		}
	}
}

func TestLongTrainIsSentInParts(t *testing.T) {
	looks, _ := run(NewBucket(1e6, 1000), time.Microsecond, 1020*time.Microsecond, 64)
	sum, first := 0, -1
	for i, n := range looks {
		if n > 0 && first < 0 {
			first = i
		}
		sum += n
	}
	if sum != 1000 || first < 999 || looks[first+1] != 64 {
		t.Errorf("%d packets from look %d on, want 1000 from look 1000 on, 64 at a time", sum, first)
	}
}

func TestLateSenderForgoesWhatTheBucketDoesNotHold(t *testing.T) {
	b := NewBucket(1e6, 1)
	b.Take(0, 64)
	sum := 0
	for now := int64(10e6); ; now++ {
		n := b.Take(now, 64)
		if n == 0 {
			break
		}
		sum += n
	}
	if sum != depthPackets || b.Forgone() != 10000-depthPackets {
		t.Errorf("after 10 ms away at 1 Mpps: %d sent, %d forgone; want %d, %d", sum, b.Forgone(), depthPackets, 10000-depthPackets)
	}
}

func TestUnlimitedBucketIsNeverEmpty(t *testing.T) {
	b := NewBucket(math.Inf(1), 1)
	if n := b.Take(0, 64) + b.Take(0, 64); n != 128 {
		t.Errorf("%d packets in two looks, want 128", n)
	}
}

func TestClockFollowsTheMonotonicTimeOfTheMachine(t *testing.T) {
	a, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	before, between, after := a.Now(), b.Now(), a.Now()
	const slack = int64(time.Millisecond)
	if between < before-slack || between > after+slack {
		t.Errorf("two clocks of a process read %d, %d, %d: not in order within a millisecond", before, between, after)
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"1.5Mpps", "40%", "max", "1k"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			return
		}
		again, err := ParseRate(r.String())
		if err != nil || again != r {
			t.Errorf("%q is read as %v, which reads as %v (%v)", s, r, again, err)
		}
		if pps := r.PPS(1e10, 64); !(pps > 0) {
			t.Errorf("%q gives %v pps", s, pps)
		}
	})
}

func BenchmarkBucket(b *testing.B) {
	bucket := NewBucket(10e6, 1)
	for i := range b.N {
		bucket.Take(int64(i)*6400, 64)
	}
}

package trial

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/pattern"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/flows"
	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

func traffic(t testing.TB, size string) profile.Traffic {
	t.Helper()
	c := profile.Config{SrcPort: 1, DstPort: 2}
	var errs [4]error
	c.Src4, c.Src6, errs[0] = pattern.Parse("198.18.0.1")
	c.Dst4, c.Dst6, errs[1] = pattern.Parse("198.19.0.0/24")
	c.Mix, errs[2] = profile.ParseMix("udp4")
	c.Sizes, errs[3] = profile.ParseSizes(size)
	s, err := profile.NewSchedule(c)
	if errs != [4]error{} || err != nil {
		t.Fatal(errs, err)
	}
	return s
}

// patience is for what comes back within a millisecond on a machine that has nothing
// else to do. A trial in which something is lost waits for so long.
const patience = 30 * time.Second

// newBench is a tester with a sending and a receiving port.
func newBench(t *testing.T, tx pmdtest.PortOptions) (b *Bench, out, in *pmdtest.Port) {
	t.Helper()
	rt := pmdtest.NewRuntime(t, 8192)
	out, in = rt.NewPort("out", tx), rt.NewPort("in", pmdtest.PortOptions{})
	clock, err := pace.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	return &Bench{Runtime: rt, Pool: rt.Pool(), CPUs: []int{-1}, Tx: out, Rx: []pmd.Port{in}, Clock: clock, Drain: patience}, out, in
}

// device relays what out sends to in, changed by fn, until the test ends.
func device(t *testing.T, out, in *pmdtest.Port, fn func(frames [][]byte) [][]byte) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			in.Inject(0, fn(out.Sent(0))...)
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
		out.Sent(0)
	})
}

func same(frames [][]byte) [][]byte { return frames }

func do(t *testing.T, b *Bench, l Load) Outcome {
	t.Helper()
	o, err := b.Do(t.Context(), traffic(t, "64"), l)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestEverythingComesBackFromAWire(t *testing.T) {
	for name, cpus := range map[string][]int{"one worker": {-1}, "a worker for each direction": {-1, -1}} {
		b, out, in := newBench(t, pmdtest.PortOptions{})
		b.CPUs = cpus
		device(t, out, in, same)
		var seen Progress
		b.Progress = func(p Progress) { seen = p }
		o := do(t, b, Load{PPS: 20000, Count: 2000})
		if o.Offered != 2000 || o.Received != 2000 || o.Loss() != 0 || o.Refused+o.Duplicate+o.Reordered+o.Foreign != 0 {
			t.Errorf("%s: %+v", name, o)
		}
		if o.Latency.Count != 2000 || o.Latency.Min <= 0 || o.Latency.Max > 5e9 || o.LongestGap <= 0 || o.FrameSize != 64 {
			t.Errorf("%s: latency %+v, gap %d ns, size %v", name, o.Latency, o.LongestGap, o.FrameSize)
		}
		if o.Seconds < 0.099 || o.Requested != 20000 {
			t.Errorf("%s: 2000 packets at 20000 pps were sent in %v s", name, o.Seconds)
		}
		if seen.Sent == 0 || seen.Elapsed == 0 {
			t.Errorf("%s: progress %+v", name, seen)
		}
	}
}

func TestFaultsOfTheDeviceAreCounted(t *testing.T) {
	b, out, in := newBench(t, pmdtest.PortOptions{})
	b.Drain = 2 * time.Second
	n := 0
	device(t, out, in, func(frames [][]byte) (back [][]byte) {
		for _, f := range frames {
			switch n++; {
			case n%10 == 0: // lost
			case n%10 == 5: // doubled
				back = append(back, f, f)
			default:
				back = append(back, f)
			}
		}
		return append(back, []byte("somebody else's frame"))
	})
	o := do(t, b, Load{PPS: math.Inf(1), Count: 1000})
	if o.Silence < 0 || o.Silence > int64(patience) {
		t.Errorf("silent for %d ns at the end", o.Silence)
	}
	if o.Received != 900 || o.Lost() != 100 || o.Duplicate != 100 || o.Foreign == 0 || o.Loss() != 0.1 || o.Requested != 0 {
		t.Errorf("%+v", o)
	}
}

func TestSwappedPacketsAreReordered(t *testing.T) {
	b, out, in := newBench(t, pmdtest.PortOptions{})
	var held [][]byte
	device(t, out, in, func(frames [][]byte) [][]byte {
		if held = append(held, frames...); len(held) < 100 {
			return nil
		}
		back := held
		held = nil
		slices.Reverse(back)
		return back
	})
	if o := do(t, b, Load{PPS: math.Inf(1), Count: 100}); o.Received != 100 || o.Reordered != 99 {
		t.Errorf("%+v, want 99 of 100 reordered", o)
	}
}

func TestRefusedPacketsCountAsLossAtAGivenRate(t *testing.T) {
	b, out, in := newBench(t, pmdtest.PortOptions{TxCapacity: 50})
	t.Cleanup(func() { out.Sent(0) })
	_ = in
	b.Drain = 0
	o := do(t, b, Load{PPS: 1e6, Count: 200})
	if o.Silence <= 0 {
		t.Errorf("nothing came back, but the silence is %d ns", o.Silence)
	}
	if o.Refused != 150 || o.Sent() != 50 || o.Loss() != 1 {
		t.Errorf("%+v with loss %v, want 150 refused and nothing received", o, o.Loss())
	}
	out.Sent(0)
	if o = do(t, b, Load{PPS: math.Inf(1), Count: 200}); o.Refused != 150 || o.Lost() != 50 {
		t.Errorf("second trial: %+v, want 150 refused, not those of the first as well", o)
	}
}

func TestOneWayTrialLosesNothing(t *testing.T) {
	b, _, _ := newBench(t, pmdtest.PortOptions{Discard: true})
	b.Rx = nil
	b.Drain = 0
	var o Outcome
	for range 20 { // a worker that is off its CPU forgoes what was due meanwhile
		o = do(t, b, Load{PPS: 1e5, Duration: 50 * time.Millisecond})
		if o.Lost() != 0 || o.Loss() != 0 || !o.OneWay {
			t.Errorf("%+v", o)
		}
		if o.Sent() >= 2000 {
			return
		}
	}
	t.Errorf("in none of the trials 2000 of 5000 packets were sent: %+v", o)
}

func TestEarlyEndGivesWhatWasSent(t *testing.T) {
	b, out, in := newBench(t, pmdtest.PortOptions{})
	device(t, out, in, same)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b.Progress = func(p Progress) {
		if p.Sent > 0 {
			cancel()
		}
	}
	o, err := b.Do(ctx, traffic(t, "64"), Load{PPS: 10000, Duration: time.Hour})
	if err != nil || o.Received == 0 || o.Lost() != 0 || o.Seconds > 60 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestReceiverAloneFollowsTheFirstRunItSees(t *testing.T) {
	b, out, in := newBench(t, pmdtest.PortOptions{})
	b.Rx, b.Run, b.Drain = nil, 40, 0
	do(t, b, Load{PPS: math.Inf(1), Count: 10})
	first := out.Sent(0)
	do(t, b, Load{PPS: math.Inf(1), Count: 10})
	second := out.Sent(0)
	in.Inject(0, slices.Concat(first[1:3], second)...)
	in.Inject(0, first[3:9]...)
	b.Tx, b.Rx = nil, []pmd.Port{in}
	o, err := b.Do(t.Context(), nil, Load{Count: 8, Duration: patience})
	if err != nil || o.Received != 8 || o.Foreign != 10 || o.Offered != 9 || o.Lost() != 1 {
		t.Errorf("%+v, %v; want 8 of 9 packets of the first run, 10 foreign", o, err)
	}
}

func TestTrafficThatDoesNotFitIsRefused(t *testing.T) {
	b, _, _ := newBench(t, pmdtest.PortOptions{Caps: pmd.Caps{MaxFrame: 1000}})
	for word, tr := range map[string]profile.Traffic{"mbufs": traffic(t, "9000"), "port out": traffic(t, "1500"), "no traffic": nil} {
		if _, err := b.Do(t.Context(), tr, Load{Count: 1}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v, want one with %q", err, word)
		}
	}
}

// broken is traffic with a fault.
type broken struct{ profile.Traffic }

func (broken) Fill(*pmd.Mbuf, profile.Stamp) { panic("no template") }

func TestPanicOfAWorkerEndsTheTrial(t *testing.T) {
	b, _, _ := newBench(t, pmdtest.PortOptions{})
	_, err := b.Do(t.Context(), broken{traffic(t, "64")}, Load{PPS: math.Inf(1), Duration: time.Hour})
	if err == nil || !strings.Contains(err.Error(), "no template") {
		t.Errorf("error %v, want the panic's", err)
	}
}

// made lets a source make packets at each of the times.
func made(t *testing.T, l Load, times ...int64) (counts []int, s *source) {
	t.Helper()
	rt := pmdtest.NewRuntime(t, Burst)
	var ms []*pmd.Mbuf
	for range Burst {
		ms = append(ms, rt.Pool().Get())
	}
	now := int64(0)
	s = newSource(traffic(t, "64"), l, 1, func() int64 { return now })
	for _, now = range times {
		counts = append(counts, s.make(ms))
	}
	for _, m := range ms {
		rt.Free(m)
	}
	return counts, s
}

func TestSourceSendsWhatIsDue(t *testing.T) {
	const us = 1000
	for name, tc := range map[string]struct {
		load  Load
		times []int64
		want  []int
	}{
		"a rate":           {Load{PPS: 1e6}, []int64{us, 2 * us, 2 * us, 7 * us}, []int{0, 1, 0, 5}},
		"a count":          {Load{PPS: math.Inf(1), Count: 100}, []int64{us, us, us}, []int{64, 36, 0}},
		"a duration":       {Load{PPS: math.Inf(1), Duration: 5 * us}, []int64{us, 5 * us, 6 * us, 7 * us}, []int{64, 64, 0, 0}},
		"trains":           {Load{PPS: 1e6, Train: 10}, []int64{us, 10 * us, 11 * us, 25 * us}, []int{0, 0, 10, 10}},
		"more than a step": {Load{PPS: 1e6}, []int64{us, 101 * us, 101 * us}, []int{0, 64, 36}},
	} {
		if got, _ := made(t, tc.load, tc.times...); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v packets, want %v", name, got, tc.want)
		}
	}
}

func TestSecondsAreThoseOfSending(t *testing.T) {
	if _, s := made(t, Load{PPS: 100, Duration: time.Second}, 1, 5e8, 2e9); s.seconds() != 1 {
		t.Errorf("a load of a second took %v s", s.seconds())
	}
	if _, s := made(t, Load{PPS: math.Inf(1), Count: 128}, 1, 5e8+1, 2e9); s.seconds() != 0.5 {
		t.Errorf("packets made within 0.5 s took %v s", s.seconds())
	}
}

func TestStepsDoNotAllocate(t *testing.T) {
	rt := pmdtest.NewRuntime(t, 4*Burst)
	vec, err := rt.NewVector(rt.Pool(), 8192, 2*Burst)
	if err != nil {
		t.Fatal(err)
	}
	set := flows.NewCounterSet("test", 1, sinkSpecs())
	now := func() int64 { return 1 }
	src := newSource(traffic(t, "imix"), Load{PPS: math.Inf(1)}, 1, now)
	s := &sink{vec: vec, tracker: track.New(), now: now, run: 1, counters: set.Worker(0)}
	b, _ := vec.Grow(Burst)
	for i := range vec.Packets(b) {
		vec.Pkts[i] = rt.Pool().Get()
	}
	if n := testing.AllocsPerRun(100, func() {
		src.make(vec.Packets(b))
		s.Push(b)
		vec.NFree = 0 // the packets are kept for the next round
	}); n != 0 {
		t.Errorf("%v allocations for a burst", n)
	}
	if got := set.Load(cntOwn); got != src.seq {
		t.Errorf("%d packets of %d seen", got, src.seq)
	}
	for _, m := range vec.Packets(b) {
		vec.Drop(m)
	}
	rt.CloseVector(vec)
}

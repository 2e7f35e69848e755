package watch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"ipvd/flows"
	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// sieve drops frames that begin with x, and sends the others on.
type sieve struct {
	g     *flows.Graph
	vec   *pmd.Vector
	next  flows.Stage
	cells []flows.Counter
	one   [1]*pmd.Mbuf
}

func (s *sieve) Push(b flows.Burst) {
	for i, m := range s.vec.Packets(b) {
		if m.Data()[0] != 'x' {
			s.next.Push(flows.Burst{Off: b.Off + uint32(i), N: 1})
			continue
		}
		s.cells[0].Add(1)
		if w := s.g.Watcher(); w != nil {
			s.one[0] = m
			w.Dropped(s.cells, 0, s.one[:])
		}
		s.vec.Drop(m)
	}
}

// rig relays from in to out through two stages.
type rig struct {
	t       *testing.T
	rt      *pmdtest.Runtime
	in, out *pmdtest.Port
	set     *flows.CounterSet
	st      *flows.Stepper
}

func newRig(t *testing.T, listLen int, sessions ...*Session) *rig {
	t.Helper()
	r := &rig{t: t, rt: pmdtest.NewRuntime(t, 256)}
	r.rt.SetListLen(listLen)
	r.in, r.out = r.rt.NewPort("in", pmdtest.PortOptions{}), r.rt.NewPort("out", pmdtest.PortOptions{})
	r.set = flows.NewCounterSet("sieve", 1, []flows.CounterSpec{{Name: "x", Kind: flows.Dropped}, {Name: "seen", Kind: flows.Info}})
	var err error
	cfg := flows.Config{Runtime: r.rt, Pool: r.rt.Pool(), CPUs: []int{-1}, Burst: 32, VectorPackets: 128, Stock: 8}
	if r.st, err = flows.NewStepper(cfg, r.build(sessions)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.st.Close)
	return r
}

func (r *rig) build(sessions []*Session) flows.Build {
	return func(g *flows.Graph) error {
		var ws []flows.Watcher
		for _, s := range sessions {
			ws = append(ws, s.Worker(g.Worker()))
		}
		if len(ws) > 0 {
			g.Watch(All(ws))
		}
		out, err := g.Output("second", r.out.Tx()[0])
		if err != nil {
			return err
		}
		second := g.Watched("second", out)
		return g.Input("first", r.in.Rx()[0], &sieve{g: g, vec: g.Vector(), next: second, cells: g.Counters(r.set)})
	}
}

func (r *rig) send(frames ...string) {
	r.t.Helper()
	for _, f := range frames {
		r.in.Inject(0, []byte(f))
	}
	for r.st.Step() > 0 {
	}
	r.st.Flush()
	if d := r.st.Account().Difference(); d != 0 {
		r.t.Errorf("account differs by %d", d)
	}
}

func session(t *testing.T, cfg Config) *Session {
	t.Helper()
	if cfg.Ring == 0 {
		cfg.Ring = 1 << 16
	}
	if cfg.Snap == 0 {
		cfg.Snap = 1 << 16
	}
	cfg.Workers = 1
	s, err := NewSession(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func name(p Place) string {
	switch p.Kind {
	case Received:
		return "from " + p.Port.Name()
	case Queued:
		return "to " + p.Port.Name()
	case Entered:
		return p.Stage
	case Dropped:
		return "drop " + p.Reason
	}
	return "."
}

// seen lists what a session has read: `frame@place`.
func seen(s *Session) string {
	var words []string
	for _, p := range s.Read(1000) {
		words = append(words, string(p.Data)+"@"+name(p.Place))
	}
	return strings.Join(words, ", ")
}

// second accepts frames whose second byte is c.
func second(c byte) []bpf.Instruction {
	return []bpf.Instruction{bpf.LoadAbsolute{Off: 1, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(c), SkipFalse: 1},
		bpf.RetConstant{Val: 1000}, bpf.RetConstant{Val: 0}}
}

func TestACaptureHasWhatIsWanted(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    Filter
		want string
	}{
		{"received", Filter{In: true}, "a1@from in, x2@from in, b3@from in"},
		{"sent", Filter{Out: true}, "a1@to out, b3@to out"},
		{"a stage", Filter{Stage: "second"}, "a1@second, b3@second"},
		{"a reason", Filter{Drop: "x"}, "x2@drop x"},
		{"any reason", Filter{Drop: AnyReason}, "x2@drop x"},
		{"another reason", Filter{Drop: "seen"}, ""},
		{"a program", Filter{In: true, Out: true, Program: second('3')}, "b3@from in, b3@to out"},
		{"no port", Filter{In: true, Out: true, Drop: "x", Ports: []pmd.Port{}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := session(t, Config{Filter: tc.f})
			newRig(t, 64, s).send("a1", "x2", "b3")
			if got := seen(s); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestACaptureIsOfOnePort(t *testing.T) {
	cfg := Config{Filter: Filter{In: true, Out: true, Drop: AnyReason, Ports: []pmd.Port{}}}
	s := session(t, cfg)
	r := newRig(t, 64)
	s.cfg.Ports = []pmd.Port{r.out}
	if err := r.st.Swap(r.build([]*Session{s})); err != nil {
		t.Fatal(err)
	}
	r.send("a1", "x2")
	if got, want := seen(s), "a1@to out"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.cfg.Sets = []*flows.CounterSet{r.set} // as if the port's own
	if err := r.st.Swap(r.build([]*Session{s})); err != nil {
		t.Fatal(err)
	}
	r.send("x3")
	if got, want := seen(s), "x3@drop x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestASnapLengthCutsAndALongFrameIsWhole(t *testing.T) {
	short, whole := session(t, Config{Filter: Filter{In: true}, Snap: 3}), session(t, Config{Filter: Filter{In: true, Program: second('-')}})
	long := "a-" + strings.Repeat("long", pmdtest.DefaultRoom)
	newRig(t, 64, short, whole).send(long)
	for _, tc := range []struct {
		s    *Session
		want string
	}{{short, "a-l"}, {whole, long}} {
		p := tc.s.Read(9)
		if len(p) != 1 || string(p[0].Data) != tc.want || p[0].Len != len(long) {
			t.Errorf("got %d packets, want one of %d bytes with %d copied", len(p), len(long), len(tc.want))
		}
	}
}

func TestATraceFollowsEachPacketThroughTheStages(t *testing.T) {
	s := session(t, Config{Trace: true, Filter: Filter{Program: second('!')}})
	other := session(t, Config{Filter: Filter{In: true}})
	newRig(t, 64, s, other).send("a1", "b!", "c3", "x!", "d!", "e6")
	var ways []string
	for _, p := range s.Read(9) {
		way := string(p.Data)
		for _, st := range p.Steps {
			way += ", " + name(st.Place)
			if st.Place.Kind != Left && string(st.Head) != string(p.Data) {
				t.Errorf("%s: head %q", way, st.Head)
			}
		}
		ways = append(ways, way)
	}
	want := "b!, first, second, to out, ., .; x!, first, drop x, .; d!, first, second, to out, ., ."
	if got := strings.Join(ways, "; "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := len(other.Read(9)), 6; got != want {
		t.Errorf("a capture beside it saw %d packets, want %d", got, want)
	}
}

func TestNothingQueuedIsMissedWhenAListOverflows(t *testing.T) {
	s := session(t, Config{Filter: Filter{Out: true}})
	r := newRig(t, 4, s)
	var want []string
	for i := range 40 {
		f := fmt.Sprintf("f%02d", i)
		r.in.Inject(0, []byte(f))
		want = append(want, f+"@to out")
	}
	r.send()
	if got := seen(s); got != strings.Join(want, ", ") {
		t.Errorf("got %s", got)
	}
}

func TestWhatFindsNoRoomIsCounted(t *testing.T) {
	s := session(t, Config{Filter: Filter{In: true}, Ring: 1 << 10})
	r := newRig(t, 64, s)
	const frames = 100
	for i := range frames {
		r.in.Inject(0, fmt.Appendf(nil, "frame %03d", i))
	}
	r.send()
	got := len(s.Read(frames))
	if got == 0 || got == frames || s.Lost() != uint64(frames-got) {
		t.Errorf("read %d and lost %d of %d", got, s.Lost(), frames)
	}
	r.send("after")
	if got := seen(s); got != "after@from in" {
		t.Errorf("an emptied ring gives %q", got)
	}
}

func TestARingKeepsRecordsWhole(t *testing.T) {
	r := newRing(1 << 8)
	random := rand.New(rand.NewPCG(1, 2))
	var queue []string
	for i := range 10000 {
		if b := fmt.Sprint(i, strings.Repeat("-", random.IntN(60))); r.begin(len(b)) {
			half := random.IntN(len(b))
			r.put([]byte(b[:half]))
			r.put([]byte(b[half:]))
			r.end()
			queue = append(queue, b)
		}
		for random.IntN(2) > 0 && len(queue) > 0 {
			if got := string(r.get()); got != queue[0] {
				t.Fatalf("got %q, want %q", got, queue[0])
			}
			queue = queue[1:]
		}
	}
	if r.lost.Load() == 0 {
		t.Error("the ring was never full")
	}
}

func TestAProgramThatCannotRunIsRefused(t *testing.T) {
	if _, err := NewSession(Config{Filter: Filter{Program: []bpf.Instruction{bpf.LoadAbsolute{Size: 1}}}}); err == nil {
		t.Error("taken, want an error")
	}
}

func TestWatchingAllocatesNothing(t *testing.T) {
	for _, cfg := range []Config{{Filter: Filter{In: true, Out: true, Drop: AnyReason, Program: second('1')}, Snap: 64}, {Trace: true}} {
		s := session(t, cfg)
		r := newRig(t, 64, s)
		r.out.SetCarrier(false) // the fake keeps what it sends
		r.in.Replay(0, []byte("a1"), []byte("x1"))
		r.st.Step()
		if n := testing.AllocsPerRun(50, func() { r.st.Step() }); n != 0 {
			t.Errorf("trace %v: %v allocations a step, want 0", cfg.Trace, n)
		}
	}
}

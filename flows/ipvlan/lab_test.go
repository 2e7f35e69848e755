package ipvlan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ipvd/flows"
	"ipvd/pmd/pmdtest"
)

// lab is a master with slaves on fake ports, run by hand: slave number k from 1
// has the addresses 10.0.0.(10+k) and fd00::(10+k, in decimal digits).
type lab struct {
	t     testing.TB
	rt    *pmdtest.Runtime
	kind  pmdtest.PortOptions
	m     *Master
	ports map[string]*pmdtest.Port // WIRE HOST PUNT RETURN S1 S2 …
	cfg   flows.Config
	st    *flows.Stepper
}

type option func(l *lab)

func with(f func(m *Master)) option { return func(l *lab) { f(l.m) } }

func newLab(t testing.TB, mode Mode, flag Flag, slaves int, opts ...option) *lab {
	t.Helper()
	return newLabOf(t, pmdtest.PortOptions{}, mode, flag, slaves, opts...)
}

// newLabOf is newLab with all ports like port.
func newLabOf(t testing.TB, port pmdtest.PortOptions, mode Mode, flag Flag, slaves int, opts ...option) *lab {
	t.Helper()
	l := &lab{t: t, rt: pmdtest.NewRuntime(t, 1024), kind: port, ports: map[string]*pmdtest.Port{}}
	l.m = NewMaster("eth0", 1)
	l.m.Mode, l.m.Flag, l.m.MAC, l.m.MTU, l.m.ReturnMAC = mode, flag, macM, 1500, macReturn
	l.m.Wire, l.m.Host = l.port("WIRE"), l.port("HOST")
	l.m.Return, l.m.Punt = l.port("RETURN"), l.port("PUNT").Tx()[0]
	for k := 1; k <= slaves; k++ {
		l.addSlave(k)
	}
	l.cfg = flows.Config{Runtime: l.rt, Pool: l.rt.Pool(), CPUs: []int{-1}}
	for _, o := range opts {
		o(l)
	}
	var err error
	if l.st, err = flows.NewStepper(l.cfg, l.build); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.st.Close)
	return l
}

func (l *lab) build(g *flows.Graph) error { return Build(g, l.m) }

// port makes a port; slaves are of the other driver, as TAPs are.
func (l *lab) port(name string) *pmdtest.Port {
	if name[0] == 'S' {
		l.ports[name] = l.rt.OtherDriver().NewPort(name, l.kind)
	} else {
		l.ports[name] = l.rt.NewPort(name, l.kind)
	}
	return l.ports[name]
}

func (l *lab) addSlave(k int) *Slave {
	name := fmt.Sprintf("S%d", k)
	s := NewSlave(l.m.Name, uint16(k), name, l.port(name), 1500, 1)
	l.m.Slaves = append(l.m.Slaves, s)
	if k > 89 {
		return s
	}
	for _, a := range []string{fmt.Sprintf("10.0.0.%d", 10+k), fmt.Sprintf("fd00::%d", 10+k)} {
		if err := l.m.Table.Set(netip.MustParseAddr(a), uint32(k)); err != nil {
			l.t.Fatal(err)
		}
	}
	return s
}

// inject gives the data plane frames from a port and runs it until they are
// sent.
func (l *lab) inject(at string, frames ...[]byte) {
	l.t.Helper()
	l.ports[at].Inject(0, frames...)
	for l.st.Step() > 0 {
	}
	l.st.Flush()
	if d := l.st.Account().Difference(); d != 0 {
		l.t.Errorf("account differs by %d", d)
	}
}

// outcome takes what was sent, by port, and says who got frames and what was
// dropped: `HOST S1 S2`, or `drop:runt`.
func (l *lab) outcome(before flows.Account) (string, map[string][][]byte) {
	sent := map[string][][]byte{}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(l.ports)) {
		if f := l.ports[name].Sent(0); f != nil {
			sent[name] = f
			words = append(words, name)
		}
	}
	for reason, n := range l.st.Account().Reasons {
		if n > before.Reasons[reason] {
			words = append(words, "drop:"+reason)
		}
	}
	return strings.Join(words, " "), sent
}

// send is inject of one frame, and outcome.
func (l *lab) send(at string, frame []byte) (string, map[string][][]byte) {
	l.t.Helper()
	before := l.st.Account()
	l.inject(at, frame)
	return l.outcome(before)
}

// answers is how often somebody was answered for a slave.
func (l *lab) answers() uint64 {
	return l.m.Counters.Host.Load(answered) + l.m.Counters.Classify.Load(answered)
}

// dropped is how often a reason was counted in a set.
func dropped(c *flows.CounterSet, r Reason) uint64 { return c.Load(int(r)) }

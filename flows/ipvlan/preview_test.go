package ipvlan

import (
	"bytes"
	"strings"
	"testing"

	"ipvd/flows"
	"ipvd/pmd"
)

// replicated runs the graph of a replica of the lab's master in place of the
// master's own, on the same ports.
func (l *lab) replicated() {
	l.t.Helper()
	replica := l.m.Replica(1, func(p pmd.Port) pmd.Port { return p })
	if err := l.st.Swap(func(g *flows.Graph) error { return Build(g, replica) }); err != nil {
		l.t.Fatal(err)
	}
}

// original runs the lab's own graph again.
func (l *lab) original() {
	l.t.Helper()
	if err := l.st.Swap(l.build); err != nil {
		l.t.Fatal(err)
	}
}

func TestAReplicaSendsWhatAnOpenShortcutWould(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		flow := w.l.m.Flows
		w.l.replicated()
		w.goes(some(1, 30), w.host) // the host has not seen the flow
		w.l.original()
		w.opens(some(2, 30))
		w.l.replicated()
		// A packet more, and the shortcut is open: in the replica it is taken, but not opened.
		if sent := w.goes(some(3, 30), w.to); !bytes.Equal(sent[0], w.wanted(some(3, 30))) {
			t.Errorf("got\n% x, want\n% x", sent[0], w.wanted(some(3, 30)))
		}
		w.l.original()
		w.goes(some(4, 30), w.to)
		w.l.replicated()
		w.goes(some(5, 30), w.to)
		w.goes(some(6, 1400), w.host) // longer than any that the host has sent on
		if fast := flow.Stats(0)[0].Packets + flow.Stats(0)[1].Packets; fast != 1 {
			t.Errorf("%d packets are counted over the shortcut, want the master's", fast)
		}
		flow.EndAll()
		w.goes(some(7, 30), w.host)
		w.l.original()
		w.goes(some(8, 30), w.host)
	})
}

func TestAWatcherIsToldOfShortcuts(t *testing.T) {
	both(t, func(t *testing.T, w *way) {
		p := some(1, 30)
		stages := func() string {
			t.Helper()
			told := w.l.watched(w.from, w.given(p))
			w.l.original()
			return told
		}
		if got := stages(); !strings.Contains(got, "eth0 shortcut, ") || !strings.Contains(got, "to "+w.host+",") {
			t.Errorf("at first: %s", got)
		}
		w.returns(p)
		if got, want := stages(), "eth0 shortcut, to "+w.to+", ., "; !strings.Contains(got, want) {
			t.Errorf("then: %s, want %s", got, want)
		}
	})
}

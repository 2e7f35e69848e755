package main

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func TestDatagramsPassTheRelay(t *testing.T) {
	needRoot(t)
	l, err := testBench.newLab()
	if err != nil {
		t.Fatal(err)
	}
	r, err := startRelay(l, testBench.cpus[0])
	if err != nil {
		t.Fatal(errors.Join(err, l.close()))
	}
	path, err := openPath(relayEnd(l, 0), relayEnd(l, 1), relayMAC(1), 7000)
	if err != nil {
		t.Fatal(errors.Join(err, r.close(), l.close()))
	}
	took, err := interleave([]*wakePath{path}, 20)
	if err != nil {
		t.Error(err)
	} else {
		t.Logf("took %v", slices.Sorted(slices.Values(took[0])))
	}
	// Without the relay nothing arrives.
	if err := r.close(); err != nil {
		t.Error(err)
	}
	if _, err := path.sample(); err == nil {
		t.Error("a datagram has arrived without a relay")
	}
	path.close()
	if err := l.close(); err != nil {
		t.Error(err)
	}
	for _, ns := range []string{l.router, l.host, l.boxes[0], l.boxes[1]} {
		if exists("/run/netns/" + ns)() {
			t.Errorf("namespace %s is left", ns)
		}
	}
}

func TestWakeRowsCompareWithinARound(t *testing.T) {
	// The second round is slower by half for everybody.
	p := percentiles{
		{wakeRelay: 20 * time.Microsecond, wakeTAP: 24 * time.Microsecond, wakeMaster: 22 * time.Microsecond},
		{wakeRelay: 30 * time.Microsecond, wakeTAP: 36 * time.Microsecond, wakeMaster: 33 * time.Microsecond},
	}
	if r := p.row("x", wakeTAP); *r.Ratio != 1.2 || *r.RatioMin != 1.2 || *r.RatioMax != 1.2 || *r.Value != 30 {
		t.Errorf("ratio %v (%v to %v), value %v, want 1.2 throughout and 30 us", *r.Ratio, *r.RatioMin, *r.RatioMax, *r.Value)
	}
	if s := p.spread(wakeRelay); s != 1.5 {
		t.Errorf("spread %v, want 1.5", s)
	}
}

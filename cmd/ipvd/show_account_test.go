package main

import (
	"strings"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/flows"
)

func TestADifferenceIsExplained(t *testing.T) {
	if why := explainDifference(&api.Verify{OK: true}, nil); why != nil {
		t.Errorf("of an account that balances: %q", why)
	}
	if why := explainDifference(&api.Verify{}, nil); len(why) != 1 || !strings.Contains(why[0], "never rested") {
		t.Errorf("under traffic: %q", why)
	}
	worker := []flows.WorkerInfo{{Packets: 10}}
	for _, tc := range []struct {
		received   uint64
		difference int64
		faults     uint64
		want       []string
	}{
		{10, 3, 0, []string{"3 packets came"}},
		{10, -2, 0, []string{"2 packets more ended"}},
		{12, 2, 0, []string{"count 12 packets, the workers took 10", "2 packets came"}},
		{10, 1, 4, []string{"panicked 4 times", "1 packets came"}},
	} {
		worker[0].Faults = tc.faults
		v := api.Verify{AtRest: true, Account: api.Account{Received: tc.received + 1, Difference: tc.difference, Reasons: map[string]uint64{"imissed": 1}}}
		why := whyNot(&v, worker)
		if len(why) != len(tc.want) {
			t.Errorf("%+v: %q", tc, why)
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(why[i], want) {
				t.Errorf("%+v: %q, want %q", tc, why[i], want)
			}
		}
	}
}

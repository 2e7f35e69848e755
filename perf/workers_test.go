package main

import (
	"testing"

	"ipvd/perf/traffic"
)

func TestCrewsForwardAndAccount(t *testing.T) {
	worker(t)
	addrs := traffic.Addrs4(100)
	l := ingressLoad(addrs, fileLen(len(addrs)), ingressSlaves)
	bed, err := testBench.newBed(bedConfig{frames: l.frames, copies: 2, queues: 2*ingressSlaves + laneGap, burst: 128})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := bed.close(); err != nil {
			t.Error(err)
		}
	}()
	for n := 1; n <= 2; n++ {
		c, err := bed.newCrew(addrs, testBench.cpus[:n])
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.turn()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d workers: %d packets in %v of CPU time, others used %.0f %%", n, s.Work, s.CPU, 100*c.share())
		for _, q := range c.master.Wire.Rx() {
			if q.Stats().Packets == 0 {
				t.Errorf("%d workers: queue %d of the source was not polled", n, q.Index())
			}
		}
		for _, s := range c.master.Slaves {
			for _, q := range s.Port.Tx() {
				if q.Stats().Packets == 0 {
					t.Errorf("%d workers: queue %d of the sink got nothing", n, q.Index())
				}
			}
		}
	}
}

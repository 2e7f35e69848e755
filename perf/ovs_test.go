package main

import (
	"strings"
	"testing"
)

const ovsStats = "pmd thread numa_id 0 core_id 1:\n  packets received: 1010\n  packet recirculations: 0\n" +
	"  emc hits: 900\n  miss with success upcall: 30\n  miss with failed upcall: 10\n" +
	"main thread:\n  packets received: 7\n  miss with success upcall: 0\n  miss with failed upcall: 0\n"

const ovsShow = "netdev@ovs-netdev:\n  lookups: hit:900 missed:40 lost:10\n  flows: 2\n" +
	"  port 1: br0 (tap)\n    RX packets:0 errors:0\n    TX packets:99 errors:0\n" +
	"  port 2: out1 (dpdk: mtu=1500)\n    RX packets:0 errors:0\n    TX packets:250 errors:0\n" +
	"  port 3: out0 (dpdk: mtu=1500)\n    RX packets:0 errors:0\n    TX packets:750 errors:0\n"

func TestCountersOfOpenVSwitch(t *testing.T) {
	w, err := parseWork(ovsStats)
	if want := (ovsWork{received: 1010, missed: 40, lost: 10}); err != nil || w != want {
		t.Errorf("worker: got %+v, %v, want %+v", w, err, want)
	}
	if _, err := parseWork(strings.TrimPrefix(ovsStats, "pmd thread")); err == nil {
		t.Error("counters of a worker were found where there is none")
	}
	sent := parseSent(ovsShow)
	if len(sent) != 2 || sent["out0"] != 750 || sent["out1"] != 250 {
		t.Errorf("outputs: got %v, want 750 and 250", sent)
	}
}

func TestOpenVSwitchMustSendWhatItReceives(t *testing.T) {
	l := load{frames: make([][]byte, 100), slaves: 2, want: []uint64{75, 25}}
	w := ovsWork{received: 1010, missed: 40, lost: 10}
	for _, c := range []struct {
		out0, out1 uint64
		ok         bool
	}{
		{750, 250, true},
		{755, 245, true},   // what was lost and the last pass may be of either
		{750, 249, false},  // one is missing
		{900, 100, false},  // to the wrong output
		{1000, 0, false},   // to one only
		{1010, 250, false}, // more than was received
	} {
		err := checkSent(l, w, map[string]uint64{"out0": c.out0, "out1": c.out1})
		if (err == nil) != c.ok {
			t.Errorf("outputs %d and %d: %v", c.out0, c.out1, err)
		}
	}
}

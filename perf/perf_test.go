package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"ipvd/perf/traffic"
)

// The process has one EAL, and the main thread is its worker.
var testBench *bench

func TestMain(m *testing.M) {
	b, end, err := start(true)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testBench = b
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// worker makes the test's thread one.
func worker(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	unregister, err := testBench.rt.Register()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unregister)
}

func TestAStepIsOneCallIntoC(t *testing.T) {
	worker(t)
	for _, slaves := range []int{1, 16, 1024} {
		in, err := testBench.newIngress(traffic.Addrs4(1024), slaves, 32)
		if err != nil {
			t.Fatal(err)
		}
		const steps = 1000
		before := runtime.NumCgoCall()
		for range steps {
			in.path.st.Step()
		}
		if calls := runtime.NumCgoCall() - before; calls > 2*steps {
			t.Errorf("%d slaves: %d calls into C in %d steps, want at most 2 a step", slaves, calls, steps)
		}
		if err := in.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAllGetWhatTheFileHolds(t *testing.T) {
	worker(t)
	for name, pick := range map[string]int{"IPv4": 0, "IPv6": 1} {
		addrs := traffic.Addrs4(300)
		if pick == 1 {
			addrs = traffic.Addrs6(300)
		}
		in, err := testBench.newIngress(addrs, 7, 64)
		if err != nil {
			t.Fatal(err)
		}
		packets := uint64(4 * len(in.load.frames))
		if n := in.ref.Run(packets); n != packets {
			t.Errorf("%s: reference received %d of %d", name, n, packets)
		}
		in.refRun = packets
		if _, err := in.path.run(packets); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := in.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		in.refRun += uint64(len(in.load.frames))
		if in.check() == nil {
			t.Errorf("%s: the check has not missed a pass over the file", name)
		}
		if err := in.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEgressReachesWireAndSiblings(t *testing.T) {
	worker(t)
	for _, dst := range [][6]byte{peerMAC, masterMAC} {
		e, err := testBench.newEgress(dst)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.path.run(uint64(2 * len(e.load.frames)))
		if err := errors.Join(err, e.check(), e.close()); err != nil {
			t.Errorf("to %v: %v", dst, err)
		}
	}
}

func TestStatisticsOfTestpmd(t *testing.T) {
	said := "  ------- Forward statistics for port 0  ----\n  RX-packets: 1 RX-dropped: 0\n  TX-packets: 2\n" +
		"  +++++ Accumulated forward statistics for all ports+++++\n" +
		"  RX-packets: 128            RX-dropped: 0             RX-total: 128\n" +
		"  TX-packets: 127            TX-dropped: 1             TX-total: 128\n"
	if rx, tx, err := accumulated(said); rx != 128 || tx != 127 || err != nil {
		t.Errorf("received %d, sent %d, %v, want 128 and 127", rx, tx, err)
	}
	if _, _, err := accumulated(strings.Replace(said, "Accumulated", "", 1)); err == nil {
		t.Error("statistics were found where there are none")
	}
}

func TestCrowdedKeysDiffer(t *testing.T) {
	const n = collidingKeys
	for _, addrs := range [][]any{toAny(crowded(n)), toAny(scattered(n)), toAny(crowded6(n)), toAny(scattered6(n))} {
		seen := map[any]bool{}
		for _, a := range addrs {
			seen[a] = true
		}
		if len(seen) != n {
			t.Errorf("%d different keys of %d", len(seen), n)
		}
	}
}

func toAny[T any](s []T) (out []any) {
	for _, v := range s {
		out = append(out, v)
	}
	return out
}

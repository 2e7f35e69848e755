package flows

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAWorkersSliceIsShort: its thread's alone, which ends with the goroutine.
func TestAWorkersSliceIsShort(t *testing.T) {
	type slices struct {
		before, after uint64
		nice          [2]int32
		err           error
	}
	got := make(chan slices)
	go func() {
		runtime.LockOSThread()
		var s slices
		before, err := unix.SchedGetAttr(0, 0)
		if err == nil {
			shortSlice()
			var after *unix.SchedAttr
			if after, err = unix.SchedGetAttr(0, 0); err == nil {
				s = slices{before: before.Runtime, after: after.Runtime, nice: [2]int32{before.Nice, after.Nice}}
			}
		}
		s.err = err
		got <- s
	}()
	s := <-got
	if s.err != nil {
		t.Fatal(s.err)
	}
	if s.nice[0] != s.nice[1] {
		t.Errorf("nice was %d and is %d", s.nice[0], s.nice[1])
	}
	// A kernel before 6.12 tells 0, and keeps to it.
	if want := min(s.before, uint64(slice)); s.after != want {
		t.Errorf("the slice was %d ns and is %d, want %d", s.before, s.after, want)
	}
}

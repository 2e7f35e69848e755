package flows

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// controlProcs is how many goroutines run besides the workers at least.
const controlProcs = 2

// procs counts the workers of all systems of the process: each keeps a thread
// of the Go scheduler to itself.
var procs struct {
	sync.Mutex
	workers int
}

// reserveProcs raises GOMAXPROCS, if need be, for n workers more. It is never
// lowered: the value may be somebody else's by then.
func reserveProcs(n int) {
	procs.Lock()
	defer procs.Unlock()
	procs.workers += n
	if want := procs.workers + controlProcs; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
}

func releaseProcs(n int) {
	procs.Lock()
	defer procs.Unlock()
	procs.workers -= n
}

// start runs the worker on a thread of its own and returns when it does, or
// when it cannot.
func (w *worker) start(rt pmd.Runtime) error {
	ready := make(chan error)
	go w.run(rt, ready)
	if err := <-ready; err != nil {
		return fmt.Errorf("worker %d: %w", w.id, err)
	}
	return nil
}

// run is the worker's goroutine. It does not unlock its thread, which then ends
// with it: no other goroutine inherits a pin. The process's first thread cannot
// end, so the pin is undone as well.
func (w *worker) run(rt pmd.Runtime, ready chan<- error) {
	runtime.LockOSThread()
	unpin, err := pin(w.cpu)
	if err != nil {
		ready <- err
		return
	}
	defer unpin()
	if w.bell != nil {
		// A sleep may last 50 µs longer than asked for otherwise. It is exact on
		// every kernel that has the call.
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
		shortSlice()
	}
	unregister, err := rt.Register()
	if err != nil {
		ready <- fmt.Errorf("register thread: %w", err)
		return
	}
	ready <- nil
	w.loop()
	unregister()
	close(w.ended)
}

// slice is how long a worker runs before others that wait for its CPU, and whose
// turn it is, may: the least that the kernel grants.
const slice = 100 * time.Microsecond

// shortSlice asks for it. A worker that shares its CPU with those that it sends to
// then runs often and briefly, and gives up no more than a slice when a driver
// yields (kernel/sched/fair.c, yield_task_fair). Before Linux 6.12 nothing changes,
// and what fails leaves the thread as it was.
func shortSlice() {
	attr, err := unix.SchedGetAttr(0, 0)
	if err == nil && attr.Policy == unix.SCHED_NORMAL {
		attr.Runtime = uint64(slice)
		_ = unix.SchedSetAttr(0, attr, 0)
	}
}

// pin ties the calling thread to a CPU; -1: to none.
func pin(cpu int) (unpin func(), err error) {
	if cpu == -1 {
		return func() {}, nil
	}
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("pin to CPU %d: get affinity: %w", cpu, err)
	}
	if only.Set(cpu); cpu < 0 || !only.IsSet(cpu) {
		return nil, fmt.Errorf("pin to CPU %d: no such CPU", cpu)
	}
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return nil, fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	// A failure leaves the pin to a thread that ends.
	return func() { _ = unix.SchedSetaffinity(0, &before) }, nil
}

package dpdk

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ipvd/pmd"
)

// The process has one EAL, which all tests share.
var (
	rt       *Runtime
	affinity string // of the process before the EAL started
	logged   = make(chan string, 1024)
)

func TestMain(m *testing.M) {
	affinity = allowedCPUs("/proc/self/status")
	var err error
	rt, err = Start(Config{NoPCI: true, NoHuge: true, MemMB: 256, Prefix: fmt.Sprintf("ipvdt%d", os.Getpid()), Telemetry: true,
		Log: func(level int, line string) {
			select {
			case logged <- fmt.Sprint(level, " ", line):
			default:
			}
		}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Getenv(childInterface) != "" {
		attachAndWait()
	}
	code := m.Run()
	if err := rt.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close:", err)
		code = 1
	}
	os.Exit(code)
}

func allowedCPUs(status string) string {
	text, _ := os.ReadFile(status)
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "Cpus_allowed:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func newTestPool(t testing.TB, size int) *Pool {
	t.Helper()
	p, err := rt.NewPool(PoolConfig{Name: t.Name(), Size: size, Cache: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func attachTest(t testing.TB, devargs string, opt PortOptions) *Port {
	t.Helper()
	p, err := rt.Attach(devargs, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// worker is a registered thread with a vector and a poll set.
type worker struct {
	t   testing.TB
	v   *pmd.Vector
	set *PollSet
}

// asWorker makes the calling goroutine's thread a worker for the rest of the
// test.
func asWorker(t testing.TB, pool *Pool, pkts, stock int) *worker {
	t.Helper()
	w, end := newWorker(t, pool, pkts, stock)
	t.Cleanup(end)
	return w
}

// newWorker does asWorker's work; end must be called on the same goroutine.
func newWorker(t testing.TB, pool *Pool, pkts, stock int) (w *worker, end func()) {
	t.Helper()
	runtime.LockOSThread()
	unregister, err := rt.Register()
	if err != nil {
		t.Fatal(err)
	}
	v, err := rt.NewVector(pool, pkts, stock)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rt.NewPollSet(v)
	if err != nil {
		t.Fatal(err)
	}
	w = &worker{t, v, set.(*PollSet)}
	return w, func() {
		w.closeSet()
		rt.CloseVector(v)
		unregister()
		runtime.UnlockOSThread()
	}
}

// closeSet sends what is queued and lets go of the ports. It may be called
// twice.
func (w *worker) closeSet() {
	if w.set.c != nil {
		w.set.Flush()
		w.set.Close()
	}
}

func (w *worker) addRx(p *Port, burst int) uint32 {
	w.t.Helper()
	slot, err := w.set.AddRx(p.Rx()[0], burst)
	if err != nil {
		w.t.Fatal(err)
	}
	return slot
}

func (w *worker) addTx(p *Port) uint32 {
	w.t.Helper()
	slot, err := w.set.AddTx(p.Tx()[0], false)
	if err != nil {
		w.t.Fatal(err)
	}
	return slot
}

// step is a worker's exchange.
func (w *worker) step() {
	w.set.Send()
	w.v.Reset()
	w.set.Receive()
}

// packet appends a fresh packet to the vector.
func (w *worker) packet(data []byte) (*pmd.Mbuf, pmd.Burst) {
	w.t.Helper()
	m := w.v.Alloc()
	if m == nil || !m.SetLen(len(data)) {
		w.t.Fatalf("no mbuf for %d bytes", len(data))
	}
	copy(m.Data(), data)
	b, ok := w.v.Append(m)
	if !ok {
		w.t.Fatal("vector is full")
	}
	return m, b
}

// received gives the packets of the last step, and drops them.
func (w *worker) received() [][]byte {
	var all [][]byte
	for _, s := range w.set.RxList().Segs[:w.set.RxList().N] {
		for _, m := range w.v.Packets(pmd.Burst{Off: s.Off, N: s.N}) {
			all = append(all, append([]byte(nil), m.Data()...))
			w.v.Drop(m)
		}
	}
	return all
}

// openFiles counts this process's descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes network interfaces")
	}
}

package dpdk

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMbufMirrorsC(t *testing.T) {
	if err := checkMbuf(); err != nil {
		t.Error(err)
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	if _, err := Start(Config{}); err == nil || !strings.Contains(err.Error(), "cannot start twice") {
		t.Errorf("second start: %v", err)
	}
}

func TestArgumentsThatPlaceThreadsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-l", "0"}, {"-l0-1"}, {"-c3"}, {"--lcores=0"}, {"--main-lcore", "1"}} {
		if _, err := Start(Config{Args: args}); err == nil || !strings.Contains(err.Error(), args[0]) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if got := threadArg([]string{"--log-level=debug", "-a", "0000:00:04.0", "--single-file-segments"}); got != "" {
		t.Errorf("%s is refused", got)
	}
}

func TestArgumentsFollowTheMemory(t *testing.T) {
	for _, c := range []struct {
		huge bool
		cfg  Config
		want []string
		not  string
	}{
		{false, Config{}, []string{"--no-huge", "--no-shconf", "-m512", "--file-prefix=ipvd"}, "--in-memory"},
		{true, Config{}, []string{"--in-memory"}, "--no-huge"},
		{true, Config{MemMB: 64, NoPCI: true, Prefix: "x"}, []string{"-m64", "--no-pci", "--file-prefix=x"}, "--no-huge"},
	} {
		args, err := (&Runtime{huge: c.huge}).args(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range c.want {
			if !slices.Contains(args, w) {
				t.Errorf("huge %t, %+v: %q lacks %s", c.huge, c.cfg, args, w)
			}
		}
		if slices.Contains(args, c.not) {
			t.Errorf("huge %t, %+v: %q has %s", c.huge, c.cfg, args, c.not)
		}
	}
}

func TestLackOfHugepagesIsTold(t *testing.T) {
	if rt.Hugepages() || !strings.Contains(rt.Warning(), "no free hugepages") {
		t.Errorf("hugepages %t, warning %q", rt.Hugepages(), rt.Warning())
	}
	for _, c := range []struct {
		free, want int
		enough     bool
		lack       string
	}{
		{0, 0, false, "no free hugepages"}, {2, 0, true, "no free hugepages"}, {0, 128, false, "no free hugepages"},
		{38, 128, false, "only 38 MiB of hugepages are free, and not 128"}, {128, 128, true, "no free hugepages"},
	} {
		if enoughHuge(c.free, c.want) != c.enough || lackOfHuge(c.free, c.want) != c.lack {
			t.Errorf("%d MiB free of %d: enough %t, %q", c.free, c.want, enoughHuge(c.free, c.want), lackOfHuge(c.free, c.want))
		}
	}
	if w := (&Runtime{huge: true}).Warning(); w != "" {
		t.Errorf("with hugepages it warns %q", w)
	}
}

func TestStartLeavesNoThreadPinned(t *testing.T) {
	// Threads made now are clones of those that were there when the EAL started.
	var wg sync.WaitGroup
	hold := make(chan struct{})
	for range 8 {
		wg.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			wg.Done()
			<-hold
		}()
	}
	wg.Wait()
	defer close(hold)
	tasks, _ := filepath.Glob("/proc/self/task/*/status")
	if len(tasks) < 8 {
		t.Fatalf("%d threads", len(tasks))
	}
	for _, task := range tasks {
		if got := allowedCPUs(task); got != "" && got != affinity {
			t.Errorf("%s: may run on %s, the process on %s", task, got, affinity)
		}
	}
}

func TestRegisterIsOncePerThread(t *testing.T) {
	const threads = 4
	errs := make(chan error, threads)
	var all sync.WaitGroup
	all.Add(threads)
	for range threads {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			unregister, err := rt.Register()
			all.Done()
			if err == nil {
				all.Wait() // all registered at once
				if _, again := rt.Register(); again == nil {
					t.Error("a second registration succeeded")
				}
				unregister()
				if unregister, err = rt.Register(); err == nil {
					unregister()
				}
			}
			errs <- err
		}()
	}
	for range threads {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestLogReachesGo(t *testing.T) {
	pool := newTestPool(t, 63)
	if _, err := rt.Attach("nosuch7", PortOptions{Pool: pool}); err == nil {
		t.Fatal("attached a device that does not exist")
	}
	for {
		select {
		case line := <-logged:
			if strings.HasPrefix(line, "4 ") && strings.Contains(line, "nosuch7") {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no line about nosuch7")
		}
	}
}

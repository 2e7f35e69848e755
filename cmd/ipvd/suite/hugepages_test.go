package suite

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const hugepagesPath = "/proc/sys/vm/nr_hugepages"

// meminfo is a line of /proc/meminfo.
func meminfo(t *testing.T, name string) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			fmt.Sscan(rest, &n)
		}
	}
	return n
}

// reserveHugepages has at least n of them free until the test ends.
func reserveHugepages(t *testing.T, n int) {
	t.Helper()
	if meminfo(t, "HugePages_Free") >= n {
		return
	}
	before, err := os.ReadFile(hugepagesPath)
	if err != nil {
		t.Skip("the kernel has no hugepages: ", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(hugepagesPath, before, 0); err != nil {
			t.Error(err)
		}
	})
	want := meminfo(t, "HugePages_Total") - meminfo(t, "HugePages_Free") + n
	if err := os.WriteFile(hugepagesPath, fmt.Append(nil, want), 0); err != nil {
		t.Fatal(err)
	}
	if free := meminfo(t, "HugePages_Free"); free < n {
		t.Skipf("the machine's memory is too scattered: %d hugepages are free, want %d", free, n)
	}
}

// TestHugepagesAreUsedAndGivenBack: with some, memory lies in them, also that of
// a killed daemon only as long as it lives.
func TestHugepagesAreUsedAndGivenBack(t *testing.T) {
	l := newLab(t, 1)
	reserveHugepages(t, 128)
	free := meminfo(t, "HugePages_Free")
	for _, end := range []func(){l.stop, l.kill} {
		l.start("--ephemeral", "--mode", "l2")
		l.add(0)
		l.ping(l.boxes[0], routerAddr)
		if now := meminfo(t, "HugePages_Free"); now >= free {
			t.Errorf("%d hugepages are free, as many as before", now)
		}
		if strings.Contains(l.stderr.String(), "no free hugepages") {
			t.Error("the daemon warns that there are none")
		}
		l.verify()
		end()
		l.await("the hugepages are free again", defaultWait, func() bool { return meminfo(t, "HugePages_Free") == free })
	}
	l.start("--ephemeral")
	l.stop()
}

package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const reserved = "/proc/sys/vm/nr_hugepages"

// pages is how many hugepages are reserved, and how large they are in MiB.
func pages(t *testing.T) (n, mib int) {
	t.Helper()
	b, err := os.ReadFile(reserved)
	if err != nil {
		t.Skip("the kernel has no hugepages: ", err)
	}
	n, err = strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "Hugepagesize:"); ok {
			fmt.Sscan(rest, &mib)
		}
	}
	return n, mib / 1024
}

func TestHugepagesAreReservedAndShown(t *testing.T) {
	needRoot(t)
	before, size := pages(t)
	t.Cleanup(func() {
		if err := os.WriteFile(reserved, fmt.Append(nil, before), 0); err != nil {
			t.Error(err)
		}
	})
	want := before + 2
	// An odd MiB takes another page.
	out, err := exec.Command("./hugepages", "reserve", strconv.Itoa(want*size-1)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, _ := pages(t); got != want || !strings.Contains(string(out), fmt.Sprintf("%d pages of %d MiB", want, size)) {
		t.Errorf("got %d pages and %q, want %d", got, out, want)
	}
	out, err = exec.Command("./hugepages").CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%dMiB", size)) || !strings.Contains(string(out), "NODE") {
		t.Errorf("show: got %v and %q", err, out)
	}
	out, err = exec.Command("./hugepages", "reserve", "2", "77").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "there is no NUMA node 77") {
		t.Errorf("a node that is not there: got %v and %q", err, out)
	}
}

func TestHugetlbfsIsMountedOnce(t *testing.T) {
	needRoot(t)
	if _, err := os.ReadFile(reserved); err != nil {
		t.Skip("the kernel has no hugepages: ", err)
	}
	// In a mount namespace, so that nothing is left.
	dir := t.TempDir() + "/huge"
	out, err := exec.Command("unshare", "--mount", "bash", "-c", `./hugepages mount "$1" && ./hugepages mount "$1" && ./hugepages`, "-", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is mounted at "+dir+" already") || !strings.Contains(string(out), "mounted: "+dir) {
		t.Errorf("got %v and %q", err, out)
	}
}

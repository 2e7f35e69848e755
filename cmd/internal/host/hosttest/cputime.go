package hosttest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// CPUTime is what a process has used of CPUs since it was started, to 10 ms.
func CPUTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// proc_pid_stat(5): fields 14 and 15, in ticks; field 2 may hold spaces.
	_, rest, _ := strings.Cut(string(b), ") ")
	var user, system int
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		t.Fatalf("/proc/%d/stat: %q", pid, b)
	}
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}

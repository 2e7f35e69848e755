package service

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that systemd passes (SD_LISTEN_FDS_START).
const firstFD = 3

// Stored are the descriptors that the store has kept for this process, by name; the
// caller closes them. Of several with one name the last counts. It reads the
// environment and removes it, so that a second call gives none.
func Stored() (map[string]int, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	if count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	all := strings.Split(names, ":")
	if err != nil || n < 0 || len(all) != n {
		return nil, fmt.Errorf("LISTEN_FDS=%q and LISTEN_FDNAMES=%q do not go together", count, names)
	}
	stored := map[string]int{}
	for i, name := range all {
		fd := firstFD + i
		unix.CloseOnExec(fd)
		if old, twice := stored[name]; twice {
			unix.Close(old)
		}
		stored[name] = fd
	}
	return stored, nil
}

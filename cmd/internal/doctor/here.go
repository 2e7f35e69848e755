package doctor

import (
	"os"
	"os/exec"
	"os/user"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/host/takeover"
)

// Here is this machine.
func Here(masters []config.Master, workers []int) *Machine {
	return &Machine{Root: os.DirFS("/"), UID: os.Geteuid(), Socket: trySocket, Masters: masters, Workers: workers,
		Program: func(name string) bool { _, err := exec.LookPath(name); return err == nil },
		Group:   func(name string) bool { _, err := user.LookupGroup(name); return err == nil },
		Merges:  takeover.Merging}
}

func trySocket(family int) error {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

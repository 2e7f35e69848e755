package monitor

import (
	"ipvd/cmd/internal/host/netns"

	"golang.org/x/sys/unix"
)

// watchNames gives an inotify descriptor that tells when a name under
// /run/netns is removed, or -1 when there is no such directory.
func watchNames() int {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return -1
	}
	if _, err := unix.InotifyAddWatch(fd, netns.Dir, unix.IN_DELETE|unix.IN_MOVED_FROM); err != nil {
		unix.Close(fd)
		return -1
	}
	return fd
}

// findOrphans tells of held interfaces whose namespace nobody else keeps.
func (m *Monitor) findOrphans() {
	held := make(map[netns.ID]bool)
	for _, w := range m.targets {
		if w.Held && w.located && !w.orphaned && w.netns != m.homeID {
			held[w.netns] = true
		}
	}
	if len(held) == 0 {
		return
	}
	orphaned := netns.Orphaned(held)
	for _, w := range m.targets {
		if w.Held && w.located && !w.orphaned && orphaned[w.netns] {
			w.orphaned = true
			m.emit(w.event(Orphaned))
		}
	}
}

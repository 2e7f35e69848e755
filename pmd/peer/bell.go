package peer

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Bell tells a peer by its eventfd. The peer may let that run full, so that a
// write to it waits: a goroutine does it, which the worker tells by an eventfd that
// is ours alone.
type Bell struct {
	one    uint64
	own    *os.File
	ownFD  int
	peer   int
	closed atomic.Bool
	ended  chan struct{}
}

func newBell(peer int) (*Bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	dup, err := unix.FcntlInt(uintptr(peer), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("duplicate eventfd: %w", err)
	}
	b := &Bell{one: 1, own: os.NewFile(uintptr(fd), "bell"), ownFD: fd, peer: dup, ended: make(chan struct{})}
	go b.run()
	return b, nil
}

// Ring tells the peer. Worker only.
func (b *Bell) Ring() { writeEight(b.ownFD, &b.one) }

func (b *Bell) run() {
	defer close(b.ended)
	defer unix.Close(b.peer)
	var count, one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for {
		if _, err := b.own.Read(count[:]); err != nil || b.closed.Load() {
			return
		}
		_, _ = unix.Write(b.peer, one[:]) // a peer that cannot be told looks by itself
		if b.closed.Load() {
			return
		}
	}
}

// close ends the goroutine. When it waits for a peer that let its eventfd run full,
// reading that makes room.
func (b *Bell) close() {
	b.closed.Store(true)
	b.own.Close()
	go func() {
		var count [8]byte
		for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
			select {
			case <-b.ended:
				return
			case <-time.After(pause):
			}
			// The flag is the file's, which the peer shares and may change: poll says
			// whether the read would wait.
			fds := []unix.PollFd{{Fd: int32(b.peer), Events: unix.POLLIN}}
			if n, err := unix.Poll(fds, 0); n == 1 && err == nil {
				_ = unix.SetNonblock(b.peer, true)
				_, _ = unix.Read(b.peer, count[:])
			}
		}
	}()
}

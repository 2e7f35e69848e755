package monitor

import (
	"encoding/binary"
	"errors"
	"slices"
	"syscall"
	"time"

	"ipvd/cmd/internal/host/link"

	"golang.org/x/sys/unix"
)

// orphanPeriod is how often held namespaces are looked at although no name in
// /run/netns was removed: a last process may have left one.
const orphanPeriod = 10 * time.Second

// run is the monitor's goroutine.
func (m *Monitor) run() {
	defer close(m.done)
	defer close(m.events)
	buf, oob := make([]byte, 64<<10), make([]byte, 128)
	next := time.Now().Add(orphanPeriod)
	for {
		fds := []unix.PollFd{{Fd: int32(m.sock), Events: unix.POLLIN}, {Fd: int32(m.wake), Events: unix.POLLIN}, {Fd: int32(m.inotify), Events: unix.POLLIN}}
		unix.Poll(fds, int(max(0, time.Until(next).Milliseconds()))+1)
		if m.stopped() {
			return
		}
		if fds[1].Revents != 0 {
			unix.Read(m.wake, buf[:8])
			m.obey()
		}
		m.drain(buf, oob)
		if named := fds[2].Revents != 0; named || time.Now().After(next) {
			if named {
				unix.Read(m.inotify, buf) // what it says is looked up
			}
			m.findOrphans()
			next = time.Now().Add(orphanPeriod)
		}
	}
}

func (m *Monitor) stopped() bool {
	select {
	case <-m.stop:
		return true
	default:
		return false
	}
}

// emit sends an event unless the monitor ends.
func (m *Monitor) emit(e Event) {
	select {
	case m.events <- e:
	case <-m.stop:
	}
}

// obey carries out what Add and Remove asked for.
func (m *Monitor) obey() {
	m.mu.Lock()
	commands := m.commands
	m.commands = nil
	m.mu.Unlock()
	for _, c := range commands {
		if w := m.targets[c.Key]; w != nil {
			m.forget(w)
		}
		if c.Locator != nil {
			w := &watch{Target: Target(c)}
			m.targets[c.Key] = w
			m.locate(w)
		}
	}
}

// drainMost bounds how many messages are handled before commands are looked at.
const drainMost = 4096

// drain handles the messages that there are, but not more than drainMost.
func (m *Monitor) drain(buf, oob []byte) {
	for range drainMost {
		msgs, nsid, err := receive(m.sock, buf, oob)
		switch {
		case errors.Is(err, errLost):
			m.lost = true
			m.overruns.Add(1)
			continue
		case err == unix.EINTR:
			continue
		case err != nil:
			m.findLost()
			return
		}
		if nsid == m.selfNSID {
			nsid = noNSID
		}
		for _, msg := range msgs {
			m.handle(nsid, msg.Header.Type, msg.Data)
		}
	}
}

// findLost finds all interfaces anew after messages were lost. Not before the
// socket is empty: what is left in it is older than what would be found.
func (m *Monitor) findLost() {
	if !m.lost {
		return
	}
	m.lost = false
	for _, w := range m.targets {
		m.locate(w)
	}
}

func (m *Monitor) handle(nsid int, kind uint16, body []byte) {
	switch kind {
	case syscall.RTM_NEWLINK, syscall.RTM_DELLINK:
		// A bridge tells about its ports in messages of its own family.
		if s, ok := link.ParseState(body); ok && body[0] == unix.AF_UNSPEC {
			m.handleLink(place{nsid, s.Index}, s, kind == syscall.RTM_DELLINK)
		}
	case syscall.RTM_NEWADDR, syscall.RTM_DELADDR:
		if a, ok := link.ParseAddr(body); ok {
			m.handleAddr(place{nsid, a.Index}, a, kind == syscall.RTM_DELADDR)
		}
	case unix.RTM_NEWNSID, unix.RTM_DELNSID:
		m.handleNSID(body, kind == unix.RTM_DELNSID)
	}
}

func (m *Monitor) handleLink(p place, s link.State, deleted bool) {
	w := m.at[p]
	switch {
	case w == nil:
	case deleted:
		m.locate(w) // moved, or gone
	case s != w.state:
		w.state = s
		m.emit(w.event(Link))
	}
}

func (m *Monitor) handleAddr(p place, a link.Addr, deleted bool) {
	w := m.at[p]
	if w == nil {
		return
	}
	this := m.addrOf(a)
	had := w.has(this.reported)
	if deleted {
		w.addrs = slices.DeleteFunc(w.addrs, func(b addr) bool { return b == this })
	} else if !slices.Contains(w.addrs, this) {
		w.addrs = append(w.addrs, this)
	}
	if has := w.has(this.reported); has != had {
		e := w.event(AddrAdded)
		if had {
			e.Kind = AddrRemoved
		}
		e.Addr = this.reported
		m.emit(e)
	}
}

// handleNSID looks after the interfaces of a namespace that has ended: the
// kernel takes its nsid away before it deletes them, so we hear of nothing
// else.
func (m *Monitor) handleNSID(body []byte, deleted bool) {
	if !deleted {
		m.learnSelf()
		return
	}
	const sizeofRtgenmsg, netnsaNSID = 4, 1 // linux/net_namespace.h; padded
	if len(body) < sizeofRtgenmsg {
		return
	}
	for kind, v := range link.Attrs(body[sizeofRtgenmsg:]) {
		if kind != netnsaNSID || len(v) != 4 {
			continue
		}
		for _, w := range m.targets {
			if w.located && w.place.nsid == int(int32(nativeU32(v))) {
				m.locate(w)
			}
		}
	}
}

func nativeU32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

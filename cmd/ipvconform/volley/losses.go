package volley

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/scenario"
)

// Loser is a driver that counts what it loses for want of room.
type Loser interface {
	Losses() (map[string]int64, error)
}

// Dropper is a driver that counts what it drops, for want of room and else.
type Dropper interface {
	Drops() (map[string]int64, error)
}

// dropped is what the driver has dropped so far, if it tells.
func (r *Range) dropped() (map[string]int64, error) {
	if d, ok := r.lab.Driver().(Dropper); ok {
		return d.Drops()
	}
	return nil, nil
}

// increased are the counters that have grown, and by how much.
func increased(before, after map[string]int64) map[string]int64 {
	grown := map[string]int64{}
	for what, n := range after {
		if n > before[what] {
			grown[what] = n - before[what]
		}
	}
	return grown
}

// losses are all counters of frames that were lost for want of room: of the
// sockets, of the kernel's queues, of interfaces that refuse nothing by
// intention, and the driver's.
func (r *Range) losses() (map[string]int64, error) {
	n := map[string]int64{}
	for i, s := range r.sources {
		if s.kind != tap && s.kind != handler {
			n["raw sockets at "+s.port] += s.lost
			continue
		}
		st, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err != nil {
			return nil, fmt.Errorf("statistics of %s's socket: %w", s.port, err)
		}
		r.sources[i].lost += int64(st.Drops) // the kernel counts from the last look on
		n["capture at "+s.port] += r.sources[i].lost
	}
	for name, p := range r.ports {
		// The kernel's slaves count there what the driver drops on purpose; behind
		// a driver that queues they are interfaces without a will of their own.
		if name == scenario.Wire || r.lab.Driver().Queues() {
			drops, err := p.counters.txDrops(p.dev)
			if err != nil {
				return nil, err
			}
			n["queue of "+name] = drops
		}
	}
	if d, ok := r.lab.Driver().(Loser); ok {
		ours, err := d.Losses()
		if err != nil {
			return nil, err
		}
		for what, v := range ours {
			n["ipvd "+what] = v
		}
		return n, nil
	}
	drops, err := backlogDrops()
	n["backlog"] = drops
	return n, err
}

// counters is the open /proc/net/dev of a namespace.
type counters struct{ file *os.File }

// openCounters opens that of the caller's namespace.
func openCounters() (c counters, err error) {
	c.file, err = os.Open("/proc/thread-self/net/dev")
	return c, err
}

func (c counters) close() {
	if c.file != nil {
		c.file.Close()
	}
}

// txDrops is how many frames dev has dropped that it should have sent.
func (c counters) txDrops(dev string) (int64, error) {
	b, err := io.ReadAll(io.NewSectionReader(c.file, 0, 1<<16))
	if err != nil {
		return 0, fmt.Errorf("counters of %s: %w", dev, err)
	}
	for line := range strings.Lines(string(b)) {
		name, rest, ok := strings.Cut(line, ":")
		if f := strings.Fields(rest); ok && strings.TrimSpace(name) == dev && len(f) > 11 {
			return strconv.ParseInt(f[11], 10, 64)
		}
	}
	return 0, fmt.Errorf("counters of %s: there are none", dev)
}

// backlogDrops is what the CPUs' backlogs of received frames had no room for
// (the second column of /proc/net/softnet_stat).
func backlogDrops() (n int64, err error) {
	b, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 {
			v, err := strconv.ParseInt(f[1], 16, 64)
			if err != nil {
				return 0, fmt.Errorf("softnet_stat: %w", err)
			}
			n += v
		}
	}
	return n, nil
}

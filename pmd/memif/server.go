package memif

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
)

// accept is the server's part: it takes the memory that a client gives.
func (l *link) accept() error {
	if err := l.Send(hello("ipvd", l.Queues())[:]); err != nil {
		return err
	}
	m, err := l.expect(msgInit)
	if err != nil {
		return err
	}
	if err := m.checkInit(l.c); err != nil {
		return err
	}
	if err := l.Send(newMessage(msgAck)[:]); err != nil {
		return err
	}
	for {
		m, fds, err := l.hear()
		if err != nil {
			return err
		}
		var answer *message
		switch m.kind() {
		case msgAddRegion:
			answer, err = newMessage(msgAck), l.addRegion(m, fds)
		case msgAddRing:
			answer, err = newMessage(msgAck), l.addRing(m, fds)
		case msgConnect:
			peer.CloseAll(fds)
			return l.connected()
		default:
			peer.CloseAll(fds)
			err = fmt.Errorf("message of type %d before the rings are connected", m.kind())
		}
		if err != nil {
			return err
		}
		if err := l.Send(answer[:]); err != nil {
			return err
		}
	}
}

// connected starts the rings and says so.
func (l *link) connected() error {
	if len(l.rx) == 0 || len(l.tx) == 0 || slices.Contains(l.rx, nil) || slices.Contains(l.tx, nil) {
		return fmt.Errorf("connect with %d rings to us and %d from us, or one between left out", len(l.rx), len(l.tx))
	}
	m := newMessage(msgConnected)
	m.putText(0, l.c.Name[:min(len(l.c.Name), nameLen-1)])
	if err := l.up(); err != nil {
		return err
	}
	if err := l.Send(m[:]); err != nil {
		return err
	}
	return l.listen()
}

// one is the only descriptor of a message.
func one(fds []int) (int, error) {
	if len(fds) != 1 {
		peer.CloseAll(fds)
		return -1, fmt.Errorf("message with %d descriptors, not 1: %w", len(fds), unix.EINVAL)
	}
	return fds[0], nil
}

func (l *link) addRegion(m *message, fds []int) error {
	fd, err := one(fds)
	if err != nil {
		return err
	}
	if index := int(m.u16(0)); index != len(l.regions) || index >= maxRegions {
		unix.Close(fd)
		return fmt.Errorf("region %d after %d others (at most %d): %w", index, len(l.regions), maxRegions, unix.EINVAL)
	}
	r, err := l.Map(fd, 0, m.u64(2))
	if err == nil {
		l.regions = append(l.regions, r)
	}
	return err
}

func (l *link) addRing(m *message, fds []int) error {
	fd, err := one(fds)
	if err != nil {
		return err
	}
	if err := l.Adopt(fd); err != nil {
		return err
	}
	spec, list := m.ring(), &l.tx
	if spec.flags&toServer != 0 {
		list = &l.rx
	}
	if int(spec.index) >= l.Queues() || spec.log < minLog || spec.log > maxLog || spec.private != 0 || int(spec.region) >= len(l.regions) {
		return fmt.Errorf("ring %d of %d, 2^%d slots in region %d of %d, private header %d: %w",
			spec.index, l.Queues(), spec.log, spec.region, len(l.regions), spec.private, unix.EINVAL)
	}
	r, err := newRing(l.regions[spec.region].Bytes, uint64(spec.offset), spec.log)
	if err != nil {
		return err
	}
	if got := r.first.Load(); got != cookie {
		return fmt.Errorf("ring %d has cookie %#x, not %#x: %w", spec.index, got, cookie, unix.EINVAL)
	}
	r.regions = l.regions
	for len(*list) <= int(spec.index) {
		*list = append(*list, nil)
	}
	if (*list)[spec.index] != nil {
		return fmt.Errorf("ring %d a second time: %w", spec.index, unix.EINVAL)
	}
	(*list)[spec.index] = r
	r.event = fd
	r.next = r.tailNow() // ours either way
	if spec.flags&toServer == 0 {
		r.bell, err = l.NewBell(fd)
	}
	return err
}

package memif

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// connect is the client's part: it makes the memory and gives it to the server.
func (l *link) connect() error {
	m, err := l.expect(msgHello)
	if err != nil {
		return err
	}
	can, err := m.limits()
	if err != nil {
		return err
	}
	log := min(uint8(bits.Len(uint(l.c.Slots))-1), can.log)
	if log < minLog {
		return fmt.Errorf("server allows 2^%d slots: %w", can.log, unix.EINVAL)
	}
	if err := l.ask(initFor(l.c)); err != nil {
		return err
	}
	specs, err := l.makeMemory(log, min(l.Queues(), can.toServer), min(l.Queues(), can.toClient))
	if err != nil {
		return err
	}
	for _, spec := range specs {
		if err := l.offer(spec); err != nil {
			return err
		}
	}
	ready := newMessage(msgConnect)
	ready.putText(0, l.c.Name[:min(len(l.c.Name), nameLen-1)])
	if err := l.Send(ready[:]); err != nil {
		return err
	}
	if _, err := l.expect(msgConnected); err != nil {
		return err
	}
	for _, r := range l.rx {
		r.offer()
	}
	if err := l.up(); err != nil {
		return err
	}
	return l.listen()
}

// ask sends a message and waits until the server has taken it.
func (l *link) ask(m *message, fds ...int) error {
	if err := l.Send(m[:], fds...); err != nil {
		return err
	}
	_, err := l.expect(msgAck)
	return err
}

// makeMemory makes one region: the rings, those to the server first, then their
// buffers in the same order.
func (l *link) makeMemory(log uint8, toServerRings, toClientRings int) ([]ringSpec, error) {
	n, slots := toServerRings+toClientRings, 1<<log
	ringBytes := headerLen + slots*cellLen
	buffers := (n*ringBytes + pageLen - 1) / pageLen * pageLen
	size := buffers + n*slots*l.c.Buffer
	fd, err := unix.MemfdCreate("memif", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory of %d bytes: %w", size, err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, fmt.Errorf("memory of %d bytes: %w", size, err)
	}
	// The server may not take it from under us, as we may not from it.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return nil, fmt.Errorf("seal memory: %w", err)
	}
	region, err := l.Share(fd, 0, uint64(size))
	if err != nil {
		return nil, err
	}
	l.regions = append(l.regions, region)
	var specs []ringSpec
	for i := range n {
		spec := ringSpec{index: uint16(i), offset: uint32(i * ringBytes), log: log, flags: toServer}
		if i >= toServerRings {
			spec.index, spec.flags = uint16(i-toServerRings), 0
		}
		r, err := newRing(region.Bytes, uint64(spec.offset), log)
		if err != nil {
			return nil, err
		}
		at := buffers + i*slots*l.c.Buffer
		r.own, r.ownAt, r.size = region.Bytes[at:at+slots*l.c.Buffer:at+slots*l.c.Buffer], uint32(at), uint32(l.c.Buffer)
		r.lay()
		if spec.flags&toServer != 0 {
			l.tx = append(l.tx, r)
		} else {
			l.rx = append(l.rx, r)
		}
		specs = append(specs, spec)
	}
	region0 := newMessage(msgAddRegion)
	region0.put64(2, uint64(size))
	return specs, l.ask(region0, fd)
}

// offer tells the server of a ring, and of the eventfd by which its receiver wants
// to be told.
func (l *link) offer(spec ringSpec) error {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if err := l.Adopt(fd); err != nil {
		return err
	}
	if spec.flags&toServer == 0 {
		l.rx[spec.index].event = fd
	} else if l.tx[spec.index].bell, err = l.NewBell(fd); err != nil {
		return err
	}
	return l.ask(spec.message(), fd)
}

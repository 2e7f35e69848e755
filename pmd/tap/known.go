package tap

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// Known is a TAP that the caller has just read about: Config.Name, MTU and MAC are
// what the interface has, and nothing of it is set.
type Known struct {
	Config
	Index int
	// File is an open descriptor that is attached to it, which somebody has kept
	// since an earlier run with all that was sent meanwhile; 0: none. The port owns
	// it; on an error it is closed.
	File int
}

// AttachKnown attaches to TAPs of the calling thread's network namespace without
// asking the kernel about each: it gives a port or an error for each of them, the
// errors being those of Attach. It never makes an interface.
func AttachKnown(all []Known) (ports []*Port, errs []error) {
	ports, errs = make([]*Port, len(all)), make([]error, len(all))
	ask, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(ask)
	}
	for i, k := range all {
		if errs[i] = err; err == nil {
			ports[i], errs[i] = attachKnown(k, ask)
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("tap %s: attach: %w", k.Name, errs[i])
		}
	}
	return ports, errs
}

func attachKnown(k Known, ask int) (*Port, error) {
	p, err := k.attach()
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%w%s", pmd.ErrBusy, holder(k.Name))
	}
	if err != nil {
		return nil, err
	}
	if err := p.isKnown(k, ask); err != nil {
		p.Close()
		return nil, err
	}
	p.pins, p.gro = true, !k.NoGRO && !k.NoOffloads
	p.SetInfo(k.MTU, k.MAC)
	return p, nil
}

// attach gives a port of the kept descriptor, else of a new one.
func (k Known) attach() (*Port, error) {
	if k.File == 0 {
		return attachFile(k.Name, 0, !k.NoOffloads)
	}
	uso, err := setOffloads(k.File, !k.NoOffloads)
	if err == nil {
		err = unix.SetNonblock(k.File, true)
	}
	if err != nil {
		unix.Close(k.File)
		return nil, fmt.Errorf("use the descriptor that was kept: %w", err)
	}
	p := newPort(k.File, k.Name)
	p.uso = uso
	return p, nil
}

// isKnown reports with an error that the port is attached to another interface
// than was read about. One that TUNSETIFF has just made is not persistent (tun_flags
// in drivers/net/tun.c).
func (p *Port) isKnown(k Known, ask int) error {
	ifr, err := unix.NewIfreq(k.Name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(p.fd, unix.TUNGETIFF, ifr); err != nil {
		return fmt.Errorf("read its flags: %w", err)
	}
	persistent := ifr.Uint16()&unix.IFF_PERSIST != 0
	if ifr.Name() != k.Name {
		return fmt.Errorf("the descriptor is attached to %s: %w", ifr.Name(), ErrForeign)
	}
	if err := unix.IoctlIfreq(ask, unix.SIOCGIFINDEX, ifr); err != nil {
		return fmt.Errorf("read its index: %w", err)
	}
	if now := int(ifr.Uint32()); !persistent || now != k.Index {
		return fmt.Errorf("interface %d was replaced: %w", k.Index, pmd.ErrGone)
	}
	return nil
}

// Keep calls f with the port's descriptor, for somebody to duplicate: whoever has
// the duplicate keeps the interface attached when this process has ended, so that
// frames wait in it.
func (p *Port) Keep(f func(fd int) error) error { return p.control("keep its descriptor", f) }

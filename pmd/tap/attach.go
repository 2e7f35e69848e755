package tap

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

// Attach attaches to the TAP interface cfg.Name that exists in the network
// namespace nsfd; it never makes one. MTU and MAC are set where cfg gives them;
// addresses, routes and ifindex stay.
//
// Errors: pmd.ErrGone when there is no such interface; ErrForeign when it is no
// TAP or its alias is not cfg.Alias; pmd.ErrBusy, with the process that holds
// it, when it is attached already.
func Attach(nsfd int, cfg Config) (*Port, error) {
	var p *Port
	err := netns.Do(nsfd, func() (err error) {
		p, err = attach(cfg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tap %s: attach: %w", cfg.Name, err)
	}
	p.pins = true
	if err := p.configure(cfg, false); err != nil {
		p.Close()
		return nil, fmt.Errorf("tap %s: attach: %w", cfg.Name, err)
	}
	return p, nil
}

// attach runs on a thread in the interface's namespace.
func attach(cfg Config) (*Port, error) {
	index, err := checkExisting(cfg)
	if err != nil {
		return nil, err
	}
	p, err := attachFile(cfg.Name, 0, !cfg.NoOffloads)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%w%s", pmd.ErrBusy, holder(cfg.Name))
	}
	if err != nil {
		return nil, err
	}
	// TUNSETIFF makes an interface when the one just checked has vanished. Such
	// a one is not persistent: closing the file removes it.
	if now, err := checkExisting(cfg); err != nil || now != index {
		p.Close()
		return nil, fmt.Errorf("interface %d was replaced: %w", index, pmd.ErrGone)
	}
	return p, nil
}

// checkExisting gives the ifindex of the interface that cfg describes, in the
// calling thread's namespace.
func checkExisting(cfg Config) (index int, err error) {
	link, err := netlink.LinkByName(cfg.Name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return 0, pmd.ErrGone
	}
	if err != nil {
		return 0, fmt.Errorf("look up: %w", err)
	}
	if t, ok := link.(*netlink.Tuntap); !ok || t.Mode != netlink.TUNTAP_MODE_TAP {
		return 0, fmt.Errorf("%w: it is a %s, not a TAP", ErrForeign, link.Type())
	}
	if got := link.Attrs().Alias; got != cfg.Alias {
		return 0, fmt.Errorf("%w: alias is %q, not %q", ErrForeign, got, cfg.Alias)
	}
	return link.Attrs().Index, nil
}

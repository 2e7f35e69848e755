package tap

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	vishns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Netns opens the network namespace that the interface is in now. The caller
// closes the descriptor, which keeps the namespace alive.
func (p *Port) Netns() (fd int, err error) {
	err = p.control("get its namespace", func(tun int) (err error) {
		fd, err = unix.IoctlRetInt(tun, unix.TUNGETDEVNETNS)
		return err
	})
	return fd, err
}

// IfName is the interface's name in its namespace now.
func (p *Port) IfName() (string, error) {
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	err = p.control("get its name", func(fd int) error { return unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr) })
	return ifr.Name(), err
}

// PinsNetns reports that the port itself keeps the network namespace it was
// attached in from being destroyed, as every attached (not opened) one does.
func (p *Port) PinsNetns() bool { return p.pins }

// MoveTo moves the interface to the network namespace nsfd and renames it. It
// loses its addresses and routes and is down there. When the name is taken the
// error is ErrNameTaken and the interface is back where it was.
func (p *Port) MoveTo(nsfd int, name string) error {
	from, err := p.Netns()
	if err != nil {
		return err
	}
	defer unix.Close(from)
	old, err := p.IfName()
	if err != nil {
		return err
	}
	err = p.move(nsfd, name)
	if err == nil {
		p.mu.Lock()
		p.name = name
		p.mu.Unlock()
		return nil
	}
	if errors.Is(err, unix.EEXIST) {
		err = ErrNameTaken
	}
	// The kernel moves under the old name if it can and renames then
	// (net/core/rtnetlink.c, do_setlink): the move stands when the rename fails.
	if back := p.move(from, old); back != nil {
		err = errors.Join(err, fmt.Errorf("move it back: %w", back))
	}
	return fmt.Errorf("tap %s: move into namespace as %q: %w", old, name, err)
}

// move sends one RTM_NEWLINK to the namespace that the interface is in.
func (p *Port) move(nsfd int, name string) error {
	link, h, err := p.link()
	if err != nil {
		return err
	}
	h.Close()
	at, err := p.Netns()
	if err != nil {
		return err
	}
	defer unix.Close(at)
	sock, err := nl.GetNetlinkSocketAt(vishns.NsHandle(at), vishns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	defer sock.Close()
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: sock}}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(link.Attrs().Index)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(nsfd))))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// link reads the interface's attributes, in the namespace that it is in now,
// and gives a netlink handle there, which the caller closes.
func (p *Port) link() (netlink.Link, *netlink.Handle, error) {
	ns, err := p.Netns()
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(ns)
	name, err := p.IfName()
	if err != nil {
		return nil, nil, err
	}
	h, err := netlink.NewHandleAt(vishns.NsHandle(ns), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, fmt.Errorf("open netlink socket: %w", err)
	}
	link, err := h.LinkByName(name)
	if err != nil {
		h.Close()
		return nil, nil, fmt.Errorf("look up %s: %w", name, err)
	}
	return link, h, nil
}

// Package link reads and changes network interfaces of any namespace by
// rtnetlink. It opens a socket for each operation and keeps none, since a
// socket keeps its namespace alive.
package link

import (
	"errors"
	"fmt"
	"net"

	"ipvd/cmd/internal/host/netns"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ErrNotFound is wrapped when the interface does not exist.
var ErrNotFound = errors.New("no such interface")

// Link is an interface of a namespace. NS is an open descriptor that the caller
// keeps while it uses the Link, or netns.Here.
type Link struct {
	NS    int
	Index int
	Name  string // for errors; as it was called when it was looked up
}

// ByName looks the interface up.
func ByName(ns int, name string) (Link, State, error) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	return get(Link{ns, 0, name}, msg, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
}

// ByIndex looks the interface up.
func ByIndex(ns, index int) (Link, State, error) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	return get(Link{ns, index, fmt.Sprintf("interface %d", index)}, msg)
}

// ByAlias looks up the first interface with this alias, whatever it is called.
func ByAlias(ns int, alias string) (l Link, s State, err error) {
	err = netns.Run(ns, func() error {
		msgs, err := Dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg)
		for _, m := range msgs {
			if s, _ = ParseState(m); s.Alias == alias {
				return nil
			}
		}
		return errors.Join(err, ErrNotFound)
	})
	if err != nil {
		return Link{}, State{}, fmt.Errorf("interface with alias %q: look up: %w", alias, err)
	}
	return Link{ns, s.Index, s.Name}, s, nil
}

func get(l Link, msg *nl.IfInfomsg, attrs ...*nl.RtAttr) (Link, State, error) {
	var s State
	err := netns.Run(l.NS, func() error {
		answers, err := ask(unix.RTM_GETLINK, unix.NLM_F_ACK, msg, attrs...)
		if errors.Is(err, unix.ENODEV) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if len(answers) == 0 {
			return ErrNotFound
		}
		s, _ = ParseState(answers[0])
		return nil
	})
	if err != nil {
		return Link{}, State{}, fmt.Errorf("%s: look up: %w", l.Name, err)
	}
	return Link{l.NS, s.Index, s.Name}, s, nil
}

// State reads the interface's state.
func (l Link) State() (State, error) {
	_, s, err := ByIndex(l.NS, l.Index)
	return s, err
}

// Addrs reads the interface's addresses.
func (l Link) Addrs() ([]Addr, error) {
	var addrs []Addr
	err := netns.Run(l.NS, func() error {
		msgs, err := Dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, unix.SizeofIfAddrmsg)
		for _, m := range msgs {
			if a, ok := ParseAddr(m); ok && a.Index == l.Index {
				addrs = append(addrs, a)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: read addresses: %w", l.Name, err)
	}
	return addrs, nil
}

// SetMTU sets the MTU in bytes.
func (l Link) SetMTU(mtu int) error {
	return l.set(fmt.Sprintf("set mtu %d", mtu), 0, 0, nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))))
}

// SetMAC sets the link-layer address.
func (l Link) SetMAC(mac net.HardwareAddr) error {
	return l.set("set address "+mac.String(), 0, 0, nl.NewRtAttr(unix.IFLA_ADDRESS, mac))
}

// SetAlias sets the alias, at most 255 bytes (IFALIASZ).
func (l Link) SetAlias(alias string) error {
	return l.set("set alias "+alias, 0, 0, nl.NewRtAttr(unix.IFLA_IFALIAS, []byte(alias)))
}

// SetTxQLen sets the transmit queue's length in frames.
func (l Link) SetTxQLen(n int) error {
	return l.set(fmt.Sprintf("set txqueuelen %d", n), 0, 0, nl.NewRtAttr(unix.IFLA_TXQLEN, nl.Uint32Attr(uint32(n))))
}

// SetUp sets the interface up or down.
func (l Link) SetUp(up bool) error { return l.setFlag("up", unix.IFF_UP, up) }

// SetNoARP turns ARP and ND off (true) or on.
func (l Link) SetNoARP(off bool) error { return l.setFlag("noarp", unix.IFF_NOARP, off) }

// SetCarrier sets the carrier of a device whose driver leaves that to the user,
// as tun does. On is refused while nobody has the TAP open.
func (l Link) SetCarrier(on bool) error {
	v := []byte{0}
	if on {
		v[0] = 1
	}
	return l.set(fmt.Sprintf("set carrier %v", on), 0, 0, nl.NewRtAttr(unix.IFLA_CARRIER, v))
}

// Release takes the interface out of the bridge, bond, … that it belongs to.
func (l Link) Release() error {
	return l.set("release from its master", 0, 0, nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(0)))
}

// MoveTo moves the interface to the namespace open as ns, under the name it
// has.
func (l Link) MoveTo(ns int) error {
	return l.set("move to another netns", 0, 0, nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(ns))))
}

// MoveAs moves the interface to the namespace open as ns and renames it.
func (l Link) MoveAs(ns int, name string) error {
	return l.set("move to another netns as "+name, 0, 0, nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(ns))),
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
}

// Delete removes a virtual interface.
func (l Link) Delete() error {
	return l.do("delete", func() error {
		return netlink.LinkDel(l.generic())
	})
}

func (l Link) setFlag(name string, flag uint32, on bool) error {
	flags := uint32(0)
	if on {
		flags = flag
	}
	return l.set(fmt.Sprintf("set %s %v", name, on), flags, flag)
}

// set changes the flags that are in the mask change, no other, and attrs.
func (l Link) set(what string, flags, change uint32, attrs ...*nl.RtAttr) error {
	return l.do(what, func() error {
		msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
		msg.Index, msg.Flags, msg.Change = int32(l.Index), flags, change
		_, err := ask(unix.RTM_SETLINK, unix.NLM_F_ACK, msg, attrs...)
		return err
	})
}

// do runs f in the link's namespace and names the link and what in its error.
func (l Link) do(what string, f func() error) error {
	err := netns.Run(l.NS, f)
	if errors.Is(err, unix.ENODEV) {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", l.Name, what, err)
	}
	return nil
}

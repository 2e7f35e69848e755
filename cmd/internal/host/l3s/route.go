package l3s

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"ipvd/cmd/internal/host/netns"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrRouteTaken is wrapped when the host has a route of its own to a slave's
// address. It stays.
var ErrRouteTaken = errors.New("the host has another route to it")

// AddRoute makes the host send packets for a slave's active address to the
// return interface. A second call does nothing.
func (h *Host) AddRoute(a netip.Addr) error {
	err := netns.Run(h.home, func() error {
		r := h.route(a)
		err := netlink.RouteAdd(r)
		if !errors.Is(err, unix.EEXIST) {
			return err
		}
		ours, err := netlink.RouteListFiltered(family(a), r, h.sameRoute())
		if err == nil && len(ours) == 0 {
			err = ErrRouteTaken
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: add route to %v: %w", h.ret.Name, a, err)
	}
	return nil
}

// DelRoute removes what AddRoute made. One that does not exist is no error.
func (h *Host) DelRoute(a netip.Addr) error {
	err := netns.Run(h.home, func() error { return netlink.RouteDel(h.route(a)) })
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("%s: remove route to %v: %w", h.ret.Name, a, err)
	}
	return nil
}

// sameRoute says what of a route AddRoute goes by. Without a table netlink looks
// in the main one.
func (h *Host) sameRoute() uint64 {
	if h.table == 0 {
		return netlink.RT_FILTER_DST | netlink.RT_FILTER_OIF
	}
	return netlink.RT_FILTER_DST | netlink.RT_FILTER_OIF | netlink.RT_FILTER_TABLE
}

func (h *Host) route(a netip.Addr) *netlink.Route {
	bits := a.BitLen()
	return &netlink.Route{
		LinkIndex: h.ret.Index,
		Dst:       &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, bits)},
		Table:     int(h.table),
		Scope:     netlink.SCOPE_LINK,
		Protocol:  unix.RTPROT_STATIC,
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

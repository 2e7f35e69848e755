package dpdk

import (
	"fmt"
	"github.com/vishvananda/netlink"
)

// detachXDP takes away the XDP program that a killed process left on an
// interface: the driver attaches its own only where there is none.
func detachXDP(iface string) error {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", iface, err)
	}
	if xdp := link.Attrs().Xdp; xdp == nil || !xdp.Attached {
		return nil
	}
	if err := netlink.LinkSetXdpFd(link, -1); err != nil {
		return fmt.Errorf("take XDP program %d from interface %s: %w", link.Attrs().Xdp.ProgId, iface, err)
	}
	return nil
}

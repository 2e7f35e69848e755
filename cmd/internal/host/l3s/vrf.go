package l3s

import (
	"fmt"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"

	"github.com/vishvananda/netlink"
)

// FollowVRF takes the return interface into the VRF that the host port is in
// now, or out of one: what slaves send is routed as what the host port sends. It
// reports that something changed: then the routes of AddRoute are gone.
func (h *Host) FollowVRF() (changed bool, err error) {
	err = netns.Run(h.home, func() error {
		vrf, table, err := vrfOf(h.rec.HostPort)
		if err != nil || vrf == h.vrf {
			return err
		}
		changed = true
		h.vrf, h.table = vrf, table
		l := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: h.ret.Index}}
		if vrf == 0 {
			return netlink.LinkSetNoMaster(l)
		}
		return netlink.LinkSetMasterByIndex(l, vrf)
	})
	if err != nil {
		return changed, fmt.Errorf("%s: follow the VRF of %s: %w", h.ret.Name, h.rec.HostPort, err)
	}
	return changed, nil
}

// vrfOf is the VRF that an interface of this namespace is in, and its table;
// zeros when it is in none.
func vrfOf(ifname string) (index int, table uint32, err error) {
	_, s, err := link.ByName(netns.Here, ifname)
	if err != nil || s.Master == 0 {
		return 0, 0, err
	}
	master, err := netlink.LinkByIndex(s.Master)
	if err != nil {
		return 0, 0, err
	}
	if v, ok := master.(*netlink.Vrf); ok {
		return s.Master, v.Table, nil
	}
	return 0, 0, nil
}

package conntrack

import (
	"encoding/binary"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// routeGroups are the groups of NETLINK_ROUTE that tell of what decides where a
// packet goes.
func routeGroups() []uint32 {
	return []uint32{unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_NEXTHOP}
}

// neighbours are the link-layer addresses that the kernel has told, by interface and
// IP address. Reader's goroutine only.
type neighbours map[string]string

// ndmsgLen is the size of struct ndmsg (linux/neighbour.h).
const ndmsgLen = 12

// usable are the states in which the kernel sends to a neighbour.
const usable = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE | unix.NUD_PERMANENT | unix.NUD_NOARP

// event tells of a message that may concern a flow. The kernel confirms neighbours
// all the time; only another address, or none, is a change.
func (n neighbours) event(m netlink.Message) (Event, bool) {
	what := ""
	switch m.Header.Type {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE, unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP, unix.RTM_NEWNEXTHOPBUCKET:
		what = "routes"
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		what = "routing rules"
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		what = "links"
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		if n.changed(m) {
			what = "neighbours"
		}
	}
	return Event{Kind: Changed, What: what}, what != ""
}

func (n neighbours) changed(m netlink.Message) bool {
	if len(m.Data) < ndmsgLen {
		return false
	}
	ad, err := netlink.NewAttributeDecoder(m.Data[ndmsgLen:])
	if err != nil {
		return false
	}
	var dst, mac string
	for ad.Next() {
		switch ad.Type() {
		case unix.NDA_DST:
			dst = string(ad.Bytes())
		case unix.NDA_LLADDR:
			mac = string(ad.Bytes())
		}
	}
	state := binary.NativeEndian.Uint16(m.Data[8:])
	key := string(m.Data[4:8]) + dst
	before, known := n[key]
	if m.Header.Type == unix.RTM_DELNEIGH || state&usable == 0 {
		delete(n, key)
		return known
	}
	n[key] = mac
	return !known || before != mac
}

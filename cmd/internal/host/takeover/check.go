package takeover

import (
	"fmt"
	"net/netip"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"

	"golang.org/x/sys/unix"
)

// check refuses what the kernel's ipvlan refuses as a master, and what ipvd
// makes itself.
func check(s link.State) error {
	switch {
	case s.Flags&unix.IFF_LOOPBACK != 0:
		return fmt.Errorf("it is a loopback: %w", unix.EINVAL)
	case s.Type != unix.ARPHRD_ETHER:
		return fmt.Errorf("it is not Ethernet (type %d): %w", s.Type, unix.EINVAL)
	case s.Kind == "tun":
		return fmt.Errorf("it is a TAP, such as the host port of a running ipvd: %w", unix.EINVAL)
	case s.Master != 0:
		return fmt.Errorf("it is a port of %s, take it out first (ip link set %s nomaster): %w", nameOf(s.Master), s.Name, unix.EBUSY)
	}
	return checkUnused(s)
}

// checkUnused refuses an interface that others of this namespace stand on. A
// veth names its peer where others name what they stand on.
func checkUnused(s link.State) error {
	msgs, err := link.Dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg)
	if err != nil {
		return err
	}
	for _, m := range msgs {
		o, ok := link.ParseState(m)
		if ok && o.Lower == s.Index && !o.LowerElsewhere && o.Kind != "veth" && o.Index != s.Index {
			return fmt.Errorf("%s %s stands on it, remove that first: %w", o.Kind, o.Name, unix.EBUSY)
		}
	}
	return nil
}

func nameOf(index int) string {
	if _, s, err := link.ByIndex(netns.Here, index); err == nil {
		return s.Name
	}
	return fmt.Sprintf("interface %d", index)
}

// checkDefault refuses an interface that carries a default route, whoever set
// it.
func checkDefault(index int) error {
	via, err := routes(index)
	if err != nil {
		return err
	}
	for _, m := range via {
		if m[rtmDstLen] != 0 {
			continue
		}
		gateway := ""
		for kind, v := range link.Attrs(m[unix.SizeofRtMsg:]) {
			if gw, ok := netip.AddrFromSlice(v); ok && kind == unix.RTA_GATEWAY {
				gateway = " via " + gw.String()
			}
		}
		return fmt.Errorf("%w (default%s): taking it may cut this machine off; use force to take it all the same", ErrDefaultRoute, gateway)
	}
	return nil
}

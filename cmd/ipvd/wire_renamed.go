package main

import (
	"errors"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
)

// findRenamed finds a wire that was renamed since the last run by its MAC. Interfaces
// that stand on others, as a VLAN or macvlan does, may share one, and are not meant;
// neither is any when there are several.
func (m *master) findRenamed() {
	_, _, err := link.ByName(netns.Here, m.conf.Device)
	if m.lastMAC == "" || !errors.Is(err, link.ErrNotFound) {
		return
	}
	var found []string
	all, err := link.Dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg)
	for _, b := range all {
		s, ok := link.ParseState(b)
		stacked := s.Lower != 0 && !s.LowerElsewhere && s.Kind != "veth"
		if ok && s.MAC().String() == m.lastMAC && s.Kind != "tun" && !stacked {
			found = append(found, s.Name)
		}
	}
	if err != nil || len(found) != 1 {
		m.log.Warn().Err(err).Str("wire", m.conf.Device).Str("mac", m.lastMAC).Strs("found", found).
			Msg("the wire is not there, and not one other interface has the MAC that it had")
		return
	}
	m.log.Warn().Str("wire", m.conf.Device).Str("now", found[0]).Msg("the wire was renamed: it is taken by the MAC that it had")
	m.conf.Device = found[0]
}

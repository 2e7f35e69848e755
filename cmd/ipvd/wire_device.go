package main

import (
	"strings"
	"time"

	"ipvd/pmd"
)

const (
	// lookAtDevice is how often a device that tells nobody of it is asked for its
	// link and the host port for its groups: twice a second, as ethtool(8) users
	// expect of a link, and too seldom to cost anything.
	lookAtDevice = 500 * time.Millisecond
	// linkTime is what a NIC takes to agree with its neighbour upon a link, and
	// more.
	linkTime = 10 * time.Second
)

// tellLowered says in one line what the wire does not do as it was wanted.
func (m *master) tellLowered(port interface{ Lowered() []string }) {
	if l := port.Lowered(); len(l) > 0 {
		m.log.Info().Str("wire", m.conf.Device).Str("lowered", strings.Join(l, "; ")).Msg("the wire does less than it was asked for")
	}
}

// watchDevice follows the link of a wire that is no kernel interface, and whether
// the device is still there, until the master is closed. A driver is not believed
// before it has told of a link once: e1000 in some virtual machines never does and
// works nevertheless.
func (m *master) watchDevice() {
	if m.taken != nil {
		return
	}
	m.closing = make(chan struct{})
	go func() {
		tick := time.NewTicker(lookAtDevice)
		defer tick.Stop()
		seen, told, doubt := false, false, time.Now().Add(linkTime)
		for {
			up := m.wire.Carrier()
			seen = seen || up
			switch {
			case isGone(m.wire):
				m.log.Error().Str("wire", m.conf.Device).Msg("the wire has vanished: slaves reach each other and the host only")
				m.d.chores.add(m.name+" wire gone", m.wireGone)
				return
			case seen:
				m.d.chores.add(m.name+" device", func() { m.followDevice(up) })
			case !told && time.Now().After(doubt):
				told = true
				m.log.Info().Str("wire", m.conf.Device).Msg("the driver has not told of a link so far: slaves are given one until it does")
			}
			select {
			case <-m.closing:
				return
			case <-tick.C:
			}
		}
	}()
}

func isGone(p pmd.Port) bool {
	g, ok := p.(interface{ Gone() bool })
	return ok && g.Gone()
}

// followDevice passes the link on and sets the filter.
func (m *master) followDevice(up bool) {
	m.setCarrier(up)
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	m.setFilter()
}

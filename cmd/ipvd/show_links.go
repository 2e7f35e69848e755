package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/netns"
)

// Links shows masters and slaves.
func (d *daemon) Links(ctx context.Context, c api.Caller, f api.LinkFilter) ([]api.Link, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	only, err := filterNetns(f.Netns)
	if err != nil {
		return nil, err
	}
	if f.Master != "" && d.master(f.Master) == nil {
		return nil, &api.Refusal{Text: fmt.Sprintf("%q is no master of this daemon; its masters: %s", f.Master, strings.Join(d.masterNames(), ", ")), Errno: unix.ENODEV}
	}
	links := []api.Link{}
	for _, m := range d.masters {
		if only == nil && (f.Name == "" || f.Name == m.name) && f.Master == "" {
			links = append(links, m.show(f.Details, f.Stats))
		}
		for _, s := range m.slaves {
			p := s.place()
			named := f.Name == "" || f.Name == p.name || f.Name == s.key()
			if named && (only == nil || *only == p.netns) && (f.Master == "" || f.Master == m.name) {
				links = append(links, s.show(f.Details, f.Stats))
			}
		}
	}
	links = append(links, d.showMissing(only, f)...)
	if len(links) == 0 && f.Name != "" {
		return nil, &api.Refusal{Text: "no master or slave is called " + f.Name, Errno: unix.ENODEV}
	}
	return links, nil
}

// filterNetns gives the identity of the namespace that ref names, nil for "".
func filterNetns(ref string) (*netns.ID, error) {
	if ref == "" {
		return nil, nil
	}
	fd, err := openNetns(ref)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	id, err := netns.IDOf(fd)
	return &id, err
}

func (m *master) show(detail, stats bool) api.Link {
	p := m.hostPlace()
	l := api.Link{IfIndex: p.index, IfName: m.name, Flags: flagWords(p.flags), MTU: m.template.MTU,
		OperState: operState(p.flags), Address: m.mac().String(), PortKind: m.wire.Info().Driver,
		Wire: m.conf.Device, State: "ok", MMode: m.template.Mode.String(), MFlag: m.template.Flag.String()}
	if m.trouble != "" {
		l.State = m.trouble
	}
	if detail {
		l.LinkInfo = m.linkInfo("ipvlan-master")
	}
	if stats {
		l.Stats64 = m.stats()
	}
	return l
}

func (m *master) linkInfo(kind string) *api.LinkInfo {
	i := &api.LinkInfo{Kind: kind}
	i.Data.Mode, i.Data.Flag = m.template.Mode.String(), m.template.Flag.String()
	return i
}

// stats are the wire's: received is what came from it.
func (m *master) stats() *api.Stats64 {
	var st api.Stats64
	for _, q := range m.wire.Rx() {
		s := q.Stats()
		st.RX.Packets, st.RX.Bytes = st.RX.Packets+s.Packets, st.RX.Bytes+s.Bytes
		st.RX.Errors, st.RX.Dropped = st.RX.Errors+s.Errors, st.RX.Dropped+s.NoMbuf
	}
	for _, q := range m.wire.Tx() {
		s := q.Stats()
		st.TX.Packets, st.TX.Bytes = st.TX.Packets+s.Packets, st.TX.Bytes+s.Bytes
		st.TX.Dropped += s.Full + s.TooBig + s.Refused
	}
	p := m.wire.Stats()
	st.RX.Errors, st.RX.Dropped = st.RX.Errors+p.Errors, st.RX.Dropped+p.Missed+p.NoMbuf
	st.TX.Errors = p.OErrors
	return &st
}

func (s *slave) show(detail, stats bool) api.Link {
	p := s.place()
	l := api.Link{IfIndex: p.index, IfName: p.name, Link: s.m.name, Flags: flagWords(p.flags), MTU: s.model.MTU,
		OperState: operState(p.flags), Address: s.m.mac().String(), ID: int(s.id), Netns: p.where(),
		PortKind: s.kind, State: "ok", MMode: s.m.template.Mode.String(), MFlag: s.m.template.Flag.String(),
		Addrs: s.m.addrs.active(s.id)}
	if len(p.mac) == 6 && p.mac != string(s.m.mac()) {
		l.Address, l.State = net.HardwareAddr(p.mac).String(), "its MAC is not the master's, so that its stack takes no unicast frame"
	}
	if detail {
		l.LinkInfo = s.m.linkInfo("ipvlan")
	}
	if stats {
		l.Stats64 = s.stats()
	}
	return l
}

func (s *slave) stats() *api.Stats64 {
	n := s.model.Stats()
	var st api.Stats64
	st.RX.Packets, st.RX.Bytes, st.RX.Errors = n.RxPackets, n.RxBytes, n.RxErrors
	st.RX.Dropped, st.RX.Multicast = n.RxDropped, n.Multicast
	st.TX.Packets, st.TX.Bytes, st.TX.Errors, st.TX.Dropped = n.TxPackets, n.TxBytes, n.TxErrors, n.TxDropped
	return &st
}

// flagWords are the words of `ip link show`, in its order.
func flagWords(f uint32) []string {
	words := []string{}
	for _, w := range []struct {
		bit  uint32
		word string
	}{
		{unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_NOARP, "NOARP"},
		{unix.IFF_ALLMULTI, "ALLMULTI"}, {unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_UP, "UP"}, {unix.IFF_LOWER_UP, "LOWER_UP"},
	} {
		if f&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	if f&unix.IFF_UP != 0 && f&unix.IFF_LOWER_UP == 0 {
		words = append([]string{"NO-CARRIER"}, words...)
	}
	return words
}

func operState(f uint32) string {
	switch {
	case f&unix.IFF_UP == 0:
		return "DOWN"
	case f&unix.IFF_LOWER_UP == 0:
		return "LOWERLAYERDOWN"
	}
	return "UP"
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/conntrack"
	"ipvd/flows/ipvlan"
)

// openShortcuts lets flows leave out the turn through the host, if that is wanted and
// the kernel tells of its connections.
func (m *master) openShortcuts(t *ipvlan.Master) {
	t.LocalViaHost = m.d.cfg.LocalHost == "on"
	if m.d.cfg.Shortcuts != "on" {
		return
	}
	cuts, err := newShortcuts(m.log, t.Table)
	if err != nil {
		m.log.Warn().Err(err).Msg("in l3s every packet takes the turn through the host, which is slower: the kernel tells nothing of its connections")
		return
	}
	m.cuts, t.Flows = cuts, cuts.table
	if m.d.sys != nil {
		m.runShortcuts()
	}
}

// runShortcuts starts what openShortcuts has opened, when there are workers. Under mu.
func (m *master) runShortcuts() {
	if m.cuts != nil {
		m.cuts.startRun(m.d.sys)
	}
}

// closeShortcuts undoes openShortcuts, after the last graph that used it.
func (m *master) closeShortcuts(t *ipvlan.Master) error {
	t.Flows, t.LocalViaHost = nil, false
	if m.cuts == nil {
		return nil
	}
	cuts := m.cuts
	m.cuts = nil
	return cuts.close()
}

// Flows gives the flows of all masters in l3s.
func (d *daemon) Flows(ctx context.Context) ([]api.Flow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []api.Flow{}
	for _, m := range d.masters {
		if m.cuts == nil {
			continue
		}
		flows, err := m.cuts.show(m.name)
		if err != nil {
			return nil, err
		}
		all = append(all, flows...)
	}
	return all, nil
}

// show gives the flows with the host's and the shortcuts' numbers added up.
func (s *shortcuts) show(master string) ([]api.Flow, error) {
	seen, err := s.tracker.List()
	if err != nil {
		return nil, err
	}
	host := make(map[uint32]conntrack.Flow, len(seen))
	for _, f := range seen {
		host[f.ID] = f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	flows := make([]api.Flow, 0, len(s.flows))
	for id, f := range s.flows {
		stats := s.table.Stats(f.id)
		shown := api.Flow{Master: master, ID: id, Proto: map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[f.Orig.Proto],
			Orig: way(f.Orig, stats[0]), Reply: way(f.Reply, stats[1])}
		for i, w := range []*api.FlowWay{&shown.Orig, &shown.Reply} {
			if now := host[id]; now.Packets[i] > 0 {
				w.Packets, w.Bytes = now.Packets[i]+stats[i].Packets, now.Bytes[i]+stats[i].Bytes
			}
		}
		flows = append(flows, shown)
	}
	slices.SortFunc(flows, func(a, b api.Flow) int {
		return cmp.Or(strings.Compare(a.Orig.Src, b.Orig.Src), strings.Compare(a.Orig.Dst, b.Orig.Dst), cmp.Compare(a.ID, b.ID))
	})
	return flows, nil
}

func way(t ipvlan.Tuple, st ipvlan.FlowStats) api.FlowWay {
	return api.FlowWay{Src: t.Src.String(), Dst: t.Dst.String(), Shortcut: st.Fast, Packets: st.Packets + st.Host,
		Bytes: st.Bytes + st.HostBytes, FastPackets: st.Packets, FastBytes: st.Bytes}
}

// FlowFlush makes the host see every flow again.
func (d *daemon) FlowFlush(ctx context.Context, c api.Caller, r api.FlowFlush) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Master != "" && d.master(r.Master) == nil {
		return &api.Refusal{Text: fmt.Sprintf("%q is no master of this daemon; its masters: %s", r.Master, strings.Join(d.masterNames(), ", ")), Errno: unix.ENODEV}
	}
	for _, m := range d.masters {
		if m.cuts != nil && (r.Master == "" || r.Master == m.name) {
			m.cuts.end("flow flush")
		}
	}
	return nil
}

// Host lists what was changed in the host.
func (d *daemon) Host(ctx context.Context) ([]api.HostChange, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []api.HostChange{}
	for _, m := range d.masters {
		all = append(all, m.hostChanges()...)
	}
	return all, nil
}

// hostChanges are the host's settings that the mode l3s needs, and what follows from
// them. Under mu.
func (m *master) hostChanges() []api.HostChange {
	if m.hosts == nil {
		return nil
	}
	all := []api.HostChange{{Master: m.name, Kind: "interface", What: m.returnName()}}
	for _, c := range m.hosts.Changes() {
		all = append(all, api.HostChange{Master: m.name, Kind: "sysctl", What: "net/" + c.Key, Old: c.Old, New: c.New})
	}
	for _, c := range m.addrs.claims() {
		if c.State == ipvlan.Active && !(c.Addr.IsLinkLocalUnicast() && c.Addr.Is6()) {
			all = append(all, api.HostChange{Master: m.name, Kind: "route", What: c.Addr.String() + " dev " + m.returnName()})
		}
	}
	if m.cuts != nil {
		all = append(all, api.HostChange{Master: m.name, Kind: "conntrack",
			What: "established TCP of slaves is not checked for its window"})
	}
	return all
}

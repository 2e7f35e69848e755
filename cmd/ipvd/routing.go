package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/flows/ipvlan"
	"ipvd/flows/route"
	"ipvd/flows/route/mirror"
)

// openMirror follows the routing of the namespace open as ns by the host port's
// interface; nothing when the host is to route each packet.
func (m *master) openMirror(ns int, hostPort string) (*mirror.Mirror, *ipvlan.Routing, error) {
	if m.d.cfg.L3Path == "host" {
		return nil, nil, nil
	}
	r := ipvlan.NewRouting()
	mir, err := mirror.Open(ns, mirror.Config{
		Device: hostPort, FIB: r.FIB, OnLink: m.template.CompatKernel,
		Report: func(err error) {
			if err != nil {
				m.log.Error().Err(err).Msg("the host's routing cannot be read: its kernel routes each packet until it can")
			} else {
				m.log.Info().Msg("the host's routing is followed again")
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return mir, r, nil
}

// mirrored are the masters in l3 that route by a copy of the host's routes: the one
// with this name, or all.
func (d *daemon) mirrored(name string) ([]*master, error) {
	if name != "" && d.master(name) == nil {
		return nil, &api.Refusal{Text: fmt.Sprintf("%q is no master of this daemon; its masters: %s", name, strings.Join(d.masterNames(), ", ")), Errno: unix.ENODEV}
	}
	var all []*master
	for _, m := range d.masters {
		if m.mirror != nil && (name == "" || name == m.name) {
			all = append(all, m)
		}
	}
	return all, nil
}

// Routes shows what l3 routes by.
func (d *daemon) Routes(ctx context.Context, f api.RouteFilter) ([]api.Route, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.mirrored(f.Master)
	if err != nil {
		return nil, err
	}
	routes := []api.Route{}
	for _, m := range all {
		m.mirror.Do(func(fib *route.FIB) {
			for _, r := range fib.Routes() {
				if f.Table == 0 || f.Table == r.Table {
					routes = append(routes, m.showRoute(r))
				}
			}
		})
	}
	return routes, nil
}

func (m *master) showRoute(r route.Route) api.Route {
	a := api.Route{Master: m.name, Dst: r.Dst.String(), Type: r.Spec.Kind.String(), Table: r.Table, TOS: r.TOS,
		Metric: r.Priority, MTU: r.Spec.MTU, Gateway: text(r.Spec.Via)}
	switch {
	case r.Dst.Bits() == 0:
		a.Dst = "default"
	case r.Dst.IsSingleIP():
		a.Dst = r.Dst.Addr().String()
	}
	for _, p := range r.Spec.Paths {
		a.NextHops = append(a.NextHops, api.NextHop{Gateway: text(p.Via), Weight: p.Weight})
	}
	return a
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// RouteGet says where l3 sends a packet.
func (d *daemon) RouteGet(ctx context.Context, q api.RouteQuery) (a api.Route, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.mirrored(q.Master)
	if err != nil {
		return a, err
	}
	if len(all) != 1 {
		return a, &api.Refusal{Text: fmt.Sprintf("%d masters route in l3 by a copy of the host's routes: name one that does with dev", len(all)), Errno: unix.EINVAL}
	}
	if q.From.Is4() != q.To.Is4() {
		return a, &api.Refusal{Text: fmt.Sprintf("from %v to %v: one is IPv4, the other IPv6", q.From, q.To), Errno: unix.EINVAL}
	}
	m := all[0]
	m.mirror.Do(func(fib *route.FIB) { a = m.answer(fib, q) })
	return a, nil
}

// answer is the hop that a worker finds for a packet, and its neighbour.
func (m *master) answer(fib *route.FIB, q api.RouteQuery) api.Route {
	h := fib.Get(q.From, q.To, q.TOS)
	a := api.Route{Master: m.name, Dst: q.To.String(), From: q.From.String(), TOS: q.TOS, Type: h.Kind.String(), MTU: h.MTU}
	if h.Kind != route.Forward {
		return a
	}
	n := h.Via
	if n != nil {
		a.Gateway = n.Addr().String()
	} else {
		n = fib.Neighbours.Find(q.To)
	}
	if n == nil {
		a.Neighbour = &api.Neighbour{Dst: q.To.String(), Master: m.name, State: route.Unknown.String()}
		return a
	}
	shown := m.showNeighbour(fib, n)
	a.Neighbour = &shown
	return a
}

// usedWithin is for how many seconds a neighbour is shown as used.
const usedWithin = 5

func (m *master) showNeighbour(fib *route.FIB, n *route.Neighbour) api.Neighbour {
	mac, state := n.Hardware()
	a := api.Neighbour{Dst: n.Addr().String(), Master: m.name, State: state.String(),
		Used: n.UsedSince(fib.Now() - usedWithin*route.TicksPerSecond)}
	if state == route.Usable {
		a.LLAddr = net.HardwareAddr(mac[:]).String()
	}
	return a
}

// Neighbours shows whom l3 knows on the links of host ports.
func (d *daemon) Neighbours(ctx context.Context, f api.RouteFilter) ([]api.Neighbour, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.mirrored(f.Master)
	if err != nil {
		return nil, err
	}
	shown := []api.Neighbour{}
	for _, m := range all {
		m.mirror.Do(func(fib *route.FIB) {
			for n := range fib.Neighbours.Each {
				shown = append(shown, m.showNeighbour(fib, n))
			}
		})
	}
	slices.SortFunc(shown, func(a, b api.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Master, b.Master), cmp.Compare(a.Dst, b.Dst))
	})
	return shown, nil
}

// mirrorCounters say what the mirrors have done.
func (d *daemon) mirrorCounters(detail bool) (counters []api.Counter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.masters {
		if m.mirror == nil {
			continue
		}
		s := m.mirror.Stats()
		for _, c := range []api.Counter{{Name: "changes", Packets: s.Changes}, {Name: "lost", Packets: s.Lost}, {Name: "read_again", Packets: s.Reads}} {
			if c.Packets != 0 || detail {
				c.Where, c.Kind = m.name+"/routes", "info"
				counters = append(counters, c)
			}
		}
	}
	return counters
}

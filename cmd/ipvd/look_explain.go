package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/describe"
	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/flows/watch"
	"ipvd/pmd"
	"ipvd/pmd/memory"
)

const (
	explainMbufs = 64 // of 64 KB each, which take memory when they are used
	explainStock = 16
	explainRing  = 1 << 18
)

// Explain says what would become of frames: it builds the graph of their master
// once more, on ports in memory and with the table that carries packets, and gives
// it each frame.
func (d *daemon) Explain(_ context.Context, c api.Caller, r api.Explain) ([]api.Path, error) {
	d.mu.Lock()
	e, err := d.findEnd(c, r.Dev, r.Netns)
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	names, model, cuts := d.portNames(), e.m.model(), e.m.cuts
	d.mu.Unlock()
	if e.what == "punt" {
		return nil, &api.Refusal{Text: "explain: nothing is received from " + e.name(), Errno: unix.EINVAL}
	}
	frames := r.Frames
	if len(frames) == 0 {
		frame, err := e.frame(r, model)
		if err != nil {
			return nil, &api.Refusal{Text: "explain: " + err.Error(), Errno: unix.EINVAL}
		}
		frames = [][]byte{frame}
	}
	if cuts != nil { // the replica looks its flows up
		cuts.mu.Lock()
		defer cuts.mu.Unlock()
	}
	paths, err := explain(model, e.port, names, frames)
	if err != nil {
		return nil, fmt.Errorf("explain frames from %s: %w", e.name(), err)
	}
	return paths, nil
}

// explain sends frames through a replica of m's data plane, as if they came by port.
func explain(m *ipvlan.Master, port pmd.Port, names map[pmd.Port]string, frames [][]byte) (paths []api.Path, err error) {
	rt, err := memory.NewRuntime(explainMbufs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	s, err := watch.NewSession(watch.Config{Trace: true, Snap: traceSnap, Ring: explainRing, Workers: 1})
	if err != nil {
		return nil, err
	}
	twins := twins{rt: rt, names: names, of: map[pmd.Port]*memory.Port{}, known: &portNames{names: map[pmd.Port]string{}}}
	replica := m.Replica(1, twins.get)
	cfg := flows.Config{Runtime: rt, Pool: rt.Pool(), CPUs: []int{-1}, Stock: explainStock}
	step, err := flows.NewStepper(cfg, func(g *flows.Graph) error {
		g.Watch(s.Worker(0))
		return ipvlan.Build(g, replica)
	})
	if err != nil {
		return nil, err
	}
	defer step.Close()
	for _, frame := range frames {
		if err := twins.of[port].Put(frame); err != nil {
			return nil, &api.Refusal{Text: err.Error(), Errno: unix.EINVAL}
		}
		for step.Step() > 0 {
		}
		for _, p := range s.Read(1) {
			paths = append(paths, pathOf(p, twins.known))
		}
	}
	return paths, nil
}

// twins are the ports in memory that stand for those of a master.
type twins struct {
	rt    *memory.Runtime
	names map[pmd.Port]string
	of    map[pmd.Port]*memory.Port
	known *portNames // of the twins
}

func (t *twins) get(p pmd.Port) pmd.Port {
	twin := t.of[p]
	if twin == nil {
		twin = t.rt.NewPort(p.Name(), p.Info())
		t.of[p], t.known.names[twin] = twin, t.names[p]
	}
	return twin
}

// stranger is the MAC address of a station that is none of ours, in frames that are
// made to be explained: one of those kept for documentation (RFC 7042, 2.1.2), as a
// local address.
func stranger() net.HardwareAddr { return net.HardwareAddr{0x02, 0x00, 0x5e, 0x00, 0x53, 0x01} }

// frame makes a frame as the station at e would send it.
func (e end) frame(r api.Explain, m *ipvlan.Master) ([]byte, error) {
	src, err1 := netip.ParseAddr(r.Src)
	dst, err2 := netip.ParseAddr(r.Dst)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	own := net.HardwareAddr(m.MAC[:])
	p := describe.Packet{SrcMAC: own, DstMAC: stranger(), Src: src, Dst: dst, Proto: r.Proto,
		SrcPort: uint16(r.SrcPort), DstPort: uint16(r.DstPort)}
	if e.what == "wire" {
		p.SrcMAC, p.DstMAC = stranger(), own
	} else if e.m.addrs.isActive(dst) {
		p.DstMAC = own
	}
	if mac := groupMAC(dst, r.Proto); mac != nil {
		p.DstMAC = mac
	}
	return p.Bytes()
}

// isActive reports an address that a slave has.
func (r *registry) isActive(a netip.Addr) bool {
	return slices.ContainsFunc(r.claims(), func(c ipvlan.Claimed) bool { return c.Addr == a && c.State == ipvlan.Active })
}

// groupMAC is the MAC address of a group of stations (RFC 1112, section 6.4; RFC
// 2464, section 7), nil for one station.
func groupMAC(a netip.Addr, proto string) net.HardwareAddr {
	b := a.AsSlice()
	switch {
	case proto == "arp" || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case a.Is4() && a.IsMulticast():
		return net.HardwareAddr{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	case a.Is6() && a.IsMulticast():
		return net.HardwareAddr{0x33, 0x33, b[12], b[13], b[14], b[15]}
	}
	return nil
}

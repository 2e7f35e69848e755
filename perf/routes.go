package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"ipvd/flows/ipvlan"
	"ipvd/flows/route"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
)

const (
	routeTable = 254
	gateways   = 16
)

// egressL3 compares packets that are routed by tables of several sizes with
// packets from the wire to slaves.
func egressL3(b *bench) (rows []report.Row, err error) {
	for _, c := range []struct {
		name   string
		routes int
	}{{"egress/l3-1", 1}, {"egress/l3-1k", 1 << 10}, {"egress/l3-1M", 1 << 20}} {
		if !b.wants(c.name) {
			continue
		}
		row, err := b.routed(c.name, c.routes)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (b *bench) routed(name string, routes int) (row report.Row, err error) {
	// From as many packets as those that are routed: more than fit the caches cost the
	// source, too.
	ref, addrs := "ingress", ingressAddrs
	if fileLen(routes) > fileLen(ingressAddrs) {
		ref, addrs = "ingress/v4-64k", 64<<10
	}
	in, err := b.newIngress(traffic.Addrs4(addrs), ingressSlaves, 128)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	e, err := b.newRouted(prefixes(routes))
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	r, err := b.quiet(in.forward(), in.reference(), in.path.variant(b.turn), e.path.variant(b.turn))
	if err != nil {
		return row, err
	}
	if err := errors.Join(in.check(), e.check()); err != nil {
		return row, err
	}
	return report.New(name, ref, r.Rate(ipvd+1), report.Mpps, len(r)).
		Against(r.Ratio(ipvd+1, ipvd)).AtLeast(0.8).Aim("0.95"), nil
}

// newRouted makes packets from slave 0 to random addresses of the routes.
func (b *bench) newRouted(routes []netip.Prefix) (e *egress, err error) {
	addrs := traffic.Addrs4(ingressAddrs)
	rnd := rand.New(rand.NewPCG(uint64(len(routes)), 5))
	e = &egress{dst: peerMAC}
	for range fileLen(len(routes)) {
		h := traffic.Header{DstMAC: peerMAC, SrcMAC: masterMAC, Src: addrs[0], Dst: within(routes[rnd.IntN(len(routes))], rnd)}
		e.load.frames = append(e.load.frames, h.UDP())
	}
	if e.bed, err = b.newBed(bedConfig{frames: e.load.frames, queues: ingressSlaves, burst: 128}); err != nil {
		return e, err
	}
	m := e.newMaster(ingressSlaves, 1)
	m.Mode, m.Routing, m.Punt = ipvlan.L3, routing(routes), e.rest.Tx()[0]
	m.Wire = lane{Port: e.rest, tx: e.rest.Tx()[1:]}
	m.Slaves[0].Port = lane{Port: e.sink, rx: e.source.Rx(), tx: e.sink.Tx()[:1]}
	if err := give(m, addrs); err != nil {
		return e, errors.Join(err, e.bed.close())
	}
	if e.path, err = e.newPath(m); err != nil {
		return e, errors.Join(err, e.bed.close())
	}
	return e, nil
}

// routing has the routes, through several gateways whose MAC addresses are known.
func routing(routes []netip.Prefix) *ipvlan.Routing {
	r := ipvlan.NewRouting()
	l := r.FIB.Load()
	for i, p := range routes {
		l.Add(route.Route{Table: routeTable, Dst: p, Spec: route.Spec{Via: gateway(i)}})
	}
	r.FIB.Use(l, route.Policy{Rules4: []route.Rule{{Table: 255}, {Priority: 32766, Table: routeTable}, {Priority: 32767, Table: 253}}})
	for i := range gateways {
		r.FIB.Neighbours.Set(gateway(i), route.Usable, peerMAC[:])
	}
	return r
}

func gateway(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i%gateways)}) }

// prefixes are n different ones, most as long as in the Internet's table: three
// of four have 24 bits, of the others nearly all fewer. A single one is a default
// route.
func prefixes(n int) []netip.Prefix {
	if n == 1 {
		return []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	}
	rnd := rand.New(rand.NewPCG(uint64(n), 6))
	seen := make(map[netip.Prefix]bool, n)
	all := make([]netip.Prefix, 0, n)
	for len(all) < n {
		bits := 24
		switch k := rnd.IntN(100); {
		case k < 20:
			bits = 16 + rnd.IntN(8)
		case k < 25:
			bits = 25 + rnd.IntN(8)
		}
		p := netip.PrefixFrom(within(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(16 + rnd.IntN(96))}), 8), rnd), bits).Masked()
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	return all
}

// within is a random address of a prefix, not of those that no station has.
func within(p netip.Prefix, rnd *rand.Rand) netip.Addr {
	for {
		b := p.Addr().As4()
		a := binary.BigEndian.Uint32(b[:]) | uint32(uint64(rnd.Uint32())>>p.Bits())
		binary.BigEndian.PutUint32(b[:], a)
		if first := b[0]; first != 0 && first != 10 && first != 127 && first < 224 {
			return netip.AddrFrom4(b)
		}
	}
}

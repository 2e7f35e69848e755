package main

import (
	"errors"
	"fmt"
	"net/netip"

	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd/dpdk/cloop"
)

// turnPackets is how many packets a variant forwards in a turn, some 40 ms, or a
// quick run's half of that; multiples of every file's length, so that each slave's
// share is known.
const turnPackets, quickTurn = 1 << 20, 1 << 19

// fileLen is how many packets a file has for so many addresses: all of them, or
// a sample.
func fileLen(addrs int) int {
	if addrs > 4096 {
		return 65536
	}
	return 4096
}

// ingress is a bed on which the floor, the reference and ipvd forward packets
// from the wire to slaves.
type ingress struct {
	*bed
	load   load
	master *ipvlan.Master
	ref    *cloop.Reference
	path   *path
	refRun uint64 // packets of ref so far
}

func (b *bench) newIngress(addrs []netip.Addr, slaves, burst int) (in *ingress, err error) {
	in = &ingress{load: ingressLoad(addrs, fileLen(len(addrs)), slaves)}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close())
		}
	}()
	if in.bed, err = b.newBed(bedConfig{frames: in.load.frames, queues: slaves, burst: burst}); err != nil {
		return in, err
	}
	if in.ref, err = cloop.NewReference(cloop.ReferenceConfig{From: in.source.ID(), To: in.sink.ID(), Rest: in.rest.ID(),
		Burst: burst, MAC: masterMAC, Slaves: slaves, Keys: len(addrs)}); err != nil {
		return in, err
	}
	for i, a := range addrs {
		if err := in.ref.Add(a, slaveOf(i, slaves)); err != nil {
			return in, err
		}
	}
	in.master = in.newMaster(slaves, 1)
	if err := give(in.master, addrs); err != nil {
		return in, err
	}
	in.path, err = in.newPath(in.master)
	return in, err
}

func (in *ingress) close() error {
	if in.path != nil && in.path.st != nil {
		in.path.st.Close()
	}
	if in.ref != nil {
		in.ref.Close()
	}
	if in.bed == nil {
		return nil
	}
	return in.bed.close()
}

// check is the proof of work.
func (in *ingress) check() error {
	if n := in.ref.Unsent(); n > 0 {
		return fmt.Errorf("reference: %d packets were not sent", n)
	}
	if err := in.load.check(in.refRun, in.ref.Sent); err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if err := in.load.check(in.path.packets, in.path.counted); err != nil {
		return fmt.Errorf("ipvd: %w", err)
	}
	return in.path.check()
}

// forward is the floor: receive and send.
func (t *bed) forward() measure.Variant {
	return measure.Variant{Name: "floor", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			return received(cloop.Forward(t.source.ID(), t.sink.ID(), t.cfg.burst, t.turn), t.turn)
		})
	}}
}

func (in *ingress) reference() measure.Variant {
	return measure.Variant{Name: "c-reference", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			in.refRun += in.turn
			return received(in.ref.Run(in.turn), in.turn)
		})
	}}
}

// received says that a loop has got what it was to get.
func received(got, want uint64) (uint64, error) {
	if got != want {
		return got, fmt.Errorf("received %d packets of %d", got, want)
	}
	return got, nil
}

// Variants of an ingress comparison.
const (
	floor = iota
	cReference
	ipvd
)

// compare lets floor, reference and ipvd take turns and checks their work.
func (b *bench) compare(addrs []netip.Addr, slaves, burst int) (r measure.Rounds, err error) {
	in, err := b.newIngress(addrs, slaves, burst)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	r, err = b.quiet(in.forward(), in.reference(), in.path.variant(in.turn))
	if err != nil {
		return nil, err
	}
	return r, in.check()
}

const (
	ingressSlaves = 16
	ingressAddrs  = 1024
)

// ingressBursts measures the like-for-like bound at two bursts.
func ingressBursts(b *bench) (rows []report.Row, err error) {
	for _, c := range []struct {
		burst int
		bar   float64
	}{{32, 0.90}, {128, 0.95}} {
		name := fmt.Sprintf("ingress/b%d", c.burst)
		above := c.burst == 128 && b.wants(aboveFloorName)
		if !b.wants(name) && !above {
			continue
		}
		r, err := b.compare(traffic.Addrs4(ingressAddrs), ingressSlaves, c.burst)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row(name, r).AtLeast(c.bar).Aim("1.0"))
		if above {
			rows = append(rows, aboveFloor(r))
		}
	}
	return rows, nil
}

// row is ipvd against the reference.
func row(name string, r measure.Rounds) report.Row {
	return report.New(name, "c-reference", r.Rate(ipvd), report.Mpps, len(r)).Against(r.Ratio(ipvd, cReference))
}

const aboveFloorName = "ingress/above-floor"

// aboveFloor compares what looking up, grouping and sending by slave cost.
func aboveFloor(r measure.Rounds) report.Row {
	ns := r.Each(func(s []measure.Sample) float64 { return s[ipvd].Cost() - s[floor].Cost() })
	ratio := r.Each(func(s []measure.Sample) float64 {
		return (s[ipvd].Cost() - s[floor].Cost()) / (s[cReference].Cost() - s[floor].Cost())
	})
	return report.New(aboveFloorName, "c-reference", ns, "ns/packet", len(r)).Against(ratio).AtMost(1.35).Aim("1.0, 6 ns")
}

// ingressTables measures address tables that leave the caches.
func ingressTables(b *bench) (rows []report.Row, err error) {
	for _, c := range []struct {
		name  string
		addrs []netip.Addr
	}{
		{"ingress/v4-64k", traffic.Addrs4(64 << 10)},
		{"ingress/v4-1M", traffic.Addrs4(1 << 20)},
		{"ingress/v6-1k", traffic.Addrs6(1 << 10)},
		{"ingress/v6-64k", traffic.Addrs6(64 << 10)},
		{"ingress/v6-1M", traffic.Addrs6(1 << 20)},
	} {
		if !b.wants(c.name) {
			continue
		}
		r, err := b.compare(c.addrs, ingressSlaves, 128)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, row(c.name, r).AtLeast(0.90).Aim("1.0"))
	}
	return rows, nil
}

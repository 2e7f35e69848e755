package main

import (
	"errors"
	"fmt"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
)

// besideTestpmd lets floor, reference, ipvd and testpmd in a mode take turns.
func (b *bench) besideTestpmd(mode string) (r measure.Rounds, err error) {
	in, err := b.newIngress(traffic.Addrs4(ingressAddrs), ingressSlaves, 128)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	p, err := b.startTestpmd(in.bed, mode)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	r, err = b.quiet(in.forward(), in.reference(), in.path.variant(b.turn), p.variant("testpmd "+mode))
	if err != nil {
		return nil, err
	}
	return r, in.check()
}

const peer = ipvd + 1

// ingressMacswap compares ipvd with a program that swaps addresses and sends all
// to one queue. It is told, not judged.
func ingressMacswap(b *bench) ([]report.Row, error) {
	r, err := b.besideTestpmd("macswap")
	if err != nil {
		return nil, err
	}
	row := report.New("ingress/macswap", "testpmd macswap", r.Rate(ipvd), report.Mpps, len(r)).Against(r.Ratio(ipvd, peer))
	return []report.Row{row}, nil
}

// workerRegistered compares the floor on our thread, which the program made and
// registered, with the same on a thread of the EAL.
func workerRegistered(b *bench) ([]report.Row, error) {
	r, err := b.besideTestpmd("io")
	if err != nil {
		return nil, err
	}
	row := report.New("worker/registered", "EAL thread of testpmd io", r.Rate(floor), report.Mpps, len(r)).
		Against(r.Ratio(floor, peer)).AtLeast(0.95)
	return []report.Row{row}, nil
}

// ingressOVS compares ipvd with a switch that has a rule for each address.
func ingressOVS(b *bench) (rows []report.Row, err error) {
	const flows = 1000
	addrs := traffic.Addrs4(flows)
	in, err := b.newIngress(addrs, ingressSlaves, 128)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	rules := make([]string, flows)
	for i, a := range addrs {
		rules[i] = fmt.Sprintf("ip,nw_dst=%v,actions=output:%d", a, slaveOf(i, ingressSlaves)+1)
	}
	o, err := b.startOVS(in.bed, rules, ingressSlaves)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	r, err := b.quiet(in.forward(), in.reference(), in.path.variant(b.turn), o.variant())
	if err != nil {
		return nil, err
	}
	return []report.Row{report.New("ingress/ovs-1000-flows", "Open vSwitch", r.Rate(ipvd), report.Mpps, len(r)).
		Against(r.Ratio(ipvd, peer)).AtLeast(4.5).Aim("6")}, errors.Join(in.check(), o.check(in.load))
}

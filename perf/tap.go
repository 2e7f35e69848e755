package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"ipvd/perf/measure"
	"ipvd/perf/report"
)

// tapTurn is how long iperf3 sends in a turn, in seconds.
const tapTurn = "1"

// tapRounds is how often the variants take turns, at least; more often for a rate of
// packets, which depends on where the kernel runs who.
const tapRounds, pacedRounds = 7, 11

// tapRows compares ipvd with testpmd over DPDK's net_tap, and with the kernel's
// macvlan, each between two namespaces: bytes of TCP and packets of UDP in a
// CPU-second of the whole machine, iperf3 included.
//
// tap/pps is at a rate that ipvd and macvlan carry whole. tap/flood, which is told and
// not judged, is what arrives of all that a sender can send: a TAP takes frames from its
// sender without end and drops what nobody has read yet, and the CPU time for those, a
// third to a half of the sender's, counts against whoever would have carried them.
func tapRows(b *bench) (rows []report.Row, err error) {
	var variants []*tapPair
	defer func() {
		for _, p := range variants {
			err = errors.Join(err, p.close())
		}
	}()
	for _, open := range []func() (*tapPair, error){b.ipvdPair, b.testpmdPair, b.macvlanPair} {
		p, err := open()
		if err != nil {
			return nil, fmt.Errorf("tap: %w", err)
		}
		variants = append(variants, p)
	}
	for _, c := range []struct {
		name, unit      string
		scale           float64
		run             func(*tapPair) (uint64, error)
		rounds          int
		netTap, macvlan float64
	}{
		{"tap/tcp", "GB/cpu-s", 1, (*tapPair).tcp, tapRounds, 4.5, 0.45},
		{"tap/pps", "Mpps/cpu-s", 1000, (*tapPair).paced, pacedRounds, 0.95, 0.9},
		{"tap/flood", "Mpps/cpu-s", 1000, (*tapPair).flood, tapRounds, 0, 0},
	} {
		if !b.wants(c.name) {
			continue
		}
		var vs []measure.Variant
		for _, p := range variants {
			vs = append(vs, p.variant(c.run))
		}
		take := func() (measure.Rounds, error) { return measure.Interleave(c.rounds, vs...) }
		if b.quick {
			take = func() (measure.Rounds, error) { return measure.Once(vs...) }
		}
		r, err := take()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		rate := r.Each(func(s []measure.Sample) float64 { return float64(s[0].Work) / float64(s[0].CPU) * c.scale })
		for i, bar := range []float64{c.netTap, c.macvlan} {
			row := report.New(c.name, []string{"net_tap", "kernel macvlan"}[i], rate, c.unit, len(r)).Against(r.Ratio(0, i+1))
			switch {
			case bar == 0:
				row.Why = "told, not judged: it measures the sender as well"
			case b.quick:
				row.Why = "not judged: one round"
			default:
				row = row.AtLeast(bar)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// tapPair is two namespaces and what connects their interfaces eth0.
type tapPair struct {
	name  string
	ns    [2]string
	begin func() error // before a turn, and
	end   func() error // after it
	undo  []func() error
}

func nothing() error { return nil }

// newTapPair makes the namespaces.
func newTapPair(name string) (*tapPair, error) {
	p := &tapPair{name: name, begin: nothing, end: nothing}
	for i := range p.ns {
		p.ns[i] = fmt.Sprintf("ipvdperf-%s%d", name, i)
		if err := tapCommand("ip", "netns", "add", p.ns[i]); err != nil {
			return p, err
		}
		p.undo = append(p.undo, func() error { return tapCommand("ip", "netns", "del", p.ns[i]) })
	}
	return p, nil
}

// up gives the interfaces their addresses.
func (p *tapPair) up() error {
	for i, ns := range p.ns {
		for _, words := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", tapAddr(i) + "/24", "dev", "eth0"}, {"link", "set", "eth0", "up"}} {
			if err := tapCommand("ip", append([]string{"-n", ns}, words...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func tapAddr(i int) string { return fmt.Sprintf("10.0.0.%d", 11+i) }

func (p *tapPair) close() error {
	var errs []error
	for i := len(p.undo) - 1; i >= 0; i-- {
		errs = append(errs, p.undo[i]())
	}
	return errors.Join(errs...)
}

// variant is turns of an iperf3 run.
func (p *tapPair) variant(run func(*tapPair) (uint64, error)) measure.Variant {
	return measure.Variant{Name: p.name, Run: func() (s measure.Sample, err error) {
		if err := p.begin(); err != nil {
			return s, err
		}
		before, err := machineBusy()
		if err != nil {
			return s, err
		}
		work, err := run(p)
		after, busy := machineBusy()
		if err = errors.Join(err, busy, p.end()); err != nil {
			return s, fmt.Errorf("%s: %w", p.name, err)
		}
		return measure.Sample{Work: work, CPU: after - before}, nil
	}}
}

// tcp gives the bytes that one stream moves.
func (p *tapPair) tcp() (uint64, error) {
	said, err := p.iperf()
	return said.End.Received.Bytes, err
}

// pacedRate is packets a second.
const pacedRate = 150_000

func (p *tapPair) paced() (uint64, error) { return p.udp(pacedRate) }

// flood is as much as one sender can send.
func (p *tapPair) flood() (uint64, error) { return p.udp(0) }

// udp gives how many packets of 16 bytes arrive, of so many a second that are sent; 0:
// of as many as can be.
func (p *tapPair) udp(rate int) (uint64, error) {
	const size = 16
	said, err := p.iperf("-u", "-b", fmt.Sprint(rate*size*8), "-l", fmt.Sprint(size))
	return said.End.Sum.Packets - min(said.End.Sum.Lost, said.End.Sum.Packets), err
}

// iperfSaid is the part of iperf3's report that is read.
type iperfSaid struct {
	Error string
	End   struct {
		Received struct{ Bytes uint64 } `json:"sum_received"`
		Sum      struct {
			Packets uint64
			Lost    uint64 `json:"lost_packets"`
		}
	}
}

// iperf runs it from namespace 0 to 1.
func (p *tapPair) iperf(words ...string) (said iperfSaid, err error) {
	server := exec.Command("ip", "netns", "exec", p.ns[1], "iperf3", "-s", "-1")
	if err := server.Start(); err != nil {
		return said, err
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	args := append([]string{"netns", "exec", p.ns[0], "iperf3", "-J", "-t", tapTurn, "-c", tapAddr(1)}, words...)
	for range 50 { // the server needs a moment
		out, failed := exec.Command("ip", args...).Output()
		said = iperfSaid{}
		if err = json.Unmarshal(out, &said); err == nil && said.Error == "" {
			return said, failed
		}
		time.Sleep(20 * time.Millisecond)
	}
	return said, errors.Join(fmt.Errorf("iperf3: %s", said.Error), err)
}

// tapCommand runs a program that must succeed.
func tapCommand(name string, words ...string) error {
	if out, err := exec.Command(name, words...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, words, err, out)
	}
	return nil
}

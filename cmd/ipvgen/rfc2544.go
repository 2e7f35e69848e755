package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/report"
	"ipvd/cmd/ipvgen/internal/rfc2544"
)

// rfcSizes are those of RFC 2544, section 9.1.
const rfcSizes = "64,128,256,512,1024,1280,1518"

// tests are the tests of RFC 2544, run for each size.
type tests struct {
	*session
	sizes      []profile.Sizes
	max        pace.Rate
	duration   time.Duration
	resolution float64
	tolerance  float64
	repeat     int
	step       float64
	rate       pace.Rate // of the latency test; zero: the throughput
	maxBurst   int       // 0: 2 s of the highest rate
}

// test is one of them, for traffic of one size.
type test func(ctx context.Context, size string, tr profile.Traffic) error

func rfc2544Cmd() *cobra.Command {
	cmd := &cobra.Command{Use: "rfc2544", Short: "Throughput, latency, frame loss and back-to-back frames as in RFC 2544",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	t := &tests{session: newSession(cmd)}
	f := cmd.PersistentFlags()
	f.SortFlags = false
	f.Var(flag(&t.sizes, rfcSizes, "SIZES", parseSizeList), "sizes", "frame sizes with FCS, tested one after the other; imix and ranges too")
	f.Var(flag(&t.max, "100%", "RATE", pace.ParseRate), "max-rate", "the highest rate to try")
	f.DurationVar(&t.duration, "duration", 10*time.Second, "of a trial; RFC 2544 asks for 60s, and 120s for latency")
	f.Var(flag(&t.tolerance, "0", "PERCENT", parsePercent(0, 50)), "tolerance", "loss that passes for none; RFC 2544 allows 0")
	f.Var(flag(&t.repeat, "5", "N", parseNumber(1, 1000)), "repeat", "repetitions of latency and back-to-back; RFC 2544 asks for 20 and 50")
	f.Var(flag(&t.resolution, "0.5", "PERCENT", parsePercent(0.001, 50)), "resolution", "how close to find the throughput, as a share of the highest rate")
	f.Var(flag(&t.step, "10", "PERCENT", parsePercent(1, 50)), "step", "step of the frame loss test, as a share of the highest rate")
	f.Var(flag(&t.rate, "", "RATE", pace.ParseRate), "rate", "rate of the latency test (default the throughput, which is found first)")
	f.Var(flag(&t.maxBurst, "", "N", parseNumber(1, 1<<30)), "max-burst", "longest burst of the back-to-back test (default 2 s of the highest rate)")
	for _, c := range []struct {
		name, short string
		tests       []test
	}{
		{"throughput", "Find the highest rate without loss, by halving", []test{t.throughput}},
		{"latency", "Measure the latency at a rate", []test{t.latency}},
		{"loss", "Measure the loss from the highest rate downwards", []test{t.loss}},
		{"back-to-back", "Find the longest burst without loss", []test{t.backToBack}},
		{"all", "Run all of these tests", []test{t.throughput, t.latency, t.loss, t.backToBack}},
	} {
		cmd.AddCommand(&cobra.Command{Use: c.name, Short: c.short, RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.check(); err != nil {
				return err
			}
			return t.do(cmd, args, true, func(ctx context.Context) error { return t.each(ctx, c.tests) })
		}})
	}
	return cmd
}

func (t *tests) check() error {
	if t.max == pace.Max() || t.rate == pace.Max() {
		return fmt.Errorf("--max-rate %v, --rate %v: these tests need a number, for their trials keep a rate", t.max, t.rate)
	}
	if t.duration <= 0 {
		return fmt.Errorf("--duration %v is not above 0", t.duration)
	}
	return nil
}

// errNoRate: there is no throughput to measure at. What else was asked for goes on.
var errNoRate = errors.New("no rate passed the throughput test: give one with --rate")

// each runs tests for all sizes, one after the other.
func (t *tests) each(ctx context.Context, list []test) error {
	var missing []error
	for _, sizes := range t.sizes {
		tr, err := t.traffic.traffic(t.rig, sizes)
		if err != nil {
			return err
		}
		for _, run := range list {
			err := run(ctx, sizes.String(), tr)
			if err != nil {
				err = fmt.Errorf("size %s: %w", sizes, err)
			}
			if errors.Is(err, errNoRate) {
				missing = append(missing, err)
			} else if err != nil {
				return errors.Join(append(missing, err)...)
			}
		}
	}
	return errors.Join(missing...)
}

// search is what the tests of traffic look for.
func (t *tests) search(tr profile.Traffic) rfc2544.Search {
	return rfc2544.Search{Max: t.max.PPS(t.ports.line, tr.MeanSize()), Resolution: t.resolution, Tolerance: t.tolerance, Duration: t.duration}
}

func (t *tests) throughput(ctx context.Context, size string, tr profile.Traffic) error {
	found, err := rfc2544.FindThroughput(ctx, t.try(tr, size), t.search(tr))
	if err == nil {
		t.doc.Throughput = append(t.doc.Throughput, report.Throughput{Size: size, LinePPS: t.ports.line.PPS(tr.MeanSize()), Throughput: found})
	}
	return err
}

// latency is measured at the rate given, or at the throughput, which is found
// unless it was for this size.
func (t *tests) latency(ctx context.Context, size string, tr profile.Traffic) error {
	pps := t.rate.PPS(t.ports.line, tr.MeanSize())
	if pps == 0 {
		if n := len(t.doc.Throughput); n == 0 || t.doc.Throughput[n-1].Size != size {
			if err := t.throughput(ctx, size, tr); err != nil {
				return err
			}
		}
		pps = t.doc.Throughput[len(t.doc.Throughput)-1].PPS
	}
	if pps == 0 {
		return fmt.Errorf("latency: %w", errNoRate)
	}
	l, err := rfc2544.MeasureLatency(ctx, t.try(tr, size), pps, t.duration, t.repeat)
	if err == nil {
		t.doc.Latency = append(t.doc.Latency, report.Latency{Size: size, Latency: l})
	}
	return err
}

func (t *tests) loss(ctx context.Context, size string, tr profile.Traffic) error {
	trials, err := rfc2544.LossRates(ctx, t.try(tr, size), t.search(tr), t.step)
	if err == nil {
		t.doc.Loss = append(t.doc.Loss, report.Loss{Size: size, LinePPS: t.ports.line.PPS(tr.MeanSize()), Trials: trials})
	}
	return err
}

func (t *tests) backToBack(ctx context.Context, size string, tr profile.Traffic) error {
	b := rfc2544.Burst{PPS: t.search(tr).Max, Max: uint64(t.maxBurst), Tolerance: t.tolerance, Repeat: t.repeat}
	if b.Max == 0 {
		b.Max = uint64(2 * b.PPS)
	}
	found, err := rfc2544.FindBurst(ctx, t.try(tr, size), b)
	if err == nil {
		t.doc.BackToBack = append(t.doc.BackToBack, report.BackToBack{Size: size, BackToBack: found})
	}
	return err
}

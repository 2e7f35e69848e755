package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/ipvgen/internal/pace"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/cmd/ipvgen/internal/report"
	"ipvd/cmd/ipvgen/internal/trial"
)

// runFlags are those of a single load.
type runFlags struct {
	rate     pace.Rate
	sizes    profile.Sizes
	duration time.Duration
	count    uint64
	train    int
	capture  string
}

func runCmd() *cobra.Command {
	var r runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Send a load, receive it, and say what became of it",
		Long: `run sends until --duration or --count is over, or for ever, and receives what
comes back. With --rx alone it receives what another ipvgen sends.`,
	}
	s := newSession(cmd)
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(flag(&r.rate, "1Mpps", "RATE", pace.ParseRate), "rate", "packets per second (1.5Mpps, 20kpps, 500), a share of the line (40%), or max")
	f.Var(flag(&r.sizes, "64", "SIZES", profile.ParseSizes), "sizes",
		"frame sizes with FCS: 64, a list with weights 64:7,1518:1, a range 64-1518,\nor imix (64:7,594:4,1518:1)")
	f.DurationVar(&r.duration, "duration", 0, "how long to send, or to receive without --tx (default until interrupted)")
	f.Uint64Var(&r.count, "count", 0, "packets to send, or to receive without --tx (default any number)")
	f.Var(flag(&r.train, "1", "N", parseNumber(1, 1<<20)), "burst", "packets that leave back to back; the mean rate is kept")
	f.StringVar(&r.capture, "pcap", "", "replay the frames of a pcap or pcapng file, again and again")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if r.duration < 0 {
			return fmt.Errorf("--duration %v is negative", r.duration)
		}
		return s.do(cmd, args, false, func(ctx context.Context) error { return r.run(ctx, s) })
	}
	return cmd
}

func (r *runFlags) run(ctx context.Context, s *session) error {
	tr, size, err := r.traffic(s)
	if err != nil {
		return err
	}
	load := trial.Load{Duration: r.duration, Count: r.count, Train: r.train}
	if tr != nil {
		load.PPS = r.rate.PPS(s.ports.line, tr.MeanSize())
	}
	o, err := s.run(ctx, tr, size, load)
	if err == nil {
		s.doc.Runs = append(s.doc.Runs, report.Run{Size: size, Outcome: o})
	}
	return err
}

// traffic gives what to send, if anything, and a name for it.
func (r *runFlags) traffic(s *session) (tr profile.Traffic, size string, err error) {
	switch {
	case s.ports.tx == "":
		s.doc.Traffic = "that of another process"
		return nil, "received", nil
	case r.capture != "":
		c, err := profile.OpenCapture(r.capture, s.traffic.dstMAC)
		if err != nil {
			return nil, "", fmt.Errorf("--pcap: %w", err)
		}
		s.doc.Traffic = fmt.Sprintf("%d frames of %s", c.Len(), r.capture)
		return c, "pcap", nil
	}
	tr, err = s.traffic.traffic(s.rig, r.sizes)
	return tr, r.sizes.String(), err
}

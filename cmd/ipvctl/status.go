package main

import (
	"context"
	"errors"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

// statusPause is how long status --wait sleeps between two tries.
const statusPause = 20 * time.Millisecond

func (c *ctl) statusCmd() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "status", Args: cobra.NoArgs,
		Example: "  ipvctl -d status\n  ipvd --master eth0 & ipvctl status --wait 30s",
		Short:   "Show what runs; with -d how busy each worker is, and how fast it wakes up",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := c.daemon()
			defer d.Close()
			s, err := awaitStatus(cmd.Context(), d, wait)
			if err != nil {
				return err
			}
			return c.print(s, func(p *printer) {
				up := time.Duration(s.Uptime * float64(time.Second)).Round(time.Second)
				p.printf("ipvd %s pid %d up %v\nmasters %v\nworkers on CPUs %v\n", s.Version, s.PID, up, s.Masters, s.Workers)
				if c.details {
					if s.Telemetry != "" {
						p.printf("telemetry at %s\n", s.Telemetry)
					}
					printLoad(p, s)
				}
			})
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long, as 30s, for a daemon that is being started")
	return cmd
}

// awaitStatus asks until a daemon answers, for so long as wait says.
func awaitStatus(ctx context.Context, d *api.Client, wait time.Duration) (api.Status, error) {
	for end := time.Now().Add(wait); ; {
		s, err := d.Status(ctx)
		if !errors.Is(err, api.ErrNotRunning) || time.Until(end) <= 0 {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, err
		case <-time.After(statusPause):
		}
	}
}

func printLoad(p *printer, s api.Status) {
	var cells printer
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	cells.printf("poll %s\nCPU\tSTEPS\tWITH PACKETS\tFAULTS\tSLEEPS\tASLEEP\tWAKE P50\tWAKE P99\n", s.Poll)
	for _, l := range s.Load {
		cells.printf("%d\t%d\t%.1f%%\t%d\t%d\t%.1f%%\t%s\t%s\n", l.CPU, l.Steps, percent(l.Busy, l.Steps), l.Faults,
			l.Sleeps, 100*l.Asleep, under(l.WakeP50), under(l.WakeP99))
	}
	w.Write(cells.Bytes()) // into memory: it cannot fail
	w.Flush()
}

func percent(part, all uint64) float64 { return 100 * float64(part) / float64(max(all, 1)) }

// under is an upper bound of micros microseconds in words; 0: there is none.
func under(micros float64) string {
	if micros == 0 {
		return "-"
	}
	return "<" + time.Duration(micros*float64(time.Microsecond)).String()
}

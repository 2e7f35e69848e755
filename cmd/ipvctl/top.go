package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ipvd/cmd/internal/api"
)

// sample is what the daemon has counted at a moment.
type sample struct {
	at     time.Time
	status api.Status
	links  []api.Link
}

func (c *ctl) topCmd() *cobra.Command {
	var every time.Duration
	var count int
	cmd := &cobra.Command{
		Use: "top [--interval TIME] [-c COUNT]", Args: cobra.NoArgs,
		Short:   "Show the traffic of each link and the load of each worker, until q is pressed",
		Example: "  ipvctl top\n  ipvctl top --interval 5s -c 12 >load.txt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 50*time.Millisecond {
				return fmt.Errorf("interval %v is shorter than 50ms", every)
			}
			d := c.daemon()
			defer d.Close()
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			s, err := newScreen(c.out, stop)
			if err != nil {
				return err
			}
			defer s.close()
			return c.top(ctx, d, s, every, count)
		},
	}
	cmd.Flags().DurationVar(&every, "interval", time.Second, "time between two views")
	cmd.Flags().IntVarP(&count, "count", "c", 0, "end after so many views")
	return cmd
}

// top shows a view each interval.
func (c *ctl) top(ctx context.Context, d *api.Client, s *screen, every time.Duration, count int) error {
	before, err := take(ctx, d)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		now, err := take(ctx, d)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.view(s, &before, &now); err != nil || n == count {
			return err
		}
		before = now
	}
}

// view shows what has been going on between two samples; with -j as a line of JSON.
func (c *ctl) view(s *screen, before, now *sample) error {
	if c.json || c.pretty {
		seconds := now.at.Sub(before.at).Seconds()
		return c.print(struct {
			Seconds float64      `json:"seconds"`
			Links   []rates      `json:"links"`
			Workers []workerLoad `json:"workers"`
		}{seconds, list(linkRates(before, now, seconds)), list(workerLoads(before, now, seconds))}, nil)
	}
	var p printer
	printTop(&p, before, now)
	return s.show(p.Bytes())
}

func take(ctx context.Context, d *api.Client) (s sample, err error) {
	if s.status, err = d.Status(ctx); err != nil {
		return s, err
	}
	s.links, err = d.Links(ctx, api.LinkFilter{Stats: true})
	s.at = time.Now()
	return s, err
}

// rates are a link's packets and bits a second.
type rates struct {
	Link    string  `json:"link"`
	Rx      float64 `json:"rx_packets"`
	RxBits  float64 `json:"rx_bits"`
	RxDrops float64 `json:"rx_dropped"`
	Tx      float64 `json:"tx_packets"`
	TxBits  float64 `json:"tx_bits"`
	TxDrops float64 `json:"tx_dropped"`
}

func (r *rates) sum() float64 { return r.Rx + r.Tx + r.RxDrops + r.TxDrops }

// workerLoad is what a worker does.
type workerLoad struct {
	CPU    int     `json:"cpu"`
	Steps  float64 `json:"steps"`        // a second
	Busy   float64 `json:"with_packets"` // share of the steps, in percent
	Asleep float64 `json:"asleep"`       // share of the time, in percent
	Faults uint64  `json:"faults"`
}

func workerLoads(before, now *sample, seconds float64) (all []workerLoad) {
	for i, w := range now.status.Load {
		var was api.Worker
		if i < len(before.status.Load) {
			was = before.status.Load[i]
		}
		steps := w.Steps - was.Steps
		all = append(all, workerLoad{w.CPU, float64(steps) / seconds, percent(w.Busy-was.Busy, steps),
			min(100, max(0, 100*(w.Slept-was.Slept)/seconds)), w.Faults})
	}
	return all
}

// printTop prints what has been going on between two samples, the busiest link first.
func printTop(p *printer, before, now *sample) {
	seconds := now.at.Sub(before.at).Seconds()
	p.printf("ipvd %s pid %d up %v, %d links\n\n", now.status.Version, now.status.PID,
		time.Duration(now.status.Uptime*float64(time.Second)).Round(time.Second), len(now.links))
	var cells printer
	cells.printf("CPU\tSTEPS/S\tWITH PACKETS\tASLEEP\tFAULTS\n")
	for _, w := range workerLoads(before, now, seconds) {
		cells.printf("%d\t%s\t%.1f%%\t%.1f%%\t%d\n", w.CPU, short(w.Steps), w.Busy, w.Asleep, w.Faults)
	}
	p.table(&cells)
	p.printf("\n")
	cells.Reset()
	cells.printf("LINK\tRX/S\tRX BIT/S\tRX DROPS/S\tTX/S\tTX BIT/S\tTX DROPS/S\n")
	for _, r := range linkRates(before, now, seconds) {
		cells.printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Link, short(r.Rx), short(r.RxBits), short(r.RxDrops), short(r.Tx), short(r.TxBits), short(r.TxDrops))
	}
	p.table(&cells)
}

// linkRates are those of the links that both samples have, the busiest first.
func linkRates(before, now *sample, seconds float64) []rates {
	was := map[string]*api.Link{}
	key := func(l *api.Link) string { return fmt.Sprintf("%s/%d/%s", l.Link, l.ID, l.IfName) }
	for i := range before.links {
		was[key(&before.links[i])] = &before.links[i]
	}
	var all []rates
	for i := range now.links {
		l := &now.links[i]
		o := was[key(l)]
		if o == nil || o.Stats64 == nil || l.Stats64 == nil {
			continue
		}
		per := func(now, was uint64) float64 { return float64(now-min(was, now)) / seconds }
		a, b := l.Stats64, o.Stats64
		all = append(all, rates{linkName(l.IfName, l.Link),
			per(a.RX.Packets, b.RX.Packets), 8 * per(a.RX.Bytes, b.RX.Bytes), per(a.RX.Dropped, b.RX.Dropped),
			per(a.TX.Packets, b.TX.Packets), 8 * per(a.TX.Bytes, b.TX.Bytes), per(a.TX.Dropped, b.TX.Dropped)})
	}
	slices.SortStableFunc(all, func(a, b rates) int { return cmp.Compare(b.sum(), a.sum()) })
	return all
}

// short prints a number with three digits and a unit.
func short(n float64) string {
	for _, unit := range []string{"", "k", "M", "G"} {
		if n < 999.5 || unit == "G" {
			if unit == "" || n >= 99.95 {
				return fmt.Sprintf("%.0f%s", n, unit)
			}
			return fmt.Sprintf("%.1f%s", n, unit)
		}
		n /= 1000
	}
	return ""
}

// screen is where views go: over one another on a terminal, else one after the
// other.
type screen struct {
	out      io.Writer
	terminal int // descriptor; -1: out is none
	restore  func()
}

// newScreen takes over the terminal, if out is one; the keys q and ctrl-c call quit.
func newScreen(out io.Writer, quit func()) (*screen, error) {
	s := &screen{out: out, terminal: -1, restore: func() {}}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || !term.IsTerminal(int(os.Stdin.Fd())) {
		return s, nil
	}
	state, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return nil, fmt.Errorf("read keys from the terminal: %w", err)
	}
	s.terminal = int(f.Fd())
	s.restore = func() { _ = term.Restore(int(os.Stdin.Fd()), state) } // at the end there is nobody to tell
	io.WriteString(out, "\x1b[?1049h\x1b[?25l")                        // another screen, without a cursor
	go func() {
		key := make([]byte, 1)
		for {
			if n, err := os.Stdin.Read(key); err != nil || n > 0 && (key[0] == 'q' || key[0] == 3) {
				quit()
				return
			}
		}
	}()
	return s, nil
}

func (s *screen) show(view []byte) error {
	if s.terminal < 0 {
		_, err := s.out.Write(append(view, '\n'))
		return err
	}
	if _, height, err := term.GetSize(s.terminal); err == nil {
		if rows := bytes.SplitAfter(view, []byte("\n")); len(rows) > height {
			view = bytes.Join(rows[:height-1], nil)
		}
	}
	// Each line to its end, then what is below.
	view = bytes.ReplaceAll(view, []byte("\n"), []byte("\x1b[K\r\n"))
	_, err := fmt.Fprintf(s.out, "\x1b[H%s\x1b[J", view)
	return err
}

func (s *screen) close() {
	if s.terminal >= 0 {
		io.WriteString(s.out, "\x1b[?25h\x1b[?1049l")
	}
	s.restore()
}

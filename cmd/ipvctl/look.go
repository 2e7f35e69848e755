package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

// look adds the flags that capture and trace have in common.
func (c *ctl) look(cmd *cobra.Command, l *api.Look) {
	f := cmd.Flags()
	f.StringVar(&l.Dev, "dev", "", "a slave (NAME or MASTER/ID), MASTER/wire, MASTER/host, MASTER/punt or MASTER/return; a master's name is its wire")
	c.completePorts(cmd, "dev")
	f.IntVarP(&l.Count, "count", "c", 0, "end after so many packets")
}

// prepare completes l; words are a filter in tcpdump's language.
func (c *ctl) prepare(ctx context.Context, l *api.Look, words []string) (err error) {
	l.ID, l.Netns = rand.Text(), c.netns
	l.Program, err = compile(ctx, strings.Join(words, " "))
	return err
}

// said tells on standard error, where it is in no one's way, what has been going on.
func said(errs io.Writer, what string, end api.LookEnd, err error) error {
	if err == nil {
		fmt.Fprintf(errs, "%d packets %s, %d lost because they came too fast\n", end.Packets, what, end.Lost)
	}
	return err
}

// lines calls f with each line of an answer that goes on; run writes the answer.
func lines(f func(line []byte) error, run func(out io.Writer) (api.LookEnd, error)) (end api.LookEnd, err error) {
	from, to := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		r := bufio.NewReader(from)
		line, err := r.ReadBytes('\n')
		for ; err == nil; line, err = r.ReadBytes('\n') {
			if err = f(line); err != nil {
				break
			}
		}
		if err == io.EOF {
			err = nil
		}
		from.CloseWithError(err)
		failed <- err
	}()
	end, err = run(to)
	to.Close()
	if told := <-failed; told != nil {
		err = told // of which err, a broken pipe, is the consequence
	}
	return end, err
}

func (c *ctl) traceCmd() *cobra.Command {
	var r api.Trace
	cmd := &cobra.Command{
		Use:   "trace [--dev NAME] [-c COUNT] [FILTER]",
		Short: "Follow packets through the data plane, stage by stage; FILTER is tcpdump's",
		Example: "  ipvctl trace --dev ipvl0 -c 1 icmp\n" +
			"  ipvctl -j trace 'host 10.0.0.12 and tcp port 80'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.prepare(cmd.Context(), &r.Look, args); err != nil {
				return err
			}
			d := c.daemon()
			defer d.Close()
			started := func() { fmt.Fprintln(cmd.ErrOrStderr(), "tracing") }
			end, err := lines(c.tellPath, func(out io.Writer) (api.LookEnd, error) { return d.Trace(cmd.Context(), r, started, out) })
			return said(cmd.ErrOrStderr(), "traced", end, err)
		},
	}
	c.look(cmd, &r.Look)
	return cmd
}

// tellPath prints the path that a line is.
func (c *ctl) tellPath(line []byte) error {
	var path api.Path
	if err := json.Unmarshal(line, &path); err != nil {
		return fmt.Errorf("answer of the daemon: %w", err)
	}
	return c.print(path, func(p *printer) { printPath(p, &path) })
}

// printPath prints a line a step.
func printPath(p *printer, path *api.Path) {
	if path.Time != "" {
		p.printf("%s ", path.Time)
	}
	p.printf("from %s, %d bytes: %s\n", path.From, path.Length, path.Summary)
	for _, s := range path.Steps {
		indent := strings.Repeat("  ", s.Depth+1)
		if s.Changed != "" {
			p.printf("%s(%s)\n", indent, s.Changed)
		}
		switch {
		case s.Stage != "":
			p.printf("%s%s\n", indent, s.Stage)
		case s.To != "":
			p.printf("%s-> %s\n", indent, s.To)
		default:
			p.printf("%sdropped as %s: %s (counted in %s)\n", indent, s.Dropped, s.Meaning, s.Where)
		}
	}
	if path.More > 0 {
		p.printf("  and %d more steps\n", path.More)
	}
}

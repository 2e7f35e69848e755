package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) monitorCmd() *cobra.Command {
	var r api.Monitor
	cmd := &cobra.Command{
		Use: "monitor [--level LEVEL]", Args: cobra.NoArgs,
		Short: "Show what happens, from now on: slaves, addresses, masters, refused requests",
		Long: `Show what happens, from now on: slaves that come, move and go, their addresses,
the masters' links, requests that are refused, faults. These are the lines of the
daemon's log, whatever level it has itself; with -d also the less important ones.`,
		Example: "  ipvctl monitor\n  ipvctl -d monitor\n  ipvctl -j monitor --level warn | jq .message",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Level == "" && c.details {
				r.Level = "debug"
			}
			if err := r.Check(); err != nil {
				return err
			}
			d := c.daemon()
			defer d.Close()
			started := func() { fmt.Fprintln(cmd.ErrOrStderr(), "monitoring") }
			end, err := lines(c.tellEvent, func(out io.Writer) (api.LookEnd, error) { return d.Monitor(cmd.Context(), r, started, out) })
			if err == nil && end.Lost > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d events lost because they came too fast\n", end.Lost)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&r.Level, "level", "", "least important events: trace, debug, info, warn or error (default info)")
	return cmd
}

// tellEvent prints a line of the log: its time, level and text, then its fields.
func (c *ctl) tellEvent(line []byte) error {
	event := map[string]any{}
	if err := json.Unmarshal(line, &event); err != nil {
		return fmt.Errorf("answer of the daemon: %w", err)
	}
	return c.print(event, func(p *printer) {
		p.printf("%v %-5v %v", event["time"], event["level"], event["message"])
		for _, key := range slices.Sorted(maps.Keys(event)) {
			if !slices.Contains([]string{"time", "level", "message", "stack"}, key) {
				p.printf(" %s=%v", key, event[key])
			}
		}
		p.printf("\n")
	})
}

func (c *ctl) logCmd() *cobra.Command {
	log := &cobra.Command{Use: "log", Short: "The daemon's log", Args: verb, RunE: func(cmd *cobra.Command, _ []string) error { return c.logLevel(cmd, "") }}
	log.AddCommand(&cobra.Command{
		Use: "level [trace|debug|info|warn|error]", Short: "Show or change the least important lines that are logged, until the daemon ends",
		Args: cobra.MaximumNArgs(1), ValidArgs: api.LogLevels(), Example: "  ipvctl log level debug",
		RunE: func(cmd *cobra.Command, args []string) error { return c.logLevel(cmd, append(args, "")[0]) },
	})
	return log
}

func (c *ctl) logLevel(cmd *cobra.Command, level string) error {
	r := api.LogLevel{Level: level}
	if err := r.Check(); err != nil {
		return err
	}
	d := c.daemon()
	defer d.Close()
	now, err := d.LogLevel(cmd.Context(), r)
	if err != nil {
		return err
	}
	return c.print(now, func(p *printer) { p.printf("level %s\n", now.Level) })
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

// ctl is one call of the program.
type ctl struct {
	out    io.Writer
	socket string
	netns  string // -n: where names are looked up, empty for the caller's
	asked  bool   // the command line was right: errors are the daemon's

	stats, details, json, pretty, brief bool
}

// daemon is the daemon to ask, once the command line is understood.
func (c *ctl) daemon() *api.Client {
	c.asked = true
	return api.NewClient(c.socket)
}

// newRoot is the command tree. Every noun and verb may be cut short.
func newRoot(c *ctl) *cobra.Command {
	cobra.EnablePrefixMatching = true
	root := &cobra.Command{
		Use:           "ipvctl",
		Short:         "Control ipvd: ipvlan links, their addresses and counters",
		Args:          verb,
		SilenceErrors: true, // run prints them
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.StringVar(&c.socket, "socket", c.socket, "the daemon's socket; IPVD_SOCKET is the same")
	f.StringVarP(&c.netns, "netns", "n", "", "the network namespace of the links: name, path or pid")
	f.BoolVarP(&c.stats, "stats", "s", false, "with counters")
	f.BoolVarP(&c.details, "details", "d", false, "with details")
	f.BoolVarP(&c.brief, "brief", "b", false, "a line each; -br as with ip")
	f.BoolVarP(&c.json, "json", "j", false, "print JSON")
	f.BoolVarP(&c.pretty, "pretty", "p", false, "print JSON for people")
	root.AddCommand(c.captureCmd(), c.traceCmd(), c.explainCmd(), c.monitorCmd(), c.topCmd(), c.logCmd(), c.shareCmd())
	root.AddCommand(c.linkCmd(), c.addrCmd(), c.routeCmd(), c.neighCmd(), c.flowCmd(), c.hostCmd(), c.statsCmd(), c.verifyCmd(), c.graphCmd(), c.statusCmd())
	root.AddCommand(c.configCmd())
	return root
}

// verb refuses a word that is none of a command's verbs.
func verb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var want []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			want = append(want, sub.Name())
		}
	}
	return fmt.Errorf("%q is unknown or short for several, want %s", args[0], strings.Join(want, ", "))
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/kind"
)

// completeTimeout bounds how long a shell waits for the daemon.
const completeTimeout = 2 * time.Second

// words completes a command's line: keywords, or the names of links behind one that
// names a link.
func (c *ctl) words(keywords ...string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		last := ""
		if len(args) > 0 {
			last = args[len(args)-1]
		}
		switch last {
		case "dev", "name", "link", "master":
			return c.links(cmd.Context(), last)
		case "type":
			return []string{"ipvlan"}, cobra.ShellCompDirectiveNoFileComp
		case "mode":
			return api.Modes(), cobra.ShellCompDirectiveNoFileComp
		case "kind":
			return kind.Names(), cobra.ShellCompDirectiveNoFileComp
		}
		return slices.DeleteFunc(slices.Clone(keywords), func(w string) bool { return slices.Contains(args, w) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// links are the names that a keyword takes: masters behind link and master.
func (c *ctl) links(ctx context.Context, keyword string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	d := api.NewClient(c.socket)
	defer d.Close()
	links, err := d.Links(ctx, api.LinkFilter{Netns: c.netns})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, l := range links {
		if master := l.Link == ""; master || keyword != "link" && keyword != "master" {
			names = append(names, l.IfName)
		}
		if keyword == "port" && l.Link == "" {
			names = append(names, l.IfName+"/wire", l.IfName+"/host")
		}
		if keyword == "port" && l.Link != "" {
			names = append(names, fmt.Sprintf("%s/%d", l.Link, l.ID))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completePorts completes a flag that names a port.
func (c *ctl) completePorts(cmd *cobra.Command, flag string) {
	complete(cmd, flag, func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return c.links(cmd.Context(), "port")
	})
}

// completeStages completes a flag that names a stage, from the graph's picture.
func (c *ctl) completeStages(cmd *cobra.Command, flag string) {
	complete(cmd, flag, func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		d := api.NewClient(c.socket)
		defer d.Close()
		dot, err := d.Graph(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return stagesOf(dot), cobra.ShellCompDirectiveNoFileComp
	})
}

// stagesOf are the nodes of a graph from which packets go on to another stage.
func stagesOf(dot string) (stages []string) {
	for _, e := range edgesOf(dot) {
		if !strings.Contains(e.From, " rx ") && !slices.Contains(stages, e.From) {
			stages = append(stages, e.From)
		}
	}
	return stages
}

// complete sets how a flag is completed; the flag is there.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // a flag is misspelled in this program
	}
}

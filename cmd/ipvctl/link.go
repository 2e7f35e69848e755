package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
)

func (c *ctl) linkCmd() *cobra.Command {
	link := &cobra.Command{
		Use: "link", Aliases: []string{"l"}, Short: "Masters and slaves", Args: verb,
		RunE: func(cmd *cobra.Command, args []string) error { return c.linkShow(cmd.Context(), args) },
	}
	link.AddCommand(
		&cobra.Command{
			Use: "add link MASTER [name] NAME type ipvlan [mode l2|l3|l3s] [bridge|private|vepa] [mtu BYTES]" +
				" [netns NETNS] [force] [kind KIND …]",
			Short: "Make a slave; without a mode or flag the master keeps its own",
			Long:  kindHelp(),
			RunE:  func(cmd *cobra.Command, args []string) error { return c.linkAdd(cmd.Context(), args) },
			ValidArgsFunction: c.words("link", "name", "type", "mode", "bridge", "private", "vepa", "mtu", "netns", "kind", "devargs", "force",
				"socket", "role", "queues", "id", "secret", "trusted", "learn"),
			Example: "  ipvctl link add link eth0 ipvl0 type ipvlan mode l2\n  ipvctl link add link eth0 ipvl0 netns box type ipvlan\n" +
				"  ipvctl link add link eth0 vm0 type ipvlan kind vhost-user socket /run/vm0.sock learn",
		},
		&cobra.Command{
			Use: "set [dev] NAME type ipvlan [mode l2|l3|l3s] [bridge|private|vepa]", Aliases: []string{"change", "s"},
			Short:             "Change the mode or flag of a slave's master, for all its slaves",
			ValidArgsFunction: c.words("dev", "type", "mode", "bridge", "private", "vepa"),
			Example:           "  ipvctl link set ipvl0 type ipvlan mode l3 private",
			RunE: func(cmd *cobra.Command, args []string) error {
				// For ip, `l s` is `link set`, which says nothing on its own.
				if len(args) == 0 && cmd.CalledAs() == "s" {
					return c.linkShow(cmd.Context(), args)
				}
				return c.linkSet(cmd.Context(), args)
			},
		},
		&cobra.Command{
			Use: "del [dev] NAME|MASTER/ID", Aliases: []string{"delete"},
			Short:             "Remove a slave",
			ValidArgsFunction: c.words("dev"),
			Example:           "  ipvctl link del ipvl0\n  ipvctl link del eth0/3",
			RunE:              func(cmd *cobra.Command, args []string) error { return c.linkDel(cmd.Context(), args) },
		},
		&cobra.Command{
			Use: "show [[dev] NAME] [master MASTER]", Aliases: []string{"list", "lst", "ls"},
			Short:             "Show masters and slaves",
			ValidArgsFunction: c.words("dev", "master"),
			Example:           "  ipvctl link show\n  ipvctl -s -d link show dev ipvl0\n  ipvctl -br link",
			RunE:              func(cmd *cobra.Command, args []string) error { return c.linkShow(cmd.Context(), args) },
		},
	)
	return link
}

func (c *ctl) linkAdd(ctx context.Context, args []string) error {
	r, err := parseLinkAdd(args)
	if err != nil {
		return err
	}
	if r.Netns == "" {
		r.Netns = c.netns
	}
	d := c.daemon()
	defer d.Close()
	if _, err := d.LinkAdd(ctx, r); err != nil {
		return c.swapped(ctx, d, r, args, err)
	}
	return nil
}

// swapped explains err when the line was `link add link NAME MASTER`, which is
// easily written and found in examples.
func (c *ctl) swapped(ctx context.Context, d *api.Client, r api.LinkAdd, args []string, err error) error {
	links, showErr := d.Links(ctx, api.LinkFilter{})
	if showErr != nil {
		return err // what was wrong first
	}
	isMaster := func(name string) bool {
		return slices.ContainsFunc(links, func(l api.Link) bool { return l.Link == "" && l.IfName == name })
	}
	if isMaster(r.Master) || !isMaster(r.Name) {
		return err
	}
	right := slices.Clone(args)
	for i, word := range args {
		switch word {
		case r.Master:
			right[i] = r.Name
		case r.Name:
			right[i] = r.Master
		}
	}
	return fmt.Errorf("link and name are swapped: %s is a master, %s is not; the right line is\n  ipvctl link add %s",
		r.Name, r.Master, strings.Join(right, " "))
}

func (c *ctl) linkSet(ctx context.Context, args []string) error {
	r, err := parseLinkSet(args)
	if err != nil {
		return err
	}
	r.Netns = c.netns
	d := c.daemon()
	defer d.Close()
	return d.LinkSet(ctx, r)
}

func (c *ctl) linkDel(ctx context.Context, args []string) error {
	r, err := parseLinkDel(args)
	if err != nil {
		return err
	}
	r.Netns = c.netns
	d := c.daemon()
	defer d.Close()
	return d.LinkDel(ctx, r)
}

func (c *ctl) linkShow(ctx context.Context, args []string) error {
	f, err := parseLinkShow(args)
	if err != nil {
		return err
	}
	f.Netns, f.Details, f.Stats = c.netns, c.details, c.stats
	d := c.daemon()
	defer d.Close()
	links, err := d.Links(ctx, f)
	if err != nil {
		return err
	}
	if f.Name != "" && len(links) == 0 {
		return fmt.Errorf("link %s: %w", f.Name, unix.ENODEV)
	}
	return c.print(list(links), func(p *printer) {
		if c.brief {
			printBriefLinks(p, links)
			return
		}
		for i := range links {
			printLink(p, &links[i])
		}
	})
}

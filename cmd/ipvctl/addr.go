package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) addrCmd() *cobra.Command {
	show := func(cmd *cobra.Command, args []string) error { return c.addrShow(cmd.Context(), args) }
	addr := &cobra.Command{Use: "addr", Aliases: []string{"address", "a"}, Short: "Addresses of slaves",
		Args: verb, RunE: show}
	addr.AddCommand(
		&cobra.Command{Use: "add ADDRESS[/LENGTH] dev NAME", Short: "Give a slave an address", ValidArgsFunction: c.words("dev"), Example: "  ipvctl addr add 10.0.0.11/24 dev ipvl0",
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.addrChange(cmd.Context(), args, (*api.Client).AddrAdd)
			}},
		&cobra.Command{Use: "del ADDRESS[/LENGTH] dev NAME", Aliases: []string{"delete"}, Short: "Take an address from a slave", ValidArgsFunction: c.words("dev"), Example: "  ipvctl addr del 10.0.0.11 dev ipvl0",
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.addrChange(cmd.Context(), args, (*api.Client).AddrDel)
			}},
		&cobra.Command{Use: "show [[dev] NAME]", Aliases: []string{"list", "lst", "ls"},
			Short: "Show which slave has which address", RunE: show, ValidArgsFunction: c.words("dev"), Example: "  ipvctl addr show\n  ipvctl -br addr"},
	)
	return addr
}

func (c *ctl) addrChange(ctx context.Context, args []string,
	do func(*api.Client, context.Context, api.AddrChange) error) error {
	r, err := parseAddr(args)
	if err != nil {
		return err
	}
	r.Netns = c.netns
	d := c.daemon()
	defer d.Close()
	return do(d, ctx, r)
}

func (c *ctl) addrShow(ctx context.Context, args []string) error {
	f, err := parseAddrShow(args)
	if err != nil {
		return err
	}
	f.Netns = c.netns
	d := c.daemon()
	defer d.Close()
	addrs, err := d.Addrs(ctx, f)
	if err != nil {
		return err
	}
	return c.print(list(addrs), func(p *printer) {
		if c.brief {
			printBriefAddrs(p, addrs)
			return
		}
		printAddrs(p, addrs)
	})
}

// printAddrs prints each slave once, above its addresses.
func printAddrs(p *printer, addrs []api.Addr) {
	for i, a := range addrs {
		if i == 0 || a.Master != addrs[i-1].Master || a.ID != addrs[i-1].ID {
			p.printf("%s@%s: id %d\n", a.Link, a.Master, a.ID)
		}
		p.printf("    %s %s %s", a.Family, a.Local, a.State)
		if a.Owner != "" {
			p.printf(" owner %s", a.Owner)
		}
		p.printf(" %s\n", a.Source)
	}
}

// parseAddr reads `[local] ADDRESS[/LENGTH] dev NAME`.
func parseAddr(args []string) (r api.AddrChange, err error) {
	g := grammar{values: map[string]*string{"local": &r.Addr, "dev": &r.Name}, bare: &r.Addr}
	if err := g.parse(args); err != nil {
		return r, err
	}
	if r.Addr == "" || r.Name == "" {
		return r, errors.New("the address or its link is missing: want ADDRESS/LENGTH dev NAME")
	}
	return r, r.Check()
}

// parseAddrShow reads `[[dev] NAME]`.
func parseAddrShow(args []string) (f api.AddrFilter, err error) {
	g := grammar{values: map[string]*string{"dev": &f.Name}, bare: &f.Name}
	return f, g.parse(args)
}
